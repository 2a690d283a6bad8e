//! Values of another kind than their key has, and keys that are missing: in the words of people who write files.
//!
//! The kinds come from the schema. What a value of the right kind may be is judged by its type's own constructor.

use serde_json::Value;
use toml::de::{DeTable, DeValue};

use super::Complaint;
use super::place::Places;
use super::schema::{resolve, schema};

/// Every value of the wrong kind and every missing key.
pub(super) fn misshapen(places: &Places<'_>) -> Vec<Complaint> {
    let root = schema();
    let mut found = Shapes { places, root: &root, complaints: Vec::new() };
    found.of_table(&root, "", places.root());
    found.complaints
}

struct Shapes<'a> {
    places: &'a Places<'a>,
    root: &'a Value,
    complaints: Vec<Complaint>,
}

impl Shapes<'_> {
    fn add(&mut self, at: std::ops::Range<usize>, message: &str) {
        self.complaints.push(self.places.complaint(Some(at), message));
    }

    /// The keys of a table; `path` is what stands between its brackets.
    fn of_table(&mut self, node: &Value, path: &str, table: &DeTable<'_>) {
        let others = node.get("additionalProperties").filter(|others| others.is_object());
        for (key, value) in table {
            let name = key.get_ref().as_ref();
            if let Some(node) = node.pointer(&format!("/properties/{name}")).or(others) {
                let path = if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
                self.of_value(node, &path, value.span(), value.get_ref());
            }
        }
    }

    fn of_value(&mut self, node: &Value, path: &str, at: std::ops::Range<usize>, value: &DeValue<'_>) {
        let node = resolve(self.root, node);
        let name = path.rsplit('.').next().unwrap_or(path);
        let kinds = kinds(node);
        match value {
            _ if kinds.is_empty() => {}
            DeValue::Table(table) if kinds.contains(&"object") => {
                for missing in missing(node, table) {
                    let text = node.pointer(&format!("/properties/{missing}/description")).and_then(Value::as_str);
                    let text = text.map_or_else(String::new, |text| format!(" ({})", text.trim_end_matches('.')));
                    let message = format!("'{name}' has no '{missing}'; add {missing} = \"…\"{text}");
                    self.add(at.clone(), &message);
                }
                self.of_table(node, path, table);
            }
            DeValue::Array(array) if kinds.contains(&"array") => {
                let Some(items) = node.get("items") else { return };
                for item in array.iter() {
                    self.of_value(items, path, item.span(), item.get_ref());
                }
            }
            DeValue::Integer(number) if kinds.contains(&"integer") => {
                let digits = number.as_str().replace('_', "");
                // Text as well as numbers: a value of an extension, which may be below 0.
                if !kinds.contains(&"string") && u64::from_str_radix(&digits, number.radix()).is_err() {
                    let message = format!("{name} '{digits}' is out of range; write {}", wanted(node, self.root, path));
                    self.add(at, &message);
                }
            }
            other if kinds.contains(&kind_of(other)) => {}
            DeValue::Table(_) if kinds.contains(&"array") => {
                let message = format!("'{name}' is one table; begin each with [[{path}]]");
                self.add(at, &message);
            }
            other => {
                let is = in_words(kind_of(other));
                let message = format!("'{name}' is {is}; write {}", wanted(node, self.root, path));
                self.add(at, &message);
            }
        }
    }
}

/// The kinds of value a node takes.
fn kinds(node: &Value) -> Vec<&str> {
    match node.get("type") {
        Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).collect(),
        Some(kind) => kind.as_str().into_iter().collect(),
        None => Vec::new(),
    }
}

fn missing<'a>(node: &'a Value, table: &DeTable<'_>) -> Vec<&'a str> {
    let required = node.get("required").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let there = |key: &&str| table.keys().any(|name| name.get_ref() == *key);
    required.iter().filter_map(Value::as_str).filter(|key| !there(key)).collect()
}

fn kind_of(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "string",
        DeValue::Integer(_) => "integer",
        DeValue::Float(_) => "number",
        DeValue::Boolean(_) => "boolean",
        DeValue::Datetime(_) => "datetime",
        DeValue::Array(_) => "array",
        DeValue::Table(_) => "object",
    }
}

fn in_words(kind: &str) -> &'static str {
    match kind {
        "string" => "text",
        "integer" => "a whole number",
        "number" => "a number with a fraction",
        "boolean" => "true or false",
        "array" => "a list",
        "object" => "a table",
        _ => "a date or time",
    }
}

/// What would be right.
fn wanted(node: &Value, root: &Value, path: &str) -> String {
    let words = node.get("enum").and_then(Value::as_array);
    let words = words.map(|words| words.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", "));
    let kinds = kinds(node);
    let range = node.get("minimum").zip(node.get("maximum"));
    match (words, kinds.first().copied().unwrap_or_default(), range) {
        (Some(words), ..) => format!("one of, in quotes: {words}"),
        (None, "integer", Some((least, most))) => format!("a whole number from {least} to {most}, without quotes"),
        (None, "integer", None) => "a whole number, without quotes".to_owned(),
        (None, "string", _) if kinds.contains(&"boolean") => "text in quotes, a number, true or false".to_owned(),
        (None, "string", _) => "text, in quotes".to_owned(),
        (None, "boolean", _) => "true or false, without quotes".to_owned(),
        (None, "array", _) => match node.get("items").map(|items| self::kinds(resolve(root, items))) {
            Some(kinds) if kinds.contains(&"object") => format!("a table under [[{path}]] for each"),
            _ => "a list: [\"…\", \"…\"]".to_owned(),
        },
        (None, "object", _) => format!("a table: {{ key = \"value\" }}, or a section [{path}]"),
        _ => "another value".to_owned(),
    }
}
