#!/usr/bin/env bash
# Drives the real program in a real window, on a display of its own, with keys and a mouse as a person uses
# them: makes the sample, labels, undoes, clicks, exports, is locked against others, trains a short run, closes,
# opens again. Then takes the graphics device away from a window while it draws (the example `lost_device`): it
# comes back.
# Usage: bash scripts/window_test.sh PROGRAM LOST_DEVICE
set -euo pipefail
script_name='window test'
program=$(realpath "$1")
lost_device=$(realpath "$2")
. "$(dirname "$0")/window_driver.sh"
project=$work/vitrine-sample/project

start
titled '^Vitrine$'
colours=$(xwd -silent -root | tail -c +4000 | od -An -v -w4 -tx4 | sort -u | wc -l)
[ "$colours" -gt 20 ] || fail "the window is blank: $colours colours"
echo "window test: the window is up and drawn ($colours colours)"

by_name 'open the sample'
titled '^vitrine-sample '
before=$(count positive)
[ "$before" -gt 100 ] || fail "the sample has $before positives"
echo "window test: the sample is open, $before positives"

press End
sleep 1
press p
until_is $((before + 1)) count positive
press ctrl+z
until_is "$before" count positive
press ctrl+shift+z
until_is $((before + 1)) count positive
echo "window test: labelled, undone, redone; each was on the disk at once"

# A click goes to a patch: the middle of the window is in the middle of the gallery.
negative=$(count negative)
unlabeled=$(count unlabeled)
read -r width height < <(xdotool getwindowgeometry --shell "$id" | sed -n 's/^WIDTH=//p; s/^HEIGHT=//p' | xargs)
click $((width / 2)) $((height / 2))
sleep 1
press n
until_is $((negative + 1)) count negative
# The current patch was the last one, a positive by now; the one clicked is another.
[ "$(count unlabeled)" = $((unlabeled - 1)) ] || fail "the click did not go to another patch"
press ctrl+z
until_is "$negative" count negative
echo "window test: a patch was chosen with the mouse and labelled"

if "$program" label "$project" positive --ids 0 >"$work/locked" 2>&1; then
  fail "another process could write into the open project"
fi
grep -q 'open for writing in another process' "$work/locked" || fail "locked, but not said: $(cat "$work/locked")"

press ctrl+4
sleep 2
press ctrl+e
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
# The sample trains a quick run by itself.
by_name 'stop training'
for _ in $(seq 300); do [ "$(state_of quick-1)" = running ] || break; sleep 0.2; done
[ "$(state_of quick-1)" = running ] && fail "the quick run of the sample does not stop"
echo "window test: the sample's own run was stopped, it is '$(state_of quick-1)'"

by_name 'open a configuration'
press ctrl+a
types "$work/short.yaml" 20
press Return
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
