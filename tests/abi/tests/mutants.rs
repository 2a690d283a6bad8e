//! Every ABI mutant is refused with one line that names what is wrong; the two that only grow are loaded. Refusals use
//! nothing up: not the number of libraries that may be mapped, and no space beside the run directory's live copies.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::path::{Path, PathBuf};
use std::process::Command;

use heddle_host::loader::{MAPPED_MAX, load};

/// Builds the mutants into a folder of their own; gives it and an empty run directory.
fn mutants(name: &str) -> (PathBuf, PathBuf) {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("mutants");
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let built = Command::new(here.join("build.sh")).arg(&out).output().unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let run = out.join("run");
    let _ = std::fs::remove_dir_all(&run);
    std::fs::create_dir_all(&run).unwrap();
    (out, run)
}

#[test]
fn refused_files_never_lock_out_a_good_one() {
    let (out, run) = mutants("refused-often");
    let nowhere = out.join("no-such-directory");
    // The first three pass every check of the file and are refused once they are open, or by the dynamic linker.
    let late = [("undefined-symbol.so", &run), ("missing-create.so", &run), ("struct-size-8.so", &run)];
    for (file, into) in late.into_iter().chain([("batch-appended.so", &run), ("good.so", &nowhere)]) {
        let refusals: Vec<String> =
            (0..=MAPPED_MAX).filter_map(|_| Some(load(&out.join(file), into).err()?.to_string())).collect();
        assert_eq!(refusals.len(), MAPPED_MAX + 1, "{file}");
        let mut different = refusals.clone();
        different.dedup_by_key(|reason| reason.replace(|c: char| c.is_ascii_digit(), ""));
        assert_eq!(different.len(), 1, "{file}: the reason stays the same: {different:?}");
    }
    assert_eq!(std::fs::read_dir(&run).unwrap().count(), 0, "copies of what was refused are removed");
    load(&out.join("good.so"), &run).unwrap();
    assert_eq!(std::fs::read_dir(&run).unwrap().count(), 1, "the copy of what runs stays");
}

#[test]
fn each_mutant_gets_its_own_line() {
    let (out, run) = mutants("mutants");
    let expected = Path::new(env!("CARGO_MANIFEST_DIR")).join("mutants/expected.txt");
    let expected = std::fs::read_to_string(expected).unwrap();
    let mut wrong = Vec::new();
    for line in expected.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (file, fragment) = line.split_once(' ').unwrap();
        let fragment = fragment.trim();
        match load(&out.join(file), &run) {
            Ok(_) if fragment == "LOADS" => {}
            Ok(_) => wrong.push(format!("{file}: was loaded, expected `{fragment}`")),
            Err(error) => {
                let text = error.to_string();
                if text.lines().count() != 1 || !text.contains(fragment) {
                    wrong.push(format!("{file}: `{text}`, expected `{fragment}`"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
