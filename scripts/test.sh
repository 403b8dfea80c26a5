#!/usr/bin/env bash
# Installs what is missing and runs every test.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/setup.sh
need gcc "C compiler, for the bundled SQLite" libc6-dev "C headers, for the bundled SQLite" \
     libvulkan1 "Vulkan loader, for the GPU parity test" \
     mesa-vulkan-drivers "software Vulkan, for the GPU parity test where there is no GPU"
if ! python3 -c 'import venv, ensurepip' 2>/dev/null; then
  need python3 "readers other people use, for the interoperability test" \
       python3-venv "an environment of their own for these readers"
fi
cargo test --release --locked --workspace "$@"
