//! A filter in the switch process that writes what cannot be into descriptors: put back or dropped with a reason, and counted.

use heddle_host::control::plane::ControlPlane;
use heddle_switch_core::offload::Offload;

use super::cheats::{cheat, id_of};
use super::lab::{Lab, wait_for, with_mac};
use super::traffic::{mac, numbered};

/// What it does to each packet, the rule that breaks, and the reason its frames are dropped for; none = they go on as they were.
const SINS: [(&str, &str, &str, Option<&str>); 12] = [
    (
        "length-of-no-buffer",
        "host->make_writable(batch->call, index); packet->length = 60000;",
        "frame-outside-buffer",
        Some("extension-bad-bounds"),
    ),
    (
        "endless-length",
        "host->make_writable(batch->call, index); packet->length = 0xffffffffu;",
        "frame-outside-buffer",
        Some("extension-bad-bounds"),
    ),
    (
        "start-of-neighbour",
        "host->make_writable(batch->call, index); packet->start = 0xffff;",
        "frame-outside-buffer",
        Some("extension-bad-bounds"),
    ),
    (
        "no-header",
        "host->make_writable(batch->call, index); packet->length = 13;",
        "frame-outside-buffer",
        Some("extension-bad-bounds"),
    ),
    ("unknown-verdict", "packet->verdict = 99;", "verdict-not-allowed", Some("extension-bad-verdict")),
    (
        "verdict-of-forwarders",
        "packet->verdict = HEDDLE_VERDICT_TO_PORT;",
        "verdict-not-allowed",
        Some("extension-bad-verdict"),
    ),
    ("longer", "packet->length += 100;", "field-changed", None),
    ("moved", "packet->start += 64;", "field-changed", None),
    ("other-buffer", "packet->buffer += 64;", "field-changed", None),
    ("buffer-of-nowhere", "packet->buffer = 0xffffffffu;", "field-changed", None),
    ("other-source", "packet->source_port = 77;", "field-changed", None),
    (
        "all-ones",
        "uint8_t verdict = packet->verdict; memset(packet, 0xff, sizeof *packet); packet->verdict = verdict;",
        "field-changed",
        None,
    ),
];
const FRAMES: u64 = 50;

#[test]
fn what_cannot_be_is_put_back_or_dropped_and_counted_by_rule() {
    for (name, lines, rule, reason) in SINS {
        let lab = Lab::new(1);
        let (mut a, mut b) = (lab.add("a", &with_mac(mac(1, 1))), lab.add("b", &with_mac(mac(2, 1))));
        // Only frames with a mark of their own, so that others show that nothing else is touched.
        let marked = format!("#define ON_IN if (bytes[63] == 0x77) {{ {lines} }}");
        let file = cheat(&lab, name, name, &marked);
        lab.enable(file.to_str().unwrap(), &[]);
        let mut expected = Vec::new();
        for number in 0..2 * FRAMES {
            let mut frame = numbered(mac(1, 1), mac(2, 1), 0, number, 64);
            let is_marked = number % 2 == 1;
            if is_marked {
                frame[63] = 0x77;
            }
            a.send(&frame, None, &Offload::default()).unwrap();
            if !is_marked || reason.is_none() {
                expected.push(frame);
            }
        }
        let mut arrived = Vec::new();
        wait_for(&format!("the frames of {name} that go on"), || {
            while let Some(frame) = b.receive() {
                arrived.push(frame.bytes);
            }
            arrived.len() >= expected.len()
        });
        assert!(arrived == expected, "{name}: a frame was changed, lost or came out of order");
        // Header facts and the rest are put back one after the other, and count each.
        let enough = || lab.extension(&id_of(name)).violations.iter().any(|one| one.count >= FRAMES);
        wait_for(&format!("the violations of {name}"), enough);
        let view = lab.extension(&id_of(name));
        let told = view.violations.iter().find(|one| one.rule == rule);
        assert_eq!(told.and_then(|one| one.port.as_deref()), Some("a"), "{name}: {:?}", view.violations);
        let dropped: Vec<_> = reason.map(|reason| (reason.to_owned(), FRAMES)).into_iter().collect();
        wait_for(&format!("the drops of {name}"), || lab.drops() == dropped);
        let load = lab.engine.loads(&lab.switch).unwrap();
        assert_eq!(load[0].dropped, if reason.is_some() { FRAMES } else { 0 }, "{name}: under its name");
        lab.settled();
    }
}
