#!/usr/bin/env bash
# What a GPU makes of it, with one command: a training step beside PyTorch, training throughput with the share of
# time the GPU had work, scoring of a million patches. Prints tables; judges nothing. With several GPUs gpu:N may be
# another one to nvidia-smi and PyTorch than to Vulkan.
#
#   bash scripts/gpu_bench.sh [DEVICE] [FOLDER]     default gpu:0; the million patches take 8 GB in FOLDER
#   bash scripts/gpu_bench.sh --pack FILE           for a machine without Rust: puts the programs into FILE (tar.xz)
#   PROGRAMS=FILE bash scripts/gpu_bench.sh ...     there, with what --pack made
set -euo pipefail
from=$PWD
cd "$(dirname "$0")/.."
# A path as the caller means it.
of_caller() { case $1 in /*) echo "$1" ;; *) echo "$from/$1" ;; esac; }
programs=(bench_step throughput scoring)

build() {
  . scripts/setup.sh
  cargo build --release --locked --workspace "${programs[@]/#/--example=}"
  examples=$(dirname "$(built vitrine)")/examples
}

if [ "${1:-}" = --pack ]; then
  file=$(of_caller "${2:?name the file to write}")
  build
  packed=$(mktemp -d)
  trap 'rm -rf "$packed"' EXIT
  for program in "${programs[@]}"; do
    strip -o "$packed/$program" "$examples/$program"
  done
  tar -C "$packed" -cJf "$file" "${programs[@]}"
  ls -lh "$file"
  exit
fi

device=${1:-gpu:0}
folder=$(of_caller "${2:-${TMPDIR:-/tmp}/vitrine_gpu_bench}")
if [ -n "${PROGRAMS:-}" ]; then
  examples=$(mktemp -d)
  trap 'rm -rf "$examples"' EXIT
  tar -C "$examples" -xJf "$(of_caller "$PROGRAMS")"
else
  build
fi

# A part that fails is said at the end; the others are measured all the same.
failed=()
part() {
  echo "== $1"
  shift
  "$@" || failed+=("$*")
}

part "one training step" "$examples/bench_step" "$device"
part "the same beside PyTorch" \
  python3 scripts/bench_step.py --device "$device" --binary "$examples/bench_step"
part "training throughput, ResNet-18 with FixMatch views" "$examples/throughput" "$device"
part "the same in PyTorch" python3 scripts/bench_throughput.py --device "$device"
part "scoring a million patches" "$examples/scoring" "$device" 1000000 "$folder"

for command in "${failed[@]}"; do
  echo "failed: $command" >&2
done
[ ${#failed[@]} -eq 0 ]
