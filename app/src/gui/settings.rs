//! The user's settings, a JSON file in the user's configuration folder.
//!
//! The file is written atomically, a moment after the last change and when the window closes. A file that cannot
//! be parsed is renamed and never overwritten, and the window says so. Keys that a newer version has written are
//! kept.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use vitrine_core::atomic::write_atomically;
use vitrine_core::cluster::Clusters;

use crate::gpu::look::Look;
use crate::gui::drafts::{KeptConfig, KeptPicks, KeptRun};
use crate::gui::values::{Edge, Order, SidePanel, Tab, Theme};

/// The settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Recent projects, the last one first.
    pub recent: Vec<PathBuf>,
    /// Folders in which files were chosen, the last one first.
    pub recent_folders: Vec<PathBuf>,
    /// Whether files are always chosen in the window's own file browser.
    pub own_browser: bool,
    /// Light or dark.
    pub theme: Theme,
    /// Scale of the whole window; 1 is normal.
    pub scale: f32,
    /// Keys that differ from the default: id of the command → "Ctrl+Shift+Z", empty for no key.
    pub keys: BTreeMap<String, String>,
    /// Sizes of panels in points, by the panel's name.
    pub panels: BTreeMap<String, f32>,
    /// Panels that are hidden, by name: those beside the gallery, and [`ROAD`].
    pub hidden: BTreeSet<String>,
    /// Edges of the panels beside the gallery, by name, where the user has moved them.
    pub docks: BTreeMap<String, Edge>,
    /// Whether foldable parts are open, by name, where the user has folded or opened them.
    pub folds: BTreeMap<String, bool>,
    /// Inner size of the window in points, when it does not fill the screen.
    pub window: Option<[f32; 2]>,
    /// Its upper left corner in points; `None` where the system does not tell.
    pub position: Option<[f32; 2]>,
    /// Whether it fills the screen.
    pub maximised: bool,
    /// View state of each recent project, by its folder. It is kept as raw JSON, because a newer version may
    /// store other values.
    pub views: BTreeMap<String, serde_json::Value>,
    /// Whether labelling the current patch goes on to the next.
    pub auto_advance: bool,
    /// Side of a patch in the gallery, points.
    pub patch_side: f32,
    /// Display settings of patches.
    pub look: Look,
    /// Keys of a newer version.
    #[serde(flatten)]
    pub others: BTreeMap<String, serde_json::Value>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            recent: Vec::new(),
            recent_folders: Vec::new(),
            own_browser: false,
            theme: Theme::System,
            scale: 1.0,
            keys: BTreeMap::new(),
            panels: BTreeMap::new(),
            hidden: BTreeSet::new(),
            docks: BTreeMap::new(),
            folds: BTreeMap::new(),
            window: None,
            position: None,
            maximised: false,
            views: BTreeMap::new(),
            auto_advance: true,
            patch_side: 96.0,
            look: Look::default(),
            others: BTreeMap::new(),
        }
    }
}

/// The rail of steps among what is hidden.
pub const ROAD: &str = "road";

/// Recent projects, and recent folders, kept.
const MAX_RECENT: usize = 12;

impl Settings {
    /// Puts a project first among the recent ones.
    pub fn opened(&mut self, dir: &Path) {
        let dir = std::path::absolute(dir).unwrap_or_else(|_| dir.to_owned());
        self.recent.retain(|known| *known != dir);
        self.recent.insert(0, dir);
        self.recent.truncate(MAX_RECENT);
        let recent: BTreeSet<String> = self.recent.iter().map(|dir| key_of(dir)).collect();
        self.views.retain(|dir, _| recent.contains(dir));
    }

    /// Puts a folder first among those in which files were chosen.
    pub fn chose_in(&mut self, folder: &Path) {
        let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
        self.recent_folders.retain(|known| *known != folder);
        self.recent_folders.insert(0, folder);
        self.recent_folders.truncate(MAX_RECENT);
    }

    /// The view state of the project in this folder.
    pub fn view_of(&self, dir: &Path) -> Option<ProjectView> {
        ProjectView::deserialize(self.views.get(&key_of(dir))?).ok()
    }

    /// Stores the view state of the project in this folder.
    pub fn keep_view(&mut self, dir: &Path, view: &ProjectView) {
        if let Ok(value) = serde_json::to_value(view) {
            self.views.insert(key_of(dir), value);
        }
    }

    /// The edge at which a panel lies.
    pub fn edge_of(&self, panel: SidePanel) -> Edge {
        self.docks.get(panel.key()).copied().unwrap_or(panel.first_edge())
    }

    /// Moves the panels at the left to the right and vice versa.
    pub fn swap_sides(&mut self) {
        for panel in SidePanel::ALL {
            self.docks.insert(panel.key().to_owned(), self.edge_of(panel).opposite());
        }
    }

    /// The defaults; the recent projects and the window's size and position stay.
    pub fn reset(&mut self) {
        let old = std::mem::take(self);
        self.recent = old.recent;
        self.recent_folders = old.recent_folders;
        self.views = old.views;
        self.window = old.window;
        self.position = old.position;
        self.maximised = old.maximised;
        self.others = old.others;
    }

    /// Undoes a [`Settings::reset`]: restores `old`, but keeps projects opened since.
    pub fn restore(&mut self, old: Self) {
        let now = std::mem::replace(self, old);
        self.recent = now.recent;
        self.recent_folders = now.recent_folders;
        self.views = now.views;
        self.window = now.window;
        self.position = now.position;
        self.maximised = now.maximised;
    }

    /// Replaces values that cannot be drawn by the defaults.
    fn made_sane(mut self) -> Self {
        let within = |value: f32, low: f32, high: f32, normal: f32| {
            if value.is_finite() { value.clamp(low, high) } else { normal }
        };
        self.scale = within(self.scale, 0.5, 3.0, 1.0);
        self.patch_side = within(self.patch_side, 24.0, 512.0, 96.0);
        self.look = self.look.made_sane();
        self.panels.retain(|_, size| size.is_finite() && (20.0..4000.0).contains(size));
        self.window = self.window.filter(|size| size.iter().all(|side| (200.0..20_000.0).contains(side)));
        self.position =
            self.position.filter(|at| at.iter().all(|place| (-50_000.0..50_000.0).contains(place)));
        self
    }
}

/// A project's folder as a key of the settings file.
fn key_of(dir: &Path) -> String {
    std::path::absolute(dir).unwrap_or_else(|_| dir.to_owned()).to_string_lossy().into_owned()
}

/// View state of a project.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ProjectView {
    /// When the project was made. Another time means another project in the same folder.
    pub created: String,
    /// The tab shown.
    pub tab: Tab,
    /// Sorting and filter of the gallery.
    pub order: Order,
    /// The configuration in the Train form, where it was edited or chosen.
    pub train: Option<KeptConfig>,
    /// Run, threshold and distance with which the Micrographs view shows picks.
    pub picks: Option<KeptPicks>,
    /// The runs that waited in the queue.
    pub queue: Vec<KeptRun>,
}

/// The settings file and its last written content.
#[derive(Debug)]
pub struct SettingsFile {
    path: Option<PathBuf>,
    /// The content of the file.
    written: Settings,
    /// When the settings began to differ from the file.
    changed: Option<Instant>,
    /// Settings that could not be written. They are not tried again before the next change.
    failed: Option<Settings>,
}

/// How long after a change the file is written.
const WRITE_DELAY: Duration = Duration::from_millis(700);

impl SettingsFile {
    /// Reads the settings. Without a path they last as long as the window. The last value is a sentence to show
    /// when the file could not be used.
    pub fn load(path: Option<PathBuf>) -> (Self, Settings, Option<String>) {
        let (settings, said) = match &path {
            Some(path) => read(path),
            None => (Settings::default(), None),
        };
        (Self { path, written: settings.clone(), changed: None, failed: None }, settings, said)
    }

    /// The path of the file; `None` when settings are not kept.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Called every frame: writes a moment after the last change; `now` writes at once. Returns when
    /// to be called again, or a sentence when it could not be written.
    ///
    /// # Errors
    /// The sentence, once per change.
    pub fn keep(&mut self, settings: &Settings, now: bool) -> Result<Option<Duration>, String> {
        if *settings == self.written || self.failed.as_ref() == Some(settings) {
            self.changed = None;
            return Ok(None);
        }
        let waited = self.changed.get_or_insert_with(Instant::now).elapsed();
        if !now && waited < WRITE_DELAY {
            return Ok(Some(WRITE_DELAY - waited));
        }
        self.changed = None;
        if let Some(path) = &self.path
            && let Err(error) = write(path, settings)
        {
            self.failed = Some(settings.clone());
            return Err(format!("Your settings could not be saved: {error}."));
        }
        self.written = settings.clone();
        self.failed = None;
        Ok(None)
    }
}

fn write(path: &Path, settings: &Settings) -> anyhow::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|e| vitrine_core::Error::io("create", folder, e))?;
    }
    write_atomically(path, serde_json::to_string_pretty(settings)?.as_bytes())?;
    Ok(())
}

fn read(path: &Path) -> (Settings, Option<String>) {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return (Settings::default(), None),
        Err(e) => return (Settings::default(), Some(set_aside(path, &e.to_string()))),
    };
    match serde_json::from_str::<Settings>(&text) {
        Ok(settings) => (settings.made_sane(), None),
        Err(e) => (Settings::default(), Some(set_aside(path, &e.to_string()))),
    }
}

/// Renames a file that cannot be parsed, so that it is neither lost nor overwritten; returns a sentence for the
/// user.
fn set_aside(path: &Path, why: &str) -> String {
    let aside = (1..1000)
        .map(|n| path.with_extension(format!("unreadable-{n}.json")))
        .find(|aside| !aside.exists())
        .unwrap_or_else(|| path.with_extension("unreadable.json"));
    match std::fs::rename(path, &aside) {
        Ok(()) => format!(
            "The settings in {} cannot be read ({why}). They are kept as {}, and the window starts with the defaults.",
            path.display(),
            aside.file_name().unwrap_or_default().to_string_lossy()
        ),
        Err(e) => format!(
            "The settings in {} cannot be read ({why}) nor moved aside ({e}). The window starts with the defaults.",
            path.display()
        ),
    }
}

/// The clusters of this person: files beside the settings.
pub fn clusters_beside(settings: &Path) -> Clusters {
    Clusters::in_folder(settings.with_file_name("clusters"))
}

/// The settings file in the folder that the system provides for settings. `VITRINE_CONFIG_DIR` overrides the
/// folder. `None` where the system has no home folder.
pub fn default_path() -> Option<PathBuf> {
    let var = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let folder = var("VITRINE_CONFIG_DIR").or_else(|| {
        if cfg!(windows) {
            var("APPDATA").map(|dir| dir.join("Vitrine"))
        } else if cfg!(target_os = "macos") {
            crate::words::home().map(|home| home.join("Library/Application Support/Vitrine"))
        } else {
            var("XDG_CONFIG_HOME")
                .filter(|dir| dir.is_absolute())
                .or_else(|| crate::words::home().map(|home| home.join(".config")))
                .map(|dir| dir.join("vitrine"))
        }
    })?;
    Some(folder.join("settings.json"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn settings_come_back_as_they_were() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("deep/settings.json");
        let (mut file, mut settings, said) = SettingsFile::load(Some(path.clone()));
        assert!(said.is_none());
        settings.theme = Theme::Light;
        settings.opened(Path::new("/data/apo"));
        settings.keys.insert("label.positive".to_owned(), "Ctrl+1".to_owned());
        assert!(file.keep(&settings, false).unwrap().is_some(), "written a moment later, not now");
        assert!(!path.exists());
        file.keep(&settings, true).unwrap();
        let (_, again, said) = SettingsFile::load(Some(path));
        assert!(said.is_none());
        assert_eq!(again, settings);
    }

    #[test]
    fn a_broken_file_is_said_and_kept() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("settings.json");
        std::fs::write(&path, "{ \"scale\": 1.5,").unwrap();
        let (mut file, settings, said) = SettingsFile::load(Some(path.clone()));
        assert_eq!(settings, Settings::default());
        assert!(said.unwrap().contains("settings.unreadable-1.json"));
        file.keep(&Settings { scale: 2.0, ..settings }, true).unwrap();
        let aside = std::fs::read_to_string(dir.path().join("settings.unreadable-1.json")).unwrap();
        assert_eq!(aside, "{ \"scale\": 1.5,");
        assert!(path.exists());
    }

    #[test]
    fn keys_of_a_newer_version_stay_and_wild_values_do_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("settings.json");
        std::fs::write(&path, r#"{ "scale": 900, "holograms": true, "panels": { "side": -3 } }"#).unwrap();
        let (mut file, settings, said) = SettingsFile::load(Some(path.clone()));
        assert!(said.is_none());
        assert_eq!((settings.scale, settings.panels.len()), (3.0, 0));
        file.keep(&Settings { auto_advance: false, ..settings }, true).unwrap();
        assert!(std::fs::read_to_string(path).unwrap().contains("holograms"));
    }
}
