#!/bin/bash
# `make demo`: builds the daemon, the command line and the extensions as they ship, then hands over to
# tests/demo/demo.sh, which finds them in $HEDDLE_BIN.
. "$(dirname "${BASH_SOURCE[0]}")/../setup/prepare.sh"
[ -x tests/demo/demo.sh ] || die "tests/demo/demo.sh is not in this checkout" "git status"
prepare demo
reserve_hugepages
say "building the switch and its extensions (release)"
# shellcheck disable=SC2046 # a list of package names
cargo build --release --locked $(product_packages) || die "the build failed" "the compiler's message is above"
export HEDDLE_BIN=$HEDDLE_TARGET/release
tests/demo/demo.sh "$@"
status=$?
show_ledger
exit $status
