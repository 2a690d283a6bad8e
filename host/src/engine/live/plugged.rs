//! What is plugged into a port: its device as the kernel sees it, and what is to be said about it.
//!
//! Follows the device event by event (renames before removals, so that a foreign device with an old name stays foreign),
//! reads the kernel's losses once a second, and turns the device's state into trouble (carries nothing) and notices (carries,
//! but not as it should).

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::loops::Looping;
use crate::control::model::{BackendSpec, PortSettings, PortSpec};
use crate::engine::lock;
use crate::ports::device::{DeviceChange, DeviceEvent, DeviceState, DeviceWatch};
use crate::ports::{Attachment, LossMeter, Notices};

/// How often the kernel's losses are read, whether or not anybody asks.
const METER_PACE: Duration = Duration::from_secs(1);

/// What is plugged into a port.
pub(crate) struct Plugged {
    /// As it was asked for, with the settings in effect.
    pub(crate) spec: PortSpec,
    /// Settings in effect.
    pub(crate) settings: PortSettings,
    /// What is not a network device, as the backend calls it.
    pub(super) virtual_device: String,
    /// The network device, shared with the port's queues.
    pub(crate) attachment: Option<Arc<Attachment>>,
    /// What the operator should know.
    pub(crate) notices: Notices,
    /// Counts what the kernel lost beside the queues.
    pub(super) meter: Option<Mutex<Box<dyn LossMeter>>>,
    /// When it is read next for nobody but itself.
    pub(super) meter_due: Instant,
    pub(super) was_detached: bool,
    /// Whether it is being removed.
    pub(super) leaving: bool,
    /// What is known about a loop through the port.
    pub(super) looping: Looping,
    /// Why it does not carry traffic although it should.
    pub(super) trouble: Option<String>,
}

impl Plugged {
    /// The device's present name, or what the backend calls what is not one.
    pub(crate) fn device(&self) -> String {
        self.attachment.as_ref().map_or_else(|| self.virtual_device.clone(), |place| place.name())
    }

    /// Frames the kernel lost beside the queues.
    pub(crate) fn missed_by_kernel(&self) -> u64 {
        self.meter.as_ref().map_or(0, |meter| lock(meter).missed())
    }

    /// Why it does not carry traffic although it should.
    pub(crate) fn present_trouble(&self) -> Option<String> {
        self.looping.trouble().or_else(|| self.trouble.clone())
    }

    /// Periodic work; whether a queue found that its device is gone, or that it is back, since the last time.
    pub(super) fn look_after(&mut self) -> bool {
        if self.meter.is_some() && Instant::now() >= self.meter_due {
            // What an interface counted goes with it: not long ago is the best that can be known then.
            self.missed_by_kernel();
            self.meter_due = Instant::now() + METER_PACE;
        }
        let detached = self.attachment.as_ref().is_some_and(|place| place.is_detached());
        std::mem::replace(&mut self.was_detached, detached) != detached
    }

    /// Takes up what happened to the device, event by event, and then compares with what the kernel says now.
    pub(super) fn follow(&mut self, devices: &DeviceWatch, events: &[DeviceEvent]) {
        let Some(place) = self.attachment.clone() else { return };
        place.follow();
        // A TAP that left this network namespace is where its guest is; the queue stays ours.
        let lives_elsewhere = matches!(self.spec.backend(), BackendSpec::Tap { .. }) && !place.is_detached();
        for event in events.iter().filter(|event| Some(event.index) == place.index()) {
            match &event.change {
                DeviceChange::Renamed { .. } => self.rename(&place, &event.name),
                DeviceChange::Removed if !lives_elsewhere => place.gone(),
                _ => {}
            }
        }
        let known = place.index().and_then(|index| devices.device(index).map(|now| (index, now)));
        match known.or_else(|| devices.find(&place.name()).filter(|_| !lives_elsewhere)) {
            Some((index, now)) => {
                // A number it did not have: it was made anew, and the queues take it up.
                place.returned(index);
                // An event may have been lost, never what is so now.
                self.rename(&place, &now.name);
                self.warn(devices, index, now);
                self.trouble = match (now.up, now.carrier) {
                    (false, _) => Some(format!("device '{0}' is down; `ip link set {0} up`", now.name)),
                    (true, false) => Some(no_carrier(&now.name)),
                    (true, true) => None,
                };
            }
            None if lives_elsewhere => self.trouble = None,
            None => {
                self.trouble = Some(self.gone(&place.name()));
            }
        }
    }

    /// A device that is gone. Heddled makes no TAP anew: who deleted it, or the namespace it was in, may have meant it.
    fn gone(&self, device: &str) -> String {
        if !matches!(self.spec.backend(), BackendSpec::Tap { .. }) {
            return format!(
                "device '{device}' is gone from this network namespace; it is taken up again when it returns"
            );
        }
        let queues = if self.spec.queues().get() > 1 { " multi_queue" } else { "" };
        format!(
            "device '{device}' was deleted, or its network namespace was; `ip tuntap add {device} mode tap{queues}` \
             makes it anew, and the port takes it up"
        )
    }

    /// Says what does not stop the port but is not as it should be.
    fn warn(&self, devices: &DeviceWatch, index: u32, now: &DeviceState) {
        if !matches!(self.spec.backend(), BackendSpec::Packet { .. }) {
            return;
        }
        let (name, mtu) = (&now.name, self.settings.mtu().get());
        let address = devices.addresses(index).next().map(|address| {
            format!(
                "device '{name}' has the address {address}, so the kernel answers beside the switch; `ip address del \
                 {address} dev {name}` and give the host a port of its own (--kind internal)"
            )
        });
        self.notice("address", address);
        let small = (now.mtu < mtu).then(|| {
            format!(
                "device '{name}' takes {} bytes and the port {mtu}: longer frames are dropped as frame-too-long; \
                 `ip link set {name} mtu {mtu}`",
                now.mtu
            )
        });
        self.notice("mtu", small);
    }

    pub(super) fn notice(&self, topic: &'static str, text: Option<String>) {
        let port = self.spec.name();
        match text {
            Some(text) if self.notices.say(topic, text.clone()) => tracing::warn!(%port, "{text}"),
            None if self.notices.withdraw(topic) => tracing::info!(%port, topic, "what was warned of is no more"),
            _ => {}
        }
    }

    fn rename(&self, place: &Attachment, name: &str) {
        let from = place.name();
        if from != name {
            tracing::info!(port = %self.spec.name(), %from, to = %name, "the device was renamed");
            place.renamed(name);
        }
    }
}

pub(super) fn no_carrier(device: &str) -> String {
    format!("device '{device}' has no carrier; check its other end")
}
