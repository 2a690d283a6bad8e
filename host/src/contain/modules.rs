//! Which code lies where: executable mappings of this process, for the stacks of crash records.
//!
//! Read from `/proc/self/maps` when containment is armed and after each library is opened, because a signal handler
//! cannot. A table is never freed, since a handler may be reading it; tables are bounded like libraries are.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// Tables, one for each time code was mapped: as many as libraries, and the first.
const TABLES: usize = crate::loader::MAPPED_MAX + 1;

/// An extension whose code is in this process.
#[derive(Debug)]
pub struct Owner {
    /// Its identifier.
    pub extension: String,
    /// SHA-256 of its file, in hexadecimal.
    pub sha256: String,
}

/// A stretch of executable memory.
#[derive(Debug)]
struct Module {
    start: usize,
    end: usize,
    /// Where address 0 of the file would be.
    bias: usize,
    name: String,
    /// Whose it is; `None` for code of the switch and of libraries.
    owner: Option<Arc<Owner>>,
}

static ALL: [OnceLock<Vec<Module>>; TABLES] = [const { OnceLock::new() }; TABLES];
static COUNT: AtomicUsize = AtomicUsize::new(0);

/// Owners by the name of their file; as many as libraries.
static OWNERS: Mutex<BTreeMap<String, Arc<Owner>>> = Mutex::new(BTreeMap::new());

/// Says whose the code of a file is that is about to be opened. Not for signal handlers.
pub fn is_of(file: &str, extension: &str, sha256: &str) {
    let owner = Owner { extension: extension.to_owned(), sha256: sha256.to_owned() };
    let mut owners = OWNERS.lock().unwrap_or_else(PoisonError::into_inner);
    owners.insert(file.to_owned(), Arc::new(owner));
}

/// Looks at the process anew. Not for signal handlers.
pub fn refresh() {
    let mut table = read(&std::fs::read_to_string("/proc/self/maps").unwrap_or_default());
    let owners = OWNERS.lock().unwrap_or_else(PoisonError::into_inner);
    table.iter_mut().for_each(|module| module.owner = owners.get(&module.name).cloned());
    drop(owners);
    let at = COUNT.fetch_add(1, Ordering::AcqRel);
    if let Some(place) = ALL.get(at) {
        // Nobody else has this number.
        let _ = place.set(table);
    }
}

fn read(maps: &str) -> Vec<Module> {
    let mut modules: Vec<Module> = Vec::new();
    let mut first = (0, "");
    for line in maps.lines() {
        let mut words = line.split_ascii_whitespace();
        let (Some(range), Some(rights)) = (words.next(), words.next()) else { continue };
        let Some(path) = words.nth(3) else { continue };
        let number = |text: &str| usize::from_str_radix(text, 16).ok();
        let Some((start, end)) = range.split_once('-').and_then(|(a, b)| Some((number(a)?, number(b)?))) else {
            continue;
        };
        // The first mapping of a file is of its beginning.
        if first.1 != path {
            first = (start, path);
        }
        if rights.contains('x') {
            let name = path.rsplit('/').next().unwrap_or(path).to_owned();
            modules.push(Module { start, end, bias: first.0, name, owner: None });
        }
    }
    modules
}

fn module(address: usize) -> Option<&'static Module> {
    let newest = COUNT.load(Ordering::Acquire).min(TABLES);
    // One that is being made is not there yet; the one before it knows nearly as much.
    let table = ALL.get(..newest)?.iter().rev().find_map(OnceLock::get)?;
    table.iter().find(|module| (module.start..module.end).contains(&address))
}

/// The file an address of code belongs to, and the address within it as debuggers count. Async-signal-safe.
pub fn find(address: usize) -> Option<(&'static str, usize)> {
    module(address).map(|module| (module.name.as_str(), address - module.bias))
}

/// The extension whose code lies at an address. Async-signal-safe.
pub fn owner(address: usize) -> Option<&'static Owner> {
    module(address)?.owner.as_deref()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_counted_from_the_beginning_of_their_file() {
        let maps = "1000-2000 r--p 00000000 08:01 5   /run/a/libx.1.so\n\
                    2000-5000 r-xp 00001000 08:01 5   /run/a/libx.1.so\n\
                    7000-8000 r-xp 00000000 00:00 0   [vdso]\n\
                    9000-9800 rw-p 00000000 00:00 0\n";
        let modules = read(maps);
        let told: Vec<_> = modules.iter().map(|one| (one.start, one.bias, one.name.as_str())).collect();
        assert_eq!(told, [(0x2000, 0x1000, "libx.1.so"), (0x7000, 0x7000, "[vdso]")]);
    }

    #[test]
    fn this_code_is_found() {
        refresh();
        let here = this_code_is_found as fn() as usize;
        let (name, offset) = find(here).unwrap();
        assert!(name.starts_with("heddle_host") && offset < here, "{name}+{offset:#x}");
        assert_eq!(find(8), None);
        assert!(owner(here).is_none(), "it is no extension's");
        let file = std::env::current_exe().unwrap().file_name().unwrap().to_string_lossy().into_owned();
        is_of(&file, "org.example.a", "ab");
        refresh();
        let told = owner(here).map(|owner| (owner.extension.as_str(), owner.sha256.as_str()));
        assert_eq!(told, Some(("org.example.a", "ab")));
    }
}
