//! Captures of real traffic for tests: the folder `HEDDLE_CAPTURES` names, else `shared/data/captures` beside the checkout.
//!
//! They are not part of the source. A test that finds none says so in the ledger of `make test`, as every test does that
//! leaves something out. Tests of `switch-core` use this file by its path, since that crate depends on no other.

use std::io::Write;
use std::path::{Path, PathBuf};

/// The captures in order of their names; `None`, noted in the ledger for `test`, when there are none.
pub fn captures(test: &str) -> Option<Vec<PathBuf>> {
    let folder = std::env::var_os("HEDDLE_CAPTURES").map_or_else(beside_the_checkout, PathBuf::from);
    let entries = std::fs::read_dir(&folder).into_iter().flatten().flatten();
    let is_capture = |path: &PathBuf| path.extension().is_some_and(|suffix| suffix == "pcap" || suffix == "cap");
    let mut paths: Vec<_> = entries.map(|entry| entry.path()).filter(is_capture).collect();
    paths.sort();
    if paths.is_empty() {
        leave_out(
            test,
            &format!("no captures in {}; set HEDDLE_CAPTURES to a folder with .pcap files", folder.display()),
        );
        return None;
    }
    Some(paths)
}

/// The top of the checkout is the first folder above this package that holds the lock file.
fn beside_the_checkout() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let top = package.ancestors().find(|folder| folder.join("Cargo.lock").exists()).unwrap_or(package);
    top.join("../shared/data/captures")
}

/// Notes a test that could not run, for the summary of `make test`.
fn leave_out(test: &str, why: &str) {
    println!("left out: {test}: {why}");
    if let Some(ledger) = std::env::var_os("HEDDLE_LEDGER") {
        let noted = std::fs::OpenOptions::new()
            .append(true)
            .create(true)
            .open(&ledger)
            .and_then(|mut file| writeln!(file, "{test}: {why}"));
        if let Err(error) = noted {
            println!("{} cannot be written: {error}", ledger.display());
        }
    }
}
