//! Which schemas of the store this heddled takes, and how an older one becomes the present one.
//!
//! The number goes up with every release that writes a key or a table its predecessor does not know. Migrations run in one
//! transaction with the new number, so that a kill leaves the old store or the new one.

use std::path::Path;

use redb::WriteTransaction;

use super::StoreError;

/// The schema this heddled writes.
pub const SCHEMA: u32 = 1;

/// Refuses a store this heddled does not understand. `None` is a store that was never written to.
pub(super) fn judge(path: &Path, found: Option<&str>) -> Result<(), StoreError> {
    let Some(text) = found else { return Ok(()) };
    match text.parse::<u32>() {
        Ok(number) if (1..=SCHEMA).contains(&number) => Ok(()),
        _ => Err(StoreError::Schema {
            path: path.to_owned(),
            found: text.to_owned(),
            known: SCHEMA,
            version: env!("CARGO_PKG_VERSION"),
        }),
    }
}

/// Brings the tables from an older schema to [`SCHEMA`].
#[expect(clippy::unnecessary_wraps, reason = "the first schema that differs from its predecessor will need it")]
pub(super) fn migrate(_transaction: &WriteTransaction, _found: Option<&str>) -> Result<(), redb::Error> {
    Ok(())
}
