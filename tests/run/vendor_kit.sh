#!/bin/bash
# `make vendor-kit`: what a vendor installs, as target/vendor-kit/heddle-vendor-kit_VERSION_ARCH.deb and as a tarball of the same
# files: headers, pkg-config file, CMake package, the contract's crates, the command, the harness, the book's sources.
# Paths inside the pkg-config file and the CMake package are relative to where they lie, so the tarball works anywhere.
. "$(dirname "${BASH_SOURCE[0]}")/../setup/prepare.sh"
prepare vendor-kit
profile=${VENDOR_KIT_PROFILE:-release}
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
abi=$(sed -n 's/^abi //p' extension-api/include/layout.txt)
arch=$(dpkg --print-architecture 2>/dev/null || uname -m)
out=$HEDDLE_TARGET/vendor-kit
name=heddle-vendor-kit-$version
tree=$out/$name
packages=(-p heddle-host)
[ ! -f tests/conformance/Cargo.toml ] || packages+=(-p "$(manifest_name tests/conformance)")
flags=()
[ "$profile" = debug ] || flags=(--release)
say "building the command and the harness ($profile)"
cargo build "${flags[@]}" --locked "${packages[@]}" --bins || die "the build failed" "the compiler's message is above"
rm -rf "$out" && mkdir -p "$tree"/{bin,include,lib/pkgconfig,lib/cmake/HeddleExtension,share/heddle,share/doc/heddle-vendor-kit} ||
    die "$out cannot be written" "chown it to $(id -un)"

for program in heddle heddle-conformance; do
    if [ -x "$HEDDLE_TARGET/$profile/$program" ]; then
        install -m 755 "$HEDDLE_TARGET/$profile/$program" "$tree/bin/"
        strip "$tree/bin/$program"
    else
        leave_out "$program in the vendor kit" "this checkout does not build it"
    fi
done
install -m 644 extension-api/include/heddle_extension.h extension-api/include/heddle_test.h "$tree/include/"
mkdir -p "$tree/share/heddle/extension-api/testing"
cp -r extension-api/{Cargo.toml,README.md,build.rs,src,include} "$tree/share/heddle/extension-api/"
cp -r extension-api/testing/{Cargo.toml,src} "$tree/share/heddle/extension-api/testing/"
cp -r sdk-docs/src "$tree/share/doc/heddle-vendor-kit/book"
cargo run --quiet "${flags[@]}" --locked -p heddle-host --example reference -- "$tree/share/doc/heddle-vendor-kit/book/reference" ||
    die "the reference pages were not written" "the messages are above"
cp CHANGELOG.md "$tree/share/doc/heddle-vendor-kit/"
cp host/deb/copyright "$tree/share/doc/heddle-vendor-kit/copyright"

cat >"$tree/lib/pkgconfig/heddle-extension.pc" <<EOF
prefix=\${pcfiledir}/../..
includedir=\${prefix}/include

Name: heddle-extension
Description: The contract of the Heddle virtual switch with its extensions, ABI $abi
Version: $abi
Cflags: -I\${includedir}
EOF
cat >"$tree/lib/cmake/HeddleExtension/HeddleExtensionConfig.cmake" <<'EOF'
# find_package(HeddleExtension) gives the target Heddle::extension, which has the headers, and the function
# heddle_add_extension(NAME SOURCE...), which makes a module with its tables visible and all else hidden.
get_filename_component(_heddle_prefix "${CMAKE_CURRENT_LIST_DIR}/../../.." ABSOLUTE)
if(NOT TARGET Heddle::extension)
  add_library(Heddle::extension INTERFACE IMPORTED)
  set_target_properties(Heddle::extension PROPERTIES INTERFACE_INCLUDE_DIRECTORIES "${_heddle_prefix}/include")
endif()
function(heddle_add_extension name)
  add_library(${name} MODULE ${ARGN})
  target_link_libraries(${name} PRIVATE Heddle::extension)
  target_compile_options(${name} PRIVATE -fvisibility=hidden)
  target_link_options(${name} PRIVATE -Wl,-z,defs)
endfunction()
EOF
cat >"$tree/lib/cmake/HeddleExtension/HeddleExtensionConfigVersion.cmake" <<EOF
set(PACKAGE_VERSION "$abi")
if(PACKAGE_FIND_VERSION_MAJOR STREQUAL "${abi%%.*}" AND NOT PACKAGE_FIND_VERSION VERSION_GREATER PACKAGE_VERSION)
  set(PACKAGE_VERSION_COMPATIBLE TRUE)
endif()
EOF

tar -C "$out" --owner=0 --group=0 --sort=name -czf "$out/$name.tar.gz" "$name" || die "the tarball could not be made" "tar's message is above"
say "written: $out/$name.tar.gz"

if have dpkg-deb; then
    package=$out/deb
    mkdir -p "$package/usr" "$package/DEBIAN" && cp -r "$tree"/{bin,include,lib,share} "$package/usr/"
    # The command and its package own /usr/bin/heddle; the kit needs it and does not bring it twice.
    rm -f "$package/usr/bin/heddle"
    cat >"$package/DEBIAN/control" <<EOF
Package: heddle-vendor-kit
Version: $version-${DEB_REVISION:-1}
Architecture: $arch
Maintainer: The Heddle developers <heddle@localhost>
Section: devel
Priority: optional
Depends: heddle, libc6
Suggests: pkg-config, cmake, gcc, cargo
Description: develop extensions for the Heddle virtual switch
 The C header, its pkg-config file and CMake package, the sources of the Rust crates of the contract and of
 the test kit, the conformance harness, and the documentation for vendors.
EOF
    dpkg-deb --root-owner-group -Zxz --build "$package" "$out/heddle-vendor-kit_${version}-${DEB_REVISION:-1}_$arch.deb" >/dev/null ||
        die "the package could not be made" "dpkg-deb's message is above"
    rm -rf "$package"
    say "written: $out/heddle-vendor-kit_${version}-${DEB_REVISION:-1}_$arch.deb"
else
    leave_out "the Debian package of the vendor kit" "dpkg-deb is not installed"
fi
show_ledger
