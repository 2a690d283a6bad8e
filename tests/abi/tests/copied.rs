//! The extension to copy can be copied: the commands of its README are run, offline and outside the tree, and the result
//! loads under its new id.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::path::Path;
use std::process::Command;

use heddle_abi::{root, run};
use heddle_host::loader::load;

/// Where the README puts the copy.
const COPY: &str = "../firewall";

#[test]
fn the_readme_of_pass_through_makes_an_extension_of_ones_own() {
    let here = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("copied-{}", std::process::id()));
    let outside = std::env::temp_dir().join(format!("heddle-copied-{}", std::process::id()));
    std::fs::create_dir_all(&here).unwrap();
    let readme = std::fs::read_to_string(root().join("extensions/passthrough/README.md")).unwrap();
    let (_, section) = readme.split_once("## Make your own").unwrap_or_else(|| panic!("no such section"));
    let commands = section.split("```").nth(1).unwrap().strip_prefix("sh\n").unwrap();
    assert_eq!(commands.matches(COPY).count(), 5, "{commands}");
    let commands = commands.replace(COPY, outside.to_str().unwrap());

    let made = run(Command::new("sh")
        .args(["-e", "-c", &commands])
        .current_dir(root().canonicalize().unwrap())
        .env("CARGO_NET_OFFLINE", "true")
        .env_remove("CARGO_TARGET_DIR"));
    let loaded = made.map(|_| load(&outside.join("target/release/libfirewall.so"), &here));
    let _ = std::fs::remove_dir_all(&outside);
    let loaded = loaded.unwrap_or_else(|failure| panic!("{failure}"));
    assert_eq!(loaded.map(|library| library.facts().id.clone()), Ok("org.example.firewall".to_owned()));
    let _ = std::fs::remove_dir_all(&here);
}
