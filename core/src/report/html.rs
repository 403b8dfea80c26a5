//! The report: one HTML file with everything inside (style, SVG pictures, PNG patches), to be sent
//! to a colleague, opened without a network, and printed.
//!
//! Every text from outside is escaped. The file appears under its name only when complete.

use std::fmt::Write as _;
use std::path::Path;

use base64::Engine as _;

use super::margin::BEST_MEANS;
use super::tables::{above_ceiling, compare, config_differences};
use super::{Against, ReportInput, RunSummary, figures};
use crate::atomic::write_atomically;
use crate::error::{Error, Result};
use crate::label::Label;

/// Runs whose score histograms are drawn; more would bury the comparison.
const MAX_HISTOGRAMS: usize = 8;

/// Style of every report.
pub(super) const STYLE: &str = r#"
:root { color-scheme: light dark; --ink: #222; --soft: #5f5f5f; --ground: #fbfbfa; --card: #fff; --line: #dcdcd8; --mark: #0072b2; --warn: #fff4df; --warn-line: #e69f00; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8e8e6; --soft: #a9a9a5; --ground: #17181a; --card: #212326; --line: #3a3d42; --mark: #56b4e9; --warn: #33291a; --warn-line: #e69f00; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 70rem; padding: 2rem 1.5rem 4rem; font: 16px/1.5 system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; color: var(--ink); background: var(--ground); }
h1 { font-size: 1.75rem; line-height: 1.2; margin: 0 0 .25rem; overflow-wrap: anywhere; }
h2 { font-size: 1.2rem; margin: 2.5rem 0 .6rem; padding-bottom: .3rem; border-bottom: 1px solid var(--line); }
p { max-width: 46rem; }
.soft { color: var(--soft); }
.small { font-size: .875rem; }
.warnings { margin: 1rem 0; padding: .6rem 1rem .6rem 2rem; background: var(--warn); border-left: 4px solid var(--warn-line); border-radius: 4px; }
.facts { display: grid; grid-template-columns: repeat(auto-fill, minmax(10rem, 1fr)); gap: .7rem; margin: 1rem 0; padding: 0; }
.facts div { background: var(--card); border: 1px solid var(--line); border-radius: 6px; padding: .5rem .8rem; }
.facts dt { color: var(--soft); font-size: .8rem; }
.facts dd { margin: 0; font-size: 1.05rem; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; background: var(--card); border: 1px solid var(--line); font-variant-numeric: tabular-nums; font-size: .92rem; }
th, td { padding: .4rem .8rem; border-bottom: 1px solid var(--line); text-align: right; vertical-align: top; white-space: nowrap; }
thead th { vertical-align: bottom; font-weight: 600; white-space: normal; overflow-wrap: anywhere; min-width: 7rem; max-width: 14rem; }
th:first-child { text-align: left; font-weight: 500; white-space: normal; min-width: 15rem; max-width: 24rem; }
tbody tr:last-child > * { border-bottom: 0; }
td.text { white-space: normal; overflow-wrap: anywhere; max-width: 18rem; }
.meaning { display: block; color: var(--soft); font-size: .8rem; font-weight: 400; }
.best { font-weight: 700; color: var(--mark); }
.diff { display: block; color: var(--soft); font-size: .8rem; font-weight: 400; }
.tag { display: inline-block; margin-left: .35rem; padding: 0 .4rem; border: 1px solid var(--soft); border-radius: 4px; font-size: .75rem; font-weight: 500; color: var(--soft); }
.figures { display: flex; flex-wrap: wrap; gap: 1.2rem; }
figure { margin: 0; break-inside: avoid; }
figure.wide { flex: 0 1 48rem; }
figure.square { flex: 0 1 32.5rem; }
figure svg { display: block; width: 100%; height: auto; background: #fff; border: 1px solid var(--line); border-radius: 6px; }
figure img { display: block; max-width: 100%; image-rendering: pixelated; border: 1px solid var(--line); border-radius: 6px; }
figcaption { margin-top: .4rem; color: var(--soft); font-size: .875rem; max-width: 46rem; }
details { margin: .5rem 0; } summary { cursor: pointer; overflow-wrap: anywhere; }
pre { overflow-x: auto; padding: .8rem 1rem; background: var(--card); border: 1px solid var(--line); border-radius: 6px; font: .82rem/1.45 ui-monospace, "DejaVu Sans Mono", monospace; }
@media print { :root { --ink: #000; --soft: #444; --ground: #fff; --card: #fff; --line: #bbb; --mark: #00507d; --warn: #fff; } body { max-width: none; padding: 0; font-size: 10.5pt; } h2 { break-after: avoid; } table, .scroll { font-size: 8.5pt; overflow: visible; } th, td { padding: .25rem .5rem; } tr { break-inside: avoid; } section.screen { display: none; } .figures { gap: .6rem; } figure.square { flex: 0 1 48%; } figure.wide { flex: 0 1 100%; } figure.wide svg { max-height: 9.6cm; } figcaption { font-size: 8.5pt; } }
"#;

/// Text as HTML: the five special characters escaped, control characters other than line breaks
/// and tabs replaced.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out += "&amp;",
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '"' => out += "&quot;",
            '\'' => out += "&#39;",
            c if c.is_control() && c != '\n' && c != '\t' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

/// Writes the report to `path`, replacing what is there only when the new file is complete.
///
/// # Errors
/// When the report cannot be built (see [`render`]) or the file not be written.
pub fn write(input: &ReportInput, path: &Path) -> Result<()> {
    write_atomically(path, render(input)?.as_bytes())
}

/// The report as HTML text.
///
/// # Errors
/// When there is no run, a config is no YAML, a patch picture is no PNG, or drawing fails.
pub fn render(input: &ReportInput) -> Result<String> {
    if input.runs.is_empty() {
        return Err(Error::request("a report needs at least one run", "train one first"));
    }
    let title = escape(&input.title);
    let mut page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" \
         content=\"width=device-width, initial-scale=1\">\n<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n\
         <body>\n<h1>{title}</h1>\n<p class=\"soft small\">{}</p>\n",
        escape(&input.made)
    );
    warnings(&mut page, input);
    project(&mut page, input);
    page += "<h2>Runs side by side</h2>\n";
    metric_table(&mut page, &input.runs);
    page += "<h2>What differs in the configs</h2>\n";
    config_table(&mut page, &input.runs)?;
    pictures(&mut page, input)?;
    patches(&mut page, input)?;
    configs(&mut page, &input.runs);
    page += "</body>\n</html>\n";
    Ok(page)
}

// Writing into a String cannot fail; the macro keeps that in one place.
macro_rules! put {
    ($page:expr, $($arg:tt)*) => {{ let _ = write!($page, $($arg)*); }};
}

fn warnings(page: &mut String, input: &ReportInput) {
    let of_runs = input.runs.iter().flat_map(|r| {
        r.warnings.iter().map(|w| format!("<b>{}</b>: {}", escape(&r.name), escape(&w.to_string())))
    });
    let all: Vec<String> = input
        .warnings
        .iter()
        .map(ToString::to_string)
        .chain(above_ceiling(&input.runs))
        .map(|w| escape(&w))
        .chain(of_runs)
        .collect();
    if all.is_empty() {
        return;
    }
    *page += "<ul class=\"warnings\">\n";
    for warning in all {
        put!(page, "<li>{warning}</li>\n");
    }
    *page += "</ul>\n";
}

/// 1234567 → "1 234 567" with narrow no-break spaces.
fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push('\u{202f}');
        }
        out.push(digit);
    }
    out
}

fn project(page: &mut String, input: &ReportInput) {
    let project = &input.project;
    put!(page, "<h2>Project {}</h2>\n<dl class=\"facts\">\n", escape(&project.name));
    for label in Label::ALL {
        // The unlabeled have a tile of their own: they are never counted as negative.
        put!(page, "<div><dt>{label} patches</dt><dd>{}</dd></div>\n", grouped(project.counts.get(label)));
    }
    for (what, value) in &project.facts {
        put!(page, "<div><dt>{}</dt><dd>{}</dd></div>\n", escape(what), escape(value));
    }
    *page += "</dl>\n<p class=\"soft small\">Unlabeled patches are a mixture of particles and everything else that \
              nobody has judged; a share π of them (the class prior) are particles.</p>\n";
}

/// The heading row with the names of the runs.
fn head(page: &mut String, first: &str, runs: &[RunSummary]) {
    put!(page, "<div class=\"scroll\"><table>\n<thead><tr><th scope=\"col\">{first}</th>");
    for run in runs {
        let tag = if run.is_baseline { "<span class=\"tag\">baseline</span>" } else { "" };
        put!(page, "<th scope=\"col\">{}{tag}</th>", escape(&run.name));
    }
    *page += "</tr></thead>\n<tbody>\n";
}

fn metric_table(page: &mut String, runs: &[RunSummary]) {
    head(page, "Measured", runs);
    for row in compare(runs) {
        put!(page, "<tr><th scope=\"row\">{}", escape(&row.label));
        if !row.meaning.is_empty() {
            put!(page, "<span class=\"meaning\">{}</span>", escape(&row.meaning));
        }
        *page += "</th>";
        for run in 0..runs.len() {
            let best = row.best.get(run).copied().unwrap_or(false);
            let (class, mark) = if best { (" class=\"best\"", "★ ") } else { ("", "") };
            let difference = row
                .shown_difference(run)
                .map(|d| format!("<span class=\"diff\">{}</span>", escape(&d)))
                .unwrap_or_default();
            let why = row.reasons.get(run).cloned().flatten();
            let why = why.map(|why| format!(" title=\"{}\"", escape(&why))).unwrap_or_default();
            put!(page, "<td{class}{why}>{mark}{}{difference}</td>", escape(&row.shown(run)));
        }
        *page += "</tr>\n";
    }
    for (what, value) in [
        ("Seed", (|r: &RunSummary| r.seed.to_string()) as fn(&RunSummary) -> String),
        ("Device", |r| r.device.clone()),
    ] {
        put!(page, "<tr><th scope=\"row\">{what}</th>");
        for run in runs {
            put!(page, "<td class=\"text\">{}</td>", escape(&value(run)));
        }
        *page += "</tr>\n";
    }
    put!(
        page,
        "</tbody></table></div>\n<p class=\"soft small\">★ {BEST_MEANS}; only a validation AUC can be, for \
         the chance in other numbers is not known. "
    );
    *page += "Small print under a value: difference to the baseline. A lead smaller than the spread over seeds is no \
              lead; train each config with three seeds before choosing.</p>\n";
}

fn config_table(page: &mut String, runs: &[RunSummary]) -> Result<()> {
    let differences = config_differences(runs)?;
    if runs.len() < 2 {
        *page += "<p>There is one run only; its config is at the end.</p>\n";
        return Ok(());
    }
    if differences.is_empty() {
        *page += "<p>Nothing: the configs say the same.</p>\n";
        return Ok(());
    }
    head(page, "Config key", runs);
    for difference in differences {
        put!(page, "<tr><th scope=\"row\"><code>{}</code></th>", escape(&difference.key));
        for value in &difference.values {
            put!(page, "<td class=\"text\">{}</td>", escape(value.as_deref().unwrap_or("–")));
        }
        *page += "</tr>\n";
    }
    *page += "</tbody></table></div>\n<p class=\"soft small\">Keys with the same value everywhere are left out.</p>\n";
    Ok(())
}

/// A picture with the sentence that says how to read it.
fn figure(page: &mut String, class: &str, svg: Option<String>, how: &str) {
    if let Some(svg) = svg {
        put!(
            page,
            "<figure class=\"{class}\">\n{svg}\n<figcaption>{}</figcaption>\n</figure>\n",
            escape(how)
        );
    }
}

fn pictures(page: &mut String, input: &ReportInput) -> Result<()> {
    let runs = &input.runs;
    *page += "<h2>Ranking</h2>\n<div class=\"figures\">\n";
    for against in [Against::Negative, Against::Unlabeled] {
        let how = match against {
            Against::Negative => {
                "Each point is a threshold. The nearer to the upper left corner, the better; the dotted diagonal is chance."
            }
            Against::Unlabeled => {
                "Each point is a threshold. Particles among the unlabeled count as errors here, so even a perfect run \
                 stays away from the upper left corner; compare the runs with each other, not with 1."
            }
        };
        figure(page, "square", figures::roc(runs, against)?, how);
        let how = match against {
            Against::Negative => {
                "How pure the accepted set is at each recall; the dotted line is accepting everything."
            }
            Against::Unlabeled => {
                "Share of known positives among the accepted at each recall. This is not purity: unlabeled particles \
                 lower it. The dotted line is accepting everything."
            }
        };
        figure(page, "square", figures::precision_recall(runs, against)?, how);
    }
    *page += "</div>\n<h2>Training</h2>\n<div class=\"figures\">\n";
    figure(
        page,
        "wide",
        figures::auc_over_epochs(runs)?,
        "A curve that rises and levels off is healthy. One that falls again has over-fitted or believed its own mistakes; \
         one above its ceiling says that π is set too high, that the picks are no random sample of the particles, or that few \
         positives validate.",
    );
    figure(
        page,
        "wide",
        figures::pseudo_labels(runs)?,
        "Read the panels together: a run collapses when the rate goes to 100 % while mean p goes to 0 or 1 and the \
         spread of p to 0. A healthy run stays in the shaded band, mean p settles near π, and the spread stays wide.",
    );
    figure(
        page,
        "wide",
        figures::losses(runs)?,
        "Losses of different risks have different scales: compare the course of a curve, not its height between runs.",
    );
    figure(
        page,
        "wide",
        figures::step_size(runs)?,
        "Peaks of the gradient norm far above its usual level call for gradient clipping or a smaller learning rate.",
    );
    let rate = input.project.counts.labelling_rate();
    figure(
        page,
        "wide",
        figures::priors(runs, rate)?,
        "A dot is the π a run used, a bar the interval where it was estimated. The labelling rate says how much was \
         labelled, not how many particles there are; a π that equals it is suspicious.",
    );
    *page += "</div>\n<h2>Scores</h2>\n<div class=\"figures\">\n";
    for run in runs.iter().take(MAX_HISTOGRAMS) {
        figure(
            page,
            "wide",
            figures::score_histograms(run)?,
            "Positives should gather at the right. The unlabeled should show two hills, the right one holding about a \
             share π of them; the dashed line is the threshold.",
        );
    }
    *page += "</div>\n";
    if runs.len() > MAX_HISTOGRAMS {
        put!(
            page,
            "<p class=\"soft small\">Score histograms are drawn for the first {MAX_HISTOGRAMS} runs only.</p>\n"
        );
    }
    Ok(())
}

fn patches(page: &mut String, input: &ReportInput) -> Result<()> {
    if input.patches.is_empty() {
        return Ok(());
    }
    *page += "<h2>Patches</h2>\n<div class=\"figures\">\n";
    for picture in &input.patches {
        if !picture.png.starts_with(b"\x89PNG\r\n\x1a\n") {
            return Err(Error::request(
                format!("the picture '{}' is no PNG file", picture.caption),
                "give the report PNG pictures",
            ));
        }
        let data = base64::engine::general_purpose::STANDARD.encode(&picture.png);
        let caption = escape(&picture.caption);
        put!(
            page,
            "<figure><img alt=\"{caption}\" src=\"data:image/png;base64,{data}\">\n<figcaption>{caption}</figcaption></figure>\n"
        );
    }
    *page += "</div>\n";
    Ok(())
}

fn configs(page: &mut String, runs: &[RunSummary]) {
    *page += "<section class=\"screen\">\n<h2>Complete configs</h2>\n";
    for run in runs {
        put!(
            page,
            "<details><summary>{}</summary>\n<pre>{}</pre>\n</details>\n",
            escape(&run.name),
            escape(&run.config_yaml)
        );
    }
    *page += "</section>\n";
}
