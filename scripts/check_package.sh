#!/usr/bin/env bash
# Installs a package as a stranger would, and runs the program there. Called by package.sh --check.
# Usage: bash scripts/check_package.sh PACKAGE.deb TARBALL
#
# As root with debootstrap the place is a fresh Debian; VITRINE_CHECK_ROOT keeps it for the next time. Otherwise the
# package is unpacked into an empty folder, and only what can be seen from there is checked.
set -euo pipefail
deb=$(realpath "$1") tarball=$(realpath "$2")
step() { echo; echo "== check: $1"; }
fail() { echo "package check: $1" >&2; exit 1; }
work=$(mktemp -d)
display_pid='' window_pid='' mounted=''
finish() {
  local pid
  for pid in $window_pid $display_pid; do kill "$pid" 2>/dev/null || true; done
  [ -n "$mounted" ] && umount "$mounted" 2>/dev/null
  wait 2>/dev/null || true
  rm -rf "$work"
}
trap finish EXIT

step "the files of the package"
dpkg-deb --info "$deb" | sed -n 's/^ \(Version\|Depends\|Recommends\|Installed-Size\):/  \1:/p'
dpkg-deb --extract "$deb" "$work/unpacked"
usr=$work/unpacked/usr
for file in bin/vitrine share/applications/vitrine.desktop share/mime/packages/vitrine.xml \
            share/icons/hicolor/256x256/apps/vitrine.png share/icons/hicolor/scalable/apps/vitrine.svg \
            share/bash-completion/completions/vitrine share/zsh/vendor-completions/_vitrine \
            share/fish/vendor_completions.d/vitrine.fish share/man/man1/vitrine.1.gz \
            share/man/man1/vitrine-import.1.gz share/doc/vitrine/LICENSE-MIT share/doc/vitrine/LICENSE-APACHE \
            share/doc/vitrine/THIRD-PARTY.txt.gz share/doc/vitrine/changelog.gz share/doc/vitrine/copyright \
            share/doc/vitrine/manual/getting-started.md; do
  [ -s "$usr/$file" ] || fail "$file is missing"
done
desktop-file-validate "$usr/share/applications/vitrine.desktop" || fail "the desktop entry is not valid"
ldd "$usr/bin/vitrine" | grep 'not found' && fail "a library is missing on this machine"
bash -n "$usr/share/bash-completion/completions/vitrine" || fail "the completions of bash are not valid"
if command -v man >/dev/null; then
  said=$(man --warnings -l "$usr/share/man/man1/vitrine-import.1.gz" 2>&1 >"$work/page")
  [ -z "$said" ] || fail "the man page: $said"
  grep -q -- --micrographs "$work/page" || fail "the man page of import does not name --micrographs"
fi
tar -C "$work" -xJf "$tarball"
cmp -s "$work"/vitrine-*/bin/vitrine "$usr/bin/vitrine" || fail "the tarball holds another program"

inside() { "$usr/bin/vitrine" "$@"; }
place=$work
if [ "$(id -u)" -eq 0 ] && command -v debootstrap >/dev/null; then
  step "installing it in a fresh Debian"
  root=${VITRINE_CHECK_ROOT:-$work/debian}
  suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
  if [ ! -e "$root/etc/debian_version" ]; then
    mkdir -p "$root"
    debootstrap --variant=minbase "$suite" "$root" http://deb.debian.org/debian >"$work/debootstrap.log" 2>&1 ||
      fail "debootstrap: $(tail -3 "$work/debootstrap.log")"
  fi
  # Without /proc the number of threads is not known; containers may forbid the mount.
  if mount -t proc proc "$root/proc" 2>/dev/null; then mounted=$root/proc; fi
  cp "$deb" "$root/tmp/vitrine.deb"
  in_root() { chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 "$@"; }
  in_root sh -c 'apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -q -y /tmp/vitrine.deb' \
    >"$work/apt.log" 2>&1 || fail "apt-get: $(tail -5 "$work/apt.log")"
  in_root ldd /usr/bin/vitrine | grep 'not found' && fail "a library is not among the dependencies"
  inside() { in_root ${DISPLAY:+DISPLAY=$DISPLAY} VITRINE_CONFIG_DIR=/tmp/config XDG_RUNTIME_DIR=/tmp vitrine "$@"; }
  place=/tmp
  rm -rf "$root/tmp/"{project,sample,config}
else
  echo "  not root, or no debootstrap: the package is only unpacked, and this machine's libraries are used"
  export VITRINE_CONFIG_DIR=$work/config
fi

step "the program in the terminal"
inside --version | tee "$work/version"
grep -q '^commit ' "$work/version" && grep -q '^device  *cpu ' "$work/version" || fail "--version tells too little"
inside demo "$place/sample" --epochs 1 >"$work/demo.log" 2>&1 || fail "demo: $(tail -3 "$work/demo.log")"
sed -n 's/^/  /p' "$work/demo.log" | tail -4
inside new "$place/project" >/dev/null
inside import "$place/project" --micrographs "$place/sample/sample/micrographs" --picks "$place/sample/sample/picks.star" \
  --box 96 --bin 2 --pool random --pool-count 10 >"$work/import.log" || fail "import: $(tail -3 "$work/import.log")"
grep '^imported' "$work/import.log" | sed 's/^/  /'

step "the file type of a project"
sample=${root:-}$place/sample/project/project.sqlite
mime=$work/mime
mkdir -p "$mime/packages"
cp "$usr/share/mime/packages/vitrine.xml" /usr/share/mime/packages/freedesktop.org.xml "$mime/packages/" 2>/dev/null ||
  fail "shared-mime-info is missing"
update-mime-database "$mime" 2>"$work/mime.log" || fail "the file type is not valid: $(cat "$work/mime.log")"
grep -q 'application/x-vitrine-project:project.sqlite' "$mime/globs" || fail "the file type is not known"
[ "$(dd if="$sample" bs=1 skip=68 count=4 status=none)" = Vitr ] || fail "a project does not begin as the file type says"

step "the window"
if command -v Xvfb >/dev/null && command -v xdotool >/dev/null; then
  Xvfb -displayfd 3 -screen 0 1280x900x24 -nolisten tcp -noreset 3>"$work/display" 2>"$work/xvfb.log" &
  display_pid=$!
  for _ in $(seq 100); do [ -s "$work/display" ] && break; sleep 0.1; done
  DISPLAY=:$(tr -d '\n' <"$work/display")
  export DISPLAY WAYLAND_DISPLAY=''
  # Through the file that a desktop opens.
  inside "$place/sample/project/project.sqlite" >"$work/window.log" 2>&1 &
  window_pid=$!
  for _ in $(seq 300); do
    title=$(xdotool search --onlyvisible --name . getwindowname %@ 2>/dev/null | tail -1) || true
    case $title in *sample*) break ;; esac
    kill -0 "$window_pid" 2>/dev/null || fail "the window: $(tail -3 "$work/window.log")"
    sleep 0.2
  done
  case $title in *sample*) echo "  the window is titled '$title'" ;; *) fail "no window came up: '$title'" ;; esac
else
  echo "  not checked: Xvfb or xdotool is missing"
fi
step "all is well"
