//! The test extensions, in Rust and in C, driven by a host that is written in C and knows the header only.
//!
//! The same extensions built by other compilers are driven in `matrix`.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::path::{Path, PathBuf};
use std::process::Command;

use heddle_abi::{c_host, drive, extensions_in, root, run};

const RUST: [&str; 5] = ["drop-every-nth", "forward-table", "hold-release", "inject", "observe"];

/// Builds the C extensions and the Rust extensions into a folder.
fn build() -> PathBuf {
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("behaviour");
    std::fs::create_dir_all(&out).unwrap();
    run(Command::new(root().join("tests/extensions/build.sh")).arg(&out).arg("--c-only")).unwrap();
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(root()).args(["build", "--quiet", "-p", "heddle-passthrough"]);
    for name in RUST {
        cargo.args(["-p", &format!("heddle-test-{name}")]);
    }
    run(&mut cargo).unwrap();
    let built = Path::new(env!("CARGO_TARGET_TMPDIR")).join("../debug");
    std::fs::copy(built.join("libheddle_passthrough.so"), out.join("passthrough.so")).unwrap();
    for name in RUST {
        let library = format!("libheddle_test_{}.so", name.replace('-', "_"));
        std::fs::copy(built.join(library), out.join(name).with_extension("so")).unwrap();
    }
    out
}

#[test]
fn extensions_do_what_they_say() {
    let out = build();
    let driven = drive(&c_host(&out).unwrap(), &extensions_in(&out).unwrap()).unwrap();
    assert_eq!(driven.len(), RUST.len() + 4, "{driven:?}");
}
