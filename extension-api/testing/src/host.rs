//! What the extension did to the host, and how the host is told to refuse.
//!
//! Plain data behind one lock; the C functions that fill it are in `table`.

use std::collections::HashMap;

use heddle_extension_api::abi::packet::Packet;
use heddle_extension_api::abi::status::OK;
use heddle_extension_api::Level;

/// A line of the extension's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// How grave it is.
    pub level: Level,
    /// What it says.
    pub text: String,
}

/// A datagram the extension sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Datagram {
    /// `ADDR:PORT`.
    pub address: String,
    /// What it carries.
    pub payload: Vec<u8>,
}

/// A frame the extension put into the ingress leg below itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Injected {
    /// The frame.
    pub bytes: Vec<u8>,
    /// The port it claims to come from; 0 = trusted, no port policy.
    pub source_port: u32,
    /// Where a forwarding extension sent it itself; empty when the switch forwards it.
    pub to: Vec<u32>,
}

/// A host function that can be made to refuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum HostCall {
    /// `counter_register`.
    CounterRegister,
    /// `drop_reason_register`.
    DropReasonRegister,
    /// `group_create`.
    GroupCreate,
    /// `send_datagram`.
    SendDatagram,
    /// `make_writable`.
    MakeWritable,
    /// `hold`.
    Hold,
    /// `originate`.
    Originate,
    /// `clone_packet`.
    ClonePacket,
    /// `inject`.
    Inject,
}

/// A port of the test switch.
#[derive(Clone, Debug)]
pub(crate) struct Port {
    pub(crate) id: u32,
    pub(crate) name: String,
}

/// All of it.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) log: Vec<LogLine>,
    pub(crate) counters: Vec<(String, u64)>,
    /// Id and text; the code is the position and [`FIRST_REASON`].
    pub(crate) drop_reasons: Vec<(String, String)>,
    pub(crate) groups: Vec<Vec<u32>>,
    pub(crate) ports: Vec<Port>,
    pub(crate) datagrams: Vec<Datagram>,
    pub(crate) injected: Vec<Injected>,
    pub(crate) released: Vec<Vec<u8>>,
    pub(crate) discarded: Vec<(Vec<u8>, u16)>,
    /// Frames the extension holds, by handle.
    pub(crate) held: HashMap<u64, Vec<u8>>,
    /// Drafts that are neither injected nor discarded.
    pub(crate) drafts: HashMap<u64, Packet>,
    pub(crate) refusals: HashMap<HostCall, i32>,
    /// References taken: port, NIC or none for the port itself, how many.
    pub(crate) references: HashMap<(u32, Option<u32>), u32>,
    /// Calls that broke the contract.
    pub(crate) violations: Vec<String>,
    pub(crate) writable: Vec<bool>,
    pub(crate) handles: u64,
    pub(crate) draft_slots: u32,
    /// Whether a data-path call is running, and on which leg.
    pub(crate) ingress_call: bool,
}

/// Code of the first registered drop reason.
pub(crate) const FIRST_REASON: u16 = 1000;

impl State {
    pub(crate) fn refusal(&self, call: HostCall) -> i32 {
        self.refusals.get(&call).copied().unwrap_or(OK)
    }

    pub(crate) fn new_handle(&mut self) -> u64 {
        self.handles += 1;
        // A generation in the upper half, as a switch has.
        7 << 32 | self.handles
    }

    pub(crate) fn reason(&self, code: u16) -> String {
        let registered = code.checked_sub(FIRST_REASON).and_then(|at| self.drop_reasons.get(usize::from(at)));
        match registered {
            Some((id, _)) => id.clone(),
            None if code == 0 => "unspecified".to_owned(),
            None => format!("unregistered drop reason {}", code),
        }
    }

    pub(crate) fn violation(&mut self, text: String) {
        if self.violations.len() < 64 {
            self.violations.push(text);
        }
    }
}
