//! The roles have names.

use heddle_extension_api::export_extension;

struct Tool;

export_extension!(plugin Tool { id: "org.example.tool", name: "Tool", vendor: "Example", version: "1" });

fn main() {}
