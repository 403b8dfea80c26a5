#!/usr/bin/env python3
"""Prints the licences of everything that is compiled into Vitrine, for a package.

Usage: python3 scripts/third_party.py TARGET > THIRD-PARTY.txt

Reads what cargo has unpacked of each crate. A text that several crates share is printed once.
"""

import json
import pathlib
import subprocess
import sys


def said(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def compiled_in(target):
    """The crates that end up in the program: no tests, no build scripts, no macros."""
    tree = said("cargo", "tree", "--locked", "-p", "vitrine", "--target", target, "-e", "normal,no-proc-macro",
                "--prefix", "none", "--format", "{p}")
    wanted = {tuple(line.split()[:2]) for line in tree.splitlines() if line.strip()}
    data = json.loads(said("cargo", "metadata", "--format-version", "1", "--locked"))
    others = [package for package in data["packages"] if package["source"] is not None]
    return [package for package in others if (package["name"], "v" + package["version"]) in wanted]


def texts(package):
    folder = pathlib.Path(package["manifest_path"]).parent
    names = ("licen", "copying", "notice", "copyright", "ofl")
    files = [f for f in folder.iterdir() if f.is_file() and f.name.lower().startswith(names)]
    # The fonts of the window have theirs beside them.
    files += [f for f in folder.glob("fonts/*") if f.suffix == ".txt"]
    return [f.read_text(encoding="utf-8", errors="replace").strip() for f in sorted(files)]


def main():
    packages = sorted(compiled_in(sys.argv[1]), key=lambda p: (p["name"], p["version"]))
    print(f"Vitrine is built from {len(packages)} other works. Their licences follow.\n")
    users, without = {}, []
    for package in packages:
        name = f"{package['name']} {package['version']}"
        found = texts(package)
        print(f"{name}: {package['license'] or 'see its text below'}")
        if not found:
            without.append(name)
        for text in found:
            users.setdefault(text, []).append(name)
    if without:
        print("\nThese bring no text of their own; the licence named above holds:")
        print(", ".join(without))
    for text, names in users.items():
        print(f"\n{'=' * 100}\n{', '.join(dict.fromkeys(names))}\n{'-' * 100}\n{text}")


main()
