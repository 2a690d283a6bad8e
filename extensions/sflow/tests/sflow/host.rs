//! A host of its own for the extension: it goes through the exported tables, as the switch does.
//!
//! One thread, virtual time. What the extension sends is kept; the queue for datagrams has room for
//! [`FakeHost::room`] between two ticks.
#![allow(unsafe_code, reason = "the ABI's own functions are called here, as a host does")]

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::ffi::{c_void, CString};
use std::ptr;

use heddle_extension_api::abi::control::{Event, PortInfo};
use heddle_extension_api::abi::drops::{Dropped, DropsV1, DROPS_ID};
use heddle_extension_api::abi::entry::ExtensionV1;
use heddle_extension_api::abi::host::{DatagramCounts, Host, VlanCounters};
use heddle_extension_api::abi::sampling::{Sample, SamplingV1, SAMPLING_ID};
use heddle_extension_api::abi::status::{Bytes, ErrorText, E_FULL, E_GONE, OK};

fn entry() -> &'static ExtensionV1 {
    heddle_sflow::EXPORTED.entry
}

fn size_of<T>() -> u32 {
    u32::try_from(std::mem::size_of::<T>()).unwrap()
}

unsafe fn slice<'a>(bytes: Bytes) -> &'a [u8] {
    // SAFETY: the extension lends the bytes for the call.
    unsafe { std::slice::from_raw_parts(bytes.data, usize::try_from(bytes.length).unwrap()) }
}

unsafe fn text(bytes: Bytes) -> String {
    // SAFETY: as above.
    String::from_utf8(unsafe { slice(bytes) }.to_vec()).unwrap()
}

/// What the extension did to the host.
#[derive(Default)]
pub(crate) struct FakeHost {
    pub(crate) log: RefCell<Vec<String>>,
    pub(crate) counters: RefCell<Vec<(String, String, u64)>>,
    pub(crate) sent: RefCell<Vec<(String, Vec<u8>)>>,
    pub(crate) ports: RefCell<BTreeMap<u32, PortInfo>>,
    pub(crate) room: Cell<usize>,
    /// Whether it counts datagrams, and those of which it says that they failed.
    pub(crate) counts: Cell<bool>,
    pub(crate) failed: Cell<u64>,
}

impl FakeHost {
    unsafe fn of<'a>(context: *mut c_void) -> &'a FakeHost {
        // SAFETY: the context of the table is the host that made it, which outlives the instance.
        unsafe { &*context.cast::<FakeHost>() }
    }

    fn table(&self) -> Host {
        Host {
            struct_size: size_of::<Host>(),
            abi_minor: 0,
            context: ptr::from_ref(self).cast_mut().cast(),
            log: Some(log),
            counter_register: Some(counter_register),
            counter_add: Some(counter_add),
            port_query: Some(port_query),
            send_datagram: Some(send_datagram),
            drop_reason_register: None,
            group_create: None,
            group_update: None,
            port_list: None,
            make_writable: None,
            reparse: None,
            hold: None,
            release: None,
            discard: None,
            originate: None,
            clone_packet: None,
            inject: None,
            vlan_query: Some(vlan_query),
            inject_to: None,
            port_reference: None,
            port_dereference: None,
            nic_reference: None,
            nic_dereference: None,
            datagram_counts: if self.counts.get() { Some(datagram_counts) } else { None },
        }
    }

    /// Value of a counter.
    pub(crate) fn counter(&self, name: &str) -> u64 {
        self.counters.borrow().iter().find(|counter| counter.0 == name).unwrap().2
    }

    /// The datagrams sent so far, which are then forgotten.
    pub(crate) fn datagrams(&self) -> Vec<Vec<u8>> {
        self.sent.borrow_mut().drain(..).map(|(_, datagram)| datagram).collect()
    }
}

unsafe extern "C" fn log(host: *mut c_void, _level: u32, line: Bytes) {
    // SAFETY: called by the extension with the table's context.
    unsafe { FakeHost::of(host).log.borrow_mut().push(text(line)) }
}

unsafe extern "C" fn counter_register(host: *mut c_void, name: Bytes, unit: Bytes, out: *mut u32) -> i32 {
    // SAFETY: called by the extension with the table's context and a valid out pointer.
    unsafe {
        let mut counters = FakeHost::of(host).counters.borrow_mut();
        *out = u32::try_from(counters.len()).unwrap();
        counters.push((text(name), text(unit), 0));
    }
    OK
}

unsafe extern "C" fn counter_add(host: *mut c_void, counter: u32, delta: u64) -> i32 {
    // SAFETY: called by the extension with the table's context.
    unsafe { FakeHost::of(host).counters.borrow_mut()[counter as usize].2 += delta };
    OK
}

unsafe extern "C" fn port_query(host: *mut c_void, port: u32, out: *mut PortInfo) -> i32 {
    // SAFETY: called by the extension with the table's context and a valid out pointer.
    unsafe {
        match FakeHost::of(host).ports.borrow().get(&port) {
            Some(info) => *out = *info,
            None => return E_GONE,
        }
    }
    OK
}

unsafe extern "C" fn send_datagram(host: *mut c_void, address: Bytes, payload: Bytes) -> i32 {
    // SAFETY: called by the extension with the table's context.
    let host = unsafe { FakeHost::of(host) };
    if host.room.get() == 0 {
        return E_FULL;
    }
    host.room.set(host.room.get() - 1);
    // SAFETY: as above.
    unsafe { host.sent.borrow_mut().push((text(address), slice(payload).to_vec())) };
    OK
}

unsafe extern "C" fn datagram_counts(host: *mut c_void, _address: Bytes, out: *mut DatagramCounts) -> i32 {
    // SAFETY: called by the extension with the table's context and a valid out pointer.
    unsafe {
        (*out).sent = 7;
        (*out).failed = FakeHost::of(host).failed.get();
    }
    OK
}

/// VLAN 7 has counted 100 frames, the others none.
unsafe extern "C" fn vlan_query(_host: *mut c_void, vlan: u32, out: *mut VlanCounters) -> i32 {
    match vlan {
        0 if out.is_null() => OK,
        7 => {
            // SAFETY: called by the extension with a valid out pointer.
            unsafe {
                ((*out).packets, (*out).bytes, (*out).multicast) = (100, 6_400, 3);
                ((*out).broadcast, (*out).discards) = (4, 5);
            }
            OK
        }
        _ => E_GONE,
    }
}

/// A dropped frame of 60 bytes from `source`.
pub(crate) fn dropped(source: u32, header: &[u8]) -> Dropped {
    Dropped {
        struct_size: size_of::<Dropped>(),
        source_port: source,
        destination_port: 0,
        frame_length: 60,
        header: header.as_ptr(),
        header_length: u32::try_from(header.len()).unwrap(),
        drop_reason: 1,
        vlan: 0,
        withheld: 0,
    }
}

/// A port as the host describes it.
pub(crate) fn port(number: u32, name: &str) -> PortInfo {
    let mut bytes = [0; 64];
    bytes[..name.len()].copy_from_slice(name.as_bytes());
    PortInfo {
        struct_size: size_of::<PortInfo>(),
        port: number,
        kind: 3,
        nic_state: 2,
        link_up: 1,
        admin_up: 1,
        mtu: 1_500,
        mac: [0; 6],
        vlan: 0,
        speed_mbps: 10_000,
        rx_packets: 100,
        rx_bytes: 6_400,
        tx_packets: 50,
        tx_bytes: 3_200,
        rx_dropped: 1,
        tx_dropped: 2,
        rx_multicast: 3,
        rx_broadcast: 4,
        tx_multicast: 5,
        tx_broadcast: 6,
        name: bytes,
        flags: 0,
        reserved: 0,
    }
}

/// An instance of the extension on a host.
pub(crate) struct Running<'a> {
    host: &'a FakeHost,
    instance: *mut c_void,
}

/// A worker context.
#[derive(Clone, Copy)]
pub(crate) struct Context(*mut c_void, &'static SamplingV1, &'static DropsV1);

impl<'a> Running<'a> {
    /// Enables the extension, or gives the text of its refusal.
    pub(crate) fn create(host: &'a FakeHost, config: &str) -> Result<Self, String> {
        host.room.set(usize::MAX);
        let mut instance = ptr::null_mut();
        let mut error = ErrorText::default();
        let config = Bytes { data: config.as_ptr(), length: config.len() as u64 };
        // SAFETY: all pointers are valid for the call, and the table is copied by it.
        let status = unsafe { entry().create.unwrap()(&host.table(), config, &mut instance, &mut error) };
        match status {
            OK => Ok(Self { host, instance }),
            _ => Err(String::from_utf8_lossy(&error.text[..error.length as usize]).into_owned()),
        }
    }

    pub(crate) fn event(&self, kind: u32, port: u32) {
        let ports = self.host.ports.borrow();
        let info = ports.get(&port).map_or(ptr::null(), ptr::from_ref);
        let switch_name = Bytes { data: ptr::null(), length: 0 };
        let event = Event { struct_size: size_of::<Event>(), kind, port, nic: 0, info, switch_name };
        // SAFETY: the instance lives, and the event is valid for the call.
        let status = unsafe { entry().event.unwrap()(self.instance, &event, &mut ErrorText::default()) };
        assert_eq!(status, OK);
    }

    pub(crate) fn tick(&self, now_ns: u64) {
        // SAFETY: the instance lives.
        assert_eq!(unsafe { entry().tick.unwrap()(self.instance, now_ns) }, OK);
    }

    pub(crate) fn worker(&self, number: u32) -> Context {
        let mut context = ptr::null_mut();
        // SAFETY: the instance lives and the out pointer is valid.
        assert_eq!(unsafe { entry().worker_init.unwrap()(self.instance, number, &mut context) }, OK);
        Context(context, interface(SAMPLING_ID), interface(DROPS_ID))
    }

    pub(crate) fn end_worker(&self, context: Context) {
        // SAFETY: made by `worker`, and not used again.
        unsafe { entry().worker_fini.unwrap()(self.instance, context.0) }
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        // SAFETY: made by `create`, and not used again.
        unsafe { entry().destroy.unwrap()(self.instance) }
    }
}

fn interface<T>(id: &str) -> &'static T {
    let id = CString::new(id).unwrap();
    // SAFETY: the id is zero-terminated; the answer is null or the static table of that name, which is a `T`.
    unsafe { entry().interface.unwrap()(id.as_ptr()).cast::<T>().as_ref() }.unwrap()
}

impl Context {
    pub(crate) fn next_skip(self) -> u32 {
        // SAFETY: the context lives.
        unsafe { self.1.next_skip.unwrap()(self.0) }
    }

    pub(crate) fn next_skip_of(self, port: u32) -> u32 {
        // SAFETY: the context lives.
        unsafe { self.1.next_skip_of.unwrap()(self.0, port) }
    }

    pub(crate) fn wanted(self) -> u32 {
        // SAFETY: the context lives.
        unsafe { self.2.wanted.unwrap()(self.0) }
    }

    pub(crate) fn dropped(self, dropped: &Dropped) {
        // SAFETY: the context lives, and the drop is valid for the call.
        assert_eq!(unsafe { self.2.dropped.unwrap()(self.0, dropped) }, OK);
    }

    pub(crate) fn sampled(self, sample: &Sample) {
        let call = ptr::null_mut();
        // SAFETY: the context lives, and the sample is valid for the call.
        assert_eq!(unsafe { self.1.sampled.unwrap()(self.0, call, sample) }, OK);
    }
}

/// A sample of a frame of 60 bytes from `source` to `outputs`.
pub(crate) fn sample(source: u32, header: &[u8], outputs: &[u32]) -> Sample {
    let mut first = [0; 8];
    first.iter_mut().zip(outputs).for_each(|(to, from)| *to = *from);
    Sample {
        struct_size: size_of::<Sample>(),
        source_port: source,
        frame_length: 60,
        header_length: u32::try_from(header.len()).unwrap(),
        header: header.as_ptr(),
        output_count: u32::try_from(outputs.len()).unwrap(),
        drop_reason: 0,
        source_vlan: 0,
        destination_vlan: 0,
        reserved: 0,
        lost: 0,
        pool: 0,
        outputs: first,
    }
}
