//! Turns `proto/heddle/v1/heddle.proto` into Rust. `protox` compiles the proto in Rust, so no `protoc` is needed.

use std::error::Error;
use std::path::Path;

fn main() -> Result<(), Box<dyn Error>> {
    let root = Path::new("proto");
    let proto = root.join("heddle/v1/heddle.proto");
    println!("cargo::rerun-if-changed={}", proto.display());
    let descriptors = protox::compile([&proto], [root])?;
    tonic_prost_build::configure().build_transport(false).btree_map(".heddle.v1").compile_fds(descriptors)?;
    Ok(())
}
