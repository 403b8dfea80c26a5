//! The score map over a micrograph, with a real network.

use vitrine::gpu::colour_map::ColourMap;
use vitrine::gui::command::PickCommand;
use vitrine::gui::values::MapKey;

use super::*;

fn key(micrograph: i64) -> MapKey {
    MapKey { micrograph: MicrographId(micrograph), run: "general-1".to_owned(), epoch: 0 }
}

#[test]
fn the_score_map_is_laid_over_the_micrograph_and_kept() {
    let dir = tempfile::tempdir().unwrap();
    let mut window = shown(&general(dir.path()));
    window.key_press(Key::H);
    wait(&mut window, "the map", |app| app.model.picks.maps.of(&key(1)).ready().is_some());
    window.get_by_label("Colours of the score map");
    let map =
        window.state().model.picks.maps.of(&key(1)).ready().map(|map| std::sync::Arc::clone(map)).unwrap();
    assert!(map.logits.columns > 40 && map.logits.rows > 30, "{} × {}", map.logits.columns, map.logits.rows);
    // Every place that picking proposes is a peak of it.
    window.get_by_label("Pick this one").click();
    wait(&mut window, "the picks", |app| {
        app.model.picks.found.last().is_some_and(|(_, found)| found.is_some())
    });
    let found = window.state().model.picks.found.last().unwrap().1.clone().unwrap();
    assert!(!found.places.is_empty());
    for place in &found.places {
        let near = |at: f64| ((at + 0.5 - map.first) / map.step).round() as usize;
        let (column, row) = (near(place.x), near(place.y));
        let here = map.logits.at(column, row);
        let around = (row - 1..=row + 1).flat_map(|y| (column - 1..=column + 1).map(move |x| (x, y)));
        let higher = around.filter(|&(x, y)| map.logits.at(x, y) > here).count();
        assert_eq!(higher, 0, "{place:?} lies beside a higher place of the map");
    }
    // Another micrograph has its own; the first one's is still there.
    window.key_press(Key::Period);
    wait(&mut window, "the second map", |app| app.model.picks.maps.of(&key(2)).ready().is_some());
    assert!(window.state().model.picks.maps.of(&key(1)).ready().is_some());
    window.state_mut().apply(Command::Pick(PickCommand::MapColours(ColourMap::Viridis)));
    window.run_steps(2);
    assert!(window.state().model.picks.maps.of(&key(2)).ready().is_some(), "other colours compute nothing");
    window.key_press(Key::H);
    window.run_steps(2);
    assert!(!window.state().model.picks.maps.shown);
    assert!(!said(&window).contains("core map"), "{}", said(&window));
    close(window);
}

#[test]
fn why_there_is_no_map_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let folder = found_but_damaged(dir.path());
    let mut window = shown(&folder);
    window.key_press(Key::H);
    let slide = MapKey { micrograph: MicrographId(1), run: "slide-1".to_owned(), epoch: 1 };
    wait(&mut window, "the failure", |app| matches!(app.model.picks.maps.of(&slide), Load::Failed(_)));
    window.get_by_label_contains("It could not be read: ");
    close(window);
    // Without a run there is nothing to show.
    let mut window = shown(&picked(&dir.path().join("other")));
    window.key_press(Key::H);
    window.run_steps(2);
    assert!(
        said(&window).contains("No run of this project has a network that can pick"),
        "{}",
        said(&window)
    );
}
