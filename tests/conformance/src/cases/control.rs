//! Level control: events in their order, what is asked of the host, configuration, optional interfaces.

#![expect(unsafe_code, reason = "reads tables of optional interfaces")]

use std::ffi::CString;

use heddle_extension_api::abi::config::{
    CONFIG_BOOLEAN, CONFIG_CHOICE, CONFIG_ID, CONFIG_INTEGER, CONFIG_KEYS_MAX, CONFIG_TEXT, ConfigKey,
};
use heddle_extension_api::abi::control::{EVENT_NIC_CREATE, EVENT_PORT_CREATE, Event};
use heddle_extension_api::abi::drops::DROPS_ID;
use heddle_extension_api::abi::sampling::SAMPLING_ID;
use heddle_extension_api::abi::status::{Bytes, E_AGAIN, E_FULL, E_VETO, OK};
use heddle_host::offline::{OfflineError, plain_port};
use heddle_switch_core::switch::{PortChange, PortError, PortKind, PortSpec};
use heddle_switch_core::vlan::VlanMode;

use super::everyday;
use crate::case::{ALL, C, CFW, Case, Level, Verdict, W, case};
use crate::proxy;
use crate::rig::{MS, Rig, Subject};

const L: Level = Level::Control;

pub(crate) const CASES: &[Case] = &[
    case(
        (L, "infallible-events-pass"),
        CFW,
        "model 2.4; heddle_event_t.kind",
        "Events that cannot be refused are not: a whole life of ports, NICs and links.",
        lives,
    ),
    case(
        (L, "unknown-events-pass"),
        CFW,
        "ABI, growth: newer kinds of events",
        "An event of a kind that it does not know succeeds.",
        unknown_event,
    )
    .beside(),
    case(
        (L, "capture-does-not-veto"),
        C,
        "model 1.3: capture, veto: no",
        "A capture extension refuses no port and no NIC.",
        late,
    ),
    case(
        (L, "refusals-have-words"),
        ALL,
        "heddle_error_text_t",
        "Whatever is refused is refused with a text.",
        refusals,
    ),
    case(
        (L, "vetoed-port-is-undone"),
        CFW,
        "heddle_event_t: a lower one may veto",
        "A port that it accepted and a lower extension refused is deleted again.",
        undone,
    ),
    case(
        (L, "completions-are-taken"),
        CFW,
        "heddle_completed_fn",
        "To be told how an accepted request ended, well or by a veto of a lower one, is survived.",
        completions,
    )
    .beside(),
    case((L, "many-ports"), CFW, "model 2.2", "A hundred and thirty ports come and go.", many_ports),
    case(
        (L, "port-ids-are-opaque"),
        CFW,
        "heddle_port_info_t.port",
        "Port ids may be large: a slot used again has another id.",
        ids,
    ),
    case(
        (L, "ports-change-under-traffic"),
        CFW,
        "model 2.4",
        "Ports are disconnected, deleted and made anew between frames.",
        changes,
    ),
    case((L, "many-workers"), CFW, "heddle_worker_init_fn", "Every worker of a large machine gets a context.", workers),
    case(
        (L, "no-query-before-activate"),
        ALL,
        "model 2.1",
        "Ports are asked for only when the switch is active.",
        everyday,
    ),
    case((L, "no-query-of-gone-port"), CFW, "model 2.4", "Ports are not asked for after their end.", lives),
    case(
        (L, "query-states-its-size"),
        ALL,
        "heddle_port_info_t.struct_size",
        "A query states the size of the struct to be filled.",
        lives,
    ),
    case(
        (L, "port-referenced-in-its-life"),
        CFW,
        "model 2.4 (Driver Verifier A009)",
        "A port is referenced between its creation and its teardown.",
        lives,
    ),
    case(
        (L, "nic-referenced-while-connected"),
        CFW,
        "model 2.4 (Driver Verifier A008)",
        "A NIC is referenced while it is connected.",
        lives,
    ),
    case(
        (L, "references-given-back"),
        CFW,
        "model 2.4; heddle_host_t.port_reference",
        "With the teardown of a port its references are given back.",
        lives,
    ),
    case(
        (L, "references-were-taken"),
        CFW,
        "heddle_host_t.port_dereference, nic_dereference",
        "Only a reference that was taken is given back.",
        lives,
    ),
    case(
        (L, "group-forgets-disconnected"),
        W,
        "model 2.4: DISCONNECT",
        "With NIC_DISCONNECT a port leaves every group.",
        lives,
    ),
    case(
        (L, "counter-names-valid"),
        ALL,
        "heddle_host_t.counter_register",
        "Counters have names and units of the length and kind allowed.",
        everyday,
    ),
    case(
        (L, "drop-reason-names-valid"),
        ALL,
        "heddle_host_t.drop_reason_register",
        "Drop reasons have kebab-case ids and a sentence.",
        everyday,
    ),
    case(
        (L, "counters-registered"),
        ALL,
        "heddle_host_t.counter_add",
        "Only registered counters are counted.",
        everyday,
    ),
    case(
        (L, "log-lines-valid"),
        ALL,
        "heddle_host_t.log",
        "Log lines are UTF-8, of at most 1,024 bytes and a known level.",
        everyday,
    ),
    case(
        (L, "datagrams-valid"),
        ALL,
        "heddle_host_t.send_datagram",
        "Datagrams have an address with a port and at most 1,472 bytes.",
        everyday,
    ),
    case(
        (L, "host-context-passed"),
        ALL,
        "heddle_host_t.context",
        "The host's functions get the host's context.",
        everyday,
    ),
    case(
        (L, "interfaces-are-static"),
        ALL,
        "heddle_interface_fn",
        "The same id gives the same table, an unknown one none.",
        interfaces,
    )
    .beside(),
    case(
        (L, "interface-tables-whole"),
        ALL,
        "heddle_sampling_v1_t, heddle_drops_v1_t",
        "A table of an interface has its required functions.",
        tables,
    )
    .beside(),
    case((L, "configuration-keys-valid"), ALL, "heddle_config_key_t", "Configuration keys keep to their limits.", keys)
        .beside(),
    case(
        (L, "configuration-defaults-fit"),
        ALL,
        "heddle_config_key_t.default_value",
        "The default of a key is a value of its kind.",
        defaults,
    )
    .beside(),
    case(
        (L, "configuration-can-be-default"),
        ALL,
        "heddle_config_v1_t.configure",
        "While it runs it takes the configuration it began with.",
        configure,
    ),
];

fn lives(subject: &Subject) -> Verdict {
    let mut rig = Rig::new(subject, 3, 1)?;
    rig.bursts(4, 8);
    let done = |result: Result<(), PortError>| match result {
        Err(PortError::Vetoed(_)) | Ok(()) => Ok(()),
        Err(other) => Err(other.to_string()),
    };
    for port in rig.ports.clone() {
        let change = |change| PortChange { link_up: Some(change), ..PortChange::default() };
        done(rig.switch.change(|switch, sink| switch.change_port(port, change(false), sink)))?;
        done(rig.switch.change(|switch, sink| switch.change_port(port, change(true), sink)))?;
        let vlan = PortChange { vlan: Some(VlanMode::Access(7)), mtu: Some(1_400), ..PortChange::default() };
        done(rig.switch.change(|switch, sink| switch.change_port(port, vlan, sink)))?;
        rig.tick();
    }
    rig.bursts(4, 8);
    for port in rig.ports.clone() {
        done(rig.switch.remove_port(port))?;
        rig.tick();
    }
    Ok(String::new())
}

/// A port comes when the extension runs.
fn late(subject: &Subject) -> Verdict {
    let mut rig = Rig::new(subject, 3, 1)?;
    match rig.switch.add_port(plain_port("late")) {
        Ok(_) | Err(PortError::Vetoed(_)) => {}
        Err(other) => return Err(other.to_string()),
    }
    rig.bursts(4, 8);
    Ok(String::new())
}

fn event(kind: u32) -> Event {
    Event {
        struct_size: u32::try_from(size_of::<Event>()).unwrap_or(0),
        kind,
        port: 0,
        nic: 0,
        info: std::ptr::null(),
        switch_name: Bytes { data: b"lan7".as_ptr(), length: 4 },
    }
}

fn unknown_event(subject: &Subject) -> Verdict {
    let mut rig = Rig::new(subject, 2, 1)?;
    for kind in [4_000, 65_000] {
        proxy::tell_raw(&event(kind));
    }
    rig.bursts(2, 8);
    Ok(String::new())
}

fn refusals(subject: &Subject) -> Verdict {
    for config in ["no such line\n", "no-such-key=1\n", "=\n", "n=x\nn=\u{fffd}\n"] {
        let mut rig = Rig::without(subject, 2, 1)?;
        match rig.enable_with(subject, config) {
            Ok(_) | Err(OfflineError::Create(_)) => {}
            Err(other) => return Err(other.to_string()),
        }
    }
    let mut rig = Rig::new(subject, 2, 1)?;
    for kind in [PortKind::Emulated, PortKind::Synthetic] {
        // Refused or not: with words, if it is.
        let _ = rig.switch.add_port(PortSpec { kind, ..plain_port(&format!("odd {kind:?}")) });
    }
    Ok(String::new())
}

/// A port is created and at once deleted, without ever having had a NIC.
fn undone(subject: &Subject) -> Verdict {
    let mut rig = Rig::new(subject, 2, 1)?;
    for number in 0..3 {
        let created =
            rig.switch.change(|switch, sink| switch.create_port(plain_port(&format!("undone{number}")), sink));
        if let Ok(port) = created {
            if number == 1 {
                // Its NIC was refused by a lower one: created and deleted, never connected.
                let _ = rig.switch.change(|switch, sink| switch.create_nic(port, sink));
                let _ = rig.switch.change(|switch, sink| switch.delete_nic(port, sink));
            }
            let deleted = rig.switch.change(|switch, sink| switch.delete_port(port, sink));
            deleted.map_err(|error| error.to_string())?;
        }
    }
    rig.bursts(4, 8);
    Ok(String::new())
}

/// Each request that can be refused, accepted by it, and then told to have ended well, or to have been refused below.
fn completions(subject: &Subject) -> Verdict {
    let mut rig = Rig::new(subject, 2, 1)?;
    if !proxy::hears_completions() {
        return Ok("it does not ask to be told".to_owned());
    }
    let before = proxy::rules_broken();
    rig.bursts(2, 8);
    for status in [OK, E_VETO, E_AGAIN, E_FULL] {
        for kind in [EVENT_PORT_CREATE, EVENT_NIC_CREATE] {
            proxy::complete_raw(&event(kind), status);
        }
        rig.bursts(2, 8);
    }
    rig.switch.add_port(plain_port("afterwards")).map(drop).or_else(|error| match error {
        PortError::Vetoed(_) => Ok(()),
        other => Err(other.to_string()),
    })?;
    super::only_then(&before).map_or(Ok(String::new()), Err)
}

fn many_ports(subject: &Subject) -> Verdict {
    let mut rig = Rig::new(subject, 2, 1)?;
    let mut made = Vec::new();
    for number in 0..130 {
        match rig.switch.add_port(plain_port(&format!("many{number}"))) {
            Ok(port) => made.push(port),
            Err(PortError::Vetoed(_)) => break,
            Err(other) => return Err(other.to_string()),
        }
    }
    rig.bursts(2, 4);
    rig.tick();
    made.into_iter().try_for_each(|port| rig.switch.remove_port(port)).map_err(|error| error.to_string())?;
    rig.bursts(2, 4);
    Ok(String::new())
}

fn ids(subject: &Subject) -> Verdict {
    let mut rig = Rig::without(subject, 2, 1)?;
    // Slots are used again before the extension comes, so that the ids it meets are large.
    for number in 0..20 {
        let port = rig.switch.add_port(plain_port(&format!("old{number}"))).map_err(|error| error.to_string())?;
        rig.switch.remove_port(port).map_err(|error| error.to_string())?;
    }
    rig.enable(subject).map_err(|error| error.to_string())?;
    let port = rig.switch.add_port(plain_port("large")).map_err(|error| error.to_string())?;
    if port.raw() < 4_096 {
        return Err("the switch gave a small id".to_owned());
    }
    rig.ports[1] = port;
    rig.everyday();
    Ok(String::new())
}

fn changes(subject: &Subject) -> Verdict {
    let mut rig = Rig::new(subject, 4, 2)?;
    for round in 0..8 {
        rig.bursts(3, 8);
        let at = rig.random.below(rig.ports.len());
        let port = rig.ports[at];
        rig.switch.remove_port(port).map_err(|error| error.to_string())?;
        rig.tick();
        match rig.switch.add_port(plain_port(&format!("again{round}"))) {
            Ok(port) => rig.ports[at] = port,
            Err(PortError::Vetoed(veto)) => return Ok(format!("it vetoes ports: {veto}")),
            Err(other) => return Err(other.to_string()),
        }
    }
    rig.everyday();
    Ok(String::new())
}

fn workers(subject: &Subject) -> Verdict {
    let mut rig = Rig::new(subject, 4, 17).map_err(|error| format!("with 17 workers: {error}"))?;
    rig.bursts(6, 8);
    (0..17).for_each(|worker| drop(rig.feed(0, worker, &[])));
    rig.tick();
    Ok(String::new())
}

fn interfaces(subject: &Subject) -> Verdict {
    let _rig = Rig::new(subject, 2, 1)?;
    let unknown = CString::new("org.heddle.no-such-interface/1").unwrap_or_default();
    if !proxy::ask(&unknown).is_null() {
        return Err("it answers an id that it cannot know".to_owned());
    }
    for id in [SAMPLING_ID, DROPS_ID, CONFIG_ID] {
        let id = CString::new(id).unwrap_or_default();
        if proxy::ask(&id) != proxy::ask(&id) {
            return Err(format!("{} is another table each time", id.to_string_lossy()));
        }
    }
    Ok(String::new())
}

fn tables(subject: &Subject) -> Verdict {
    let _rig = Rig::new(subject, 2, 1)?;
    let table = |id: &str| proxy::ask(&CString::new(id).unwrap_or_default());
    let (sampling, drops) = (table(SAMPLING_ID), table(DROPS_ID));
    if !sampling.is_null() {
        let table = proxy::sampling_table(sampling);
        if table.struct_size < 24 || table.sampled.is_none() || table.next_skip.is_none() || table.header_bytes > 256 {
            return Err("heddle.sampling/1 lacks a required function, or asks for more than 256 bytes".to_owned());
        }
    }
    if !drops.is_null() {
        let table = proxy::drops_table(drops);
        if table.struct_size < 24 || table.dropped.is_none() || table.wanted.is_none() {
            return Err("heddle.drops/1 lacks a required function".to_owned());
        }
    }
    Ok(String::new())
}

/// The rows of its configuration keys.
fn rows() -> Result<Vec<ConfigKey>, String> {
    let table = proxy::ask(&CString::new(CONFIG_ID).unwrap_or_default());
    if table.is_null() {
        return Ok(Vec::new());
    }
    let table = proxy::config_table(table);
    if table.struct_size < 24 || table.key_count > CONFIG_KEYS_MAX || (table.keys.is_null() && table.key_count > 0) {
        return Err(format!("{} keys in a table of {} bytes", table.key_count, table.struct_size));
    }
    // SAFETY: the table promises that many static rows.
    Ok((0..table.key_count as usize).map(|at| unsafe { table.keys.add(at).read_unaligned() }).collect())
}

/// A text of the extension's, when it is one.
pub(super) fn text(bytes: Bytes, most: u64) -> Option<String> {
    if bytes.length > most || (bytes.data.is_null() && bytes.length > 0) {
        return None;
    }
    if bytes.length == 0 {
        return Some(String::new());
    }
    // SAFETY: a static text of the length it states.
    let bytes = unsafe { std::slice::from_raw_parts(bytes.data, usize::try_from(bytes.length).ok()?) };
    let text = std::str::from_utf8(bytes).ok()?;
    (!text.chars().any(char::is_control)).then(|| text.to_owned())
}

/// What is wrong with a key.
pub(super) fn bad_key(row: &ConfigKey) -> Option<String> {
    let limits = [(row.name, 64), (row.unit, 16), (row.default_value, 128), (row.choices, 256), (row.text, 160)];
    if limits.iter().any(|(bytes, most)| text(*bytes, *most).is_none()) || row.name.length == 0 {
        return Some("has a text that is too long or is no text".to_owned());
    }
    let known = matches!(row.kind, CONFIG_BOOLEAN | CONFIG_INTEGER | CONFIG_TEXT | CONFIG_CHOICE);
    (!known).then(|| format!("is of kind {}, which there is not", row.kind))
}

/// What is wrong with the default of a key.
pub(super) fn bad_default(row: &ConfigKey) -> Option<String> {
    let (name, value) = (text(row.name, 64).unwrap_or_default(), text(row.default_value, 128).unwrap_or_default());
    let fits = match row.kind {
        _ if value.is_empty() => true,
        CONFIG_BOOLEAN => matches!(value.as_str(), "true" | "false"),
        CONFIG_INTEGER => value.parse::<i64>().is_ok_and(|value| (row.minimum..=row.maximum).contains(&value)),
        CONFIG_CHOICE => text(row.choices, 256).unwrap_or_default().split('|').any(|word| word == value),
        _ => true,
    };
    (!fits).then(|| format!("`{name}` has the default '{value}', which it would refuse"))
}

fn keys(subject: &Subject) -> Verdict {
    let _rig = Rig::new(subject, 2, 1)?;
    let wrong = rows()?.iter().enumerate().find_map(|(at, row)| Some(format!("key {at} {}", bad_key(row)?)));
    wrong.map_or(Ok(String::new()), Err)
}

fn defaults(subject: &Subject) -> Verdict {
    let _rig = Rig::new(subject, 2, 1)?;
    rows().unwrap_or_default().iter().find_map(bad_default).map_or(Ok(String::new()), Err)
}

/// Whether it says that it takes a new configuration while it runs.
fn takes_configurations(rig: &Rig) -> bool {
    let hosted = rig.switch.extension(rig.extension).map(|one| one.instance());
    if let Some(guest) = hosted.filter(|hosted| hosted.child().is_some()) {
        return guest.library().settings().is_some_and(|settings| settings.changeable);
    }
    let table = proxy::ask(&CString::new(CONFIG_ID).unwrap_or_default());
    !table.is_null() && proxy::config_table(table).configure.is_some()
}

fn configure(subject: &Subject) -> Verdict {
    let mut rig = Rig::new(subject, 2, 1)?;
    if !takes_configurations(&rig) {
        return Ok("it takes no configuration while it runs".to_owned());
    }
    rig.bursts(4, 8);
    rig.switch.configure(rig.extension, &subject.config).map_err(|error| format!("refused: {error}"))?;
    rig.wait(MS);
    rig.everyday();
    Ok(String::new())
}
