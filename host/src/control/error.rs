//! Everything the control plane can answer other than yes.
//!
//! One variant per situation, each with the data of it; each displays as one sentence that names the thing, the reason
//! and the fix. What a variant means to a program is its [`ErrorClass`], and [`ErrorClass::TABLE`] is the only place where
//! classes, gRPC codes, exit codes and their meaning in `heddle --help` are put together.

use super::model::{DeviceName, ExtensionId, InvalidValue, MacAddress, PortKind, PortName, SwitchName, SwitchType};
use tonic::Code;

/// What kind of "no" an error is, for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorClass {
    /// None of the others: a defect or an unexpected system error.
    Other,
    /// The command line itself makes no sense.
    Usage,
    /// Something named does not exist.
    NotFound,
    /// A name is taken.
    AlreadyExists,
    /// A value, or the request in the present state, is refused.
    Refused,
    /// The caller, or the daemon, lacks the right.
    Permission,
    /// No daemon answers.
    Unreachable,
    /// A limit is reached or the daemon is busy; trying later may help.
    Limit,
    /// An extension could not be loaded, or an extension vetoed the request.
    Extension,
    /// A network device is missing or does not do its part.
    Device,
}

/// A row of [`ErrorClass::TABLE`].
#[derive(Debug, Clone, Copy)]
pub struct ErrorClassRow {
    /// The class.
    pub class: ErrorClass,
    /// Its name on the wire (gRPC metadata `heddle-error-class`) and in `--json` errors.
    pub name: &'static str,
    /// The gRPC code a client in another language sees.
    pub code: Code,
    /// Exit code of `heddle`.
    pub exit: u8,
    /// One line for `heddle --help`.
    pub meaning: &'static str,
}

const fn row(class: ErrorClass, name: &'static str, code: Code, exit: u8, meaning: &'static str) -> ErrorClassRow {
    ErrorClassRow { class, name, code, exit, meaning }
}

impl ErrorClass {
    /// The one table. Exit code 0 is success and has no row.
    pub const TABLE: [ErrorClassRow; 10] = [
        row(Self::Other, "other", Code::Internal, 1, "any other failure"),
        row(Self::Usage, "usage", Code::OutOfRange, 2, "the command line is wrong"),
        row(Self::NotFound, "not-found", Code::NotFound, 3, "no such switch, port or extension"),
        row(Self::AlreadyExists, "already-exists", Code::AlreadyExists, 4, "the name is taken"),
        row(Self::Refused, "refused", Code::InvalidArgument, 5, "a value is invalid or the request is refused"),
        row(Self::Permission, "permission", Code::PermissionDenied, 6, "permission denied"),
        row(Self::Unreachable, "unreachable", Code::Unavailable, 7, "the daemon cannot be reached"),
        row(Self::Limit, "limit", Code::ResourceExhausted, 8, "a limit is reached or the daemon is busy"),
        row(Self::Extension, "extension", Code::Aborted, 9, "an extension could not be loaded or refused"),
        row(Self::Device, "device", Code::FailedPrecondition, 10, "trouble with a network device"),
    ];

    /// The row of this class.
    #[must_use]
    pub fn row(self) -> ErrorClassRow {
        let [other, ..] = Self::TABLE;
        Self::TABLE.into_iter().find(|row| row.class == self).unwrap_or(other)
    }

    /// The class with this wire name.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        Self::TABLE.into_iter().find(|row| row.name == name).map(|row| row.class)
    }

    /// The class a gRPC code stands for, when a peer sent no class name.
    #[must_use]
    pub fn by_code(code: Code) -> Self {
        Self::TABLE.into_iter().find(|row| row.code == code).map_or(Self::Other, |row| row.class)
    }
}

/// " (did you mean 'x'?)" or nothing.
fn hint(nearest: Option<&str>) -> String {
    nearest.map_or_else(String::new, |name| format!(", nearest is '{name}'"))
}

/// A moment in words.
fn utc(unix_seconds: u64) -> String {
    // Until the year 9999, which is as far as the words go.
    let seconds = unix_seconds.min(253_402_300_799);
    humantime::format_rfc3339_seconds(std::time::UNIX_EPOCH + std::time::Duration::from_secs(seconds)).to_string()
}

/// What is installed, and what to do about it.
fn installed(version: &str, place: Option<&str>, new: Option<&str>) -> String {
    match (place, new) {
        (None, _) => format!("version {version} is built into heddled; enable it by its identifier"),
        (Some(place), None) => format!("{place} is the same file; enable it by its identifier"),
        (Some(place), Some(new)) if new == version => {
            format!("{place} is another build of version {version}; uninstall it first")
        }
        (Some(place), Some(new)) => format!("{place} is version {version}, not {new}; uninstall it first"),
    }
}

/// Why a request was not carried out. Its kebab-case name travels beside the class and is stable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, strum::VariantNames, strum::IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
pub enum ControlError {
    /// The switch does not exist.
    #[error("switch '{name}' does not exist{}; `heddle switch list` shows the ones that do", hint(nearest.as_deref()))]
    NoSuchSwitch {
        /// What was asked for; text, because a name that fails validation does not exist either.
        name: String,
        /// The existing name most like it.
        nearest: Option<String>,
    },
    /// The port does not exist on this switch.
    #[error("port '{port}' does not exist on switch '{switch}'{}; `heddle port list {switch}` shows the ones that do", hint(nearest.as_deref()))]
    NoSuchPort {
        /// The switch.
        switch: SwitchName,
        /// What was asked for.
        port: String,
        /// The existing name most like it.
        nearest: Option<String>,
    },
    /// No extension of this identifier is installed.
    #[error("extension '{id}' is not installed{}; `heddle extension list` shows the ones that are, or give the path of a .so", hint(nearest.as_deref()))]
    NoSuchExtension {
        /// What was asked for.
        id: String,
        /// The installed identifier most like it.
        nearest: Option<String>,
    },
    /// The extension is installed but not enabled here.
    #[error("extension '{id}' is not enabled on switch '{switch}'{}; `heddle extension list {switch}` shows the ones that are", hint(nearest.as_deref()))]
    ExtensionNotEnabled {
        /// The switch.
        switch: SwitchName,
        /// What was asked for.
        id: ExtensionId,
        /// The enabled identifier most like it.
        nearest: Option<String>,
    },
    /// The name of a new switch is taken.
    #[error("switch '{name}' already exists; choose another name or delete it with `heddle switch delete {name}`")]
    SwitchExists {
        /// The name.
        name: SwitchName,
    },
    /// The name of a new port is taken.
    #[error(
        "port '{port}' already exists on switch '{switch}'; choose another name or change it with `heddle port set {switch} {port}`"
    )]
    PortExists {
        /// The switch.
        switch: SwitchName,
        /// The name.
        port: PortName,
    },
    /// The extension is enabled already.
    #[error(
        "extension '{id}' is already enabled on switch '{switch}'; disable it first to enable it with another configuration"
    )]
    ExtensionEnabled {
        /// The switch.
        switch: SwitchName,
        /// The extension.
        id: ExtensionId,
    },
    /// A value does not pass validation.
    #[error("{0}")]
    Invalid(#[from] InvalidValue),
    /// A switch has at most one external port.
    #[error("switch '{switch}' already has its external port '{holder}'; remove that one first or use another --kind")]
    ExternalPortTaken {
        /// The switch.
        switch: SwitchName,
        /// The port that is external.
        holder: PortName,
    },
    /// The type of the switch has no room for this kind of port.
    #[error(
        "{switch_type} switch '{switch}' takes no {kind} port; use another --kind or create a switch of another --type"
    )]
    KindNotOnSwitch {
        /// The switch.
        switch: SwitchName,
        /// Its type.
        switch_type: SwitchType,
        /// The kind asked for.
        kind: PortKind,
    },
    /// The setting is given once, when the port is added.
    #[error(
        "{setting} of port '{port}' on switch '{switch}' is fixed when the port is added; remove the port and add it again"
    )]
    FixedAtCreation {
        /// The switch.
        switch: SwitchName,
        /// The port.
        port: PortName,
        /// The option's name.
        setting: &'static str,
    },
    /// The address already belongs to a port of the switch.
    #[error("MAC address {mac} is already assigned to port '{holder}' of switch '{switch}'; give another --mac")]
    MacTaken {
        /// The switch.
        switch: SwitchName,
        /// The address.
        mac: MacAddress,
        /// The port that has it.
        holder: PortName,
    },
    /// The device already carries a port.
    #[error(
        "device '{device}' is already in use by port '{port}' of switch '{switch}'; remove that port first or give another --device"
    )]
    DeviceInUse {
        /// The device.
        device: DeviceName,
        /// The switch of the port.
        switch: SwitchName,
        /// The port.
        port: PortName,
    },
    /// At most one forwarding extension is enabled on a switch.
    #[error("switch '{switch}' already has the forwarding extension '{holder}'; disable it before enabling '{id}'")]
    SecondForwarding {
        /// The switch.
        switch: SwitchName,
        /// The forwarding extension in place.
        holder: String,
        /// The one refused.
        id: String,
    },
    /// The request does not fit the present state and none of the other variants says it better.
    #[error("{thing} {reason}; {fix}")]
    Refused {
        /// What it is about, with its kind: `port 'p1' of switch 's'`.
        thing: String,
        /// What is wrong, as the rest of the sentence.
        reason: String,
        /// What to do, as an imperative.
        fix: String,
    },
    /// The caller may not do this.
    #[error("user id {uid} may not {action}; {fix}")]
    NotPermitted {
        /// The caller.
        uid: u32,
        /// What it tried: `change the switch`, `read from the daemon`.
        action: &'static str,
        /// Who may.
        fix: &'static str,
    },
    /// The daemon may not do this.
    #[error("heddled lacks the permission to {action}: {reason}; start it as root or use --backend memory")]
    DaemonLacksPermission {
        /// What it tried: `open /dev/net/tun`.
        action: String,
        /// What the kernel answered.
        reason: String,
    },
    /// A fixed number of something is used up.
    #[error("the limit of {limit} {what} is reached; {fix}")]
    LimitReached {
        /// What is counted: `switches`, `ports on switch 's'`.
        what: String,
        /// How many there may be.
        limit: u64,
        /// What to do.
        fix: String,
    },
    /// The daemon is doing something that excludes this request.
    #[error("{thing} is busy: {reason}; try again")]
    Busy {
        /// What is busy.
        thing: String,
        /// With what.
        reason: String,
    },
    /// The daemon works on as many requests as it may; nothing of this one was done, so `heddle` asks again.
    #[error("heddled is busy: it is working on {limit} requests; try again")]
    Occupied {
        /// Requests at a time.
        limit: u64,
    },
    /// A library could not become an extension.
    #[error("extension '{extension}' was not enabled: {reason}")]
    ExtensionRejected {
        /// Path or identifier.
        extension: String,
        /// The loader's sentence: what is wrong and what to do.
        reason: String,
    },
    /// A file could not be installed as an extension.
    #[error("extension '{extension}' was not installed: {reason}")]
    ExtensionNotInstalled {
        /// Its path.
        extension: String,
        /// What is wrong and what to do.
        reason: String,
    },
    /// The extension is in quarantine on this switch.
    #[error("extension '{id}' is quarantined on switch '{switch}' since {}: {reason}; `heddle quarantine clear --switch {switch} {id}` lets it run again", utc(*.since_unix_seconds))]
    ExtensionQuarantined {
        /// The switch.
        switch: SwitchName,
        /// The extension.
        id: ExtensionId,
        /// What it did.
        reason: String,
        /// Since when, in seconds since 1970.
        since_unix_seconds: u64,
    },
    /// The extension is not in quarantine on this switch.
    #[error("extension '{id}' is not quarantined on switch '{switch}'{}; `heddle quarantine list {switch}` shows the ones that are", hint(nearest.as_deref()))]
    NotQuarantined {
        /// The switch.
        switch: SwitchName,
        /// What was asked for.
        id: ExtensionId,
        /// The quarantined identifier most like it.
        nearest: Option<String>,
    },
    /// An extension of this identifier is installed already.
    #[error("extension '{id}' is already installed: {}", installed(.version, .place.as_deref(), .new.as_deref()))]
    ExtensionInstalled {
        /// The extension.
        id: ExtensionId,
        /// The version that is installed.
        version: String,
        /// Its file; `None` when it is built in.
        place: Option<String>,
        /// The version of the file refused; `None` when it is the same file.
        new: Option<String>,
    },
    /// The extension is enabled, so its file stays.
    #[error("extension '{id}' is enabled on {switches}; disable it there before it is uninstalled")]
    ExtensionInUse {
        /// The extension.
        id: ExtensionId,
        /// `switch 'a'`, `switches 'a', 'b'`.
        switches: String,
    },
    /// An enabled extension vetoed the request.
    #[error("extension '{extension}' refused {request}: {reason}; disable it or change the request")]
    ExtensionVeto {
        /// The extension.
        extension: String,
        /// What it refused: `port 'p1'`.
        request: String,
        /// Its status or log line.
        reason: String,
    },
    /// An enabled extension cannot do what is asked for now.
    #[error("extension '{extension}' cannot take {request} now: {reason}; try again later")]
    ExtensionNotNow {
        /// The extension.
        extension: String,
        /// What it cannot take: `port 'p1'`.
        request: String,
        /// Its own words.
        reason: String,
    },
    /// The device does not exist.
    #[error("device '{device}' does not exist{}; `ip link` shows the ones that do", hint(nearest.as_deref()))]
    NoSuchDevice {
        /// The device.
        device: String,
        /// The existing name most like it.
        nearest: Option<String>,
    },
    /// The device exists and does not do what is needed.
    #[error("device '{device}' {reason}; {fix}")]
    DeviceTrouble {
        /// The device.
        device: String,
        /// What is wrong, as the rest of the sentence.
        reason: String,
        /// What to do.
        fix: String,
    },
    /// The change could be made but not stored, and was undone.
    #[error("nothing was changed, because the change cannot be kept: {reason}")]
    NotStored {
        /// The store's sentence: what is wrong and what to do.
        reason: String,
        /// What that means to a program.
        class: ErrorClass,
    },
    /// A defect or an unexpected system error.
    #[error("{what} failed: {reason}; see the log of heddled")]
    Internal {
        /// What was attempted.
        what: String,
        /// What came back.
        reason: String,
    },
}

impl ControlError {
    /// The variant's stable name, as in `no-such-switch`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.into()
    }

    /// What the error means to a program.
    #[must_use]
    pub const fn class(&self) -> ErrorClass {
        match self {
            Self::NoSuchSwitch { .. }
            | Self::NoSuchPort { .. }
            | Self::NoSuchExtension { .. }
            | Self::ExtensionNotEnabled { .. }
            | Self::NotQuarantined { .. } => ErrorClass::NotFound,
            Self::SwitchExists { .. }
            | Self::PortExists { .. }
            | Self::ExtensionEnabled { .. }
            | Self::ExtensionInstalled { .. } => ErrorClass::AlreadyExists,
            Self::Invalid(_)
            | Self::ExternalPortTaken { .. }
            | Self::KindNotOnSwitch { .. }
            | Self::FixedAtCreation { .. }
            | Self::MacTaken { .. }
            | Self::DeviceInUse { .. }
            | Self::SecondForwarding { .. }
            | Self::ExtensionInUse { .. }
            | Self::Refused { .. } => ErrorClass::Refused,
            Self::NotPermitted { .. } | Self::DaemonLacksPermission { .. } => ErrorClass::Permission,
            Self::LimitReached { .. } | Self::Busy { .. } | Self::Occupied { .. } | Self::ExtensionNotNow { .. } => {
                ErrorClass::Limit
            }
            Self::ExtensionRejected { .. }
            | Self::ExtensionNotInstalled { .. }
            | Self::ExtensionQuarantined { .. }
            | Self::ExtensionVeto { .. } => ErrorClass::Extension,
            Self::NoSuchDevice { .. } | Self::DeviceTrouble { .. } => ErrorClass::Device,
            Self::NotStored { class, .. } => *class,
            Self::Internal { .. } => ErrorClass::Other,
        }
    }
}
