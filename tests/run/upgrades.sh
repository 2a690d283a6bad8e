#!/bin/bash
# `make upgrades`: 100 upgrades of a connection tracker under traffic, with 100,000 connections on each of two workers and a
# release build; prints frames, rate, and how long workers stood still. UPGRADES, CONNECTIONS and PPS change the numbers.
. "$(dirname "${BASH_SOURCE[0]}")/../setup/prepare.sh"
prepare bench
reserve_hugepages
say "building the switch and the tracker (release)"
cargo test --release --locked --no-run -p heddle-host --test engine || die "the build failed" "the compiler's message is above"
export HEDDLE_UPGRADES=${UPGRADES:-100} HEDDLE_CONNECTIONS=${CONNECTIONS:-100000} HEDDLE_UPGRADE_PPS=${PPS:-1000000}
cargo test --release --locked --quiet -p heddle-host --test engine upgrades_under_traffic -- --nocapture ||
    die "an upgrade lost, doubled or overtook a frame, or forgot a connection" "the message is above"
show_ledger
