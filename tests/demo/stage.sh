# shellcheck shell=bash
# What both demos stand on: captions, checks, the daemon and the collector, and leaving nothing behind.
#
# Everything made carries $TAG (devices) or lies in $WORK (files, sockets), so that `leave` can undo it and `look_back` can
# see whether anything is left, after a failure or Ctrl-C too. A failed check does not end the demo: it is listed at the end
# and makes the status 1.

TAG=$$
WORK=
FAILED=()
CHECKS=0
HELPERS=()
NAMESPACES=()
DEVICES=()

# caption TEXT...: one line over what comes.
caption() { printf '\n-- %s\n' "$*"; }

# shown COMMAND...: the command as an operator would type it, and what it says.
shown() {
    printf '$ %s\n' "$*"
    "$@" 2>&1 || failed "'$*' ended with status $?"
}

failed() {
    printf '   FAILED: %s\n' "$*"
    FAILED+=("$*")
}

# check WHAT COMMAND...: the command is silent and its status is the answer.
check() {
    local what=$1
    shift
    CHECKS=$((CHECKS + 1))
    if "$@" >/dev/null 2>&1; then printf '   ok: %s\n' "$what"; else failed "$what"; fi
}

# stop_here WHAT: nothing after it makes sense.
stop_here() {
    failed "$1"
    if [ -s "$WORK/heddled.log" ]; then
        printf '   the end of the log of heddled:\n'
        tail -n 15 "$WORK/heddled.log" | sed 's/^/   | /'
    fi
    exit 1
}

# wait_for SECONDS COMMAND...: asks ten times a second.
wait_for() {
    local tries=$(($1 * 10))
    shift
    until "$@" >/dev/null 2>&1; do
        tries=$((tries - 1))
        [ $tries -gt 0 ] || return 1
        sleep 0.1
    done
}

has() { command -v "$1" >/dev/null 2>&1; }
skipped() {
    printf '   left out: %s: %s\n' "$1" "$2"
    [ -z "${HEDDLE_LEDGER:-}" ] || printf '%s: %s\n' "$1" "$2" >>"$HEDDLE_LEDGER"
}

heddle() { "$HEDDLE" "$@"; }

# helper PROGRAM...: a process that lives until the end, or until `dismiss`. Its number is in $HELPER. Programs only: of a
# function the number would be that of a shell in between.
helper() {
    "$@" {READER}>&- &
    HELPER=$!
    HELPERS+=("$HELPER")
}

# Ends a helper and waits for it: politely, after three seconds for certain. Its number is forgotten, as the system may
# give it to somebody else.
dismiss() {
    local each rest=()
    for each in "${HELPERS[@]}"; do [ "$each" = "$1" ] || rest+=("$each"); done
    [ ${#rest[@]} -lt ${#HELPERS[@]} ] || return 0
    kill -TERM "$1" 2>/dev/null
    wait_for 3 gone "$1" || kill -KILL "$1" 2>/dev/null
    wait "$1" 2>/dev/null
    HELPERS=("${rest[@]}")
}

# A zombie is as good as gone: `wait` has not looked yet.
gone() { ! grep -qs '^State:[[:space:]]*[^ZX]' "/proc/$1/status"; }

set_up() {
    WORK=$(mktemp -d "${TMPDIR:-/tmp}/heddle-demo.XXXXXX") || { echo "no temporary folder; set TMPDIR" >&2 && exit 1; }
    # A signal may come while a function writes to a file: `leave` speaks to the reader all the same.
    exec {READER}>&1
    trap leave EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
    export HEDDLE_SOCKET=$WORK/heddled.sock HEDDLE_STATE_DIR=$WORK/state
}

start_daemon() {
    caption "The daemon, with a control socket of its own so that it disturbs no other"
    printf '$ heddled --socket %s --extension-dir %s &\n' "$HEDDLE_SOCKET" "$EXTENSIONS"
    helper "$HEDDLED" --socket "$HEDDLE_SOCKET" --extension-dir "$EXTENSIONS" >"$WORK/heddled.log" 2>&1
    wait_for 10 heddle daemon status || stop_here "heddled does not answer"
}

# The collector listens on a free port, so a real collector on this host is not disturbed.
start_collector() {
    helper perl "$HERE/sflow.pl" collect "$WORK/sflow.pcap" "$WORK/collector" 2>"$WORK/collector.log"
    wait_for 5 test -s "$WORK/collector" || stop_here "the collector does not listen: $(cat "$WORK/collector.log")"
    COLLECTOR=$(cat "$WORK/collector")
}

load_extensions() {
    caption "Two extensions from their .so: one that lets pass, and an sFlow agent that samples 1 frame in 200"
    start_collector
    COLLECTOR_PID=$HELPER
    shown heddle extension enable "$SWITCH" "$EXTENSIONS/libheddle_passthrough.so"
    shown heddle extension enable "$SWITCH" "$EXTENSIONS/libheddle_sflow.so" --config "collector=127.0.0.1:$COLLECTOR" \
        --config sampling=200 --config polling=1
}

# Who still runs inside was started by this demo: nobody else knows the namespace.
remove_namespace() {
    local each
    for each in $(ip netns pids "$1"); do kill -KILL "$each" 2>/dev/null; done
    ip netns del "$1"
}

undo() {
    local each
    for each in "${HELPERS[@]}"; do dismiss "$each"; done
    for each in "${NAMESPACES[@]}"; do [ ! -e "/run/netns/$each" ] || remove_namespace "$each"; done
    for each in "${DEVICES[@]}"; do [ ! -e "/sys/class/net/$each" ] || ip link del "$each"; done
    rm -rf "$WORK"
}

# leftovers: one line for each thing of this demo that is still there.
leftovers() {
    local each
    for each in /run/netns/heddle-demo-"$TAG"-*; do [ ! -e "$each" ] || echo "namespace ${each##*/}"; done
    for each in /sys/class/net/*"$TAG"; do [ ! -e "$each" ] || echo "device ${each##*/}"; done
    for each in "${HELPERS[@]}"; do gone "$each" || echo "process $each"; done
    for each in /proc/[0-9]*; do
        ! tr '\0' ' ' 2>/dev/null <"$each/cmdline" | grep -qF "$WORK/" || echo "process ${each#/proc/}"
    done
    [ ! -e "$WORK" ] || echo "folder $WORK"
}

# Runs at every end, the good one included.
leave() {
    local status=$? left
    exec >&"$READER"
    trap '' INT TERM HUP
    trap - EXIT
    undo
    left=$(leftovers)
    caption "What is left of this demo"
    if [ -z "$left" ]; then
        echo "nothing: no namespace, no device, no process, no file"
    else
        sed 's/^/   FAILED, still there: /' <<<"$left"
        FAILED+=("nothing is left behind")
    fi
    if [ ${#FAILED[@]} -gt 0 ]; then
        printf '\ndemo FAILED: %d of its steps did not do what they should:\n' "${#FAILED[@]}"
        printf '  %s\n' "${FAILED[@]}"
        [ $status -ne 0 ] || status=1
    elif [ $status -eq 0 ]; then
        printf '\ndemo done: %d checks passed in %d s\n' $CHECKS $SECONDS
    else
        printf '\ndemo stopped before its end (status %d)\n' $status
    fi
    exit $status
}
