//! What `tests/abi/matrix.sh` built with other compilers loads in this host.

#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test that cannot go on fails; a skip is said aloud")]

use std::path::Path;

use heddle_host::loader::load;

#[test]
fn builds_by_other_compilers_load() {
    let matrix = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/abi-matrix");
    let Ok(compilers) = std::fs::read_dir(&matrix) else {
        eprintln!("SKIP: {} is not there; run tests/abi/matrix.sh", matrix.display());
        return;
    };
    let run = Path::new(env!("CARGO_TARGET_TMPDIR")).join("matrix");
    std::fs::create_dir_all(&run).unwrap();
    let mut wrong = Vec::new();
    for compiler in compilers {
        for file in std::fs::read_dir(compiler.unwrap().path()).unwrap() {
            let path = file.unwrap().path();
            if path.extension().is_some_and(|suffix| suffix == "so")
                && let Err(error) = load(&path, &run)
            {
                wrong.push(format!("{}: {error}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
