//! Extensions built by other compilers load in this host: Debian's rustc 1.63 and rustc-web, gcc and g++.
//!
//! `tests/abi/matrix.sh` fetches the compilers without installing them and builds every extension from a packaged copy. What
//! it has to leave out (no network, an extension that needs a newer compiler) it names, and so does this test.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::io::Write;
use std::path::Path;
use std::process::Command;

use heddle_host::loader::load;

/// Extensions that gcc alone builds; with fewer than these loaded, nothing was proven.
const LEAST: usize = 3;

#[test]
fn builds_by_other_compilers_load() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let built = Command::new(here.join("matrix.sh")).output().unwrap();
    let said = String::from_utf8_lossy(&built.stdout);
    println!("{said}");
    assert!(built.status.success(), "{said}{}", String::from_utf8_lossy(&built.stderr));
    said.lines().filter_map(|line| line.strip_prefix("SKIP ")).for_each(left_out);

    let run = Path::new(env!("CARGO_TARGET_TMPDIR")).join("matrix");
    std::fs::create_dir_all(&run).unwrap();
    let mut loaded = 0;
    let mut wrong = Vec::new();
    for compiler in std::fs::read_dir(here.join("../../target/abi-matrix")).unwrap() {
        for file in std::fs::read_dir(compiler.unwrap().path()).unwrap() {
            let path = file.unwrap().path();
            if path.extension().is_none_or(|suffix| suffix != "so") {
                continue;
            }
            match load(&path, &run) {
                Ok(_) => loaded += 1,
                Err(error) => wrong.push(format!("{}: {error}", path.display())),
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(loaded >= LEAST, "{loaded} extensions were there to load");
}

/// Tells the run's ledger what was left out.
fn left_out(what: &str) {
    if let Some(ledger) = std::env::var_os("HEDDLE_LEDGER") {
        let mut ledger = std::fs::OpenOptions::new().append(true).create(true).open(ledger).unwrap();
        writeln!(ledger, "{what}").unwrap();
    }
}
