//! Exporting from the window, and reading the export back.

use egui_kittest::kittest::Queryable as _;
use vitrine::gui::command::{Command, ViewCommand};
use vitrine::gui::values::Tab;
use vitrine_core::Label;
use vitrine_core::export::Manifest;
use vitrine_core::formats::detect;

use crate::support::{Window, analysed, nine, opened, said, wait};

fn counted(window: &mut Window) {
    window.run_steps(2);
    wait(window, "the counts", |app| app.model.export.preview.newest().is_settled());
}

fn export_view(window: &mut Window, out: &std::path::Path) {
    window.state_mut().apply(Command::View(ViewCommand::Tab(Tab::Export)));
    window.run_steps(2);
    window.state_mut().model.drafts.export.out = out.display().to_string();
    counted(window);
}

#[test]
fn labels_are_exported_and_come_back() {
    let dir = tempfile::tempdir().unwrap();
    let mut window = opened(&nine(dir.path()));
    let out = dir.path().join("out.npz");
    export_view(&mut window, &dir.path().join("out.star"));
    window.get_by_label("NumPy archive").click();
    window.run_steps(2);
    assert_eq!(
        window.state().model.drafts.export.out,
        out.display().to_string(),
        "the ending follows the format"
    );
    window.get_by_label("negative").click();
    counted(&mut window);
    window.get_by_label("3 patches");
    window.get_by_label("out.npz.manifest.json");
    window.get_by_label("Write the export").click();
    wait(&mut window, "the export", |app| app.model.export.written.is_some());
    assert!(said(&window).contains("Exported 3 patches to"), "{}", said(&window));
    window.get_by_label("2 positive, 1 negative, 0 unlabeled");

    // Read back: the same patches with the same labels and pixels.
    let mut back = detect::open_patches(&out).unwrap();
    let labels: Vec<_> = (0..back.reader.len()).map(|at| back.reader.info(at).label.unwrap()).collect();
    assert_eq!(labels, [Label::Positive, Label::Positive, Label::Negative]);
    let mut pixels = vec![0.0; 256];
    back.reader.read(2, &mut pixels).unwrap();
    let expected: Vec<f32> = (0..256).map(|p| ((p * 5) % 97) as f32).collect();
    assert_eq!(pixels, expected);
    let text = std::fs::read_to_string(dir.path().join("out.npz.manifest.json")).unwrap();
    let manifest: Manifest = serde_json::from_str(&text).unwrap();
    assert_eq!(manifest.total, 3);
    assert_eq!(manifest, **window.state().model.export.written.as_ref().unwrap().manifest.as_ref().unwrap());
}

#[test]
fn nothing_is_replaced_without_being_asked() {
    let dir = tempfile::tempdir().unwrap();
    let mut window = opened(&nine(dir.path()));
    let out = dir.path().join("mine.csv");
    std::fs::write(&out, "mine").unwrap();
    export_view(&mut window, &out);
    window.get_by_label("CSV table").click();
    counted(&mut window);
    window.get_by_label("exists already");
    window.get_by_label("Write the export").click();
    window.run_steps(3);
    assert_eq!(std::fs::read(&out).unwrap(), b"mine");
    window.get_by_label("Replace it").click();
    counted(&mut window);
    window.get_by_label("Write the export").click();
    wait(&mut window, "the export", |app| app.model.export.written.is_some());
    assert!(std::fs::read_to_string(&out).unwrap().starts_with("id,micrograph"));
    // Asked anew for the next one.
    counted(&mut window);
    window.get_by_label("Replace them");
    assert!(!window.state().model.drafts.export.replace);
}

#[test]
fn what_cannot_be_exported_is_a_sentence() {
    let dir = tempfile::tempdir().unwrap();
    let mut window = opened(&nine(dir.path()));
    export_view(&mut window, &dir.path().join("nowhere/deep/out.star"));
    window.get_by_label("Write the export").click();
    wait(&mut window, "the sentence", |app| !app.model.notices.shown().is_empty());
    assert!(said(&window).contains("nowhere"), "{}", said(&window));
    window.get_by_label("positive").click();
    window.run_steps(3);
    window.get_by_label("Choose at least one label.");
}

#[test]
fn by_score_newly_found_particles_are_written_too() {
    let dir = tempfile::tempdir().unwrap();
    let mut window = opened(&analysed(dir.path()));
    wait(&mut window, "the scores", |app| app.model.project.as_ref().unwrap().scores.is_some());
    export_view(&mut window, &dir.path().join("out.csv"));
    window.get_by_label("CSV table").click();
    window.get_by_label("Patches by label and the score of a run").click();
    window.run_steps(2);
    assert_eq!(window.state().model.drafts.export.labels, [true, false, true]);
    wait(&mut window, "the counts by score", |app| {
        let preview = app.model.export.preview.last();
        preview.is_some_and(|((request, _), _)| request.run.is_some() && request.labels.len() == 2)
    });
    let preview = window.state().model.export.preview.last().unwrap().1.clone();
    assert!(preview.counts.unlabeled > 0);
    let words =
        format!("{} of them are unlabeled: the run takes them for particles", preview.counts.unlabeled);
    window.get_by_label_contains(&words);
    // What was labelled stays in, and the person sees what it is.
    assert_eq!(preview.counts.positive, window.state().model.project.as_ref().unwrap().counts.positive);
    window.run_steps(2);
    window.get_by_label("Barely written");
    window.get_by_label("First to stay");
    if preview.kept_for_label > 0 {
        window.get_by_label("Written for their label");
    }
    window.get_by_label("Keep labelled patches whatever their score").click();
    counted(&mut window);
    let alone = window.state().model.export.preview.last().unwrap().1.clone();
    assert_eq!(alone.counts.positive + preview.kept_for_label, preview.counts.positive);
    // A person may leave them out; by label alone they were never in.
    window.get_by_label("unlabeled").click();
    window.run_steps(2);
    assert_eq!(window.state().model.drafts.export.labels, [true, false, false]);
    window.get_by_label("Patches by label").click();
    window.run_steps(2);
    assert_eq!(window.state().model.drafts.export.labels, [true, false, false]);
}

#[test]
fn counts_and_button_are_on_the_screen_in_a_small_window() {
    let dir = tempfile::tempdir().unwrap();
    let mut window = opened(&nine(dir.path()));
    window.set_size(eframe::egui::vec2(900.0, 520.0));
    export_view(&mut window, &dir.path().join("out.star"));
    for label in ["Write the export", "2 patches"] {
        assert!(window.get_by_label(label).rect().bottom() <= 520.0, "{label}");
    }
}

/// What nobody says is asked for in the form, and what is typed stands in the table.
#[test]
fn the_form_asks_for_the_optics_that_the_sources_do_not_say() {
    let dir = tempfile::tempdir().unwrap();
    let mut window = opened(&nine(dir.path()));
    let out = dir.path().join("out.star");
    export_view(&mut window, &out);
    window.get_by_label_contains("sources do not say the voltage, spherical aberration");
    window.get_by_label("What the sources do not say");
    let draft = &mut window.state_mut().model.drafts.export.micrographs;
    draft.voltage = "300".to_owned();
    draft.spherical_aberration = "2.7".to_owned();
    draft.amplitude_contrast = "0.1".to_owned();
    draft.pixel_size = "1.77".to_owned();
    counted(&mut window);
    assert!(window.query_by_label_contains("the sources do not say the").is_none());
    // What was typed stays to be seen.
    window.get_by_label("What the sources do not say");
    window.get_by_label("Write the export").click();
    wait(&mut window, "the export", |app| app.model.export.written.is_some());
    let text = std::fs::read_to_string(&out).unwrap();
    assert!(text.contains("_rlnVoltage") && text.contains(" 300"), "{text}");
    // A word where a number belongs is no request.
    window.state_mut().model.drafts.export.micrographs.voltage = "3oo".to_owned();
    window.run_steps(3);
    window.get_by_label("a number from 10 to 2000");
}
