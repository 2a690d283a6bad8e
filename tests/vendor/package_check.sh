#!/bin/bash
# The vendor package as a vendor has it: the tarball, unpacked somewhere, and extensions built with what is in it alone: in C with
# pkg-config, in C with CMake, in Rust with the crates of the package. And what the Debian package holds.
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
ROOT=$PWD
TARGET=${CARGO_TARGET_DIR:-$PWD/target}
# The kit of this build: made in a target of the tests' own profile, so that nothing is compiled twice.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
status=0
pass() { echo "PASS vendor kit: $1"; }
fail() {
    echo "FAIL vendor kit: $1: $(tail -c 1500 "$work/log" | tr '\n\0' '  ')"
    status=1
}
try() {
    local name=$1
    shift
    if "$@" >"$work/log" 2>&1; then pass "$name"; else fail "$name"; fi
}

VENDOR_KIT_PROFILE=debug tests/run/vendor_kit.sh >"$work/log" 2>&1 || { fail "make vendor-kit" && exit 1; }
pass "make vendor-kit"
tar -C "$work" -xzf "$TARGET"/vendor-kit/heddle-vendor-kit-*.tar.gz || exit 1
kit=$(echo "$work"/heddle-vendor-kit-*)
PATH=$kit/bin:$PATH
cd "$work" || exit 1

in_c_with_pkg_config() {
    heddle extension new by-pkg --role filter --lang c && rm -r by-pkg/include &&
        gcc -std=c11 -Wall -Wextra -Werror -shared -fPIC -fvisibility=hidden -Wl,-z,defs \
            $(PKG_CONFIG_PATH=$kit/lib/pkgconfig pkg-config --cflags heddle-extension) -o libby.so by-pkg/src/by_pkg.c &&
        heddle extension inspect libby.so | grep -q '^layout: *fits'
}
in_c_with_cmake() {
    heddle extension new by-cmake --role capture --lang c --build cmake && rm -r by-cmake/include &&
        printf '%s\n' 'cmake_minimum_required(VERSION 3.18)' 'project(x C)' 'find_package(HeddleExtension 1.0 REQUIRED)' \
            'heddle_add_extension(by_cmake src/by_cmake.c)' >by-cmake/CMakeLists.txt &&
        cmake -S by-cmake -B by-cmake/build -DCMAKE_PREFIX_PATH="$kit" && cmake --build by-cmake/build &&
        heddle extension inspect by-cmake/build/libby_cmake.so | grep -q '^layout: *fits'
}
as_a_cmake_project() {
    heddle extension new own-cmake --role filter --lang c --build cmake && cmake -S own-cmake -B own-cmake/build &&
        cmake --build own-cmake/build && ctest --test-dir own-cmake/build --output-on-failure
}
in_rust_with_its_crates() {
    heddle extension new by-crates --role filter --api "$kit/share/heddle/extension-api" &&
        (cd by-crates && unset CARGO_TARGET_DIR && CARGO_NET_OFFLINE=true cargo build --quiet) &&
        heddle extension inspect by-crates/target/debug/libby_crates.so | grep -q '^layout: *fits'
}
the_debian_package() {
    local list
    list=$(dpkg-deb --contents "$TARGET"/vendor-kit/*.deb) || return 1
    for file in usr/include/heddle_extension.h usr/include/heddle_test.h usr/lib/pkgconfig/heddle-extension.pc \
        usr/lib/cmake/HeddleExtension/HeddleExtensionConfig.cmake usr/share/heddle/extension-api/Cargo.toml \
        usr/share/heddle/extension-api/testing/Cargo.toml usr/share/doc/heddle-vendor-kit/book/vendor-quick-start.md; do
        grep -q " ./$file\$" <<<"$list" || { echo "$file is not in it" && return 1; }
    done
    [ ! -d "$ROOT/tests/conformance" ] || grep -q ' ./usr/bin/heddle-conformance$' <<<"$list"
}
# Links of the book lead somewhere: to a page of it, or to one that is made from the code.
the_book() {
    local book=$kit/share/doc/heddle-vendor-kit/book page link broken=0
    for page in drop-reasons violations status-codes abi cli; do
        [ "$(wc -l <"$book/reference/$page.md")" -gt 15 ] || { echo "reference/$page.md says nothing" && return 1; }
    done
    grep -q 'heddle extension try' "$book/reference/cli.md" && grep -q 'E_AGAIN' "$book/reference/status-codes.md" || return 1
    while IFS=: read -r page link; do
        [ -e "$(dirname "$page")/$link" ] || { echo "$page: $link is not there" && broken=1; }
    done < <(cd / && grep -roE '\]\([^)#:]+\.md' "$book" | sed 's/:](/:/')
    return $broken
}
have() { command -v "$1" >/dev/null; }

if have pkg-config; then try "in C with pkg-config" in_c_with_pkg_config; else echo "SKIP vendor kit: in C with pkg-config: pkg-config is not installed"; fi
if have cmake; then
    try "in C with CMake" in_c_with_cmake
    try "a CMake project as heddle makes it" as_a_cmake_project
else
    echo "SKIP vendor kit: in C with CMake: cmake is not installed"
fi
try "in Rust with its crates" in_rust_with_its_crates
try "the book" the_book
if have dpkg-deb; then try "the Debian package" the_debian_package; else echo "SKIP vendor kit: the Debian package: dpkg-deb is not installed"; fi
exit $status
