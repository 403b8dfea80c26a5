//! A project as large as one likes.

use std::error::Error;
use std::path::Path;

use vitrine_core::Label;
use vitrine_core::project::{NewMicrograph, NewPatch, PixelType, Project, SourceInfo};

/// Side of a patch, px.
pub const SIZE: usize = 64;

/// Makes a project of `patches` patches in 16 bits a pixel, a tenth of them positive: discs on noise, in 64 kinds, since a
/// million different ones would take longer than anything that is measured.
pub fn make(folder: &Path, patches: usize) -> Result<Project, Box<dyn Error>> {
    let mut project = Project::create(folder, Some(SIZE), PixelType::F16)?;
    let mut import = project.import(SIZE)?;
    import.source(&SourceInfo::new("many.mrcs", "particle stack"))?;
    let micrographs = (0..patches.div_ceil(1000))
        .map(|m| import.micrograph(&NewMicrograph::named(format!("m{m:04}"))))
        .collect::<Result<Vec<_>, _>>()?;
    let kinds: Vec<Vec<f32>> = (0..64).map(picture).collect();
    for i in 0..patches {
        let label = if i % 10 == 0 { Label::Positive } else { Label::Unlabeled };
        let xy = Some(((i % 33) as f64 * 100.0 + 100.0, (i % 31) as f64 * 100.0 + 100.0));
        let micrograph = Some(micrographs[i / 1000]);
        import.push(&NewPatch { label, micrograph, xy, ..NewPatch::default() }, &kinds[i % 64])?;
    }
    import.commit()?;
    Ok(project)
}

/// A disc on noise (S×S).
pub fn picture(kind: usize) -> Vec<f32> {
    let mut state = (kind as u32).wrapping_mul(747_796_405).wrapping_add(2_891_336_453);
    let radius = 8.0 + (kind % 16) as f32;
    (0..SIZE * SIZE)
        .map(|p| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let (x, y) = ((p % SIZE) as f32 - 32.0, (p / SIZE) as f32 - 32.0);
            let disc = if x.hypot(y) < radius { 1.0 } else { 0.0 };
            disc + (state >> 8) as f32 / (1 << 24) as f32
        })
        .collect()
}
