//! What operators asked for, as a model beside the daemon: legal random changes, and what they lead to.

use std::collections::{BTreeMap, BTreeSet};

use heddle_end_to_end::daemon::passthrough;
use serde_json::Value;

use super::random::Random;

const SWITCHES: [&str; 3] = ["lab", "edge", "dmz"];
const PORTS: [&str; 6] = ["web", "db", "mail", "dns", "log", "ntp"];
const EXTENSION: &str = "org.heddle.passthrough";

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Port {
    pub tap: Option<String>,
    pub mtu: u64,
    pub up: bool,
    pub vlan: Option<u64>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Switch {
    pub ports: BTreeMap<String, Port>,
    pub extensions: BTreeSet<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Model {
    pub switches: BTreeMap<String, Switch>,
}

/// A request as it is typed, and the state after it.
pub struct Change {
    pub line: String,
    pub after: Model,
}

impl Model {
    /// Whether `heddle topology --json` tells of a part in trouble. Right after a start that may be a device whose last news
    /// from the kernel was that it is not up yet.
    pub fn in_trouble(topology: &Value) -> bool {
        let switches = topology["switches"].as_array().unwrap();
        let mut ports = switches.iter().flat_map(|switch| switch["port_list"].as_array().unwrap());
        ports.any(|port| !port["trouble"].is_null())
    }

    /// The state that `heddle topology --json` tells of.
    pub fn of(topology: &Value) -> Model {
        let mut model = Model::default();
        for switch in topology["switches"].as_array().unwrap() {
            let mut one = Switch::default();
            for port in switch["port_list"].as_array().unwrap() {
                let tap = (port["backend"] == "tap").then(|| port["device"].as_str().unwrap().to_owned());
                let (mtu, up) = (port["mtu"].as_u64().unwrap(), port["admin"] == "up");
                let port_state = Port { tap, mtu, up, vlan: port["vlan"]["vlan"].as_u64() };
                one.ports.insert(port["name"].as_str().unwrap().to_owned(), port_state);
            }
            for extension in switch["extension_stack"].as_array().unwrap() {
                assert_eq!(extension["running"], true, "{extension}");
                one.extensions.insert(extension["id"].as_str().unwrap().to_owned());
            }
            model.switches.insert(switch["name"].as_str().unwrap().to_owned(), one);
        }
        model
    }

    /// The names of all TAP devices.
    pub fn taps(&self) -> BTreeSet<String> {
        let ports = self.switches.values().flat_map(|switch| switch.ports.values());
        ports.filter_map(|port| port.tap.clone()).collect()
    }

    /// A legal change; `tap` is a name for a device that is free.
    pub fn change(&self, random: &mut Random, tap: &str) -> Change {
        loop {
            let mut after = self.clone();
            let name = SWITCHES[usize::try_from(random.below(3)).unwrap()];
            let Some(switch) = after.switches.get_mut(name) else {
                after.switches.insert(name.to_owned(), Switch::default());
                return Change { line: format!("switch create {name}"), after };
            };
            let kind = random.below(12);
            let port = PORTS[usize::try_from(random.below(6)).unwrap()];
            let line = match (kind, switch.ports.contains_key(port)) {
                (0, _) => {
                    after.switches.remove(name);
                    format!("switch delete {name}")
                }
                (1 | 2, _) if switch.extensions.remove(EXTENSION) => format!("extension disable {name} {EXTENSION}"),
                (1 | 2, _) => {
                    switch.extensions.insert(EXTENSION.to_owned());
                    format!("extension enable {name} {}", passthrough())
                }
                (3..=6, false) => {
                    let tap = random.one_in(2).then(|| tap.to_owned());
                    let line = match &tap {
                        Some(tap) => format!("port add {name} {port} --backend tap --device {tap}"),
                        None => format!("port add {name} {port} --backend memory --device sink"),
                    };
                    switch.ports.insert(port.to_owned(), Port { tap, mtu: 1500, up: true, vlan: None });
                    line
                }
                (7 | 8, true) => {
                    switch.ports.remove(port);
                    format!("port remove {name} {port}")
                }
                (9.., true) => set(name, port, switch.ports.get_mut(port).unwrap(), random),
                _ => continue,
            };
            return Change { line, after };
        }
    }
}

/// Several settings at once: all of them or none.
fn set(switch: &str, name: &str, port: &mut Port, random: &mut Random) -> String {
    port.mtu = 1000 + random.below(500);
    port.up = !port.up;
    port.vlan = random.one_in(2).then(|| 1 + random.below(4094));
    let vlan = port.vlan.map_or_else(|| "untagged".to_owned(), |vlan| format!("access --vlan {vlan}"));
    let admin = if port.up { "up" } else { "down" };
    format!("port set {switch} {name} --mtu {} --admin {admin} --vlan-mode {vlan}", port.mtu)
}
