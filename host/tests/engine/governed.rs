//! Extensions of the control path, linked into this test: they write down what they are told.
//!
//! `limits` and `quotas` are filters that publish the same feature, so that one is above the other; `steward` is a forwarding
//! extension that enforces security and no VLANs, sends every frame to every other port, and refers to ports by their names.

use std::sync::{Mutex, MutexGuard, PoisonError};

use heddle_extension_api::rights::{Filter, Forwarding};
use heddle_extension_api::{
    Capabilities, Config, ConfigKey, Control, CreateError, Event, EventKind, Feature, FilterExtension, FilterIngress,
    FilterWorker, ForwardIngress, ForwardingExtension, ForwardingWorker, GroupId, HostHandle, NicIndex, Outcome,
    Policy, PortId, Property, Standard, Status, StatusText, Veto, WorkerId, export_extension,
};

pub(crate) const LIMITS: &str = "org.heddle.test.limits";
pub(crate) const QUOTAS: &str = "org.heddle.test.quotas";
pub(crate) const STEWARD: &str = "org.heddle.test.steward";
pub(crate) const LIMIT: &str = "org.heddle.test.limit";

static HEARD: Mutex<Vec<String>> = Mutex::new(Vec::new());

fn heard() -> MutexGuard<'static, Vec<String>> {
    HEARD.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What the extensions wrote down since the last time, on one switch.
pub(crate) fn take_heard(switch: &str) -> Vec<String> {
    let (own, others) = std::mem::take(&mut *heard()).into_iter().partition(|line| line.starts_with(switch));
    *heard() = others;
    let own: Vec<String> = own;
    own.iter().filter_map(|line| line.split_once(' ')).map(|(_, line)| line.to_owned()).collect()
}

fn write(switch: &str, who: &str, line: &str) {
    heard().push(format!("{switch} {who} {line}"));
}

const KEYS: &[ConfigKey] = &[
    ConfigKey::integer("rate", "frames/s", "100", (1, 1_000), "frames a second that pass"),
    ConfigKey::choice("on-excess", "drop|mark", "drop", "what becomes of the others"),
];
const STATUS: &[ConfigKey] = &[ConfigKey::integer("limits", "limits", "", (0, 100), "limits on the port")];

macro_rules! limiter {
    ($module:ident, $id:literal, $name:literal, $bad:literal) => {
        mod $module {
            use super::*;

            pub(super) struct It {
                switch: String,
                limits: Vec<(Option<PortId>, String)>,
            }
            pub(super) struct Context;

            impl FilterExtension for It {
                type Worker = Context;
                const HAS_TICK: bool = false;
                const HAS_COMPLETED: bool = true;

                fn create(_: &Control<'_, Filter>, _: &Config<'_>) -> Result<Self, CreateError> {
                    Ok(It { switch: String::new(), limits: Vec::new() })
                }
                fn worker(&mut self, _: WorkerId) -> Result<Context, CreateError> {
                    Ok(Context)
                }
                fn event(&mut self, _: &Control<'_, Filter>, event: &Event<'_>) -> Result<(), Veto> {
                    self.switch = event.switch_name().to_owned();
                    let kind = event.kind();
                    let judged = event.info().is_some_and(|info| info.is_validation());
                    if matches!(kind, EventKind::PortCreate | EventKind::PortDelete) {
                        let kind = if kind == EventKind::PortCreate { "create" } else { "delete" };
                        write(&self.switch, $name, if judged { "judges" } else { kind });
                    }
                    match event.info().map(|info| info.name().into_owned()).as_deref() {
                        Some("refused") if $bad == 13 && kind == EventKind::PortCreate => Err(Veto::new("no such ports")),
                        Some("full") if $bad == 13 && kind == EventKind::PortCreate => {
                            Err(Veto::for_now("all places are taken"))
                        }
                        _ => Ok(()),
                    }
                }
                fn completed(&mut self, _: &Control<'_, Filter>, event: &Event<'_>, outcome: Outcome) {
                    if event.kind() == EventKind::PortCreate {
                        write(&self.switch, $name, &format!("completed {outcome:?}"));
                    }
                }
            }

            impl Status<Filter> for It {
                const FEATURES: &'static [Feature] =
                    &[Feature::new(LIMIT, "limits the frames of a port", KEYS).several().with_status(STATUS)];

                fn status(
                    &mut self,
                    _: &Control<'_, Filter>,
                    _: &str,
                    port: Option<PortId>,
                    text: &mut StatusText,
                ) -> bool {
                    text.put("limits", self.limits.iter().filter(|(on, _)| *on == port).count());
                    port.is_some()
                }
            }

            impl Policy<Filter> for It {
                fn property(&mut self, _: &Control<'_, Filter>, property: &Property<'_>) -> Result<(), Veto> {
                    let rate = property.values().ok().and_then(|values| values.get("rate").map(str::to_owned));
                    let rate = rate.unwrap_or_default();
                    let said = if property.is_validation() { "judges" } else { "is told" };
                    write(&self.switch, $name, &format!("{said} {:?} {rate}", property.action()));
                    if rate == stringify!($bad) {
                        return Err(Veto::new("that rate brings bad luck"));
                    }
                    if rate == "500" && $bad == 13 {
                        return Err(Veto::for_now("not enough bandwidth"));
                    }
                    self.limits.retain(|(port, name)| (*port, name.as_str()) != (property.port(), property.instance()));
                    if !rate.is_empty() && !property.is_validation() {
                        self.limits.push((property.port(), property.instance().to_owned()));
                    }
                    Ok(())
                }
                fn property_done(&mut self, _: &Control<'_, Filter>, _: &Property<'_>, outcome: Outcome) {
                    write(&self.switch, $name, &format!("done {outcome:?}"));
                }
            }

            impl FilterWorker for Context {
                const HAS_WORKER_TICK: bool = false;
                const HAS_EGRESS: bool = false;
                fn ingress(&mut self, _: &mut FilterIngress<'_>) {}
            }

            export_extension!(built_in filter It {
                id: $id, name: $name, vendor: "The Heddle developers", version: "1",
                capabilities: Capabilities::NONE, interfaces: [policy],
            });
        }
    };
}

limiter!(limits, "org.heddle.test.limits", "limits", 13);
limiter!(quotas, "org.heddle.test.quotas", "quotas", 666);

mod steward {
    use super::*;

    pub(super) struct It {
        all: GroupId,
        connected: Vec<PortId>,
        slow: Vec<PortId>,
    }
    pub(super) struct Context(GroupId);

    fn name(event: &Event<'_>) -> String {
        event.info().map(|info| info.name().into_owned()).unwrap_or_default()
    }

    fn refer(host: &HostHandle, port: PortId) {
        host.reference_nic(port, NicIndex::default()).unwrap();
        host.reference_port(port).unwrap();
    }

    impl ForwardingExtension for It {
        type Worker = Context;

        fn create(host: &Control<'_, Forwarding>, _: &Config<'_>) -> Result<Self, CreateError> {
            Ok(It { all: host.create_group(&[])?, connected: Vec::new(), slow: Vec::new() })
        }
        fn worker(&mut self, _: WorkerId) -> Result<Context, CreateError> {
            Ok(Context(self.all))
        }
        fn event(&mut self, host: &Control<'_, Forwarding>, event: &Event<'_>) -> Result<(), Veto> {
            let (Some(port), name) = (event.port(), name(event)) else { return Ok(()) };
            match event.kind() {
                EventKind::PortCreate if name == "early" => {
                    write(
                        event.switch_name(),
                        "steward",
                        &format!("nic {:?}", host.reference_nic(port, NicIndex::default()).is_ok()),
                    );
                }
                EventKind::NicConnect => {
                    self.connected.push(port);
                    if ["polite", "slow", "leaky"].contains(&name.as_str()) {
                        refer(host, port);
                    }
                }
                EventKind::NicDisconnect => {
                    self.connected.retain(|known| *known != port);
                    if name == "polite" {
                        host.dereference_nic(port, NicIndex::default()).unwrap();
                        host.dereference_port(port).unwrap();
                    }
                    if name == "slow" {
                        self.slow.push(port);
                    }
                }
                EventKind::PortDelete => {
                    let again = host.dereference_port(port).is_ok();
                    write(event.switch_name(), "steward", &format!("{name} gone, gives back: {again}"));
                }
                _ => {}
            }
            host.update_group(self.all, &self.connected).map_err(|error| Veto::new(error.to_string()))
        }
        fn tick(&mut self, host: &Control<'_, Forwarding>, _: u64) {
            for port in self.slow.drain(..) {
                host.dereference_nic(port, NicIndex::default()).unwrap();
                host.dereference_port(port).unwrap();
            }
        }
    }

    impl Status<Forwarding> for It {
        const FEATURES: &'static [Feature] = &[];
    }

    impl Policy<Forwarding> for It {
        const STANDARD: Standard = Standard::SECURITY;

        fn property(&mut self, _: &Control<'_, Forwarding>, property: &Property<'_>) -> Result<(), Veto> {
            let values = property.values().unwrap();
            match values.get("allow-teaming") {
                Some("true") => Err(Veto::new("teams are not known here")),
                _ => Ok(()),
            }
        }
    }

    impl ForwardingWorker for Context {
        const HAS_WORKER_TICK: bool = false;
        const HAS_EGRESS: bool = false;
        fn ingress(&mut self, batch: &mut ForwardIngress<'_>) {
            let all = self.0;
            let (call, packets) = batch.parts();
            for frame in packets {
                if frame.ethertype() == 0x88b5 {
                    let mut draft = call.originate(60).unwrap();
                    draft.bytes_mut()[..6].fill(0xff);
                    draft.bytes_mut()[6..12].copy_from_slice(&[2, 0, 0, 0, 0, 0xee]);
                    draft.bytes_mut()[12..14].copy_from_slice(&[0x88, 0xb6]);
                    draft.inject_to_group(None, all).unwrap();
                }
                frame.to_group(all);
            }
        }
    }

    export_extension!(built_in forwarding It {
        id: "org.heddle.test.steward", name: "steward", vendor: "The Heddle developers", version: "1",
        capabilities: Capabilities::GROUPS, interfaces: [policy],
    });
}

inventory::submit! { heddle_host::loader::BuiltIn { exported: &limits::EXPORTED } }
inventory::submit! { heddle_host::loader::BuiltIn { exported: &quotas::EXPORTED } }
inventory::submit! { heddle_host::loader::BuiltIn { exported: &steward::EXPORTED } }
