#!/usr/bin/env python3
"""What a task of an array costs, and what many micrographs cost on several nodes.

    bench_cluster.py [--micrographs N] [--folder DIR | --side PX] [--diameter PX] [--contrast dark|light]
                     [--scale-to N] [--nodes 1,8,64] [--slots N]

Starts a SLURM of this machine (scripts/slurm_local.sh, as root), takes the first micrographs of a folder or makes some of
discs in noise, and picks them with the general model, as arrays of one task, of two, and of one for each micrograph, on one
slot and on two. A task has one thread. From that follow, and are printed as tables:

- the time of a micrograph, and the overhead of a task: start of the program, reading the network, the scheduler;
- what a second slot gains;
- what so many micrographs cost on so many nodes, when a node has so many slots and a micrograph is as large as those
  measured. It is arithmetic from the processor time of a micrograph, which one process with one thread has spent, and the
  overhead of a task: shards are equal, the disk keeps up, and all nodes are free at once. What the shared disk must bear
  meanwhile stands beside it.

Times of tasks are from the call of sbatch until the last task has ended. Other work on the machine spoils them: a micrograph
in a task should take about its processor time.
"""

import argparse
import json
import math
import os
import random
import resource
import shutil
import struct
import subprocess
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ENDINGS = {".mrc", ".tif", ".tiff", ".jpg", ".jpeg", ".png"}


def write_micrograph(path, side, diameter, seed):
    """Dark discs in noise, MRC mode 2."""
    draw = random.Random(seed)
    radius = diameter // 2
    edge = 2 * radius
    number = side * side // (25 * diameter * diameter)
    discs = [(draw.randrange(edge, side - edge), draw.randrange(edge, side - edge)) for _ in range(number)]
    noise = [draw.gauss(0, 1) for _ in range(4096)]
    near = {}
    for x, y in discs:
        for row in range(y - radius, y + radius + 1):
            near.setdefault(row, []).append((x, y))
    header = bytearray(1024)
    struct.pack_into("<4i", header, 0, side, side, 1, 2)
    struct.pack_into("<3i", header, 28, side, side, 1)
    struct.pack_into("<3f", header, 40, float(side), float(side), 1.0)
    struct.pack_into("<3i", header, 64, 1, 2, 3)
    header[208:212] = b"MAP "
    header[212:216] = b"\x44\x44\x00\x00"
    with open(path, "wb") as file:
        file.write(header)
        for row in range(side):
            begin = draw.randrange(4096)
            values = [noise[(begin + 7 * at) % 4096] for at in range(side)]
            for x, y in near.get(row, []):
                for at in range(max(0, x - radius), min(side, x + radius + 1)):
                    if (at - x) ** 2 + (row - y) ** 2 <= radius * radius:
                        values[at] -= 1.0
            file.write(struct.pack(f"<{side}f", *values))


class Site:
    def __init__(self, vitrine, folder):
        self.vitrine, self.folder = vitrine, folder
        self.env = {**os.environ, "VITRINE_CONFIG_DIR": str(folder / "settings")}

    def call(self, *words):
        ended = subprocess.run([self.vitrine, *map(str, words)], env=self.env, capture_output=True, text=True)
        if ended.returncode != 0:
            raise SystemExit(f"vitrine {' '.join(map(str, words))}: {ended.stderr.strip()}")
        return ended.stdout

    def processor_time(self, project, mics, diameter):
        """Processor time of one process with one thread, s: of all micrographs, and of the same once they are scored."""
        env = {**self.env, "RAYON_NUM_THREADS": "1"}
        words = ["pick", project, "--run", "general-1", "--diameter", diameter, "--micrographs", mics,
                 "--device", "cpu", "--out", self.folder / "direct"]
        spent = []
        for _ in range(2):
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            subprocess.run([self.vitrine, *map(str, words)], env=env, capture_output=True, check=True)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            spent.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        return spent

    def slurm(self, slots):
        script = ["bash", ROOT / "scripts/slurm_local.sh"]
        place = self.folder / f"slurm-{slots}"
        started = subprocess.run([*script, "start", place, str(slots)], capture_output=True, text=True)
        if started.returncode != 0:
            raise SystemExit(f"SLURM did not start: {started.stderr.strip()}")
        self.env["SLURM_CONF"] = str(place / "slurm.conf")
        return lambda: subprocess.run([*script, "stop", place], capture_output=True)

    def pick(self, project, mics, diameter, shards):
        """Seconds of an array of so many shards, and bytes that it has written for its places."""
        places = project / "runs/general-1/picks"
        shutil.rmtree(places, ignore_errors=True)
        said = json.loads(self.call(
            "submit", "pick", project, "--run", "general-1", "--diameter", diameter, "--micrographs", mics,
            "--device", "cpu", "--out", self.folder / "picks", "--cluster", "lab", "--cpus", 1, "--memory", 1,
            "--shards", shards, "--dry-run", "--json"))
        began = time.monotonic()
        self.call("jobs", project, "rerun", said["job"])
        exits = [Path(said["folder"]) / "tasks" / str(task) / "exit.json" for task in range(said["tasks"])]
        while not all(path.exists() for path in exits):
            if time.monotonic() - began > 3600:
                raise SystemExit(f"{said['job']} has not ended within an hour: {self.call('jobs', project)}")
            time.sleep(0.02)
        took = time.monotonic() - began
        for path in exits:
            if json.loads(path.read_text())["code"]:
                # The folder goes with the end of this program, so the reason is told here.
                raise SystemExit(f"a task of {said['job']} has failed: {(path.parent / 'log').read_text().strip()}")
        return took, sum(file.stat().st_size for file in places.rglob("*") if file.is_file())


def duration(seconds):
    return f"{seconds:.1f} s" if seconds < 100 else f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--vitrine", default=ROOT / "target/release/vitrine", help="the program")
    parser.add_argument("--micrographs", type=int, default=8, help="how many are measured")
    parser.add_argument("--folder", type=Path, help="take micrographs of this folder, and make none")
    parser.add_argument("--side", type=int, default=4096, help="side of a micrograph that is made, px")
    parser.add_argument("--diameter", type=int, default=108, help="diameter of a particle, px")
    parser.add_argument("--contrast", default="dark", choices=["dark", "light"], help="whether particles are dark or light")
    parser.add_argument("--scale-to", type=int, default=20000, help="micrographs of the data set on paper")
    parser.add_argument("--nodes", default="1,8,64", help="nodes on paper")
    parser.add_argument("--slots", type=int, default=16, help="tasks that run on a node at once, on paper")
    args = parser.parse_args()
    number = max(args.micrographs, 2)

    with tempfile.TemporaryDirectory(prefix="bench-cluster-") as folder:
        site = Site(str(args.vitrine), Path(folder))
        project, mics = site.folder / "p", site.folder / "mics"
        mics.mkdir()
        if args.folder:
            files = sorted(file for file in args.folder.resolve().iterdir() if file.suffix.lower() in ENDINGS)[:number]
            if len(files) < 2:
                raise SystemExit(f"{args.folder} holds fewer than two micrographs ({', '.join(sorted(ENDINGS))})")
            number = len(files)
            for file in files:
                (mics / file.name).symlink_to(file)
        else:
            for at in range(number):
                write_micrograph(mics / f"hole_{at}.mrc", args.side, args.diameter, at)
        sample = sorted(mics.iterdir())
        bytes_read = sum(file.stat().st_size for file in sample) / number
        # A few places are enough for the project to know box and pixels; nothing is learned from them.
        bin_factor = max(round(2 * args.diameter / 64), 1)
        box = 64 * bin_factor
        picks = site.folder / "picks.csv"
        places = [(x, y) for y in (box, 2 * box) for x in (box, 2 * box, 3 * box)]
        picks.write_text("micrograph,x,y\n" + "".join(f"{sample[0].stem},{x},{y}\n" for x, y in places))
        site.call("new", project)
        site.call("import", project, "--micrographs", sample[0], "--picks", picks, "--box", box, "--bin", bin_factor)
        site.call("rank", project, "--device", "cpu", "--particles", args.contrast)
        site.call("cluster", "add", "lab", "--partition", "short")

        whole, again = site.processor_time(project, mics, args.diameter)
        took = {}
        written = 0
        for slots in (1, 2):
            stop = site.slurm(slots)
            try:
                for shards in (1, 2, number):
                    if (slots, shards) not in took:
                        took[slots, shards], written = site.pick(project, mics, args.diameter, shards)
            finally:
                stop()

    # On one slot tasks follow one another: what more tasks cost is their overhead.
    overhead = max((took[1, number] - took[1, 1]) / (number - 1), 0.0)
    waited = max((took[1, 1] - overhead) / number, 0.0)
    # One thread on a core of its own takes its processor time; other work on this machine does not lengthen that.
    each = max((whole - again) / number, 1e-6)
    read, wrote = bytes_read, written / number
    what = "of the folder" if args.folder else f"of {args.side}² px"
    print(f"{number} micrographs {what}, particles of {args.diameter} px, one thread a task\n")
    print("| tasks | one slot | two slots | gain |")
    print("|---|---|---|---|")
    for shards in dict.fromkeys((1, 2, number)):
        one, two = took[1, shards], took[2, shards]
        print(f"| {shards} | {one:.1f} s | {two:.1f} s | {one / two:.2f} |")
    print(f"\na micrograph: {each:.2f} s of processor time, {waited:.2f} s in a task, {read / 1e6:.1f} MB read, "
          f"{wrote / 1e3:.1f} kB written")
    print(f"a task: {overhead:.2f} s more\n")
    print(f"On paper: {args.scale_to} such micrographs, {args.slots} tasks at once on a node, four tasks for each place\n")
    print("| nodes | tasks | micrographs a task | time | share of overhead | read | files written | signs of life |")
    print("|---|---|---|---|---|---|---|---|")
    for nodes in map(int, args.nodes.split(",")):
        places = nodes * args.slots
        tasks = min(4 * places, args.scale_to, 10_000)
        share = math.ceil(args.scale_to / tasks)
        rounds = math.ceil(tasks / places)
        time_all = rounds * (overhead + share * each)
        print(f"| {nodes} | {tasks} | {share} | {duration(time_all)} | {overhead / (overhead + share * each):.1%} "
              f"| {args.scale_to * read / time_all / 1e6:.0f} MB/s | {args.scale_to / time_all:.1f} /s "
              f"| {min(places, tasks) / 5:.1f} /s |")


if __name__ == "__main__":
    main()
