//! Curves of Compare: validation over epochs, ROC, precision over recall.

use std::sync::Arc;

use eframe::egui;
use egui::{RichText, Ui};
use egui_plot::{HoverPosition, Line, LineStyle, Plot};
use vitrine_core::learning::eval::metrics::CurvePoint;
use vitrine_core::report::charts::{CHARTS, curve_csv};
use vitrine_core::report::{Against, Curves, figures};
use vitrine_core::workflow::comparison::Comparison;

use super::parts::heading;
use crate::gui::command::{Command, TrainCommand};
use crate::gui::model::{Model, OpenProject};
use crate::gui::views::charts::{self, ChartLook, DrawnRun, colour_of, save_items};

/// Draws the curves of the runs `names`. `log` is whether the AUC is drawn on a logarithmic scale.
pub fn ui(
    ui: &mut Ui,
    model: &Model,
    open: &OpenProject,
    names: &[String],
    comparison: &Arc<Comparison>,
    log: &mut bool,
    out: &mut Vec<Command>,
) {
    heading(ui, "Curves");
    let missing = model.analysis.without_curves(names);
    if !missing.is_empty() {
        out.push(Command::Train(TrainCommand::ReadCurves(missing)));
    }
    let drawn: Vec<DrawnRun> = names
        .iter()
        .filter_map(|name| {
            Some(DrawnRun {
                curves: Arc::clone(model.analysis.curves_of(name)?),
                colour: colour_of(open, name, ui.visuals().dark_mode),
            })
        })
        .collect();
    let gap = 16.0;
    let columns = if ui.available_width() > 1000.0 { 3.0 } else { 1.0 };
    let width = (ui.available_width() - gap * (columns - 1.0) - 4.0) / columns;
    let mut cells = |ui: &mut Ui| {
        let cell = |ui: &mut Ui, contents: &mut dyn FnMut(&mut Ui)| {
            ui.vertical(|ui| {
                ui.set_width(width);
                ui.spacing_mut().item_spacing.x = 8.0;
                contents(ui);
            });
        };
        if let Some(chart) = CHARTS.first() {
            cell(ui, &mut |ui| {
                let mut look = ChartLook { smoothing: 0.0, log: *log, height: 290.0 };
                charts::chart(ui, open, chart, &drawn, &mut look, out);
                *log = look.log;
            });
        }
        for kind in [CurveKind::Roc, CurveKind::PrecisionRecall] {
            cell(ui, &mut |ui| curve(ui, open, comparison, kind, out));
        }
    };
    if columns > 1.0 {
        ui.horizontal_top(|ui| {
            ui.spacing_mut().item_spacing.x = gap;
            cells(ui);
        });
    } else {
        cells(ui);
    }
}

/// What is drawn of all runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CurveKind {
    Roc,
    PrecisionRecall,
}

impl CurveKind {
    /// Name of its files and of its zoom.
    const fn id(self) -> &'static str {
        match self {
            Self::Roc => "roc",
            Self::PrecisionRecall => "precision_recall",
        }
    }

    const fn title(self) -> &'static str {
        match self {
            Self::Roc => "ROC",
            Self::PrecisionRecall => "Precision and recall",
        }
    }

    /// Names of x and y.
    const fn axes(self) -> [&'static str; 2] {
        match self {
            Self::Roc => ["fraction of unlabeled accepted", "recall"],
            Self::PrecisionRecall => ["recall", "precision"],
        }
    }

    fn points(self, curves: &Curves) -> &[CurvePoint] {
        match self {
            Self::Roc => &curves.roc,
            Self::PrecisionRecall => &curves.precision_recall,
        }
    }

    /// The area under a curve, with its name.
    fn area(self, curves: &Curves) -> String {
        match self {
            Self::Roc => format!("AUC {:.3}", curves.auc),
            Self::PrecisionRecall => format!("average precision {:.3}", curves.average_precision),
        }
    }
}

/// ROC or precision over recall, of all runs.
fn curve(
    ui: &mut Ui,
    open: &OpenProject,
    comparison: &Arc<Comparison>,
    kind: CurveKind,
    out: &mut Vec<Command>,
) {
    let (id, title, axes) = (kind.id(), kind.title(), kind.axes());
    let height = 290.0;
    let top = ui.cursor().min;
    charts::report_place(ui, id, egui::Rect::from_min_size(top, egui::vec2(ui.available_width(), height)));
    let runs = &comparison.runs;
    let has = |against: Against| runs.iter().any(|run| run.curves.iter().any(|c| c.against == against));
    // Known negatives say more than unlabeled, where there are any.
    let against = if has(Against::Negative) { Against::Negative } else { Against::Unlabeled };
    ui.horizontal(|ui| {
        ui.strong(title);
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            charts::menu(ui, id, title, |ui| {
                charts::zoom_items(ui, id);
                ui.separator();
                let svg = || match kind {
                    CurveKind::Roc => figures::roc(runs, against).ok().flatten(),
                    CurveKind::PrecisionRecall => figures::precision_recall(runs, against).ok().flatten(),
                };
                save_items(ui, open, title, id, svg, || curve_csv(runs, axes, |c| kind.points(c)), out);
            });
            let words = format!("validation, positives against {}", against.as_str());
            charts::small_label(ui, &words).on_hover_text(match against {
                Against::Unlabeled => "The unlabeled contain particles, so no curve can be perfect.",
                Against::Negative => "Patches that a person has labelled.",
            });
        });
    });
    let rest = height - (ui.cursor().min.y - top.y);
    let dark = ui.visuals().dark_mode;
    let plot = Plot::new(("curve", id))
        .height(rest)
        .allow_scroll(false)
        .include_x(0.0)
        .include_x(1.0)
        .include_y(0.0)
        .include_y(1.0)
        .grid_color(charts::grid(ui))
        .x_axis_formatter(|mark, _| charts::plain_tick(mark))
        .y_axis_formatter(|mark, _| charts::plain_tick(mark))
        .x_grid_spacer(charts::round_marks(80.0, false))
        .y_grid_spacer(charts::round_marks(30.0, false))
        .set_margin_fraction(egui::vec2(0.02, 0.02))
        .x_axis_label(RichText::new(axes[0]).small())
        .y_axis_label(RichText::new(axes[1]).small())
        .label_formatter(move |near: &HoverPosition<'_>| match near {
            HoverPosition::NearDataPoint { plot_name, position, .. } if !plot_name.is_empty() => {
                Some(format!("{plot_name}\n{} {:.3}\n{} {:.3}", axes[0], position.x, axes[1], position.y))
            }
            _ => None,
        });
    let mut told = Vec::new();
    let shown = charts::reset_if_asked(ui, plot, id).show(ui, |plot| {
        if kind == CurveKind::Roc {
            let chance = Line::new("", vec![[0.0, 0.0], [1.0, 1.0]]).allow_hover(false);
            plot.line(chance.color(egui::Color32::GRAY).width(1.0).style(LineStyle::dotted_dense()));
        }
        for run in runs {
            let Some(curve) = run.curves.iter().find(|c| c.against == against) else { continue };
            let line: Vec<[f64; 2]> = kind.points(curve).iter().map(|p| [p.x, p.y]).collect();
            let name = format!("{}, {}", run.name, kind.area(curve));
            told.push(name.clone());
            let line = Line::new(name, line).color(colour_of(open, &run.name, dark)).width(1.8);
            let line = line.allow_band(false);
            plot.line(if run.is_baseline { line.style(LineStyle::dashed_loose()) } else { line });
        }
    });
    charts::describe_plot(&shown.response, &format!("{title}, against {}", against.as_str()), &told);
}
