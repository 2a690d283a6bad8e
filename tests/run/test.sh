#!/bin/bash
# `make test`: every group of groups.sh, one after the other, each with its time. A failing group fails the run and the
# others still run. The last line is the sum over all groups, alone: "N passed, N failed, N skipped".
#
# Arguments: names of groups (none: all). HEDDLE_GROUP_SECONDS limits the run, not the build, of each group.
. "$(dirname "${BASH_SOURCE[0]}")/../setup/prepare.sh"

BUILD_SECONDS=3600
RUN_SECONDS=${HEDDLE_GROUP_SECONDS:-600}
child=

now() { echo "${EPOCHREALTIME/[.,]/}"; } # microseconds
seconds() { awk -v us="$1" 'BEGIN { printf "%.1f s", us / 1e6 }'; }

# supervise LOG LIMIT COMMAND...: output to the log and to the reader. `timeout` puts the command into a process group
# of its own; what is left of it afterwards is ended, so no group leaves processes to the next.
supervise() {
    local log=$1 limit=$2 status
    shift 2
    : >"$log" # there before tail looks for it
    timeout --kill-after=20 "$limit" "$@" </dev/null >>"$log" 2>&1 &
    child=$!
    tail -n +1 -s 0.1 --pid="$child" -f "$log"
    wait "$child"
    status=$?
    kill -TERM -- "-$child" 2>/dev/null
    child=
    return $status
}

stop() {
    trap '' INT TERM HUP
    if [ -n "$child" ]; then
        kill -TERM "$child" 2>/dev/null
        wait "$child"
    fi
    exit "$1"
}

# A test program that a signal ended (an abort, a crash) has no summary, so cargo's own line about it counts.
DIED="process didn't exit successfully: .*/([^/]*)-[0-9a-f]{16}.* [(](signal: .*)[)]"

# tally LOG: "passed failed skipped" from cargo's summaries and from PASS, FAIL and SKIP lines.
tally() {
    awk -v died="process didn't exit successfully: .*[(]signal: " '/^test result: / { pass += $4; fail += $6; skip += $8 }
         /^PASS / { pass++ } /^FAIL / { fail++ } /^SKIP / { skip++ } $0 ~ died { fail++ }
         END { print pass + 0, fail + 0, skip + 0 }' "$1"
}

# note_names GROUP LOG: failed tests to the list of failures, left-out ones to the ledger.
note_names() {
    sed -nE "s|^ *$DIED.*|\\1: died of \\2|p" "$2" | sed "s|^|$1: |" >>"$failures"
    sed -n -e 's/^FAIL \(.*\)/\1/p' -e 's/^test \(.*\) \.\.\. FAILED.*/\1/p' "$2" | sed "s|^|$1: |" >>"$failures"
    sed -n -e 's/^SKIP \(.*\)/\1/p' -e 's/^test \(.*\) \.\.\. ignored, \(.*\)/\1: \2/p' \
        -e 's/^test \(.*\) \.\.\. ignored$/\1: ignored without a reason/p' "$2" | sed "s|^|$1: |" >>"$HEDDLE_LEDGER"
}

# A group may end badly without a failed test (no build, crash, time limit), or end well without having run any.
verdict_without_test() {
    local group=$1 status=$2 pass=$3 fail=$4 skip=$5
    if [ "$status" -eq 124 ] || [ "$status" -eq 137 ]; then
        echo "$group: not done after $RUN_SECONDS s"
    elif [ "$status" -ne 0 ] && [ "$fail" -eq 0 ]; then
        echo "$group: ended with status $status without naming a failed test"
    elif [ "$status" -eq 0 ] && [ $((pass + fail + skip)) -eq 0 ]; then
        echo "$group: ran no test"
    fi
}

run_one() {
    local group=$1 start built=0 ran=0 status pass=0 fail=0 skip=0 extra
    printf '\n== %s\n' "$group"
    start=$(now)
    supervise "$logs/$group.build.log" $BUILD_SECONDS tests/run/groups.sh build "$group"
    status=$?
    built=$(($(now) - start))
    if [ $status -eq 0 ]; then
        start=$(now)
        supervise "$logs/$group.log" "$RUN_SECONDS" tests/run/groups.sh run "$group"
        status=$?
        ran=$(($(now) - start))
        read -r pass fail skip < <(tally "$logs/$group.log")
        note_names "$group" "$logs/$group.log"
        extra=$(verdict_without_test "$group" $status "$pass" "$fail" "$skip")
    else
        extra="$group: could not be built"
    fi
    if [ -n "$extra" ]; then
        fail=$((fail + 1))
        echo "$extra" >>"$failures"
    fi
    passed=$((passed + pass)) failed=$((failed + fail)) skipped=$((skipped + skip))
    row=$(printf '%-12s %7d %7d %8d %10s %10s' "$group" "$pass" "$fail" "$skip" "$(seconds $built)" "$(seconds $ran)")
    table+=$row$'\n'
    printf -- '-- %s: %d passed, %d failed, %d skipped; built in %s, ran in %s\n' \
        "$group" "$pass" "$fail" "$skip" "$(seconds $built)" "$(seconds $ran)"
}

choose_groups() {
    local listed group
    listed=$(tests/run/groups.sh list)
    if [ $# -eq 0 ]; then
        groups=$listed
        return
    fi
    for group in "$@"; do
        grep -qx -- "$group" <<<"$listed" || die "there is no test group '$group'" "choose among: $(tr '\n' ' ' <<<"$listed")"
    done
    groups=$(printf '%s\n' "$@")
}

choose_groups "$@"
# shellcheck disable=SC2086 # a list of group names, which are also the tokens of packages.txt
prepare $groups
trap 'stop 130' INT
trap 'stop 143' TERM HUP
reserve_hugepages
is_root || say "running without root: what needs it is left out and listed at the end"
logs=$HEDDLE_TARGET/test-logs
failures=$HEDDLE_SCRATCH/failures
passed=0 failed=0 skipped=0 table=
mkdir -p "$logs" || die "$logs cannot be written" "chown it to $(id -un), or set CARGO_TARGET_DIR to a folder of your own"
: >"$failures"
start=$(now)
for group in $groups; do run_one "$group"; done

printf '\n%-12s %7s %7s %8s %10s %10s\n%s' group passed failed skipped build run "$table"
printf 'all groups in %s; logs in %s\n' "$(seconds $(($(now) - start)))" "$logs"
show_ledger
if [ -s "$failures" ]; then
    printf '\nfailed:\n'
    sed 's/^/  /' "$failures"
fi
printf '\n%d passed, %d failed, %d skipped\n' $passed $failed $skipped
[ $failed -eq 0 ]
