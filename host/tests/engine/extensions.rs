//! Extensions by the operator's words: found, configured, listed, refused, and deciding on real frames.

use super::lab::{Lab, library, wait_for, with_mac};
use super::specimens::{PANICS, RELUCTANT};
use super::traffic::{mac, numbered};
use heddle_host::control::error::ControlError;
use heddle_host::control::model::PortChange;
use heddle_host::control::plane::ControlPlane;
use heddle_host::ports::memory::source::number_of;
use heddle_switch_core::offload::Offload;

fn path(package: &str) -> String {
    library(package).to_str().unwrap().to_owned()
}

#[test]
fn enabling_twice_and_disabling_what_is_not_there_are_refused() {
    let lab = Lab::new(1);
    lab.enable(PANICS, &[("at", "nowhere")]);
    let twice = lab.try_enable(PANICS, &[]).unwrap_err();
    assert!(matches!(twice, ControlError::ExtensionEnabled { .. }), "{twice}");
    assert_eq!(lab.extension(PANICS).config.get("at").map(String::as_str), Some("nowhere"), "it is as it was");
    let absent = lab.engine.disable_extension(
        &lab.switch,
        &heddle_host::control::model::ExtensionId::new("org.heddle.test.panic").unwrap(),
    );
    let text = absent.unwrap_err().to_string();
    assert!(text.contains(&format!("nearest is '{PANICS}'")), "{text}");
}

#[test]
fn an_extension_that_refuses_its_configuration_is_not_enabled_in_its_own_words() {
    let lab = Lab::new(2);
    let file = path("heddle-test-drop-every-nth");
    for (config, words) in [(("n", "0"), "n=0: nothing is the 0th frame"), (("m", "1"), "m"), (("n", "x"), "n")] {
        let refused = lab.try_enable(&file, &[config]).unwrap_err();
        assert!(matches!(refused, ControlError::ExtensionRejected { .. }), "{refused}");
        assert!(refused.to_string().contains(words), "{refused}");
        assert_eq!(lab.engine.extensions(Some(&lab.switch)).unwrap(), []);
    }
    lab.settled();
}

#[test]
fn a_second_forwarding_extension_is_refused_by_the_name_of_the_first() {
    let lab = Lab::new(2);
    let _a = lab.add("a", &PortChange::default());
    lab.enable(&path("heddle-test-forward-table"), &[]);
    let refused = lab.try_enable(RELUCTANT, &[]).unwrap_err();
    let expected = format!(
        "switch '{}' already has the forwarding extension 'org.heddle.test.forward-table'; disable it before enabling \
         '{RELUCTANT}'",
        lab.switch
    );
    assert_eq!(refused.to_string(), expected);
}

#[test]
fn a_veto_names_the_extension_and_leaves_no_port() {
    let lab = Lab::new(2);
    lab.enable(RELUCTANT, &[]);
    // Refused as a port, and refused when its adapter would be plugged in.
    for name in ["forbidden", "forbidden-nic"] {
        let refused = lab.try_add(name, &PortChange::default()).unwrap_err();
        assert!(matches!(refused, ControlError::ExtensionVeto { .. }), "{refused}");
        let text = refused.to_string();
        assert!(text.starts_with(&format!("extension '{RELUCTANT}' refused port '{name}': ")), "{text}");
        assert!(text.contains("no port of that name here"), "{text}");
        assert_eq!(lab.engine.ports(&lab.switch).unwrap(), []);
        assert_eq!(lab.engine.switch(&lab.switch).unwrap().ports, 0);
    }
    lab.add("allowed", &PortChange::default());
    assert_eq!(lab.engine.ports(&lab.switch).unwrap().len(), 1);
}

#[test]
fn held_frames_are_released_in_order_and_cloned_ones_are_counted() {
    let lab = Lab::new(2);
    let mut a = lab.add("a", &with_mac(mac(1, 1)));
    let mut b = lab.add("b", &with_mac(mac(2, 1)));
    lab.enable(&path("heddle-test-hold-release"), &[("ms", "3")]);
    lab.enable(&path("heddle-test-inject"), &[("n", "10")]);
    for number in 0..1_000 {
        a.send(&numbered(mac(1, 1), mac(2, 1), 0, number, 80), None, &Offload::default()).unwrap();
    }
    let mut seen = std::collections::BTreeMap::new();
    let mut firsts = Vec::new();
    wait_for("1000 frames and 100 clones", || {
        while let Some(frame) = b.receive() {
            let (_, number) = number_of(&frame.bytes).unwrap();
            let count = seen.entry(number).or_insert(0_u32);
            *count += 1;
            if *count == 1 {
                firsts.push(number);
            }
        }
        seen.values().sum::<u32>() >= 1_100
    });
    assert_eq!(seen.len(), 1_000);
    assert_eq!(seen.values().filter(|count| **count == 2).count(), 100);
    assert_eq!(firsts, (0..1_000).collect::<Vec<_>>(), "in order");
    lab.disable("org.heddle.test.hold-release");
    lab.settled();
    assert_eq!(lab.drops(), []);
}

#[test]
fn a_forwarding_extension_decides_where_frames_go() {
    let lab = Lab::new(2);
    lab.enable(&path("heddle-test-forward-table"), &[]);
    let mut ends: Vec<_> = ["a", "b", "c"].iter().map(|name| lab.add(name, &PortChange::default())).collect();
    // Groups are published by the maintenance thread.
    let frame = numbered(mac(1, 1), mac(2, 1), 0, 0, 60);
    let mut floods = 0;
    wait_for("the flood to reach both others", || {
        ends[0].send(&frame, None, &Offload::default()).unwrap();
        floods += 1;
        std::thread::sleep(std::time::Duration::from_millis(20));
        let got: Vec<bool> = ends.iter_mut().map(|end| std::iter::from_fn(|| end.receive()).count() > 0).collect();
        got == [false, true, true]
    });
    lab.disable("org.heddle.test.forward-table");
    lab.settled();
}
