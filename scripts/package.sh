#!/usr/bin/env bash
# Makes a Debian package and a tarball of the program, from a clean clone: program, desktop entry, icon, file type of
# projects, shell completions, man pages, licences, changelog.
# Usage: bash scripts/package.sh [--check] [DIR]     (DIR gets the packages; default target/package)
#
# --check installs the package as a stranger would: in a fresh Debian (debootstrap, as root), else unpacked into an empty
# folder; then it runs the program there: version, import, training, and the window on a display of its own.
# VITRINE_PROGRAM names a program that is built already; otherwise cargo builds it. VITRINE_COMPRESSION is the level of
# xz, 0 to 9; a quick try takes 0.
set -euo pipefail
cd "$(dirname "$0")/.."
check=
if [ "${1:-}" = --check ]; then
  check=yes
  shift
fi
out=${1:-target/package}
mkdir -p "$out"
out=$(realpath "$out")

. scripts/setup.sh
need gcc "C compiler, for the bundled SQLite" libc6-dev "C headers, for the bundled SQLite" \
     dpkg-dev "finds the libraries that a package depends on" python3 "collects the licences" \
     desktop-file-utils "checks the desktop entry" shared-mime-info "checks the file type"
step() { echo; echo "== $1"; }
level=${VITRINE_COMPRESSION:-6}

step "building"
program=${VITRINE_PROGRAM:-}
if [ -z "$program" ]; then
  cargo build --release --locked --workspace
  program=$(built vitrine)
fi
version=$("$program" -V | cut -d' ' -f2)
target=$("$program" --version | sed -n 's/^built *for \([^ ]*\).*/\1/p')
arch=$(dpkg --print-architecture)
work=$(mktemp -d)
clean_up() { rm -rf "$work"; }
trap clean_up EXIT

step "collecting the files"
tree=$work/tree
share=$tree/share
doc=$share/doc/vitrine
install -D -m 755 "$program" "$tree/bin/vitrine"
install -D -m 644 assets/linux/vitrine.desktop "$share/applications/vitrine.desktop"
install -D -m 644 assets/linux/vitrine.xml "$share/mime/packages/vitrine.xml"
install -D -m 644 assets/icon.png "$share/icons/hicolor/256x256/apps/vitrine.png"
install -D -m 644 assets/icon.svg "$share/icons/hicolor/scalable/apps/vitrine.svg"
"$program" shell-files "$work/shell"
install -D -m 644 "$work/shell/completions/vitrine.bash" "$share/bash-completion/completions/vitrine"
install -D -m 644 "$work/shell/completions/_vitrine" "$share/zsh/vendor-completions/_vitrine"
install -D -m 644 "$work/shell/completions/vitrine.fish" "$share/fish/vendor_completions.d/vitrine.fish"
mkdir -p "$share/man/man1" "$doc"
cp "$work/shell/man/"*.1 "$share/man/man1/"
gzip -9n "$share/man/man1/"*.1
install -m 644 LICENSE-MIT LICENSE-APACHE README.md "$doc/"
cp -r docs "$doc/manual"
gzip -9nc CHANGELOG.md >"$doc/changelog.gz"
python3 scripts/third_party.py "$target" >"$work/third-party"
gzip -9nc "$work/third-party" >"$doc/THIRD-PARTY.txt.gz"
{
  echo "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/"
  echo "Upstream-Name: vitrine"
  echo
  echo "Files: *"
  echo "Copyright: the authors of Vitrine"
  echo "License: MIT or Apache-2.0"
  echo " The texts are LICENSE-MIT and LICENSE-APACHE in this folder; those of the libraries that are built in are in"
  echo " THIRD-PARTY.txt.gz."
} >"$doc/copyright"
desktop-file-validate "$share/applications/vitrine.desktop"

step "Debian package"
root=$work/root
mkdir -p "$root/DEBIAN" "$root/usr"
cp -r "$tree/." "$root/usr/"
# dpkg-shlibdeps wants the folder of a source package.
mkdir -p "$work/debian"
printf 'Source: vitrine\n\nPackage: vitrine\nArchitecture: any\n' >"$work/debian/control"
depends=$(cd "$work" && dpkg-shlibdeps -O "root/usr/bin/vitrine" | sed -n 's/^shlibs:Depends=//p')
# Loaded when a window opens or a GPU computes, so a node of a cluster does without.
desktop="libvulkan1, mesa-vulkan-drivers | vulkan-icd, libxkbcommon-x11-0, libxcursor1, libxi6, libxrandr2, libx11-6, \
libx11-xcb1, libwayland-client0, xdg-desktop-portal, bash-completion"
cat >"$root/DEBIAN/control" <<CONTROL
Package: vitrine
Version: $version
Architecture: $arch
Maintainer: Vitrine <vitrine@localhost>
Installed-Size: $(du -sk "$root/usr" | cut -f1)
Depends: $depends
Recommends: $desktop
Section: science
Priority: optional
Description: clean particle sets from cryo-electron micrographs with a few hundred labels
 Vitrine reads micrographs with picks or stacks of particles, learns from positive
 and unlabeled patches, and hands a cleaned set to RELION, cryoSPARC and others. It
 has a window and a command line, and needs no GPU.
CONTROL
deb=$out/vitrine_${version}_$arch.deb
dpkg-deb --root-owner-group -Zxz "-z$level" --build "$root" "$deb" >/dev/null

step "tarball"
name=vitrine-$version-$target
mkdir "$work/$name"
cp -r "$tree/." "$work/$name/"
cat >"$work/$name/INSTALL.txt" <<'TEXT'
Run bin/vitrine where it is, or install it for yourself:

    cp -r bin share ~/.local/
    update-desktop-database ~/.local/share/applications
    update-mime-database ~/.local/share/mime

~/.local/bin has to be in PATH. share/doc/vitrine/manual/README.md begins the manual.
TEXT
tarball=$out/$name.tar.xz
XZ_OPT="-$level" tar -C "$work" --owner=0 --group=0 --sort=name -cJf "$tarball" "$name"

step "made"
ls -l "$deb" "$tarball" | awk '{ printf "%8.1f MB  %s\n", $5 / 1e6, $NF }'
printf '%8.1f MB  installed\n' "$(du -sk "$root/usr" | awk '{ print $1 / 1024 }')"
[ -z "$check" ] && exit 0

bash scripts/check_package.sh "$deb" "$tarball"
