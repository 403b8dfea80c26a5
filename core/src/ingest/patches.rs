//! Brings in patches that other programs have cut: one source per file, pixels unchanged.

use std::collections::{BTreeSet, HashMap};

use super::mic::with_folder;
use super::plan::Plan;
use super::progress::Phase;
use super::request::IngestRequest;
use crate::error::{Error, Result};
use crate::progress::{ProgressSink, report};
use crate::project::{Importer, MicrographId, NewMicrograph, NewPatch, SourceInfo};

/// Number of patches after which progress is reported.
const EVERY: usize = 256;

/// Adds the patches of all inputs.
pub(super) fn bring_in(
    plan: &mut Plan,
    request: &IngestRequest,
    importer: &mut Importer<'_>,
    progress: ProgressSink<'_>,
) -> Result<()> {
    let total = plan.inputs.iter().map(|i| i.labels.total() as usize).sum();
    let mut done = 0;
    for at in 0..plan.inputs.len() {
        let Some(input) = plan.inputs.get(at) else { break };
        let mut data = plan.open_patches(&input.path)?;
        let size = data.reader.size();
        if size != input.size || data.reader.len() as u64 != input.labels.total() {
            return Err(Error::format(&input.path, "it changed while it was read", "import it again"));
        }
        importer.source(&SourceInfo {
            path: input.path.clone(),
            kind: data.kind.into(),
            pixel_size: input.pixel_size,
            micrograph_pixel_size: data.micrograph_pixel_size,
            box_size: None,
            bin: None,
            y_up: false,
            further_files: plan.further.get(&input.path).cloned().unwrap_or_default(),
            optics: data.optics,
            warnings: data.warnings.iter().map(ToString::to_string).collect(),
        })?;
        let mut pixels = vec![0.0_f32; size * size];
        let mut micrographs: HashMap<String, MicrographId> = HashMap::new();
        let mut names: BTreeSet<String> = BTreeSet::new();
        for index in 0..data.reader.len() {
            if done % EVERY == 0 {
                report(progress, Phase::Patches, done, total)?;
            }
            done += 1;
            let info = data.reader.info(index);
            let label = request.label_of(&info);
            let micrograph = match info.micrograph.filter(|name| !name.is_empty()) {
                None => None,
                Some(name) => match micrographs.get(&name) {
                    Some(id) => Some(*id),
                    None => {
                        let known = plan.existing.name(&name).unwrap_or(&name).to_owned();
                        let new =
                            NewMicrograph { table_name: with_folder(&name), ..NewMicrograph::named(&known) };
                        let id = importer.micrograph(&new)?;
                        names.insert(known);
                        micrographs.insert(name, id);
                        Some(id)
                    }
                },
            };
            data.reader.read(index, &mut pixels)?;
            let patch = NewPatch {
                label,
                source_index: index,
                micrograph,
                xy: info.xy.filter(|(x, y)| x.is_finite() && y.is_finite()),
                optics: info.optics,
                pick_score: info.pick_score,
                columns: info.columns,
            };
            importer.push(&patch, &pixels)?;
        }
        plan.existing.learn(names);
    }
    Ok(())
}
