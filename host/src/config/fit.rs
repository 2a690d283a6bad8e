//! What each value allows and all of them together do not: names given twice, options of another mode, a second external
//! port. The data plane would refuse the same; here it is refused before anything is touched.

use std::collections::HashSet;

use super::Complaint;
use super::place::{Places, Step};
use crate::control::model::{InvalidValue, PortKind, PortSpec, SwitchType};
use crate::state::record::{DesiredState, ExtensionRecord, PortRecord, SwitchRecord};

/// Everything that does not fit.
pub(super) fn misfits(state: &DesiredState, places: &Places<'_>) -> Vec<Complaint> {
    let mut found = Misfits { places, complaints: Vec::new() };
    let mut names = HashSet::new();
    let mut devices = HashSet::new();
    for (nth, switch) in state.switches.iter().enumerate() {
        let at = [Step::Key("switch"), Step::Nth(nth)];
        if !names.insert(&switch.name) {
            found.add(&at, "name", format!("switch '{}' is given twice; give each switch another name", switch.name));
        }
        found.of_ports(switch, &at, &mut devices);
        found.of_extensions(switch, &at);
    }
    if state.policy.require_signature && state.policy.trusted_keys.is_empty() {
        let nobody =
            "a signature is required and no key is trusted, so no extension could be enabled; add trusted_keys";
        found.add(&[Step::Key("policy")], "require_signature", nobody);
    }
    found.complaints
}

/// A sentence of the command line in the words of files: `vlan = ID` for `--vlan ID`.
fn as_in_files(sentence: &str) -> String {
    let mut words = sentence.split(' ').peekable();
    let mut said = Vec::new();
    while let Some(word) = words.next() {
        let Some(option) = word.strip_prefix("--").map(|option| option.trim_start_matches('`').replace('-', "_"))
        else {
            said.push(word.replace("vlan-mode", "vlan_mode"));
            continue;
        };
        // An option without a value ends with a comma, or the sentence.
        let value = words.next_if(|_| option.ends_with(|c: char| c.is_ascii_alphanumeric()));
        said.push(match value {
            Some("ID") => format!("{option} = ID"),
            Some(value) => match value.strip_suffix(',') {
                Some(value) => format!("{option} = \"{value}\","),
                None => format!("{option} = \"{value}\""),
            },
            None => option,
        });
    }
    said.join(" ")
}

struct Misfits<'a> {
    places: &'a Places<'a>,
    complaints: Vec<Complaint>,
}

impl Misfits<'_> {
    /// A complaint about a key of a table, or about the table when it does not have it.
    fn add(&mut self, table: &[Step<'_>], key: &str, message: impl AsRef<str>) {
        let path = [table, &[Step::Key(key)]].concat();
        self.complaints.push(self.places.complaint_at(&path, &as_in_files(message.as_ref())));
    }

    /// The same for a value that a parameter's constructor refused.
    fn refused(&mut self, table: &[Step<'_>], error: &InvalidValue) {
        self.add(table, &error.field.replace('-', "_"), error.to_string());
    }

    fn of_ports<'s>(&mut self, switch: &'s SwitchRecord, at: &[Step<'_>], devices: &mut HashSet<&'s str>) {
        let (mut names, mut macs, mut external) = (HashSet::new(), HashSet::new(), None);
        for (nth, port) in switch.ports.iter().enumerate() {
            let at = [at, &[Step::Key("port"), Step::Nth(nth)]].concat();
            let PortRecord { name, kind, mac, .. } = port;
            if !names.insert(name) {
                self.add(&at, "name", format!("port '{name}' is given twice; give each port of a switch another name"));
            }
            let spec = PortSpec::from_record(port);
            match &spec {
                Err(error) => self.refused(&at, error),
                Ok(spec) => {
                    let device = spec.backend().device().and(port.device.as_deref());
                    if let Some(device) = device.filter(|device| !devices.insert(device)) {
                        self.add(&at, "device", format!("device '{device}' is given twice; a device carries one port"));
                    }
                }
            }
            if let Some(mac) = mac.filter(|mac| !macs.insert(*mac)) {
                self.add(&at, "mac", format!("mac '{mac}' is given twice; an address belongs to one port"));
            }
            let no_place = matches!(
                (kind, switch.switch_type),
                (PortKind::External, SwitchType::Internal | SwitchType::Private)
                    | (PortKind::Internal, SwitchType::Private)
            );
            if no_place {
                let message = format!(
                    "kind '{kind}' has no place on a switch of type {}; use another kind or another type",
                    switch.switch_type
                );
                self.add(&at, "kind", message);
            } else if *kind == PortKind::External {
                if let Some(holder) = external {
                    self.add(&at, "kind", format!("port '{holder}' is the external port already; a switch has one"));
                }
                external = Some(name);
            }
        }
    }

    fn of_extensions(&mut self, switch: &SwitchRecord, at: &[Step<'_>]) {
        let mut names = HashSet::new();
        for (nth, extension) in switch.extensions.iter().enumerate() {
            let at = [at, &[Step::Key("extension"), Step::Nth(nth)]].concat();
            let ExtensionRecord { extension: name, .. } = extension;
            if !names.insert(name) {
                self.add(&at, "extension", format!("extension '{name}' is given twice; a switch has it once"));
            }
            if let Err(error) = extension.reference() {
                self.refused(&at, &error);
            }
            if let Err(error) = extension.configuration() {
                let at = [at.as_slice(), &[Step::Key("config")]].concat();
                self.add(&at, &error.value, error.to_string());
            }
        }
    }
}
