#!/bin/bash
# `make soak`: an hour of mixed traffic on two switches with 256 ports and three extensions each, compressed into minutes;
# prints "name value unit" lines and fails when memory, descriptors or threads have grown. ARGS="--frames N" for another length.
. "$(dirname "${BASH_SOURCE[0]}")/../setup/prepare.sh"
prepare bench
reserve_hugepages
say "building the switch, its extensions and the soak (release)"
# shellcheck disable=SC2046 # a list of package names
cargo build --release --locked $(product_packages) -p heddle-test-hold-release -p heddle-soak || die "the build failed" "the compiler's message is above"
"$HEDDLE_TARGET/release/heddle-soak" "$@"
status=$?
show_ledger
exit $status
