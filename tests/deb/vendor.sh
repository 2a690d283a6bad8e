#!/bin/bash
# What a vendor does with the kit, in a Debian that has a compiler, make, cmake and pkg-config and nothing of ours but the
# tarball of the kit: the projects in C, built and tested, judged, tried, signed. The status is 0 only when every step did what it
# should.
set -u
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 HOME=/root
STEP=0

fail() {
    printf '   FAILED: %s\n' "$1"
    [ ! -s /root/log ] || tail -n 40 /root/log | sed 's/^/   | /'
    exit 1
}

# step WHAT COMMAND...: the command must succeed; what it says is shown only when it does not.
step() {
    local what=$1
    shift
    "$@" >/root/log 2>&1 || fail "$what: $*"
    STEP=$((STEP + 1))
    printf '   ok %d: %s\n' "$STEP" "$what"
}

step "the package lists can be had" apt-get update
step "a compiler and what builds are installed" apt-get install -y --no-install-recommends gcc libc6-dev make cmake pkg-config
mkdir -p /opt/kit && tar -C /opt/kit --strip-components=1 -xzf /root/vendor-kit.tar.gz || fail "the tarball does not unpack"
PATH=/opt/kit/bin:$PATH
export PKG_CONFIG_PATH=/opt/kit/lib/pkgconfig CMAKE_PREFIX_PATH=/opt/kit
step "the command runs" heddle --version
step "the harness lists its cases" heddle-conformance list
cd /root || exit 1
# A frame of 60 bytes in a capture file.
printf '\xd4\xc3\xb2\xa1\x02\0\x04\0\0\0\0\0\0\0\0\0\xff\xff\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\x3c\0\0\0\x3c\0\0\0\x02\0\0\0\0\x02\x02\0\0\0\0\x01\x88\xb5' >in.pcap
head -c 46 /dev/zero >>in.pcap
for role in capture filter forwarding service; do
    step "a project in C, $role, built by make" heddle extension new "m-$role" --role "$role" --lang c
    step "it tests itself" make -C "m-$role" test
    step "it builds" make -C "m-$role"
    step "it conforms" heddle-conformance run "m-$role/build/libm_$role.so"
    step "a project in C, $role, built by CMake" heddle extension new "c-$role" --role "$role" --lang c --build cmake
    step "it configures" cmake -S "c-$role" -B "c-$role/build"
    step "it builds" cmake --build "c-$role/build"
    step "it tests itself" ctest --test-dir "c-$role/build" --output-on-failure
done
step "one is tried in debug mode" heddle extension try m-filter/build/libm_filter.so --pcap in.pcap --debug
step "pkg-config knows the headers" bash -c 'rm -r m-filter/include && gcc -std=c11 -shared -fPIC $(pkg-config --cflags heddle-extension) -o by-pkg.so m-filter/src/m_filter.c'
step "what came of it loads" heddle extension inspect by-pkg.so
step "a key is made" heddle extension keygen --out vendor
step "it signs" heddle extension sign by-pkg.so --key vendor.key
step "the signature is good" heddle extension verify by-pkg.so --key vendor.pub
printf '   the kit passed: %d steps\n' "$STEP"
