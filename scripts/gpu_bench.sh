#!/usr/bin/env bash
# What a GPU makes of it, with one command: a training step beside PyTorch, training throughput with the share of
# time the GPU had work, scoring of a million patches. Prints tables; judges nothing.
# Usage: bash scripts/gpu_bench.sh [DEVICE] [FOLDER]    (default gpu:0; the million patches take 8 GB in FOLDER)
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/setup.sh
device=${1:-gpu:0}
folder=${2:-${TMPDIR:-/tmp}/vitrine_gpu_bench}
examples=$(dirname "$(built vitrine)")/examples
if [ ! -x "$examples/throughput" ]; then
  cargo build --release --locked --workspace --bins --examples
fi

# Runs a command and says for what share of the time the GPU worked, where nvidia-smi can tell.
watched() {
  local log= pid=
  if command -v nvidia-smi >/dev/null; then
    log=$(mktemp)
    nvidia-smi --query-gpu=utilization.gpu --format=csv,noheader,nounits --loop-ms=200 >"$log" &
    pid=$!
  fi
  "$@"
  [ -z "$pid" ] && return 0
  kill "$pid" 2>/dev/null || true
  awk '{ sum += $1 } END { if (NR) printf "the GPU had work %.0f %% of the time (%d looks)\n", sum / NR, NR }' "$log"
  rm -f "$log"
}

echo "== one training step, beside PyTorch"
python3 scripts/bench_step.py --device "$device" --binary "$examples/bench_step"
echo "== training throughput, ResNet-18 with FixMatch views"
watched "$examples/throughput" "$device"
watched python3 scripts/bench_throughput.py --device "$device"
echo "== scoring"
watched "$examples/bench_step" "$device"
if [ ! -e "$folder/project.sqlite" ]; then
  "$examples/gallery_bench" 1000000 "$folder" >/dev/null
fi
if [ ! -e "$folder/runs/scorer" ]; then
  "$(built vitrine)" train "$folder" --config supervised_baseline --prior 0.3 --epochs 1 --name scorer --device "$device"
fi
time watched "$(built vitrine)" score "$folder" --run scorer --device "$device"
