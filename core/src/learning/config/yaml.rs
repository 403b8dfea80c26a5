//! Reads and writes run configurations as YAML. A mistake is named with file, line and the nearest valid key.

use std::path::Path;

use crate::error::{Error, Result};
use crate::learning::config::RunConfig;
use crate::learning::config::check::first_violation;
use crate::learning::config::presets::Preset;

/// A configuration by preset name or by path to a YAML file.
///
/// # Errors
/// [`Error::Config`] naming file, line, and what to write instead; [`Error::Io`] when the file
/// cannot be read.
pub fn load(name_or_path: &str) -> Result<RunConfig> {
    if let Some(known) = Preset::from_name(name_or_path) {
        return preset(known);
    }
    let path = Path::new(name_or_path);
    let looks_like_a_name = path.extension().is_none() && path.components().count() == 1;
    if looks_like_a_name && !path.exists() {
        let names = Preset::ALL.iter().map(|preset| preset.name());
        let near = nearest(name_or_path, names.clone())
            .map_or_else(String::new, |near| format!("did you mean {near}? "));
        let all: Vec<&str> = names.collect();
        return Err(Error::Config {
            place: "configuration".to_owned(),
            problem: format!("there is no preset '{name_or_path}' and no such file"),
            remedy: format!("{near}Presets: {}", all.join(", ")).into(),
        });
    }
    let text = std::fs::read_to_string(path).map_err(|e| Error::io("read", path, e))?;
    parse(&text, name_or_path)
}

/// The configuration of a preset.
///
/// # Errors
/// [`Error::Config`] when it cannot be read, which is a defect of the program.
pub fn preset(preset: Preset) -> Result<RunConfig> {
    parse(preset.text(), &format!("preset {preset}"))
}

/// Parses and checks YAML; `name` stands for the file in messages.
///
/// # Errors
/// [`Error::Config`].
pub fn parse(text: &str, name: &str) -> Result<RunConfig> {
    let blank = text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#'));
    let config: RunConfig = if blank {
        RunConfig::default()
    } else {
        serde_saphyr::from_str(text).map_err(|e| parse_error(&e, name))?
    };
    match first_violation(&config) {
        None => Ok(config),
        Some(violation) => Err(Error::Config {
            place: match line_of(text, violation.key) {
                Some(line) => format!("{name}, line {line}"),
                None => name.to_owned(),
            },
            problem: violation.problem,
            remedy: violation.remedy.into(),
        }),
    }
}

/// The configuration as YAML, every field written out.
///
/// # Errors
/// When a value cannot be written, which is a defect of the program.
pub fn to_yaml(config: &RunConfig) -> Result<String> {
    serde_saphyr::to_string(config)
        .map_err(|e| Error::defect(format!("the configuration cannot be written: {e}")))
}

/// The name a run is given by default: the preset's, or the file's without folder and extension,
/// with only the characters a run's name may have.
pub fn stem(name_or_path: &str) -> String {
    let stem = Path::new(name_or_path).file_stem().map_or_else(|| "run".into(), |s| s.to_string_lossy());
    let name: String = stem
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '-' })
        .collect();
    let name = name.trim_start_matches(['.', '-']).to_owned();
    if name.is_empty() { "run".to_owned() } else { name }
}

fn parse_error(error: &serde_saphyr::Error, name: &str) -> Error {
    use serde_saphyr::Error as Yaml;
    let place = match error.location() {
        Some(at) => format!("{name}, line {}, column {}", at.line(), at.column()),
        None => name.to_owned(),
    };
    let unknown = |what: &str, wrong: &str, valid: &[&'static str]| {
        let near = nearest(wrong, valid.iter().copied())
            .map_or_else(String::new, |near| format!("did you mean `{near}`? "));
        (format!("the {what} `{wrong}` is unknown"), format!("{near}Valid here: {}", valid.join(", ")))
    };
    let (problem, remedy) = match error.without_snippet() {
        Yaml::SerdeUnknownField { field, expected, .. } => unknown("key", field, expected),
        Yaml::SerdeUnknownVariant { variant, expected, .. } => unknown("value", variant, expected),
        other => {
            let said = other.to_string();
            let line = said.lines().next().unwrap_or("cannot be read").trim().to_owned();
            (line, "correct the line; the presets in configs/ show every key".to_owned())
        }
    };
    Error::config(place, problem, remedy)
}

/// The most similar of the valid words, if any is similar at all.
pub fn nearest<'a>(wrong: &str, valid: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    valid
        .map(|word| (strsim::jaro_winkler(wrong, word), word))
        .filter(|(similarity, _)| *similarity > 0.7)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, word)| word)
}

/// Line (from 1) on which a dotted key of block-style YAML stands.
fn line_of(text: &str, key: &str) -> Option<usize> {
    let mut wanted = key.split('.').peekable();
    let mut depth = -1i64;
    for (number, line) in text.lines().enumerate() {
        let indent = (line.len() - line.trim_start().len()) as i64;
        let Some((name, rest)) = line.trim_start().split_once(':') else { continue };
        let part = *wanted.peek()?;
        if name.trim() == part && indent > depth {
            wanted.next();
            depth = indent;
            if wanted.peek().is_none() {
                return Some(number + 1);
            }
            // Flow style: `risk: {beta: 2}` keeps the rest on this line.
            if rest.trim_start().starts_with('{') {
                return Some(number + 1);
            }
        }
    }
    None
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn message(text: &str) -> String {
        parse(text, "run.yaml").unwrap_err().to_string()
    }

    #[test]
    fn presets_are_valid_and_survive_a_round_trip() {
        for &preset in Preset::ALL {
            let config = load(preset.name()).unwrap();
            assert!(!config.description.is_empty(), "{preset} describes itself");
            let again = parse(&to_yaml(&config).unwrap(), "again").unwrap();
            assert_eq!(again, config, "{preset}");
        }
    }

    #[test]
    fn an_unknown_key_is_named_with_line_and_nearest_key() {
        let said = message("seed: 3\noptimizer:\n  learning_rte: 0.1\n");
        assert!(said.contains("run.yaml, line 3"), "{said}");
        assert!(said.contains("learning_rte"), "{said}");
        assert!(said.contains("did you mean `learning_rate`"), "{said}");
    }

    #[test]
    fn an_unknown_value_is_named_with_the_nearest() {
        let said = message("risk:\n  kind: nnpuu\n");
        assert!(said.contains("line 2") && said.contains("did you mean `nnpu`"), "{said}");
    }

    #[test]
    fn a_value_out_of_range_is_named_with_its_line() {
        let said = message("seed: 3\nconsistency:\n  kind: fixmatch\n  threshold: 1.5\n");
        assert!(said.contains("line 4") && said.contains("0.5 to 0.999"), "{said}");
        let said = message("prior: 1.0\n");
        assert!(said.contains("line 1") && said.contains("prior is 1"), "{said}");
        assert!(message("optimizer:\n  learning_rate: .nan\n").contains("outside"));
    }

    #[test]
    fn contradictions_are_refused() {
        assert!(message("consistency:\n  kind: mean_teacher\n").contains("teacher.enabled"));
        assert!(message("schedule:\n  epochs: 5\n  warm_up_epochs: 5\n").contains("warm-up"));
        assert!(message("batch:\n  unlabeled: 0\n").contains("unlabeled"));
    }

    #[test]
    fn a_misspelt_preset_is_answered_with_the_nearest() {
        let said = load("recomended").unwrap_err().to_string();
        assert!(said.contains("did you mean recommended?"), "{said}");
    }

    #[test]
    fn an_empty_file_is_all_defaults() {
        assert_eq!(parse("# nothing\n", "x").unwrap(), RunConfig::default());
    }
}
