#!/usr/bin/env bash
# Installs what is missing and runs tests.
#   bash scripts/test.sh           every test, the window's in a display of its own included
#   bash scripts/test.sh --fast    the tests for daily work: none that is marked as long, no examples, no display
#   bash scripts/test.sh ARGS      the tests that `cargo test ARGS` chooses, long ones included
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/setup.sh
need gcc "C compiler, for the bundled SQLite" libc6-dev "C headers, for the bundled SQLite" \
     libvulkan1 "Vulkan loader, for the GPU parity test and the window" \
     mesa-vulkan-drivers "software Vulkan, for both where there is no GPU"
need relion "RELION itself, which must take what is exported"
need slurm-wlm "SLURM, on which jobs must run" munge "SLURM's authentication"
if ! python3 -c 'import venv, ensurepip' 2>/dev/null; then
  need python3 "readers other people use, for the interoperability test" \
       python3-venv "an environment of their own for these readers"
fi

# Tests that lack data, a GPU or Python write their names here.
VITRINE_SKIPPED=$(mktemp)
export VITRINE_SKIPPED
finish() {
  if [ -s "$VITRINE_SKIPPED" ]; then
    echo
    echo "Not tested on this machine:"
    sort -u "$VITRINE_SKIPPED" | sed 's/^/  /'
  fi
  rm -f "$VITRINE_SKIPPED"
}
trap finish EXIT

if [ "${1:-}" = --fast ]; then
  shift
  cargo test --release --locked --workspace --lib --bins --tests "$@"
  exit
fi
if [ $# -gt 0 ]; then
  case " $* " in
    *" -- "*) cargo test --release --locked --workspace "$@" ;;
    *) cargo test --release --locked --workspace "$@" -- --include-ignored ;;
  esac
  exit
fi

need_desktop
need xvfb "a display without a screen, for the test of the window" \
     xdotool "keys and mouse, for the test of the window" \
     x11-apps "a look at the display, for the test of the window"
cargo test --release --locked --workspace -- --include-ignored
if [ "$(uname)" = Linux ]; then
  cargo build --release --locked --workspace --bins --example lost_device
  bash scripts/window_test.sh "$(built vitrine)" "$(built examples/lost_device)"
fi
