//! Small extensions in C that do one thing wrong, made while a test runs: a well-behaved one with a statement of their own.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Builds NAME.so in `directory`: the statement of each macro (`ON_IN`, `ON_CREATE`, ...) goes where `decent.h` says.
pub fn cheat(directory: &Path, name: &str, macros: &[(&str, &str)]) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut source = String::from(
        "#define _GNU_SOURCE\n#include <pthread.h>\n#include <signal.h>\n#include <stdio.h>\n#include <unistd.h>\n",
    );
    for (what, with) in macros {
        source += &format!("#define {what} {with}\n");
    }
    source += "#include \"decent.h\"\n";
    let (code, file) = (directory.join(format!("{name}.c")), directory.join(format!("{name}.so")));
    std::fs::write(&code, source).unwrap();
    let built = Command::new("gcc")
        .args(["-std=gnu11", "-O1", "-shared", "-fPIC", "-fvisibility=hidden", "-Wno-unused", "-o"])
        .arg(&file)
        .arg(format!("-DNAME=\"{name}\""))
        .args(["-I".into(), root.join("extension-api/include"), "-I".into(), root.join("tests/misbehaving")])
        .arg(&code)
        .output()
        .unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    file
}

/// The identifier of a cheat.
pub fn id(name: &str) -> String {
    format!("org.heddle.misbehaving.{name}")
}
