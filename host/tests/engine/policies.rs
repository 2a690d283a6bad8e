//! Policies through the engine: features with types, vetoes and who is told, standard policy, status, validation ports.

use super::governed::{LIMIT, LIMITS, QUOTAS, STEWARD, take_heard};
use super::lab::{Lab, access};
use heddle_host::control::error::{ControlError, ErrorClass};
use heddle_host::control::model::{
    BackendKind, BackendSpec, ExtensionId, PolicyChange, PolicyKey, PolicySpec, PolicyView, PortChange, PortName,
    PortSpec,
};
use heddle_host::control::plane::{ControlPlane, ControlResult};

fn key(feature: &str, port: Option<&str>, instance: Option<&str>) -> PolicyKey {
    PolicyKey::new(feature, port.map(|port| PortName::new(port).unwrap()), instance).unwrap()
}

fn spec(key: PolicyKey, values: &[(&str, &str)]) -> PolicySpec {
    PolicySpec::new(key, values.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()).unwrap()
}

fn add(lab: &Lab, feature: &str, port: &str, values: &[(&str, &str)]) -> ControlResult<PolicyView> {
    let spec = spec(key(feature, Some(port), None), values);
    lab.engine.change_policy(&lab.switch, &PolicyChange::Add(spec))
}

fn heard(lab: &Lab) -> Vec<String> {
    take_heard(lab.switch.as_str())
}

fn fields(view: &PolicyView) -> Vec<(&str, Option<&str>, bool)> {
    view.fields.iter().map(|field| (field.key.as_str(), field.value.as_deref(), field.given)).collect()
}

/// `limits` above `quotas`: the newest is nearest to the ports.
fn two_filters() -> Lab {
    let lab = Lab::new(1);
    lab.enable(QUOTAS, &[]);
    lab.enable(LIMITS, &[]);
    lab
}

#[test]
fn a_policy_is_offered_inwards_and_its_end_is_told_outwards() {
    let lab = two_filters();
    let _a = lab.add("a", &PortChange::default());
    heard(&lab);
    let view = add(&lab, LIMIT, "a", &[("rate", "7")]).unwrap();
    assert_eq!(fields(&view), [("rate", Some("7"), true), ("on-excess", Some("drop"), false)]);
    assert_eq!(view.extensions, [LIMITS, QUOTAS]);
    let told = ["limits is told Add 7", "quotas is told Add 7", "quotas done Done", "limits done Done"];
    assert_eq!(heard(&lab), told);
    let set = PolicyChange::Set(spec(key(LIMIT, Some("a"), None), &[("rate", "8")]), Vec::new());
    lab.engine.change_policy(&lab.switch, &set).unwrap();
    assert_eq!(heard(&lab)[..2], ["limits is told Update 8", "quotas is told Update 8"]);
    // The lower one refuses: the higher one has the former value back, and is told why.
    let bad = PolicyChange::Set(spec(key(LIMIT, Some("a"), None), &[("rate", "666")]), Vec::new());
    let refused = lab.engine.change_policy(&lab.switch, &bad).unwrap_err();
    assert!(matches!(refused, ControlError::ExtensionVeto { .. }), "{refused}");
    let words = format!(
        "extension '{QUOTAS}' refused policy '{LIMIT}' on port 'a': that rate brings bad luck; disable it or change the request"
    );
    assert_eq!(refused.to_string(), words);
    let told =
        ["limits is told Update 666", "quotas is told Update 666", "limits is told Update 8", "limits done Vetoed"];
    assert_eq!(heard(&lab), told);
    let unset = PolicyChange::Set(spec(key(LIMIT, Some("a"), None), &[]), vec!["rate".to_owned()]);
    lab.engine.change_policy(&lab.switch, &unset).unwrap();
    assert_eq!(heard(&lab)[0], "limits is told Update 100", "its default");
    lab.remove("a");
    let told = heard(&lab);
    assert_eq!(told[..2], ["limits is told Delete ", "quotas is told Delete "], "before the port goes: {told:?}");
    assert_eq!(lab.engine.policies(&lab.switch).unwrap().1, []);
}

#[test]
fn a_veto_for_now_may_be_tried_again_and_leaves_nothing() {
    let lab = two_filters();
    let _a = lab.add("a", &PortChange::default());
    heard(&lab);
    let refused = add(&lab, LIMIT, "a", &[("rate", "500")]).unwrap_err();
    assert!(matches!(refused, ControlError::ExtensionNotNow { .. }), "{refused}");
    assert_eq!((refused.class(), refused.name()), (ErrorClass::Limit, "extension-not-now"));
    assert!(refused.to_string().ends_with("not enough bandwidth; try again later"), "{refused}");
    assert_eq!(heard(&lab), ["limits is told Add 500"]);
    assert_eq!(lab.engine.policies(&lab.switch).unwrap().1, []);
}

#[test]
fn ports_are_vetoed_for_good_or_for_now_and_everyone_who_accepted_hears_of_it() {
    let lab = Lab::new(1);
    lab.enable(LIMITS, &[]);
    lab.enable(QUOTAS, &[]);
    heard(&lab);
    let final_word = lab.try_add("refused", &PortChange::default()).unwrap_err();
    assert!(matches!(final_word, ControlError::ExtensionVeto { .. }), "{final_word}");
    assert_eq!(heard(&lab), ["quotas create", "limits create", "quotas delete", "quotas completed Vetoed"]);
    let for_now = lab.try_add("full", &PortChange::default()).unwrap_err();
    assert!(matches!(for_now, ControlError::ExtensionNotNow { .. }), "{for_now}");
    assert_eq!(heard(&lab).last().unwrap(), "quotas completed NotNow");
    lab.add("a", &PortChange::default());
    let told = heard(&lab);
    assert_eq!(told, ["quotas create", "limits create", "limits completed Done", "quotas completed Done"]);
}

#[test]
fn a_policy_that_does_not_fit_is_refused_before_anybody_is_asked() {
    let lab = two_filters();
    let _a = lab.add("a", &PortChange::default());
    heard(&lab);
    let refusals: Vec<String> = [
        add(&lab, "org.heddle.test.limti", "a", &[]),
        add(&lab, LIMIT, "a", &[("rate", "1001")]),
        add(&lab, LIMIT, "a", &[("rat", "1")]),
        add(&lab, LIMIT, "a", &[("on-excess", "shape")]),
        add(&lab, LIMIT, "b", &[]),
        add(&lab, "heddle.security", "a", &[]),
        lab.engine.change_policy(&lab.switch, &PolicyChange::Add(spec(key(LIMIT, None, None), &[]))),
        lab.engine.change_policy(&lab.switch, &PolicyChange::Remove(key(LIMIT, Some("a"), None))),
    ]
    .into_iter()
    .map(|outcome| outcome.unwrap_err().to_string())
    .collect();
    let expected = [
        "nearest is 'org.heddle.test.limit'",
        "give a whole number from 1 to 1000 frames/s",
        "nearest is 'rate'",
        "give one of: drop, mark",
        "port 'b'",
        "enforced by forwarding extensions and the switch has none",
        "name one with --port",
        "does not exist",
    ];
    for (refusal, words) in refusals.iter().zip(expected) {
        assert!(refusal.contains(words), "{words}: {refusal}");
    }
    assert_eq!(heard(&lab), [""; 0]);
}

#[test]
fn several_instances_have_names_and_the_status_counts_them() {
    let lab = two_filters();
    let _a = lab.add("a", &PortChange::default());
    for name in ["web", "mail"] {
        let one = spec(key(LIMIT, Some("a"), Some(name)), &[("rate", "5")]);
        lab.engine.change_policy(&lab.switch, &PolicyChange::Add(one)).unwrap();
    }
    let port = PortName::new("a").unwrap();
    let id = ExtensionId::new(LIMITS).unwrap();
    let status = lab.engine.feature_status(&lab.switch, &id, Some(&port)).unwrap();
    let field = &status[0].fields[0];
    assert_eq!((field.key.as_str(), field.value.as_str(), field.unit.as_str()), ("limits", "2", "limits"));
    assert_eq!(field.description, "limits on the port");
    assert_eq!(lab.engine.feature_status(&lab.switch, &id, None).unwrap(), [], "nothing to tell of the switch");
    let (features, policies) = lab.engine.policies(&lab.switch).unwrap();
    assert_eq!(policies.len(), 2);
    let limit = features.iter().find(|feature| feature.id == LIMIT).unwrap();
    assert_eq!((limit.fields[0].unit.as_str(), limit.fields[0].default.as_deref()), ("frames/s", Some("100")));
    assert!(features.iter().any(|feature| feature.id == "heddle.security" && feature.extensions.is_empty()));
}

#[test]
fn what_was_put_waits_for_its_extension_and_is_offered_when_it_comes() {
    let lab = two_filters();
    let _a = lab.add("a", &PortChange::default());
    add(&lab, LIMIT, "a", &[("rate", "7")]).unwrap();
    lab.disable(LIMITS);
    lab.disable(QUOTAS);
    assert_eq!(lab.engine.policies(&lab.switch).unwrap().1[0].extensions, [""; 0], "in nobody's hands");
    heard(&lab);
    lab.enable(LIMITS, &[]);
    assert_eq!(heard(&lab), ["limits create", "limits is told Add 7", "limits done Done"]);
    // One that cannot live with what is there is not enabled.
    lab.disable(LIMITS);
    let load = vec![spec(key(LIMIT, Some("a"), None), &[("rate", "13")])];
    lab.engine.load_policies(&lab.switch, load).unwrap();
    let refused = lab.try_enable(LIMITS, &[]).unwrap_err().to_string();
    assert!(refused.contains("that rate brings bad luck"), "{refused}");
    assert!(lab.engine.extensions(Some(&lab.switch)).unwrap().is_empty());
    lab.settled();
}

#[test]
fn policies_that_are_loaded_are_on_a_port_before_its_adapter() {
    let lab = Lab::new(1);
    lab.engine.load_policies(&lab.switch, vec![spec(key(LIMIT, Some("a"), None), &[("rate", "9")])]).unwrap();
    lab.enable(LIMITS, &[]);
    heard(&lab);
    let _a = lab.add("a", &PortChange::default());
    assert_eq!(heard(&lab), ["limits create", "limits completed Done", "limits is told Add 9", "limits done Done"]);
}

#[test]
fn standard_policy_is_the_forwarders_and_refused_when_it_does_not_enforce_it() {
    let lab = Lab::new(1);
    let _a = lab.add("a", &PortChange::default());
    lab.enable(STEWARD, &[]);
    let view = add(&lab, "heddle.security", "a", &[("allow-mac-spoofing", "true")]).unwrap();
    assert_eq!(view.extensions, [STEWARD]);
    let teaming =
        PolicyChange::Set(spec(key("heddle.security", Some("a"), None), &[("allow-teaming", "true")]), vec![]);
    let veto = lab.engine.change_policy(&lab.switch, &teaming).unwrap_err().to_string();
    assert!(veto.contains("teams are not known here"), "{veto}");
    let profile = add(&lab, "heddle.profile", "a", &[("name", "gold")]).unwrap_err().to_string();
    assert!(profile.contains(&format!("is not enforced by forwarding extension '{STEWARD}'")), "{profile}");
    // VLANs likewise: on a new port, on one that is there, and on one that was there before it.
    let vlan = lab.try_add("b", &access(20)).unwrap_err().to_string();
    assert!(vlan.contains(&format!("is not enforced by forwarding extension '{STEWARD}'")), "{vlan}");
    let port = PortName::new("a").unwrap();
    let vlan = lab.engine.set_port(&lab.switch, &port, access(20)).unwrap_err().to_string();
    assert!(vlan.contains("leave the port untagged"), "{vlan}");
    lab.disable(STEWARD);
    lab.engine.set_port(&lab.switch, &port, access(20)).unwrap();
    let refused = lab.try_enable(STEWARD, &[]).unwrap_err().to_string();
    assert!(refused.contains("does not enforce policy 'heddle.vlan' on port 'a'"), "{refused}");
}

#[test]
fn a_port_is_judged_without_being_made() {
    let lab = two_filters();
    heard(&lab);
    let check = |name: &str, rate: Option<&str>| {
        let backend = BackendSpec::new(BackendKind::Memory, None).unwrap();
        let port = PortSpec::new(PortName::new(name).unwrap(), backend, &PortChange::default()).unwrap();
        let policies = rate.map(|rate| spec(key(LIMIT, Some(name), None), &[("rate", rate)]));
        lab.engine.check_port(&lab.switch, port, policies.into_iter().collect())
    };
    let fits = check("a", Some("7")).unwrap();
    assert_eq!(fits.extensions, [LIMITS, QUOTAS]);
    let told = heard(&lab);
    assert_eq!(told.iter().filter(|line| line.ends_with("judges")).count(), 4, "made and taken away: {told:?}");
    assert!(told.contains(&"limits judges Add 7".to_owned()) && told.contains(&"quotas judges Delete ".to_owned()));
    assert!(matches!(check("refused", None), Err(ControlError::ExtensionVeto { .. })));
    assert!(matches!(check("a", Some("13")), Err(ControlError::ExtensionVeto { .. })));
    // What is only unavailable now is no objection.
    check("full", Some("500")).unwrap();
    assert_eq!(lab.engine.ports(&lab.switch).unwrap(), []);
    assert_eq!(lab.engine.policies(&lab.switch).unwrap().1, []);
    // Ids are not given again.
    let _a = lab.add("a", &PortChange::default());
    assert!(lab.port("a").id > 4_096);
}

#[test]
fn policies_are_kept_over_restarts_and_go_with_their_port() {
    let directory = tempfile::tempdir().unwrap();
    let run = |nth: u32| {
        let runs = directory.path().join(format!("run{nth}"));
        std::fs::create_dir(&runs).unwrap();
        let engine = std::sync::Arc::new(heddle_host::engine::Engine::new(&runs, Vec::new()).unwrap());
        heddle_host::state::Durable::open(engine, &directory.path().join("state")).unwrap()
    };
    let switch = heddle_host::control::model::SwitchName::new("kept-policies").unwrap();
    let name = PortName::new("a").unwrap();
    let add_port = |plane: &dyn ControlPlane| {
        let backend = BackendSpec::new(BackendKind::Memory, None).unwrap();
        plane.add_port(&switch, PortSpec::new(name.clone(), backend, &PortChange::default()).unwrap()).unwrap();
    };
    let first = run(1);
    let spec_of = |values: &[(&str, &str)]| spec(key(LIMIT, Some("a"), None), values);
    first
        .create_switch(heddle_host::control::model::SwitchSpec::new(
            switch.clone(),
            heddle_host::control::model::SwitchType::Private,
            heddle_host::control::model::WorkerCount::new(1).unwrap(),
            heddle_host::control::model::AgeingTime::new(300).unwrap(),
        ))
        .unwrap();
    let limits = heddle_host::control::model::ExtensionRef::new(LIMITS).unwrap();
    let config = heddle_host::control::model::ExtensionConfig::default();
    first.enable_extension(&switch, &limits, config).unwrap();
    add_port(&first);
    first.change_policy(&switch, &PolicyChange::Add(spec_of(&[("rate", "7")]))).unwrap();
    let set = PolicyChange::Set(spec_of(&[("on-excess", "mark")]), Vec::new());
    first.change_policy(&switch, &set).unwrap();
    first.change_policy(&switch, &PolicyChange::Set(spec_of(&[("rate", "13")]), Vec::new())).unwrap_err();
    first.shut_down();
    drop(first);
    take_heard(switch.as_str());
    let second = run(2);
    let heard = take_heard(switch.as_str());
    let told = ["limits create", "limits completed Done", "limits is told Add 7", "limits done Done"];
    assert_eq!(heard, told, "before the adapter is plugged in");
    let (_, policies) = second.policies(&switch).unwrap();
    assert_eq!(fields(&policies[0]), [("rate", Some("7"), true), ("on-excess", Some("mark"), true)]);
    second.remove_port(&switch, &name).unwrap();
    second.shut_down();
    drop(second);
    let third = run(3);
    assert_eq!(third.policies(&switch).unwrap().1, []);
    third.shut_down();
}
