# Sourced by window_test.sh and the scripts of the first hour: a display of its own, the real program on it, keys and a
# mouse as a person uses them. Expects: script_name, program (the path of vitrine), project (once there is one), and screen, the size of
# the display. Commands read the project beside the window.

driver=$(dirname "${BASH_SOURCE[0]}")
work=$(mktemp -d)
display_pid='' window_pid=''
# What a person would have done so far.
clicks=0 keys=0
finish() {
  local pid
  for pid in $window_pid $display_pid; do kill "$pid" 2>/dev/null || true; done
  wait 2>/dev/null || true
  rm -rf "$work"
}
trap finish EXIT
fail() {
  [ -n "${WINDOW_TEST_PICTURE:-}" ] && xwd -silent -root >"$WINDOW_TEST_PICTURE"
  shot failed
  echo "$script_name: $1" >&2
  [ -s "$work/window.log" ] && sed 's/^/  the program said: /' "$work/window.log" >&2
  exit 1
}

export HOME=$work XDG_RUNTIME_DIR=$work VITRINE_CONFIG_DIR=$work/config
export WAYLAND_DISPLAY='' WGPU_BACKEND=${WGPU_BACKEND:-vulkan}
Xvfb -displayfd 3 -screen 0 "${screen:-1280x900}x24" -nolisten tcp -noreset 3>"$work/display" 2>"$work/xvfb.log" &
display_pid=$!
for _ in $(seq 100); do [ -s "$work/display" ] && break; sleep 0.1; done
[ -s "$work/display" ] || fail "no display came up: $(cat "$work/xvfb.log")"
DISPLAY=:$(tr -d '\n' <"$work/display")
export DISPLAY

start() {
  "$program" "$@" >"$work/window.log" 2>&1 &
  window_pid=$!
}
# Waits until a window has this title (a regular expression), and gives it the keys. Two minutes: two busy cores make the
# sample slowly.
titled() {
  for _ in $(seq 600); do
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
# Waits until a command prints what is expected.
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
  press ctrl+q
  for _ in $(seq 100); do kill -0 "$window_pid" 2>/dev/null || break; sleep 0.2; done
  kill -0 "$window_pid" 2>/dev/null && fail "Ctrl+Q did not close the window"
  wait "$window_pid" || fail "the program ended with status $?"
  window_pid=''
}
# Patches of the project with this label; a split counts labels too.
count() {
  "$program" info "$project" --json | tr -d ' \n' | grep -o '"labels":{[^}]*}' | head -1 | sed -n "s/.*\"$1\":\([0-9]*\).*/\1/p"
}
# The state of a run of the project.
state_of() { "$program" info "$project" | sed -n "s/^ *run *$1 (\([a-z]*\).*/\1/p"; }

now() { date +%s%N; }
# Begins to count what the first step takes.
begin() {
  since=$(now) clicks_before=$clicks keys_before=$keys
  begun=$since
}
# Ends a step: what it was, and what it took since the one before.
step() {
  local at
  at=$(now)
  printf '%-44s %7.1f s %5d clicks %5d keys\n' "$1" "$(((at - since) / 1000000))e-3" \
    $((clicks - clicks_before)) $((keys - keys_before))
  since=$at clicks_before=$clicks keys_before=$keys
}
# Whole seconds since the beginning.
passed() { echo $((($(now) - begun) / 1000000000)); }
# Waits until a run has ended as it should, so many seconds at most.
until_trained() {
  local run=$1 last=$((SECONDS + $2))
  while [ $SECONDS -lt $last ] && [ "$(state_of "$run")" != finished ]; do sleep 0.5; done
  [ "$(state_of "$run")" = finished ] || fail "after $2 s the run $run is '$(state_of "$run")', not finished"
}
# Writes what the display shows as PNG into the folder FIRST_HOUR_PICTURES, where that is given.
shot() {
  [ -n "${FIRST_HOUR_PICTURES:-}" ] || return 0
  xwd -silent -root >"$work/shot.xwd"
  python3 "$driver/window_look.py" "$work/shot.xwd" png "$FIRST_HOUR_PICTURES/$1.png"
}

# Presses keys, one after the other.
press() {
  xdotool key "$@"
  keys=$((keys + $#))
}
# Types a text.
types() {
  xdotool type --delay "${2:-40}" "$1"
  keys=$((keys + ${#1}))
}
# Clicks at a place of the window.
click() {
  xdotool mousemove --window "$id" "$1" "$2"
  sleep 0.5
  xdotool click 1
  clicks=$((clicks + 1))
}
# Gives a command by its name.
by_name() {
  press ctrl+p
  sleep 1
  types "$1"
  sleep 1
  press Return
  sleep 1
}
# The middle of the button that is filled as the one to press (dark look), in the part of the window between these shares
# of its width and height; nothing where there is none.
primary() {
  xwd -silent -id "$id" >"$work/look.xwd"
  python3 "$driver/window_look.py" "$work/look.xwd" primary "$@"
}
# The micrograph that the window shows: left, top, right and bottom, px of the window.
picture() {
  xwd -silent -id "$id" >"$work/look.xwd"
  python3 "$driver/window_look.py" "$work/look.xwd" picture "$@"
}
# Clicks the button that is filled as the one to press, once it is there.
click_primary() {
  local at=''
  for _ in $(seq 100); do
    at=$(primary "$@")
    [ -n "$at" ] && break
    sleep 0.2
  done
  [ -n "$at" ] || fail "no button stands out between the shares $* of the window"
  # shellcheck disable=SC2086
  click $at
}
