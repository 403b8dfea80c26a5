#!/usr/bin/env python3
"""What a task of an array costs, and what many micrographs cost on several nodes.

    bench_cluster.py [--micrographs N] [--side PX] [--scale-to N] [--nodes 1,8,64] [--slots N]

Starts a SLURM of this machine (scripts/slurm_local.sh, as root), makes micrographs of discs in noise, and picks them with
the general model, as arrays of one task, of two, and of one for each micrograph, on one slot and on two. A task has one
thread. From that follow, and are printed as tables:

- the time of a micrograph, and the overhead of a task: start of the program, reading the network, signs of life;
- what a second slot gains;
- what so many micrographs cost on so many nodes, when a node has so many slots and a micrograph is as large as those
  measured. It is arithmetic: shards are equal, the disk keeps up, and all nodes are free at once. What the shared disk
  must bear meanwhile stands beside it.

Times are from the call of sbatch until the last task has ended. Other work on the machine spoils them.
"""

import argparse
import json
import math
import os
import random
import shutil
import struct
import subprocess
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def write_micrograph(path, side, seed):
    """Dark discs in noise, MRC mode 2."""
    draw = random.Random(seed)
    discs = [(draw.randrange(40, side - 40), draw.randrange(40, side - 40)) for _ in range(side * side // 20000)]
    noise = [draw.gauss(0, 1) for _ in range(4096)]
    near = {}
    for x, y in discs:
        for row in range(y - 14, y + 15):
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
                for at in range(max(0, x - 14), min(side, x + 15)):
                    if (at - x) ** 2 + (row - y) ** 2 <= 196:
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

    def slurm(self, slots):
        script = ["bash", ROOT / "scripts/slurm_local.sh"]
        place = self.folder / f"slurm-{slots}"
        started = subprocess.run([*script, "start", place, str(slots)], capture_output=True, text=True)
        if started.returncode != 0:
            raise SystemExit(f"SLURM did not start: {started.stderr.strip()}")
        self.env["SLURM_CONF"] = str(place / "slurm.conf")
        return lambda: subprocess.run([*script, "stop", place], capture_output=True)

    def pick(self, project, mics, shards):
        """Seconds of an array of so many shards, and bytes that it has written for its places."""
        places = project / "runs/general-1/picks"
        shutil.rmtree(places, ignore_errors=True)
        said = json.loads(self.call(
            "submit", "pick", project, "--run", "general-1", "--diameter", 28, "--micrographs", mics,
            "--device", "cpu", "--out", self.folder / "picks", "--cluster", "lab", "--cpus", 1, "--memory", 1,
            "--shards", shards, "--dry-run", "--json"))
        began = time.monotonic()
        self.call("jobs", project, "rerun", said["job"])
        exits = [Path(said["folder"]) / "tasks" / str(task) / "exit.json" for task in range(said["tasks"])]
        while not all(path.exists() for path in exits):
            if time.monotonic() - began > 3600:
                raise SystemExit(f"{said['job']} has not ended within an hour; see {said['folder']}")
            time.sleep(0.02)
        took = time.monotonic() - began
        codes = [json.loads(path.read_text())["code"] for path in exits]
        if any(codes):
            raise SystemExit(f"tasks of {said['job']} have failed; see {said['folder']}")
        return took, sum(file.stat().st_size for file in places.rglob("*") if file.is_file())


def duration(seconds):
    return f"{seconds:.1f} s" if seconds < 100 else f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--vitrine", default=ROOT / "target/release/vitrine", help="the program")
    parser.add_argument("--micrographs", type=int, default=8, help="how many are measured")
    parser.add_argument("--side", type=int, default=2048, help="side of a micrograph, px")
    parser.add_argument("--scale-to", type=int, default=20000, help="micrographs of the data set on paper")
    parser.add_argument("--nodes", default="1,8,64", help="nodes on paper")
    parser.add_argument("--slots", type=int, default=16, help="tasks that run on a node at once, on paper")
    args = parser.parse_args()
    number = max(args.micrographs, 2)

    with tempfile.TemporaryDirectory(prefix="bench-cluster-") as folder:
        site = Site(str(args.vitrine), Path(folder))
        project, mics = site.folder / "p", site.folder / "mics"
        mics.mkdir()
        for at in range(number):
            write_micrograph(mics / f"hole_{at}.mrc", args.side, at)
        picks = site.folder / "picks.csv"
        picks.write_text("micrograph,x,y\n" + "".join(f"hole_0,{x},60\n" for x in range(60, args.side - 60, 60)))
        site.call("new", project)
        site.call("import", project, "--micrographs", mics / "hole_0.mrc", "--picks", picks, "--box", 48)
        site.call("rank", project, "--device", "cpu", "--particles", "dark")
        site.call("cluster", "add", "lab", "--partition", "short")

        took = {}
        written = 0
        for slots in (1, 2):
            stop = site.slurm(slots)
            try:
                for shards in (1, 2, number):
                    if (slots, shards) not in took:
                        took[slots, shards], written = site.pick(project, mics, shards)
            finally:
                stop()

    # On one slot tasks follow one another: what more tasks cost is their overhead.
    overhead = max((took[1, number] - took[1, 1]) / (number - 1), 0.0)
    each = max((took[1, 1] - overhead) / number, 1e-6)
    read, wrote = 1024 + 4 * args.side**2, written / number
    print(f"{number} micrographs of {args.side}² px, one thread a task\n")
    print("| tasks | one slot | two slots | gain |")
    print("|---|---|---|---|")
    for shards in dict.fromkeys((1, 2, number)):
        one, two = took[1, shards], took[2, shards]
        print(f"| {shards} | {one:.1f} s | {two:.1f} s | {one / two:.2f} |")
    print(f"\na micrograph: {each:.2f} s, {read / 1e6:.1f} MB read, {wrote / 1e3:.1f} kB written")
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
