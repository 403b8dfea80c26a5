//! What holds up the scoring of many patches: the device, the way to it, or the disk.
//!
//! `cargo run --release --example scoring -- [DEVICE] [PATCHES] [FOLDER]`
//!
//! Makes a project of 1,000,000 patches of 64×64 px (8 GB) in FOLDER, or takes the one that is there, and prints how many
//! patches a second get a score, each turned and mirrored eight ways, by networks with random weights: patches that lie
//! on the device, patches in memory, and all of the project as `vitrine score` reads it. Where the last is near the
//! first, the device is what takes the time. The file is read from the disk where the system lets its cache be emptied
//! (as root on Linux), and the table says whether it was.

#[path = "support/gpu_watch.rs"]
mod gpu_watch;
#[path = "support/many_patches.rs"]
mod many_patches;

use std::error::Error;
use std::path::PathBuf;
use std::time::Instant;

use burn::module::Module;
use gpu_watch::{GpuWatch, share};
use many_patches::{SIZE, make, picture};
use vitrine_core::device::{ComputeDevice, DeviceChoice};
use vitrine_core::imaging::normalise::{Normaliser, NormaliserKind};
use vitrine_core::learning::config::Backbone;
use vitrine_core::learning::data::patch_store::{DevicePool, PatchStore};
use vitrine_core::learning::infer::predict::{TestTimeAugmentation, pool_logits};
use vitrine_core::learning::infer::scorer::Scorer;
use vitrine_core::learning::network::Network;
use vitrine_core::project::Project;
use vitrine_core::workflow::score::score_project;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let name = arguments.next().unwrap_or_else(|| "auto".to_owned());
    let patches: usize = arguments.next().map_or(Ok(1_000_000), |text| text.parse())?;
    let folder =
        arguments.next().map_or_else(|| std::env::temp_dir().join("vitrine_scoring_bench"), PathBuf::from);
    let device = ComputeDevice::open(name.parse::<DeviceChoice>()?)?;
    let project = if folder.join("project.sqlite").exists() {
        let project = Project::open(&folder)?;
        if project.len() != patches {
            let (folder, len) = (folder.display(), project.len());
            return Err(
                format!("{folder} holds {len} patches, not {patches}; remove it or name another").into()
            );
        }
        project
    } else {
        let started = Instant::now();
        let project = make(&folder, patches)?;
        println!("made {patches} patches in {:.0} s", started.elapsed().as_secs_f64());
        project
    };
    println!("{}", device.description);
    println!("{:<10} {:<38} {:>9} {:>10}  GPU had work", "network", "patches", "of them", "per second");
    for backbone in [Backbone::SmallCnn, Backbone::Resnet18] {
        measure(&name, &device, &project, backbone)?;
    }
    Ok(())
}

fn measure(
    name: &str,
    device: &ComputeDevice,
    project: &Project,
    backbone: Backbone,
) -> Result<(), Box<dyn Error>> {
    let kinds: Vec<Vec<f32>> = (0..64).map(picture).collect();
    let normaliser = Normaliser::fit(NormaliserKind::PerPatchZScore, SIZE, &kinds)?;
    let network = Network::new(backbone, 1, &device.inner).valid();
    let scorer = Scorer::from_network(network.clone(), normaliser, device.clone());
    let at_once = scorer.chunk_size();

    let part: Vec<f32> = (0..at_once).flat_map(|i| kinds[i % kinds.len()].iter().copied()).collect();
    let pool = DevicePool::new(&PatchStore::from(part.clone()), SIZE, device);
    let all: Vec<usize> = (0..at_once).collect();
    // Says of how many patches a second `work` scores `count` of, again for so many seconds at least.
    let line =
        |what: &str, count: usize, seconds: f64, work: &mut dyn FnMut() -> Result<(), Box<dyn Error>>| {
            let (watch, started) = (GpuWatch::start(name), Instant::now());
            let mut scored = 0;
            while scored == 0 || started.elapsed().as_secs_f64() < seconds {
                work()?;
                scored += count;
            }
            let (rate, count) = (scored as f64 / started.elapsed().as_secs_f64(), scored);
            println!("{:<10} {what:<38} {count:>9} {rate:>10.0}  {}", format!("{backbone:?}"), share(watch));
            Ok::<(), Box<dyn Error>>(())
        };
    // The first pass compiles what a GPU needs.
    pool_logits(&network, &pool, &all, TestTimeAugmentation::Symmetries)?;
    scorer.score(&part);
    // Enough that a GPU is at its pace, little enough for two cores.
    let seconds = if device.is_cpu { 0.0 } else { 10.0 };
    line("that lie on the device", at_once, seconds, &mut || {
        pool_logits(&network, &pool, &all, TestTimeAugmentation::Symmetries)?;
        Ok(())
    })?;
    line("in memory", at_once, seconds, &mut || {
        drop(scorer.score(&part));
        Ok(())
    })?;
    // What is mapped stays in the cache.
    project.pixels().release();
    let what =
        if empty_file_cache() { "of the project, cache emptied" } else { "of the project, maybe cached" };
    line(what, project.len(), 0.0, &mut || {
        score_project(project, &scorer, &mut |_| true)?;
        Ok(())
    })
}

/// Whether the system let its file cache be emptied.
fn empty_file_cache() -> bool {
    std::fs::write("/proc/sys/vm/drop_caches", "1").is_ok()
}
