//! Level robustness: frames that lie, a host that refuses, time that stands still, threads that change.
//!
//! Frames with one lie each, so that a crash names the lie. A host that refuses is judged against the same traffic with one
//! that does not: what is found only when refused is the extension's answer to the refusal.

use heddle_host::offline::InFrame;

use super::{everyday, only_then, process};
use crate::case::{ALL, CFW, Case, FW, Level, Verdict, W, case};
use crate::frames::{Kind, finish, frame};
use crate::proxy::{self, Manners};
use crate::rig::{MS, Rig, Subject};

const L: Level = Level::Robustness;

pub(crate) const CASES: &[Case] = &[
    case(
        (L, "calls-succeed"),
        ALL,
        "heddle_batch_fn",
        "Calls end with success; a frame that is not wanted is dropped, not a failure.",
        everyday,
    ),
    case((L, "does-not-panic"), ALL, "HEDDLE_E_PANIC", "No call ends in a panic.", everyday),
    case((L, "status-known"), ALL, "HEDDLE_OK, HEDDLE_E_*", "A status is one of those there are.", everyday),
    case(
        (L, "short-frames"),
        CFW,
        "heddle_packet_t.length",
        "Frames of 14 to 59 bytes are not read past their end.",
        short,
    ),
    case(
        (L, "truncated-headers"),
        CFW,
        "HEDDLE_PACKET_TRUNCATED",
        "Headers that are cut off are not read past the frame's end.",
        truncated,
    ),
    case(
        (L, "ip-header-length-lies"),
        CFW,
        "RFC 791 3.1, IHL",
        "An IP header length beyond the frame is not believed.",
        header_length,
    ),
    case(
        (L, "ip-total-length-lies"),
        CFW,
        "RFC 791 3.1, total length",
        "An IP length beyond the frame is not believed.",
        total_length,
    ),
    case((L, "udp-length-lies"), CFW, "RFC 768", "A UDP length beyond the frame is not believed.", udp_length),
    case(
        (L, "tcp-options-lie"),
        CFW,
        "RFC 9293 3.1, options",
        "TCP options of length zero or beyond the header end the search.",
        tcp_options,
    ),
    case(
        (L, "fragments"),
        CFW,
        "HEDDLE_PACKET_FRAGMENT",
        "Fragments without a layer 4 header are survived.",
        fragments,
    ),
    case(
        (L, "ipv6-extension-headers"),
        CFW,
        "RFC 8200 4",
        "Chains of extension headers that lie are survived.",
        extension_headers,
    ),
    case((L, "full-batches"), CFW, "HEDDLE_BATCH_MAX", "A batch of 256 packets is survived.", full),
    case(
        (L, "empty-batches"),
        CFW,
        "heddle_worker_tick_fn",
        "The batch of a periodic call has no packets.",
        |subject| {
            let mut rig = Rig::new(subject, 4, 1)?;
            (0..20).for_each(|_| drop(rig.tick()));
            Ok(String::new())
        },
    ),
    case(
        (L, "user-word-is-rubbish"),
        CFW,
        "heddle_packet_t.user (Driver Verifier A00A)",
        "What is in the user word on entry is not used.",
        |subject| changed(subject, Manners { rubbish: true, ..Manners::POLITE }),
    ),
    case(
        (L, "refused-make-writable"),
        FW,
        "heddle_host_t.make_writable: E_FULL",
        "A frame that cannot be made writable is not written.",
        |subject| refusing(subject, 1),
    ),
    case(
        (L, "refused-hold"),
        FW,
        "heddle_host_t.hold: E_FULL",
        "A frame that cannot be held is not taken for held.",
        |subject| refusing(subject, 2),
    ),
    case(
        (L, "refused-originate"),
        CFW,
        "heddle_host_t.originate: E_FULL",
        "A draft that cannot be had is not written.",
        |subject| refusing(subject, 4),
    ),
    case(
        (L, "refused-clone"),
        FW,
        "heddle_host_t.clone_packet: E_FULL",
        "A clone that cannot be had is not written.",
        |subject| refusing(subject, 8),
    ),
    case(
        (L, "refused-inject"),
        CFW,
        "heddle_host_t.inject: E_GONE",
        "A draft that cannot be injected is discarded.",
        |subject| refusing(subject, 16),
    ),
    case(
        (L, "refused-counters"),
        ALL,
        "heddle_host_t.counter_register: E_FULL",
        "A counter that cannot be had is not counted, or the instance is refused with words.",
        |subject| refusing(subject, 32),
    ),
    case(
        (L, "refused-drop-reasons"),
        ALL,
        "heddle_host_t.drop_reason_register: E_FULL",
        "A drop reason that cannot be had is not used, or the instance is refused with words.",
        |subject| refusing(subject, 64),
    ),
    case(
        (L, "refused-groups"),
        W,
        "heddle_host_t.group_create: E_FULL",
        "A group that cannot be had is not used, or the instance is refused with words.",
        |subject| refusing(subject, 128),
    ),
    case(
        (L, "refused-port-list"),
        ALL,
        "heddle_host_t.port_list: E_FULL",
        "A list that is too long for its room is not read past it.",
        |subject| refusing(subject, 256),
    ),
    case(
        (L, "refused-release"),
        FW,
        "heddle_host_t.release: E_GONE",
        "A held frame that the host took back is forgotten.",
        |subject| refusing(subject, 512),
    ),
    case(
        (L, "refused-datagrams"),
        ALL,
        "heddle_host_t.send_datagram: E_FULL",
        "A datagram that is not taken is no failure.",
        |subject| refusing(subject, 1_024),
    ),
    case(
        (L, "refused-references"),
        CFW,
        "heddle_host_t.port_reference, nic_reference: E_FULL",
        "A reference that cannot be had is not given back.",
        |subject| refusing(subject, 2_048),
    ),
    case(
        (L, "older-host"),
        ALL,
        "heddle_host_t.struct_size",
        "Functions of a newer host are used only if the table is long enough.",
        older,
    ),
    case(
        (L, "newer-host"),
        ALL,
        "ABI, versions: a newer host loads every extension of its major",
        "A newer host with longer structs is a host like any other.",
        |subject| changed(subject, Manners { longer: true, ..Manners::POLITE }),
    ),
    case(
        (L, "time-stands-still"),
        ALL,
        "heddle_batch_t.now_ns",
        "Calls at the same time as the one before are survived.",
        still,
    ),
    case((L, "time-jumps"), ALL, "heddle_batch_t.now_ns", "An hour without a call is survived.", |subject| {
        let mut rig = Rig::new(subject, 4, 1)?;
        rig.bursts(4, 8);
        for _ in 0..3 {
            rig.wait(3_600_000 * MS);
            rig.tick();
            rig.bursts(4, 8);
        }
        rig.tick();
        Ok(String::new())
    }),
    case(
        (L, "contexts-change-threads"),
        CFW,
        "heddle_worker_init_fn",
        "A context is called from one thread after the other.",
        threads,
    )
    .beside(),
    case(
        (L, "workers-at-once"),
        CFW,
        "heddle_batch_fn, thread label",
        "Two workers are called at the same time.",
        at_once,
    ),
    case(
        (L, "process-left-alone"),
        ALL,
        "ABI, lifecycle",
        "A life with traffic leaves signal handlers, directory, masks and children as they were.",
        process,
    )
    .beside(),
    case(
        (L, "floating-point-left-alone"),
        CFW,
        "System V ABI, MXCSR",
        "Calls leave the mode of floating-point arithmetic as it was.",
        everyday,
    ),
];

fn raw(bytes: Vec<u8>) -> InFrame {
    InFrame { bytes, ..InFrame::default() }
}

/// Each port sends such frames, each alone.
fn send(subject: &Subject, frames: &[fn(u8, u8) -> Vec<u8>]) -> Verdict {
    let mut rig = Rig::new(subject, 4, 1)?;
    for make in frames {
        rig.everywhere(|to, from| raw(make(to, from)));
    }
    Ok(String::new())
}

fn short(subject: &Subject) -> Verdict {
    let mut rig = Rig::new(subject, 4, 1)?;
    for length in [14, 15, 17, 20, 33, 45, 59] {
        rig.everywhere(|to, from| {
            let mut bytes = frame(Kind::Other, (to, from), 90, 1, 1);
            bytes.truncate(length);
            raw(bytes)
        });
    }
    Ok(String::new())
}

fn truncated(subject: &Subject) -> Verdict {
    // Cut in the middle of the IP or the layer 4 header, and no shorter than 60 bytes: IPv6 with 54 bytes before layer 4.
    send(subject, &[|to, from| cut(Kind::Udp6, to, from, 60), |to, from| cut(Kind::Tcp6, to, from, 66)])
}

fn cut(kind: Kind, to: u8, from: u8, length: usize) -> Vec<u8> {
    let mut bytes = frame(kind, (to, from), 200, 1, 1);
    bytes.truncate(length);
    bytes
}

fn header_length(subject: &Subject) -> Verdict {
    send(
        subject,
        &[
            |to, from| with(frame(Kind::Udp4, (to, from), 90, 1, 1), 60, &[(14, 0x4f), (17, 46)]),
            |to, from| with(frame(Kind::Tcp4, (to, from), 90, 1, 1), 64, &[(14, 0x4f), (17, 50)]),
        ],
    )
}

/// A frame cut to a length, with bytes changed.
fn with(mut bytes: Vec<u8>, length: usize, changes: &[(usize, u8)]) -> Vec<u8> {
    bytes.truncate(length);
    for (at, value) in changes {
        bytes[*at] = *value;
    }
    bytes
}

fn total_length(subject: &Subject) -> Verdict {
    send(
        subject,
        &[
            |to, from| with(frame(Kind::Icmp4, (to, from), 90, 1, 1), 90, &[(16, 0x20)]),
            |to, from| with(frame(Kind::Icmp4, (to, from), 90, 1, 1), 90, &[(16, 0xff), (17, 0xff)]),
        ],
    )
}

fn udp_length(subject: &Subject) -> Verdict {
    send(
        subject,
        &[
            |to, from| with(frame(Kind::Udp4, (to, from), 90, 1, 1), 90, &[(38, 0x20)]),
            |to, from| with(frame(Kind::Udp6, (to, from), 90, 1, 1), 90, &[(58, 0xff), (59, 0xff)]),
        ],
    )
}

/// TCP with a header of 60 bytes whose options are what `option` says.
fn options(to: u8, from: u8, option: [u8; 2]) -> Vec<u8> {
    let mut bytes = frame(Kind::Tcp4, (to, from), 120, 1, 1);
    bytes[46] = 0xf0;
    for at in (54..94).step_by(2) {
        bytes[at..at + 2].copy_from_slice(&option);
    }
    finish(&mut bytes);
    bytes
}

fn tcp_options(subject: &Subject) -> Verdict {
    send(
        subject,
        &[
            |to, from| options(to, from, [8, 0]),
            |to, from| options(to, from, [8, 255]),
            |to, from| options(to, from, [1, 2]),
        ],
    )
}

fn fragments(subject: &Subject) -> Verdict {
    let fragment = |kind, to, from, flags: [u8; 2]| {
        let mut bytes = frame(kind, (to, from), 100, 1, 1);
        bytes[20..22].copy_from_slice(&flags);
        let sum = {
            bytes[24..26].fill(0);
            !heddle_switch_core::checksum::fold(heddle_switch_core::checksum::internet_sum(&bytes[14..34]))
        };
        bytes[24..26].copy_from_slice(&sum.to_be_bytes());
        bytes
    };
    let mut rig = Rig::new(subject, 4, 1)?;
    for flags in [[0x20, 0], [0x20, 10], [0, 100]] {
        rig.everywhere(|to, from| raw(fragment(Kind::Udp4, to, from, flags)));
        rig.everywhere(|to, from| raw(fragment(Kind::Tcp4, to, from, flags)));
    }
    Ok(String::new())
}

/// IPv6 with a chain of extension headers between it and UDP.
fn chained(to: u8, from: u8, next: u8, length: u8, times: usize) -> Vec<u8> {
    let mut bytes = frame(Kind::Udp6, (to, from), 120, 1, 1);
    bytes[20] = next;
    for index in 0..times {
        let header = [if index + 1 == times { 17 } else { next }, length, 0, 0, 0, 0, 0, 0];
        let at = 54 + index * 8;
        bytes.splice(at..at, header);
    }
    let payload = u16::try_from(bytes.len() - 54).unwrap_or(0).to_be_bytes();
    bytes[18..20].copy_from_slice(&payload);
    bytes
}

fn extension_headers(subject: &Subject) -> Verdict {
    send(
        subject,
        &[
            |to, from| chained(to, from, 0, 0, 1),
            |to, from| chained(to, from, 60, 255, 1),
            |to, from| chained(to, from, 43, 0, 12),
            |to, from| chained(to, from, 44, 0, 1),
        ],
    )
}

fn full(subject: &Subject) -> Verdict {
    let mut rig = Rig::new(subject, 2, 1)?;
    for _ in 0..3 {
        let frames = rig.ordinary(0, 256);
        rig.feed(0, 0, &frames);
        rig.tick();
    }
    (0..20).for_each(|_| drop(rig.tick()));
    Ok(String::new())
}

/// Everyday traffic with a polite host and then with one that has these manners: what is found only then is a failure.
fn changed(subject: &Subject, manners: Manners) -> Verdict {
    let polite = rigged(subject)?;
    let drafts = proxy::live_drafts();
    drop(polite);
    let before = proxy::rules_broken();
    let refused = refusals();
    proxy::set_manners(manners);
    let after = rigged(subject);
    proxy::set_manners(Manners::POLITE);
    let refused = refusals() > refused;
    if let Some(broken) = only_then(&before) {
        return Err(broken);
    }
    if proxy::live_drafts() > drafts {
        return Err(format!("{} drafts were neither injected nor discarded", proxy::live_drafts() - drafts));
    }
    match after {
        Ok(_) if manners.refuse != 0 && !refused => Ok("it never asked".to_owned()),
        Ok(_) => Ok(String::new()),
        Err(words) if manners.refuse != 0 && refused => Ok(format!("it refuses to start: {words}")),
        Err(words) => Err(format!("it does not start: {words}")),
    }
}

/// Calls that the host refused so far because it was told to.
fn refusals() -> u32 {
    crate::board::board().refused.load(std::sync::atomic::Ordering::Acquire)
}

fn rigged(subject: &Subject) -> Result<Rig, String> {
    let mut rig = Rig::new(subject, 4, 1)?;
    rig.everyday();
    Ok(rig)
}

fn refusing(subject: &Subject, bit: u32) -> Verdict {
    changed(subject, Manners { refuse: bit, ..Manners::POLITE })
}

fn older(subject: &Subject) -> Verdict {
    let least = subject.min_host_minor();
    changed(subject, Manners { minor: Some(u32::from(least)), ..Manners::POLITE })
}

fn still(subject: &Subject) -> Verdict {
    let mut rig = Rig::new(subject, 4, 1)?;
    for _ in 0..12 {
        for port in 0..4 {
            let frames = rig.ordinary(port, 6);
            let (now, id) = (rig.now, rig.ports[port]);
            rig.switch.feed(now, 0, id, &frames);
            rig.switch.tick(now);
        }
    }
    Ok(String::new())
}

fn threads(subject: &Subject) -> Verdict {
    let mut rig = Rig::new(subject, 4, 1)?;
    for _ in 0..6 {
        let rig = &mut rig;
        std::thread::scope(|scope| scope.spawn(move || rig.bursts(4, 8)).join().is_ok())
            .then_some(())
            .ok_or_else(|| "a thread ended early".to_owned())?;
    }
    rig.everyday();
    Ok(String::new())
}

fn at_once(subject: &Subject) -> Verdict {
    let mut rig = Rig::new(subject, 4, 2)?;
    let sets: Vec<Vec<Vec<InFrame>>> = (0..2).map(|port| (0..16).map(|_| rig.ordinary(port, 6)).collect()).collect();
    let (now, ports, together) = (rig.now, rig.ports.clone(), std::sync::Barrier::new(2));
    std::thread::scope(|scope| {
        for ((worker, bursts), port) in rig.switch.workers().iter_mut().zip(sets).zip(ports) {
            let together = &together;
            scope.spawn(move || {
                for (at, burst) in bursts.iter().enumerate() {
                    together.wait();
                    worker.feed(now + at as u64 * 1_000, port, burst);
                }
            });
        }
    });
    rig.wait(MS);
    rig.switch.collect();
    (0..30).for_each(|_| drop(rig.tick()));
    Ok(String::new())
}

fn process(subject: &Subject) -> Verdict {
    let before = process::Facts::now();
    let mut rig = Rig::new(subject, 4, 1)?;
    rig.everyday();
    rig.switch.disable(rig.extension);
    drop(rig);
    let after = process::Facts::now();
    if process::has_children() {
        return Err("it started a process that is still there".to_owned());
    }
    // Threads and descriptors have cases of their own.
    before.compare(&after.with_resources_of(&before))
}
