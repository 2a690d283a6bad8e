//! Turns `proto/heddle/v1/heddle.proto` into Rust, and the crates and headers of the contract into data of `heddle`.
//!
//! `protox` compiles the proto in Rust, so no `protoc` is needed. The contract goes into every project that
//! `heddle extension new` makes; its tests stay here.

use std::error::Error;
use std::fmt::Write;
use std::path::{Path, PathBuf};

fn main() -> Result<(), Box<dyn Error>> {
    let root = Path::new("proto");
    let proto = root.join("heddle/v1/heddle.proto");
    println!("cargo::rerun-if-changed={}", proto.display());
    let descriptors = protox::compile([&proto], [root])?;
    tonic_prost_build::configure().build_transport(false).btree_map(".heddle.v1").compile_fds(descriptors)?;
    embed_contract()
}

/// Writes the list of files, relative to `extension-api`, with their contents.
fn embed_contract() -> Result<(), Box<dyn Error>> {
    let root = std::path::absolute("../extension-api")?;
    let mut files = Vec::new();
    for part in ["Cargo.toml", "README.md", "build.rs", "src", "include", "testing/Cargo.toml", "testing/src"] {
        println!("cargo::rerun-if-changed=../extension-api/{part}");
        collect(&root.join(part), &mut files)?;
    }
    files.sort();
    let mut list = "pub(super) static FILES: &[(&str, &[u8])] = &[\n".to_owned();
    for file in files {
        let name = file.strip_prefix(&root)?.display().to_string();
        writeln!(list, "    ({name:?}, include_bytes!({:?})),", file.display().to_string())?;
    }
    list.push_str("];\n");
    let out = PathBuf::from(std::env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?);
    Ok(std::fs::write(out.join("vendor_kit.rs"), list)?)
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) -> Result<(), Box<dyn Error>> {
    if path.is_dir() {
        for entry in std::fs::read_dir(path)? {
            collect(&entry?.path(), files)?;
        }
    } else {
        files.push(path.to_owned());
    }
    Ok(())
}
