#!/bin/bash
# `make docs`: the API reference (target/doc), the manual pages (target/man) and the book (target/book). A warning of rustdoc is an error.
# The reference pages of the book are made here; the rest is sdk-docs as it lies. mdbook comes from the PATH; when it is missing it is built once into target/tools (a few minutes).
. "$(dirname "${BASH_SOURCE[0]}")/../setup/prepare.sh"

MDBOOK_VERSION=0.5.4

mdbook_is_there() {
    PATH=$HEDDLE_TARGET/tools/bin:$PATH
    have mdbook && return 0
    may_install || return 1
    say "installing mdbook $MDBOOK_VERSION into $HEDDLE_TARGET/tools (built from source, once, a few minutes)"
    cargo install --quiet --locked --root "$HEDDLE_TARGET/tools" --version $MDBOOK_VERSION mdbook </dev/null
}

prepare docs
say "API reference: cargo doc"
# shellcheck disable=SC2046 # a list of package names
RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps $(product_packages) || die "the API reference has errors" "rustdoc's messages are above"
say "written: $HEDDLE_TARGET/doc/heddle_extension_api/index.html"
cargo run --quiet --locked --bin heddle -- man --dir "$HEDDLE_TARGET/man" || die "the manual pages were not written" "heddle's message is above"
say "the book's reference: from the code"
book=$HEDDLE_TARGET/book-source
rm -rf "$book" && cp -r sdk-docs "$book" && cargo run --quiet --locked -p heddle-host --example reference -- "$book/src/reference" ||
    die "the reference pages were not written" "the messages are above"
if mdbook_is_there; then
    mdbook build --dest-dir "$HEDDLE_TARGET/book" "$book" || die "the book has errors" "mdbook's messages are above"
    say "written: $HEDDLE_TARGET/book/index.html"
else
    leave_out "the book" "mdbook is not installed: cargo install mdbook --locked --version $MDBOOK_VERSION"
fi
show_ledger
