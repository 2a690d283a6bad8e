//! Renders the C header: modules in reading order, each with constants, function types and structs, then one static
//! assertion per offset and the layout table of the compiled ABI as an initialiser.

use std::collections::BTreeMap;
use std::fmt::Write;

use anyhow::{Context, Result, ensure};
use heddle_extension_api::abi::layout::{KIND_CONSTANT, KIND_FROZEN, KIND_FUNCTION, KIND_GROWABLE};
use heddle_extension_api::abi::{
    LAYOUT, LAYOUT_ROWS, config, control, drops, entry, host, meta, packet, policy, sampling, state, status,
};

use crate::c_type;
use crate::golden::text;
use crate::source::{Item, ItemKind, Module};

const PROLOGUE: &str = include_str!("prologue.h");
const EPILOGUE: &str = include_str!("epilogue.h");

/// Columns of a comment.
const WIDTH: usize = 116;

/// Sizes of the structs in bytes, by name.
fn sizes() -> BTreeMap<&'static str, usize> {
    macro_rules! size {
        ($($module:ident::$name:ident)*) => {
            BTreeMap::from([$((stringify!($name), size_of::<$module::$name>())),*])
        };
    }
    size!(
        meta::Meta status::Bytes status::ErrorText packet::Packet packet::OffloadFacts packet::Batch control::PortInfo
        control::Event sampling::Sample sampling::SamplingV1 drops::Dropped drops::DropsV1 config::ConfigKey config::ConfigV1
        state::StatePiece state::StateV1
        policy::Feature policy::Property policy::PolicyV1 host::Destination host::DatagramCounts
        host::VlanCounters host::Host entry::ExtensionV1
    )
}

/// The whole header.
pub fn render(modules: &[Module]) -> Result<String> {
    let mut out = PROLOGUE.to_owned();
    forward_declarations(&mut out, modules)?;
    for module in modules {
        writeln!(out)?;
        comment(&mut out, "", &module.docs)?;
        for item in &module.items {
            render_item(&mut out, item).with_context(|| format!("module {}", module.name))?;
        }
    }
    assertions(&mut out)?;
    layout(&mut out)?;
    out.push_str(EPILOGUE);
    Ok(out)
}

fn forward_declarations(out: &mut String, modules: &[Module]) -> Result<()> {
    writeln!(out)?;
    for item in modules.iter().flat_map(|module| &module.items) {
        if let ItemKind::Struct { name, .. } = &item.kind {
            let name = c_type::struct_name(name);
            writeln!(out, "typedef struct {name} {name};")?;
        }
    }
    Ok(())
}

fn render_item(out: &mut String, item: &Item) -> Result<()> {
    match &item.kind {
        ItemKind::Constant { name, ty, value } => {
            writeln!(out)?;
            comment(out, "", &item.docs)?;
            let value = c_type::value(ty, value).with_context(|| format!("constant {name}"))?;
            writeln!(out, "#define HEDDLE_{name} {value}")?;
        }
        ItemKind::Function { name, parameters, returns } => {
            writeln!(out)?;
            comment(out, "", &item.docs)?;
            let parameters: Vec<String> =
                parameters.iter().map(|(name, ty)| c_type::declaration(ty, name)).collect::<Result<_>>()?;
            let returns = returns.as_deref().map_or(Ok("void".to_owned()), c_type::plain)?;
            writeln!(out, "typedef {returns} (*{})({});", c_type::function_name(name), parameters.join(", "))?;
        }
        ItemKind::Struct { name, fields } => {
            writeln!(out)?;
            comment(out, "", &item.docs)?;
            writeln!(out, "struct {} {{", c_type::struct_name(name))?;
            for field in fields {
                comment(out, "    ", &field.docs)?;
                let declared =
                    c_type::declaration(&field.ty, &field.name).with_context(|| format!("{name}.{}", field.name))?;
                writeln!(out, "    {declared};")?;
            }
            writeln!(out, "}};")?;
        }
    }
    Ok(())
}

/// A C comment; Rust's links become plain names.
fn comment(out: &mut String, indent: &str, docs: &[String]) -> Result<()> {
    let docs: Vec<String> = docs.iter().map(|line| plain_text(line)).collect();
    match docs.as_slice() {
        [] => {}
        [line] if indent.len() + line.len() + 6 <= WIDTH + 4 => writeln!(out, "{indent}/* {line} */")?,
        lines => {
            writeln!(out, "{indent}/*")?;
            for line in lines {
                writeln!(out, "{}", format!("{indent} * {line}").trim_end())?;
            }
            writeln!(out, "{indent} */")?;
        }
    }
    Ok(())
}

fn plain_text(line: &str) -> String {
    let line = line.replace("crate::abi::", "").replace("Self::", "").replace("*/", "* /");
    line.replace("[`", "`").replace("`]", "`").replace('`', "")
}

fn assertions(out: &mut String) -> Result<()> {
    writeln!(out, "\n/* The compiler places every field where the switch expects it. */\n")?;
    let sizes = sizes();
    let mut last = String::new();
    for row in LAYOUT.iter().filter(|row| matches!(row.kind, KIND_FROZEN | KIND_GROWABLE)) {
        let (owner, field) = (text(&row.owner), text(&row.field));
        let name = c_type::struct_name(&owner);
        if owner != last {
            let size = sizes.get(owner.as_str()).with_context(|| format!("struct {owner} has no size in `sizes`"))?;
            writeln!(out, "HEDDLE_STATIC_ASSERT(sizeof({name}) == {size}, \"{owner} has {size} bytes\");")?;
            last.clone_from(&owner);
        }
        let offset = row.offset;
        writeln!(
            out,
            "HEDDLE_STATIC_ASSERT(offsetof({name}, {field}) == {offset}, \"{owner}.{field} is at {offset}\");"
        )?;
    }
    Ok(())
}

fn layout(out: &mut String) -> Result<()> {
    writeln!(out, "\n/* Number of rows in the layout table. */\n#define HEDDLE_LAYOUT_ROWS {LAYOUT_ROWS}")?;
    writeln!(out, "\n/* One row; offset and size are this compiler's own. */")?;
    writeln!(
        out,
        "#define HEDDLE_FIELD_ROW(owner, type, field, rust, kind) \\\n    \
         {{ owner, #field, rust, (uint32_t)offsetof(type, field), (uint32_t)sizeof(((type *)0)->field), kind, 0 }}"
    )?;
    writeln!(
        out,
        "#define HEDDLE_FUNCTION_ROW(owner, type, rust) \\\n    {{ owner, \"\", rust, 0, (uint32_t)sizeof(type), HEDDLE_KIND_FUNCTION, 0 }}"
    )?;
    writeln!(
        out,
        "#define HEDDLE_CONSTANT_ROW(owner, value, type, rust) \\\n    {{ owner, \"\", rust, (uint32_t)(value), (uint32_t)sizeof(type), HEDDLE_KIND_CONSTANT, 0 }}"
    )?;
    writeln!(out, "\n/* The layout table. */\n#define HEDDLE_LAYOUT \\\n    {{ \\")?;
    for (at, row) in LAYOUT.iter().enumerate() {
        let (owner, field, rust) = (text(&row.owner), text(&row.field), text(&row.ty));
        ensure!(!rust.contains('"'), "type text of {owner}.{field} has a quotation mark");
        let end = if at + 1 == LAYOUT_ROWS { "" } else { "," };
        match row.kind {
            KIND_FUNCTION => {
                let name = c_type::function_name(&owner);
                writeln!(out, "        HEDDLE_FUNCTION_ROW(\"{owner}\", {name}, \"{rust}\"){end} \\")?;
            }
            KIND_CONSTANT => {
                let c_type = c_type::plain(if rust == "usize" { "u64" } else { &rust })?;
                writeln!(
                    out,
                    "        HEDDLE_CONSTANT_ROW(\"{owner}\", HEDDLE_{owner}, {c_type}, \"{rust}\"){end} \\"
                )?;
            }
            kind => {
                let name = c_type::struct_name(&owner);
                let kind = match kind {
                    KIND_FROZEN => "HEDDLE_KIND_FROZEN",
                    KIND_GROWABLE => "HEDDLE_KIND_GROWABLE",
                    other => anyhow::bail!("kind {other} of {owner} is not known"),
                };
                writeln!(out, "        HEDDLE_FIELD_ROW(\"{owner}\", {name}, {field}, \"{rust}\", {kind}){end} \\")?;
            }
        }
    }
    writeln!(out, "    }}")?;
    Ok(())
}
