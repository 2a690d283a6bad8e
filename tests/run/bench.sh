#!/bin/bash
# `make bench`: builds and runs the benchmarks. They print "name value unit" lines and write
# target/bench/results.json; ARGS="..." reaches the program.
. "$(dirname "${BASH_SOURCE[0]}")/../setup/prepare.sh"
[ -f tests/bench/Cargo.toml ] || die "tests/bench is not in this checkout" "git status"
prepare bench
reserve_hugepages
results=$HEDDLE_TARGET/bench/results.json
mkdir -p "$HEDDLE_TARGET/bench"
rm -f "$results"
say "building the benchmarks and the extensions they load (release)"
# shellcheck disable=SC2046 # a list of package names
cargo build --release --locked $(product_packages) -p heddle-bench || die "the build failed" "the compiler's message is above"
cargo run --release --locked --quiet -p heddle-bench -- "$@" || die "the benchmarks failed" "their message is above"
[ -s "$results" ] || die "the benchmarks ended without writing $results"
show_ledger
say "written: $results"
