//! Optional interfaces of a capture: dropped frames, ports counted by themselves, what became of datagrams.

use std::ffi::CString;

use heddle_extension_api::abi::drops::{Dropped as AbiDropped, DropsV1};
use heddle_extension_api::abi::sampling::SamplingV1;
use heddle_extension_api::abi::status::{E_INVALID, E_PANIC, OK};
use heddle_extension_api::*;

use crate::fake_host::FakeHost;
use crate::instance::Instance;

struct Watch;

struct Worker(HostHandle);

impl CaptureExtension for Watch {
    type Worker = Worker;

    fn create(host: &Control<'_, rights::Capture>, _: &Config<'_>) -> Result<Self, CreateError> {
        let address: DatagramAddress = "192.0.2.1:6343".parse().unwrap();
        let before = host.datagram_counts(&address)?;
        host.send_datagram(&address, b"one")?;
        let after = host.datagram_counts(&address)?;
        host.log(Level::Info, &format!("{} {} {}", before.sent, after.sent, after.failed + after.dropped));
        KEPT.with(|kept| *kept.borrow_mut() = Some(host.handle()));
        Ok(Watch)
    }

    fn worker(&mut self, _: WorkerId) -> Result<Worker, CreateError> {
        Ok(Worker(KEPT.with(|kept| kept.borrow().clone()).unwrap()))
    }
}

thread_local! {
    static KEPT: std::cell::RefCell<Option<HostHandle>> = const { std::cell::RefCell::new(None) };
}

impl CaptureWorker for Worker {}

impl Sampling for Worker {
    const BY_PORT: bool = true;

    fn sampled(&mut self, _: &Sample<'_>) {}

    fn next_skip(&mut self) -> u32 {
        panic!("ports are counted by themselves")
    }

    fn next_skip_of(&mut self, port: PortId) -> u32 {
        port.get() * 10
    }
}

impl Drops for Worker {
    fn dropped(&mut self, dropped: &Dropped<'_>) {
        assert!(dropped.reason() != 13, "thirteen");
        let line = format!(
            "{:?} {:?} {} {:?} {} {:?} {}",
            dropped.source_port().map(PortId::get),
            dropped.destination_port().map(PortId::get),
            dropped.frame_length(),
            dropped.header(),
            dropped.reason(),
            dropped.tag().map(VlanTag::tci),
            dropped.withheld(),
        );
        self.0.log(Level::Debug, &line);
    }

    fn wanted(&mut self) -> u32 {
        77
    }
}

export_extension!(built_in capture Watch {
    id: "org.heddle.test.watch", name: "Watch", vendor: "Tests", version: "1.0.0", interfaces: [sampling, drops],
});

fn interface<T>(id: &str) -> &'static T {
    let id = CString::new(id).unwrap();
    // SAFETY: a zero-terminated string; the table found under this id is a static one of that type.
    unsafe { &*EXPORTED.entry.interface.unwrap()(id.as_ptr()).cast() }
}

#[test]
fn dropped_frames_arrive_with_ports_reason_and_what_was_withheld() {
    let host = FakeHost::new();
    let instance = Instance::new(EXPORTED, &host, "");
    host.state().log.clear();
    let table: &DropsV1 = interface("heddle.drops/1");
    let header = [1, 2, 3];
    let dropped = AbiDropped {
        struct_size: std::mem::size_of::<AbiDropped>() as u32,
        source_port: 4,
        destination_port: 0,
        frame_length: 60,
        header: header.as_ptr(),
        header_length: 3,
        drop_reason: 7,
        vlan: 0x2005,
        withheld: 12,
    };
    let gone = AbiDropped { source_port: 0, destination_port: 5, header: std::ptr::null(), vlan: 0, ..dropped };
    let panics = AbiDropped { drop_reason: 13, ..dropped };
    // SAFETY: a live context, and drops that live until the calls return.
    unsafe {
        assert_eq!(table.wanted.unwrap()(instance.context), 77);
        assert_eq!(table.wanted.unwrap()(std::ptr::null_mut()), 0);
        assert_eq!(table.dropped.unwrap()(instance.context, &dropped), OK);
        assert_eq!(table.dropped.unwrap()(instance.context, &gone), OK);
        assert_eq!(table.dropped.unwrap()(instance.context, std::ptr::null()), E_INVALID);
        assert_eq!(table.dropped.unwrap()(std::ptr::null_mut(), &dropped), E_INVALID);
    }
    let lines: Vec<String> = host.state().log.iter().map(|(_, line)| line.clone()).collect();
    assert_eq!(lines, ["Some(4) None 60 [1, 2, 3] 7 Some(8197) 12", "None Some(5) 60 [] 7 None 12"]);
    // SAFETY: as above.
    assert_eq!(unsafe { table.dropped.unwrap()(instance.context, &panics) }, E_PANIC);
    instance.end();
}

#[test]
fn an_extension_may_have_each_port_counted_by_itself() {
    let host = FakeHost::new();
    let instance = Instance::new(EXPORTED, &host, "");
    let table: &SamplingV1 = interface("heddle.sampling/1");
    let next = table.next_skip_of.unwrap();
    // SAFETY: a live context.
    unsafe {
        assert_eq!((next(instance.context, 3), next(instance.context, 40)), (30, 400));
        assert_eq!((next(instance.context, 0), next(std::ptr::null_mut(), 3)), (u32::MAX, u32::MAX));
    }
    instance.end();
}

#[test]
fn an_extension_learns_what_became_of_its_datagrams() {
    let host = FakeHost::new();
    let instance = Instance::new(EXPORTED, &host, "");
    assert_eq!(host.state().log, [(3, "0 1 0".to_owned())], "nothing before the first, one after it");
    instance.end();
}
