//! The store: records in one file, `state.redb` in the state directory, one transaction a request.
//!
//! Tables: `meta` (`schema` is the number of the form, `heddled` who wrote it last), `switch` by name, `port` and
//! `extension` by switch and name. A value is the record as JSON, parts with their place in the order they were added.
//! A transaction is on the disk (fsync) when it returns; a kill at any instant leaves all of it or nothing.
//!
//! Schema rule: a store of a newer schema is refused, since an older heddled cannot know what it would lose. One of an older
//! schema is copied to `state.redb.schema-N` and brought up to date. A key that is not known is treated like a newer
//! schema. Cost: a commit is two fsyncs; reading back 100 ports takes about a millisecond.

mod error;
mod schema;

pub use error::StoreError;
pub use schema::SCHEMA;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use std::{fs, io};

use redb::backends::InMemoryBackend;
use redb::{
    Database, DatabaseError, ReadableDatabase, ReadableTable, StorageBackend, TableDefinition, WriteTransaction,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::record::{DesiredState, ExtensionRecord, PortRecord, SwitchRecord};
use crate::control::model::{QuarantineView, SwitchName};
use crate::trust::Policy;

/// The file in the state directory.
pub const FILE: &str = "state.redb";
/// How long to wait for a heddled that is ending to let go of the file.
const LET_GO: Duration = Duration::from_secs(2);
/// Memory for pages: the whole state of a large host fits.
const CACHE_BYTES: usize = 8 << 20;

const META: TableDefinition<&str, &str> = TableDefinition::new("meta");
const SWITCHES: TableDefinition<&str, &str> = TableDefinition::new("switch");
const PORTS: TableDefinition<(&str, &str), (u32, &str)> = TableDefinition::new("port");
const QUARANTINES: TableDefinition<(&str, &str), &str> = TableDefinition::new("quarantine");
const EXTENSIONS: TableDefinition<(&str, &str), (u32, &str)> = TableDefinition::new("extension");

/// A change of the stored state; several make one transaction.
#[derive(Debug)]
pub enum Edit<'a> {
    /// Keeps a switch without its parts.
    PutSwitch(&'a SwitchRecord),
    /// Forgets a switch with its parts.
    DropSwitch(&'a SwitchName),
    /// Keeps a port at a place in the order of its switch.
    PutPort(&'a SwitchName, u32, &'a PortRecord),
    /// Forgets a port.
    DropPort(&'a SwitchName, &'a str),
    /// Keeps an extension under its identifier at a place in the order of its switch.
    PutExtension(&'a SwitchName, u32, &'a str, &'a ExtensionRecord),
    /// Forgets an extension.
    DropExtension(&'a SwitchName, &'a str),
    /// Keeps who is in quarantine, and nobody else.
    Quarantines(&'a [QuarantineView]),
    /// Forgets everything desired.
    Clear,
    /// Keeps the policy of the host.
    PutPolicy(&'a Policy),
    /// Notes the start of heddled at which a configuration file became the state.
    Adopted(&'a str),
}

/// A part of a switch with its place in the order of the switch.
pub type Placed<T> = (u32, T);

/// What a store holds of one switch.
#[derive(Debug, Clone)]
pub struct StoredSwitch {
    /// The switch alone.
    pub switch: SwitchRecord,
    /// Its ports.
    pub ports: Vec<Placed<PortRecord>>,
    /// Its extensions, with the name each is kept under.
    pub extensions: Vec<(Placed<ExtensionRecord>, String)>,
}

/// The store, open.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    /// `None` after a failed write: it is opened anew for the next one, which repairs the file.
    database: Option<Database>,
    /// The database is a copy in memory.
    only_reads: bool,
}

impl Store {
    /// Opens the store in `directory`, making both when there are none.
    ///
    /// # Errors
    /// When another heddled has it, its schema is newer, or the file system refuses.
    pub fn open(directory: &Path) -> Result<Self, StoreError> {
        let path = directory.join(FILE);
        fs::create_dir_all(directory).map_err(|error| StoreError::io("make the directory of", &path, error))?;
        if !path.try_exists().map_err(|error| StoreError::io("look for", &path, error))? {
            make_empty(&path)?;
        }
        let mut store = match open_database(&path) {
            Ok(database) => Self { path, database: Some(database), only_reads: false },
            Err(error @ StoreError::System { .. }) => Self::open_copy(path, error)?,
            Err(error) => return Err(error),
        };
        let found = store.meta("schema")?;
        schema::judge(&store.path, found.as_deref())?;
        if !store.only_reads && found.as_deref() != Some(SCHEMA.to_string().as_str()) {
            store.bring_up_to_date(found.as_deref())?;
        }
        Ok(store)
    }

    /// A file that cannot be written is read into memory: forwarding goes on, and changes are refused until it can.
    fn open_copy(path: PathBuf, error: StoreError) -> Result<Self, StoreError> {
        let Some(bytes) = fs::read(&path).ok().filter(|bytes| !bytes.is_empty()) else { return Err(error) };
        let copy = || -> Result<Database, DatabaseError> {
            let memory = InMemoryBackend::new();
            let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
            memory.set_len(length).and_then(|()| memory.write(0, &bytes)).map_err(redb::StorageError::from)?;
            Database::builder().create_with_backend(memory)
        };
        let database = copy().map_err(|error| StoreError::open(&path, error))?;
        tracing::error!("changes are refused, because {error}");
        Ok(Self { path, database: Some(database), only_reads: true })
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The start of heddled at which a configuration file became the state last.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn adopted(&self) -> Result<Option<String>, StoreError> {
        self.meta("adopted")
    }

    /// The policy of the host; one that cannot be read is no policy, so that nothing runs by mistake.
    ///
    /// # Errors
    /// When the file cannot be read, or holds what this heddled does not know.
    pub fn policy(&self) -> Result<Policy, StoreError> {
        self.meta("policy")?.map_or_else(|| Ok(Policy::default()), |text| self.parse("meta", "policy", &text))
    }

    fn meta(&self, key: &str) -> Result<Option<String>, StoreError> {
        let Some(database) = &self.database else { return Ok(None) };
        let read = || -> Result<Option<String>, redb::Error> {
            let transaction = database.begin_read()?;
            match transaction.open_table(META) {
                Ok(table) => Ok(table.get(key)?.map(|value| value.value().to_owned())),
                Err(redb::TableError::TableDoesNotExist(_)) => Ok(None),
                Err(error) => Err(error.into()),
            }
        };
        read().map_err(|error| StoreError::read(&self.path, &error))
    }

    /// Writes the present schema and version, after a copy when the file has an older schema.
    fn bring_up_to_date(&mut self, found: Option<&str>) -> Result<(), StoreError> {
        let version = env!("CARGO_PKG_VERSION");
        if let Some(older) = found.filter(|found| *found != SCHEMA.to_string()) {
            self.database = None;
            let copy = self.path.with_extension(format!("redb.schema-{older}"));
            fs::copy(&self.path, &copy).map_err(|error| StoreError::io("copy", &self.path, error))?;
            self.database = Some(open_database(&self.path)?);
            tracing::info!(copy = %copy.display(), from = older, to = SCHEMA, "the stored state is brought up to date");
        }
        self.write(|transaction| {
            schema::migrate(transaction, found)?;
            let mut meta = transaction.open_table(META)?;
            meta.insert("schema", SCHEMA.to_string().as_str())?;
            meta.insert("heddled", version)?;
            transaction.open_table(SWITCHES)?;
            transaction.open_table(PORTS)?;
            transaction.open_table(EXTENSIONS)?;
            Ok(())
        })
    }

    /// Everything stored, parts in order.
    ///
    /// # Errors
    /// When the file cannot be read, or holds what this heddled does not know.
    pub fn load(&self) -> Result<Vec<StoredSwitch>, StoreError> {
        let Some(database) = &self.database else { return Ok(Vec::new()) };
        let rows = read_rows(database).map_err(|error| StoreError::read(&self.path, &error))?;
        let mut switches = Vec::new();
        for (name, text) in &rows.switches {
            let switch: SwitchRecord = self.parse("switch", name, text)?;
            let mut ports = Vec::new();
            for (_, port, order, text) in rows.ports.iter().filter(|row| row.0 == *name) {
                ports.push((*order, self.parse("port", &format!("{name}/{port}"), text)?));
            }
            let mut extensions = Vec::new();
            for (_, id, order, text) in rows.extensions.iter().filter(|row| row.0 == *name) {
                extensions.push(((*order, self.parse("extension", &format!("{name}/{id}"), text)?), id.clone()));
            }
            ports.sort_by_key(|(order, _): &Placed<PortRecord>| *order);
            extensions.sort_by_key(|((order, _), _): &(Placed<ExtensionRecord>, String)| *order);
            switches.push(StoredSwitch { switch, ports, extensions });
        }
        Ok(switches)
    }

    /// Who is in quarantine, oldest first.
    ///
    /// # Errors
    /// When the file cannot be read. A record that is not understood is left out: it keeps nobody from restoring.
    pub fn quarantines(&self) -> Result<Vec<QuarantineView>, StoreError> {
        let Some(database) = &self.database else { return Ok(Vec::new()) };
        let read = || -> Result<Vec<QuarantineView>, redb::Error> {
            let transaction = database.begin_read()?;
            let table = match transaction.open_table(QUARANTINES) {
                Ok(table) => table,
                Err(redb::TableError::TableDoesNotExist(_)) => return Ok(Vec::new()),
                Err(error) => return Err(error.into()),
            };
            let mut records = Vec::new();
            for row in table.iter()? {
                let (key, value) = row?;
                match serde_json::from_str(value.value()) {
                    Ok(record) => records.push(record),
                    Err(error) => tracing::warn!(key = ?key.value(), %error, "a quarantine is not understood and ends"),
                }
            }
            Ok(records)
        };
        let mut records = read().map_err(|error| StoreError::read(&self.path, &error))?;
        records.sort_by_key(|record| record.since_unix_seconds);
        Ok(records)
    }

    fn parse<T: DeserializeOwned>(&self, table: &'static str, key: &str, text: &str) -> Result<T, StoreError> {
        serde_json::from_str(text).map_err(|error| StoreError::Record {
            path: self.path.clone(),
            table,
            key: key.to_owned(),
            reason: error.to_string(),
        })
    }

    /// Makes all of `edits` durable, or none.
    ///
    /// # Errors
    /// When the file cannot be written; then it holds what it held.
    pub fn commit(&mut self, edits: &[Edit<'_>]) -> Result<(), StoreError> {
        self.write(|transaction| edits.iter().try_for_each(|edit| carry_out(transaction, edit)))
    }

    fn write(&mut self, work: impl FnOnce(&WriteTransaction) -> Result<(), redb::Error>) -> Result<(), StoreError> {
        let database = match self.database.take() {
            Some(database) if !self.only_reads => database,
            _ => open_database(&self.path)?,
        };
        self.only_reads = false;
        let attempt = || -> Result<(), redb::Error> {
            let transaction = database.begin_write()?;
            work(&transaction)?;
            transaction.commit().map_err(Into::into)
        };
        attempt().map_err(|error| StoreError::write(&self.path, error))?;
        self.database = Some(database);
        Ok(())
    }
}

/// What a whole state is as edits of an empty store.
#[must_use]
pub fn edits_of(state: &DesiredState) -> Vec<Edit<'_>> {
    let mut edits = vec![Edit::Clear];
    if !state.policy.is_default() {
        edits.push(Edit::PutPolicy(&state.policy));
    }
    for switch in &state.switches {
        edits.push(Edit::PutSwitch(switch));
        edits.extend((0..).zip(&switch.ports).map(|(order, port)| Edit::PutPort(&switch.name, order, port)));
        edits.extend((0..).zip(&switch.extensions).map(|(order, one)| {
            let key = one.id.as_ref().map_or(one.extension.as_str(), |id| id.as_str());
            Edit::PutExtension(&switch.name, order, key, one)
        }));
    }
    edits
}

/// Makes a store with nothing in it. It gets its name when it is whole: a kill meanwhile leaves none.
fn make_empty(path: &Path) -> Result<(), StoreError> {
    let unnamed = path.with_extension("redb.new");
    let system = |step: &'static str| move |error| StoreError::io(step, path, error);
    match fs::remove_file(&unnamed) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(system("begin")(error)),
        _ => {}
    }
    let database = Database::create(&unnamed).map_err(|error| StoreError::open(path, error))?;
    let mut store = Store { path: unnamed.clone(), database: Some(database), only_reads: false };
    store.bring_up_to_date(None)?;
    drop(store);
    fs::rename(&unnamed, path).map_err(system("name"))?;
    let directory = path.parent().map_or_else(|| fs::File::open("."), fs::File::open);
    directory.and_then(|directory| directory.sync_all()).map_err(system("name"))
}

fn open_database(path: &Path) -> Result<Database, StoreError> {
    let deadline = Instant::now() + LET_GO;
    loop {
        match Database::builder().set_cache_size(CACHE_BYTES).open(path) {
            Ok(database) => return Ok(database),
            Err(DatabaseError::DatabaseAlreadyOpen) if Instant::now() < deadline => {
                std::thread::sleep(Duration::from_millis(5));
            }
            Err(error) => return Err(StoreError::open(path, error)),
        }
    }
}

/// All rows as text, keys in order.
#[derive(Default)]
struct Rows {
    switches: Vec<(String, String)>,
    ports: Vec<(String, String, u32, String)>,
    extensions: Vec<(String, String, u32, String)>,
}

fn read_rows(database: &Database) -> Result<Rows, redb::Error> {
    let transaction = database.begin_read()?;
    let mut rows = Rows::default();
    for row in transaction.open_table(SWITCHES)?.iter()? {
        let (key, value) = row?;
        rows.switches.push((key.value().to_owned(), value.value().to_owned()));
    }
    for (definition, into) in [(PORTS, &mut rows.ports), (EXTENSIONS, &mut rows.extensions)] {
        for row in transaction.open_table(definition)?.iter()? {
            let (key, value) = row?;
            let ((switch, name), (order, text)) = (key.value(), value.value());
            into.push((switch.to_owned(), name.to_owned(), order, text.to_owned()));
        }
    }
    Ok(rows)
}

fn json(record: &impl Serialize) -> Result<String, redb::Error> {
    // Records are plain data with text keys; this cannot fail.
    serde_json::to_string(record).map_err(|error| redb::Error::Corrupted(error.to_string()))
}

fn carry_out(transaction: &WriteTransaction, edit: &Edit<'_>) -> Result<(), redb::Error> {
    match edit {
        Edit::PutSwitch(record) => {
            let text = json(&record.without_parts())?;
            transaction.open_table(SWITCHES)?.insert(record.name.as_str(), text.as_str())?;
        }
        Edit::DropSwitch(name) => {
            transaction.open_table(SWITCHES)?.remove(name.as_str())?;
            for parts in [PORTS, EXTENSIONS] {
                transaction.open_table(parts)?.retain(|(switch, _), _| switch != name.as_str())?;
            }
        }
        Edit::PutPort(switch, order, record) => {
            let key = (switch.as_str(), record.name.as_str());
            transaction.open_table(PORTS)?.insert(key, (*order, json(record)?.as_str()))?;
        }
        Edit::DropPort(switch, name) => {
            transaction.open_table(PORTS)?.remove((switch.as_str(), *name))?;
        }
        Edit::PutExtension(switch, order, id, record) => {
            transaction.open_table(EXTENSIONS)?.insert((switch.as_str(), *id), (*order, json(record)?.as_str()))?;
        }
        Edit::DropExtension(switch, id) => {
            transaction.open_table(EXTENSIONS)?.remove((switch.as_str(), *id))?;
        }
        Edit::PutPolicy(policy) => {
            transaction.open_table(META)?.insert("policy", json(policy)?.as_str())?;
        }
        Edit::Adopted(start) => {
            transaction.open_table(META)?.insert("adopted", *start)?;
        }
        Edit::Quarantines(records) => {
            let mut table = transaction.open_table(QUARANTINES)?;
            table.retain(|_, _| false)?;
            for record in *records {
                table.insert((record.switch.as_str(), record.id.as_str()), json(record)?.as_str())?;
            }
        }
        Edit::Clear => {
            transaction.open_table(SWITCHES)?.retain(|_, _| false)?;
            transaction.open_table(PORTS)?.retain(|_, _| false)?;
            transaction.open_table(EXTENSIONS)?.retain(|_, _| false)?;
            transaction.open_table(META)?.remove("policy")?;
        }
    }
    Ok(())
}
