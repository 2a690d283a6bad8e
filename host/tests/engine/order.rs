//! A new order of extensions under traffic: every frame passes each extension once, in the old order or the new one, on
//! every worker, and none is lost. What an extension logs is kept for the operator.

use super::lab::{Lab, alone, wait_for, with_mac};
use super::specimens::{COUNTED, PANICS, RELUCTANT};
use super::stamps::{STAMP_A, STAMP_B};
use super::traffic::{mac, numbered};
use heddle_host::control::error::{ControlError, ErrorClass};
use heddle_host::control::model::{ExtensionId, ExtensionOrder, ExtensionView, LogSeverity};
use heddle_host::control::plane::{ControlPlane, ControlResult};
use heddle_host::loader::LINES_MAX;
use heddle_host::ports::memory::source::number_of;
use heddle_switch_core::offload::Offload;
use std::collections::BTreeMap;

fn order(lab: &Lab, ids: &[&str]) -> ControlResult<Vec<ExtensionView>> {
    let ids = ids.iter().map(|id| ExtensionId::new(id).unwrap()).collect();
    lab.engine.order_extensions(&lab.switch, &ExtensionOrder::new(ids)?)
}

/// The stamps at the end of a frame.
fn stamps(frame: &[u8]) -> String {
    frame[frame.len() - 2..].iter().map(|byte| char::from(*byte)).collect()
}

#[test]
fn a_new_order_loses_no_frame_and_holds_on_every_worker() {
    let _alone = alone();
    let lab = Lab::new(2);
    let ports = [("a", "b", 0_u16, 1_u8), ("c", "d", 1, 3)];
    let mut pairs: Vec<_> = ports
        .iter()
        .map(|(from, to, worker, number)| {
            let far = lab.add(to, &with_mac(mac(number + 1, 1)));
            (lab.add_on_worker(*worker, from, &with_mac(mac(*number, 1))), far, *number)
        })
        .collect();
    lab.enable(STAMP_A, &[]);
    lab.enable(STAMP_B, &[]);
    let mut seen: Vec<BTreeMap<u64, String>> = vec![BTreeMap::new(); 2];
    let mut sent = 0;
    for round in 0..100 {
        let (first, last) = if round % 2 == 0 { (STAMP_A, STAMP_B) } else { (STAMP_B, STAMP_A) };
        let changing = std::thread::scope(|scope| {
            let changing = scope.spawn(|| order(&lab, &[first, last]).unwrap());
            for _ in 0..8 {
                for (from, _, number) in &mut pairs {
                    let frame = numbered(mac(*number, 1), mac(*number + 1, 1), 0, sent, 80);
                    from.send(&frame, None, &Offload::default()).unwrap();
                }
                sent += 1;
            }
            changing.join().unwrap()
        });
        let ids: Vec<&str> = changing.iter().map(|view| view.id.as_str()).collect();
        assert_eq!(ids, [first, last]);
        // What comes after the answer passes in the new order, whichever worker takes it in.
        for (from, _, number) in &mut pairs {
            let frame = numbered(mac(*number, 1), mac(*number + 1, 1), 0, sent, 80);
            from.send(&frame, None, &Offload::default()).unwrap();
        }
        let marked = sent;
        sent += 1;
        let expected = if first == STAMP_A { "AB" } else { "BA" };
        for ((_, far, _), seen) in pairs.iter_mut().zip(&mut seen) {
            wait_for("the marked frame", || {
                while let Some(frame) = far.receive() {
                    let (_, number) = number_of(&frame.bytes).unwrap();
                    assert!(seen.insert(number, stamps(&frame.bytes)).is_none(), "frame {number} came twice");
                }
                seen.contains_key(&marked)
            });
            assert_eq!(seen[&marked], expected, "round {round}");
        }
    }
    for seen in &seen {
        assert_eq!(seen.len(), usize::try_from(sent).unwrap(), "no frame was lost");
        assert!(seen.values().all(|stamps| stamps == "AB" || stamps == "BA"), "each extension saw each frame once");
    }
    lab.settled();
    assert_eq!(lab.drops(), []);
}

#[test]
fn an_order_that_cannot_be_is_refused_and_changes_nothing() {
    let lab = Lab::new(1);
    for (id, config) in [(COUNTED, vec![]), (STAMP_A, vec![]), (RELUCTANT, vec![]), (PANICS, vec![("at", "nowhere")])] {
        lab.enable(id, &config);
    }
    let ids = || lab.engine.extensions(Some(&lab.switch)).unwrap().into_iter().map(|view| view.id).collect::<Vec<_>>();
    let before = ids();
    assert_eq!(before, [PANICS, STAMP_A, COUNTED, RELUCTANT], "the newest filter first, the forwarding extension last");
    let crossing = order(&lab, &[RELUCTANT, STAMP_A, PANICS, COUNTED]).unwrap_err();
    assert_eq!(
        crossing.to_string(),
        format!(
            "extension '{RELUCTANT}' (forwarding) cannot come before '{STAMP_A}' (filter): captures come first, then \
             filters, then the forwarding extension; order the extensions of one role at a time"
        )
    );
    let missing = order(&lab, &[STAMP_A, COUNTED]).unwrap_err();
    assert_eq!(missing.class(), ErrorClass::Refused);
    assert!(missing.to_string().contains(&format!("leaves out '{PANICS}'; name all enabled")), "{missing}");
    let absent = order(&lab, &[STAMP_B]).unwrap_err();
    assert!(matches!(absent, ControlError::ExtensionNotEnabled { .. }), "{absent}");
    assert_eq!(ids(), before);
    let stack = order(&lab, &[COUNTED, STAMP_A, PANICS, RELUCTANT]).unwrap();
    assert_eq!(stack.iter().map(|view| view.order).collect::<Vec<_>>(), [Some(0), Some(1), Some(2), Some(3)]);
    assert_eq!(ids(), [COUNTED, STAMP_A, PANICS, RELUCTANT]);
    // A newcomer is nearest to the ports, whatever the order was.
    lab.enable(STAMP_B, &[]);
    assert_eq!(ids(), [STAMP_B, COUNTED, STAMP_A, PANICS, RELUCTANT]);
}

#[test]
fn the_last_lines_of_an_extension_are_kept() {
    let lab = Lab::new(2);
    let _a = lab.add("a", &with_mac(mac(1, 1)));
    lab.enable(STAMP_A, &[("lines", "300")]);
    lab.enable(STAMP_B, &[]);
    let id = ExtensionId::new(STAMP_A).unwrap();
    let log = lab.engine.extension_log(&lab.switch, &id, None).unwrap();
    assert_eq!((log.lines.len(), log.dropped), (LINES_MAX, 300 - LINES_MAX as u64));
    assert_eq!(log.lines.last().map(|line| (line.text.as_str(), line.severity)), Some(("line 299", LogSeverity::Warn)));
    let two = lab.engine.extension_log(&lab.switch, &id, Some(2)).unwrap().lines;
    assert_eq!(two.iter().map(|line| line.text.as_str()).collect::<Vec<_>>(), ["line 298", "line 299"]);
    let silent = lab.engine.extension_log(&lab.switch, &ExtensionId::new(STAMP_B).unwrap(), None).unwrap();
    assert_eq!((silent.lines, silent.dropped), (Vec::new(), 0), "of this extension alone");
}
