#!/bin/bash
# `make kills` and `make restart`: the long forms of the tests in tests/restart, with release builds.
#
#   restart.sh kills      1,000 kills at random points of random changes (KILLS, SEED)
#   restart.sh traffic    20 kills under traffic, TAP and packet ports (KILLS)
#   restart.sh crashes    20 each of SIGSEGV, abort, stack overflow and endless loop in an extension under traffic (CRASHES)
#   restart.sh panics     10,000 panics of an extension at random places (PANICS, SEED); needs no root
. "$(dirname "${BASH_SOURCE[0]}")/../setup/prepare.sh"
[ -f tests/restart/Cargo.toml ] || die "tests/restart is not in this checkout" "git status"
prepare restart
[ "${1:-}" = panics ] || is_root || die "this makes network devices" "run it as root"
reserve_hugepages
say "building (release)"
# shellcheck disable=SC2046 # a list of package names
cargo build --release --locked $(product_packages) && cargo test --release --locked --no-run -p heddle-restart || die "the build failed" "the compiler's message is above"
run() { cargo test --release --locked --quiet -p heddle-restart "$@" -- --nocapture; }
case ${1:-} in
kills) HEDDLE_KILLS=${KILLS:-1000} HEDDLE_SEED=${SEED:-1} run --test kills || die "a kill left more than it may" "the seed is above" ;;
traffic) HEDDLE_GAP_KILLS=${KILLS:-20} run --test gap || die "forwarding did not come back" "the message is above" ;;
crashes) HEDDLE_CRASHES=${CRASHES:-20} run --test recovery || die "forwarding did not come back" "the message is above" ;;
panics) HEDDLE_STORM=${PANICS:-10000} HEDDLE_SEED=${SEED:-1} cargo test --release --locked --quiet -p heddle-host --test engine storm -- --nocapture || die "a panic cost more than it may" "the message is above" ;;
*) die "restart.sh knows kills, traffic, crashes and panics, not '${1:-}'" ;;
esac
show_ledger
