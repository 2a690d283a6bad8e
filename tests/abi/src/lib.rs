//! What the tests of the ABI share: a host that is written in C and knows the header only, and what it is given to drive.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Extensions without a data path that the C host knows: sFlow samples through an interface, a service has none, the tracker is upgraded.
const NOT_DRIVEN: [&str; 4] = ["sflow", "cpp-service", "track", "c-governed"];

/// Runs a command to its good end; gives what it said.
///
/// # Errors
/// What it said, when it fails or cannot be started.
pub fn run(command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if output.status.success() { Ok(text) } else { Err(format!("{command:?}\n{text}")) }
}

/// The top of the checkout.
#[must_use]
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Builds the host in C into a folder.
///
/// # Errors
/// What the compiler said.
pub fn c_host(folder: &Path) -> Result<PathBuf, String> {
    let host = folder.join("c_host");
    let mut compiler = Command::new("gcc");
    compiler.args(["-std=c11", "-Wall", "-Wextra", "-Werror", "-g", "-I"]).arg(root().join("extension-api/include"));
    run(compiler.arg("-o").arg(&host).arg(root().join("tests/abi/c_host.c")).arg("-ldl")).map(|_| host)
}

/// The extensions of a folder by name, in order.
///
/// # Errors
/// When the folder cannot be read.
pub fn extensions_in(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let entries = std::fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let is_library = |path: &PathBuf| path.extension().is_some_and(|suffix| suffix == "so");
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).filter(is_library).collect();
    paths.sort();
    Ok(paths)
}

/// The minors of which frozen extensions are kept, in order.
///
/// # Errors
/// When the folder cannot be read.
pub fn frozen_minors() -> Result<Vec<u16>, String> {
    let folder = root().join("tests/abi/frozen");
    let entries = std::fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let minor = |entry: std::fs::DirEntry| entry.file_name().to_str()?.strip_prefix("1.")?.parse().ok();
    let mut minors: Vec<u16> = entries.flatten().filter_map(minor).collect();
    minors.sort_unstable();
    Ok(minors)
}

/// The name of an extension's file without its ending.
#[must_use]
pub fn name(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// Gives frames to each of these that has a data path, and demands what it promises; gives the names of those driven.
///
/// # Errors
/// What the host in C found wrong.
pub fn drive(host: &Path, extensions: &[PathBuf]) -> Result<Vec<String>, String> {
    let driven: Vec<_> = extensions.iter().filter(|path| !NOT_DRIVEN.contains(&name(path).as_str())).collect();
    if !driven.is_empty() {
        run(Command::new(host).args(&driven))?;
    }
    Ok(driven.into_iter().map(|path| name(path)).collect())
}
