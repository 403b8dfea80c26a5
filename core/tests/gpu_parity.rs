//! One training step on the CPU and on wgpu must agree: fusion and autotuning have returned silently
//! wrong results on some drivers. Runs on a real GPU where there is one, else on software Vulkan; in
//! a process of its own, because the environment must be set before the first kernel.
#![allow(clippy::unwrap_used, clippy::panic)]

mod needs;

use vitrine_core::device::{self, ComputeDevice, DeviceChoice};
use vitrine_core::imaging::CutSettings;
use vitrine_core::imaging::normalise::{Affine, Normaliser, NormaliserKind};
use vitrine_core::learning::config::yaml::parse;
use vitrine_core::learning::data::TrainingData;
use vitrine_core::learning::data::patch_store::{DevicePool, HalfPatches, PatchStore};
use vitrine_core::learning::general_model::general_model;
use vitrine_core::learning::infer::predict::TestTimeAugmentation;
use vitrine_core::learning::infer::scorer::Scorer;
use vitrine_core::learning::train::trainer::{AfterBatch, Trainer};
use vitrine_core::picking::picker::Picker;
use vitrine_core::{Image, Label};

const SIZE: usize = 16;
const CHILD: &str = "VITRINE_PARITY_CHILD";

/// `bad` is a patch that holds what is no number.
fn data(bad: Option<usize>) -> TrainingData {
    let mut state = 1u64;
    let mut noise = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1u64 << 24) as f32 - 0.5
    };
    let mut pixels = Vec::new();
    for i in 0..16 {
        for place in 0..SIZE * SIZE {
            let (x, y) = ((place % SIZE) as f32 - 7.5, (place / SIZE) as f32 - 7.5);
            let disc = if i < 8 && x.hypot(y) < 4.0 { 0.8 } else { 0.0 };
            pixels.push(noise() + disc);
        }
    }
    let normaliser =
        Normaliser::fit(NormaliserKind::PerPatchZScore, SIZE, pixels.chunks(SIZE * SIZE)).unwrap();
    for patch in pixels.chunks_mut(SIZE * SIZE) {
        normaliser.apply(patch).unwrap();
    }
    if let Some(bad) = bad {
        pixels[bad * SIZE * SIZE] = f32::NAN;
    }
    TrainingData {
        size: SIZE,
        pixels: pixels.into(),
        labels: (0..16).map(|i| if i < 4 { Label::Positive } else { Label::Unlabeled }).collect(),
        train: (0..16).collect(),
        validation: Vec::new(),
        truth: None,
    }
}

/// Patches of a source with 16 bits a pixel come from the device as they are.
fn sixteen_bits_lie_on_the_device(device: &ComputeDevice) {
    let raw: Vec<half::f16> = (0..12 * SIZE * SIZE)
        .map(|i| half::f16::from_f32(200.0 + ((i * 7919) % 1013) as f32 / 16.0))
        .collect();
    let maps = (0..12).map(|i| Affine { offset: 210.0 + f64::from(i), scale: 3.0 + f64::from(i) }).collect();
    let store = PatchStore::from(HalfPatches { raw, maps });
    let taken = [11, 0, 5, 5];
    let on_device = DevicePool::new(&store, SIZE, device);
    println!("{on_device:?}");
    let found: Vec<f32> = on_device.gather(&taken).unwrap().into_data().try_to_vec().unwrap();
    let mut patch = vec![0.0; SIZE * SIZE];
    for (index, found) in taken.into_iter().zip(found.chunks(SIZE * SIZE)) {
        store.read(index, &mut patch).unwrap();
        assert!(patch.iter().zip(found).all(|(a, b)| (a - b).abs() < 1e-4), "patch {index}");
    }
}

/// Loss, gradient norm and logits after one epoch of one step.
fn one_step(device: &ComputeDevice) -> Vec<f64> {
    let config = parse(
        "prior: 0.3\nrisk:\n  kind: nnpu\nconsistency:\n  kind: fixmatch\n  ramp_up_epochs: 0\nteacher:\n  enabled: true\nbatch:\n  size: 16\nschedule:\n  epochs: 1\n  warm_up_epochs: 0\n  cosine: false\n",
        "parity",
    )
    .unwrap();
    let mut trainer = Trainer::new(config, 0.3, data(None), device);
    let metrics = trainer.run_epoch(1, |_, _| AfterBatch::Continue).unwrap().unwrap();
    let mut values = vec![metrics.loss, metrics.gradient_norm, metrics.p_mean, metrics.p_std];
    values.extend(
        trainer
            .logits(&(0..16).collect::<Vec<_>>(), TestTimeAugmentation::None)
            .unwrap()
            .into_iter()
            .map(f64::from),
    );
    values
}

/// Twelve steps of four patches, of which a GPU is asked twice what came of them. Each takes its pseudo-labels by what
/// those before it said.
fn twelve_steps(
    device: &ComputeDevice,
    bad: Option<usize>,
    stop: Option<usize>,
) -> vitrine_core::Result<Option<Vec<f64>>> {
    let config = parse(
        "prior: 0.3\nrisk:\n  kind: naive\nconsistency:\n  kind: softmatch\n  ramp_up_epochs: 0\n  distribution_alignment: true\nalignment:\n  weight: 0.3\nteacher:\n  enabled: true\nbatch:\n  size: 4\n  positive: 1\n  unlabeled: 1\noptimizer:\n  learning_rate: 0.0001\nschedule:\n  epochs: 1\n  warm_up_epochs: 0\n  cosine: false\n",
        "parity",
    )
    .unwrap();
    // Each unlabeled patch twice in an epoch: two in a batch, one of which the alignment takes for a particle.
    let data = TrainingData { train: (0..16).chain(4..16).collect(), ..data(bad) };
    let mut trainer = Trainer::new(config, 0.3, data, device);
    let after = |done, _| if stop == Some(done) { AfterBatch::Stop } else { AfterBatch::Continue };
    let Some(m) = trainer.run_epoch(1, after)? else { return Ok(None) };
    Ok(Some(vec![
        m.loss,
        m.loss_consistency,
        m.gradient_norm,
        m.p_mean,
        m.p_std,
        m.pseudo_label_rate_positive,
    ]))
}

/// What is read late is all read, and a bad step is an error.
fn steps_read_together(gpu: &ComputeDevice) {
    let [cpu, late] =
        [&ComputeDevice::cpu(), gpu].map(|device| twelve_steps(device, None, None).unwrap().unwrap());
    println!("cpu  {cpu:.5?}\nwgpu {late:.5?}");
    for (c, g) in cpu.iter().zip(&late) {
        assert!((c - g).abs() <= 2e-2 * c.abs().max(1.0), "cpu {c}, wgpu {g}");
    }
    let outcome = twelve_steps(&ComputeDevice::cpu(), Some(15), None);
    let Err(vitrine_core::Error::Training { epoch: 1, batch, .. }) = outcome else { panic!("{outcome:?}") };
    // Also where the run is stopped before a GPU would have been asked.
    assert!(batch % 8 > 0, "batch {batch} is asked about anyway");
    for stop in [None, Some(batch)] {
        let outcome = twelve_steps(gpu, Some(15), stop);
        assert!(matches!(outcome, Err(vitrine_core::Error::Training { epoch: 1, .. })), "{outcome:?}");
    }
}

/// The map of a micrograph and the scores of the patches cut there.
fn picking_is_the_same(gpu: &ComputeDevice) {
    let side = 150;
    let pixels = (0..side * side).map(|at| {
        let (x, y) = ((at % side) as f32 - 75.0, (at / side) as f32 - 70.0);
        ((at * at % 10_007) as f32 * 0.37).sin() - if x.hypot(y) < 14.0 { 1.5 } else { 0.0 }
    });
    let image = Image { width: side, height: side, data: pixels.collect() };
    let model = general_model(64, false).unwrap();
    let [cpu, wgpu] = [ComputeDevice::cpu(), gpu.clone()].map(|device| {
        let scorer = Scorer::new(&model, device).unwrap();
        let picker = Picker::new(scorer, CutSettings { box_size: 64, bin: 1, margin: 0 }).unwrap();
        let prepared = picker.prepare(image.clone()).unwrap();
        (picker.map(&prepared).logits, picker.pick(&prepared).unwrap().places)
    });
    let spread = cpu.0.values.iter().fold(0.0f32, |most, value| most.max(value.abs()));
    assert!(cpu.0.values.len() > 400 && spread > 1.0, "{spread}");
    assert_eq!((cpu.0.columns, cpu.0.rows), (wgpu.0.columns, wgpu.0.rows));
    for (c, g) in cpu.0.values.iter().zip(&wgpu.0.values) {
        assert!((c - g).abs() <= 2e-3 * spread, "map: cpu {c}, wgpu {g}");
    }
    assert!(!cpu.1.is_empty());
    for place in &cpu.1 {
        let same = wgpu.1.iter().find(|other| (other.x - place.x).hypot(other.y - place.y) < 0.1);
        assert!(same.is_some_and(|other| (other.logit - place.logit).abs() < 1e-2), "{place:?}: {same:?}");
    }
}

#[test]
fn one_step_on_wgpu_matches_the_cpu() {
    let gpus: Vec<_> = device::list().into_iter().filter(|d| d.id != "cpu").collect();
    let Some(gpu) = gpus.first() else {
        let test = "one_step_on_wgpu_matches_the_cpu";
        needs::missing(needs::Need::Gpu, test, "needs a GPU or software Vulkan (mesa-vulkan-drivers)");
        return;
    };
    if std::env::var_os(CHILD).is_none() {
        let status = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["one_step_on_wgpu_matches_the_cpu", "--exact", "--nocapture"])
            .env(CHILD, "1")
            // Autotuning compiles every candidate kernel: minutes on a software rasteriser.
            .env("CUBECL_AUTOTUNE_LEVEL", if gpu.eligible { "1" } else { "0" })
            .status()
            .unwrap();
        assert!(status.success(), "the comparison on {} failed", gpu.name);
        return;
    }
    let started = std::time::Instant::now();
    sixteen_bits_lie_on_the_device(&ComputeDevice::open(DeviceChoice::Gpu(0)).unwrap());
    let cpu = one_step(&ComputeDevice::cpu());
    let device = ComputeDevice::open(DeviceChoice::Gpu(0)).unwrap();
    let wgpu = one_step(&device);
    steps_read_together(&device);
    picking_is_the_same(&device);
    println!("{device}: {:.0} s", started.elapsed().as_secs_f64());
    println!("cpu  {cpu:.5?}\nwgpu {wgpu:.5?}");
    for (c, g) in cpu.iter().zip(&wgpu) {
        assert!((c - g).abs() <= 2e-3 * c.abs().max(1.0), "cpu {c}, wgpu {g}");
    }
}
