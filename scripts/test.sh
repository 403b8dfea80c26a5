#!/usr/bin/env bash
# Installs what is missing and runs every test, the window's in a display of its own included.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/setup.sh
need gcc "C compiler, for the bundled SQLite" libc6-dev "C headers, for the bundled SQLite" \
     libvulkan1 "Vulkan loader, for the GPU parity test and the window" \
     mesa-vulkan-drivers "software Vulkan, for both where there is no GPU"
need_desktop
need xvfb "a display without a screen, for the test of the window" \
     xdotool "keys and mouse, for the test of the window" \
     x11-apps "a look at the display, for the test of the window"
need relion "RELION itself, which must take what is exported"
if ! python3 -c 'import venv, ensurepip' 2>/dev/null; then
  need python3 "readers other people use, for the interoperability test" \
       python3-venv "an environment of their own for these readers"
fi
cargo test --release --locked --workspace "$@"
# With arguments only some tests are wanted.
if [ $# -eq 0 ] && [ "$(uname)" = Linux ]; then
  cargo build --release --locked --workspace --bins --example lost_device
  bash scripts/window_test.sh "$(built vitrine)" "$(built examples/lost_device)"
fi
