//! An id is a reverse URI; a wrong one stops the compilation.

use heddle_extension_api::*;

struct Tool;

impl ServiceExtension for Tool {
    fn create(_: &Control<'_, rights::Service>, _: &Config<'_>) -> Result<Self, CreateError> {
        Ok(Tool)
    }
}

export_extension!(service Tool { id: "tool", name: "Tool", vendor: "Example", version: "1" });

fn main() {}
