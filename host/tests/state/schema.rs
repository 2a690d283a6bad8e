//! Stores this heddled did not write.

use super::books::{create, start, switch};
use heddle_host::control::error::ErrorClass;
use heddle_host::control::plane::ControlPlane;
use heddle_host::state::store::{FILE, SCHEMA, Store};
use redb::{Database, TableDefinition};
use std::path::Path;

/// Writes a row of a table of text behind heddled's back.
fn write(directory: &Path, table: &str, key: &str, value: &str) {
    let database = Database::create(directory.join(FILE)).unwrap();
    let transaction = database.begin_write().unwrap();
    transaction.open_table(TableDefinition::<&str, &str>::new(table)).unwrap().insert(key, value).unwrap();
    transaction.commit().unwrap();
}

fn refusal(directory: &Path) -> String {
    let error = Store::open(directory).and_then(|store| store.load()).unwrap_err();
    assert_ne!(error.class(), ErrorClass::Permission);
    error.to_string()
}

#[test]
fn a_newer_schema_is_refused_with_both_numbers_and_the_fix_and_stays_as_it_is() {
    let directory = tempfile::tempdir().unwrap();
    create(&start(directory.path()).1, "lab").unwrap();
    let newer = (SCHEMA + 1).to_string();
    write(directory.path(), "meta", "schema", &newer);
    let message = refusal(directory.path());
    let expected = format!(
        "the stored state {} has schema {newer}, and heddled {} knows schema {SCHEMA} and older; start the heddled that wrote \
         it, go back to the copy it made of the older schema, or give an empty --state-dir",
        directory.path().join(FILE).display(),
        env!("CARGO_PKG_VERSION")
    );
    assert_eq!(message, expected);
    write(directory.path(), "meta", "schema", &SCHEMA.to_string());
    assert_eq!(start(directory.path()).1.switches().unwrap().len(), 1, "nothing was lost");
}

#[test]
fn a_key_of_a_newer_heddled_is_refused_and_not_dropped() {
    let directory = tempfile::tempdir().unwrap();
    create(&start(directory.path()).1, "lab").unwrap();
    write(directory.path(), "switch", "lab", r#"{"name":"lab","colour":"blue"}"#);
    let message = refusal(directory.path());
    assert!(
        message.contains("a switch 'lab' that this heddled does not understand (unknown field `colour`"),
        "{message}"
    );
    write(directory.path(), "switch", "lab", r#"{"name":"lab","workers":3}"#);
    assert_eq!(start(directory.path()).1.switch(&switch("lab")).unwrap().workers, 3);
}

#[test]
fn a_file_that_is_no_store_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join(FILE);
    std::fs::write(&file, "precious").unwrap();
    let message = refusal(directory.path());
    assert!(message.contains("cannot be read"), "{message}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "precious");
}

#[test]
fn a_store_has_one_user() {
    let directory = tempfile::tempdir().unwrap();
    let _first = Store::open(directory.path()).unwrap();
    let message = refusal(directory.path());
    assert!(message.starts_with("another heddled uses the stored state"), "{message}");
    assert!(message.ends_with("stop it or give another --state-dir"), "{message}");
}
