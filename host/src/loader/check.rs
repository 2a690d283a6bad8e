//! The layout check: an extension's table of structs and signatures against the host's.
//!
//! Frozen structs must match field by field; of a growable struct the shorter list must be a prefix of the longer one;
//! signatures must read the same. Structs only the extension knows are of a newer minor and left alone. Microseconds,
//! and one line about the first difference.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use heddle_extension_api::abi::layout::{KIND_FROZEN, KIND_FUNCTION, LayoutRow};
use heddle_extension_api::abi::meta::ABI_MINOR;

use super::LoadError;

/// Compares an extension's table with the host's.
pub fn layout(extension: &[LayoutRow], host: &[LayoutRow], extension_minor: u16) -> Result<(), LoadError> {
    let theirs = by_owner(extension);
    for (owner, ours) in &by_owner(host) {
        match theirs.get(owner) {
            Some(theirs) => compare(owner, ours, theirs, extension_minor).map_err(LoadError::Layout)?,
            None if extension_minor.cmp(&ABI_MINOR) == Ordering::Less => {}
            None => return Err(LoadError::Layout(format!("{owner} is missing from its layout table"))),
        }
    }
    Ok(())
}

fn by_owner(rows: &[LayoutRow]) -> BTreeMap<String, Vec<&LayoutRow>> {
    let mut owners: BTreeMap<String, Vec<&LayoutRow>> = BTreeMap::new();
    for row in rows {
        owners.entry(words(&row.owner)).or_default().push(row);
    }
    owners
}

fn compare(owner: &str, ours: &[&LayoutRow], theirs: &[&LayoutRow], extension_minor: u16) -> Result<(), String> {
    let kind = ours.first().map_or(0, |row| row.kind);
    if theirs.iter().any(|row| row.kind != kind) {
        return Err(format!("{owner}: host and extension disagree on what may grow"));
    }
    if kind == KIND_FUNCTION {
        let (ours, theirs) = (signature(ours), signature(theirs));
        if ours != theirs {
            return Err(format!("function {owner}: host has `{ours}`, extension has `{theirs}`"));
        }
        return Ok(());
    }
    for (ours, theirs) in ours.iter().zip(theirs) {
        if !same(ours, theirs) {
            return Err(format!("{owner}: host has {}, extension has {}", field(ours), field(theirs)));
        }
    }
    if kind == KIND_FROZEN && ours.len() != theirs.len() {
        let (ours, theirs) = (extent(ours), extent(theirs));
        return Err(format!("{owner} is frozen: host {ours}, extension {theirs}"));
    }
    // Fields are appended with a new minor only, so the longer side is the newer one.
    let lengths = theirs.len().cmp(&ours.len());
    if lengths != Ordering::Equal && lengths != extension_minor.cmp(&ABI_MINOR) {
        let (ours, theirs) = (extent(ours), extent(theirs));
        return Err(format!("{owner} grew without a new minor: host {ours}, extension {theirs}"));
    }
    Ok(())
}

fn same(ours: &LayoutRow, theirs: &LayoutRow) -> bool {
    ours.field == theirs.field
        && squeezed(&ours.ty) == squeezed(&theirs.ty)
        && (ours.offset, ours.size) == (theirs.offset, theirs.size)
}

fn field(row: &LayoutRow) -> String {
    let end = row.offset.saturating_add(row.size);
    format!("`{}: {}` at {}..{end}", words(&row.field), words(&row.ty), row.offset)
}

fn extent(rows: &[&LayoutRow]) -> String {
    let bytes = rows.last().map_or(0, |row| row.offset.saturating_add(row.size));
    format!("{} fields/{bytes} B", rows.len())
}

fn signature(rows: &[&LayoutRow]) -> String {
    rows.first().map(|row| squeezed(&row.ty)).unwrap_or_default()
}

/// Text up to the first zero byte, with anything unprintable shown as such.
fn words(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).escape_debug().to_string()
}

/// The same without white space, which compilers print differently.
fn squeezed(bytes: &[u8]) -> String {
    words(bytes).chars().filter(|c| !c.is_whitespace()).collect()
}
