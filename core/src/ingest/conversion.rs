//! Converts coordinates of a file to px of the micrograph, counted from the first stored row: scale,
//! refinement shifts, direction of y. Collects what a person should know about the conversion.

use std::collections::BTreeMap;

use super::mic::{Mic, Planned};
use super::plan::Plan;
use super::request::IngestRequest;
use crate::error::{Error, Result};
use crate::formats::{Pick, PickTable};
use crate::remedy::{Remedy, Warning};

/// Picks made on an image of another size than the micrograph.
struct Rescaled {
    /// Number of picks.
    picks: usize,
    /// Columns and rows of the image they count in.
    counted: (f64, f64),
    /// Columns and rows of the micrograph.
    own: (usize, usize),
}

/// Converts picks and counts what a person should know of.
#[derive(Default)]
pub(super) struct Conversions {
    /// Picks that counted in an image of another size.
    rescaled: Option<Rescaled>,
    /// Picks with a refinement shift that is not applied, and the longest shift, Å.
    shifted: usize,
    longest: f64,
}

impl Conversions {
    /// The place of a pick on its micrograph.
    ///
    /// # Errors
    /// When a shift is to be applied and the pixel size it needs is not known.
    pub fn place(
        &mut self,
        table: &PickTable,
        pick: &Pick,
        mic: &Mic,
        request: &IngestRequest,
    ) -> Result<(f64, f64)> {
        let (mut x, mut y) = self.scaled(pick, mic, request);
        if let Some(shift) = Shift::of(pick, table) {
            let pixel_size = mic.pixel_size.or(table.pixel_size);
            if request.recenter {
                let Some((dx, dy)) = shift.pixels(pixel_size) else {
                    return Err(Error::format(
                        &table.path,
                        format!(
                            "its particles are shifted in Å, and the pixel size of {} is not known",
                            mic.path.display()
                        ),
                        "give the pixel size of the micrographs",
                    ));
                };
                // RELION and cryoSPARC: the shift moves the image onto the reference, so the centre
                // lies where the origin is taken off.
                (x, y) = (x - dx, y - dy);
            } else if shift.is_any() {
                self.shifted += 1;
                let (dx, dy) = shift.pixels(pixel_size).unwrap_or((0.0, 0.0));
                self.longest = self.longest.max(dx.hypot(dy));
            }
        }
        Ok((x, if request.y_up { mic.height as f64 - 1.0 - y } else { y }))
    }

    fn scaled(&mut self, pick: &Pick, mic: &Mic, request: &IngestRequest) -> (f64, f64) {
        if let Some(scale) = request.picks_scale {
            return (pick.x * scale, pick.y * scale);
        }
        let Some((width, height)) = pick.counted_on else { return (pick.x, pick.y) };
        let own = (mic.width as f64, mic.height as f64);
        if own == (width, height) || width <= 0.0 || height <= 0.0 {
            return (pick.x, pick.y);
        }
        let size = (mic.width, mic.height);
        let fresh = Rescaled { picks: 0, counted: (width, height), own: size };
        self.rescaled.get_or_insert(fresh).picks += 1;
        (pick.x * own.0 / width, pick.y * own.1 / height)
    }

    /// What a person should know.
    pub fn warnings(&self, request: &IngestRequest) -> Vec<Warning> {
        let mut warnings = Vec::new();
        if let Some(Rescaled { picks, counted, own }) = &self.rescaled {
            let text = format!(
                "{picks} picks count in an image of {} × {} px; they are placed at the same fraction of micrographs \
                 of {} × {} px",
                counted.0, counted.1, own.0, own.1
            );
            warnings.push(text.into());
        }
        if self.shifted > 0 && !request.recenter {
            warnings.push(Warning::new(
                format!(
                    "{} picks have shifts of a refinement, up to {:.1} px, which are not applied",
                    self.shifted, self.longest
                ),
                Remedy::Recentre,
            ));
        }
        warnings
    }
}

/// The shift of a refinement.
enum Shift {
    /// Å.
    Angstrom(f64, f64),
    /// px of the particle images, and Å per px of these where known.
    Image(f64, f64, Option<f64>),
}

impl Shift {
    /// RELION 3.1 and later (`rlnOriginXAngst`), RELION 3.0 (`rlnOriginX`), cryoSPARC
    /// (`alignments3D/shift`, `alignments2D/shift`).
    fn of(pick: &Pick, table: &PickTable) -> Option<Self> {
        let number = |name: &str| finite(&pick.columns, name);
        if let Some((x, y)) = number("rlnOriginXAngst").zip(number("rlnOriginYAngst")) {
            return Some(Self::Angstrom(x, y));
        }
        if let Some((x, y)) = number("rlnOriginX").zip(number("rlnOriginY")) {
            let group = pick.columns.get("rlnOpticsGroup");
            let group = table.optics.iter().find(|g| g.columns.get("rlnOpticsGroup") == group);
            return Some(Self::Image(x, y, group.and_then(|g| g.pixel_size)));
        }
        ["alignments3D", "alignments2D"].into_iter().find_map(|kind| {
            let (x, y) = pick.columns.get(&format!("{kind}/shift"))?.split_once(',')?;
            let parse = |text: &str| text.parse::<f64>().ok().filter(|v| v.is_finite());
            let size = finite(&pick.columns, &format!("{kind}/psize_A")).filter(|s| *s > 0.0);
            Some(Self::Image(parse(x)?, parse(y)?, size))
        })
    }

    fn is_any(&self) -> bool {
        let (Self::Angstrom(x, y) | Self::Image(x, y, _)) = *self;
        x != 0.0 || y != 0.0
    }

    /// The shift in px of a micrograph with this pixel size, Å.
    fn pixels(&self, pixel_size: Option<f64>) -> Option<(f64, f64)> {
        if !self.is_any() {
            return Some((0.0, 0.0));
        }
        let pixel_size = pixel_size.filter(|size| *size > 0.0)?;
        let factor = match self {
            Self::Angstrom(..) => 1.0,
            Self::Image(_, _, size) => (*size)?,
        } / pixel_size;
        let (Self::Angstrom(x, y) | Self::Image(x, y, _)) = *self;
        Some((x * factor, y * factor))
    }
}

fn finite(columns: &BTreeMap<String, String>, name: &str) -> Option<f64> {
    columns.get(name)?.parse().ok().filter(|v: &f64| v.is_finite())
}

/// Columns with a shift; an import that applies it sets them to zero.
pub(super) const SHIFTS: [&str; 4] = ["rlnOriginXAngst", "rlnOriginYAngst", "rlnOriginX", "rlnOriginY"];
/// The same for cryoSPARC, two numbers in a column.
pub(super) const SHIFT_PAIRS: [&str; 2] = ["alignments3D/shift", "alignments2D/shift"];

/// Fewest picks whose places say anything about their scale.
const MIN_PICKS: usize = 20;
/// Share of the width and the height within which all picks of a smaller image lie.
const CORNER_SHARE: f64 = 0.55;
/// Share of picks outside their micrographs that is no accident.
const MAX_SHARE_OUTSIDE: f64 = 0.1;

/// Whether the picks look as if they counted in px of a smaller or larger image than the micrographs.
pub(super) fn scale_warning(plan: &Plan, on: &[Vec<Planned>], request: &IngestRequest) -> Option<Warning> {
    // The picks were multiplied by this already.
    let scale = request.picks_scale.unwrap_or(1.0);
    let (mut picks, mut outside) = (0, 0);
    let mut reach: f64 = 0.0;
    for (mic, planned) in plan.mics.iter().zip(on) {
        for pick in planned {
            let share = |position: f64, length: usize| position / length.max(1) as f64;
            // Turned over, the corner is another one.
            let y = if request.y_up { mic.height as f64 - 1.0 - pick.xy.1 } else { pick.xy.1 };
            let furthest = share(pick.xy.0, mic.width).max(share(y, mic.height));
            reach = reach.max(furthest);
            picks += 1;
            outside += usize::from(furthest > 1.0 || pick.xy.0 < -0.5 || y < -0.5);
        }
    }
    if picks >= MIN_PICKS && reach > 0.0 && reach < CORNER_SHARE {
        let text = format!(
            "all {picks} picks lie in one corner, within {:.0} % of the width and height: they look as if counted on a \
             smaller image",
            100.0 * reach
        );
        return Some(Warning::new(text, Remedy::ScalePicks(scale * (1.0 / reach).floor().max(2.0))));
    }
    if outside >= 3 && outside as f64 > MAX_SHARE_OUTSIDE * picks as f64 {
        let text = format!(
            "{outside} of {picks} picks lie outside their micrographs: they look as if counted on a larger image, or \
             belong to other micrographs"
        );
        let remedy = if reach > 1.0 {
            Remedy::ScalePicks(scale / reach.ceil())
        } else {
            Remedy::from("check which micrographs were picked")
        };
        return Some(Warning::new(text, remedy));
    }
    None
}
