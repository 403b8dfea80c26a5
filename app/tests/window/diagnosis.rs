//! Diagnosis: an examination of data with a fault, its findings on the screen, the corrected run, and
//! before against after.

use std::sync::Arc;

use egui_kittest::kittest::Queryable as _;
use vitrine::gui::App;
use vitrine::gui::command::{Command, ViewCommand};
use vitrine::gui::values::Tab;
use vitrine_core::Label;
use vitrine_core::diagnosis::{Depth, kinds};
use vitrine_core::learning::config::PriorConfig;
use vitrine_core::learning::config::yaml;

use crate::support::{Window, said, wait};
use crate::train::{ended, ready};

/// A window in which a configuration with the labelling rate for a prior was examined.
fn examined(dir: &std::path::Path) -> (Window, std::path::PathBuf) {
    let (mut window, folder) = ready(dir, 2);
    // 30 positives and 90 unlabeled: the rate P/(P+U), taken for π.
    window.state_mut().model.drafts.train.config.prior = PriorConfig::Given(0.25);
    window.set_size(eframe::egui::vec2(1400.0, 1800.0));
    window.state_mut().apply(Command::View(ViewCommand::Tab(Tab::Diagnosis)));
    window.run_steps(4);
    window.get_by_label("Not examined yet");
    window.state_mut().model.drafts.diagnosis.depth = Depth::Quick;
    window.get_by_label("Examine now").click();
    wait(&mut window, "the report", |app| app.model.analysis.report.is_some());
    (window, folder)
}

#[test]
fn a_finding_is_shown_applied_trained_and_compared() {
    let dir = tempfile::tempdir().unwrap();
    let (mut window, folder) = examined(dir.path());
    let report = window.state().model.analysis.report.clone().unwrap();
    let finding = report.findings.iter().find(|f| f.kind == kinds::LABELLING_RATE).unwrap();
    // What stands on the screen is what core says.
    for sentence in [&finding.what, &finding.why] {
        assert!(window.get_all_by_label(sentence).count() >= 1, "{sentence}");
    }
    window.get_by_label(&format!("Do: {}", finding.advice));
    window.get_all_by_label("prior").next().unwrap();
    window.get_all_by_label("to estimate").next().unwrap();
    // And as a diff with the finding itself.
    for line in ["- prior: 0.25", "+ prior: estimate"] {
        window.get_by_label(line);
    }
    assert!(report.corrected.as_ref().unwrap().schedule.epochs == 2);

    window.get_by_label("Apply and train").click();
    wait(&mut window, "the corrected run", |app| {
        app.model.live.as_ref().is_some_and(|live| live.name == "short_corrected-1")
    });
    assert_eq!(window.state().model.tab, Tab::Diagnosis);
    window.get_by_label("Watch it");
    // The old configuration follows by itself, to compare with.
    ended(&mut window);
    wait(&mut window, "both measured", |app| {
        let compared = app.model.analysis.comparison.last();
        compared.is_some_and(|(names, _)| *names == ["short-1", "short_corrected-1"])
    });
    window.get_by_label("Before and after");
    let comparison = window.state().model.analysis.comparison.last().unwrap().1.comparison.clone();
    let row = comparison.rows.iter().find(|row| row.key == "prior").unwrap();
    assert_eq!(row.shown(0), "0.250");
    for run in 0..2 {
        assert!(window.get_all_by_label(&row.shown(run)).count() >= 1);
    }
    window.get_by_label("Compare in full").click();
    window.run_steps(3);
    assert_eq!(window.state().model.tab, Tab::Compare);
    assert!(!said(&window).contains("did not"), "{}", said(&window));
    drop(window);
    let project = vitrine_core::project::Project::open_read_only(&folder).unwrap();
    let config = |name: &str| yaml::parse(&project.run(name).unwrap().config, name).unwrap();
    assert_eq!(config("short-1").prior, PriorConfig::Given(0.25));
    assert!(matches!(config("short_corrected-1").prior, PriorConfig::Estimate(_)));
}

#[test]
fn a_run_is_examined_with_its_epochs_and_its_correction_is_held_against_it() {
    let dir = tempfile::tempdir().unwrap();
    let (mut window, _) = ready(dir.path(), 2);
    window.state_mut().model.drafts.train.config.prior = PriorConfig::Given(0.25);
    window.run_steps(2);
    crate::train::press_train(&window);
    ended(&mut window);
    window.state_mut().apply(Command::View(ViewCommand::Tab(Tab::Diagnosis)));
    window.state_mut().model.drafts.diagnosis.depth = Depth::Quick;
    window.state_mut().model.drafts.diagnosis.run = Some("short-1".to_owned());
    window.set_size(eframe::egui::vec2(1400.0, 1800.0));
    window.run_steps(3);
    window.get_by_label("Examine now").click();
    wait(&mut window, "the report", |app| app.model.analysis.report.is_some());
    let report = window.state().model.analysis.report.clone().unwrap();
    assert_eq!(report.run.as_deref(), Some("short-1"));
    window.get_by_label("Apply and train").click();
    wait(&mut window, "the corrected run", |app| {
        app.model.live.as_ref().is_some_and(|live| live.name == "short-1_corrected-1")
    });
    assert!(window.state().model.analysis.planned.is_none(), "the run before is there already");
    ended(&mut window);
    wait(&mut window, "both measured", |app| {
        let compared = app.model.analysis.comparison.last();
        compared.is_some_and(|(names, _)| *names == ["short-1", "short-1_corrected-1"])
    });
    window.get_by_label("Before and after");
}

#[test]
fn patches_of_a_finding_that_are_hidden_are_shown_with_the_way_back() {
    let dir = tempfile::tempdir().unwrap();
    let (mut window, _) = examined(dir.path());
    // Which patches a finding names is for core to say; these are a positive and two unlabeled ones.
    let mut report = (**window.state().model.analysis.report.as_ref().unwrap()).clone();
    report.findings.truncate(1);
    report.findings[0].patches = vec![4, 5, 7];
    window.state_mut().model.analysis.report = Some(Arc::new(report));
    let shown = |app: &App| app.model.project.as_ref().unwrap().shown.ids.to_vec();
    let select = |window: &mut Window| {
        window.state_mut().apply(Command::View(ViewCommand::Tab(Tab::Diagnosis)));
        window.run_steps(3);
        window.get_by_label("Select 3 patches in the gallery").click();
        window.run_steps(3);
        assert_eq!(window.state().model.tab, Tab::Gallery);
        let open = window.state().model.project.as_ref().unwrap();
        assert_eq!(open.selection.iter().collect::<Vec<_>>(), [4, 5, 7]);
    };
    // All are shown already: nothing is rearranged, and the first of them is the current one.
    select(&mut window);
    let open = window.state().model.project.as_ref().unwrap();
    assert_eq!((open.shown.ids.len(), open.shown.current()), (120, Some(4)));
    assert!(!said(&window).contains("selected patches"), "{}", said(&window));

    window.state_mut().apply(Command::View(ViewCommand::ShowLabel(Some(Label::Positive))));
    wait(&mut window, "only positives", |app| shown(app).len() == 30);
    select(&mut window);
    wait(&mut window, "the selected ones", |app| shown(app) == [4, 5, 7]);
    assert!(
        said(&window).contains(
            "2 of the 3 selected patches were hidden by the filter. Only the selected ones are shown now."
        ),
        "{}",
        said(&window)
    );
    window.get_by_label("Filter again").click();
    wait(&mut window, "only positives again", |app| shown(app).len() == 30);
}

#[test]
fn from_a_failed_run_its_own_diagnosis_is_reached() {
    let dir = tempfile::tempdir().unwrap();
    let mut window = crate::support::opened(&crate::support::analysed(dir.path()));
    window.state_mut().apply(Command::View(ViewCommand::Tab(Tab::Train)));
    window.run_steps(2);
    // As "See the diagnosis" asks for it; a run that fails after its first epoch takes long to make.
    window.state_mut().apply(Command::View(ViewCommand::Examine("supervised_baseline-1".to_owned())));
    window.run_steps(3);
    assert_eq!(window.state().model.drafts.diagnosis.run.as_deref(), Some("supervised_baseline-1"));
}
