//! Records: the desired state as it is stored and as operators write it in a configuration file.
//!
//! One form for both. Keys are the options of `heddle` with `_` for `-`; what is left out has the default of the command
//! line. A key that is not known is refused, so that nothing an operator or a newer heddled wrote is silently dropped.
//! The form only grows: a key may be added (with a default that means "as before"), never renamed or given another
//! meaning. Records convert to and from the parameters of the control plane without loss.

use std::collections::BTreeMap;
use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::control::model::{
    AdminState, AgeingTime, BackendKind, BackendSpec, ExtensionConfig, ExtensionId, ExtensionRef, ExtensionRole,
    FailPolicy, InvalidValue, Isolation, KillAfter, LateAfter, LoopAction, MacAddress, Mtu, ONLY_INSTANCE, Patience,
    PolicyKey, PolicySpec, PortKind, PortName, QueueCount, SwitchName, SwitchSpec, SwitchType, Vid, VlanMode, VlanSet,
    WorkerCount,
};
use crate::trust::Policy;

/// Everything an operator wants of this host.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DesiredState {
    /// What an extension's file needs before its code may run on this host.
    #[serde(default, skip_serializing_if = "Policy::is_default")]
    pub policy: Policy,
    /// Switches.
    #[serde(default, rename = "switch", skip_serializing_if = "Vec::is_empty")]
    pub switches: Vec<SwitchRecord>,
}

/// A switch with its ports and extensions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SwitchRecord {
    /// Its name, unique on this host.
    pub name: SwitchName,
    /// Who may be connected: external, internal or private.
    #[serde(default = "default_type", rename = "type")]
    pub switch_type: SwitchType,
    /// Data-plane threads.
    #[serde(default)]
    pub workers: WorkerCount,
    /// Ageing time of the filtering database in seconds.
    #[serde(default)]
    pub ageing: AgeingTime,
    /// Its ports, in the order they were added.
    #[serde(default, rename = "port", skip_serializing_if = "Vec::is_empty")]
    pub ports: Vec<PortRecord>,
    /// Its extensions, in the order they were enabled.
    #[serde(default, rename = "extension", skip_serializing_if = "Vec::is_empty")]
    pub extensions: Vec<ExtensionRecord>,
    /// Policies on it and on its ports.
    #[serde(default, rename = "policy", skip_serializing_if = "Vec::is_empty")]
    pub policies: Vec<PolicyRecord>,
}

/// A policy on a port, or on a switch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PolicyRecord {
    /// The feature, as `heddle policy features` shows it.
    pub feature: String,
    /// The port; left out, it is on the switch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<PortName>,
    /// Name of the instance, for features that allow several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// Its fields; what is left out has the default of its extension.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, ConfigValue>,
}

impl PolicyRecord {
    /// What was put.
    #[must_use]
    pub fn of(spec: &PolicySpec) -> Self {
        let PolicyKey { feature, port, instance } = spec.key.clone();
        let fields = spec.values.iter().map(|(key, value)| (key.clone(), ConfigValue(value.clone()))).collect();
        Self { feature, port, instance: Some(instance).filter(|name| name != ONLY_INSTANCE), fields }
    }

    /// What to put.
    ///
    /// # Errors
    /// When the feature, the instance or a field has a malformed name, or a value is too long.
    pub fn spec(&self) -> Result<PolicySpec, InvalidValue> {
        let key = PolicyKey::new(&self.feature, self.port.clone(), self.instance.as_deref())?;
        PolicySpec::new(key, self.fields.iter().map(|(key, value)| (key.clone(), value.0.clone())).collect())
    }
}

const fn default_type() -> SwitchType {
    SwitchType::Internal
}

/// A port of a switch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PortRecord {
    /// Its name, unique on its switch.
    pub name: PortName,
    /// How frames get in and out.
    pub backend: BackendKind,
    /// The network device, or the far side of a memory port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// What the port is for.
    #[serde(default = "default_kind")]
    pub kind: PortKind,
    /// Queue pairs.
    #[serde(default)]
    pub queues: QueueCount,
    /// The MAC address assigned to the port; left out, addresses behind it are learned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mac: Option<MacAddress>,
    /// Largest layer-3 payload in bytes.
    #[serde(default)]
    pub mtu: Mtu,
    /// Whether checksum and segmentation offload are offered to the device.
    #[serde(default = "yes")]
    pub offload: bool,
    /// Whether the port is to carry traffic.
    #[serde(default = "default_admin")]
    pub admin: AdminState,
    /// What becomes of the port's frames when an extension fails on them.
    #[serde(default = "default_fail_policy")]
    pub fail_policy: FailPolicy,
    /// What is done when the same stations come in by this port and by another.
    #[serde(default = "default_on_loop")]
    pub on_loop: LoopAction,
    /// How the port treats VLAN tags.
    #[serde(default = "default_vlan_mode")]
    pub vlan_mode: VlanMode,
    /// The VLAN of an access port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vlan: Option<Vid>,
    /// The VLANs a trunk carries tagged: `1-100,200`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed: Option<VlanSet>,
    /// The VLAN a trunk carries untagged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub native: Option<Vid>,
}

const fn default_kind() -> PortKind {
    PortKind::Synthetic
}

const fn default_admin() -> AdminState {
    AdminState::Up
}

const fn default_fail_policy() -> FailPolicy {
    FailPolicy::Extension
}

const fn default_on_loop() -> LoopAction {
    LoopAction::Warn
}

const fn default_vlan_mode() -> VlanMode {
    VlanMode::Untagged
}

const fn yes() -> bool {
    true
}

/// An extension enabled on a switch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExtensionRecord {
    /// Which one: the identifier of an installed extension, or the path of a library.
    pub extension: String,
    /// The identifier it turned out to have. Known once it has been enabled; needed only when `extension` is a path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<ExtensionId>,
    /// Its configuration, key by key.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub config: BTreeMap<String, ConfigValue>,
    /// A configuration file's content, in the extension's own format; keys of `config` win over it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_text: Option<String>,
    /// Where it runs: `none` in the switch process, `process` in one of its own, `debug` in the switch process in debug mode.
    #[serde(default, skip_serializing_if = "is_in_process")]
    pub isolation: Isolation,
    /// In a process of its own: milliseconds after which frames go on without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub late_after: Option<LateAfter>,
    /// In a process of its own: milliseconds after which it is killed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kill_after: Option<KillAfter>,
    /// What becomes of frames while it fails or does not run, where their port says nothing: open or closed.
    #[serde(default = "fails_open", skip_serializing_if = "is_open")]
    pub fail_policy: FailPolicy,
    /// What it was before its last upgrade. Kept by heddled; not for configuration files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(skip)]
    pub former: Option<String>,
    /// Whether the upgrade is on probation: a crash then brings the former version back. Kept by heddled, too.
    #[serde(default, skip_serializing_if = "is_false")]
    #[schemars(skip)]
    pub on_probation: bool,
    /// SHA-256 of the file it was enabled from: another one under the same path is refused. Kept by heddled, too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(skip)]
    pub sha256: Option<String>,
    /// The same of what it was before its last upgrade.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(skip)]
    pub former_sha256: Option<String>,
    /// What it turned out to be: says whether traffic waits for it. Kept by heddled; not for configuration files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(skip)]
    pub role: Option<ExtensionRole>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
const fn is_false(truth: &bool) -> bool {
    !*truth
}

fn is_in_process(isolation: &Isolation) -> bool {
    *isolation == Isolation::None
}

const fn fails_open() -> FailPolicy {
    FailPolicy::Open
}

fn is_open(policy: &FailPolicy) -> bool {
    *policy == FailPolicy::Open
}

/// A configuration value: extensions get text, and people may leave the quotes of numbers out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(transparent)]
#[schemars(transparent)]
pub struct ConfigValue(#[schemars(schema_with = "config_value_schema")] pub String);

fn config_value_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({ "type": ["string", "integer", "number", "boolean"] })
}

impl<'de> Deserialize<'de> for ConfigValue {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "a configuration value is text, a number, true or false")]
        enum Any {
            Text(String),
            Whole(i64),
            Part(f64),
            Truth(bool),
        }
        Ok(Self(match Any::deserialize(from)? {
            Any::Text(text) => text,
            Any::Whole(number) => number.to_string(),
            Any::Part(number) => number.to_string(),
            Any::Truth(truth) => truth.to_string(),
        }))
    }
}

impl DesiredState {
    /// "1 switch, 2 ports, 1 extension".
    #[must_use]
    pub fn summary(&self) -> String {
        let counted = |count: usize, one: &str, many: &str| format!("{count} {}", if count == 1 { one } else { many });
        format!(
            "{}, {}, {}",
            counted(self.switches.len(), "switch", "switches"),
            counted(self.switches.iter().map(|switch| switch.ports.len()).sum(), "port", "ports"),
            counted(self.switches.iter().map(|switch| switch.extensions.len()).sum(), "extension", "extensions")
        )
    }
}

impl SwitchRecord {
    /// A switch without ports.
    #[must_use]
    pub fn of(spec: &SwitchSpec) -> Self {
        Self {
            name: spec.name().clone(),
            switch_type: spec.switch_type(),
            workers: spec.workers(),
            ageing: spec.ageing(),
            ports: Vec::new(),
            extensions: Vec::new(),
            policies: Vec::new(),
        }
    }

    /// The switch to create.
    #[must_use]
    pub fn spec(&self) -> SwitchSpec {
        SwitchSpec::new(self.name.clone(), self.switch_type, self.workers, self.ageing)
    }

    /// Its policies and those of its ports; malformed ones, which only a file can hold, are left out and logged.
    #[must_use]
    pub fn policy_specs(&self) -> Vec<PolicySpec> {
        let spec = |record: &PolicyRecord| match record.spec() {
            Ok(spec) => Some(spec),
            Err(error) => {
                tracing::warn!(switch = %self.name, feature = record.feature, %error, "a policy is left out");
                None
            }
        };
        self.policies.iter().filter_map(spec).collect()
    }

    /// The switch alone.
    #[must_use]
    pub fn without_parts(&self) -> Self {
        Self { ports: Vec::new(), extensions: Vec::new(), ..self.clone() }
    }
}

impl PortRecord {
    /// Backend and device together.
    ///
    /// # Errors
    /// When a packet port has no device, or the device is none for this backend.
    pub fn backend_spec(&self) -> Result<BackendSpec, InvalidValue> {
        BackendSpec::new(self.backend, self.device.as_deref())
    }
}

impl ExtensionRecord {
    /// What was asked for.
    #[must_use]
    pub fn of(extension: &ExtensionRef, id: ExtensionId, config: &ExtensionConfig) -> Self {
        Self {
            extension: extension.to_string(),
            id: Some(id),
            config: config.iter().map(|(key, value)| (key.to_owned(), ConfigValue(value.to_owned()))).collect(),
            // Extensions get text: what is not UTF-8 in the file never reaches them.
            config_text: config.file().map(|file| String::from_utf8_lossy(file).into_owned()),
            former: None,
            on_probation: false,
            isolation: config.isolation(),
            late_after: Some(config.patience().late()).filter(|late| *late != LateAfter::default()),
            kill_after: Some(config.patience().kill()).filter(|kill| *kill != KillAfter::default()),
            sha256: None,
            former_sha256: None,
            role: None,
            fail_policy: config.fail_policy(),
        }
    }

    /// What to enable.
    ///
    /// # Errors
    /// When it is neither an identifier nor an absolute path.
    pub fn reference(&self) -> Result<ExtensionRef, InvalidValue> {
        ExtensionRef::new(&self.extension)
    }

    /// What to configure it with.
    ///
    /// # Errors
    /// When a key or value is none an extension can be given.
    pub fn configuration(&self) -> Result<ExtensionConfig, InvalidValue> {
        let pairs = self.config.iter().map(|(key, value)| (key.clone(), value.0.clone())).collect();
        let config = ExtensionConfig::new(pairs, self.config_text.clone().map(String::into_bytes))?;
        let patience = Patience::new(self.late_after, self.kill_after)?;
        let config = config.isolated(self.isolation).pinned_to(self.sha256.clone());
        config.with_patience(patience)?.with_fail_policy(self.fail_policy)
    }

    /// The name to show for it: its identifier, or the file until that is known.
    #[must_use]
    pub fn shown_id(&self) -> String {
        match &self.id {
            Some(id) => id.to_string(),
            None if Path::new(&self.extension).is_absolute() => {
                Path::new(&self.extension).file_stem().unwrap_or_default().to_string_lossy().into_owned()
            }
            None => self.extension.clone(),
        }
    }
}
