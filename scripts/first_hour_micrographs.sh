#!/usr/bin/env bash
# The first hour with micrographs of one's own, in the real window on a display of its own. Says for each step how long
# it took and how many clicks and keys it was. Two ways:
#   picks   micrographs with picks of another program: import, train what the window suggests, review, export
#   clicks  micrographs alone: click some particles on two of them, add unlabeled patches, train what the window suggests,
#           pick on all micrographs, export. The places clicked are those of the pick files: what a person would see.
# The waits of this script, a second or two before a key that needs the window to be ready, are in the times.
# Usage: bash scripts/first_hour_micrographs.sh picks|clicks PROGRAM DATA [MINUTES] [CLICKS]
#   DATA     folder with micrographs/, picks/ (.box, y counted from the bottom) and reference/ (.csv of all centres),
#            such as empiar10017; particles of 108 px
#   MINUTES  the most that all of it may take (default 15)
#   CLICKS   particles to click (default 40)
# FIRST_HOUR_PICTURES=FOLDER  writes pictures of the window there
set -euo pipefail
script_name='first hour on micrographs'
way=$1
program=$(realpath "$2")
data=$(realpath "$3")
minutes=${4:-15}
wanted=${5:-40}
DIAMETER=108
MICROGRAPH=4096 # px
screen=1360x850
. "$(dirname "$0")/window_driver.sh"
name=$(basename "$data")
project=$work/vitrine/$name

# Names a folder on the import page.
add_folder() {
  types "$1" 20
  sleep 1
  press Return
  sleep 1
}
# Presses what the preview of the import page asks for, then Import.
import_all() {
  local at last=$((SECONDS + 240))
  while [ $SECONDS -lt $last ]; do
    # A button that was drawn a moment ago may be gone: the files are read again after each answer.
    at=$(primary 0 0.8 0.4 0.97)
    if [ -n "$at" ]; then
      # shellcheck disable=SC2086
      click $at
      return
    fi
    at=$(primary 0.28 0.1 1 0.8)
    if [ -n "$at" ]; then
      # shellcheck disable=SC2086
      click $at
      sleep 1.5
    fi
    sleep 0.5
  done
  fail "the import page offers no import"
}
# The road's button: what to do next.
next_step() { click_primary 0.6 0.045 1 0.11; }
# Trains what the window suggests.
train() {
  next_step
  sleep 2
  shot train
  click_primary 0 0.6 0.3 1
  until_trained recommended-1 2400
}

begin
start
titled '^Vitrine$'
xdotool windowsize --sync "$id" "${screen%x*}" "${screen#*x}"
sleep 1
step 'The first screen is there'
begun=$since

press ctrl+shift+o
sleep 2
add_folder "$data/micrographs"
[ "$way" = clicks ] || add_folder "$data/picks"
import_all
titled "^$name "
shot imported
step 'Import'

if [ "$way" = picks ]; then
  before=$(count positive)
  [ "$before" -gt 100 ] || fail "the project has $before positives"
  train
  step 'Train the suggested run'
  sleep 2
  by_name 'queue: likely particles'
  sleep 1
  for _ in $(seq 20); do press p; done
  until_is $((before + 20)) count positive
  shot review
  step 'Review 20 likely particles'
  # The positives, those of the review included: they stand in the form.
  press ctrl+4
  sleep 3
  shot export
  press ctrl+e
  picks=$work/vitrine/${name}_particles.star
  for _ in $(seq 300); do [ -s "$picks.manifest.json" ] && break; sleep 0.2; done
  [ -s "$picks.manifest.json" ] || fail "no export was written to $picks"
  step 'Export'
else
  # The diameter: from the centre of a particle to its edge.
  click_primary 0.15 0.1 0.85 0.25
  sleep 1
  # Where the micrograph is on the screen. The picture fits the view, whose bars come and go: look again after each step.
  look() {
    read -r left top right bottom < <(picture 0.15 0.15 0.83 0.96)
    scale=$(python3 -c "print(($right - $left) / $MICROGRAPH)")
    python3 -c "import sys; sys.exit(not (abs(($right-$left)-($bottom-$top)) <= 4 and $scale > 0.1))" ||
      fail "the micrograph is shown from $left, $top to $right, $bottom: that is no square"
  }
  look
  # Particles to click on the n-th micrograph: apart from each other and from the edges.
  places() {
    python3 - "$data/picks" "$1" "$2" "$scale" "$left" "$top" "$MICROGRAPH" "$DIAMETER" <<'PY'
import pathlib, sys

folder, number, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
scale, left, top, side, diameter = map(float, sys.argv[4:])
chosen = []
for line in sorted(pathlib.Path(folder).glob("*.box"))[number].read_text().split("\n"):
    if not line.strip():
        continue
    x, y, width, height = map(float, line.split()[:4])
    x, y = x + width / 2, side - 1 - (y + height / 2)
    apart = all((x - a) ** 2 + (y - b) ** 2 > (1.5 * diameter) ** 2 for a, b in chosen)
    if apart and min(x, y, side - x, side - y) > 2.2 * diameter:
        chosen.append((x, y))
for x, y in chosen[:count]:
    print(round(left + x * scale), round(top + y * scale))
PY
  }
  read -r x y < <(places 0 1)
  xdotool mousemove --window "$id" "$x" "$y"
  sleep 0.5
  xdotool mousedown 1
  sleep 0.3
  for part in 1 2 3; do
    xdotool mousemove --window "$id" "$(python3 -c "print(round($x + $part / 3 * $DIAMETER / 2 * $scale))")" "$y"
    sleep 0.3
  done
  xdotool mouseup 1
  clicks=$((clicks + 1))
  sleep 1
  shot measured
  step 'Measure the diameter'

  marked=0
  for number in 0 1; do
    some=$(((wanted + 1 - number) / 2))
    look
    while read -r x y; do
      click "$x" "$y"
      marked=$((marked + 1))
      # A person goes on when the ring is there.
      until_is $marked count positive
    done < <(places $number $some)
    shot "clicked-$number"
    [ $number = 1 ] || { press period; sleep 2; }
  done
  until_is "$wanted" count positive
  step "Click $wanted particles on two micrographs"

  next_step
  sleep 1
  import_all
  for _ in $(seq 300); do [ "$(count unlabeled)" -gt 0 ] && break; sleep 0.3; done
  [ "$(count unlabeled)" -gt 0 ] || fail "no unlabeled patches were added"
  sleep 2
  step "Add $(count unlabeled) unlabeled patches"

  train
  step 'Train the suggested run'

  press ctrl+6
  sleep 3
  click_primary 0.83 0.1 1 0.9
  sleep 1
  of=$(find -L "$data/micrographs" -type f | wc -l)
  scored() { find "$project/runs/recommended-1/picks" -type f 2>/dev/null | wc -l; }
  for _ in $(seq 1500); do [ "$(scored)" -ge "$of" ] && break; sleep 0.2; done
  [ "$(scored)" -ge "$of" ] || fail "$(scored) micrographs were scored, not $of"
  sleep 2
  shot picked
  by_name 'export picks'
  sleep 1
  press Return
  picks=$work/vitrine/$name-picks-recommended-1
  written() { find "$picks" -name "*.star" 2>/dev/null | wc -l; }
  for _ in $(seq 1500); do [ "$(written 2>/dev/null)" -ge "$of" ] && break; sleep 0.2; done
  [ "$(written)" -ge "$of" ] || fail "picks of $(written) micrographs were written, not of $of"
  sleep 1
  shot picks
  step "Pick on $of micrographs and export"
fi

seconds=$(passed)
echo "From the first screen to the exported set: $seconds s, $clicks clicks and $keys keys"
# The exported table counts y as its picks did.
from_bottom=()
[ "$way" = clicks ] || from_bottom=(--y-up --micrographs "$data/micrographs")
"$program" evaluate "$picks" --truth "$data/reference" --diameter $DIAMETER "${from_bottom[@]}"
[ "$seconds" -le $((minutes * 60)) ] || fail "that took longer than $minutes minutes"
closes
