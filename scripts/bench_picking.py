#!/usr/bin/env python3
"""Picks whole micrographs with Vitrine and with Topaz, trained on the same picks, and judges both.

    bench_picking.py --micrographs DIR --picks DIR --truth DIR --diameter PX --box PX --bin N [options]

Both learn from the same picks on the same micrographs and pick on micrographs held out from both. `vitrine evaluate`
judges the picks of both against the reference centres: area under precision and recall, best F1 and median distance,
within half and within a quarter of the diameter. Times are CPU seconds, with peak memory, of programs run one after
the other on the same cores. Picking counts everything from the file of a micrograph to its picks, for Topaz the
preprocessing too.

--counts takes so many picks, micrograph by micrograph as a person would make them, so few picks lie on few
micrographs; "all" takes all of the micrographs that are not held out. Each count is a run of its own.

Topaz is not part of Vitrine: install it first (PyPI topaz-em, with PyTorch) or give --skip-topaz. It needs MRC files. Options after
--topaz-train go to `topaz train` as they are. The expected number of particles that Topaz asks for is the mean of the
reference on the micrographs it learns from, unless --expected gives it: the best value it could be given.

Names of micrographs, picks and reference files are those of the micrographs, whatever their endings.
"""

import argparse
import csv
import json
import os
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PICTURES = {".mrc", ".mrcs", ".tif", ".tiff", ".png", ".jpg", ".jpeg"}


class Cost:
    """What programs have cost that ran one after the other."""

    def __init__(self):
        self.cpu = self.wall = self.memory = 0.0

    def add(self, usage, wall):
        self.cpu += usage.ru_utime + usage.ru_stime
        self.wall += wall
        # KiB on Linux: of the largest process.
        self.memory = max(self.memory, usage.ru_maxrss / 1024)

    def values(self, micrographs=1):
        return {"cpu_s": self.cpu / micrographs, "wall_s": self.wall / micrographs, "peak_mib": self.memory}


class Runner:
    """Runs programs on a fixed set of cores, and says what they cost."""

    def __init__(self, cores, log):
        available = sorted(os.sched_getaffinity(0))
        self.cores = available[: cores or len(available)]
        self.log = log
        threads = str(len(self.cores))
        names = ["RAYON_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"]
        self.environment = dict(os.environ, **dict.fromkeys(names, threads))

    def __call__(self, command, cost=None):
        command = [str(part) for part in command]
        with open(self.log, "a") as log:
            log.write("$ " + " ".join(command) + "\n")
            log.flush()
            clock = time.monotonic()
            process = subprocess.Popen(
                command,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=self.environment,
                preexec_fn=lambda: os.sched_setaffinity(0, self.cores),
            )
            output = process.stdout.read()
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            log.write(output)
        if process.returncode != 0:
            sys.exit(f"bench_picking: {command[0]} {command[1]} ended with {process.returncode}; see {self.log}")
        if cost is not None:
            cost.add(usage, time.monotonic() - clock)
        return output


def stem(path):
    return Path(path).stem


def pictures(folder):
    found = sorted(path for path in Path(folder).iterdir() if path.suffix.lower() in PICTURES)
    if not found:
        sys.exit(f"bench_picking: {folder} holds no micrographs")
    return found


def held_out(names, options):
    """The names that nobody learns from."""
    if options.held_out_names:
        chosen = [stem(name) for name in options.held_out_names]
        unknown = sorted(set(chosen) - set(names))
        if unknown:
            sys.exit(f"bench_picking: there is no micrograph {unknown[0]}")
        return chosen
    return names[-options.held_out :]


def all_picks(run, options, vitrine, micrographs, work):
    """Centres of all picks by micrograph, px from the first row, as Vitrine reads them."""
    project, table = work / "all", work / "all.csv"
    run([vitrine, "new", project])
    command = [vitrine, "import", project, "--micrographs", *micrographs, "--picks", options.picks]
    command += ["--box", options.box, "--bin", options.bin] + (["--y-up"] if options.y_up else [])
    run(command)
    run([vitrine, "export", project, "--format", "csv", "--y", "down", "--out", table])
    picks = {}
    with open(table, newline="") as file:
        for row in csv.DictReader(line for line in file if not line.startswith("#")):
            name = next(row[key] for key in row if "micrograph" in key or "image" in key)
            x, y = (float(next(row[key] for key in (axis, f"{axis}_coord") if key in row)) for axis in "xy")
            picks.setdefault(stem(name), []).append((x, y))
    shutil.rmtree(project)
    return picks


def some(picks, names, count, seed):
    """So many picks, micrograph by micrograph."""
    order = [name for name in names if picks.get(name)]
    if count == "all":
        return {name: picks[name] for name in order}
    chance = random.Random(seed)
    chance.shuffle(order)
    taken, left = {}, int(count)
    for name in order:
        here = list(picks[name])
        chance.shuffle(here)
        taken[name] = here[:left]
        left -= len(taken[name])
        if left == 0:
            return taken
    sys.exit(f"bench_picking: {count} picks were asked for, but there are {int(count) - left}")


def reference(options, names, work):
    """The reference of these micrographs alone: others would count as missed."""
    folder = work / "truth"
    folder.mkdir()
    files = [path for path in Path(options.truth).iterdir() if stem(path) in names]
    for path in files:
        shutil.copy(path, folder / path.name)
    missing = set(names) - {stem(path) for path in files}
    if missing:
        sys.exit(f"bench_picking: {options.truth} says nothing of {sorted(missing)[0]}")
    return folder


def expected_number(options, names):
    """Mean number of reference centres on these micrographs."""
    if options.expected:
        return options.expected
    counts = []
    for path in Path(options.truth).iterdir():
        if stem(path) in names and path.suffix.lower() in {".csv", ".tsv", ".txt"}:
            rows = [line for line in path.read_text().splitlines() if line.strip() and not line.startswith("#")]
            counts.append(sum(line.strip()[0] in "-.0123456789" for line in rows))
    if not counts:
        sys.exit("bench_picking: the reference cannot be counted; give --expected")
    return sum(counts) / len(counts)


def vitrine_picks(run, options, vitrine, picks, train, test, work):
    table, project, out = work / "picks.csv", work / "project", work / "vitrine.csv"
    with open(table, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["micrograph", "x", "y"])
        writer.writerows([name, x, y] for name, here in picks.items() for x, y in here)
    learning, picking = Cost(), Cost()
    run([vitrine, "new", project], learning)
    command = [vitrine, "import", project, "--micrographs", *train, "--picks", table, "--box", options.box]
    command += ["--bin", options.bin, "--pool", options.pool, "--diameter", options.diameter]
    for name, value in [("--pool-count", options.pool_count), ("--pool-distance", options.pool_distance)]:
        command += [] if value is None else [name, value]
    run(command, learning)
    command = [vitrine, "train", project, "--config", options.config, "--name", "bench", "--device", "cpu"]
    run(command + (["--epochs", options.epochs] if options.epochs else []), learning)
    command = [vitrine, "pick", project, "--run", "bench", "--micrographs", *test, "--device", "cpu"]
    run([*command, "--threshold", "0", "--table", out], picking)
    return out, learning, picking


def topaz_picks(run, options, picks, train, test, expected, work):
    topaz, scale = options.topaz, options.topaz_scale
    learning, picking = Cost(), Cost()
    threads = ["--num-threads", len(run.cores), "--device", "-1"]
    small = {}
    for kind, files, cost in [("train", train, learning), ("test", test, picking)]:
        folder = work / f"topaz_{kind}"
        run([topaz, "preprocess", "--scale", scale, "--destdir", folder, *threads, *files], cost)
        small[kind] = folder
    targets = work / "topaz_targets.txt"
    with open(targets, "w", newline="") as file:
        writer = csv.writer(file, delimiter="\t")
        writer.writerow(["image_name", "x_coord", "y_coord"])
        for name, here in picks.items():
            writer.writerows([name, round(x / scale), round(y / scale)] for x, y in here)
    command = [topaz, "train", "--train-images", small["train"], "--train-targets", targets]
    command += ["--num-particles", f"{expected:.0f}", "--save-prefix", work / "topaz_model"]
    command += ["--output", work / "topaz_curve.txt", *threads, *options.topaz_train]
    run(command, learning)
    models = sorted(work.glob("topaz_model*.sav"), key=lambda path: path.stat().st_mtime)
    if not models:
        sys.exit(f"bench_picking: topaz has kept no model; see {run.log}")
    out = work / "topaz.txt"
    radius = max(1, round(options.diameter / 2 / scale))
    command = [topaz, "extract", "--radius", radius, "--model", models[-1], "--up-scale", scale, "--output", out]
    run([*command, *threads, *sorted(small["test"].glob("*.mrc"))], picking)
    return out, learning, picking


def judged(run, options, vitrine, files, truth, test):
    command = [vitrine, "evaluate", *files, "--truth", truth, "--diameter", options.diameter]
    command += ["--margin", options.margin, "--micrographs", *test, "--json"]
    answer = json.loads(run(command))
    found = []
    for one in answer["evaluation"]["sets"]:
        numbers = {}
        for within in one["within"]:
            best = within["best"] or within["given"]
            numbers[f"d/{within['divisor']}"] = {
                "auprc": (within["average_precision"] or {}).get("value"),
                "best_f1": best["f1"]["value"],
                "precision": best["precision"]["value"],
                "recall": best["recall"]["value"],
                "median_distance_px": within["median_distance"],
            }
        found.append(numbers)
    return answer["evaluation"]["centres"], found


def show(results, diameter):
    def number(value, digits=3):
        return "–" if value is None else f"{value:.{digits}f}"

    heads = ["picks", "program", "AUPRC d/2", "F1 d/2", "AUPRC d/4", "F1 d/4", "distance/d", "learning CPU s"]
    heads += ["CPU s a mic.", "peak MiB"]
    rows = [heads]
    for result in results:
        for name, one in result["programs"].items():
            half, quarter = one["quality"]["d/2"], one["quality"]["d/4"]
            distance = half["median_distance_px"]
            rows.append(
                [
                    f"{result['picks']} on {result['micrographs']}",
                    name,
                    number(half["auprc"]),
                    number(half["best_f1"]),
                    number(quarter["auprc"]),
                    number(quarter["best_f1"]),
                    number(None if distance is None else distance / diameter),
                    number(one["learning"]["cpu_s"], 0),
                    number(one["picking"]["cpu_s"], 2),
                    number(one["picking"]["peak_mib"], 0),
                ]
            )
    widths = [max(len(row[at]) for row in rows) for at in range(len(heads))]
    for row in rows:
        print("  ".join(cell.rjust(width) for cell, width in zip(row, widths)))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    data = parser.add_argument_group("data")
    data.add_argument("--micrographs", type=Path, required=True, help="folder of micrographs")
    data.add_argument("--picks", type=Path, required=True, help="folder of picks, one file a micrograph")
    data.add_argument("--truth", type=Path, required=True, help="folder of reference centres, one file a micrograph")
    data.add_argument("--y-up", action="store_true", help="the picks count y from the last row")
    data.add_argument("--diameter", type=float, required=True, help="of the particle, px of the micrograph")
    data.add_argument("--margin", type=float, default=0, help="outer px of a micrograph that are not judged")
    data.add_argument("--held-out", type=int, default=4, help="the last so many micrographs by name are held out")
    data.add_argument("--held-out-names", nargs="+", metavar="NAME", help="hold these out instead")
    data.add_argument("--counts", nargs="+", default=["all"], metavar="N", help="picks to learn from: 20 50 100 all")
    data.add_argument("--seed", type=int, default=1, help="of the choice of picks")
    ours = parser.add_argument_group("Vitrine")
    ours.add_argument("--box", type=int, required=True, help="side of the box, px of the micrograph")
    ours.add_argument("--bin", type=int, required=True, help="px averaged into one")
    ours.add_argument("--config", default="picking", help="preset or file of the training (default: picking)")
    ours.add_argument("--epochs", type=int, help="fewer epochs than the configuration says")
    ours.add_argument("--pool", default="picking", help="how unlabeled places are found (default: picking)")
    ours.add_argument("--pool-count", type=int, help="unlabeled places a micrograph (default: the program's)")
    ours.add_argument("--pool-distance", type=float, help="of these from picks, px (default: the program's)")
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    ours.add_argument("--binary", type=Path, default=target / "release/vitrine")
    other = parser.add_argument_group("Topaz")
    other.add_argument("--skip-topaz", action="store_true", help="Vitrine alone")
    other.add_argument("--topaz", default="topaz", help="the program")
    other.add_argument("--topaz-scale", type=int, default=4, help="px averaged into one (default: 4)")
    other.add_argument("--expected", type=float, help="particles a micrograph (default: mean of the reference)")
    other.add_argument("--topaz-train", nargs=argparse.REMAINDER, default=[], help="the rest goes to topaz train")
    parser.add_argument("--cores", type=int, help="cores of each program (default: all)")
    parser.add_argument("--work", type=Path, default=Path("bench_picking"), help="a new folder for what is made")
    options = parser.parse_args()

    for count in options.counts:
        if count != "all" and not count.isdecimal():
            sys.exit(f"bench_picking: {count} is no number of picks")
    if not options.binary.exists():
        sys.exit(f"bench_picking: {options.binary} is not there; build it: cargo build --release --workspace")
    if not options.skip_topaz and shutil.which(options.topaz) is None:
        sys.exit("bench_picking: there is no program topaz; install topaz-em, or give --skip-topaz")
    if not options.skip_topaz and any(path.suffix.lower() != ".mrc" for path in pictures(options.micrographs)):
        sys.exit("bench_picking: topaz 0.3.20 preprocesses MRC files only; give the micrographs as MRC, or --skip-topaz")
    if options.work.exists():
        sys.exit(f"bench_picking: {options.work} is there already; name another folder with --work")
    options.work.mkdir(parents=True)
    run = Runner(options.cores, options.work / "log.txt")
    vitrine = options.binary.resolve()

    files = {stem(path): path.resolve() for path in pictures(options.micrographs)}
    names = sorted(files)
    test_names = held_out(names, options)
    train_names = [name for name in names if name not in test_names]
    test = [files[name] for name in test_names]
    truth = reference(options, test_names, options.work)
    picks = all_picks(run, options, vitrine, [files[name] for name in train_names], options.work)
    print(f"{len(test)} micrographs held out, {len(run.cores)} cores for each program", flush=True)

    results = []
    for count in options.counts:
        work = options.work / f"picks_{count}"
        work.mkdir()
        chosen = some(picks, train_names, count, options.seed)
        train = [files[name] for name in chosen]
        done = {"Vitrine": vitrine_picks(run, options, vitrine, chosen, train, test, work)}
        if not options.skip_topaz:
            expected = expected_number(options, list(chosen))
            done["Topaz"] = topaz_picks(run, options, chosen, train, test, expected, work)
        centres, quality = judged(run, options, vitrine, [out for out, _, _ in done.values()], truth, test)
        results.append(
            {
                "picks": sum(len(here) for here in chosen.values()),
                "micrographs": len(chosen),
                "centres": centres,
                "programs": {
                    name: {
                        "quality": numbers,
                        "learning": learning.values(),
                        "picking": picking.values(len(test)),
                    }
                    for (name, (_, learning, picking)), numbers in zip(done.items(), quality)
                },
            }
        )
        (options.work / "results.json").write_text(json.dumps(results, indent=2) + "\n")
    show(results, options.diameter)
    print(f"numbers: {options.work / 'results.json'}")


if __name__ == "__main__":
    main()
