//! Comparison tables, pictures and the report file.
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used)]

use std::collections::BTreeMap;

use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution as _, Normal};
use vitrine_core::LabelCounts;
use vitrine_core::report::figures;
use vitrine_core::report::html;
use vitrine_core::report::metrics::*;
use vitrine_core::report::tables::*;
use vitrine_core::report::*;

/// A run with plausible curves.
fn run(name: &str, quality: f64, seed: u64) -> RunSummary {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let normal = Normal::new(0.0, 1.0).unwrap();
    let squash = |z: f64| (1.0 / (1.0 + (-2.2 * (z - 1.1)).exp())) as f32;
    let scores = ScoreSamples {
        positive: (0..300).map(|_| squash(quality + normal.sample(&mut rng))).collect(),
        negative: (0..400).map(|_| squash(normal.sample(&mut rng) - 0.5)).collect(),
        unlabeled: (0..1400)
            .map(|i| squash(if i % 10 < 3 { quality } else { -0.5 } + normal.sample(&mut rng)))
            .collect(),
    };
    let epochs = (1..=40)
        .map(|epoch| {
            let t = epoch as f64 / 40.0;
            let noise = 0.006 * normal.sample(&mut rng);
            let values = BTreeMap::from([
                ("loss".to_owned(), 0.7 * (-3.0 * t).exp() + 0.2 + noise),
                ("loss_risk".to_owned(), 0.5 * (-3.0 * t).exp() + 0.1 + noise),
                (
                    "loss_consistency".to_owned(),
                    if epoch < 8 { f64::NAN } else { 0.3 * (1.0 - t) + 0.1 + noise },
                ),
                ("learning_rate".to_owned(), 1e-3 * 0.5 * (1.0 + (std::f64::consts::PI * t).cos())),
                ("gradient_norm".to_owned(), 2.0 + 3.0 * (-4.0 * t).exp() + 20.0 * noise.abs()),
                ("validation_auc_pu".to_owned(), 0.5 + 0.12 * quality * (1.0 - (-6.0 * t).exp()) + noise),
                ("validation_auc_ceiling".to_owned(), 0.85),
                ("validation_auc_pn".to_owned(), 0.5 + 0.16 * quality * (1.0 - (-6.0 * t).exp()) + noise),
                ("pseudo_label_rate".to_owned(), (0.3 + 0.2 * quality * t).min(1.0)),
                ("p_mean".to_owned(), 0.5 - 0.2 * t + noise),
                ("p_std".to_owned(), 0.1 + 0.3 * t + noise),
            ]);
            EpochRow { epoch, values }
        })
        .collect();
    let curves = vec![
        Curves::measure(&scores.positive, &scores.unlabeled, Against::Unlabeled).unwrap(),
        Curves::measure(&scores.positive, &scores.negative, Against::Negative).unwrap(),
    ];
    let metrics = BTreeMap::from([
        ("test_auc_pn".to_owned(), curves[1].auc),
        ("validation_auc_pu".to_owned(), curves[0].auc),
        ("prior".to_owned(), 0.31),
        ("seconds".to_owned(), 420.0 + seed as f64),
        ("my_own_number".to_owned(), 0.00012345),
    ]);
    RunSummary {
        name: name.into(),
        is_baseline: false,
        config_yaml: format!("risk:\n  kind: nnpu\nseed: {seed}\noptimizer:\n  learning_rate: 1e-3\n"),
        seed,
        device: "CPU (flex)".into(),
        epochs,
        metrics,
        curves,
        scores,
        threshold: Some(0.5),
        prior: Some(PriorSummary { value: 0.31, interval: Some((0.22, 0.37)) }),
        warnings: vec![],
        ..RunSummary::default()
    }
}

fn three_runs() -> Vec<RunSummary> {
    let mut base = run("supervised_baseline", 1.8, 1);
    base.is_baseline = true;
    base.config_yaml = "risk:\n  kind: supervised\nseed: 1\noptimizer:\n  learning_rate: 0.001\n".into();
    base.prior = Some(PriorSummary { value: 0.2, interval: None });
    let mut odd = run("a <b>bold</b> & \"odd\" run whose name goes on and on and on", 2.3, 3);
    odd.warnings = vec!["The class prior 0.197 equals the labelling rate <343/1743>.".into()];
    vec![base, run("recommended", 2.9, 2), odd]
}

fn input() -> ReportInput {
    ReportInput {
        title: "Particles of β-galactosidase".into(),
        made: "Vitrine 0.1.0, 22 November 2026".into(),
        project: ProjectFacts {
            name: "beta-gal".into(),
            counts: LabelCounts { positive: 343, unlabeled: 1_234_567, negative: 0 },
            facts: vec![
                ("Box size".into(), "64 px".into()),
                ("Pixel size".into(), "2.66 Å".into()),
                ("Micrographs".into(), "12".into()),
            ],
        },
        runs: three_runs(),
        patches: vec![],
        warnings: vec![
            "The validation split holds 68 positives; the AUC is uncertain by about ±0.02.".into(),
        ],
    }
}

#[test]
fn numbers_are_written_as_people_read_them() {
    use NumberStyle::*;
    let cases = [
        (0.96849, Score, "0.968"),
        (f64::NAN, Score, "–"),
        (0.4567, Share, "45.7 %"),
        (12.0, Count, "12"),
        (8.25, Seconds, "8.2 s"),
        (425.4, Seconds, "7 min 05 s"),
        (3599.9, Seconds, "1 h 00 min"),
        (9000.0, Seconds, "2 h 30 min"),
        (123.456, Plain, "123.5"),
        (0.5, Plain, "0.5000"),
        (1234.5, Plain, "1234"),
        (5e-5, Plain, "5.000e-5"),
        (0.0, Plain, "0.0000"),
    ];
    for (value, style, shown) in cases {
        assert_eq!(format_number(value, style), shown, "{value} as {style:?}");
    }
}

#[test]
fn comparison_by_hand() {
    let mut runs = three_runs();
    for (run, auc) in runs.iter_mut().zip([0.9, 0.95, 0.9502]) {
        run.metrics = BTreeMap::from([("test_auc_pn".to_owned(), auc), ("own".to_owned(), 1.0)]);
    }
    runs[2].metrics.insert("own".into(), f64::NAN);
    let rows = compare(&runs);
    assert_eq!(rows.iter().map(|r| r.key.as_str()).collect::<Vec<_>>(), ["test_auc_pn", "own"]);
    // How much of a lead on test patches is chance is not known.
    assert_eq!(rows[0].best, [false; 3]);
    assert_eq!(rows[0].shown(1), "0.950");
    assert_eq!(rows[0].shown_difference(0), None);
    assert_eq!(rows[0].shown_difference(1).unwrap(), "+0.050");
    assert_eq!(rows[1].values, [Some(1.0), Some(1.0), None]);
    assert_eq!(rows[1].best, [false; 3]);
    // The other direction, and a difference that rounds to nothing.
    for (run, auc) in runs.iter_mut().zip([0.9, 0.89, 0.90001]) {
        run.metrics = BTreeMap::from([("test_auc_pn".to_owned(), auc), ("seconds".to_owned(), auc)]);
    }
    let rows = compare(&runs);
    assert_eq!(rows[0].shown_difference(1).unwrap(), "−0.010");
    assert_eq!(rows[0].shown_difference(2).unwrap(), "±0.000");
    assert_eq!(rows[1].best, [false; 3]);
}

#[test]
fn only_a_lead_beyond_chance_is_marked_in_terminal_and_report() {
    let mut runs = three_runs();
    let mut marked = |aucs: [f64; 3]| {
        for (run, auc) in runs.iter_mut().zip(aucs) {
            let faster = 1000.0 * auc;
            run.metrics = [("validation_auc_pn", auc), ("patches_per_second", faster)]
                .map(|(key, value)| (key.to_owned(), value))
                .into();
        }
        let best = compare(&runs).iter().map(|row| row.best.clone()).collect::<Vec<_>>();
        let page = html::render(&ReportInput { runs: runs.clone(), ..input() }).unwrap();
        (best, comparison_text(&runs).unwrap(), page)
    };
    // 300 positives and 400 negatives: 0.05 is more than chance, 0.01 is not. Other numbers are never marked.
    let (best, text, page) = marked([0.85, 0.90, 0.95]);
    assert_eq!(best, [[false, false, true], [false; 3]]);
    assert!(text.contains("*0.950") && text.matches('*').count() == 2, "{text}");
    assert!(text.contains("* best by more than chance explains"), "{text}");
    assert!(page.contains("★ 0.950") && page.contains("★ best by more than chance explains"));
    assert_eq!(page.matches('★').count(), 2);
    let (best, text, page) = marked([0.85, 0.94, 0.95]);
    assert_eq!(best, [[false; 3], [false; 3]]);
    assert_eq!((text.matches('*').count(), page.matches('★').count()), (1, 1), "the legend alone: {text}");
}

#[test]
fn only_real_config_differences_are_listed() {
    let runs = three_runs();
    let found = config_differences(&runs).unwrap();
    // 1e-3 and 0.001 are the same number, so the learning rate is not listed.
    assert_eq!(found.iter().map(|d| d.key.as_str()).collect::<Vec<_>>(), ["risk.kind", "seed"]);
    assert_eq!(found[0].values, [Some("supervised".to_owned()), Some("nnpu".into()), Some("nnpu".into())]);
    let mut broken = runs;
    broken[1].config_yaml = "risk: [1,\n  }".into();
    let error = config_differences(&broken).unwrap_err().to_string();
    assert!(error.contains("recommended"), "{error}");
    assert!(flatten_config("", "x").unwrap().is_empty());
    let flat = flatten_config("a:\n  b: [1, 2]\n  c: {}\nd: null\ne: true", "x").unwrap();
    assert_eq!(flat["a.b"], "[1,2]");
    assert_eq!(flat["a.c"], "{}");
    assert_eq!(flat["d"], "null");
    assert_eq!(flat["e"], "true");
}

#[test]
fn text_table_by_hand() {
    let cell = |s: &str| s.to_owned();
    let text = text_table(&[cell("π"), cell("run")], &[vec![cell("x")], vec![cell("yy"), cell("1.000")]]);
    assert_eq!(text, "π     run\n─────────\nx\nyy  1.000\n");
    let text = comparison_text(&three_runs()).unwrap();
    println!("{text}");
    assert!(text.contains("(baseline)") && text.contains("risk.kind"));
}

/// Pictures are well-formed XML that a reader can show; looked at by eye when
/// `VITRINE_PICTURES` names a folder to put them in.
#[test]
fn all_pictures_are_drawn() {
    let runs = three_runs();
    let pictures = [
        ("auc", figures::auc_over_epochs(&runs)),
        ("pseudo", figures::pseudo_labels(&runs)),
        ("losses", figures::losses(&runs)),
        ("step", figures::step_size(&runs)),
        ("roc_u", figures::roc(&runs, Against::Unlabeled)),
        ("roc_n", figures::roc(&runs, Against::Negative)),
        ("pr", figures::precision_recall(&runs, Against::Negative)),
        ("scores", figures::score_histograms(&runs[1])),
        ("priors", figures::priors(&runs, Some(0.197))),
    ];
    for (name, svg) in pictures {
        let svg = svg.unwrap().unwrap_or_else(|| panic!("{name} is empty"));
        assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"), "{name}");
        assert!(!svg.contains("<b>") && !svg.contains("NaN"), "{name}");
        if let Ok(folder) = std::env::var("VITRINE_PICTURES") {
            std::fs::write(format!("{folder}/{name}.svg"), svg).unwrap();
        }
    }
}

#[test]
fn every_epoch_is_in_the_curve_and_the_baseline_is_dashed() {
    let mut runs = three_runs();
    runs.truncate(2);
    let svg = figures::auc_over_epochs(&runs).unwrap().unwrap();
    // The solid run: one polyline of 40 points per panel in its blue.
    let solid: Vec<&str> = svg
        .lines()
        .flat_map(|l| l.split("<polyline").skip(1))
        .filter(|l| l.contains("#0072B2") && l.contains("stroke-width=\"2\""))
        .collect();
    let longest = solid
        .iter()
        .filter_map(|l| l.split("points=\"").nth(1))
        .map(|p| p.split('"').next().unwrap().split_whitespace().count())
        .max();
    assert_eq!(longest, Some(40));
    // The dashed baseline: many short pieces in ink.
    assert!(svg.matches("#262626").count() > 50);
}

#[test]
fn nothing_to_draw_is_said_not_drawn() {
    let empty = [RunSummary { name: "empty".into(), ..RunSummary::default() }];
    assert!(figures::auc_over_epochs(&empty).unwrap().is_none());
    assert!(figures::pseudo_labels(&empty).unwrap().is_none());
    assert!(figures::roc(&empty, Against::Unlabeled).unwrap().is_none());
    assert!(figures::score_histograms(&empty[0]).unwrap().is_none());
    assert!(figures::priors(&empty, Some(0.2)).unwrap().is_none());
    let page = html::render(&ReportInput { runs: empty.to_vec(), ..ReportInput::default() }).unwrap();
    assert!(!page.contains("<svg") && page.contains("Seed"));
    assert!(html::render(&ReportInput::default()).is_err());
}

#[test]
fn odd_curves_are_drawn() {
    // One epoch, a constant, infinities, twelve runs (more than colours), an empty name.
    let mut runs: Vec<RunSummary> = (0..12).map(|i| run(&format!("run {i}"), 2.0, i)).collect();
    runs[0].epochs.truncate(1);
    runs[1].epochs.iter_mut().for_each(|e| {
        e.values.insert("loss".into(), 3.0);
    });
    runs[2].epochs.iter_mut().for_each(|e| {
        e.values.insert("loss".into(), f64::INFINITY);
    });
    runs[3].name = "\u{1}\u{0}".into();
    runs[4].scores.positive = vec![f32::NAN; 3];
    let page = html::render(&ReportInput { runs, ..input() }).unwrap();
    assert!(page.contains("first 8 runs only"));
    assert!(!page.contains('\u{1}') && !page.contains('\u{0}'));
}

#[test]
fn the_report_is_one_file_and_escapes_what_is_foreign() {
    let mut input = input();
    let png = {
        // The signature is what the report looks at; the rest is passed on as it is.
        let mut bytes = b"\x89PNG\r\n\x1a\n".to_vec();
        bytes.extend_from_slice(b"rest");
        bytes
    };
    input.patches = vec![PatchPicture { caption: "Top \"40\" <unlabeled>".into(), png }];
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.html");
    std::fs::write(&path, "old").unwrap();
    html::write(&input, &path).unwrap();
    let page = std::fs::read_to_string(&path).unwrap();
    assert!(!page.contains("<b>bold") && page.contains("&lt;b&gt;bold"));
    assert!(page.contains("Top &quot;40&quot; &lt;unlabeled&gt;"));
    assert!(page.contains("&lt;343/1743&gt;"));
    assert!(page.contains("src=\"data:image/png;base64,iVBORw0KGgpyZXN0\""));
    assert!(page.contains("1\u{202f}234\u{202f}567"));
    // Self-contained: nothing is loaded from elsewhere.
    for outside in ["src=\"http", "href=", "@import", "url("] {
        assert!(!page.contains(outside), "{outside}");
    }
    assert!(page.matches("<svg").count() >= 10);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "no temporary file is left");
    if let Ok(folder) = std::env::var("VITRINE_PICTURES") {
        input.patches.clear();
        html::write(&input, format!("{folder}/report.html").as_ref()).unwrap();
    }
    // A picture that is none, and a folder that is not there, leave the old file alone.
    input.patches[..].iter_mut().for_each(|p| p.png = b"GIF89a".to_vec());
    input.patches.push(PatchPicture { caption: "x".into(), png: b"GIF89a".to_vec() });
    assert!(html::write(&input, &path).unwrap_err().to_string().contains("no PNG"));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), page);
    input.patches.clear();
    let error = html::write(&input, &folder.path().join("missing/report.html")).unwrap_err().to_string();
    assert!(error.contains("missing/report.html"), "{error}");
}

#[test]
fn a_validation_above_its_ceiling_names_no_winner_and_says_why() {
    let mut runs = three_runs();
    for (run, auc) in runs.iter_mut().zip([0.90, 0.74, 0.60]) {
        run.metrics.insert("validation_auc_ceiling".into(), 0.85);
        run.metrics.insert("validation_auc_pu".into(), auc);
    }
    let row = |runs: &[RunSummary]| compare(runs).into_iter().find(|r| r.key == "validation_auc_pu").unwrap();
    assert!(row(&runs).best.iter().all(|best| !best));
    let text = comparison_text(&runs).unwrap();
    assert!(text.contains("note: The AUC of supervised_baseline lies above its ceiling"), "{text}");
    // A little above is noted without a verdict, and does not hide the best.
    runs[0].metrics.insert("validation_auc_pu".into(), 0.853);
    assert_eq!(row(&runs).best, [true, false, false]);
    assert!(comparison_text(&runs).unwrap().contains("Chance can explain so little"));
    runs[0].metrics.insert("validation_auc_pu".into(), 0.62);
    assert_eq!(row(&runs).best, [false, true, false]);
    assert!(!comparison_text(&runs).unwrap().contains("note:"));
}

#[test]
fn a_corrected_auc_above_one_is_a_dash_with_its_reason_everywhere() {
    use vitrine_core::learning::eval::metrics::corrected_auc;
    let mut runs = three_runs();
    // The formula would give 2.166 and 1.779 for the first two.
    for (run, auc) in runs.iter_mut().zip([0.943, 0.840, 0.60]) {
        // As a run of an older version stored it.
        run.metrics.insert("validation_auc_corrected".into(), (auc - 0.367) / 0.266);
        run.set_corrected("validation_auc_corrected", corrected_auc(auc, 0.734).unwrap());
        run.set_corrected("test_auc_corrected", corrected_auc(0.9, 0.734).unwrap());
    }
    let rows = compare(&runs);
    let row = |key: &str| rows.iter().find(|r| r.key == key).unwrap();
    let validation = row("validation_auc_corrected");
    assert_eq!([0, 1, 2].map(|run| validation.shown(run)), ["–", "–", "0.876"]);
    assert_eq!(validation.differences, [None; 3]);
    assert!(validation.reasons[0].as_ref().unwrap().contains("0.943"));
    assert_eq!(validation.reasons[2], None);
    // A row in which no run has a number stays, since there is something to say.
    assert_eq!([0, 1, 2].map(|run| row("test_auc_corrected").shown(run)), ["–"; 3]);
    let text = comparison_text(&runs).unwrap();
    assert!(text.contains("above its ceiling 1 − π/2 (0.943 against 0.633)"), "{text}");
    let page = html::render(&ReportInput { runs, ..input() }).unwrap();
    assert!(page.contains("above its ceiling 1 − π/2 (0.943 against 0.633)"));
    assert!(page.contains("title=\"the AUC against unlabeled, 0.943, lies above"));
    for page in [text, page] {
        assert!(!page.contains("2.166") && !page.contains("1.779"), "{page}");
    }
}
