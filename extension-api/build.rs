//! Records which compiler builds the extension, for the metadata record.
//!
//! The only thing this script does is to ask `$RUSTC --version`. A build without cargo works too: the record then says
//! that the version is not known.

use std::env;
use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=RUSTC");
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = Command::new(rustc).arg("--version").output();
    if let Some(text) = version.ok().and_then(|output| String::from_utf8(output.stdout).ok()) {
        println!("cargo:rustc-env=HEDDLE_TOOLCHAIN={}", text.trim());
    }
}
