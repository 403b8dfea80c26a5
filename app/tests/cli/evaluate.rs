//! Positions of pickers against known centres.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::support::{Noise, json, ok, refused, run, text};

/// Two micrographs of 200 × 160 px with three centres each; the particle is 40 px wide.
const CENTRES: &str = "micrograph,x,y,particle\n\
    mic_1,40,40,1\nmic_1,100,40,1\nmic_1,150,120,1\nmic_1,20,140,0\n\
    mic_2,40,40,1\nmic_2,100,40,1\nmic_2,150,120,1\n";

/// Topaz: on mic_1 two hits within 20 px (4 and 15 px off) and a false pick, on mic_2 one hit.
const TOPAZ: &str = "image_name\tx_coord\ty_coord\tscore\n\
    mic_1\t44\t40\t3.5\nmic_1\t115\t40\t2.0\nmic_1\t20\t140\t-1.0\nmic_2\t150\t120\t1.0\n";

fn close(value: &Value, wanted: f64) {
    let value = value.as_f64().unwrap();
    assert!((value - wanted).abs() < 1e-9, "{value} for {wanted}");
}

/// Writes centres, Topaz's table and a folder of EMAN boxes: (truth, topaz, boxes).
fn files(dir: &Path) -> (String, String, String) {
    fs::write(dir.join("centres.csv"), CENTRES).unwrap();
    fs::write(dir.join("topaz.txt"), TOPAZ).unwrap();
    let boxes = dir.join("boxes");
    fs::create_dir(&boxes).unwrap();
    // Corners of 60 px boxes around (40, 40), (102, 40) and, on mic_2, (40, 48).
    fs::write(boxes.join("mic_1.box"), "10 10 60 60\n72 10 60 60\n").unwrap();
    fs::write(boxes.join("mic_2.box"), "10 18 60 60\n").unwrap();
    (text(dir.join("centres.csv")), text(dir.join("topaz.txt")), text(boxes))
}

/// Micrographs with a bright disc at every centre.
fn micrographs(dir: &Path) -> String {
    let mics = dir.join("mics");
    fs::create_dir(&mics).unwrap();
    for name in ["mic_1", "mic_2"] {
        let mut noise = Noise::new(7);
        let pixels: Vec<u8> = (0..200 * 160)
            .map(|at| {
                let (x, y) = ((at % 200) as f64, (at / 200) as f64);
                let inside = [(40.0, 40.0), (100.0, 40.0), (150.0, 120.0)]
                    .iter()
                    .any(|c: &(f64, f64)| (c.0 - x).hypot(c.1 - y) < 20.0);
                (100.0 + 20.0 * noise.next() + if inside { 60.0 } else { 0.0 }).clamp(0.0, 255.0) as u8
            })
            .collect();
        image::GrayImage::from_raw(200, 160, pixels).unwrap().save(mics.join(format!("{name}.png"))).unwrap();
    }
    text(mics)
}

#[test]
fn a_picker_with_scores_is_judged_by_hand() {
    let dir = tempfile::tempdir().unwrap();
    let (truth, topaz, _) = files(dir.path());
    let answer = json(&["evaluate", &topaz, "--truth", &truth, "--diameter", "40"]);
    let evaluation = &answer["evaluation"];
    assert_eq!(evaluation["centres"], 6, "the place that is no particle is no centre");
    let set = &evaluation["sets"][0];
    let half = &set["within"][0];
    assert_eq!(half["radius"], 20.0);
    close(&half["given"]["precision"]["value"], 3.0 / 4.0);
    close(&half["given"]["recall"]["value"], 3.0 / 6.0);
    close(&half["given"]["f1"]["value"], 6.0 / 10.0);
    // mic_1: 2 of 3 picks; mic_2: 1 of 1.
    close(&half["given"]["macro_precision"]["value"], (2.0 / 3.0 + 1.0) / 2.0);
    close(&half["given"]["macro_recall"]["value"], (2.0 / 3.0 + 1.0 / 3.0) / 2.0);
    // Three hits from the top, of six centres.
    close(&half["average_precision"]["value"], 0.5);
    close(&half["best"]["threshold"], 1.0);
    close(&half["best"]["f1"]["value"], 6.0 / 9.0);
    // Distances 4, 15 and 0.
    close(&half["median_distance"], 4.0);
    let quarter = &set["within"][1];
    close(&quarter["given"]["recall"]["value"], 2.0 / 6.0);
    // The pick 15 px off is the second of three.
    close(&quarter["average_precision"]["value"], (1.0 + 2.0 / 3.0) / 6.0);
    assert!(answer["notes"][0].as_str().unwrap().contains("lower bound"));
    let strict = json(&["evaluate", &topaz, "--truth", &truth, "--diameter", "40", "--threshold", "1.5"]);
    close(&strict["evaluation"]["sets"][0]["within"][0]["given"]["precision"]["value"], 1.0);
}

#[test]
fn two_pickers_stand_side_by_side_with_what_they_agree_on() {
    let dir = tempfile::tempdir().unwrap();
    let (truth, topaz, boxes) = files(dir.path());
    let mics = micrographs(dir.path());
    let report = text(dir.path().join("picks.html"));
    let args = [
        "evaluate",
        &topaz,
        &boxes,
        "--truth",
        &truth,
        "--diameter",
        "40",
        "--micrographs",
        &mics,
        "--report",
        &report,
    ];
    let answer = json(&args);
    let evaluation = &answer["evaluation"];
    let boxes = &evaluation["sets"][1];
    assert_eq!((boxes["scored"].as_bool(), boxes["picks"].as_u64()), (Some(false), Some(3)));
    close(&boxes["within"][0]["given"]["recall"]["value"], 3.0 / 6.0);
    assert!(boxes["within"][0]["average_precision"].is_null() && boxes["within"][0]["best"].is_null());
    // Topaz at its best threshold holds three places, the boxes three; two lie within 20 px of each other.
    let both = &evaluation["consensus"][1]["point"]["counts"];
    assert_eq!((both["picks"].as_u64(), both["hits"].as_u64()), (Some(2), Some(2)));
    assert_eq!(evaluation["consensus"][0]["point"]["counts"]["picks"], 4);
    let said = ok(&args);
    assert!(said.contains("area under precision and recall") && said.contains("found by at least"), "{said}");
    assert!(said.contains("note: precision is a lower bound"), "{said}");
    let page = fs::read_to_string(&report).unwrap();
    assert!(page.contains("circle class=\"hit\"") && page.contains("circle class=\"miss\""), "marks");
    assert!(page.contains("data:image/png;base64,") && page.contains("centres missed"), "pictures");
    assert!(page.contains("Hits within d/2") && page.contains("Hits within d/4"), "curves");
    assert!(
        page.contains("What the pickers agree on") && !page.contains("http://") | page.contains("w3.org")
    );
}

#[test]
fn coordinates_are_scaled_turned_over_and_cut_off_at_the_margin() {
    let dir = tempfile::tempdir().unwrap();
    let (truth, _, _) = files(dir.path());
    let mics = micrographs(dir.path());
    // Binned by 2 and counted from the last of 160 rows: y' = (159 − y)/2.
    let turned = text(dir.path().join("turned.csv"));
    fs::write(&turned, "micrograph,x,y\nmic_1,20,59.5\nmic_1,50,59.5\nmic_1,75,19.5\nmic_2,20,59.5\n")
        .unwrap();
    let found = |more: &[&str]| {
        let mut args =
            vec!["evaluate", &turned, "--truth", &truth, "--diameter", "40", "--micrographs", &mics];
        args.extend(["--picks-scale", "2"]);
        args.extend(more);
        json(&args)
    };
    let straight = found(&[]);
    assert_eq!(straight["evaluation"]["sets"][0]["within"][0]["given"]["counts"]["hits"], 0);
    let over = found(&["--y-up"]);
    assert_eq!(over["evaluation"]["sets"][0]["within"][1]["given"]["counts"]["hits"], 4);
    // The centres at (40, 40) lie within 50 px of the edge, as do those at (100, 40) and (150, 120).
    let inner = found(&["--y-up", "--margin", "41"]);
    assert_eq!(inner["evaluation"]["centres"], 0);
    let notes = inner["notes"].to_string();
    assert!(notes.contains("4 picks and 6 centres in the outer 41 px"), "{notes}");
}

#[test]
fn what_does_not_fit_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let (truth, topaz, boxes) = files(dir.path());
    let said = refused(&["evaluate", &topaz, "--truth", &truth]);
    assert!(said.contains("diameter"), "{said}");
    let said = refused(&["evaluate", &topaz, "--truth", &truth, "--diameter", "0"]);
    assert!(said.contains("no diameter"), "{said}");
    let other = text(dir.path().join("other.csv"));
    fs::write(&other, "micrograph,x,y\nelsewhere,1,2\n").unwrap();
    let said = refused(&["evaluate", &other, "--truth", &truth, "--diameter", "40"]);
    assert!(said.contains("elsewhere") && said.contains("mic_1"), "{said}");
    assert_eq!(run(&["evaluate", &topaz, "--truth", &truth, "--y-up"]).code, Some(2));
    // A micrograph without picks counts as missed, unless only those picked are judged.
    fs::remove_file(Path::new(&boxes).join("mic_2.box")).unwrap();
    let all = json(&["evaluate", &boxes, "--truth", &truth, "--diameter", "40"]);
    assert_eq!(all["evaluation"]["centres"], 6);
    assert!(all["notes"].to_string().contains("1 of 2 micrographs of the truth have no picks"), "{all}");
    let picked = json(&["evaluate", &boxes, "--truth", &truth, "--diameter", "40", "--picked-only"]);
    assert_eq!(picked["evaluation"]["centres"], 3);
}
