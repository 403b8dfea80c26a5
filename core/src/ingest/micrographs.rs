//! Imports micrographs without picks, together with the box by which particles will later be cut from them.

use super::by_hand::project_cut;
use super::mic::Mic;
use super::plan::Plan;
use super::request::IngestRequest;
use crate::error::{Error, Result};
use crate::imaging::CutSettings;
use crate::project::{NewMicrograph, PickingSettings, Project};
use crate::remedy::Remedy;

impl Plan {
    /// Whether the files hold nothing but micrographs, and nothing is to be cut from them now.
    pub fn is_micrographs_alone(&self, request: &IngestRequest) -> bool {
        let nothing_else = self.inputs.is_empty() && self.tables.is_empty() && request.pool.is_none();
        nothing_else && !self.mics.is_empty()
    }
}

/// Makes the micrographs of the plan known, and the box where one was given; else it is set once a particle was
/// measured.
pub(super) fn bring_in(plan: &Plan, request: &IngestRequest, project: &mut Project) -> Result<()> {
    if let Some(box_size) = request.box_size {
        set_box(&CutSettings { box_size, bin: request.bin, margin: 0 }, project)?;
    }
    let new: Vec<NewMicrograph> = plan.mics.iter().map(Mic::for_project).collect();
    project.add_micrographs(&new)
}

fn set_box(cut: &CutSettings, project: &mut Project) -> Result<()> {
    let size = cut.patch_size()?;
    if let Some(own) = project.size().filter(|own| *own != size) {
        return Err(Error::request(
            format!(
                "box {} and bin {} give patches of {size}×{size} px, those of the project have {own}×{own}",
                cut.box_size, cut.bin
            ),
            Remedy::MatchPatchSize,
        ));
    }
    if !project.is_empty() && project_cut(project).is_ok() {
        // Patches that are there say how they were cut.
        return Ok(());
    }
    let diameter = project.picking()?.and_then(|set| set.diameter);
    project.set_picking(&PickingSettings { box_size: cut.box_size, bin: cut.bin, diameter })
}
