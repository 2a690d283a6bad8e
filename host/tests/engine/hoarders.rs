//! Extensions in the switch process that take without end: what each can have is bounded, told, and given back with it.
//!
//! Frames go on in each case. What an extension takes from the process itself (memory, descriptors) is not the host's to
//! bound here: that takes a process of its own (`hostile`).

use heddle_host::control::model::{ExtensionId, PortName};
use heddle_host::control::plane::ControlPlane;
use heddle_host::ports::memory::MemoryEnd;
use heddle_switch_core::offload::Offload;

use super::cheats::{cheat, id_of};
use super::lab::{Lab, wait_for, with_mac};
use super::traffic::{mac, numbered};

/// Counters and drop reasons of one extension.
const PER_EXTENSION: usize = 64;
/// Lines of its log that are kept.
const LINES: usize = 256;
/// References it may have.
const REFERENCES: u64 = 65_536;
/// Frames that one worker holds for all.
const HELD: u64 = 16_384;

/// A switch with two ports and the hoarder.
fn hoards(name: &str, lines: &str) -> (Lab, MemoryEnd, MemoryEnd) {
    let lab = Lab::new(1);
    let (a, b) = (lab.add("a", &with_mac(mac(1, 1))), lab.add("b", &with_mac(mac(2, 1))));
    let file = cheat(&lab, name, name, lines);
    lab.enable(file.to_str().unwrap(), &[]);
    (lab, a, b)
}

/// A frame goes through.
fn forwards(a: &mut MemoryEnd, b: &mut MemoryEnd, number: u64) {
    let frame = numbered(mac(1, 1), mac(2, 1), 0, number, 64);
    a.send(&frame, None, &Offload::default()).unwrap();
    wait_for("a frame", || b.receive().is_some_and(|arrived| arrived.bytes == frame));
}

/// Statements that register without end under names of their own.
fn registers(function: &str, more: &str) -> String {
    format!(
        "#include <stdio.h>\n#define COUNTER_FAILS\n#define REASON_FAILS\n#define ON_CREATE \
         for (int i = 0; i < 1000; i++) {{ char name[16]; uint32_t word; \
         heddle_bytes_t own = {{(const uint8_t *)name, (uint64_t)snprintf(name, sizeof name, \"own-%d\", i)}}; \
         host->{function}(host->context, own, HEDDLE_TEXT(\"frames\"), (void *){more}); }}"
    )
}

#[test]
fn counters_and_drop_reasons_are_bounded_and_shown() {
    for (name, function) in [("many-counters", "counter_register"), ("many-reasons", "drop_reason_register")] {
        let (lab, mut a, mut b) = hoards(name, &registers(function, "&word"));
        forwards(&mut a, &mut b, 0);
        let view = lab.extension(&id_of(name));
        let (counters, reasons) = (view.counters.len(), view.drop_reasons.len());
        let own = if name == "many-counters" { counters } else { reasons };
        assert_eq!(own, PER_EXTENSION, "{name}: {counters} counters, {reasons} reasons");
        lab.settled();
    }
}

#[test]
fn its_log_keeps_the_last_lines_and_says_how_many_are_gone() {
    let talks = "#define ON_TICK for (int i = 0; i < 5000; i++) { host->log(host->context, HEDDLE_LOG_DEBUG, HEDDLE_TEXT(\"again\")); }";
    let (lab, mut a, mut b) = hoards("talks", talks);
    let id = ExtensionId::new(&id_of("talks")).unwrap();
    wait_for("lines", || lab.engine.extension_log(&lab.switch, &id, None).unwrap().dropped > 5_000);
    let log = lab.engine.extension_log(&lab.switch, &id, None).unwrap();
    assert_eq!((log.lines.len(), log.capacity as usize), (LINES, LINES));
    forwards(&mut a, &mut b, 0);
    lab.settled();
}

#[test]
fn references_are_bounded_shown_and_given_back_with_it() {
    let refers = "#define ON_TICK for (int i = 0; i < 100000 && instance->ports > 0; i++) \
                  { host->port_reference(host->context, instance->connected[0]); }";
    let (lab, mut a, mut b) = hoards("refers", refers);
    wait_for("its references", || lab.extension(&id_of("refers")).references == REFERENCES);
    forwards(&mut a, &mut b, 0);
    assert_eq!(lab.extension(&id_of("refers")).references, REFERENCES);
    lab.disable(&id_of("refers"));
    lab.engine.remove_port(&lab.switch, &PortName::new("a").unwrap()).unwrap();
    lab.settled();
}

#[test]
fn groups_are_bounded_and_given_back_with_it() {
    let groups = "#define ROLE HEDDLE_ROLE_FORWARDING\n#define ON_CREATE for (uint32_t group, i = 0; i < 5000; i++) \
                  { if (host->group_create(host->context, instance->connected, 0, &group) != HEDDLE_OK) break; \
                  instance->word++; if (i == 1022) break; }";
    // It leaves one for its own use; with none left it could not be made.
    let (lab, mut a, mut b) = hoards("groups", groups);
    forwards(&mut a, &mut b, 0);
    lab.disable(&id_of("groups"));
    let greedy = groups.replace("if (i == 1022) break;", "");
    let file = cheat(&lab, "all-groups", "all-groups", &greedy);
    let refused = lab.try_enable(file.to_str().unwrap(), &[]).unwrap_err().to_string();
    assert!(refused.contains("the host registers nothing more"), "{refused}");
    let file = cheat(&lab, "groups-again", "groups", groups);
    lab.enable(file.to_str().unwrap(), &[]);
    forwards(&mut a, &mut b, 1);
    lab.settled();
}

#[test]
fn held_frames_are_bounded_and_every_frame_is_accounted_for() {
    let holds = "#define ON_IN uint64_t handle; host->hold(batch->call, index, &handle);";
    let (lab, mut a, mut b) = hoards("holds", holds);
    let (mut sent, mut arrived) = (0, 0);
    let law = || lab.engine.switch(&lab.switch).unwrap().law;
    // Two thousand more than there is room for: those it could not hold go on.
    wait_for("frames it cannot hold", || {
        for _ in 0..64 {
            let frame = numbered(mac(1, 1), mac(2, 1), 0, sent, 64);
            sent += u64::from(a.send(&frame, None, &Offload::default()).is_ok());
        }
        while b.receive().is_some() {
            arrived += 1;
        }
        arrived > 2_000 || sent > 4 * HELD
    });
    let held = law().held;
    assert!((1..=HELD).contains(&held) || arrived > 0, "{held} held, {arrived} of {sent} arrived");
    lab.disable(&id_of("holds"));
    wait_for("nothing to be held", || law().held == 0);
    forwards_at_last(&mut a, &mut b, sent);
    lab.settled();
}

/// A frame goes through behind those that wait.
fn forwards_at_last(a: &mut MemoryEnd, b: &mut MemoryEnd, number: u64) {
    let frame = numbered(mac(1, 1), mac(2, 1), 0, number, 64);
    wait_for("room at the port", || a.send(&frame, None, &Offload::default()).is_ok());
    wait_for("a frame", || b.receive().is_some_and(|arrived| arrived.bytes == frame));
}

#[test]
fn drafts_that_are_never_injected_end_with_their_call() {
    let drafts = "#define ON_INGRESS for (int i = 0; i < 100000; i++) { uint64_t handle; heddle_packet_t draft; \
                  if (host->originate(batch->call, 60, &handle, &draft) != HEDDLE_OK) { instance->word++; break; } }";
    let (lab, mut a, mut b) = hoards("drafts", drafts);
    let free = || -> u64 { lab.engine.engine().unwrap().buffers.iter().map(|class| class.free).sum() };
    forwards(&mut a, &mut b, 0);
    let before = free();
    for number in 1..200 {
        forwards(&mut a, &mut b, number);
    }
    wait_for("the buffers to be back", || free() >= before);
    lab.settled();
}
