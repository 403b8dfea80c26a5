//! What the window library does not know of the desktop: whether it is dark or light, and whether it has file dialogs. On
//! Linux both are asked of its portal.

use eframe::egui::Theme;

/// The desktop's theme according to its portal; `None` where there is no portal. The call may wait until the
/// portal has started, so it belongs on a thread of its own.
#[cfg(target_os = "linux")]
pub fn theme() -> Option<Theme> {
    use zbus::zvariant::{OwnedValue, Value};

    /// The number inside nested values. Older portals nest it once more.
    fn number(value: &Value<'_>) -> Option<u32> {
        match value {
            Value::U32(number) => Some(*number),
            Value::Value(within) => number(within),
            _ => None,
        }
    }

    let read = async {
        let bus = zbus::Connection::session().await?;
        let reply = bus
            .call_method(
                Some("org.freedesktop.portal.Desktop"),
                "/org/freedesktop/portal/desktop",
                Some("org.freedesktop.portal.Settings"),
                "Read",
                &("org.freedesktop.appearance", "color-scheme"),
            )
            .await?;
        reply.body().deserialize::<OwnedValue>()
    };
    let value = pollster::block_on(read).ok()?;
    match number(&value)? {
        1 => Some(Theme::Dark),
        // GNOME reports its light theme as "no preference", which is 0.
        0 | 2 => Some(Theme::Light),
        _ => None,
    }
}

/// Whether the desktop can show a file dialog: its portal has one, or there is `zenity`, which is asked where there is no
/// portal. The call may wait until the portal has started, so it belongs on a thread of its own.
#[cfg(target_os = "linux")]
pub fn has_file_dialogs() -> bool {
    let portal = async {
        zbus::Connection::session()
            .await?
            .call_method(
                Some("org.freedesktop.portal.Desktop"),
                "/org/freedesktop/portal/desktop",
                Some("org.freedesktop.DBus.Properties"),
                "Get",
                &("org.freedesktop.portal.FileChooser", "version"),
            )
            .await
    };
    let folders = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&folders).any(|folder| folder.join("zenity").is_file())
        || pollster::block_on(portal).is_ok()
}

/// Other systems always have file dialogs.
#[cfg(not(target_os = "linux"))]
pub fn has_file_dialogs() -> bool {
    true
}

/// Elsewhere the window library tells the theme.
#[cfg(not(target_os = "linux"))]
pub fn theme() -> Option<Theme> {
    None
}
