//! The golden layout: the layout table as text, and the rule by which it may change.
//!
//! The first line is `abi MAJOR.MINOR`, then one line a row: `Packet.length u32 8..12 frozen`, functions as
//! `BatchFn fn(*mutc_void,*mutBatch,)->i32 function`, constants as `VERDICT_DROP u8 0x1 constant`. Type texts are without white space. Within a major a change may
//! only append rows to growable structs and add structs and functions, and then the minor moves.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail, ensure};
use heddle_extension_api::abi::layout::{KIND_CONSTANT, KIND_FROZEN, KIND_FUNCTION, LayoutRow};
use heddle_extension_api::abi::{LAYOUT, meta};

/// A zero-padded field of a row as text.
pub fn text(field: &[u8]) -> String {
    String::from_utf8_lossy(field.split(|byte| *byte == 0).next().unwrap_or_default()).into_owned()
}

fn line(row: &LayoutRow) -> String {
    let ty: String = text(&row.ty).split_whitespace().collect();
    let (owner, field, from, to) = (text(&row.owner), text(&row.field), row.offset, row.offset.wrapping_add(row.size));
    match row.kind {
        KIND_FUNCTION => format!("{owner} {ty} function"),
        KIND_CONSTANT => format!("{owner} {ty} {from:#x} constant"),
        KIND_FROZEN => format!("{owner}.{field} {ty} {from}..{to} frozen"),
        _ => format!("{owner}.{field} {ty} {from}..{to} growable"),
    }
}

/// The layout of the ABI as it is compiled.
pub fn render() -> String {
    let mut out = format!("abi {}.{}\n", meta::ABI_MAJOR, meta::ABI_MINOR);
    for row in &LAYOUT {
        out.push_str(&line(row));
        out.push('\n');
    }
    out
}

struct Golden<'a> {
    major: u16,
    minor: u16,
    owners: BTreeMap<&'a str, Vec<&'a str>>,
}

fn read(text: &str) -> Result<Golden<'_>> {
    let mut lines = text.lines();
    let version = lines.next().and_then(|line| line.strip_prefix("abi ")).context("the first line is not `abi M.N`")?;
    let (major, minor) = version.split_once('.').context("the first line is not `abi M.N`")?;
    let mut owners: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for line in lines {
        let name = line.split(' ').next().unwrap_or(line);
        owners.entry(name.split('.').next().unwrap_or(name)).or_default().push(line);
    }
    Ok(Golden { major: major.parse()?, minor: minor.parse()?, owners })
}

/// Refuses a change from `old` to `new` that breaks extensions built against `old`.
pub fn check_growth(old: &str, new: &str) -> Result<()> {
    if old == new {
        return Ok(());
    }
    let (old, new) = (read(old)?, read(new)?);
    if new.major > old.major {
        return Ok(());
    }
    for (owner, rows) in &old.owners {
        let now = new.owners.get(owner).with_context(|| format!("{owner} is gone; it stays for the whole major"))?;
        for (at, row) in rows.iter().enumerate() {
            match now.get(at) {
                Some(same) if same == row => {}
                Some(other) => bail!("`{row}` became `{other}`; rows never change within a major"),
                None => bail!("`{row}` is gone; rows stay for the whole major"),
            }
        }
        if let Some(added) = now.get(rows.len()) {
            ensure!(added.ends_with(" growable"), "`{added}` is new, but {owner} is frozen");
        }
    }
    ensure!(
        new.major == old.major && new.minor > old.minor,
        "the ABI grew but its version is still {}.{}; raise ABI_MINOR in extension-api/src/abi/meta.rs",
        new.major,
        new.minor
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{check_growth, render};

    const OLD: &str = "abi 1.0\nP.a u32 0..4 frozen\nT.size u32 0..4 growable\nF fn(u32,) function\n";

    fn refusal(new: &str) -> String {
        check_growth(OLD, new).unwrap_err().to_string()
    }

    #[test]
    fn growth_with_a_new_minor_passes() {
        let grown = "abi 1.1\nP.a u32 0..4 frozen\nT.size u32 0..4 growable\nT.b u8 4..5 growable\nF fn(u32,) function\n\
                     G fn() function\n";
        check_growth(OLD, OLD).unwrap();
        check_growth(OLD, grown).unwrap();
        check_growth(OLD, "abi 2.0\n").unwrap();
        assert!(refusal(&grown.replace("abi 1.1", "abi 1.0")).contains("raise ABI_MINOR"));
    }

    #[test]
    fn everything_else_is_refused_by_name() {
        assert!(refusal(&OLD.replace("P.a u32", "P.a i32")).contains("`P.a u32 0..4 frozen` became"));
        assert!(
            refusal(&OLD.replace("1.0", "1.1").replace("F fn", "P.b u32 4..8 frozen\nF fn")).contains("P is frozen")
        );
        assert!(refusal(&OLD.replace("F fn(u32,)", "F fn(u64,)")).contains("became"));
        assert!(refusal("abi 1.1\nP.a u32 0..4 frozen\nT.size u32 0..4 growable\n").contains("F is gone"));
    }

    #[test]
    fn every_row_is_rendered() {
        let text = render();
        assert_eq!(text.lines().count(), 1 + heddle_extension_api::abi::LAYOUT_ROWS);
        assert!(text.contains("\nPacket.length u32 8..12 frozen\n"), "{text}");
        assert!(text.contains("\nBatchFn fn(*mutc_void,*mutBatch,)->i32 function\n"), "{text}");
    }
}
