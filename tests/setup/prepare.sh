# shellcheck shell=bash
# Sourced first by every script of tests/run: goes to the top of the checkout, makes the environment the same for
# everyone, and offers `prepare`, which installs what the named targets or groups need and says so.

HEDDLE_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd) || exit 1
cd "$HEDDLE_ROOT" || exit 1
export HEDDLE_ROOT
export LC_ALL=C.UTF-8 CARGO_TERM_COLOR=never
# make's own variables would reach nested makes and cargo's job server.
unset MAKEFLAGS MFLAGS MAKELEVEL
: "${HOME:=$(getent passwd "$(id -u)" | cut -d: -f6)}"
export HOME
# rustup's cargo before Debian's; ip, ethtool and tcpdump live in sbin, which an ordinary user's PATH lacks.
PATH=${CARGO_HOME:-$HOME/.cargo}/bin:$PATH:/usr/sbin:/sbin
export PATH
export HEDDLE_TARGET=${CARGO_TARGET_DIR:-$HEDDLE_ROOT/target}

. tests/setup/say.sh
. tests/setup/packages.sh
. tests/setup/toolchain.sh
. tests/setup/hugepages.sh

clean_up() {
    release_hugepages
    [ -z "${HEDDLE_SCRATCH:-}" ] || rm -rf "$HEDDLE_SCRATCH"
}

# prepare TOKEN...: see packages.txt for the tokens; `build` is always among them.
prepare() {
    open_ledger
    trap clean_up EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
    require_packages build "$@"
    require_toolchain
}

# manifest_name FOLDER: the package name in FOLDER/Cargo.toml.
manifest_name() { sed -n 's/^name *= *"\(.*\)"/\1/p' "$1/Cargo.toml" | head -n 1; }

# product_packages: "-p NAME" for everything we ship.
product_packages() {
    local folder
    for folder in extension-api extension-api/testing switch-core host extensions/*; do
        [ ! -f "$folder/Cargo.toml" ] || printf -- '-p %s ' "$(manifest_name "$folder")"
    done
}
