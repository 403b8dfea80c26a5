#!/usr/bin/env bash
# Drives the real program in a real window, on a display of its own, with keys and a mouse as a person uses
# them: makes the sample, labels, undoes, clicks, exports, is locked against others, trains a short run, closes,
# opens again. Then takes the graphics device away from a window while it draws (the example `lost_device`): it
# comes back.
# Usage: bash scripts/window_test.sh PROGRAM LOST_DEVICE
set -euo pipefail
program=$(realpath "$1")
lost_device=$(realpath "$2")
work=$(mktemp -d)
display_pid='' window_pid=''
finish() {
  local pid
  for pid in $window_pid $display_pid; do kill "$pid" 2>/dev/null || true; done
  wait 2>/dev/null || true
  rm -rf "$work"
}
trap finish EXIT
fail() {
  [ -n "${WINDOW_TEST_PICTURE:-}" ] && xwd -silent -root >"$WINDOW_TEST_PICTURE"
  echo "window test: $1" >&2
  [ -s "$work/window.log" ] && sed 's/^/  the program said: /' "$work/window.log" >&2
  exit 1
}

export HOME=$work XDG_RUNTIME_DIR=$work VITRINE_CONFIG_DIR=$work/config
export WAYLAND_DISPLAY='' WGPU_BACKEND=${WGPU_BACKEND:-vulkan}
Xvfb -displayfd 3 -screen 0 1280x900x24 -nolisten tcp -noreset 3>"$work/display" 2>"$work/xvfb.log" &
display_pid=$!
for _ in $(seq 100); do [ -s "$work/display" ] && break; sleep 0.1; done
[ -s "$work/display" ] || fail "no display came up: $(cat "$work/xvfb.log")"
DISPLAY=:$(tr -d '\n' <"$work/display")
export DISPLAY

start() {
  "$program" "$@" >"$work/window.log" 2>&1 &
  window_pid=$!
}
# Waits until a window has this title (a regular expression), and gives it the keys.
titled() {
  for _ in $(seq 150); do
    kill -0 "$window_pid" 2>/dev/null || fail "the program ended while waiting for the window '$1'"
    id=$(xdotool search --onlyvisible --name "$1" 2>/dev/null | tail -1) || true
    # A window that is not on the screen yet takes no keys.
    if [ -n "$id" ] && xdotool windowfocus --sync "$id" 2>/dev/null; then
      sleep 1
      return
    fi
    sleep 0.2
  done
  fail "no window is titled '$1'; it is: $(xdotool search --name . getwindowname %@ 2>&1 | tr "\n" ";")"
}
# Waits until a command prints what is expected; commands read the project beside the window.
until_is() {
  local wanted=$1 got=''
  shift
  for _ in $(seq 100); do
    got=$("$@" 2>&1) || true
    [ "$got" = "$wanted" ] && return
    sleep 0.2
  done
  fail "'$*' gives '$got', not '$wanted'"
}
closes() {
  xdotool key ctrl+q
  for _ in $(seq 100); do kill -0 "$window_pid" 2>/dev/null || break; sleep 0.2; done
  kill -0 "$window_pid" 2>/dev/null && fail "Ctrl+Q did not close the window"
  wait "$window_pid" || fail "the program ended with status $?"
  window_pid=''
}
project=$work/vitrine-sample/project
# Of the project; a split counts labels too.
count() {
  "$program" info "$project" --json | tr -d ' \n' | grep -o '"labels":{[^}]*}' | head -1 | sed -n "s/.*\"$1\":\([0-9]*\).*/\1/p"
}

start
titled '^Vitrine$'
colours=$(xwd -silent -root | tail -c +4000 | od -An -v -w4 -tx4 | sort -u | wc -l)
[ "$colours" -gt 20 ] || fail "the window is blank: $colours colours"
echo "window test: the window is up and drawn ($colours colours)"

xdotool key ctrl+p
sleep 1
xdotool type --delay 40 'open the sample'
sleep 1
xdotool key Return
titled '^vitrine-sample '
before=$(count positive)
[ "$before" -gt 100 ] || fail "the sample has $before positives"
echo "window test: the sample is open, $before positives"

xdotool key End
sleep 1
xdotool key p
until_is $((before + 1)) count positive
xdotool key ctrl+z
until_is "$before" count positive
xdotool key ctrl+shift+z
until_is $((before + 1)) count positive
echo "window test: labelled, undone, redone; each was on the disk at once"

# A click goes to a patch: the middle of the window is in the middle of the gallery.
negative=$(count negative)
unlabeled=$(count unlabeled)
read -r width height < <(xdotool getwindowgeometry --shell "$id" | sed -n 's/^WIDTH=//p; s/^HEIGHT=//p' | xargs)
xdotool mousemove --window "$id" $((width / 2)) $((height / 2))
sleep 0.5
xdotool click 1
sleep 1
xdotool key n
until_is $((negative + 1)) count negative
# The current patch was the last one, a positive by now; the one clicked is another.
[ "$(count unlabeled)" = $((unlabeled - 1)) ] || fail "the click did not go to another patch"
xdotool key ctrl+z
until_is "$negative" count negative
echo "window test: a patch was chosen with the mouse and labelled"

if "$program" label "$project" positive --ids 0 >"$work/locked" 2>&1; then
  fail "another process could write into the open project"
fi
grep -q 'open for writing in another process' "$work/locked" || fail "locked, but not said: $(cat "$work/locked")"

xdotool key ctrl+4
sleep 2
xdotool key ctrl+e
star=$work/vitrine-sample/vitrine-sample_particles.star
for _ in $(seq 100); do [ -s "$star.manifest.json" ] && break; sleep 0.2; done
[ -s "$star.manifest.json" ] || fail "Ctrl+E wrote no export to $star"
grep -q "\"total\": $((before + 1))," "$star.manifest.json" || fail "the manifest counts something else"
micrographs=$work/vitrine-sample/sample/micrographs
back=$("$program" new "$work/back" >/dev/null && "$program" import "$work/back" --micrographs "$micrographs" \
  --picks "$star" --box 64 --dry-run --json | tr -d ' \n' | sed -n 's/.*"pick_files":\[{[^}]*"picks":\([0-9]*\).*/\1/p')
[ "$back" = $((before + 1)) ] || fail "read back, the export holds '$back' picks, not $((before + 1))"
echo "window test: exported and read back, $back particles"

# One epoch of the plain classifier, from a file: that is the shortest run there is.
cat >"$work/short.yaml" <<'YAML'
risk:
  kind: naive
prior: 0.3
schedule:
  epochs: 1
  warm_up_epochs: 0
YAML
by_name() {
  xdotool key ctrl+p
  sleep 1
  xdotool type --delay 40 "$1"
  sleep 1
  xdotool key Return
  sleep 1
}
# The sample trains a quick run by itself.
state_of() { "$program" info "$project" | sed -n "s/^ *run *$1 (\([a-z]*\).*/\1/p"; }
by_name 'stop training'
for _ in $(seq 300); do [ "$(state_of quick-1)" = running ] || break; sleep 0.2; done
[ "$(state_of quick-1)" = running ] && fail "the quick run of the sample does not stop"
echo "window test: the sample's own run was stopped, it is '$(state_of quick-1)'"

by_name 'open a configuration'
xdotool key ctrl+a
xdotool type --delay 20 "$work/short.yaml"
xdotool key Return
sleep 1
by_name 'start training'
run_is() { state_of short-1; }
# On a machine with two busy cores too.
for _ in $(seq 900); do [ "$(run_is)" = finished ] && break; sleep 0.2; done
[ "$(run_is)" = finished ] || fail "the run short-1 is '$(run_is)', not finished: $("$program" info "$project" 2>&1)"
echo "window test: a run was started by keys and trained to its end"

closes
grep -q vitrine-sample "$work/config/settings.json" || fail "the project is not among the recent ones"
start "$project"
titled '^vitrine-sample '
closes
[ "$(count positive)" = $((before + 1)) ] || fail "the label is gone after the end"
echo "window test: closed, opened again and closed; labels and settings were kept"

negative=$(count negative)
said=$(timeout 300 "$lost_device" "$project" 2>"$work/lost.log") || fail "the window did not come back: $(tail -3 "$work/lost.log")"
[ "$said" = "came back with $((negative + 1)) negative" ] || fail "after the loss: '$said'"
[ "$(count negative)" = $((negative + 1)) ] || fail "the label set before the loss is not on the disk"
echo "window test: the graphics device was lost, and the window came back with its project"
