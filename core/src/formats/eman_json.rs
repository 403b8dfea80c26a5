//! EMAN2's `info/NAME_info.json`: `{"boxes": [[x, y, "manual"], …]}`, centres on one micrograph. The
//! third value names the tool; a number after it is kept as the score.

use std::path::Path;

use serde_json::Value;

use super::text::read_text;
use super::{Pick, PickTable};
use crate::error::{Error, Result};

/// Whether `text`, the beginning of a file, is a JSON object, which is all that tells before the end.
pub(crate) fn looks_like(text: &str) -> bool {
    text.trim_start().starts_with('{')
}

/// Reads the boxes of a file.
///
/// # Errors
/// When it cannot be read, is no JSON, has no list `boxes`, or a box does not begin with two finite
/// numbers; the sentence names the line or the box.
pub(crate) fn open(path: &Path) -> Result<PickTable> {
    let text = read_text(path)?;
    let broken = |problem: String| Error::format(path, problem, "save the boxes again with EMAN2");
    let value: Value =
        serde_json::from_str(&text).map_err(|e| broken(format!("line {} is no JSON: {e}", e.line())))?;
    let Some(boxes) = value.get("boxes") else {
        let keys: Vec<&str> =
            value.as_object().map(|o| o.keys().take(6).map(String::as_str).collect()).unwrap_or_default();
        let there = if keys.is_empty() { "nothing".to_owned() } else { keys.join(", ") };
        return Err(broken(format!("it has no list of boxes; it has {there}")));
    };
    let Some(boxes) = boxes.as_array() else {
        return Err(broken("its boxes are no list".to_owned()));
    };
    let mut picks = Vec::with_capacity(boxes.len());
    for (index, entry) in boxes.iter().enumerate() {
        let number = |at: usize| entry.get(at).and_then(Value::as_f64).filter(|v| v.is_finite());
        let (Some(x), Some(y)) = (number(0), number(1)) else {
            return Err(broken(format!("box {} does not begin with two numbers", index + 1)));
        };
        let tool = entry.get(2).and_then(Value::as_str);
        picks.push(Pick {
            x,
            y,
            score: number(3),
            columns: tool.map(|tool| ("tool".to_owned(), tool.to_owned())).into_iter().collect(),
            ..Pick::default()
        });
    }
    Ok(PickTable { path: path.to_owned(), kind: "EMAN2 boxes".into(), picks, ..PickTable::default() })
}
