//! Why an extension is refused: one line each, naming what was found, what was expected and what to do.

/// Why an extension cannot be loaded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LoadError {
    /// The policy of the host keeps it out.
    #[error("{reason}")]
    Policy {
        /// What it lacks, and what to do.
        reason: String,
    },
    /// Others than its owner and root may change the file.
    #[error(
        "{path} {reason}, so anybody could have code of theirs run here; chmod o-w it, or move it where only root writes"
    )]
    Open {
        /// The file or directory.
        path: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The file is another one than was enabled.
    #[error(
        "the file has changed since it was enabled (SHA-256 was {was}, is {is}); enable it again if that is wanted, or put \
         the former file back"
    )]
    Changed {
        /// Digest at the time it was enabled.
        was: String,
        /// Digest of what lies there.
        is: String,
    },
    /// The file cannot be read.
    #[error("{path} cannot be read: {reason}; check the path and its permissions")]
    Unreadable {
        /// The file.
        path: String,
        /// The system's answer.
        reason: String,
    },
    /// Not an ELF file at all.
    #[error("not an ELF file; give a shared object (.so)")]
    NotElf,
    /// An ELF file that ends too early or contradicts itself.
    #[error("damaged ELF file: {reason}; copy or build it again")]
    DamagedElf {
        /// What is wrong with it.
        reason: String,
    },
    /// For another processor.
    #[error("built for {found}, this host is {host}; build it for {host}")]
    WrongArchitecture {
        /// Of the file.
        found: String,
        /// Of this host.
        host: &'static str,
    },
    /// Not a shared object.
    #[error("an ELF {found}, not a shared object; build it as a cdylib or with -shared")]
    NotShared {
        /// What it is.
        found: &'static str,
    },
    /// A symbol every extension exports is not there.
    #[error("symbol `{symbol}` is missing; it is not a Heddle extension, or was built without export_extension!")]
    MissingSymbol {
        /// The symbol.
        symbol: &'static str,
    },
    /// The metadata does not start as it must.
    #[error("`heddle_extension_meta` has the wrong magic; it is not a Heddle extension")]
    BadMagic,
    /// The metadata has another size than this major's.
    #[error("metadata has {found} bytes, ABI {major} has {expected}; build it with the SDK of ABI {major}")]
    MetaSize {
        /// Size found.
        found: u32,
        /// Size expected.
        expected: u32,
        /// The host's major.
        major: u16,
    },
    /// Other byte order.
    #[error("built big-endian, this host is little-endian; build it for this host")]
    Endianness,
    /// Another ABI major.
    #[error("built for ABI {found}, this host has ABI {host}; get a build for ABI {host}")]
    AbiMajor {
        /// Major of the extension.
        found: u16,
        /// Major of the host.
        host: u16,
    },
    /// Needs a newer host.
    #[error("needs at least ABI {major}.{needed}, this host has {major}.{host}; upgrade Heddle or get an older build")]
    HostTooOld {
        /// The common major.
        major: u16,
        /// Minor it needs.
        needed: u16,
        /// Minor of the host.
        host: u16,
    },
    /// An unknown role.
    #[error("role {found} is unknown to this host; roles are 1 capture, 2 filter, 3 forwarding, 4 service")]
    UnknownRole {
        /// The role.
        found: u8,
    },
    /// Capabilities this host does not know.
    #[error("asks for capabilities {unknown:#x} this host does not know; upgrade Heddle or get an older build")]
    UnknownCapabilities {
        /// The unknown bits.
        unknown: u64,
    },
    /// A text of the metadata is empty where it must not be, not UTF-8, or has forbidden characters.
    #[error("metadata field `{field}` {reason}; correct it in the extension")]
    BadText {
        /// The field.
        field: &'static str,
        /// What is wrong.
        reason: &'static str,
    },
    /// The layout table differs.
    #[error("{0}; build it with this ABI's SDK")]
    Layout(String),
    /// The function table is too short to be one.
    #[error(
        "function table says it has {found} bytes, ABI {major}.0 has {least}; build it with the SDK of ABI {major}"
    )]
    EntrySize {
        /// Size it states.
        found: u32,
        /// Least size.
        least: u32,
        /// The host's major.
        major: u16,
    },
    /// A required function is absent.
    #[error("function `{slot}` is missing from its table; a {role} extension must have it")]
    MissingFunction {
        /// The slot.
        slot: &'static str,
        /// Its role.
        role: &'static str,
    },
    /// The dynamic linker refused it.
    #[error("the dynamic linker refused it: {reason}")]
    Linker {
        /// Its words.
        reason: String,
    },
    /// The private copy could not be made.
    #[error("cannot be copied to {path}: {reason}; check space and permissions of the run directory")]
    Copy {
        /// Where to.
        path: String,
        /// The system's answer.
        reason: String,
    },
    /// Too many generations are mapped already.
    #[error("{limit} extension libraries are mapped, which is the most; restart heddled to drop the dormant ones")]
    TooMany {
        /// The limit.
        limit: usize,
    },
}
