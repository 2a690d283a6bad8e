//! The JSON Schema of configuration files, for editors and for the search of unknown keys.

use serde_json::{Value, json};

use crate::state::record::DesiredState;

/// The schema, JSON Schema draft 2020-12. `sdk-docs/src/config.schema.json` is this.
#[must_use]
pub fn schema() -> Value {
    let mut schema = schemars::schema_for!(DesiredState).to_value();
    if let Some(object) = schema.as_object_mut() {
        object.insert("title".to_owned(), json!("Configuration of heddled"));
    }
    schema
}

/// The node a `$ref` leads to, or the node itself.
pub(super) fn resolve<'a>(root: &'a Value, node: &'a Value) -> &'a Value {
    let pointer = node.get("$ref").and_then(Value::as_str).and_then(|reference| reference.strip_prefix('#'));
    pointer.and_then(|pointer| root.pointer(pointer)).unwrap_or(node)
}
