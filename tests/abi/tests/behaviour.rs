//! The test extensions, in Rust and in C, driven by a host that is written in C and knows the header only; and those
//! that other compilers built, when `tests/abi/matrix.sh` has run.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::path::{Path, PathBuf};
use std::process::Command;

const RUST: [&str; 5] = ["drop-every-nth", "forward-table", "hold-release", "inject", "observe"];

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}\n{text}");
    text
}

/// Builds the host, the C extensions and the Rust extensions; gives the host and the folder of the extensions.
fn build() -> (PathBuf, PathBuf) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("behaviour");
    std::fs::create_dir_all(&out).unwrap();
    let host = out.join("c_host");
    run(Command::new("gcc")
        .args(["-std=c11", "-Wall", "-Wextra", "-Werror", "-g", "-I"])
        .arg(root.join("extension-api/include"))
        .arg("-o")
        .arg(&host)
        .arg(root.join("tests/abi/c_host.c"))
        .arg("-ldl"));
    run(Command::new(root.join("tests/extensions/build.sh")).arg(&out).arg("--c-only"));
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(&root).args(["build", "--quiet", "-p", "heddle-passthrough"]);
    for name in RUST {
        cargo.args(["-p", &format!("heddle-test-{name}")]);
    }
    run(&mut cargo);
    let built = Path::new(env!("CARGO_TARGET_TMPDIR")).join("../debug");
    std::fs::copy(built.join("libheddle_passthrough.so"), out.join("passthrough.so")).unwrap();
    for name in RUST {
        let library = format!("libheddle_test_{}.so", name.replace('-', "_"));
        std::fs::copy(built.join(library), out.join(name).with_extension("so")).unwrap();
    }
    (host, out)
}

fn extensions_in(folder: &Path) -> Vec<PathBuf> {
    // sFlow and the C++ service have no data path that the C host knows.
    let driven = |path: &PathBuf| {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        path.extension().is_some_and(|suffix| suffix == "so") && name != "sflow" && name != "service"
    };
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    paths.retain(driven);
    paths.sort();
    paths
}

#[test]
fn extensions_do_what_they_say_whatever_built_them() {
    let (host, out) = build();
    let extensions = extensions_in(&out);
    assert_eq!(extensions.len(), RUST.len() + 4, "{extensions:?}");
    run(Command::new(&host).args(&extensions));
    let matrix = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/abi-matrix");
    let Ok(compilers) = std::fs::read_dir(&matrix) else { return };
    for compiler in compilers {
        let extensions = extensions_in(&compiler.unwrap().path());
        if !extensions.is_empty() {
            run(Command::new(&host).args(&extensions));
        }
    }
}
