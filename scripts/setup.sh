# Sourced by run.sh and test.sh: installs the Debian or Ubuntu packages that are missing.
# Usage: need PACKAGE "what it is for" [PACKAGE "what it is for" ...]

need() {
  local missing=() package why
  while [ $# -gt 0 ]; do
    package=$1 why=$2
    shift 2
    if ! dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed'; then
      echo "missing: $package ($why)"
      missing+=("$package")
    fi
  done
  [ ${#missing[@]} -eq 0 ] && return 0
  local as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
      echo "Please install as root: apt-get install ${missing[*]}" >&2
      return 1
    fi
    as_root=(sudo)
  fi
  "${as_root[@]}" apt-get update -q
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${missing[@]}"
}

if ! command -v dpkg-query >/dev/null; then
  echo "This set-up knows Debian and Ubuntu. Elsewhere install a C compiler and the Vulkan loader," >&2
  echo "then use cargo directly: cargo run --release -p vitrine -- demo DIR" >&2
  need() { :; }
fi

if ! command -v cargo >/dev/null; then
  echo "Rust is missing: install it from https://rustup.rs, then run this again." >&2
  exit 1
fi

# What a window needs of the system; loaded when it opens, so nothing of it is needed to build.
need_desktop() {
  need libxkbcommon-x11-0 "keyboard layouts, for the window" libxcursor1 "mouse pointers, for the window" \
       libxi6 "mouse and keyboard, for the window" libxrandr2 "screens and their scale, for the window" \
       libx11-xcb1 "the X display, for the window" libwayland-client0 "the Wayland display, for the window" \
       mesa-vulkan-drivers "Vulkan drivers, to draw (software where there is no GPU)"
}

# The path of a program that cargo has built, wherever it was told to put it.
built() {
  local folder
  folder=$(cargo metadata --format-version 1 --no-deps --offline 2>/dev/null |
    sed -n 's/.*"target_directory":"\([^"]*\)".*/\1/p')
  echo "${folder:-target}/release/$1"
}
