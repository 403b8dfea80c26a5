//! The whole way of a person through the window, by clicks and keys alone: the sample, labels, a filter, a
//! run with its baseline, the comparison, an export that is read back.

use eframe::egui::accesskit::Role;
use eframe::egui::{Key, Modifiers};
use egui_kittest::kittest::Queryable as _;
use vitrine::gui::jobs::{GatePlace, JobKind};
use vitrine::words;
use vitrine_core::formats::detect;
use vitrine_core::{Label, LabelCounts};

use crate::support::{Window, said, wait, window};
use crate::train::ended;

fn counts(window: &Window) -> LabelCounts {
    window.state().model.project.as_ref().unwrap().counts
}

fn press(window: &mut Window, modifiers: Modifiers, key: Key) {
    window.key_press_modifiers(modifiers, key);
    window.run_steps(3);
}

/// Types `text` over what the first field of that name holds.
fn type_over(window: &mut Window, field: &str, text: &str) {
    // The sample's folder comes before that of another project to open.
    window.get_all_by_role_and_label(Role::TextInput, field).next().unwrap().focus();
    window.run_steps(2);
    press(window, Modifiers::COMMAND, Key::A);
    window.get_all_by_role_and_label(Role::TextInput, field).next().unwrap().type_text(text);
    window.run_steps(2);
}

#[test]
fn from_the_sample_to_an_export_by_clicks_and_keys() {
    let dir = tempfile::tempdir().unwrap();
    let mut window = window(None);
    window.run_steps(3);
    type_over(&mut window, "Folder", &dir.path().join("sample").display().to_string());
    // The run that begins by itself would compete for the processor: it is stopped before it computes anything.
    let gate = window.state_mut().hold_job(JobKind::Train, GatePlace::BeforeWork);
    window.get_by_label("Open the sample").click();
    wait(&mut window, "the sample", |app| app.model.project.is_some());
    assert!(said(&window).contains("A quick run trains on it in the background"), "{}", said(&window));
    window.get_by_label("Stop the run").click();
    window.run_steps(3);
    gate.open();
    wait(&mut window, "the end of the quick run", |app| {
        app.model.live.as_ref().is_some_and(|live| !live.is_running())
    });
    let before = counts(&window);
    window.get_by_label(&format!("{} positive", words::count(before.positive)));

    // Labelled by keys from the end, where the unlabeled pool is; the last one taken back.
    press(&mut window, Modifiers::NONE, Key::End);
    press(&mut window, Modifiers::NONE, Key::N);
    press(&mut window, Modifiers::NONE, Key::ArrowLeft);
    press(&mut window, Modifiers::NONE, Key::P);
    let both = counts(&window);
    assert_eq!((both.positive, both.negative), (before.positive + 1, 1));
    press(&mut window, Modifiers::COMMAND, Key::Z);
    let labelled = counts(&window);
    assert_eq!((labelled.positive, labelled.negative), (before.positive, 1));
    window.get_by_label("1 negative");

    // Filtered by the menu, and taken back by the chip.
    window.get_by_label("Filter").click();
    window.run_steps(3);
    window.get_by_role_and_label(Role::CheckBox, "positive").click();
    wait(&mut window, "the filter", |app| {
        app.model.project.as_ref().unwrap().shown.ids.len() as u64 == labelled.positive
    });
    press(&mut window, Modifiers::NONE, Key::Escape);
    window.get_by_label_contains(" shown");
    window.get_by_label("Remove filter: positive").click();
    let all = before.positive + before.unlabeled;
    wait(&mut window, "all", |app| app.model.project.as_ref().unwrap().shown.ids.len() as u64 == all);

    // A short run on the processor, after its baseline.
    press(&mut window, Modifiers::COMMAND, Key::Num2);
    wait(&mut window, "the devices", |app| app.model.devices.ready().is_some());
    let cpu = window.state().model.devices.ready().unwrap().iter().find(|d| d.id == "cpu").cloned().unwrap();
    window.get_by_role_and_label(Role::ComboBox, "Device").click_accesskit();
    window.run_steps(4);
    window.get_all_by_label(&format!("{} ({})", cpu.name, cpu.kind)).last().unwrap().click_accesskit();
    window.run_steps(4);
    window.get_by_role_and_label(Role::ComboBox, "Preset").click_accesskit();
    window.run_steps(4);
    window.get_all_by_label("pu_only").last().unwrap().click_accesskit();
    window.run_steps(4);
    window.get_by_role_and_label(Role::SpinButton, "Epochs").set_value_accesskit(2.0);
    window.run_steps(3);
    window.get_by_role_and_label(Role::CheckBox, "estimate").click_accesskit();
    window.run_steps(3);
    window.get_by_label("Train with supervised baseline").click();
    wait(&mut window, "the baseline", |app| {
        app.model.live.as_ref().is_some_and(|live| live.name == "supervised_baseline-1")
    });
    window.get_by_label("then pu_only_changed");
    wait(&mut window, "an epoch", |app| app.model.live.as_ref().is_some_and(|live| !live.epochs.is_empty()));
    window.get_by_label("Validation AUC");
    wait(&mut window, "the second run", |app| {
        app.model.live.as_ref().is_some_and(|live| live.name == "pu_only_changed-1")
    });
    ended(&mut window);
    assert!(said(&window).contains("The run pu_only_changed-1 has ended"), "{}", said(&window));

    // Compared.
    press(&mut window, Modifiers::COMMAND, Key::Num3);
    wait(&mut window, "the comparison", |app| {
        let compared = app.model.analysis.comparison.last();
        compared.is_some_and(|(names, _)| *names == ["supervised_baseline-1", "pu_only_changed-1"])
    });
    let comparison = window.state().model.analysis.comparison.last().unwrap().1.comparison.clone();
    let auc = comparison.rows.iter().find(|row| row.key == "validation_auc_pu").unwrap();
    window.get_by_label(&auc.label);
    window.get_all_by_label(&auc.shown(1)).next().unwrap();

    // Exported and read back.
    press(&mut window, Modifiers::COMMAND, Key::Num4);
    let out = dir.path().join("out.npz");
    window.get_by_label("NumPy archive").click();
    window.run_steps(3);
    window.get_by_role_and_label(Role::CheckBox, "negative").click();
    window.run_steps(3);
    type_over(&mut window, "File", &out.display().to_string());
    wait(&mut window, "the counts", |app| {
        app.model.export.preview.last().is_some_and(|((request, _), _)| request.out == out)
    });
    window.get_by_label("Write the export").click();
    wait(&mut window, "the export", |app| app.model.export.written.is_some());
    let back = detect::open_patches(&out).unwrap();
    let labels: Vec<_> = (0..back.reader.len()).map(|at| back.reader.info(at).label.unwrap()).collect();
    let of = |label| labels.iter().filter(|found| **found == label).count() as u64;
    // What NumPy archives call unlabeled is all that is not labelled; the form was asked for the labelled.
    assert_eq!((of(Label::Positive), of(Label::Negative)), (labelled.positive, 1));
}
