#!/usr/bin/env bash
# Installs what is missing, builds Vitrine, and does the main job on the simulated sample:
# train the baseline and the recommended method, compare them, write a report and an export.
# Usage: bash scripts/run.sh [DIR]     (DIR must be new or empty; default ./vitrine-demo)
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/setup.sh
need gcc "C compiler, for the bundled SQLite" libc6-dev "C headers, for the bundled SQLite" \
     libvulkan1 "Vulkan loader, to train on a GPU where there is one"

echo "Building (the first time takes 15 to 30 minutes on two cores) ..."
cargo build --release --locked --workspace
dir=${1:-vitrine-demo}
if [ $# -eq 0 ] && [ -e "$dir" ]; then
  n=2
  while [ -e "$dir-$n" ]; do n=$((n + 1)); done
  dir=$dir-$n
fi
exec "${CARGO_TARGET_DIR:-target}/release/vitrine" demo "$dir"
