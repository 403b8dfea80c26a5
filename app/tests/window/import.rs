//! Importing: what is recognised is shown before anything is written, remedies are one press away, and
//! an import that is cancelled leaves nothing.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use eframe::egui::{DroppedFile, DroppedFileHandle, Event, HoveredFile, Modifiers, PointerButton, vec2};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use vitrine::gui::App;
use vitrine::gui::command::{Command, ImportCommand, ProjectCommand};
use vitrine::gui::model::DiskSpace;
use vitrine::gui::values::Load;
use vitrine_core::imaging::SampleSettings;
use vitrine_core::ingest::{SampleFiles, SamplePicks, sample_files};
use vitrine_core::project::{PixelType, Project};

use crate::micrographs::press;
use crate::support::{Window, drag, nine, opened, said, wait, window};

/// Three micrographs of 512 px with picks.
pub fn sample(dir: &Path) -> SampleFiles {
    let settings = SampleSettings {
        micrographs: 3,
        width: 512,
        height: 512,
        particles: 40,
        impostors: 4,
        ..SampleSettings::default()
    };
    let picks = SamplePicks { share: 0.8, ..SamplePicks::default() };
    sample_files(&dir.join("files"), 5, &settings, &picks, &mut |_| true).unwrap()
}

pub fn add(window: &mut Window, paths: &[&Path]) {
    let paths: Vec<PathBuf> = paths.iter().map(|path| path.to_path_buf()).collect();
    window.state_mut().apply(Command::Project(ProjectCommand::Dropped(paths)));
    wait(window, "the files to be recognised", |app| app.model.import.as_ref().unwrap().proposal().is_some());
}

/// Waits for the look at what stands in the form now.
pub fn look(window: &mut Window) {
    window.run_steps(6);
    wait(window, "the look", |app| app.model.import.as_ref().unwrap().look.newest().is_settled());
}

pub fn seen(app: &App) -> &vitrine_core::ingest::ImportPreview {
    &app.model.import.as_ref().unwrap().look.last().unwrap().1.preview
}

fn type_into(window: &mut Window, field: &str, text: &str) {
    window.get_by_label(field).focus();
    window.run_steps(2);
    window.get_by_label(field).type_text(text);
    window.run_steps(2);
}

#[test]
fn dropped_files_are_looked_at_then_become_a_project() {
    let dir = tempfile::tempdir().unwrap();
    let files = sample(dir.path());
    let mut window = window(None);
    let note = dir.path().join("note.xyz");
    std::fs::write(&note, "no picture").unwrap();
    add(&mut window, &[&files.micrographs, &files.picks, &note]);
    window.get_by_label("Import files");
    window.get_by_label_contains("none of the formats that are read");
    window.get_by_label("Remove note.xyz from the list").click();
    window.run_steps(3);
    wait(&mut window, "the rest to be recognised", |app| app.model.import.as_ref().unwrap().is_recognised());
    // No file says the box, and the page says where to write it; no option of the command line.
    look(&mut window);
    window.get_by_label_contains("give one under \"Box size\"");
    let folder = dir.path().join("made/apo");
    window.state_mut().model.import.as_mut().unwrap().draft.folder = folder.display().to_string();
    type_into(&mut window, "Box size", "64");
    look(&mut window);
    let preview = seen(window.state()).clone();
    assert_eq!((preview.patch_size, preview.micrographs.len()), (Some(64), 3));
    window.get_by_label(&format!("{} positive", preview.labels.positive));
    window.get_by_label("0 unlabeled");
    window.get_by_label("and at most 120 unlabeled patches from each of 3 micrographs");
    assert!(window.query_all_by_label_contains("Patch, positive, from sample_").count() > 4);
    assert!(!dir.path().join("made").exists(), "nothing is written before the button is pressed");

    window.get_by_label("Import").click();
    wait(&mut window, "the import", |app| app.model.project.is_some());
    let open = window.state().model.project.as_ref().unwrap();
    assert_eq!((open.name.as_str(), open.counts.positive), ("apo", preview.labels.positive));
    assert!(open.counts.unlabeled > 20 && open.counts.negative == 0, "{:?}", open.counts);
    assert!(window.state().model.import.is_none());
    // The notice names the thing and offers the next step.
    assert!(said(&window).contains("into apo") && said(&window).contains("Next: train"), "{}", said(&window));
    let counts = open.counts;
    drop(window);
    assert_eq!(Project::open(&folder).unwrap().label_counts().unwrap(), counts);
}

#[test]
fn the_box_is_dragged_to_size_on_a_micrograph_before_anything_is_cut() {
    let dir = tempfile::tempdir().unwrap();
    let files = sample(dir.path());
    let mut window = window(None);
    window.set_size(vec2(1400.0, 1000.0));
    add(&mut window, &[&files.micrographs, &files.picks]);
    let in_sight = |window: &Window| {
        let sight = &window.state().model.import.as_ref().unwrap().sight;
        sight.last().and_then(|(_, sight)| sight.clone())
    };
    window.run_steps(4);
    wait(&mut window, "a micrograph", |app| {
        app.model.import.as_ref().unwrap().sight.last().is_some_and(|(_, sight)| sight.is_some())
    });
    window.run_steps(2);
    let first = in_sight(&window).unwrap();
    assert!((first.at, first.of, first.size) == (0, 3, (512, 512)) && first.picks.len() > 10);
    window.get_by_label(&format!("{} (1 of 3), {} picks", first.name, first.picks.len()));
    assert!(first.pool.is_empty(), "no pool without a box");
    window.get_by_label_contains("until it is 1.5 to 2 times as wide as the particle: this is the box");

    // The edge of the square, dragged to the edge of the view: the view is 2.5 boxes wide.
    let view = window.get_by_label_contains("Close view around").rect();
    let edge = vec2(view.width() / 5.0, 0.0);
    drag(&mut window, view.center() + edge, view.center() + 2.0 * edge, Modifiers::NONE);
    let draft = window.state().model.import.as_ref().unwrap().draft.clone();
    // One twentieth of 512 px, twice as wide.
    assert!(["50", "52"].contains(&draft.box_size.as_str()), "{}", draft.box_size);
    assert_eq!(draft.bin, "1");
    look(&mut window);
    let side: usize = draft.box_size.parse().unwrap();
    assert_eq!(seen(window.state()).patch_size, Some(side), "the preview follows");
    window.get_by_label_contains(&format!("now {side} px"));

    // Where the unlabeled patches come from is seen too.
    wait(&mut window, "the pool", |app| {
        let sight = app.model.import.as_ref().unwrap().sight.last();
        sight.is_some_and(|(_, sight)| sight.as_ref().is_some_and(|sight| !sight.pool.is_empty()))
    });
    let pool = in_sight(&window).unwrap().pool.len();
    window.get_by_label_contains(&format!("{pool} unlabeled places"));

    // From its middle the square is moved, by the same px as the pointer.
    let place = |window: &Window| {
        let name = window.get_by_label_contains("Close view around").accesskit_node().label().unwrap();
        let numbers = name.trim_start_matches("Close view around ").split(';').next().unwrap().to_owned();
        let (x, y) = numbers.split_once(", ").unwrap();
        (x.parse::<f32>().unwrap(), y.parse::<f32>().unwrap())
    };
    let before = place(&window);
    let view = window.get_by_label_contains("Close view around").rect();
    drag(&mut window, view.center(), view.center() - vec2(view.width() / 5.0, 0.0), Modifiers::NONE);
    let after = place(&window);
    assert!(
        (after.0 - before.0 - side as f32 / 2.0).abs() <= 2.0 && after.1 == before.1,
        "{before:?} {after:?}"
    );
    assert_eq!(window.state().model.import.as_ref().unwrap().draft.box_size, side.to_string());
    // A click on the micrograph goes to the pick there.
    let whole = window.get_by_label_contains("Micrograph with its picks").rect();
    let (x, y) = first.picks[3];
    let zoom = whole.width() / 512.0;
    let at = whole.min + zoom * vec2(x as f32 + 2.0, y as f32);
    press(&mut window, at, PointerButton::Primary, Modifiers::NONE);
    assert_eq!(place(&window), ((x as f32).round(), (y as f32).round()));

    window.get_by_label("Next micrograph").click();
    window.run_steps(3);
    wait(&mut window, "the next", |app| {
        let sight = app.model.import.as_ref().unwrap().sight.last();
        sight.is_some_and(|(_, sight)| sight.as_ref().is_some_and(|sight| sight.at == 1))
    });
    // Another box needs no other picture.
    assert!(window.state().model.import.as_ref().unwrap().sight.pending().is_none());
}

#[test]
fn mirrored_picks_are_turned_over_with_one_press() {
    let dir = tempfile::tempdir().unwrap();
    let files = sample(dir.path());
    // The same picks counted from the bottom, as EMAN box files over converted pictures often are.
    let boxes = dir.path().join("boxes");
    std::fs::create_dir(&boxes).unwrap();
    let table = vitrine_core::formats::detect::open_picks(&files.picks).unwrap();
    for pick in &table.picks {
        let name = pick.micrograph.as_deref().unwrap();
        let stem = Path::new(name).file_stem().unwrap().to_string_lossy();
        let path = boxes.join(format!("{stem}.box"));
        let before = std::fs::read_to_string(&path).unwrap_or_default();
        let (x, y) = (pick.x - 32.0, 511.0 - pick.y - 32.0);
        std::fs::write(&path, format!("{before}{x:.0}\t{y:.0}\t64\t64\n")).unwrap();
    }
    let mut window = window(None);
    add(&mut window, &[&files.micrographs, &boxes]);
    look(&mut window);
    let form = &window.state().model.import.as_ref().unwrap().draft;
    assert_eq!((form.box_size.as_str(), form.bin.as_str()), ("64", "1"), "the picks say the box");
    assert!(seen(window.state()).mirrored);
    window.get_by_label_contains("turn on \"y counts from the bottom\"");
    window.get_by_label("Flip y").click();
    window.run_steps(2);
    wait(&mut window, "the second look", |app| {
        app.model.import.as_ref().unwrap().look.last().is_some_and(|(looked, _)| looked.request.y_up)
    });
    assert!(!seen(window.state()).mirrored);
    assert!(window.query_by_label("Flip y").is_none());
}

#[test]
fn picks_counted_on_reduced_images_are_scaled_with_one_press() {
    let dir = tempfile::tempdir().unwrap();
    let files = sample(dir.path());
    let reduced = dir.path().join("reduced.csv");
    let table = vitrine_core::formats::detect::open_picks(&files.picks).unwrap();
    let row = |pick: &vitrine_core::formats::Pick| {
        format!("{},{},{}\n", pick.micrograph.as_deref().unwrap(), pick.x / 4.0, pick.y / 4.0)
    };
    let rows: String = table.picks.iter().map(row).collect();
    std::fs::write(&reduced, format!("micrograph,x,y\n{rows}")).unwrap();
    let mut window = window(None);
    add(&mut window, &[&files.micrographs, &reduced]);
    type_into(&mut window, "Box size", "64");
    look(&mut window);
    window.get_by_label_contains("they look as if counted on a smaller image");
    window.get_by_label("Scale the picks by 4").click();
    window.run_steps(2);
    look(&mut window);
    assert_eq!(window.state().model.import.as_ref().unwrap().draft.picks_scale, "4");
    assert!(window.query_by_label_contains("they look as if counted").is_none());
    let preview = seen(window.state());
    assert!(preview.labels.positive as usize > table.picks.len() / 2, "{:?}", preview.labels);
}

#[test]
fn weak_picks_and_broken_micrographs_are_left_out_by_field_histogram_and_button() {
    let dir = tempfile::tempdir().unwrap();
    let files = sample(dir.path());
    let table = vitrine_core::formats::detect::open_picks(&files.picks).unwrap();
    let mut rows = "image_name\tx_coord\ty_coord\tscore\n".to_owned();
    for (at, pick) in table.picks.iter().enumerate() {
        let name = pick.micrograph.as_deref().unwrap();
        rows.push_str(&format!("{name}\t{}\t{}\t{}\n", pick.x, pick.y, at % 10));
    }
    let picks = dir.path().join("topaz.txt");
    std::fs::write(&picks, rows).unwrap();
    let whole = std::fs::read(files.micrographs.join("sample_001.mrc")).unwrap();
    std::fs::write(files.micrographs.join("torn.mrc"), &whole[..4000]).unwrap();
    let mut window = window(None);
    add(&mut window, &[&files.micrographs, &picks]);
    type_into(&mut window, "Box size", "64");
    look(&mut window);
    wait(&mut window, "scores", |app| {
        app.model.import.as_ref().unwrap().look.last().is_some_and(|(_, look)| look.preview.scores.is_some())
    });
    window.run_steps(2);
    let all = seen(window.state()).labels.positive;
    window.get_by_label_contains("1 of 4 micrographs cannot be used");
    window.get_by_label_contains("torn.mrc: the header declares");
    window.get_by_label("Leave them out").click();
    window.run_steps(2);
    wait(&mut window, "the look without them", |app| {
        app.model.import.as_ref().unwrap().look.last().is_some_and(|(looked, _)| looked.request.skip_bad)
    });
    // The threshold is dragged from the left to the middle of the histogram: the better half stays.
    let histogram = window.get_by_label_contains("Histogram of the scores").rect();
    let button = |pos, pressed| Event::PointerButton {
        pos,
        button: PointerButton::Primary,
        pressed,
        modifiers: Modifiers::NONE,
    };
    let from = histogram.left_center() + vec2(8.0, 0.0);
    window.hover_at(from);
    window.run_steps(1);
    window.event(button(from, true));
    window.run_steps(1);
    window.hover_at(histogram.center());
    window.run_steps(2);
    window.event(button(histogram.center(), false));
    window.run_steps(2);
    wait(&mut window, "the look above the threshold", |app| {
        app.model
            .import
            .as_ref()
            .unwrap()
            .look
            .last()
            .is_some_and(|(looked, _)| looked.request.min_score.is_some())
    });
    let preview = seen(window.state());
    assert!(preview.below_min_score > 0 && preview.labels.positive < all, "{preview:?}");
    let state = window.state().model.import.as_ref().unwrap();
    let least: f64 = state.draft.min_score.parse().unwrap();
    assert!((3.5..=5.5).contains(&least), "{least}");
    let (_, inspected) = state.look.last().unwrap();
    assert!(inspected.just_above.iter().all(|patch| patch.score.unwrap() >= least));
    assert!(!inspected.just_below.is_empty());
    assert!(inspected.just_below.iter().all(|patch| patch.score.unwrap() < least));
    window.get_by_label("The weakest that are taken");
    window.get_by_label("The best of those below");
}

#[test]
fn files_go_into_the_open_project_and_a_wrong_size_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let folder = nine(dir.path());
    let pictures = dir.path().join("more");
    let export = vitrine_core::export::ExportRequest {
        labels: vec![],
        ..vitrine_core::export::ExportRequest::new(vitrine_core::export::ExportFormat::Png, &pictures)
    };
    vitrine_core::export::export(&Project::open_read_only(&folder).unwrap(), &export, &mut |_| true).unwrap();
    let files = sample(dir.path());
    let mut window = opened(&folder);
    add(&mut window, &[&pictures]);
    look(&mut window);
    assert!(window.state().model.import.as_ref().unwrap().draft.into_open);
    // The page covers the gallery, and keys label nothing that is not seen.
    window.key_press(eframe::egui::Key::N);
    window.run_steps(2);
    assert_eq!(window.state().model.project.as_ref().unwrap().counts.negative, 1);
    // The project has them already, the page shows them once more: on the bar and among what comes.
    assert_eq!(window.query_all_by_label("2 positive").count(), 2);
    assert_eq!(window.query_all_by_label("6 unlabeled").count(), 2);
    window.get_by_label("Import").click();
    wait(&mut window, "the import", |app| app.model.project.as_ref().unwrap().len() == 18);
    assert_eq!(window.state().model.project.as_ref().unwrap().counts.positive, 4);

    // 64 px beside 16 px: a sentence in place of a look, and no way to press on.
    add(&mut window, &[&files.micrographs, &files.picks]);
    type_into(&mut window, "Box size", "64");
    window.run_steps(4);
    wait(&mut window, "the sentence", |app| {
        let look = &app.model.import.as_ref().unwrap().look;
        look.question().is_some_and(|looked| looked.request.box_size == Some(64))
            && matches!(look.newest(), Load::Failed(_))
    });
    window.get_by_label_contains("have different sizes");
    window.get_by_label("Import").click();
    window.run_steps(3);
    assert!(!window.state().model.jobs.iter().any(|job| job.title.starts_with("Importing")));
    window.get_by_label("Back to the project").click();
    window.run_steps(3);
    assert_eq!(window.state().model.project.as_ref().unwrap().len(), 18);
}

/// The sample's micrographs and picks in the form, and the folder that the project is to have.
fn sample_to_import(dir: &Path) -> (Window, PathBuf) {
    let files = sample(dir);
    let mut window = window(None);
    add(&mut window, &[&files.micrographs, &files.picks]);
    let folder = dir.join("apo");
    window.state_mut().model.import.as_mut().unwrap().draft.folder = folder.display().to_string();
    (window, folder)
}

#[test]
fn a_cancelled_import_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (mut window, folder) = sample_to_import(dir.path());
    type_into(&mut window, "Box size", "64");
    look(&mut window);
    let looked = window.state().model.import.as_ref().unwrap().look.question().unwrap().clone();
    let target = vitrine::gui::values::ImportTarget::New { dir: folder.clone(), pixels: PixelType::F32 };
    let run = ImportCommand::Run { request: Box::new(looked.request), target };
    window.state_mut().apply(Command::Import(run));
    let id = window.state().model.jobs.iter().find(|job| job.title.starts_with("Importing")).unwrap().id;
    window.state_mut().apply(Command::Window(vitrine::gui::command::WindowCommand::Cancel(id)));
    wait(&mut window, "the end", |app| !app.model.jobs.iter().any(|job| job.id == id));
    assert!(said(&window).contains("Cancelled: Importing into apo."), "{}", said(&window));
    assert!(!folder.exists());
    // The page is still there, to try again.
    window.get_by_label("Import").click();
    wait(&mut window, "the import", |app| app.model.project.is_some());
}

#[test]
fn the_room_is_told_before_anything_is_written_and_half_of_it_can_be_chosen() {
    let dir = tempfile::tempdir().unwrap();
    let (mut window, folder) = sample_to_import(dir.path());
    window.state_mut().model.import.as_mut().unwrap().draft.pool = None;
    type_into(&mut window, "Box size", "64");
    look(&mut window);
    let patches = seen(window.state()).labels.total();
    let side = seen(window.state()).patch_size.unwrap() as u64;
    wait(&mut window, "the room", |app| {
        app.model.import.as_ref().unwrap().disk_space.last().is_some_and(|(dir, _)| *dir == folder)
    });
    let takes =
        |each: u64| format!("The pixels will take {}; ", vitrine::words::bytes(patches * side * side * each));
    window.get_by_label_contains(&takes(4));
    window.get_by_label("Pixels, how they are stored").click();
    window.run_steps(3);
    window.get_by_label("16-bit float, half the space").click();
    window.run_steps(3);
    window.get_by_label_contains(&takes(2));

    // A disk that is nearly full: said, and not begun.
    let room = |window: &mut Window, free: u64| {
        let answer = DiskSpace { free: Some(free), at: std::time::Instant::now() };
        let space = &mut window.state_mut().model.import.as_mut().unwrap().disk_space;
        space.ask(folder.clone());
        space.answer(&folder, Ok(answer));
        window.run_steps(2);
    };
    room(&mut window, 1000);
    window.get_by_label_contains("only 1 kB are free on that disk. Free some space");
    window.get_by_label("It does not fit on that disk.");
    window.get_by_label("Import").click();
    window.run_steps(2);
    assert!(!window.state().model.jobs.iter().any(|job| job.title.starts_with("Importing")));
    // The pool is only an upper bound: said, but it may be tried.
    window.state_mut().model.import.as_mut().unwrap().draft.pool =
        Some(vitrine_core::ingest::PoolFrom::Blobs);
    look(&mut window);
    room(&mut window, patches * side * side * 2);
    window.get_by_label_contains("It may fit");
    room(&mut window, 1 << 40);
    window.get_by_label_contains("1.1 TB are free");
    window.get_by_label("Import").click();
    wait(&mut window, "the import", |app| app.model.project.is_some());
    let pixels = &window.state().model.project.as_ref().unwrap().pixels;
    assert_eq!(pixels.pixel_type(), PixelType::F16);
}

/// A file as the desktop hands it over.
#[derive(Debug)]
struct Dropped(PathBuf);

impl DroppedFile for Dropped {
    fn path(&self) -> &Path {
        &self.0
    }

    fn bytes(&self) -> Result<Vec<u8>, String> {
        std::fs::read(&self.0).map_err(|e| e.to_string())
    }
}

fn dropped(path: &Path) -> DroppedFileHandle {
    Arc::new(Dropped(path.to_owned()))
}

#[test]
fn what_hangs_over_the_window_is_said_and_what_is_let_go_is_looked_at() {
    let dir = tempfile::tempdir().unwrap();
    let files = sample(dir.path());
    let mut window = window(None);
    window.run_steps(2);
    let hovered = HoveredFile { path: Some(files.micrographs.clone()), ..HoveredFile::default() };
    window.input_mut().hovered_files = vec![hovered];
    window.step();
    window.input_mut().hovered_files.clear();
    window.input_mut().dropped_files = vec![dropped(&files.micrographs), dropped(&files.picks)];
    window.step();
    window.input_mut().dropped_files.clear();
    wait(&mut window, "the files to be recognised", |app| {
        app.model.import.as_ref().is_some_and(|import| import.proposal().is_some())
    });
    let import = window.state().model.import.as_ref().unwrap();
    assert_eq!(import.found().iter().filter(|found| found.kind.is_ok()).count(), 2);
    assert!(window.state().model.project.is_none(), "nothing is written before the button is pressed");

    // A project that is dropped is opened.
    let project = nine(dir.path());
    let mut window = crate::support::window(None);
    window.run_steps(2);
    window.input_mut().dropped_files = vec![dropped(&project)];
    window.step();
    window.input_mut().dropped_files.clear();
    wait(&mut window, "the project", |app| app.model.project.is_some());
    assert_eq!(window.state().model.project.as_ref().unwrap().dir, project);
}

#[test]
fn a_typed_path_does_without_any_dialog() {
    let dir = tempfile::tempdir().unwrap();
    let project = nine(dir.path());
    let mut window = window(None);
    window.run_steps(2);
    window.state_mut().states.start.path = project.display().to_string();
    window.run_steps(2);
    window.get_by_label("Open").click();
    wait(&mut window, "the project", |app| app.model.project.is_some());
    // Files too: the page of the import takes a path with Enter.
    let files = sample(dir.path());
    window.state_mut().apply(Command::Import(ImportCommand::Add(Vec::new())));
    window.run_steps(2);
    type_into(&mut window, "Path", &files.picks.display().to_string());
    window.key_press(eframe::egui::Key::Enter);
    window.run_steps(2);
    wait(&mut window, "the file to be recognised", |app| {
        app.model.import.as_ref().is_some_and(|draft| draft.paths == [files.picks.clone()])
    });
    // The next path is typed right away: picks come after micrographs.
    let second = dir.path().join("second.csv");
    std::fs::copy(&files.picks, &second).unwrap();
    window.event(eframe::egui::Event::Text(second.display().to_string()));
    window.run_steps(2);
    window.key_press(eframe::egui::Key::Enter);
    wait(&mut window, "the second file", |app| {
        app.model.import.as_ref().is_some_and(|draft| draft.paths == [files.picks.clone(), second.clone()])
    });
}
