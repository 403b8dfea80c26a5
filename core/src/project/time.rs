//! The moment at which something is written into a project.

/// Now, RFC 3339 in UTC, to the millisecond.
pub(super) fn now() -> String {
    let now = jiff::Timestamp::now();
    now.round(jiff::Unit::Millisecond).unwrap_or(now).to_string()
}
