#!/usr/bin/env bash
# Installs what is missing, builds Vitrine, and opens the window on the simulated sample. Without a
# display it does the main job on the sample instead: train the baseline and the recommended method,
# compare them, write a report and an export.
# Usage: bash scripts/run.sh [DIR]     (DIR holds the sample; default ./vitrine-demo)
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/setup.sh
need gcc "C compiler, for the bundled SQLite" libc6-dev "C headers, for the bundled SQLite" \
     libvulkan1 "Vulkan loader, to draw, and to train on a GPU where there is one"
display=${WAYLAND_DISPLAY:-}${DISPLAY:-}
if [ -n "$display" ]; then need_desktop; fi

echo "Building (the first time takes 15 to 30 minutes on two cores) ..."
cargo build --release --locked --workspace
program=$(built vitrine)
dir=${1:-vitrine-demo}
if [ -n "$display" ]; then
  exec "$program" --sample "$dir"
fi
if [ $# -eq 0 ] && [ -e "$dir" ]; then
  n=2
  while [ -e "$dir-$n" ]; do n=$((n + 1)); done
  dir=$dir-$n
fi
exec "$program" demo "$dir"
