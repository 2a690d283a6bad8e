//! Configuration while an extension runs: published keys are checked before it is called, changes take effect without a
//! lost frame, and what is refused changes nothing.

use super::lab::{Lab, library, wait_for, with_mac};
use super::traffic::{mac, numbered};
use heddle_host::control::error::ControlError;
use heddle_host::control::model::{ConfigChange, ExtensionId, ExtensionSettings, FailPolicy, SettingKind};
use heddle_host::control::plane::{ControlPlane, ControlResult};
use heddle_host::ports::memory::MemoryEnd;
use heddle_switch_core::offload::Offload;

const DROP: &str = "org.heddle.test.drop-every-nth";

fn configure(lab: &Lab, set: &[(&str, &str)], unset: &[&str]) -> ControlResult<ExtensionSettings> {
    let set = set.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    let change = ConfigChange::new(set, unset.iter().map(|key| (*key).to_owned()).collect())?;
    lab.engine.configure_extension(&lab.switch, &ExtensionId::new(DROP).unwrap(), &change)
}

fn value(settings: &ExtensionSettings, key: &str) -> (Option<String>, bool) {
    let found = settings.settings.iter().find(|setting| setting.key == key).unwrap();
    (found.value.clone(), found.given)
}

/// Sends frames and counts those that arrive; the others must have been dropped by the extension.
fn arrived(lab: &Lab, a: &mut MemoryEnd, b: &mut MemoryEnd, count: u64) -> u64 {
    let dropped = || lab.drops().iter().map(|(_, count)| *count).sum::<u64>();
    let (before, mut there) = (dropped(), 0);
    for number in 0..count {
        a.send(&numbered(mac(1, 1), mac(2, 1), 0, number, 60), None, &Offload::default()).unwrap();
    }
    wait_for("every frame's fate", || {
        while b.receive().is_some() {
            there += 1;
        }
        there + dropped() - before == count
    });
    there
}

#[test]
fn a_change_takes_effect_while_it_runs_and_what_is_refused_changes_nothing() {
    let lab = Lab::new(2);
    let mut a = lab.add("a", &with_mac(mac(1, 1)));
    let mut b = lab.add("b", &with_mac(mac(2, 1)));
    let file = library("heddle-test-drop-every-nth");
    lab.enable(file.to_str().unwrap(), &[("n", "3")]);
    assert_eq!(arrived(&lab, &mut a, &mut b, 300), 200, "every third is dropped");

    let settings = configure(&lab, &[("n", "2")], &[]).unwrap();
    assert_eq!(value(&settings, "n"), (Some("2".to_owned()), true));
    assert_eq!(arrived(&lab, &mut a, &mut b, 300), 150, "every second, without a new instance");
    assert_eq!(lab.extension(DROP).config["n"], "2");
    let counters = lab.extension(DROP).counters;
    assert_eq!(counters.iter().find(|counter| counter.name == "dropped").unwrap().value, 250, "counters go on");

    for (set, unset, words) in [
        (vec![("m", "1")], vec![], "config 'm' is no key of this extension, nearest is 'n'; use one of: n, leg"),
        (
            vec![("n", "many")],
            vec![],
            "config 'n=many' is no whole number; give a whole number from 0 to 1000000000 frames",
        ),
        (vec![("n", "5"), ("leg", "both")], vec![], "reads 'leg' only when it is enabled; disable it and enable it"),
        (vec![("n", "0")], vec![], "refused its new configuration: n=0: nothing is the 0th frame; use 1 or more"),
        (vec![], vec!["m"], "config 'm' is no key of this extension, nearest is 'n'"),
    ] {
        let refused = configure(&lab, &set, &unset).unwrap_err();
        assert!(refused.to_string().contains(words), "{refused}");
        assert_eq!(lab.extension(DROP).config["n"], "2");
    }
    assert_eq!(arrived(&lab, &mut a, &mut b, 100), 50);
    let settings = configure(&lab, &[], &["n"]).unwrap();
    assert_eq!(value(&settings, "n"), (Some("2".to_owned()), false), "back to its default");
    lab.settled();
}

#[test]
fn keys_are_published_with_types_units_and_defaults() {
    let lab = Lab::new(1);
    let file = library("heddle-test-drop-every-nth");
    let refused = lab.try_enable(file.to_str().unwrap(), &[("leg", "egres")]).unwrap_err();
    assert!(matches!(refused, ControlError::ExtensionRejected { .. }), "{refused}");
    assert!(
        refused.to_string().contains("config 'leg=egres' is not known; give one of: ingress, egress, both"),
        "{refused}"
    );
    lab.enable(file.to_str().unwrap(), &[]);
    let settings = lab.engine.extension_settings(&lab.switch, &ExtensionId::new(DROP).unwrap()).unwrap();
    assert!(settings.published);
    let [n, leg] = settings.settings.as_slice() else { panic!("{settings:?}") };
    assert_eq!(
        (n.kind, n.unit.as_str(), n.range, n.changeable),
        (SettingKind::Integer, "frames", Some((0, 1_000_000_000)), true)
    );
    assert_eq!((leg.kind, leg.choices.len(), leg.changeable), (SettingKind::Choice, 3, false));
    assert_eq!((n.default.as_deref(), leg.value.as_deref(), leg.given), (Some("2"), Some("ingress"), false));

    let passthrough = lab.enable(library("heddle-passthrough").to_str().unwrap(), &[]).id;
    let id = ExtensionId::new(&passthrough).unwrap();
    let none = lab.engine.extension_settings(&lab.switch, &id).unwrap();
    assert!(!none.published && none.settings.is_empty());
    let change = ConfigChange::new(vec![("fast".to_owned(), "yes".to_owned())], Vec::new()).unwrap();
    let refused = lab.engine.configure_extension(&lab.switch, &id, &change).unwrap_err();
    assert!(
        refused.to_string().contains("takes no new configuration while it runs; disable it and enable it"),
        "{refused}"
    );
}

#[test]
fn the_fail_policy_changes_while_an_extension_runs_and_while_it_does_not() {
    let lab = Lab::new(2);
    let mut a = lab.add("a", &with_mac(mac(1, 1)));
    let mut b = lab.add("b", &with_mac(mac(2, 1)));
    // In each periodic call: it is quarantined at once, and what stands in for it fails each frame.
    lab.enable(super::specimens::PANICS, &[("at", "tick")]);
    let id = ExtensionId::new(super::specimens::PANICS).unwrap();
    let becomes = |policy| {
        let change = ConfigChange::with_policy(Vec::new(), Vec::new(), Some(policy)).unwrap();
        lab.engine.configure_extension(&lab.switch, &id, &change).unwrap();
        assert_eq!(lab.extension(id.as_str()).fail_policy, policy);
    };
    becomes(FailPolicy::Closed);
    wait_for("the quarantine", || lab.extension(id.as_str()).quarantine.is_some());
    for (policy, expected) in [(FailPolicy::Closed, 0), (FailPolicy::Open, 20), (FailPolicy::Closed, 0)] {
        becomes(policy);
        assert_eq!(arrived(&lab, &mut a, &mut b, 20), expected, "{policy}");
    }
    let none = ConfigChange::with_policy(Vec::new(), Vec::new(), Some(FailPolicy::Extension));
    assert!(none.is_err() && ConfigChange::with_policy(Vec::new(), Vec::new(), None).is_err());
    lab.settled();
}
