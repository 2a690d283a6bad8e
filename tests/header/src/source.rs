//! Reads what only the text of the ABI sources has: doc comments, parameter names, constants.
//!
//! Not a Rust parser: it knows the few forms these files use (`pub const`, `abi_struct!`, `abi_fn!`, one plain
//! `#[repr(C)]` struct), one item a line, as rustfmt writes them. A `pub` line it does not know is an error, so that
//! nothing is left out silently.

use anyhow::{Context, Result, bail};

/// One file of the ABI.
#[derive(Debug, Default)]
pub struct Module {
    /// Its name.
    pub name: String,
    /// Its head.
    pub docs: Vec<String>,
    /// Its items in order.
    pub items: Vec<Item>,
}

/// A documented item.
#[derive(Debug)]
pub struct Item {
    /// Doc comment, one line each.
    pub docs: Vec<String>,
    /// What it is.
    pub kind: ItemKind,
}

/// What an item is.
#[derive(Debug, PartialEq, Eq)]
pub enum ItemKind {
    /// `pub const NAME: TYPE = VALUE;`
    Constant {
        /// Name.
        name: String,
        /// Rust type.
        ty: String,
        /// Rust expression.
        value: String,
    },
    /// A function pointer type; parameters are name and type.
    Function {
        /// Name.
        name: String,
        /// Name and Rust type of each.
        parameters: Vec<(String, String)>,
        /// Rust type, if any.
        returns: Option<String>,
    },
    /// A struct; the fields follow.
    Struct {
        /// Name.
        name: String,
        /// Fields in order.
        fields: Vec<Field>,
    },
}

/// A field of a struct.
#[derive(Debug, PartialEq, Eq)]
pub struct Field {
    /// Doc comment.
    pub docs: Vec<String>,
    /// Name.
    pub name: String,
    /// Rust type.
    pub ty: String,
}

/// Parses one file, up to its macros and its tests.
pub fn parse(name: &str, text: &str) -> Result<Module> {
    let mut module = Module { name: name.to_owned(), ..Module::default() };
    let mut docs: Vec<String> = Vec::new();
    let mut lines = text.lines().map(str::trim);
    while let Some(line) = lines.next() {
        if let Some(head) = line.strip_prefix("//!") {
            module.docs.push(head.trim().to_owned());
        } else if let Some(doc) = line.strip_prefix("///") {
            docs.push(doc.trim().to_owned());
        } else if line.starts_with("pub const fn ") || line.starts_with("#[macro_export]") {
            docs.clear();
            skip_block(&mut lines);
        } else if let Some(rest) = line.strip_prefix("pub const ") {
            let kind = constant(rest).with_context(|| format!("constant `{line}`"))?;
            module.items.push(Item { docs: std::mem::take(&mut docs), kind });
        } else if let Some(rest) = line.strip_prefix("pub type ") {
            let kind = function(rest).with_context(|| format!("function `{line}`"))?;
            module.items.push(Item { docs: std::mem::take(&mut docs), kind });
        } else if let Some(rest) = line.strip_prefix("pub struct ") {
            let name = rest.trim_end_matches(['{', ' ']).to_owned();
            let fields = fields(&mut lines).with_context(|| format!("struct `{name}`"))?;
            module.items.push(Item { docs: std::mem::take(&mut docs), kind: ItemKind::Struct { name, fields } });
        } else if line.starts_with("pub ") {
            bail!("`{line}` is of a form the header generator does not know");
        } else if line.starts_with("impl ") || line.starts_with("#[cfg(test)]") {
            docs.clear();
            skip_block(&mut lines);
        }
    }
    Ok(module)
}

/// Skips to the closing brace in the first column; trimmed lines keep only the brace alone.
fn skip_block<'a>(lines: &mut impl Iterator<Item = &'a str>) {
    let mut depth = 1usize;
    for line in lines {
        depth += line.matches(['{']).count();
        let closing = line.matches(['}']).count();
        if closing >= depth {
            return;
        }
        depth -= closing;
    }
}

fn constant(rest: &str) -> Result<ItemKind> {
    let (name, rest) = rest.split_once(':').context("no type")?;
    let (ty, value) = rest.split_once('=').context("no value")?;
    let value = value.trim().strip_suffix(';').context("no semicolon on the same line")?;
    Ok(ItemKind::Constant { name: name.trim().to_owned(), ty: ty.trim().to_owned(), value: value.trim().to_owned() })
}

fn function(rest: &str) -> Result<ItemKind> {
    let (name, rest) = rest.split_once('=').context("no type")?;
    let rest = rest.trim().strip_prefix("fn(").context("not a function")?;
    let (parameters, rest) = rest.rsplit_once(')').context("no closing parenthesis")?;
    let rest = rest.trim().strip_suffix(';').context("no semicolon on the same line")?;
    let returns = rest.trim().strip_prefix("->").map(|ty| ty.trim().to_owned());
    let parameters = parameters
        .split(',')
        .map(|parameter| {
            let (name, ty) = parameter.split_once(':').context("a parameter without a type")?;
            Ok((name.trim().to_owned(), ty.trim().to_owned()))
        })
        .collect::<Result<_>>()?;
    Ok(ItemKind::Function { name: name.trim().to_owned(), parameters, returns })
}

fn fields<'a>(lines: &mut impl Iterator<Item = &'a str>) -> Result<Vec<Field>> {
    let mut fields = Vec::new();
    let mut docs = Vec::new();
    for line in lines {
        if line == "}" {
            return Ok(fields);
        }
        if let Some(doc) = line.strip_prefix("///") {
            docs.push(doc.trim().to_owned());
        } else if let Some(field) = line.strip_prefix("pub ") {
            let (name, ty) = field.split_once(':').with_context(|| format!("field `{line}`"))?;
            let ty = ty.trim().strip_suffix(',').with_context(|| format!("field `{line}`"))?;
            fields.push(Field { docs: std::mem::take(&mut docs), name: name.to_owned(), ty: ty.to_owned() });
        } else {
            bail!("`{line}` is not a field");
        }
    }
    bail!("the struct does not end")
}

#[cfg(test)]
mod tests {
    use super::{ItemKind, parse};

    #[test]
    fn every_form_is_read_with_its_docs() {
        let text = "//! Head.\n\n/// Success.\npub const OK: i32 = 0;\n\nabi_fn! {\n/// Holds.\npub type HoldFn = \
                    fn(call: *mut c_void, index: u32) -> i32;\nrow HOLD_FN }\n\nabi_struct! { frozen,\n/// One.\n\
                    #[derive(Debug)]\npub struct P {\n    /// Length.\n    pub length: u32,\n}\n}\n\
                    impl Default for P {\n    fn default() -> Self {\n        P { length: 0 }\n    }\n}\n\
                    /// After.\npub const LAST: u32 = 1 << 2;\n";
        let module = parse("x", text).unwrap();
        assert_eq!(module.docs, ["Head."]);
        assert_eq!(module.items.len(), 4);
        assert_eq!(module.items[0].docs, ["Success."]);
        let ItemKind::Function { parameters, returns, .. } = &module.items[1].kind else { panic!("not a function") };
        assert_eq!((parameters[1].0.as_str(), returns.as_deref()), ("index", Some("i32")));
        let ItemKind::Struct { fields, .. } = &module.items[2].kind else { panic!("not a struct") };
        assert_eq!((fields[0].name.as_str(), fields[0].docs[0].as_str()), ("length", "Length."));
        assert_eq!(module.items[3].docs, ["After."]);
    }

    #[test]
    fn unknown_forms_are_errors() {
        let error = parse("x", "pub enum Verdict {\n").unwrap_err().to_string();
        assert!(error.contains("pub enum Verdict"), "{error}");
    }
}
