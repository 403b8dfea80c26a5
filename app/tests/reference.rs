//! The pages in `docs/reference` are made from the tables in the code, and hold what these say now.
//!
//! After a change of commands, keys, configuration or command line, this writes them anew:
//! `UPDATE_REFERENCE=1 cargo test --release --workspace --test reference`.
#![allow(clippy::unwrap_used)]

use std::fmt::Write as _;
use std::path::Path;

use vitrine::gui::command_table::{Area, Info, Needs, TABLE};
use vitrine::gui::keys;
use vitrine_core::learning::config::RunConfig;
use vitrine_core::learning::config::field::{Field, FieldKind, plain};
use vitrine_core::learning::config::fields::GROUPS;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/reference");
const UPDATE: &str = "UPDATE_REFERENCE=1 cargo test --release --workspace --test reference";

/// Writes the page where that is wanted, otherwise holds it to `text`.
fn hold(name: &str, text: &str) {
    let text = &format!("{}\n", text.trim_end());
    let path = Path::new(FOLDER).join(name);
    if std::env::var_os("UPDATE_REFERENCE").is_some() {
        std::fs::create_dir_all(FOLDER).unwrap();
        std::fs::write(&path, text).unwrap();
        return;
    }
    let stored = std::fs::read_to_string(&path).unwrap_or_default().replace("\r\n", "\n");
    let differs = stored.lines().zip(text.lines()).find(|(stored, made)| stored != made);
    assert!(stored == *text, "docs/reference/{name} is stale, first at {differs:?}; run {UPDATE}");
}

/// A table with these columns; cells hold no line breaks.
fn table<const N: usize>(page: &mut String, heads: [&str; N], rows: impl IntoIterator<Item = [String; N]>) {
    let cell = |text: &str| text.replace('|', "\\|").replace('\n', " ");
    writeln!(page, "| {} |", heads.join(" | ")).unwrap();
    writeln!(page, "|{}", "---|".repeat(N)).unwrap();
    for row in rows {
        writeln!(page, "| {} |", row.map(|text| cell(&text)).join(" | ")).unwrap();
    }
    page.push('\n');
}

fn key(info: &Info) -> Option<String> {
    info.shortcut.as_ref().map(|shortcut| format!("`{}`", keys::text(shortcut)))
}

fn of_area(area: Area) -> impl Iterator<Item = &'static Info> {
    TABLE.iter().filter(move |info| info.area == area)
}

const fn needs(needs: Needs) -> &'static str {
    match needs {
        Needs::Nothing => "",
        Needs::Project => "an open project",
        Needs::Imported => "an import that can be taken back",
        Needs::Filled => "a project with patches",
        Needs::Scores => "a project that a run has scored",
        Needs::Gallery => "the gallery",
        Needs::Patches => "the gallery with patches",
        Needs::Micrograph => "a micrograph that is shown",
        Needs::Writable => "a project open for writing",
        Needs::Labelling => "the gallery or a micrograph of a project open for writing",
        Needs::Labels => "a selected or current patch of a project open for writing",
        Needs::Training => "a run that trains",
        Needs::Queued => "runs in the queue",
        Needs::NoTraining => "a project open for writing, and no run that trains",
    }
}

#[test]
fn commands() {
    let mut page = format!(
        "# Commands of the window\n\n\
         The palette (`Ctrl+P`) finds each of these {} commands by its name. The last column is its name in the\n\
         settings file, where it can be given another key.\n\n",
        TABLE.len()
    );
    for area in Area::ALL {
        writeln!(page, "## {}\n", area.as_str()).unwrap();
        let row = |info: &Info| {
            let id = format!("`{}`", info.id);
            let (name, does) = (info.name.to_owned(), info.tooltip.to_owned());
            [name, key(info).unwrap_or_default(), does, needs(info.needs).to_owned(), id]
        };
        table(&mut page, ["Command", "Key", "What it does", "Needs", "Id"], of_area(area).map(row));
    }
    hold("commands.md", &page);
}

#[test]
fn keys_by_area() {
    let mut page = "# Keys of the window\n\n\
        These are the defaults. *Settings* gives a command another key, also one that has none; `?` lists the keys\n\
        as they are. `Ctrl` is ⌘ on a Mac. [All commands](commands.md).\n\n"
        .to_owned();
    for area in Area::ALL {
        let bound: Vec<_> = of_area(area).filter_map(|info| Some((key(info)?, info))).collect();
        if bound.is_empty() {
            continue;
        }
        writeln!(page, "## {}\n", area.as_str()).unwrap();
        let rows = bound.into_iter().map(|(key, info)| [key, info.name.to_owned(), info.tooltip.to_owned()]);
        table(&mut page, ["Key", "Command", "What it does"], rows);
    }
    hold("keys.md", &page);
}

/// What a field may be set to.
fn values(field: &Field) -> String {
    match field.kind {
        FieldKind::Number | FieldKind::Whole => field.range_words().unwrap_or_default(),
        FieldKind::Prior => format!("{}, or `estimate`", field.range_words().unwrap_or_default()),
        FieldKind::Flag => "`true` or `false`".to_owned(),
        FieldKind::Path => "the path of a file".to_owned(),
        FieldKind::Choice(words) => {
            words.iter().map(|(word, means)| format!("`{word}` ({means})")).collect::<Vec<_>>().join("; ")
        }
    }
}

fn default(field: &Field) -> String {
    let value = field.get(&RunConfig::default());
    match (value.as_f64(), value.as_str()) {
        (Some(number), _) => plain(number),
        (None, Some("")) => String::new(),
        (None, Some(word)) => format!("`{word}`"),
        (None, None) => format!("`{value}`"),
    }
}

#[test]
fn configuration() {
    let mut page = "# Configuration of a run\n\n\
        A configuration is a YAML file. A dot in a key is one level of it: `risk.kind` is the key `kind` under\n\
        `risk`. What a file leaves out has the default. `vitrine presets NAME` prints a preset to begin with, and\n\
        `vitrine diagnose PROJECT --config FILE` examines a configuration. The key `description` takes any text.\n\n"
        .to_owned();
    for group in GROUPS {
        writeln!(page, "## {}\n", group.name).unwrap();
        let row = |field: &Field| {
            let label = match field.unit {
                "" => field.label.to_owned(),
                unit => format!("{} ({unit})", field.label),
            };
            let key = format!("`{}`", field.key);
            [key, label, field.sentence.to_owned(), values(field), default(field)]
        };
        let heads = ["Key", "In the form", "What it does", "Values", "Default"];
        table(&mut page, heads, group.fields.iter().map(row));
    }
    hold("configuration.md", &page);
}

/// An argument as one item of a list: how it is written, what it does, its values and its default.
fn argument(page: &mut String, arg: &clap::Arg) {
    let names: Vec<&str> = arg.get_value_names().into_iter().flatten().map(|name| name.as_str()).collect();
    let value = match (arg.get_action().takes_values(), names.join(" ")) {
        (false, _) => String::new(),
        (true, names) if arg.is_positional() => format!("<{names}>"),
        (true, names) if arg.is_require_equals_set() => format!("=<{names}>"),
        (true, names) => format!(" <{names}>"),
    };
    let written = match (arg.get_short(), arg.get_long()) {
        (Some(short), Some(long)) => format!("-{short}, --{long}{value}"),
        (Some(short), None) => format!("-{short}{value}"),
        (None, Some(long)) => format!("--{long}{value}"),
        (None, None) => value,
    };
    let help = arg.get_long_help().or_else(|| arg.get_help()).map(ToString::to_string).unwrap_or_default();
    write!(page, "- `{written}`: {}", help.trim().replace("\n\n", "\n").replace('\n', "\n  ")).unwrap();
    let possible = arg.get_possible_values();
    if arg.get_action().takes_values() && !possible.is_empty() {
        let words: Vec<String> = possible.iter().map(|value| format!("`{}`", value.get_name())).collect();
        write!(page, " ({})", words.join(", ")).unwrap();
    }
    let defaults: Vec<String> = arg
        .get_default_values()
        .iter()
        .map(|value| value.to_string_lossy().into_owned())
        .filter(|value| !value.is_empty())
        .collect();
    if arg.get_action().takes_values() && !defaults.is_empty() {
        write!(page, "; default `{}`", defaults.join(" ")).unwrap();
    }
    page.push('\n');
}

/// Heading of the options that `vitrine submit` adds to a command.
const SUBMIT_HEADING: &str = "Cluster";

/// Writes what a command is told. `adds` is whether it takes over the arguments of the command of its name, and has
/// those under a heading for itself.
fn described(page: &mut String, command: &mut clap::Command, adds: bool) {
    let about = command.get_long_about().or_else(|| command.get_about()).map(ToString::to_string);
    writeln!(page, "{}\n", about.unwrap_or_default().trim()).unwrap();
    let usage = command.render_usage().to_string();
    writeln!(page, "```\n{}\n```\n", usage.trim_start_matches("Usage: ").trim()).unwrap();
    let told = |arg: &&clap::Arg| !arg.is_hide_set() && !["help", "version"].contains(&arg.get_id().as_str());
    if adds {
        writeln!(page, "Every argument of `vitrine {}`, and:\n", command.get_name()).unwrap();
    }
    let told: Vec<&clap::Arg> = command.get_arguments().filter(told).collect();
    let mut headings: Vec<Option<&str>> = told.iter().map(|arg| arg.get_help_heading()).collect();
    headings.sort_by_key(Option::is_some);
    headings.dedup();
    let mut seen = Vec::new();
    for heading in headings {
        let of_another = adds && heading != Some(SUBMIT_HEADING);
        if of_another || seen.contains(&heading) {
            continue;
        }
        seen.push(heading);
        if let Some(heading) = heading.filter(|_| !adds) {
            writeln!(page, "\n{heading}:\n").unwrap();
        }
        for arg in told.iter().filter(|arg| arg.get_help_heading() == heading) {
            argument(page, arg);
        }
    }
    if let Some(after) = command.get_after_long_help().filter(|_| !adds) {
        writeln!(page, "\n```\n{}\n```", after.to_string().trim()).unwrap();
    }
    page.push('\n');
}

#[test]
fn terminal() {
    let mut page = "# Commands of the terminal\n\n\
        `vitrine COMMAND --help` prints the same, `vitrine --version` the version. For the window: [its commands](commands.md) and\n\
        [its keys](keys.md).\n\n## vitrine\n\n"
        .to_owned();
    let mut program = vitrine::cli::command();
    program.build();
    described(&mut page, &mut program, false);
    for command in program.get_subcommands_mut().filter(|c| !c.is_hide_set() && c.get_name() != "help") {
        writeln!(page, "## vitrine {}\n", command.get_name()).unwrap();
        described(&mut page, command, false);
        let name = command.get_name().to_owned();
        for inner in command.get_subcommands_mut().filter(|c| !c.is_hide_set() && c.get_name() != "help") {
            writeln!(page, "### vitrine {name} {}\n", inner.get_name()).unwrap();
            described(&mut page, inner, name == "submit");
        }
    }
    hold("terminal.md", &page);
}
