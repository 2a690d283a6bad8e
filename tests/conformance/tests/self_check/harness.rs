//! Running the harness, and building what it judges.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, OnceLock};

use serde_json::Value;

pub(crate) const HARNESS: &str = env!("CARGO_BIN_EXE_heddle-conformance");
/// Lets a run be repeated; any other number would do.
pub(crate) const SEED: &str = "5";

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Runs it: whether everything that was run passed (3: with `--only` or `--quick`), and what it printed.
pub(crate) fn harness(arguments: &[&str]) -> (bool, String) {
    let output = Command::new(HARNESS).args(arguments).output().unwrap();
    (matches!(output.status.code(), Some(0 | 3)), String::from_utf8(output.stdout).unwrap())
}

pub(crate) fn cases() -> Vec<Value> {
    let list: Value = serde_json::from_str(&harness(&["list", "--format", "json"]).1).unwrap();
    list.as_array().unwrap().clone()
}

pub(crate) fn word<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap()
}

fn build(script: &str, arguments: &[&str], name: &str) -> PathBuf {
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let output = Command::new(root().join(script)).arg(&out).args(arguments).output().unwrap();
    assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
    out
}

/// The misbehaving extensions, built once.
pub(crate) fn misbehaving() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| build("tests/misbehaving/build.sh", &[], "misbehaving"))
}

/// The test extensions in C, built once.
pub(crate) fn behaving() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| build("tests/extensions/build.sh", &["--c-only"], "behaving"))
}

/// Does a thing for each, on as many threads as there are processors; gives what was wrong.
pub(crate) fn for_each<T: Send>(all: Vec<T>, thing: impl Fn(T) -> Option<String> + Sync) -> Vec<String> {
    let (queue, wrong) = (Mutex::new(all), Mutex::new(Vec::new()));
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let Some(next) = queue.lock().unwrap().pop() else { return };
                    wrong.lock().unwrap().extend(thing(next));
                }
            });
        }
    });
    wrong.into_inner().unwrap()
}
