# shellcheck shell=bash
# Finds or installs the Rust toolchain of rust-toolchain.toml. After `require_toolchain`, `cargo` on the PATH is that
# version or newer. Order: what cargo already is, an installed toolchain of the same version under another name, rustup's
# download, an installed newer toolchain. Without rustup: Debian's package where the release has one (13 and later; 12
# does not), then rustup's own installer.

wanted_rust() { sed -n 's/^channel *= *"\([0-9.]*\)".*/\1/p' "$HEDDLE_ROOT/rust-toolchain.toml"; }

# version_at_least HAVE WANTED
version_at_least() { [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]; }

# RUSTUP_AUTO_INSTALL=0: asking for a version must not start a download behind the reader's back.
cargo_version() { RUSTUP_AUTO_INSTALL=0 cargo --version 2>/dev/null | sed -n 's/^cargo \([0-9.]*\).*/\1/p'; }

# installed_toolchain exact|newer WANTED: the name of an installed toolchain, nightlies excepted.
installed_toolchain() {
    local name version
    while read -r name _; do
        case $name in *nightly* | '' | no) continue ;; esac
        version=$(RUSTUP_AUTO_INSTALL=0 rustup run "$name" rustc --version 2>/dev/null | sed -n 's/^rustc \([0-9.]*\) .*/\1/p')
        case $1 in
        exact) [ "$version" = "$2" ] ;;
        newer) [ -n "$version" ] && version_at_least "$version" "$2" ;;
        esac && printf '%s\n' "$name" && return 0
    done < <(rustup toolchain list 2>/dev/null)
    return 1
}

use_toolchain() {
    say "Rust $1: using the installed toolchain '$2' ($3)"
    export RUSTUP_TOOLCHAIN=$2
}

toolchain_from_rustup() {
    local wanted=$1 name
    if name=$(installed_toolchain exact "$wanted"); then
        use_toolchain "$wanted" "$name" "the same version under another name"
        return 0
    fi
    if may_install; then
        say "installing Rust $wanted: rustup toolchain install $wanted --profile minimal -c rustfmt -c clippy"
        rustup toolchain install "$wanted" --profile minimal -c rustfmt -c clippy --no-self-update </dev/null && return 0
    fi
    if name=$(installed_toolchain newer "$wanted"); then
        use_toolchain "$wanted" "$name" "newer than asked for; $wanted could not be installed"
        return 0
    fi
    return 1
}

install_rustup() {
    may_install || return 1
    if is_root && have apt-get && apt_knows_all rustup; then
        say "installing rustup with apt-get (it installs Rust toolchains)"
        apt_install rustup && return 0
    fi
    if ! have curl && is_root && have apt-get; then
        say "installing with apt-get: curl ca-certificates (they fetch rustup's installer)"
        apt_install curl ca-certificates
    fi
    have curl || return 1
    say "installing rustup into ${CARGO_HOME:-$HOME/.cargo} with its own installer from sh.rustup.rs"
    curl --proto '=https' --tlsv1.2 -fsSL --connect-timeout 20 -o "$HEDDLE_SCRATCH/rustup-init.sh" https://sh.rustup.rs || return 1
    sh "$HEDDLE_SCRATCH/rustup-init.sh" -y --no-modify-path --profile minimal --default-toolchain none </dev/null
}

require_toolchain() {
    local wanted found
    wanted=$(wanted_rust)
    [ -n "$wanted" ] || die "rust-toolchain.toml names no channel like \"1.95.0\""
    found=$(cargo_version)
    [ -n "$found" ] && version_at_least "$found" "$wanted" && return 0
    if [ -n "$found" ]; then
        say "cargo is $found ($(command -v cargo)), older than the $wanted of rust-toolchain.toml"
    elif have cargo; then
        say "cargo is there, but the toolchain $wanted of rust-toolchain.toml is not installed"
    else
        say "cargo is not on the PATH"
    fi
    have rustup || install_rustup
    hash -r
    if have rustup && toolchain_from_rustup "$wanted"; then
        found=$(cargo_version)
        [ -n "$found" ] && version_at_least "$found" "$wanted" && return 0
        die "cargo on the PATH is $(command -v cargo) ${found:-without a version}, not rustup's" \
            "put rustup's folder first: export PATH=\"\$HOME/.cargo/bin:\$PATH\""
    fi
    have rustup && die "Rust $wanted could not be installed by rustup" "rustup toolchain install $wanted (needs the network)"
    die "Rust $wanted is needed and rustup is neither installed nor could it be" \
        "curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh -s -- -y --profile minimal"
}

# has_component fmt|clippy: whether `cargo fmt` or `cargo clippy` can run, adding the component when rustup can.
has_component() {
    local component=$1
    [ "$component" != fmt ] || component=rustfmt
    [ -n "$(RUSTUP_AUTO_INSTALL=0 cargo "$1" --version 2>/dev/null)" ] && return 0
    have rustup && may_install || return 1
    say "installing with rustup: $component"
    rustup component add "$component" </dev/null
}
