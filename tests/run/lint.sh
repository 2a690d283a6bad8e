#!/bin/bash
# `make lint`: everything a reviewer should not have to say. Each check runs even when one before it failed.
# HEDDLE_LINT_FULL=1 also installs cargo-deny (built from source, several minutes) when it is missing.
. "$(dirname "${BASH_SOURCE[0]}")/../setup/prepare.sh"

OTHER_ARCHITECTURE=aarch64-unknown-linux-gnu
failed=

# lint NAME COMMAND...
lint() {
    local name=$1 start=$SECONDS
    shift
    printf '\n== %s: %s\n' "$name" "$*"
    if "$@" </dev/null; then
        printf -- '-- %s: fine, %d s\n' "$name" $((SECONDS - start))
    else
        printf -- '-- %s: FAILED, %d s\n' "$name" $((SECONDS - start))
        failed+=" $name"
    fi
}

other_architecture_is_there() {
    [ -d "$(rustc --print sysroot)/lib/rustlib/$OTHER_ARCHITECTURE/lib" ] && return 0
    have rustup && may_install || return 1
    say "installing with rustup: the standard library of $OTHER_ARCHITECTURE"
    timeout 120 rustup target add $OTHER_ARCHITECTURE </dev/null
}

# cargo-deny from the PATH, or once built into target/tools.
deny_is_there() {
    PATH=$PATH:$HEDDLE_TARGET/tools/bin
    have cargo-deny && return 0
    [ "${HEDDLE_LINT_FULL:-0}" = 1 ] && may_install || return 1
    say "installing cargo-deny into $HEDDLE_TARGET/tools (built from source, several minutes)"
    cargo install --quiet --locked --root "$HEDDLE_TARGET/tools" cargo-deny
}

rustdoc_is_clean() {
    # shellcheck disable=SC2046 # a list of package names
    RUSTDOCFLAGS="-D warnings" cargo doc --keep-going --locked --no-deps $(product_packages)
}

prepare lint
if has_component fmt; then
    lint format cargo fmt --all --check
else
    leave_out format "cargo fmt is not installed: rustup component add rustfmt"
fi
if has_component clippy; then
    lint clippy cargo clippy --keep-going --locked --workspace --all-targets -- -D warnings
else
    leave_out clippy "cargo clippy is not installed: rustup component add clippy"
fi
if other_architecture_is_there; then
    lint other-architecture cargo check --locked --target $OTHER_ARCHITECTURE -p heddle-extension-api -p heddle-switch-core
else
    leave_out other-architecture "the standard library is not installed: rustup target add $OTHER_ARCHITECTURE"
fi
lint rustdoc rustdoc_is_clean
if deny_is_there; then
    lint licences-and-sources cargo deny --locked check bans licenses sources
else
    leave_out licences-and-sources "cargo-deny is not installed: HEDDLE_LINT_FULL=1 make lint builds it (several minutes)"
fi
lint house-rules cargo run --locked --quiet -p heddle-xtask -- tidy

show_ledger
[ -z "$failed" ] || { printf '\nfailed:%s\n' "$failed"; exit 1; }
printf '\nlint: nothing to complain about\n'
