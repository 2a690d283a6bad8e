# shellcheck shell=bash
# How every script of the workshop speaks: one prefix, no colour, and a ledger of what was left out.
#
# The ledger is a file ($HEDDLE_LEDGER, one "name: why" per line). Whoever leaves something out calls `leave_out`;
# the target's last act is `show_ledger`, so that a run without root ends with the list of what it did not do.

say() { printf 'heddle: %s\n' "$*"; }
warn() { printf 'heddle: %s\n' "$*" >&2; }

# die WHAT FIX: stops the target; the second line is what to type.
die() {
    printf 'heddle: error: %s\n' "$1" >&2
    [ $# -lt 2 ] || printf 'heddle: to fix it: %s\n' "$2" >&2
    exit 1
}

is_root() { [ "$(id -u)" -eq 0 ]; }
have() { command -v "$1" >/dev/null 2>&1; }
may_install() { [ "${HEDDLE_NO_INSTALL:-0}" != 1 ]; }

open_ledger() {
    HEDDLE_SCRATCH=$(mktemp -d "${TMPDIR:-/tmp}/heddle.XXXXXX") || die "no temporary folder could be made" "set TMPDIR to a folder that you can write"
    HEDDLE_LEDGER=$HEDDLE_SCRATCH/left-out
    : >"$HEDDLE_LEDGER"
    export HEDDLE_LEDGER
}

leave_out() { printf '%s: %s\n' "$1" "$2" >>"$HEDDLE_LEDGER"; }

show_ledger() {
    [ -s "$HEDDLE_LEDGER" ] || return 0
    printf '\nleft out of this run:\n'
    sort -u "$HEDDLE_LEDGER" | sed 's/^/  /'
}
