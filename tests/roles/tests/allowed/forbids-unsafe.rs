//! A vendor may forbid unsafe code, in either edition.

#![forbid(unsafe_code)]
#![deny(warnings)]

use heddle_extension_api::*;

struct Tool;

impl ServiceExtension for Tool {
    fn create(_: &Control<'_, rights::Service>, _: &Config<'_>) -> Result<Self, CreateError> {
        Ok(Tool)
    }
}

export_extension!(service Tool { id: "org.example.tool", name: "Tool", vendor: "Example", version: "1" });

fn main() {}
