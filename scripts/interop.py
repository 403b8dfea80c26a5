#!/usr/bin/env python3
"""Opens exports of Vitrine with the readers other people use and compares what they read.

    interop.py --exports DIR     DIR holds expected.json and the exports it names
    interop.py --model FILE      a model exported as safetensors; its card, FILE with the
                                 ending .json, is read where it is there

Needs starfile, mrcfile, numpy and safetensors from PyPI. core/tests/interop.rs installs them into
an environment of its own under target/, writes the exports of a small simulated project and runs
this script. Ends with 0 when everything agrees, else with a message on the first difference.
"""

import argparse
import csv
import hashlib
import json
import sys
from pathlib import Path

import mrcfile
import numpy as np
import starfile
from safetensors import safe_open


def check(condition, message):
    if not condition:
        sys.exit(f"interop: {message}")


def equal(found, expected, what):
    check(found == expected, f"{what}: found {found!r}, expected {expected!r}")


def pixels(patch, size):
    return np.array(patch["pixels"], dtype=np.float32).reshape(size, size)


def images(patches, size):
    return np.stack([pixels(p, size) for p in patches])


def manifest(path):
    """Checksums and counts of a manifest hold."""
    told = json.loads(path.read_text())
    check(told["files"], f"{path} names no files")
    for entry in told["files"]:
        content = (path.parent / entry["path"]).read_bytes()
        equal(len(content), entry["bytes"], f"{path}: length of {entry['path']}")
        equal(hashlib.sha256(content).hexdigest(), entry["sha256"], f"{path}: checksum of {entry['path']}")
    equal(sum(told["counts"].values()), told["total"], f"{path}: total")
    return told


def stack(path, patches, expected):
    """An MRC stack is valid and holds exactly these pixels."""
    check(mrcfile.validate(path), f"mrcfile.validate refuses {path}")
    with mrcfile.open(path) as mrc:
        check(mrc.is_image_stack(), f"{path} is no image stack")
        equal(mrc.data.dtype, np.dtype("float32"), f"{path}: type")
        check(np.array_equal(mrc.data, images(patches, expected["size"])), f"{path}: pixels differ")
        if expected["pixel_size"] is not None:
            check(abs(float(mrc.voxel_size.x) - expected["pixel_size"]) < 1e-4, f"{path}: {mrc.voxel_size}")


def star(path, patches, expected, labels, stack_name):
    """A RELION 3.1 table holds exactly these particles."""
    blocks = starfile.read(path, always_dict=True)
    equal(sorted(blocks), ["optics", "particles"], f"{path}: blocks")
    optics, table = blocks["optics"], blocks["particles"]
    equal(len(table), len(patches), f"{path}: rows")
    groups = optics.set_index("rlnOpticsGroup")
    check(groups.index.is_unique, f"{path}: optics groups are numbered twice")
    check(set(table["rlnOpticsGroup"]) <= set(groups.index), f"{path}: a particle has an unknown group")
    for name in ("rlnOpticsGroupName", "rlnVoltage", "rlnSphericalAberration", "rlnAmplitudeContrast"):
        check(name in optics, f"{path}: no {name}")
    for size in optics["rlnMicrographPixelSize"]:
        equal(size, expected["micrograph_pixel_size"], f"{path}: micrograph pixel size")
    check("rlnMicrographOriginalPixelSize" not in optics, f"{path}: a pixel size of the movie was invented")
    if stack_name:
        for size in optics["rlnImagePixelSize"]:
            equal(size, expected["pixel_size"], f"{path}: image pixel size")
        equal(set(optics["rlnImageSize"]), {expected["size"]}, f"{path}: image size")
    for number, (patch, (_, row)) in enumerate(zip(patches, table.iterrows()), 1):
        where = f"{path}: particle {number}"
        equal(row["rlnMicrographName"], patch["micrograph"], f"{where}: micrograph")
        check(abs(row["rlnCoordinateX"] - patch["x"]) < 1e-9, f"{where}: x is {row['rlnCoordinateX']}")
        check(abs(row["rlnCoordinateY"] - patch["y"]) < 1e-9, f"{where}: y is {row['rlnCoordinateY']}")
        if labels:
            equal(row["vitrineLabel"], patch["label"], f"{where}: label")
        if stack_name:
            equal(row["rlnImageName"], f"{number:06d}@{stack_name}", f"{where}: image")
        if "rlnAutopickFigureOfMerit" in table:
            check(abs(row["rlnAutopickFigureOfMerit"] - patch["score"]) < 1e-6, f"{where}: score")
    return table


def npz(path, patches, expected):
    with np.load(path, allow_pickle=False) as arrays:
        for label in ("positive", "unlabeled", "negative"):
            of_label = [p for p in patches if p["label"] == label]
            check(of_label, f"the test project has no {label} patch")
            found = arrays[label]
            equal(found.dtype, np.dtype("float32"), f"{path}: type of {label}")
            check(np.array_equal(found, images(of_label, expected["size"])), f"{path}: {label} differs")
            names = [p["micrograph"] or "" for p in of_label]
            equal(list(arrays[f"{label}_micrograph"]), names, f"{path}: micrographs of {label}")
            places = np.array([[np.nan if p[k] is None else p[k] for k in "xy"] for p in of_label])
            check(
                np.array_equal(arrays[f"{label}_xy"], places, equal_nan=True),
                f"{path}: coordinates of {label} differ",
            )


def table(path, patches):
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file))
    equal(len(rows), len(patches), f"{path}: rows")
    for row, patch in zip(rows, patches):
        equal(int(row["id"]), patch["id"], f"{path}: id")
        equal(row["label"], patch["label"], f"{path}: label of {patch['id']}")
        for name in "xy":
            value = float(row[name]) if row[name] else None
            equal(value, patch[name], f"{path}: {name} of {patch['id']}")


def boxes(folder, patches):
    """Lower corners and sides, one file per micrograph."""
    by_micrograph = {}
    for patch in patches:
        by_micrograph.setdefault(Path(patch["micrograph"]).stem, []).append(patch)
    equal({p.stem for p in folder.glob("*.box")}, set(by_micrograph), f"{folder}: files")
    for name, of_micrograph in by_micrograph.items():
        found = np.loadtxt(folder / f"{name}.box", usecols=(0, 1, 2, 3), ndmin=2)
        check(np.array_equal(found, np.trunc(found)), f"{folder}: {name} holds fractions of a px")
        check(np.all(found[:, 2:] % 2 == 0), f"{folder}: {name} has odd boxes")
        centres = found[:, :2] + found[:, 2:] / 2
        wanted = np.trunc([[p["x"], p["y"]] for p in of_micrograph])
        check(np.array_equal(centres, wanted), f"{folder}: {name} differs")


def exports(folder):
    expected = json.loads((folder / "expected.json").read_text())
    patches = expected["patches"]
    placed = [p for p in patches if p["micrograph"] is not None]
    good = [p for p in placed if p["score"] is not None and p["score"] >= expected["threshold"]]
    check(len(placed) < len(patches) and 0 < len(good) < len(placed), "the test project shows too little")

    star(folder / "relion.star", placed, expected, True, "relion.mrcs")
    stack(folder / "relion.mrcs", placed, expected)
    scored = star(folder / "scored.star", good, expected, True, None)
    check("rlnAutopickFigureOfMerit" in scored, "scored.star has no scores")
    star(folder / "cryosparc.star", placed, expected, False, "cryosparc.mrcs")
    stack(folder / "cryosparc.mrcs", placed, expected)
    stack(folder / "stack.mrcs", patches, expected | {"pixel_size": None})
    table(folder / "stack.csv", patches)
    table(folder / "table.csv", patches)
    npz(folder / "arrays.npz", patches, expected)
    boxes(folder / "boxes", placed)
    manifests = sorted(folder.glob("*.manifest.json")) + sorted(folder.glob("*/manifest.json"))
    equal(len(manifests), expected["exports"], "number of manifests")
    for path in manifests:
        manifest(path)
    print(f"interop: {len(manifests)} exports of {len(patches)} patches agree")


def model(path):
    with safe_open(path, framework="np") as file:
        names = list(file.keys())
        check(names, f"{path} holds no tensors")
        values = 0
        for name in names:
            tensor = file.get_tensor(name)
            check(np.all(np.isfinite(tensor)), f"{path}: {name} holds a value that is no finite number")
            values += tensor.size
        print(f"interop: {path} holds {len(names)} tensors, {values} values, metadata {file.metadata()}")
    card = path.with_suffix(".json")
    if card.exists():
        check(isinstance(json.loads(card.read_text()), dict), f"{card} is no JSON object")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--exports", type=Path, help="folder with expected.json and exports")
    parser.add_argument("--model", type=Path, help="safetensors file")
    given = parser.parse_args()
    if given.exports is None and given.model is None:
        parser.error("give --exports, --model, or both")
    if given.exports is not None:
        exports(given.exports)
    if given.model is not None:
        model(given.model)


if __name__ == "__main__":
    main()
