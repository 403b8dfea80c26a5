//! Keys: from the table of commands and the settings to the commands of a frame.

use std::collections::BTreeMap;

use eframe::egui;
use egui::{Key, KeyboardShortcut, Modifiers};

use crate::gui::command_table::{Info, TABLE};

/// Which key gives which command.
#[derive(Debug, Clone, Default)]
pub struct KeyMap {
    /// Shortcut and place in [`TABLE`], those with most modifiers first, because a shortcut also
    /// matches when Shift or Alt is held besides.
    bound: Vec<(KeyboardShortcut, usize)>,
}

impl KeyMap {
    /// The defaults with what the person has changed. The second value names what could not be used.
    pub fn new(changed: &BTreeMap<String, String>) -> (Self, Vec<String>) {
        let mut bound = Vec::new();
        let mut complaints = Vec::new();
        for (at, info) in TABLE.iter().enumerate() {
            let shortcut = match changed.get(info.id) {
                None => info.shortcut,
                Some(text) if text.is_empty() => None,
                Some(text) => parse(text).or_else(|| {
                    complaints.push(format!("'{text}' is not a key; \"{}\" keeps its default.", info.name));
                    info.shortcut
                }),
            };
            bound.extend(shortcut.map(|shortcut| (shortcut, at)));
        }
        bound.sort_by_key(|(shortcut, _)| std::cmp::Reverse(weight(shortcut.modifiers)));
        for (i, (shortcut, at)) in bound.iter().enumerate() {
            if let Some((_, other)) = bound.iter().skip(i + 1).find(|(s, _)| s == shortcut) {
                complaints.push(format!(
                    "{} is the key of \"{}\" and of \"{}\"; only the first works.",
                    text(shortcut),
                    TABLE[*at].name,
                    TABLE[*other].name
                ));
            }
        }
        (Self { bound }, complaints)
    }

    /// The key of a command, as words: "Ctrl+Shift+Z".
    pub fn text_of(&self, id: &str) -> Option<String> {
        self.bound.iter().find(|(_, at)| TABLE[*at].id == id).map(|(shortcut, _)| text(shortcut))
    }

    /// The bare key of a command, to see whether it is held.
    pub fn key_of(&self, id: &str) -> Option<Key> {
        self.bound.iter().find(|(_, at)| TABLE[*at].id == id).map(|(shortcut, _)| shortcut.logical_key)
    }

    /// A tooltip: what the command does, and its key.
    pub fn tooltip(&self, info: &Info) -> String {
        match self.text_of(info.id) {
            Some(key) => format!("{} ({key})", info.tooltip),
            None => info.tooltip.to_owned(),
        }
    }

    /// Takes this frame's keys out of the input; the commands they give, in the order in which they were
    /// pressed: in a slow frame come several, and each is for another patch. A key held down counts once a
    /// frame. While a text field has the focus, keys that write, move or edit stay with it; while another
    /// widget has, or while a menu is open, those that press or close it. Keys of commands that are not
    /// `meant` now stay in the input too.
    pub fn pressed(&self, ctx: &egui::Context, meant: impl Fn(&Info) -> bool) -> Vec<&'static Info> {
        let typing = ctx.text_edit_focused();
        let focused = ctx.memory(|memory| memory.focused().is_some()) || egui::Popup::is_any_open(ctx);
        let mut pressed: Vec<&'static Info> = Vec::new();
        ctx.input_mut(|input| {
            input.events.retain(|event| {
                let egui::Event::Key { key, modifiers, pressed: true, repeat, .. } = event else {
                    return true;
                };
                let key = self.meant(*key);
                let found = self.bound.iter().find(|(shortcut, at)| {
                    let plain = shortcut.conflicts_with_text_editing();
                    meant(&TABLE[*at])
                        && shortcut.logical_key == key
                        && modifiers.matches_logically(shortcut.modifiers)
                        && !(typing && (plain || edits_text(key)))
                        && !(focused && plain && moves_or_presses(key))
                });
                let Some((_, at)) = found else { return true };
                let info = &TABLE[*at];
                if !repeat || pressed.iter().all(|known| known.id != info.id) {
                    pressed.push(info);
                }
                false
            });
        });
        pressed
    }
}

impl KeyMap {
    /// The key that a person means: on most keyboards + is = with Shift, and people leave Shift out.
    fn meant(&self, key: Key) -> Key {
        let bound = |key: Key| self.bound.iter().any(|(shortcut, _)| shortcut.logical_key == key);
        if key == Key::Equals && !bound(Key::Equals) { Key::Plus } else { key }
    }
}

/// Whether a text field has its own use for this key with Ctrl: all, copy, paste, cut, undo, redo.
const fn edits_text(key: Key) -> bool {
    matches!(key, Key::A | Key::C | Key::V | Key::X | Key::Y | Key::Z)
}

/// Whether a focused button, slider or list wants this key for itself.
const fn moves_or_presses(key: Key) -> bool {
    matches!(
        key,
        Key::Space
            | Key::Enter
            | Key::Escape
            | Key::ArrowLeft
            | Key::ArrowRight
            | Key::ArrowUp
            | Key::ArrowDown
            | Key::Home
            | Key::End
            | Key::PageUp
            | Key::PageDown
    )
}

const fn weight(modifiers: Modifiers) -> u8 {
    modifiers.command as u8 + modifiers.shift as u8 + modifiers.alt as u8 + modifiers.ctrl as u8
}

/// A shortcut in the words of the settings file, the same on every system: "Ctrl" is the key that
/// commands are given with (⌘ on a Mac).
pub fn text(shortcut: &KeyboardShortcut) -> String {
    let mut text = String::new();
    let modifiers = shortcut.modifiers;
    for (held, word) in
        [(modifiers.command || modifiers.ctrl, "Ctrl+"), (modifiers.alt, "Alt+"), (modifiers.shift, "Shift+")]
    {
        if held {
            text.push_str(word);
        }
    }
    text.push_str(match shortcut.logical_key {
        Key::Questionmark => "?",
        other => other.name(),
    });
    text
}

/// Takes the first key out of this frame's input that could become a shortcut, with what is held besides.
/// Modifiers alone are none: somebody who presses Ctrl is about to press more.
pub fn take_pressed(input: &mut egui::InputState) -> Option<KeyboardShortcut> {
    let mut taken = None;
    input.events.retain(|event| match event {
        egui::Event::Key { key, modifiers, pressed: true, repeat: false, .. } if !is_modifier(*key) => {
            if taken.is_none() {
                let mut held = Modifiers::NONE;
                if modifiers.command || modifiers.ctrl {
                    held |= Modifiers::COMMAND;
                }
                if modifiers.alt {
                    held |= Modifiers::ALT;
                }
                // "?" is typed with Shift here and without it elsewhere.
                if modifiers.shift && !needs_shift_somewhere(*key) {
                    held |= Modifiers::SHIFT;
                }
                taken = Some(KeyboardShortcut::new(held, *key));
            }
            false
        }
        // What the key writes belongs to no field.
        egui::Event::Text(_) => false,
        _ => true,
    });
    taken
}

const fn is_modifier(key: Key) -> bool {
    matches!(
        key,
        Key::ShiftLeft
            | Key::ShiftRight
            | Key::ControlLeft
            | Key::ControlRight
            | Key::AltLeft
            | Key::AltRight
            | Key::SuperLeft
            | Key::SuperRight
            | Key::CapsLock
            | Key::NumLock
    )
}

/// Whether a key is written with Shift on many keyboards.
const fn needs_shift_somewhere(key: Key) -> bool {
    matches!(
        key,
        Key::Questionmark
            | Key::Exclamationmark
            | Key::Colon
            | Key::Plus
            | Key::Pipe
            | Key::OpenCurlyBracket
            | Key::CloseCurlyBracket
    )
}

/// Reads what [`text()`] writes.
pub fn parse(text: &str) -> Option<KeyboardShortcut> {
    let mut modifiers = Modifiers::NONE;
    let mut rest = text.trim();
    while let Some((word, after)) =
        rest.split_once('+').filter(|(word, after)| !word.is_empty() && !after.is_empty())
    {
        modifiers |= match word.trim().to_ascii_lowercase().as_str() {
            "ctrl" | "cmd" | "command" => Modifiers::COMMAND,
            "shift" => Modifiers::SHIFT,
            "alt" | "option" => Modifiers::ALT,
            _ => return None,
        };
        rest = after;
    }
    let key = Key::from_name(rest.trim()).or_else(|| Key::from_name(&rest.trim().to_uppercase()))?;
    Some(KeyboardShortcut::new(modifiers, key))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn every_default_key_can_be_written_and_read() {
        for info in TABLE {
            if let Some(shortcut) = info.shortcut {
                assert_eq!(parse(&text(&shortcut)), Some(shortcut), "{}", info.id);
            }
        }
        assert_eq!(parse("ctrl+shift+z").map(|s| text(&s)).as_deref(), Some("Ctrl+Shift+Z"));
        assert_eq!(parse("Hyper+Z"), None);
        assert_eq!(parse(""), None);
    }

    #[test]
    fn ids_are_unique_and_no_default_key_is_given_twice() {
        let mut ids: Vec<&str> = TABLE.iter().map(|info| info.id).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), TABLE.len());
        assert_eq!(KeyMap::new(&BTreeMap::new()).1, [] as [String; 0]);
    }

    #[test]
    fn changed_keys_are_used_and_mistakes_named() {
        let changed = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(id, key)| ((*id).to_owned(), (*key).to_owned())).collect::<BTreeMap<_, _>>()
        };
        let (keys, said) = KeyMap::new(&changed(&[("label.positive", "7"), ("label.negative", "")]));
        assert!(said.is_empty(), "{said:?}");
        assert_eq!(keys.text_of("label.positive").as_deref(), Some("7"));
        assert_eq!(keys.text_of("label.negative"), None);
        let (keys, said) = KeyMap::new(&changed(&[("label.positive", "N"), ("label.unlabeled", "Nonsense")]));
        assert_eq!(said.len(), 2, "{said:?}");
        assert_eq!(keys.text_of("label.unlabeled").as_deref(), Some("U"));
    }
}
