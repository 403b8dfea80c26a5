//! Presets with changes, as the benchmarks name them: `recommended+risk.kind=nnpu`.

use std::error::Error;

use vitrine_core::learning::config::RunConfig;
use vitrine_core::learning::config::check;
use vitrine_core::learning::config::fields::fields;
use vitrine_core::learning::config::yaml;

/// A preset or file with the changes named behind it.
pub fn changed(preset: &str) -> Result<RunConfig, Box<dyn Error>> {
    let mut parts = preset.split('+');
    let mut config = yaml::load(parts.next().unwrap_or_default())?;
    for part in parts {
        let (key, value) = part.split_once('=').ok_or_else(|| format!("{part}: write KEY=VALUE"))?;
        let field =
            fields().find(|field| field.key == key).ok_or_else(|| format!("there is no key {key}"))?;
        let value = serde_json::from_str(value).unwrap_or_else(|_| value.into());
        field.set(&mut config, &value)?;
    }
    match check::first_violation(&config) {
        Some(violation) => Err(format!("{preset}: {}; {}", violation.problem, violation.remedy).into()),
        None => Ok(config),
    }
}
