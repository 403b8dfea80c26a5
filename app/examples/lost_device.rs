//! Opens the real window on a project, takes its graphics device away while it draws, and waits until the
//! window has come back with everything in it. `scripts/window_test.sh` calls it.
//!
//! `lost_device PROJECT`

use anyhow::{Context as _, ensure};
use vitrine::gui::command::{Command, LabelCommand, SelectCommand, WindowCommand};
use vitrine::gui::run_watched;
use vitrine::gui::values::Start;
use vitrine_core::Label;

/// Frames drawn before the device goes, and after it has come back.
const FRAMES: u32 = 25;

/// How far it is.
enum Step {
    Drawing(u32),
    Lost,
    Back(u32),
}

fn main() -> anyhow::Result<()> {
    let project = std::env::args_os().nth(1).context("usage: lost_device PROJECT")?;
    let (tell, told) = std::sync::mpsc::channel();
    let mut step = Step::Drawing(0);
    let start = Start { project: Some(project.into()), ..Start::default() };
    run_watched(start, move |app| {
        let drawn = app.model.project.is_some() && app.states.gallery.coming == 0;
        let device = app.model.graphics.render_state.as_ref().map(|state| state.device.clone());
        match &mut step {
            Step::Drawing(frames) if drawn => *frames += 1,
            Step::Back(frames) if drawn => *frames += 1,
            Step::Lost if !app.model.graphics.is_lost() => step = Step::Back(0),
            _ => {}
        }
        match (&step, device) {
            (Step::Drawing(FRAMES), Some(device)) => {
                app.apply(Command::Label(LabelCommand::Set(Label::Negative)));
                device.destroy();
                step = Step::Lost;
            }
            (Step::Back(FRAMES), _) => {
                let said: Vec<_> =
                    app.model.notices.shown().iter().map(|notice| notice.text.clone()).collect();
                let counts = app.model.project.as_ref().map(|open| open.counts);
                let _ = tell.send((said, counts));
                app.apply(Command::Window(WindowCommand::Close));
            }
            _ => {}
        }
        // Asks for the next frame.
        app.apply(Command::Select(SelectCommand::Step(0)));
    })?;
    let (said, counts) = told.try_recv().context("the window closed before it had come back")?;
    ensure!(said.iter().any(|text| text.contains("device was lost")), "nothing was said of it: {said:?}");
    let counts = counts.context("the project was not open any more")?;
    println!("came back with {} negative", counts.negative);
    Ok(())
}
