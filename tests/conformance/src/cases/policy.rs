//! Level control, policies (`heddle.policy/1`): what is published keeps to its limits, and what is offered is judged as agreed.
//!
//! Properties are offered here as the host offers them: fields checked, defaults filled in, to filters, forwarders and
//! services. What an extension refuses is its own affair; how it refuses is not. An extension without policies passes.

#![expect(unsafe_code, reason = "calls heddle.policy/1")]

use std::ffi::CString;
use std::fmt::Write;

use heddle_extension_api::abi::config::{CONFIG_BOOLEAN, CONFIG_CHOICE, CONFIG_INTEGER, CONFIG_KEYS_MAX, ConfigKey};
use heddle_extension_api::abi::meta::ROLE_FORWARDING;
use heddle_extension_api::abi::policy::{
    FEATURE_PORT, FEATURE_SEVERAL, FEATURE_STATUS, FEATURE_SWITCH, Feature, POLICY_FEATURES_MAX, POLICY_ID,
    PROPERTY_ADD, PROPERTY_DELETE, PROPERTY_UPDATE, PROPERTY_VALIDATION, PolicyV1, Property, STANDARD_PROFILE,
    STANDARD_SECURITY, STANDARD_VLAN,
};
use heddle_extension_api::abi::status::{Bytes, E_AGAIN, E_FULL, E_GONE, E_VETO, ErrorText, OK};

use super::control::{bad_default, bad_key, text};
use crate::case::{ALL, Case, Level, Verdict, case};
use crate::guard::{Guarded, Holds};
use crate::proxy;
use crate::rig::{Rig, Subject};

const L: Level = Level::Control;
/// Who is offered properties: all but captures.
const TAKERS: u8 = ALL & !crate::case::C;
/// Why these cases pass without it.
const NONE: &str = "it does not offer heddle.policy/1";
/// Validations of one property, none of which may use anything up.
const TIMES: usize = 300;

pub(crate) const CASES: &[Case] = &[
    case(
        (L, "policy-features-valid"),
        ALL,
        "heddle_policy_v1_t, heddle_feature_t",
        "Published policies have ids, fields and flags within their limits, and a status where one is promised.",
        features_valid,
    )
    .beside(),
    case(
        (L, "policy-defaults-fit"),
        ALL,
        "heddle_feature_t.keys",
        "The default of a policy's field is a value of its kind.",
        defaults_fit,
    )
    .beside(),
    case(
        (L, "policy-standard-is-the-forwarders"),
        ALL,
        "heddle_policy_v1_t.standard",
        "Only a forwarding extension says that it enforces standard policies, and none that there is not.",
        standard,
    )
    .beside(),
    case(
        (L, "policy-refusals-have-words"),
        TAKERS,
        "heddle_property_fn: E_VETO, E_FULL, E_AGAIN",
        "A policy is refused for good or for now, and with a text.",
        refusals,
    )
    .beside(),
    case(
        (L, "policy-deletes-pass"),
        TAKERS,
        "heddle.policy/1: a delete cannot be refused",
        "What was put is taken away without an objection.",
        deletes,
    )
    .beside(),
    case(
        (L, "policy-validation-reserves-nothing"),
        TAKERS,
        "HEDDLE_PROPERTY_VALIDATION",
        "Judging a property on a validation port uses nothing up and is never refused for now.",
        validation,
    )
    .beside(),
    case(
        (L, "policy-status-fits"),
        ALL,
        "heddle_status_fn",
        "A status stays within the room it was lent and tells the length it would need.",
        status_fits,
    )
    .beside(),
];

/// Its table, when it offers one.
fn table() -> Option<PolicyV1> {
    let id = CString::new(POLICY_ID).ok()?;
    let table = proxy::ask(&id);
    // SAFETY: the id names this struct, which starts with its size; `PolicyV1` has been this long since its first minor.
    (!table.is_null()).then(|| unsafe { table.cast::<PolicyV1>().read_unaligned() })
}

fn features(table: &PolicyV1) -> Vec<Feature> {
    if table.features.is_null() {
        return Vec::new();
    }
    let count = table.feature_count.min(POLICY_FEATURES_MAX) as usize;
    // SAFETY: the table promises that many static rows.
    (0..count).map(|at| unsafe { table.features.add(at).read_unaligned() }).collect()
}

fn keys(rows: *const ConfigKey, count: u32) -> Vec<ConfigKey> {
    let count = if rows.is_null() { 0 } else { count.min(CONFIG_KEYS_MAX) as usize };
    // SAFETY: the feature promises that many static rows.
    (0..count).map(|at| unsafe { rows.add(at).read_unaligned() }).collect()
}

/// The table with an extension that runs.
fn with_table(subject: &Subject) -> Result<(Rig, Option<PolicyV1>), String> {
    let rig = Rig::new(subject, 2, 1)?;
    Ok((rig, table()))
}

fn features_valid(subject: &Subject) -> Verdict {
    let (_rig, Some(table)) = with_table(subject)? else { return Ok(NONE.to_owned()) };
    if table.feature_count > POLICY_FEATURES_MAX || (table.feature_count > 0 && table.features.is_null()) {
        return Err(format!("{} features, of at most {POLICY_FEATURES_MAX}", table.feature_count));
    }
    let known = FEATURE_PORT | FEATURE_SWITCH | FEATURE_SEVERAL | FEATURE_STATUS;
    for feature in features(&table) {
        let Some(id) = text(feature.id, 64).filter(|id| !id.is_empty()) else {
            return Err("a feature has no id of 1 to 64 bytes".to_owned());
        };
        if text(feature.text, 160).is_none() {
            return Err(format!("`{id}` has a text of more than 160 bytes, or none of UTF-8"));
        }
        if feature.flags & !known != 0 || feature.flags & (FEATURE_PORT | FEATURE_SWITCH) == 0 {
            return Err(format!("`{id}` has the flags {:#x}: a place, and none that there is not", feature.flags));
        }
        if feature.flags & FEATURE_STATUS != 0 && table.status.is_none() {
            return Err(format!("`{id}` promises a status, and there is no function for it"));
        }
        if feature.key_count.max(feature.status_key_count) > CONFIG_KEYS_MAX {
            return Err(format!("`{id}` has more than {CONFIG_KEYS_MAX} fields"));
        }
        let fields = keys(feature.keys, feature.key_count);
        let told = keys(feature.status_keys, feature.status_key_count);
        if let Some(wrong) = fields.iter().chain(&told).find_map(bad_key) {
            return Err(format!("a field of `{id}` {wrong}"));
        }
    }
    Ok(String::new())
}

fn defaults_fit(subject: &Subject) -> Verdict {
    let (_rig, Some(table)) = with_table(subject)? else { return Ok(NONE.to_owned()) };
    for feature in features(&table) {
        if let Some(wrong) = keys(feature.keys, feature.key_count).iter().find_map(bad_default) {
            return Err(format!("of `{}`, {wrong}", text(feature.id, 64).unwrap_or_default()));
        }
    }
    Ok(String::new())
}

fn standard(subject: &Subject) -> Verdict {
    let (_rig, Some(table)) = with_table(subject)? else { return Ok(NONE.to_owned()) };
    let known = STANDARD_VLAN | STANDARD_SECURITY | STANDARD_PROFILE;
    match table.standard {
        0 => Ok(String::new()),
        bits if proxy::role() != ROLE_FORWARDING => {
            Err(format!("it says that it enforces standard policies ({bits:#x}) and does not forward"))
        }
        bits if bits & !known != 0 => Err(format!("it enforces standard policies that there are not: {bits:#x}")),
        _ => Ok(String::new()),
    }
}

/// A value that fits a field: its default, or the first that its kind allows.
fn value(key: &ConfigKey) -> String {
    let default = text(key.default_value, 128).unwrap_or_default();
    match key.kind {
        _ if !default.is_empty() => default,
        CONFIG_BOOLEAN => "false".to_owned(),
        CONFIG_INTEGER => key.minimum.to_string(),
        CONFIG_CHOICE => text(key.choices, 256).unwrap_or_default().split('|').next().unwrap_or_default().to_owned(),
        _ => "conformance".to_owned(),
    }
}

/// Offers of one feature on the first port, or on the switch when it is only for that.
struct Offers {
    table: PolicyV1,
    id: String,
    port: u32,
    values: String,
    several: bool,
}

impl Offers {
    /// For each feature that takes properties.
    fn all(rig: &Rig, table: &PolicyV1) -> Vec<Offers> {
        let of = |feature: &Feature| {
            let mut values = String::new();
            for key in keys(feature.keys, feature.key_count) {
                let _ = writeln!(values, "{}={}", text(key.name, 64).unwrap_or_default(), value(&key));
            }
            let port = if feature.flags & FEATURE_PORT != 0 { rig.ports[0].raw() } else { 0 };
            let (id, several) = (text(feature.id, 64).unwrap_or_default(), feature.flags & FEATURE_SEVERAL != 0);
            Offers { table: *table, id, port, values, several }
        };
        if table.property.is_none() { Vec::new() } else { features(table).iter().map(of).collect() }
    }

    /// Offers it; the status and the words.
    fn offer(&self, action: u32, flags: u32, instance: &str) -> (i32, String) {
        let bytes = |text: &str| Bytes { data: text.as_ptr(), length: text.len() as u64 };
        let values = if action == PROPERTY_DELETE { "" } else { &self.values };
        let property = Property {
            struct_size: u32::try_from(size_of::<Property>()).unwrap_or(0),
            action,
            port: self.port,
            flags,
            feature: bytes(&self.id),
            instance: bytes(instance),
            values: bytes(values),
        };
        let mut error = ErrorText::default();
        let (Some(function), Some(alive)) = (self.table.property, proxy::newest()) else { return (OK, String::new()) };
        // SAFETY: the instance is alive and no other control call is under way; the property and the text outlive the call.
        let code = proxy::about_policies(|| unsafe { function(alive.real(), &raw const property, &raw mut error) });
        if let (OK, Some(done)) = (code, self.table.property_done) {
            // SAFETY: as above.
            proxy::about_policies(|| unsafe { done(alive.real(), &raw const property, OK) });
        }
        let words = error.text.get(..error.length as usize).unwrap_or_default();
        (code, String::from_utf8_lossy(words).into_owned())
    }
}

/// Judges an answer to an add or an update.
fn judge(id: &str, what: &str, (code, words): &(i32, String)) -> Result<(), String> {
    match *code {
        OK => Ok(()),
        E_VETO | E_FULL | E_AGAIN if !words.is_empty() => Ok(()),
        E_VETO | E_FULL | E_AGAIN => Err(format!("{what} of `{id}` was refused without a word")),
        other => Err(format!("{what} of `{id}` gave status {other}; refuse with E_VETO, E_FULL or E_AGAIN")),
    }
}

fn refusals(subject: &Subject) -> Verdict {
    let (mut rig, Some(table)) = with_table(subject)? else { return Ok(NONE.to_owned()) };
    for offers in Offers::all(&rig, &table) {
        for instance in (0..if offers.several { 40 } else { 1 }).map(|number| format!("one{number}")) {
            let added = offers.offer(PROPERTY_ADD, 0, &instance);
            judge(&offers.id, "an add", &added)?;
            if added.0 == OK {
                judge(&offers.id, "an update", &offers.offer(PROPERTY_UPDATE, 0, &instance))?;
            }
        }
        rig.bursts(2, 8);
    }
    Ok(String::new())
}

fn deletes(subject: &Subject) -> Verdict {
    let (mut rig, Some(table)) = with_table(subject)? else { return Ok(NONE.to_owned()) };
    for offers in Offers::all(&rig, &table) {
        if offers.offer(PROPERTY_ADD, 0, "one").0 != OK {
            continue;
        }
        rig.bursts(2, 8);
        let (code, words) = offers.offer(PROPERTY_DELETE, 0, "one");
        if code != OK {
            return Err(format!("the delete of `{}` was answered with status {code}: {words}", offers.id));
        }
        rig.bursts(2, 8);
    }
    Ok(String::new())
}

fn validation(subject: &Subject) -> Verdict {
    let (rig, Some(table)) = with_table(subject)? else { return Ok(NONE.to_owned()) };
    for offers in Offers::all(&rig, &table) {
        let first = offers.offer(PROPERTY_ADD, PROPERTY_VALIDATION, "judged0").0;
        for number in 1..TIMES {
            let (code, words) = offers.offer(PROPERTY_ADD, PROPERTY_VALIDATION, &format!("judged{number}"));
            if matches!(code, E_FULL | E_AGAIN) || code != first {
                let text = format!("status {code} ('{words}'), and {first} at first");
                return Err(format!("judging `{}` for the {number}. time gave {text}", offers.id));
            }
        }
    }
    Ok(String::new())
}

fn status_fits(subject: &Subject) -> Verdict {
    let (mut rig, Some(table)) = with_table(subject)? else { return Ok(NONE.to_owned()) };
    let Some(function) = table.status else { return Ok("its policies have no status".to_owned()) };
    rig.bursts(4, 8);
    let Some(alive) = proxy::newest() else { return Ok(String::new()) };
    for feature in features(&table).iter().filter(|feature| feature.flags & FEATURE_STATUS != 0) {
        let id = text(feature.id, 64).unwrap_or_default();
        let port = if feature.flags & FEATURE_PORT != 0 { rig.ports[0].raw() } else { 0 };
        for room in [0_u32, 1, 16, 4_096] {
            let memory = Guarded::new(Holds::Piece, 1, 4_096);
            let (place, mut length) = (memory.tail(0, room as usize), 0);
            // SAFETY: the instance is alive; the text is static, the room is guarded memory of that size.
            let code = proxy::about_policies(|| unsafe {
                function(alive.real(), feature.id, port, place, room, &raw mut length)
            });
            match code {
                OK if length <= room => {}
                E_FULL if length > room => {}
                E_GONE => {}
                _ => return Err(format!("status of `{id}` gave {code} and {length} bytes for a room of {room}")),
            }
            // SAFETY: the room's first bytes, which the extension says it wrote.
            let told = unsafe { std::slice::from_raw_parts(place, if code == OK { length as usize } else { 0 }) };
            let lines = std::str::from_utf8(told).map(|text| text.lines().all(|line| line.contains('=')));
            if lines != Ok(true) {
                return Err(format!("status of `{id}` is not made of lines `key=value`"));
            }
        }
    }
    Ok(String::new())
}
