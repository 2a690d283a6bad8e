//! Keys the schema does not know.

use serde_json::Value;
use toml::de::{DeTable, DeValue};

use super::Complaint;
use super::place::Places;
use super::schema::{resolve, schema};
use crate::control::model::{clipped, nearest};

/// Every unknown key of a file, with the known one that is most like it.
pub(super) fn unknown(places: &Places<'_>) -> Vec<Complaint> {
    let schema = schema();
    let mut complaints = Vec::new();
    of_table(places, &schema, &schema, "the file", places.root(), &mut complaints);
    complaints
}

fn of_table(
    places: &Places<'_>,
    root: &Value,
    node: &Value,
    owner: &str,
    table: &DeTable<'_>,
    complaints: &mut Vec<Complaint>,
) {
    let Some(known) = node.get("properties").and_then(Value::as_object) else { return };
    for (key, value) in table {
        let name = key.get_ref().as_ref();
        if let Some(node) = known.get(name) {
            of_value(places, root, node, name, value.get_ref(), complaints);
            continue;
        }
        let near = nearest(name, known.keys().map(String::as_str));
        let near = near.map_or_else(String::new, |near| format!(", nearest is '{near}'"));
        let keys = known.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
        let message = format!(
            "unknown key '{}' of {owner}{near}; the keys are {keys}",
            clipped(&name.escape_debug().to_string())
        );
        complaints.push(places.complaint(Some(key.span()), &message));
    }
}

fn of_value(
    places: &Places<'_>,
    root: &Value,
    node: &Value,
    name: &str,
    value: &DeValue<'_>,
    complaints: &mut Vec<Complaint>,
) {
    let node = resolve(root, node);
    match value {
        DeValue::Table(table) => of_table(places, root, node, &format!("'{name}'"), table, complaints),
        DeValue::Array(array) => {
            let Some(items) = node.get("items") else { return };
            for item in array.iter() {
                of_value(places, root, items, name, item.get_ref(), complaints);
            }
        }
        _ => {}
    }
}
