#!/bin/bash
# Makes the frozen extensions of one minor of the ABI: tests/abi/frozen/MAJOR.MINOR, from the last commit that had this minor.
# usage: tests/abi/frozen/make.sh COMMIT
#
# In C by gcc from sources/*.c and the header of that commit; in Rust from that commit's own tests/extensions/drop-every-nth and
# extension-api by Debian's rustc 1.63, which tests/abi/matrix.sh has fetched into target/compilers. A released minor is made
# once: what is there is never made again. Compressed by gzip, since most of each file is its layout table.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../../.." && pwd)
[ $# -eq 1 ] || { echo "usage: $0 COMMIT" >&2; exit 2; }
commit=$(git -C "$root" rev-parse --verify "$1^{commit}")
source=$root/target/frozen/$commit
tree=$root/target/compilers/rustc-1.63
[ -e "$tree/.complete" ] || { echo "$0: no compiler in $tree; run tests/abi/matrix.sh rustc-1.63 first" >&2; exit 1; }

rm -rf "$source"
mkdir -p "$source"
git -C "$root" archive "$commit" extension-api tests/extensions/drop-every-nth | tar -x -C "$source"
version=$(sed -n '1s/^abi //p' "$source/extension-api/include/layout.txt")
out=$here/$version
[ ! -e "$out" ] || { echo "$0: $out is there; frozen extensions are never made again" >&2; exit 1; }
mkdir "$out"

for role in capture filter forwarding service; do
    gcc -std=c11 -Os -s -shared -fPIC -fvisibility=hidden -Wall -Wextra -Werror -Wl,-z,defs -Wl,--build-id=none \
        -I "$source/extension-api/include" -o "$out/$role.so" "$here/sources/$role.c"
done

cat >"$source/Cargo.toml" <<END
[workspace]
resolver = "2"
members = ["extension-api", "tests/extensions/drop-every-nth"]
[workspace.package]
version = "$version.0"
edition = "2021"
rust-version = "1.63"
license = "Apache-2.0"
authors = ["The Heddle developers"]
[workspace.dependencies]
heddle-extension-api = { path = "extension-api" }
[workspace.lints.rust]
[profile.release]
opt-level = "s"
lto = "fat"
codegen-units = 1
strip = "symbols"
END
sed -i '/^\[dev-dependencies\]/,/^\[/{/^\[dev-dependencies\]/d;/^\[/!d}' "$source"/tests/extensions/*/Cargo.toml "$source/extension-api/Cargo.toml"
(cd "$source" && env LD_LIBRARY_PATH="$tree/usr/lib/x86_64-linux-gnu" RUSTC="$tree/usr/bin/rustc" RUSTUP_TOOLCHAIN= \
    RUSTFLAGS="--remap-path-prefix=$source=/heddle" CARGO_HOME="$source/cargo" CARGO_TARGET_DIR="$source/target" \
    CARGO_NET_OFFLINE=true nice "$tree/usr/bin/cargo" build --quiet --release -p heddle-test-drop-every-nth)
cp "$source/target/release/libheddle_test_drop_every_nth.so" "$out/rust-filter.so"

cp "$source/extension-api/include/layout.txt" "$out/layout.txt"
cp "$source/extension-api/include/heddle_extension.h" "$out/heddle_extension.h"
(cd "$out" && sha256sum ./*.so heddle_extension.h layout.txt | sed 's|\./||' >sha256)
echo "commit $commit, $(gcc --version | head -n 1), $("$tree/usr/bin/rustc" --version 2>/dev/null || LD_LIBRARY_PATH=$tree/usr/lib/x86_64-linux-gnu "$tree/usr/bin/rustc" --version)" >"$out/made-from"
gzip -n9 "$out"/*.so "$out/heddle_extension.h"
rm -rf "$source"
ls -l "$out"
