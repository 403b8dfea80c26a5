#!/usr/bin/env python3
"""Makes the files of a small cryoSPARC job, and compares exports of Vitrine with what cryosparc-tools reads.

    interop_cryosparc.py --make DIR     particles.cs, passthrough.cs (the same particles in another
                                        order), and their stack
    interop_cryosparc.py --check DIR    particles.cs and passthrough.cs joined by cryosparc-tools
                                        against DIR/out.cs and DIR/out.star; DIR/chosen.json lists
                                        the uids that were exported

Needs cryosparc-tools, starfile, mrcfile and numpy from PyPI; core/tests/interop.rs runs it. Ends with 0
when everything agrees, else with a message on the first difference.
"""

import argparse
import json
import sys
from pathlib import Path

import mrcfile
import numpy as np
import starfile
from cryosparc.dataset import Dataset

COUNT = 24
SIDE = 16
SHAPE = (3838, 3710)  # rows, columns


def check(condition, message):
    if not condition:
        sys.exit(f"interop: {message}")


def make(folder):
    random = np.random.default_rng(7)
    stack = "J3/extract/000000000000123456789_mic_particles.mrc"
    (folder / stack).parent.mkdir(parents=True)
    images = random.normal(size=(COUNT, SIDE, SIDE)).astype(np.float32)
    with mrcfile.new(folder / stack) as mrc:
        mrc.set_data(images)
        mrc.set_image_stack()
        mrc.voxel_size = 2.5
    particles = Dataset.allocate(
        COUNT,
        [
            ("blob/path", "O"),
            ("blob/idx", "u4"),
            ("blob/shape", "u4", (2,)),
            ("blob/psize_A", "f4"),
            ("ctf/accel_kv", "f4"),
            ("ctf/cs_mm", "f4"),
            ("ctf/amp_contrast", "f4"),
            ("ctf/df1_A", "f4"),
            ("ctf/df2_A", "f4"),
            ("ctf/df_angle_rad", "f4"),
        ],
    )
    particles["blob/path"] = np.array([">" + stack] * COUNT)
    particles["blob/idx"] = random.permutation(COUNT).astype("u4")
    particles["blob/shape"] = SIDE
    particles["blob/psize_A"] = 2.5
    particles["ctf/accel_kv"] = 300.0
    particles["ctf/cs_mm"] = 2.7
    particles["ctf/amp_contrast"] = 0.1
    particles["ctf/df1_A"] = random.uniform(8e3, 2e4, COUNT)
    particles["ctf/df2_A"] = random.uniform(8e3, 2e4, COUNT)
    particles["ctf/df_angle_rad"] = random.uniform(0, 3, COUNT)
    further = Dataset.allocate(
        COUNT,
        [
            ("location/micrograph_path", "O"),
            ("location/micrograph_shape", "u4", (2,)),
            ("location/center_x_frac", "f4"),
            ("location/center_y_frac", "f4"),
            ("location/micrograph_psize_A", "f4"),
        ],
    )
    order = random.permutation(COUNT)
    further["uid"] = particles["uid"][order]
    further["location/micrograph_path"] = np.array(
        [f"J2/motioncorrected/mic_{i % 3}_patch_aligned_doseweighted.mrc" for i in range(COUNT)]
    )
    further["location/micrograph_shape"] = np.array([SHAPE] * COUNT)
    further["location/center_x_frac"] = random.uniform(0.1, 0.9, COUNT)
    further["location/center_y_frac"] = random.uniform(0.1, 0.9, COUNT)
    further["location/micrograph_psize_A"] = 1.25
    particles.save(folder / "particles.cs")
    further.save(folder / "passthrough.cs")


def compare(folder):
    uids = np.array(json.loads((folder / "chosen.json").read_text()), dtype=np.uint64)
    check(0 < len(uids) < COUNT, "the test chose too little or everything")
    joined = Dataset.load(folder / "particles.cs").innerjoin(Dataset.load(folder / "passthrough.cs"))
    check(len(joined) == COUNT, f"cryosparc-tools joins {len(joined)} of {COUNT} particles")
    expected = joined.mask(np.isin(joined["uid"], uids))
    found = Dataset.load(folder / "out.cs")
    check(sorted(found.fields()) == sorted(expected.fields()), f"fields: {found.fields()}")
    check(len(found) == len(expected), f"{len(found)} particles, {len(expected)} expected")
    place = {uid: at for at, uid in enumerate(expected["uid"])}
    rows = [place[uid] for uid in found["uid"]]
    for field in found.fields():
        check(np.array_equal(found[field], expected[field][rows]), f"{field} differs")

    blocks = starfile.read(folder / "out.star", always_dict=True)
    optics, table = blocks["optics"], blocks["particles"]
    check(len(table) == len(uids), f"out.star has {len(table)} rows")
    check(float(optics["rlnVoltage"].iloc[0]) == 300.0, "out.star: voltage")
    check(abs(float(optics["rlnImagePixelSize"].iloc[0]) - 2.5) < 1e-6, "out.star: pixel size")
    check(int(optics["rlnImageSize"].iloc[0]) == SIDE, "out.star: image size")
    for row, (_, line) in zip(rows, table.iterrows()):
        path = str(expected["blob/path"][row]).lstrip(">")
        image = f"{int(expected['blob/idx'][row]) + 1:06d}@{path}"
        check(line["rlnImageName"] == image, f"image {line['rlnImageName']}, expected {image}")
        x = float(expected["location/center_x_frac"][row]) * SHAPE[1]
        y = float(expected["location/center_y_frac"][row]) * SHAPE[0]
        check(abs(line["rlnCoordinateX"] - x) < 1e-6, f"x {line['rlnCoordinateX']}, expected {x}")
        check(abs(line["rlnCoordinateY"] - y) < 1e-6, f"y {line['rlnCoordinateY']}, expected {y}")
        check(abs(line["rlnDefocusU"] - expected["ctf/df1_A"][row]) < 0.01, "defocus")
        angle = np.degrees(float(expected["ctf/df_angle_rad"][row]))
        check(abs(line["rlnDefocusAngle"] - angle) < 1e-4, "angle of the defocus")
    print(f"interop: {len(uids)} of {COUNT} cryoSPARC particles agree")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--make", type=Path, help="folder for the files of the job")
    parser.add_argument("--check", type=Path, help="folder with the job's files and the exports")
    given = parser.parse_args()
    if given.make is not None:
        make(given.make)
    elif given.check is not None:
        compare(given.check)
    else:
        parser.error("give --make or --check")


if __name__ == "__main__":
    main()
