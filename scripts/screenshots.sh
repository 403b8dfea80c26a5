#!/usr/bin/env bash
# Makes the pictures in docs/screenshots on real data, with the application as it is now.
# Usage: bash scripts/screenshots.sh [DATA] [EPOCHS]
#   DATA    folder that holds empiar10017 and pu_benchmark (default ../shared/data)
#   EPOCHS  epochs of the two runs that are shown (default as their presets say, which takes hours on a processor)
set -euo pipefail
cd "$(dirname "$0")/.."
data=${1:-../shared/data}
if [ ! -d "$data/empiar10017" ] || [ ! -d "$data/pu_benchmark" ]; then
  echo "$data holds no empiar10017 and pu_benchmark; name their folder: bash scripts/screenshots.sh DATA" >&2
  exit 1
fi
. scripts/setup.sh
need gcc "C compiler, for the bundled SQLite" libc6-dev "C headers, for the bundled SQLite" \
     libvulkan1 "Vulkan loader, to draw" mesa-vulkan-drivers "software Vulkan, to draw where there is no GPU"
cargo build --release --locked --workspace --examples
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$(built examples/screenshots)" docs/screenshots "$data" "$work" ${2:+"$2"}
