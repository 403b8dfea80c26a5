//! Runs side by side: table, threshold, patches, saved plots.

use egui_kittest::kittest::Queryable as _;
use vitrine::gui::App;
use vitrine::gui::command::{Command, LabelCommand, SaveCommand, ViewCommand};
use vitrine::gui::values::{LabelSource, PathPurpose, PathQuestion, Tab};
use vitrine::words;
use vitrine_core::Label;

use crate::support::{Window, analysed, opened, save_plot, small, wait};
use crate::train::{ended, ready};

#[test]
fn without_runs_the_way_to_one_is_offered() {
    let dir = tempfile::tempdir().unwrap();
    let mut window = opened(&small(dir.path()));
    window.state_mut().apply(Command::View(ViewCommand::Tab(Tab::Compare)));
    window.run_steps(3);
    window.get_by_label("No run to compare");
    window.get_by_label("Train a run").click();
    window.run_steps(3);
    assert_eq!(window.state().model.tab, Tab::Train);
}

#[test]
fn what_a_threshold_accepts_follows_threshold_and_labels() {
    let dir = tempfile::tempdir().unwrap();
    let mut window = opened(&analysed(dir.path()));
    window.set_size(eframe::egui::vec2(1400.0, 2600.0));
    window.state_mut().apply(Command::View(ViewCommand::Tab(Tab::Compare)));
    let measured = |app: &App| app.model.analysis.comparison.newest().ready().is_some();
    wait(&mut window, "the comparison", measured);
    // The accepted positives and the known recall are those of the table, whatever was shown before.
    let shown = |window: &mut Window, threshold: f64| {
        window.state_mut().states.compare.scores.threshold = threshold;
        window.run_steps(2);
        let compared = window.state().model.analysis.comparison.last().unwrap().1.comparison.clone();
        let at = compared.scores[1].as_ref().unwrap().at(threshold);
        for words in [
            words::count(at.accepted.positive),
            words::count(at.rejected.unlabeled),
            words::percent(at.known_recall.unwrap()),
        ] {
            assert!(window.query_all_by_label(&words).next().is_some(), "{words} at {threshold}");
        }
        at
    };
    let all = shown(&mut window, 0.0).accepted.positive;
    let some = shown(&mut window, 0.8).accepted.positive;
    assert!(some < all, "{some} of {all}");
    // A label changes: after another measurement the counts are those of now.
    let label = LabelCommand::SetPatches {
        patches: (0..40).step_by(4).collect(),
        label: Label::Negative,
        source: LabelSource::Selection,
    };
    window.state_mut().apply(Command::Label(label));
    window.run_steps(3);
    window.get_by_label("Measure again").click();
    wait(&mut window, "another measurement", |app| {
        let open = app.model.project.as_ref().unwrap();
        app.model.analysis.comparison.last().is_some_and(|(_, compared)| compared.journal == open.journal)
    });
    assert_eq!(shown(&mut window, 0.0).accepted.positive, all - 10);
}

#[test]
fn a_run_is_compared_with_its_baseline_and_plots_are_saved() {
    let dir = tempfile::tempdir().unwrap();
    let (mut window, _) = ready(dir.path(), 2);
    // As tall as the whole view, so that nothing is scrolled away.
    window.set_size(eframe::egui::vec2(1400.0, 2600.0));
    window.run_steps(4);
    window.get_by_label("Train with supervised baseline").click();
    window.run_steps(3);
    assert!(window.state().model.live.is_some(), "the button was not pressed");
    ended(&mut window);
    wait(&mut window, "both runs", |app| app.model.project.as_ref().unwrap().runs.len() == 2);
    ended(&mut window);
    window.state_mut().apply(Command::View(ViewCommand::Tab(Tab::Compare)));
    wait(&mut window, "the comparison", |app| {
        let analysis = &app.model.analysis;
        analysis.comparison.last().is_some_and(|(names, _)| *names == ["supervised_baseline-1", "short-1"])
            && analysis.disagreement.last().is_some()
    });
    window.run_steps(12);
    // The numbers on the screen are those of core.
    let comparison = window.state().model.analysis.comparison.last().unwrap().1.comparison.clone();
    let auc = comparison.rows.iter().find(|row| row.key == "validation_auc_pu").unwrap();
    window.get_by_label(&auc.label);
    assert!(window.get_all_by_label(&auc.shown(1)).count() >= 1);
    window.get_all_by_label("baseline").next().unwrap();
    window.get_all_by_label("risk.kind").next().unwrap();

    // At threshold 0 everything is accepted, at 1 nothing, by counts of the whole project.
    let counts = window.state().model.project.as_ref().unwrap().counts;
    let table = comparison.scores[1].clone().unwrap();
    assert_eq!(table.at(0.0).accepted, counts);
    assert_eq!(table.at(1.1).rejected, counts);
    window.state_mut().states.compare.scores.threshold = 0.0;
    window.run_steps(3);
    window.get_by_label("Barely accepted");
    window.get_by_label("No patch on this side.");
    // A patch can be clicked: it is shown in the gallery.
    let first = table.around(0.0, 1).0[0];
    let label = window.state().model.project.as_ref().unwrap().columns.labels[first as usize];
    let words = format!("Patch {first}, {}, {:.3}", label.as_str(), table.score(first).unwrap());
    window.get_by_label(&words).click();
    window.run_steps(3);
    assert_eq!(window.state().model.tab, Tab::Gallery);
    assert_eq!(window.state().model.project.as_ref().unwrap().shown.current(), Some(first));
    assert!(matches!(label, Label::Positive | Label::Unlabeled));

    // Every form of a plot.
    window.state_mut().apply(Command::View(ViewCommand::Tab(Tab::Compare)));
    window.run_steps(12);
    save_plot(&mut window, dir.path(), "auc");
    let svg = std::fs::read_to_string(dir.path().join("plots/auc.svg")).unwrap();
    assert!(
        svg.starts_with("<svg") && svg.contains("short-1") && svg.contains("baseline"),
        "{}",
        &svg[..200]
    );
    let csv = std::fs::read_to_string(dir.path().join("plots/auc.csv")).unwrap();
    // Two runs of two epochs below the heading.
    assert_eq!(csv.lines().count(), 5, "{csv}");
    let png = std::fs::read(dir.path().join("plots/auc.png")).unwrap();
    assert_eq!(&png[1..4], b"PNG");
    let width = u32::from_be_bytes([png[16], png[17], png[18], png[19]]);
    let height = u32::from_be_bytes([png[20], png[21], png[22], png[23]]);
    assert!((250..600).contains(&width) && (280..300).contains(&height), "{width}×{height}");

    // The button of the menu is no part of the picture: its corner is as empty as the margin.
    let picture = vitrine_core::formats::micrograph::open(&dir.path().join("plots/auc.png")).unwrap().image;
    let corner = (0..16).flat_map(|y| (0..50).map(move |x| (x, y)));
    let (left, ground) = (picture.width - 51, picture.at(picture.width - 1, 1));
    assert!(corner.into_iter().all(|(x, y)| (picture.at(left + x, y) - ground).abs() < 3.0));

    // Tables are copied as text, and the threshold goes on to Export.
    for (table, line) in
        [("Numbers", "Measured\tsupervised_baseline-1\tshort-1"), ("configurations", "risk.kind\t")]
    {
        window
            .get_by_label_contains(&format!(
                "Copy: {}",
                if table == "Numbers" { table } else { "Differences in configuration" }
            ))
            .click_accesskit();
        window.step();
        let copied = window.output().platform_output.commands.iter().find_map(|command| match command {
            eframe::egui::OutputCommand::CopyText(text) => Some(text.clone()),
            _ => None,
        });
        assert!(copied.as_ref().is_some_and(|text| text.contains(line)), "{table}: {copied:?}");
    }
    window.state_mut().states.compare.scores.threshold = 0.25;
    window.run_steps(2);
    window.get_by_label("Export from this threshold").click_accesskit();
    window.run_steps(4);
    assert_eq!(window.state().model.tab, Tab::Export);
    let request = window.state().model.drafts.export.request().unwrap();
    assert_eq!((request.run.as_deref(), request.threshold), (Some("short-1"), Some(0.25)));
    assert_eq!(request.labels, [Label::Positive, Label::Unlabeled], "what was found is unlabeled");
    window.state_mut().apply(Command::View(ViewCommand::Tab(Tab::Compare)));
    window.run_steps(4);

    // While other runs are measured, nobody takes the old numbers for theirs.
    window.state_mut().states.compare.left_out.insert("supervised_baseline-1".to_owned());
    window.step();
    window.get_by_label("Measuring short-1. The results below are for supervised_baseline-1, short-1.");
    window.state_mut().states.compare.left_out.clear();
    wait(&mut window, "both again", |app| {
        let analysis = &app.model.analysis;
        analysis.comparison.newest().ready().is_some()
            && analysis.comparison.question().is_some_and(|names| names.len() == 2)
    });
    window.run_steps(12);

    // In a small window the plot is scrolled away; it comes back whole before the picture is taken.
    window.set_size(eframe::egui::vec2(1400.0, 560.0));
    window.run_steps(12);
    let small = dir.path().join("plots/small.png");
    let ask = PathQuestion::new("Save the plot", small.clone(), PathPurpose::Picture("roc".to_owned()));
    window.state_mut().apply(Command::Save(SaveCommand::Ask(Box::new(ask))));
    window.run_steps(3);
    window.get_by_label("Save").click();
    wait(&mut window, "the picture in a small window", |_| small.is_file());
    let png = std::fs::read(small).unwrap();
    assert_eq!(u32::from_be_bytes([png[20], png[21], png[22], png[23]]), height, "not cut");
}
