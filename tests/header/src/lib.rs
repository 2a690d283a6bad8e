//! The C header and the golden layout of the extension ABI, both made from `extension-api/src/abi`.
//!
//! Offsets, sizes and type texts come from the compiled layout table; doc comments, parameter names and constants come
//! from the text of the sources ([`source`]), since no compiled crate has them. [`header`] renders the C header,
//! [`golden`] the layout as text, and decides whether a change only grows the ABI.

pub mod c_type;
pub mod golden;
pub mod header;
pub mod source;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// The modules of the ABI in the order of the header.
pub const MODULES: [&str; 12] = [
    "status", "meta", "layout", "packet", "control", "host", "entry", "sampling", "drops", "config", "state", "policy",
];

/// The folder of the `extension-api` crate in this checkout.
pub fn api_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../extension-api")
}

/// Where the header is checked in.
pub fn header_path() -> PathBuf {
    api_folder().join("include/heddle_extension.h")
}

/// Where the golden layout is checked in.
pub fn golden_path() -> PathBuf {
    api_folder().join("include/layout.txt")
}

/// Parses the sources of the ABI.
pub fn modules() -> Result<Vec<source::Module>> {
    MODULES
        .iter()
        .map(|name| {
            let path = api_folder().join(format!("src/abi/{name}.rs"));
            let text = std::fs::read_to_string(&path).with_context(|| format!("{}: cannot be read", path.display()))?;
            source::parse(name, &text).with_context(|| format!("{}: cannot be parsed", path.display()))
        })
        .collect()
}

/// The header as it must be.
pub fn render_header() -> Result<String> {
    header::render(&modules()?)
}
