#!/bin/bash
# Proves that the workshop itself can fail: a small fake checkout, with groups that pass, fail, crash, hang or do
# nothing, is run through the real scripts, and so are a missing and an old toolchain. Nothing is installed and the
# network is not used. One PASS or FAIL line per case.
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
WORK=$(mktemp -d "${TMPDIR:-/tmp}/heddle-self-check.XXXXXX") || exit 1
trap 'rm -rf "$WORK"' EXIT
status=0
unset HEDDLE_LEDGER RUSTUP_TOOLCHAIN CARGO_TARGET_DIR
export HEDDLE_NO_INSTALL=1

# fake_checkout: the real scripts, no product, no groups.
fake_checkout() {
    rm -rf "${WORK:?}/checkout" "${WORK:?}/home"
    mkdir -p "$WORK/checkout/tests" "$WORK/home/bin"
    cp -r "$HERE/tests/run" "$HERE/tests/setup" "$WORK/checkout/tests/"
    cp "$HERE/rust-toolchain.toml" "$WORK/checkout/"
}

# fake_group FOLDER LINE...: a group whose run script is these lines.
fake_group() {
    local folder=$WORK/checkout/tests/$1
    shift
    mkdir -p "$folder"
    { echo '#!/bin/bash' && printf '%s\n' "$@"; } >"$folder/run"
    chmod +x "$folder/run"
}

# fake_command NAME LINE...: a command that stands before the real one.
fake_command() {
    local file=$WORK/home/bin/$1
    shift
    { echo '#!/bin/bash' && printf '%s\n' "$@"; } >"$file"
    chmod +x "$file"
}

run_fake() { (cd / && "$WORK/checkout/tests/run/test.sh" "$@" </dev/null >"$WORK/out" 2>&1); }

# expect NAME STATUS PATTERN...: the last run ended so, and its output has a line for each pattern.
expect() {
    local name=$1 wanted=$2 got=$3 pattern
    shift 3
    if [ "$got" -ne "$wanted" ]; then
        echo "FAIL workshop.$name: ended with status $got instead of $wanted"
        sed 's/^/    /' "$WORK/out"
        status=1
        return
    fi
    for pattern in "$@"; do
        grep -qE -- "$pattern" "$WORK/out" && continue
        echo "FAIL workshop.$name: no line like '$pattern' in"
        sed 's/^/    /' "$WORK/out"
        status=1
        return
    done
    echo "PASS workshop.$name"
}

fake_checkout
fake_group switch 'echo "PASS one"' 'echo "test result: ok. 4 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out"' \
    'echo "test slow ... ignored, takes an hour"' 'echo "SKIP needs-root: run it as root"'
run_fake
expect sums-both-kinds-of-tests 0 $? '^5 passed, 0 failed, 2 skipped$' '^  switch: needs-root: run it as root$' \
    '^  switch: slow: takes an hour$' '^switch +5 +0 +2 '
[ "$(tail -n 1 "$WORK/out")" = '5 passed, 0 failed, 2 skipped' ]
expect closing-line-is-last 0 $?

fake_group switch 'echo "PASS one"' 'echo "FAIL two: it rained"' 'exit 1'
fake_group abi 'echo "PASS three"'
run_fake
expect failing-group-fails-the-run-and-others-run 1 $? '^  switch: two: it rained$' '^PASS three$' '^2 passed, 1 failed, 0 skipped$'

fake_group switch 'echo "test a ... FAILED"' 'echo "test result: FAILED. 1 passed; 1 failed; 0 ignored; 0 measured"' 'exit 101'
run_fake switch
expect failed-cargo-test-is-named 1 $? '^  switch: a$' '^1 passed, 1 failed, 0 skipped$'

fake_group switch 'echo "test result: ok. 4 passed; 0 failed; 0 ignored; 0 measured"' \
    "echo \"  process didn't exit successfully: \\\`/a/deps/parse-3f42a9173f2489f1\\\` (signal: 6, SIGABRT: process abort signal)\"" 'exit 101'
run_fake switch
expect aborted-test-program-is-named 1 $? '^  switch: parse: died of signal: 6, SIGABRT' '^4 passed, 1 failed, 0 skipped$'

fake_group switch 'exit 3'
run_fake switch
expect crash-is-a-failure 1 $? '^  switch: ended with status 3' '^0 passed, 1 failed, 0 skipped$'

fake_group switch 'echo "PASS one"' 'exit 3'
run_fake switch
expect crash-after-passes-is-a-failure 1 $? '^1 passed, 1 failed, 0 skipped$'

fake_group switch 'true'
run_fake switch
expect group-without-tests-is-a-failure 1 $? '^  switch: ran no test$'

fake_group switch 'echo "PASS one"' 'sleep 60'
HEDDLE_GROUP_SECONDS=1 run_fake switch
expect hanging-group-is-ended 1 $? '^  switch: not done after 1 s$'

fake_group switch "sleep 60 & echo \$! >$WORK/stray" 'echo "PASS one"'
run_fake switch
expect stray-process-does-not-delay-the-run 0 $? '^1 passed'
# Ended: gone, or a zombie that nobody has collected yet. The signal may still be on its way, so look more than once.
stray_is_ended() {
    local try state
    for try in {1..50}; do
        state=$(cut -d ' ' -f 3 "/proc/$(cat "$WORK/stray" 2>/dev/null)/stat" 2>/dev/null)
        case $state in '' | Z) return 0 ;; esac
        read -rt 0.02 <> <(:)
    done
    return "$try"
}
stray_is_ended
expect stray-process-is-ended 0 $?

run_fake no-such-group
expect unknown-group-is-refused 1 $? "no test group 'no-such-group'" 'to fix it: choose among: switch abi'

fake_group switch 'echo "PASS one"' 'cat'
run_fake switch
expect groups-have-no-standard-input 0 $? '^1 passed, 0 failed, 0 skipped$'

grep -q $'\033' "$WORK/out"
expect no-colour-codes 1 $?

# The toolchain. rustup's folder is first on the PATH, so these stand before the real commands.
export CARGO_HOME=$WORK/home
fake_checkout
fake_group switch 'echo "PASS one"'
fake_command cargo 'echo "cargo 1.63.0 (fake)"'
fake_command rustup 'exit 1'
run_fake switch
expect old-cargo-is-named 1 $? 'cargo is 1.63.0 .*older than the 1\.[0-9.]* of rust-toolchain.toml' 'to fix it: rustup toolchain install 1\.'

fake_command cargo '[ -n "$RUSTUP_TOOLCHAIN" ] && echo "cargo 99.0.0 (fake)"'
fake_command rustup 'case $1 in toolchain) echo "nightly-fake"; echo "stable-fake (default)" ;; run) echo "rustc 99.0.0 (fake)" ;; esac'
run_fake switch
expect installed-newer-toolchain-is-used 0 $? "using the installed toolchain 'stable-fake'" '^1 passed'

fake_command cargo "[ -e $WORK/home/installed ] && echo 'cargo 99.0.0 (fake)'"
fake_command rustup "case \"\$1 \$2\" in 'toolchain install') touch $WORK/home/installed ;; esac"
HEDDLE_NO_INSTALL=0 run_fake switch
expect missing-toolchain-is-installed-by-rustup 0 $? 'is not installed$' 'rustup toolchain install 1\.' '^1 passed'

# Packages. The table is replaced, so that a package is missing on every machine.
fake_checkout
fake_group switch 'echo "PASS one"'
unset CARGO_HOME
printf 'no-such | cmd:no-such-command | switch | a reason\nother | cmd:no-such-command | abi | b\n' >"$WORK/checkout/tests/setup/packages.txt"
run_fake switch
expect missing-package-is-left-out-by-name 0 $? '^  package no-such \(a reason\): HEDDLE_NO_INSTALL=1 forbids installing$'
grep -q 'package other' "$WORK/out"
expect package-of-another-group-is-not-asked-for 1 $?

printf 'no-cc | cmd:no-such-command | build | links\n' >"$WORK/checkout/tests/setup/packages.txt"
run_fake switch
expect missing-compiler-ends-the-run 1 $? 'nothing can be built without no-cc' 'to fix it: apt-get install'
exit $status
