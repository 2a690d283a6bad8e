#!/bin/bash
# `make kills` and `make restart`: the long forms of the tests in tests/restart, with release builds.
#
#   restart.sh kills      1,000 kills at random points of random changes (KILLS, SEED)
#   restart.sh traffic    20 kills under traffic, TAP and packet ports (KILLS)
. "$(dirname "${BASH_SOURCE[0]}")/../setup/prepare.sh"
[ -f tests/restart/Cargo.toml ] || die "tests/restart is not in this checkout" "git status"
prepare restart
is_root || die "this makes network devices" "run it as root"
reserve_hugepages
say "building (release)"
# shellcheck disable=SC2046 # a list of package names
cargo build --release --locked $(product_packages) && cargo test --release --locked --no-run -p heddle-restart || die "the build failed" "the compiler's message is above"
run() { cargo test --release --locked --quiet -p heddle-restart "$@" -- --nocapture; }
case ${1:-} in
kills) HEDDLE_KILLS=${KILLS:-1000} HEDDLE_SEED=${SEED:-1} run --test kills || die "a kill left more than it may" "the seed is above" ;;
traffic) HEDDLE_GAP_KILLS=${KILLS:-20} run --test gap || die "forwarding did not come back" "the message is above" ;;
*) die "restart.sh knows kills and traffic, not '${1:-}'" ;;
esac
show_ledger
