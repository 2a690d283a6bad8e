#!/bin/bash
# `make deb`: target/debian/heddle_VERSION_ARCH.deb, and its debug symbols beside it, from the release build. DEB_REVISION=N sets the packaging revision.
# cargo-deb comes from the PATH; when it is missing it is built once into target/tools (a few minutes).
. "$(dirname "${BASH_SOURCE[0]}")/../setup/prepare.sh"

CARGO_DEB_VERSION=3.8.0

cargo_deb_is_there() {
    PATH=$HEDDLE_TARGET/tools/bin:$PATH
    have cargo-deb && return 0
    may_install || return 1
    say "installing cargo-deb $CARGO_DEB_VERSION into $HEDDLE_TARGET/tools (built from source, once, a few minutes)"
    cargo install --quiet --locked --root "$HEDDLE_TARGET/tools" --version $CARGO_DEB_VERSION cargo-deb </dev/null
}

prepare deb
cargo_deb_is_there || die "cargo-deb is not installed" "cargo install cargo-deb --locked --version $CARGO_DEB_VERSION"
say "building the switch and its extensions (release)"
# shellcheck disable=SC2046 # a list of package names
cargo build --release --locked $(product_packages) || die "the build failed" "the compiler's message is above"
mkdir -p "$HEDDLE_TARGET/debian" "$HEDDLE_TARGET/completions"
rm -rf "$HEDDLE_TARGET/man"
heddle=$HEDDLE_TARGET/release/heddle
"$heddle" man --dir "$HEDDLE_TARGET/man" >/dev/null && "$heddle" completions bash >"$HEDDLE_TARGET/completions/heddle" &&
    "$heddle" completions zsh >"$HEDDLE_TARGET/completions/_heddle" &&
    "$heddle" completions fish >"$HEDDLE_TARGET/completions/heddle.fish" ||
    die "the manual pages and completions were not written" "heddle's message is above"
cargo deb --no-build --locked --package heddle-host --deb-revision "${DEB_REVISION:-1}" --output "$HEDDLE_TARGET/debian/" ||
    die "the package could not be made" "cargo-deb's message is above"
show_ledger
