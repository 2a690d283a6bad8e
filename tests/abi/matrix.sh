#!/bin/bash
# Builds extension-api and every extension with other compilers, from a packaged copy outside the workspace.
# usage: tests/abi/matrix.sh [COMPILER...]     COMPILER: rustc-1.63 rustc-web gcc g++ (default: all)
#
# Debian's Rust compilers are fetched with `apt-get download` and unpacked into target/compilers; nothing is installed.
# Results go to target/abi-matrix/<compiler>/NAME.so. Prints `PASS name`, `FAIL name` and `SKIP name: why` lines; the
# exit status is 1 when anything failed. HEDDLE_NO_INSTALL=1 forbids downloads: what is not cached is skipped.
set -uo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
cache=$root/target/compilers
results=$root/target/abi-matrix
failed=0

pass() { printf 'PASS %s\n' "$1"; }
skip() { printf 'SKIP %s: %s\n' "$1" "$2"; }
fail() {
    printf 'FAIL %s\n' "$1"
    [ $# -lt 2 ] || sed 's/^/    /' "$2" | tail -n 30
    failed=1
}

# packages_of COMPILER: the compiler's packages and the libraries of them that a bare Debian 12 may lack.
packages_of() {
    case $1 in
    rustc-1.63)
        echo rustc cargo libstd-rust-dev libstd-rust-1.63 libllvm14 libgit2-1.5 libssh2-1 libcurl3-gnutls \
            libhttp-parser2.9 libmbedcrypto7 libmbedtls14 libmbedx509-1 libedit2 libxml2 libz3-4 libicu72 libbsd0 \
            libmd0 librtmp1 libpsl5 libnghttp2-14 libldap-2.5-0 libsasl2-2 libbrotli1 libpcre2-8-0
        ;;
    rustc-web)
        local std
        std=$(apt-cache depends --no-recommends libstd-rust-web-dev | sed -n 's/^ *Depends: \(libstd-rust-web-[0-9.]*\)$/\1/p' | head -n 1)
        local llvm
        llvm=$(apt-cache depends --no-recommends "$std" | sed -n 's/^ *Depends: \(libllvm[0-9]*\)$/\1/p' | head -n 1)
        echo rustc-web cargo-web libstd-rust-web-dev "$std" "$llvm" libgit2-1.5 libssh2-1 libcurl4 libhttp-parser2.9 \
            libmbedcrypto7 libmbedtls14 libmbedx509-1 libedit2 libxml2 libz3-4 libicu72 libbsd0 libmd0 librtmp1 \
            libpsl5 libnghttp2-14 libldap-2.5-0 libsasl2-2 libbrotli1 libpcre2-8-0 libsqlite3-0
        ;;
    esac
}

# unpack COMPILER: prints nothing; leaves the compiler in $cache/COMPILER, or says why not in $why.
unpack() {
    local compiler=$1 tree=$cache/$1 debs=$cache/debs/$1 package
    why=
    [ -e "$tree/.complete" ] && return 0
    [ -z "${HEDDLE_NO_INSTALL:-}" ] || { why="not in $cache and HEDDLE_NO_INSTALL is set"; return 1; }
    command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || { why="needs apt-get and dpkg-deb"; return 1; }
    apt-cache show rustc >/dev/null 2>&1 || apt-get -q update >/dev/null 2>&1
    mkdir -p "$debs"
    rm -rf "$tree"
    mkdir -p "$tree"
    # shellcheck disable=SC2046 # one word per package
    (cd "$debs" && apt-get -q -o APT::Sandbox::User=root download $(packages_of "$compiler")) >"$debs/log" 2>&1 || {
        why="apt-get download failed: $(grep -m 1 '^E:' "$debs/log")"
        return 1
    }
    for package in "$debs"/*.deb; do
        dpkg-deb -x "$package" "$tree" || { why="$package cannot be unpacked"; return 1; }
    done
    rm -f "$debs"/*.deb
    touch "$tree/.complete"
}

# package COPY: extension-api and the extensions as a workspace of their own that cargo 0.66 can read.
package() {
    local copy=$1 folder members='"extension-api", "extension-api/testing"'
    rm -rf "$copy"
    mkdir -p "$copy"
    cp -r "$root/extension-api" "$copy/extension-api"
    rm -rf "$copy/extension-api/tests"
    for folder in "$root"/extensions/passthrough "$root"/extensions/sflow "$root"/tests/extensions/*/; do
        [ -f "$folder/Cargo.toml" ] || continue
        cp -r "$folder" "$copy/$(basename "$folder")"
        # Tests and benches may use crates that need a newer compiler; only the extension itself is built here.
        rm -rf "$copy/$(basename "$folder")/tests" "$copy/$(basename "$folder")/benches"
        sed -i 's|"../../extension-api"|"../extension-api"|' "$copy/$(basename "$folder")/Cargo.toml"
        sed -i '/^\[dev-dependencies\]/,/^\[/{/^\[dev-dependencies\]/d;/^\[/!d}' "$copy/$(basename "$folder")/Cargo.toml"
        members+=", \"$(basename "$folder")\""
    done
    cat >"$copy/Cargo.toml" <<EOF
[workspace]
resolver = "2"
members = [$members]
[workspace.package]
version = "0.1.0"
edition = "2021"
rust-version = "1.63"
license = "Apache-2.0"
authors = ["The Heddle developers"]
[workspace.lints.rust]
[workspace.dependencies]
heddle-extension-api = { path = "extension-api" }
EOF
}

# rust COMPILER: builds each extension of the packaged copy.
rust() {
    local compiler=$1 tree=$cache/$1 copy=$results/$1/source name package built
    rm -rf "${results:?}/$compiler"
    if ! unpack "$compiler"; then
        skip "$compiler" "$why"
        return
    fi
    package "$copy"
    local log=$results/$compiler/log
    # The unpacked compiler finds its own libraries first; the linker and its libraries are the system's.
    local run=(env LD_LIBRARY_PATH="$tree/usr/lib/x86_64-linux-gnu" RUSTC="$tree/usr/bin/rustc" RUSTUP_TOOLCHAIN=
        CARGO_HOME="$results/$compiler/cargo" CARGO_TARGET_DIR="$results/$compiler/target" CARGO_NET_OFFLINE=true
        nice "$tree/usr/bin/cargo")
    if ! "${run[@]}" --version >"$log" 2>&1; then
        fail "$compiler cargo" "$log"
        return
    fi
    for name in "$copy"/*/; do
        name=$(basename "$name")
        package=$(sed -n 's/^name = "\(heddle-.*\)"/\1/p' "$copy/$name/Cargo.toml" | head -n 1)
        local kit=()
        [ "$name" != extension-api ] || kit=(-p heddle-extension-testing)
        if ! (cd "$copy" && "${run[@]}" build --quiet --release -p "$package" "${kit[@]}") >"$log" 2>&1; then
            fail "$compiler $name" "$log"
            continue
        fi
        built=$results/$compiler/target/release/lib${package//-/_}.so
        if [ "$name" = extension-api ]; then
            pass "$compiler $name"
        elif cp "$built" "$results/$compiler/$name.so" 2>>"$log"; then
            pass "$compiler $name"
        else
            fail "$compiler $name" "$log"
        fi
    done
    rm -rf "$results/$compiler/target" "$results/$compiler/source" "$results/$compiler/cargo"
}

# c COMPILER SUFFIX STANDARD: the header and the C extensions.
c() {
    local compiler=$1 language=$2 standard=$3 source name log
    local flags=(-x "$language" "-std=$standard" -O2 -shared -fPIC -fvisibility=hidden -Wall -Wextra -Werror -Wl,-z,defs)
    rm -rf "${results:?}/$compiler"
    if ! command -v "$compiler" >/dev/null; then
        skip "$compiler" "not installed; apt-get install $compiler"
        return
    fi
    mkdir -p "$results/$compiler"
    log=$results/$compiler/log
    # C++ has no designated initialisers before C++20 and no conversion from void *: it has sources of its own.
    if [ "$language" = c++ ]; then
        for standard in c++11 c++17; do
            printf '#include "heddle_extension.h"\nHEDDLE_EXTENSION(HEDDLE_ROLE_SERVICE, 0, "org.heddle.test.cpp", "C++", "Tests", "1");\n' |
                "$compiler" -x c++ "-std=$standard" -Wall -Wextra -Wpedantic -Werror -fPIC -c -o /dev/null \
                    -I "$root/extension-api/include" - >"$log" 2>&1 && pass "$compiler $standard header" || fail "$compiler $standard header" "$log"
        done
    fi
    local sources=("$root"/tests/extensions/c/*.c)
    [ "$language" = c ] || sources=("$here"/cpp-*.cpp)
    for source in "${sources[@]}"; do
        name=$(basename "${source%.*}")
        "$compiler" "${flags[@]}" -I "$root/extension-api/include" -o "$results/$compiler/$name.so" "$source" \
            >"$log" 2>&1 && pass "$compiler $name" || fail "$compiler $name" "$log"
    done
}

[ $# -gt 0 ] || set -- rustc-1.63 rustc-web gcc g++
for compiler in "$@"; do
    case $compiler in
    rustc-1.63 | rustc-web) rust "$compiler" ;;
    gcc) c gcc c c11 ;;
    g++) c g++ c++ c++17 ;;
    *)
        echo "usage: $0 [rustc-1.63] [rustc-web] [gcc] [g++]" >&2
        exit 2
        ;;
    esac
done
exit $failed
