//! Ports to and from their records. In here because it takes the parameter types apart field by field: a setting that is
//! added to a port and forgotten in its record does not compile.

use super::super::{InvalidValue, VlanChange, VlanMode, VlanSettings};
use super::{BackendSpec, PortChange, PortSettings, PortSpec};
use crate::state::record::PortRecord;

impl PortSpec {
    /// The port as it is stored.
    #[must_use]
    pub fn record(&self) -> PortRecord {
        let Self { name, kind, backend, queues, settings } = self;
        let PortSettings { mac, vlan, mtu, offload, admin, fail_policy, on_loop } = settings;
        let (vlan_mode, vlan, allowed, native) = match vlan {
            VlanSettings::Untagged => (VlanMode::Untagged, None, None, None),
            VlanSettings::Access { vlan } => (VlanMode::Access, Some(*vlan), None, None),
            VlanSettings::Trunk { allowed, native } => (VlanMode::Trunk, None, Some(allowed.clone()), *native),
        };
        PortRecord {
            name: name.clone(),
            backend: backend.kind(),
            device: backend.device_text(),
            kind: *kind,
            queues: *queues,
            mac: *mac,
            mtu: *mtu,
            offload: *offload,
            admin: *admin,
            fail_policy: *fail_policy,
            on_loop: *on_loop,
            vlan_mode,
            vlan,
            allowed,
            native,
        }
    }

    /// The port of a record.
    ///
    /// # Errors
    /// When its options do not fit together.
    pub fn from_record(record: &PortRecord) -> Result<Self, InvalidValue> {
        // A trunk without a native VLAN says so; elsewhere the option has no place.
        let native = match record.vlan_mode {
            VlanMode::Trunk => Some(record.native),
            VlanMode::Untagged | VlanMode::Access => record.native.map(Some),
        };
        let change = PortChange {
            backend: None,
            kind: Some(record.kind),
            queues: Some(record.queues),
            mac: Some(record.mac),
            vlan: VlanChange::new(Some(record.vlan_mode), record.vlan, record.allowed.clone(), native),
            mtu: Some(record.mtu),
            offload: Some(record.offload),
            admin: Some(record.admin),
            fail_policy: Some(record.fail_policy),
            on_loop: Some(record.on_loop),
        };
        Self::new(record.name.clone(), record.backend_spec()?, &change)
    }

    /// The port after a change.
    ///
    /// # Errors
    /// When the VLAN options do not fit together.
    pub fn changed(&self, change: &PortChange) -> Result<Self, InvalidValue> {
        Ok(Self {
            name: self.name.clone(),
            kind: change.kind.unwrap_or(self.kind),
            backend: change.backend.clone().unwrap_or_else(|| self.backend.clone()),
            queues: change.queues.unwrap_or(self.queues),
            settings: change.apply_to(&self.settings)?,
        })
    }

    /// The port on the device that the plane chose for it.
    #[must_use]
    pub fn on_device(mut self, chosen: Option<&str>) -> Self {
        if let (BackendSpec::Tap { device: device @ None }, Some(chosen)) = (&mut self.backend, chosen) {
            *device = super::DeviceName::new(chosen).ok();
        }
        self
    }

    /// The change that brings every setting back to this port's.
    #[must_use]
    pub fn settings_as_change(&self) -> PortChange {
        let PortSettings { mac, vlan, mtu, offload, admin, fail_policy, on_loop } = &self.settings;
        let vlan = match vlan {
            VlanSettings::Untagged => VlanChange::new(Some(VlanMode::Untagged), None, None, None),
            VlanSettings::Access { vlan } => VlanChange::new(Some(VlanMode::Access), Some(*vlan), None, None),
            VlanSettings::Trunk { allowed, native } => {
                VlanChange::new(Some(VlanMode::Trunk), None, Some(allowed.clone()), Some(*native))
            }
        };
        PortChange {
            backend: None,
            kind: None,
            queues: None,
            mac: Some(*mac),
            vlan,
            mtu: Some(*mtu),
            offload: Some(*offload),
            admin: Some(*admin),
            fail_policy: Some(*fail_policy),
            on_loop: Some(*on_loop),
        }
    }
}
