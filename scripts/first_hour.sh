#!/usr/bin/env bash
# What a person who has never seen the program does first, in the real window on a display of its own: opens the sample
# from the first screen, labels some patches, waits for the quick run, reviews what it found, exports the set. Says for
# each step how long it took and how many clicks and keys it was. Labels are set without looking and as fast as keys
# come: it is the program's way that is measured, not a person's judgement.
# The waits of this script, a second or two before a key that needs the window to be ready, are in the times.
# Usage: bash scripts/first_hour.sh PROGRAM [SECONDS]
#   SECONDS  the most that all of it may take (default 300)
set -euo pipefail
script_name='first hour'
program=$(realpath "$1")
. "$(dirname "$0")/window_driver.sh"
project=$work/vitrine-sample/project
LABELS=20 # set before the run has ended, and again in the review
limit=${2:-300}

begin
start
titled '^Vitrine$'
step 'The first screen is there'
begun=$since

click_primary 0 0 1 1
titled '^vitrine-sample '
before=$(count positive) negative=$(count negative)
[ "$before" -gt 100 ] || fail "the sample has $before positives"
step 'Open the sample'

press Escape
step 'Skip the tour'

# The patches at the end are those that nobody has picked. A label goes on to the next patch.
press End
sleep 1
read -r width height < <(xdotool getwindowgeometry --shell "$id" | sed -n 's/^WIDTH=//p; s/^HEIGHT=//p' | xargs)
click $((width / 2)) $((height * 2 / 5))
sleep 1
for at in $(seq $LABELS); do
  if [ $((at % 2)) = 0 ]; then press p; else press n; fi
done
until_is $((before + LABELS / 2)) count positive
until_is $((negative + LABELS / 2)) count negative
step "Label $LABELS patches"

# On a machine with two busy cores too.
until_trained quick-1 400
step 'The quick run has ended'

by_name 'queue: likely particles'
sleep 1
positive=$(count positive)
for _ in $(seq $LABELS); do press p; done
until_is $((positive + LABELS)) count positive
step "Review $LABELS likely particles"

press ctrl+4
sleep 2
press ctrl+e
star=$work/vitrine-sample/vitrine-sample_particles.star
for _ in $(seq 100); do [ -s "$star.manifest.json" ] && break; sleep 0.2; done
[ -s "$star.manifest.json" ] || fail "no export was written to $star"
wanted=$(count positive)
grep -q "\"total\": $wanted," "$star.manifest.json" || fail "the manifest does not count $wanted particles"
step "Export $wanted particles"

seconds=$(passed)
echo "From the first screen to the exported set: $seconds s, $clicks clicks and $keys keys"
[ "$seconds" -le "$limit" ] || fail "that took longer than $limit s"
closes
