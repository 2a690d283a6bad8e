//! Extensions built by other compilers load in this host and carry frames: Debian's rustc 1.63 and rustc-web, gcc, g++.
//!
//! `tests/abi/matrix.sh` fetches the compilers without installing them and builds every extension from a packaged copy. Each
//! compiler must have built all that is listed here; what the script had to leave out (no network, an extension that
//! needs a newer compiler) it names, and the run's ledger with it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::io::Write;
use std::path::Path;
use std::process::Command;

use heddle_abi::{c_host, drive, extensions_in, name, root, run};
use heddle_host::loader::load;

const RUST: &[&str] =
    &["drop-every-nth", "forward-table", "hold-release", "inject", "observe", "passthrough", "sflow", "track"];
const C: &[&str] = &["c-drop-hold", "c-forward", "c-governed", "c-inject"];

/// Each compiler with what it must have built, and how many of these must have carried frames.
const COMPILERS: [(&str, &[&str], usize); 4] =
    [("rustc-1.63", RUST, 6), ("rustc-web", RUST, 6), ("gcc", C, 3), ("g++", &["cpp-drop", "cpp-service"], 1)];

#[test]
fn builds_by_other_compilers_load_and_carry_frames() {
    let said = run(&mut Command::new(root().join("tests/abi/matrix.sh"))).unwrap_or_else(|failure| panic!("{failure}"));
    println!("{said}");
    let left_out: Vec<&str> = said.lines().filter_map(|line| line.strip_prefix("SKIP ")).collect();
    left_out.iter().for_each(|what| note(what));
    let is_left_out =
        |what: &str| left_out.iter().any(|line| line.split_once(':').is_some_and(|(name, _)| name == what));

    let here = Path::new(env!("CARGO_TARGET_TMPDIR")).join("matrix");
    std::fs::create_dir_all(&here).unwrap();
    let host = c_host(&here).unwrap_or_else(|failure| panic!("{failure}"));
    for (compiler, promised, carrying) in COMPILERS {
        if is_left_out(compiler) {
            continue;
        }
        let promised: Vec<_> = promised.iter().filter(|name| !is_left_out(&format!("{compiler} {name}"))).collect();
        let built = extensions_in(&root().join("target/abi-matrix").join(compiler)).unwrap();
        let names: Vec<String> = built.iter().map(|path| name(path)).collect();
        assert_eq!(names.iter().collect::<Vec<_>>(), promised, "built by {compiler}");
        for path in &built {
            load(path, &here).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        }
        let driven = drive(&host, &built).unwrap_or_else(|failure| panic!("{compiler}: {failure}"));
        assert_eq!(driven.len(), carrying, "driven of {compiler}'s: {driven:?}");
    }
}

/// Tells the run's ledger what was left out.
fn note(what: &str) {
    if let Some(ledger) = std::env::var_os("HEDDLE_LEDGER") {
        let mut ledger = std::fs::OpenOptions::new().append(true).create(true).open(ledger).unwrap();
        writeln!(ledger, "abi {what}").unwrap();
    }
}
