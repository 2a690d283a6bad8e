//! Extensions in C that do harm (`tests/extensions/c/harmful`), built for one test.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The id of `c-crash` as it is.
pub const CRASH: &str = "org.heddle.test.c-crash";
/// The id of `c-spoil`.
pub const SPOIL: &str = "org.heddle.test.c-spoil";

/// A harmful extension, built into a directory as `OUT.so`, with more options for the compiler.
pub fn build(name: &str, directory: &Path, out: &str, more: &[&str]) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let file = directory.join(out).with_extension("so");
    let source = root.join("tests/extensions/c/harmful").join(name).with_extension("c");
    let built = Command::new("gcc")
        .args(["-std=c11", "-O2", "-g1", "-shared", "-fPIC", "-fvisibility=hidden", "-Wall", "-Wextra", "-Werror"])
        .args(more)
        .arg("-I")
        .arg(root.join("extension-api/include"))
        .arg("-o")
        .args([&file, &source])
        .output()
        .unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    file
}
