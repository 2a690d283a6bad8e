//! The control path of an extension in a process of its own: the same requests give the same answers, and the extension is
//! told the same, as in this process.

use super::isolation::in_c;
use super::lab::{Lab, access, wait_for};
use super::upgrade::Start;
use heddle_host::control::error::ControlError;
use heddle_host::control::model::{
    BackendKind, BackendSpec, ExtensionId, PolicyChange, PolicyKey, PolicySpec, PortChange, PortName, PortSpec,
};
use heddle_host::control::plane::ControlPlane;

const LIMIT: &str = "org.heddle.test.c-limit";

fn change(lab: &Lab, wanted: impl FnOnce(PolicySpec) -> PolicyChange, port: &str, values: &[(&str, &str)]) -> String {
    put(lab, wanted, (LIMIT, port), values)
}

/// What comes of a change of a policy, in words.
fn put(
    lab: &Lab,
    wanted: impl FnOnce(PolicySpec) -> PolicyChange,
    (feature, port): (&str, &str),
    values: &[(&str, &str)],
) -> String {
    let key = PolicyKey::new(feature, Some(PortName::new(port).unwrap()), None).unwrap();
    let values = values.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    let outcome = lab.engine.change_policy(&lab.switch, &wanted(PolicySpec::new(key, values).unwrap()));
    match outcome {
        Ok(view) => format!("{:?} {:?}", view.extensions, view.fields),
        Err(error) => format!("{} ({}): {error}", error.name(), matches!(error, ControlError::ExtensionNotNow { .. })),
    }
}

fn log_of(lab: &Lab, id: &str) -> Vec<String> {
    let log = lab.engine.extension_log(&lab.switch, &ExtensionId::new(id).unwrap(), None).unwrap();
    log.lines.into_iter().map(|line| line.text).collect()
}

fn checked(lab: &Lab, name: &str) -> String {
    let backend = BackendSpec::new(BackendKind::Memory, None).unwrap();
    let spec = PortSpec::new(PortName::new(name).unwrap(), backend, &PortChange::default()).unwrap();
    format!("{:?}", lab.engine.check_port(&lab.switch, spec, Vec::new()).map_err(|error| error.to_string()))
}

fn added(lab: &Lab, name: &str, change: &PortChange) -> String {
    lab.try_add(name, change).map(|view| view.id.to_string()).unwrap_or_else(|error| error.to_string())
}

/// Everything a policy can meet, and what came of it.
fn filter(start: Start) -> Vec<String> {
    let lab = Lab::new(1);
    let id = "org.heddle.test.c-governed";
    let file = in_c(&lab, "c-governed", &[]);
    let mut said = vec![added(&lab, "early", &PortChange::default())];
    start(&lab, &file, &[]);
    said.push(format!("{:?}", lab.engine.policies(&lab.switch).unwrap().0));
    for name in ["a", "refused", "full"] {
        said.push(added(&lab, name, &PortChange::default()));
    }
    said.push(checked(&lab, "b"));
    said.push(checked(&lab, "refused"));
    said.push(change(&lab, PolicyChange::Add, "a", &[("rate", "7")]));
    for (rate, words) in [("0", "out of range"), ("666", "bad luck"), ("500", "not enough bandwidth"), ("8", "8")] {
        let told = change(&lab, |spec| PolicyChange::Set(spec, Vec::new()), "a", &[("rate", rate)]);
        assert!(told.contains(words), "{rate}: {told}");
        said.push(told);
    }
    let port = PortName::new("a").unwrap();
    for port in [Some(&port), None] {
        let id = ExtensionId::new(id).unwrap();
        said.push(format!("{:?}", lab.engine.feature_status(&lab.switch, &id, port)));
    }
    said.push(lab.extension(id).references.to_string());
    lab.disable(id);
    start(&lab, &file, &[]);
    said.push("enabled anew: what is kept is offered".to_owned());
    lab.remove("a");
    said.push(lab.extension(id).references.to_string());
    wait_for("the end in the log", || log_of(&lab, id).iter().any(|line| line.starts_with("property 3")));
    said.extend(log_of(&lab, id));
    lab.settled();
    said
}

/// Standard policies, which a forwarding extension enforces or refuses.
fn forwarder(start: Start) -> Vec<String> {
    let lab = Lab::new(1);
    let file = in_c(&lab, "c-governed", &["-DSTEWARD"]);
    start(&lab, &file, &[]);
    let mut said = vec![added(&lab, "a", &PortChange::default())];
    let vlan = added(&lab, "tagged", &access(7));
    assert!(vlan.contains("is not enforced by forwarding extension"), "{vlan}");
    said.push(vlan);
    let security = put(&lab, PolicyChange::Add, ("heddle.security", "a"), &[("allow-teaming", "true")]);
    assert!(security.contains("c-steward"), "{security}");
    said.push(security);
    let profile = put(&lab, PolicyChange::Add, ("heddle.profile", "a"), &[("name", "gold")]);
    assert!(profile.contains("is not enforced"), "{profile}");
    said.push(profile);
    said.extend(log_of(&lab, "org.heddle.test.c-steward"));
    lab.settled();
    said
}

/// Ids of ports and names of switches are other ones in each lab.
fn same(here: &[String], there: &[String]) {
    assert!(here.len() > 4);
    for (here, there) in here.iter().zip(there) {
        let (here, there) = (without_names(here), without_names(there));
        assert_eq!(here, there);
    }
    assert_eq!(here.len(), there.len());
}

fn without_names(line: &str) -> String {
    let parts = line.split("lab").enumerate();
    parts
        .map(|(nth, part)| if nth == 0 { part } else { part.trim_start_matches(|c: char| c.is_ascii_digit()) })
        .collect()
}

#[test]
fn policies_vetoes_and_completion_are_the_same_in_a_process_of_its_own() {
    same(&filter(Lab::enable), &filter(Lab::isolate));
}

#[test]
fn standard_policies_are_enforced_and_refused_by_a_forwarder_in_its_process() {
    same(&forwarder(Lab::enable), &forwarder(Lab::isolate));
}
