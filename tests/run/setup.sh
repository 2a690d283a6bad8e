#!/bin/bash
# `make setup`: installs what every target needs and runs nothing. Never required; useful before going offline.
. "$(dirname "${BASH_SOURCE[0]}")/../setup/prepare.sh"
prepare demo bench lint docs unit switch extensions abi end-to-end restart tidy
cargo fetch --locked || die "the crates of Cargo.lock could not be fetched" "check that crates.io can be reached, then: cargo fetch --locked"
show_ledger
say "Rust: $(cargo --version). Everything that could be installed is installed."
