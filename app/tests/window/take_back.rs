//! Taking the last import back: from the notice, the palette and the page of imports; refused once a patch of it was
//! labelled; and a window that only reads follows.

use std::path::{Path, PathBuf};

use egui_kittest::kittest::Queryable as _;
use vitrine::gui::command::{Command, ImportCommand, LabelCommand, ProjectCommand, ViewCommand};
use vitrine::gui::values::{ImportTarget, LabelSource, Tab};
use vitrine_core::Label;
use vitrine_core::ingest::IngestRequest;
use vitrine_core::project::{Actor, NewPatch, Project, SourceInfo};

use crate::palette::give;
use crate::support::{Window, nine, opened, said, wait};

/// The nine patches of the project as pictures: nine more to import.
fn pictures(dir: &Path, project: &Path) -> PathBuf {
    use vitrine_core::export::{ExportFormat, ExportRequest, export};
    let folder = dir.join("more");
    let request = ExportRequest { labels: vec![], ..ExportRequest::new(ExportFormat::Png, &folder) };
    export(&Project::open_read_only(project).unwrap(), &request, &mut |_| true).unwrap();
    folder
}

/// Imports them into the open project.
fn import(window: &mut Window, pictures: &Path) {
    let request = Box::new(IngestRequest { inputs: vec![pictures.to_owned()], ..IngestRequest::default() });
    let run = ImportCommand::Run { request, target: ImportTarget::Open };
    window.state_mut().apply(Command::Import(run));
    wait(window, "the import", |app| app.model.project.as_ref().is_some_and(|open| open.len() == 18));
}

/// Waits until the project is there again with this many patches.
fn again(window: &mut Window, patches: usize) {
    wait(window, "the project without the import", |app| {
        app.model.project.as_ref().is_some_and(|open| open.len() == patches)
    });
}

#[test]
fn the_notice_of_an_import_takes_it_back() {
    let dir = tempfile::tempdir().unwrap();
    let folder = nine(dir.path());
    let pictures = pictures(dir.path(), &folder);
    let mut window = opened(&folder);
    let opening = window.state().model.project.as_ref().unwrap().opening;
    import(&mut window, &pictures);
    window.state_mut().apply(Command::Select(vitrine::gui::command::SelectCommand::Only(vec![2, 17])));
    window.run_steps(2);
    window.get_by_label("Take it back").click();
    window.run_steps(2);
    again(&mut window, 9);
    assert!(said(&window).contains("Took the last import back: 9 patches of "), "{}", said(&window));
    let open = window.state().model.project.as_ref().unwrap();
    assert!(open.opening > opening, "what is known by the number of a patch is of another opening");
    assert!(open.selection.is_empty() && open.read_only.is_none());
    assert_eq!((open.shown.ids.len(), open.counts.positive, open.sources.len()), (9, 2, 1));
    // The project takes labels and imports as before.
    window.state_mut().apply(Command::View(ViewCommand::Tab(Tab::Gallery)));
    let set =
        LabelCommand::SetPatches { patches: vec![8], label: Label::Positive, source: LabelSource::Current };
    window.state_mut().apply(Command::Label(set));
    import(&mut window, &pictures);
    drop(window);
    let project = Project::open(&folder).unwrap();
    assert_eq!((project.len(), project.label_counts().unwrap().positive), (18, 5));
}

#[test]
fn a_label_on_it_forbids_it_until_it_is_undone() {
    let dir = tempfile::tempdir().unwrap();
    let folder = nine(dir.path());
    let pictures = pictures(dir.path(), &folder);
    let mut window = opened(&folder);
    import(&mut window, &pictures);
    let set =
        LabelCommand::SetPatches { patches: vec![17], label: Label::Positive, source: LabelSource::Current };
    window.state_mut().apply(Command::Label(set));
    let opening = window.state().model.project.as_ref().unwrap().opening;
    give(&mut window, "take the last import back");
    assert!(said(&window).contains("a person has labelled 1 of its patches"), "{}", said(&window));
    assert!(said(&window).contains("undo these labels first (Ctrl+Z)"), "{}", said(&window));
    let open = window.state().model.project.as_ref().unwrap();
    assert_eq!((open.len(), open.opening), (18, opening), "it stays open as it was");
    window.state_mut().apply(Command::Label(LabelCommand::Undo));
    give(&mut window, "take the last import back");
    again(&mut window, 9);
    window.state_mut().apply(Command::Label(LabelCommand::Redo));
    window.run_steps(2);
    assert_eq!(window.state().model.project.as_ref().unwrap().counts.positive, 2, "nothing comes back");
}

#[test]
fn the_page_of_imports_names_the_last_one() {
    let dir = tempfile::tempdir().unwrap();
    let folder = nine(dir.path());
    let mut window = opened(&folder);
    window.state_mut().apply(Command::Import(ImportCommand::Add(Vec::new())));
    window.run_steps(3);
    window.get_by_label("9 patches of some.mrcs, with 1 micrograph");
    window.get_by_label("Take it back").click();
    window.run_steps(2);
    again(&mut window, 0);
    assert!(window.state().model.import.is_some(), "the page stays, for the right files");
    window.run_steps(2);
    assert!(window.query_by_label("Take it back").is_none());
    let allowed = window.state().model.allows(vitrine::gui::command_table::Needs::Imported);
    assert_eq!(allowed, Err("The project has no import that can be taken back."));
}

#[test]
fn a_window_that_only_reads_follows_when_it_reloads() {
    let dir = tempfile::tempdir().unwrap();
    let folder = nine(dir.path());
    let mut writer = Project::open(&folder).unwrap();
    let mut window = opened(&folder);
    let open = window.state().model.project.as_ref().unwrap();
    assert!(open.read_only.is_some());
    let (opening, name) = (open.opening, open.sources[0].info.path.clone());
    assert_eq!(name, Path::new("some.mrcs"));
    // As many patches as before, and none of them the same.
    writer.take_back_import(&Actor::Person("ada".into())).unwrap();
    let mut import = writer.import(16).unwrap();
    import.source(&SourceInfo::new("other.mrcs", "particle stack")).unwrap();
    for at in 0..9 {
        import.push(&NewPatch::default(), &[at as f32; 256]).unwrap();
    }
    import.commit().unwrap();
    window.state_mut().apply(Command::Project(ProjectCommand::Reload));
    wait(&mut window, "the other patches", |app| {
        app.model.project.as_ref().is_some_and(|open| open.opening > opening)
    });
    let open = window.state().model.project.as_ref().unwrap();
    assert_eq!((open.len(), open.counts.unlabeled), (9, 9));
    assert_eq!(open.sources[0].info.path, Path::new("other.mrcs"));
    let mut pixels = vec![0.0; 256];
    open.pixels.get(7, &mut pixels).unwrap();
    assert_eq!(pixels[0], 7.0);
}
