//! Every ABI mutant is refused with one line that names what is wrong; the two that only grow are loaded.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::path::Path;
use std::process::Command;

use heddle_host::loader::load;

#[test]
fn each_mutant_gets_its_own_line() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("mutants");
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("mutants");
    let run = out.join("run");
    let built = Command::new(here.join("build.sh")).arg(&out).output().unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    std::fs::create_dir_all(&run).unwrap();

    let expected = std::fs::read_to_string(here.join("expected.txt")).unwrap();
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
