//! A switch that consists of one extension: its life, its calls, and what became of each frame.
//!
//! An unsafe island: it calls the extension's functions as a switch does, with an instance and a context that it made
//! and destroys in the order the ABI states, one call at a time.
#![allow(unsafe_code)]

use std::ffi::c_void;
use std::ptr;

use heddle_extension_api::abi::config::ConfigV1;
use heddle_extension_api::abi::control::{
    Event, PortInfo, EVENT_NIC_CONNECT, EVENT_NIC_CREATE, EVENT_NIC_DELETE, EVENT_NIC_DISCONNECT, EVENT_PORT_CREATE,
    EVENT_PORT_DELETE, EVENT_PORT_TEARDOWN, EVENT_SWITCH_ACTIVATE, EVENT_SWITCH_CREATE, EVENT_SWITCH_DELETE,
};
use heddle_extension_api::abi::entry::ExtensionV1;
use heddle_extension_api::abi::host::Host;
use heddle_extension_api::abi::meta::{ROLE_CAPTURE, ROLE_FORWARDING};
use heddle_extension_api::abi::packet::{
    Batch, OffloadFacts, Packet, BATCH_MAX, LEG_EGRESS, LEG_INGRESS, VERDICT_DROP, VERDICT_HOLD, VERDICT_PASS,
    VERDICT_TO_GROUP, VERDICT_TO_PORT,
};
use heddle_extension_api::abi::status::{Bytes, ErrorText, OK};
use heddle_extension_api::Exported;

use crate::frame::Frame;
use crate::host::{Datagram, HostCall, Injected, LogLine, Port, State};
use crate::lab::{Lab, FRAME_MAX};
use crate::table::{host_table, port_info};

/// What the extension decided about a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It goes on. For a forwarding extension on ingress that means: no decision, so a switch would drop it.
    Passed,
    /// It is dropped, on egress this one delivery, for the reason with this id.
    Dropped(String),
    /// The extension keeps it for later.
    Held,
    /// It goes to this port.
    ToPort(u32),
    /// It goes to these ports, except the one it came from.
    ToPorts(Vec<u32>),
}

/// A frame after the call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// What the extension decided.
    pub fate: Fate,
    /// The bytes as they are now.
    pub bytes: Vec<u8>,
    /// Whether the bytes are others than before.
    pub changed: bool,
    /// The mark extensions below it see.
    pub mark: u32,
}

/// What a test switch is made of.
pub struct TestSwitchBuilder {
    exported: &'static Exported,
    config: String,
    ports: Vec<Port>,
    refusals: Vec<(HostCall, i32)>,
}

impl TestSwitchBuilder {
    /// A configuration key.
    pub fn config(mut self, key: &str, value: &str) -> Self {
        self.config.push_str(&format!("{}={}\n", key, value));
        self
    }

    /// A port that is there from the start.
    pub fn port(mut self, id: u32, name: &str) -> Self {
        self.ports.push(Port { id, name: name.to_owned() });
        self
    }

    /// Makes a host function refuse from the start, as during `create`; `status` as in the module `abi::status`.
    pub fn refuse(mut self, call: HostCall, status: i32) -> Self {
        self.refusals.push((call, status));
        self
    }

    /// Creates the extension's instance and its worker, tells of the ports, and activates the switch.
    ///
    /// # Errors
    /// What the extension says when it refuses.
    pub fn start(self) -> Result<TestSwitch, String> {
        let state = State { refusals: self.refusals.into_iter().collect(), ..State::default() };
        let lab = Lab::new(state);
        let host = host_table(&lab);
        let entry = *self.exported.entry;
        let mut switch = TestSwitch {
            entry,
            role: self.exported.meta.role,
            host,
            lab,
            instance: ptr::null_mut(),
            context: ptr::null_mut(),
            now_ns: 1_000_000_000,
        };
        switch.create(&self.config)?;
        switch.event(EVENT_SWITCH_CREATE, None)?;
        for port in self.ports {
            switch.add_port(port.id, &port.name)?;
        }
        switch.event(EVENT_SWITCH_ACTIVATE, None)?;
        Ok(switch)
    }
}

/// An extension that runs.
pub struct TestSwitch {
    entry: ExtensionV1,
    role: u8,
    // Behind the extension's functions, so dropped after `Drop::drop` has ended it.
    host: Box<Host>,
    lab: Box<Lab>,
    instance: *mut c_void,
    context: *mut c_void,
    now_ns: u64,
}

pub(crate) fn failure(function: &str, status: i32, text: &ErrorText) -> Result<(), String> {
    if status == OK {
        return Ok(());
    }
    let length = (text.length as usize).min(text.text.len());
    let words = String::from_utf8_lossy(&text.text[..length]).into_owned();
    if words.is_empty() {
        Err(format!("`{}` returned status {}", function, status))
    } else {
        Err(words)
    }
}

impl TestSwitch {
    /// A switch for the extension with these tables: `&EXPORTED`, which `export_extension!` makes.
    #[allow(clippy::new_ret_no_self)]
    pub fn new(exported: &'static Exported) -> TestSwitchBuilder {
        TestSwitchBuilder { exported, config: String::new(), ports: Vec::new(), refusals: Vec::new() }
    }

    fn create(&mut self, config: &str) -> Result<(), String> {
        let mut text = ErrorText::default();
        let config = Bytes { data: config.as_ptr(), length: config.len() as u64 };
        if let Some(create) = self.entry.create {
            // SAFETY: host table, configuration and out pointers are valid for the call, the table until `destroy`.
            let status = unsafe { create(&*self.host, config, &mut self.instance, &mut text) };
            failure("create", status, &text)?;
        }
        if let Some(worker_init) = self.entry.worker_init {
            // SAFETY: the instance `create` made, and a valid out pointer.
            let status = unsafe { worker_init(self.instance, 0, &mut self.context) };
            failure("worker_init", status, &text)?;
        }
        Ok(())
    }

    fn event(&mut self, kind: u32, port: Option<&PortInfo>) -> Result<(), String> {
        let function = match self.entry.event {
            Some(function) => function,
            None => return Ok(()),
        };
        let name = "test";
        let event = Event {
            struct_size: std::mem::size_of::<Event>() as u32,
            kind,
            port: port.map_or(0, |info| info.port),
            nic: 0,
            info: port.map_or(ptr::null(), |info| info),
            switch_name: Bytes { data: name.as_ptr(), length: name.len() as u64 },
        };
        let mut text = ErrorText::default();
        // SAFETY: the instance `create` made; event, port and text are valid for the call.
        let status = unsafe { function(self.instance, &event, &mut text) };
        failure("event", status, &text)
    }

    /// Adds a port: it is created, and its NIC created and connected.
    ///
    /// # Errors
    /// What the extension says when it vetoes the port; the port is then not there.
    pub fn add_port(&mut self, id: u32, name: &str) -> Result<(), String> {
        let info = port_info(id, name);
        self.lab.state().ports.push(Port { id, name: name.to_owned() });
        let accepted = self
            .event(EVENT_PORT_CREATE, Some(&info))
            .and_then(|()| self.event(EVENT_NIC_CREATE, Some(&info)))
            .and_then(|()| self.event(EVENT_NIC_CONNECT, Some(&info)));
        if accepted.is_err() {
            self.lab.state().ports.retain(|port| port.id != id);
        }
        accepted
    }

    /// Removes a port: its NIC is disconnected and deleted, then the port.
    ///
    /// # Errors
    /// When the extension says no, which it may not.
    pub fn remove_port(&mut self, id: u32) -> Result<(), String> {
        let known = self.lab.state().ports.iter().find(|port| port.id == id).cloned();
        let port = known.ok_or_else(|| format!("there is no port {}", id))?;
        let info = port_info(id, &port.name);
        for kind in [EVENT_NIC_DISCONNECT, EVENT_NIC_DELETE, EVENT_PORT_TEARDOWN] {
            self.event(kind, Some(&info))?;
        }
        self.lab.state().ports.retain(|port| port.id != id);
        self.event(EVENT_PORT_DELETE, Some(&info))
    }

    /// Gives the extension a new configuration, whole as at the start: lines `key=value`.
    ///
    /// # Errors
    /// What the extension says when it refuses, or that it does not take one while it runs.
    pub fn configure(&mut self, config: &str) -> Result<(), String> {
        let id = b"heddle.config/1\0";
        let table = match self.entry.interface {
            // SAFETY: a zero-terminated text.
            Some(interface) => unsafe { interface(id.as_ptr().cast()) }.cast::<ConfigV1>(),
            None => ptr::null(),
        };
        if table.is_null() {
            return Err("it does not offer heddle.config/1".to_owned());
        }
        // SAFETY: what the extension offers under this id is such a table, static, and this version has all of its fields.
        let configure = unsafe { (*table).configure };
        let configure = configure.ok_or_else(|| "it takes no configuration while it runs".to_owned())?;
        let mut text = ErrorText::default();
        let config = Bytes { data: config.as_ptr(), length: config.len() as u64 };
        // SAFETY: the instance `create` made; configuration and text are valid for the call.
        let status = unsafe { configure(self.instance, config, &mut text) };
        failure("configure", status, &text)
    }

    pub(crate) fn entry(&self) -> &ExtensionV1 {
        &self.entry
    }

    pub(crate) fn instance(&self) -> *mut c_void {
        self.instance
    }

    /// References to ports and NICs that the extension has taken and not given back.
    pub fn references(&self) -> u32 {
        self.lab.state().references.values().sum()
    }

    /// Shows frames to the extension as they enter the switch, at most 256.
    pub fn ingress(&mut self, frames: &[Frame]) -> Vec<Outcome> {
        self.run(frames, LEG_INGRESS)
    }

    /// Shows deliveries to the extension as they leave the switch, at most 256.
    pub fn egress(&mut self, frames: &[Frame]) -> Vec<Outcome> {
        self.run(frames, LEG_EGRESS)
    }

    fn run(&mut self, frames: &[Frame], leg: u8) -> Vec<Outcome> {
        assert!(frames.len() <= BATCH_MAX as usize, "a batch has at most {} frames", BATCH_MAX);
        let function = if leg == LEG_INGRESS { self.entry.ingress } else { self.entry.egress };
        let all: Vec<Vec<u8>> = frames.iter().map(Frame::bytes).collect();
        for (slot, (frame, bytes)) in frames.iter().zip(&all).enumerate() {
            assert!(bytes.len() <= FRAME_MAX, "a frame has at most {} bytes", FRAME_MAX);
            self.lab.lend(slot, bytes, frame.descriptor(bytes, leg == LEG_EGRESS));
        }
        if let Some(function) = function {
            self.begin(frames.len(), leg);
            let offload = vec![OffloadFacts { segments: 1, ..OffloadFacts::default() }; frames.len().max(1)];
            let mut batch = self.batch(frames.len() as u32, leg, &offload);
            // SAFETY: the context `worker_init` made; the batch is valid for the call.
            let status = unsafe { function(self.context, &mut batch) };
            self.end(status);
        }
        all.iter().enumerate().map(|(slot, before)| self.outcome(slot, before, leg)).collect()
    }

    fn begin(&mut self, frames: usize, leg: u8) {
        let mut state = self.lab.state();
        state.writable = vec![false; frames];
        state.draft_slots = 0;
        state.ingress_call = leg == LEG_INGRESS;
    }

    /// After a data-path call: it returned well, and left no draft behind.
    fn end(&mut self, status: i32) {
        let mut state = self.lab.state();
        let last = state.log.last().map(|line| line.text.clone()).unwrap_or_default();
        assert!(
            status == OK,
            "the extension returned status {} from the data path; its last log line: {}",
            status,
            last
        );
        assert!(state.drafts.is_empty(), "{} drafts were neither injected nor discarded", state.drafts.len());
        let violations = std::mem::take(&mut state.violations);
        assert!(violations.is_empty(), "the extension broke the contract: {}", violations.join("; "));
    }

    fn batch(&self, count: u32, leg: u8, offload: &[OffloadFacts]) -> Batch {
        Batch {
            struct_size: std::mem::size_of::<Batch>() as u32,
            count,
            packets: self.lab.descriptors(),
            base: self.lab.base(),
            call: self.host.context,
            now_ns: self.now_ns,
            worker: 0,
            leg,
            flags: 0,
            reserved: 0,
            offload: offload.as_ptr(),
            draft_base: self.lab.base(),
        }
    }

    fn outcome(&self, slot: usize, before: &[u8], leg: u8) -> Outcome {
        let packet = self.lab.descriptor(slot);
        let bytes = self.lab.bytes_of(&packet);
        let state = self.lab.state();
        let writable = state.writable.get(slot).copied().unwrap_or(false);
        let changed = bytes != before;
        assert!(writable || !changed, "frame {} was changed without make_writable", slot);
        let forwards = self.role == ROLE_FORWARDING && leg == LEG_INGRESS;
        let fate = self.fate(&state, &packet, forwards);
        assert!(
            self.role != ROLE_CAPTURE || fate == Fate::Passed,
            "a capture extension gave frame {} a verdict; it may not",
            slot
        );
        Outcome { fate, bytes, changed, mark: packet.mark }
    }

    fn fate(&self, state: &State, packet: &Packet, forwards: bool) -> Fate {
        match packet.verdict {
            VERDICT_PASS => Fate::Passed,
            VERDICT_DROP => Fate::Dropped(state.reason(packet.drop_reason)),
            VERDICT_HOLD => Fate::Held,
            VERDICT_TO_PORT if forwards => {
                let port = packet.destination;
                let known = state.ports.iter().any(|known| known.id == port);
                assert!(known, "a frame was sent to port {}, which is not there", port);
                Fate::ToPort(port)
            }
            VERDICT_TO_GROUP if forwards => {
                let group = (packet.destination as usize).checked_sub(1).and_then(|at| state.groups.get(at));
                assert!(group.is_some(), "a frame was sent to group {}, which was not made", packet.destination);
                Fate::ToPorts(group.cloned().unwrap_or_default())
            }
            other => {
                let known = other == VERDICT_TO_PORT || other == VERDICT_TO_GROUP;
                assert!(!known, "only a forwarding extension decides destinations, on ingress");
                assert!(known, "{} is no verdict", other);
                Fate::Passed
            }
        }
    }

    /// Moves the clock on, then calls the worker's and the control side's periodic functions once.
    pub fn advance_ms(&mut self, milliseconds: u64) {
        self.now_ns += milliseconds * 1_000_000;
        if let Some(function) = self.entry.worker_tick {
            self.begin(0, LEG_INGRESS);
            let none = [OffloadFacts::default()];
            let mut batch = self.batch(0, LEG_INGRESS, &none);
            // SAFETY: the context `worker_init` made; the batch is valid for the call.
            let status = unsafe { function(self.context, &mut batch) };
            self.end(status);
        }
        if let Some(tick) = self.entry.tick {
            // SAFETY: the instance `create` made.
            let status = unsafe { tick(self.instance, self.now_ns) };
            assert!(status == OK, "`tick` returned status {}", status);
        }
    }

    /// The clock, in nanoseconds.
    pub fn now_ns(&self) -> u64 {
        self.now_ns
    }

    /// Makes a host function refuse with a status from now on; `OK` (0) ends it.
    pub fn refuse(&mut self, call: HostCall, status: i32) {
        self.lab.state().refusals.insert(call, status);
    }

    /// The value of a counter the extension registered.
    pub fn counter(&self, name: &str) -> Option<u64> {
        self.lab.state().counters.iter().find(|(known, _)| known == name).map(|(_, value)| *value)
    }

    /// The drop reasons the extension registered: id and text.
    pub fn drop_reasons(&self) -> Vec<(String, String)> {
        self.lab.state().drop_reasons.clone()
    }

    /// All log lines so far.
    pub fn log(&self) -> Vec<LogLine> {
        self.lab.state().log.clone()
    }

    /// Datagrams sent since the last look.
    pub fn take_datagrams(&mut self) -> Vec<Datagram> {
        std::mem::take(&mut self.lab.state().datagrams)
    }

    /// Frames injected since the last look.
    pub fn take_injected(&mut self) -> Vec<Injected> {
        std::mem::take(&mut self.lab.state().injected)
    }

    /// Held frames that were released since the last look, in order.
    pub fn take_released(&mut self) -> Vec<Vec<u8>> {
        std::mem::take(&mut self.lab.state().released)
    }

    /// Held frames that were discarded since the last look, with the id of the reason.
    pub fn take_discarded(&mut self) -> Vec<(Vec<u8>, String)> {
        let mut state = self.lab.state();
        let discarded = std::mem::take(&mut state.discarded);
        discarded.into_iter().map(|(bytes, code)| (bytes, state.reason(code))).collect()
    }

    /// Number of frames the extension holds.
    pub fn held(&self) -> usize {
        self.lab.state().held.len()
    }

    /// Ends the extension as disabling it does.
    ///
    /// # Errors
    /// When it still holds frames, which a switch would have to drop.
    pub fn stop(mut self) -> Result<(), String> {
        let held = self.held();
        self.finish();
        if held > 0 {
            return Err(format!("{} frames are still held; release or discard them", held));
        }
        Ok(())
    }

    fn finish(&mut self) {
        if self.instance.is_null() {
            return;
        }
        let ports = self.lab.state().ports.clone();
        for port in &ports {
            // A veto of an end changes nothing.
            let _ = self.remove_port(port.id);
        }
        let _ = self.event(EVENT_SWITCH_DELETE, None);
        if let Some(worker_fini) = self.entry.worker_fini.filter(|_| !self.context.is_null()) {
            // SAFETY: instance and context of this switch; no call follows with the context.
            unsafe { worker_fini(self.instance, self.context) };
        }
        self.context = ptr::null_mut();
        if let Some(destroy) = self.entry.destroy {
            // SAFETY: the instance `create` made; its worker has ended, no call follows.
            unsafe { destroy(self.instance) };
        }
        self.instance = ptr::null_mut();
    }
}

impl Drop for TestSwitch {
    fn drop(&mut self) {
        self.finish();
    }
}
