#!/bin/bash
# The groups of `make test`: their order, how each is built and run. tests/run/test.sh calls this file
# once to build and once to run a group, so that one group can neither stop nor confuse the next.
#
#   groups.sh list | build GROUP | run GROUP
#
# A group is listed when its folder holds tests: a Cargo.toml (a package, run with `cargo test`) or an executable `run`
# (anything else; an executable `build` beside it, if there is one, is called first). A `run` script prints one line per
# test and ends with a status other than 0 when one failed:
#
#   PASS name
#   FAIL name: what was expected and what came
#   SKIP name: why, and what would make it run
#
# A Rust test that has to leave out something at run time appends "name: why" to the file $HEDDLE_LEDGER.
. "$(dirname "${BASH_SOURCE[0]}")/../setup/prepare.sh"

# group | what shows that it has tests | what it proves
GROUPS_IN_ORDER='
unit        extension-api     each product crate, in its own process
switch      tests/switch      the data plane as a whole: seeded simulations against an oracle
extensions  tests/extensions  the test kit in C on an extension that uses all of it, and the faults it is to notice
abi         tests/abi         old compilers load, damaged metadata is refused
conformance tests/conformance what ships conforms; each misbehaving extension fails its own case alone
end-to-end  tests/end_to_end  namespaces, devices, the daemon (root)
restart     tests/restart     kills at random points of random changes, kills under traffic (root)
demo        tests/demo        the demo as a test, and the commands that README.md tells operators to type
vendor      tests/vendor      the pages for vendors, typed as they stand, and the vendor package
tidy        tests/xtask       the house rules and the judge of the soak, and that each can fail
'

group_folder() { awk -v g="$1" '$1 == g { print $2 }' <<<"$GROUPS_IN_ORDER"; }

list_groups() {
    local group folder
    while read -r group folder _; do
        [ -n "$group" ] || continue
        if [ -f "$folder/Cargo.toml" ] || [ -x "$folder/run" ]; then echo "$group"; fi
    done <<<"$GROUPS_IN_ORDER"
}

# packages_in FOLDER: "-p NAME" for the package of the folder and for those one level below it.
packages_in() {
    local manifest
    for manifest in "$1"/Cargo.toml "$1"/*/Cargo.toml; do
        [ ! -f "$manifest" ] || printf -- '-p %s ' "$(manifest_name "$(dirname "$manifest")")"
    done
}

# Extensions are cdylibs and the daemon is a binary: `cargo test -p` alone would build neither.
# shellcheck disable=SC2046 # lists of package names
build_folder() {
    if [ -x "$1/build" ]; then
        "$1/build"
    elif [ -f "$1/Cargo.toml" ]; then
        cargo build --locked $(product_packages) $(packages_in "$1") &&
            cargo test --locked --no-run -p "$(manifest_name "$1")"
    fi
}

run_folder() {
    if [ -x "$1/run" ]; then
        "$1/run"
    else
        cargo test --locked --no-fail-fast -p "$(manifest_name "$1")"
    fi
}

# check NAME COMMAND...: one PASS or FAIL line for a command.
check() {
    local name=$1
    shift
    if "$@"; then
        echo "PASS $name"
    else
        echo "FAIL $name: '$*' ended with status $?"
        return 1
    fi
}

run_tidy() {
    local status=0
    run_folder tests/xtask || status=1
    run_folder tests/soak || status=1
    tests/run/self_check.sh || status=1
    check house-rules cargo run --locked --quiet -p heddle-xtask -- tidy || status=1
    return $status
}

# shellcheck disable=SC2046 # lists of package names
build_group() {
    case $1 in
    unit) cargo test --locked --no-run $(product_packages) ;;
    tidy) cargo test --locked --no-run -p heddle-xtask -p heddle-soak && cargo build --locked -p heddle-xtask ;;
    *) build_folder "$(group_folder "$1")" ;;
    esac
}

# shellcheck disable=SC2046 # lists of package names
run_group() {
    case $1 in
    unit) cargo test --locked --no-fail-fast $(product_packages) ;;
    tidy) run_tidy ;;
    *) run_folder "$(group_folder "$1")" ;;
    esac
}

case ${1:-} in
list) list_groups ;;
build) build_group "$2" ;;
run) run_group "$2" ;;
*) die "groups.sh knows list, build GROUP and run GROUP, not '${1:-}'" ;;
esac
