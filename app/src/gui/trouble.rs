//! Shows on the desktop why there is no window. A person who starts the program from a menu does not see
//! standard error.

use std::io::IsTerminal as _;

/// Shows a sentence in a dialog of the desktop. It was printed on standard error before.
///
/// On Linux a separate program shows the dialog, and this one does not wait for it, so nothing hangs where nobody
/// answers. Nothing is shown without a display, on a terminal, or where the desktop has no such program.
pub fn tell_desktop(text: &str) {
    if std::io::stderr().is_terminal() {
        return;
    }
    show(text);
}

#[cfg(any(windows, target_os = "macos"))]
fn show(text: &str) {
    let dialog = rfd::MessageDialog::new().set_title("Vitrine").set_level(rfd::MessageLevel::Error);
    let _ = dialog.set_description(text).show();
}

#[cfg(not(any(windows, target_os = "macos")))]
fn show(text: &str) {
    use std::process::{Command, Stdio};
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    if !set("DISPLAY") && !set("WAYLAND_DISPLAY") {
        return;
    }
    // For GNOME and most others, for KDE, and for plain X11. The desktop's portal offers no message dialog.
    let text_of_zenity = format!("--text={text}");
    let programs: [(&str, &[&str]); 3] = [
        ("zenity", &["--error", "--no-markup", "--title=Vitrine", "--width=480", &text_of_zenity]),
        ("kdialog", &["--title", "Vitrine", "--error", text]),
        ("xmessage", &["-center", "-title", "Vitrine", text]),
    ];
    for (program, arguments) in programs {
        let mut command = Command::new(program);
        let command =
            command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        if command.spawn().is_ok() {
            return;
        }
    }
}
