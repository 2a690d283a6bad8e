//! Why a port could not be opened.
//!
//! Every variant displays as one sentence with the thing, the reason and the fix; the parts stay apart in the data, so that
//! a control plane can class an error without reading its text.

use std::io;

/// Why a port could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenPortError {
    /// No backend of that name.
    #[error("backend `{backend}` does not exist; use one of {known}")]
    UnknownBackend {
        /// Name asked for.
        backend: String,
        /// Names there are.
        known: String,
    },
    /// Too many queues, or none.
    #[error("port `{port}`: {queues} queues are not possible; use 1 to {most}")]
    Queues {
        /// The port.
        port: String,
        /// Queues asked for.
        queues: u16,
        /// Most it can have.
        most: u16,
    },
    /// The device string is not what the backend understands.
    #[error("device `{device}` is not one for the {backend} backend: {reason}")]
    BadDevice {
        /// Device asked for.
        device: String,
        /// The backend.
        backend: &'static str,
        /// Reason and fix.
        reason: String,
    },
    /// No such network device.
    #[error("network device `{device}` does not exist in this network namespace; `ip link show` lists those that do")]
    NoDevice {
        /// Device asked for.
        device: String,
    },
    /// The process may not do it.
    #[error("device `{device}`: {step} is not permitted; run heddled as root or give it {capability}")]
    NoPermission {
        /// The device.
        device: String,
        /// What was refused.
        step: &'static str,
        /// Capability that allows it.
        capability: &'static str,
    },
    /// Somebody else has the device.
    #[error("device `{device}` is in use by another process or port; {fix}")]
    Busy {
        /// The device.
        device: String,
        /// What to do.
        fix: &'static str,
    },
    /// The device does not take the MTU.
    #[error("device `{device}` refuses an MTU of {mtu} bytes ({source}); `ip -d link show {device}` shows its limits")]
    Mtu {
        /// The device.
        device: String,
        /// MTU asked for.
        mtu: u32,
        /// What the kernel said.
        source: io::Error,
    },
    /// The device never takes as large an MTU.
    #[error("device `{device}` takes an MTU of {most} bytes at most, not {mtu}; give --mtu {most} or less")]
    LargeMtu {
        /// The device.
        device: String,
        /// MTU asked for.
        mtu: u32,
        /// The largest it takes.
        most: u32,
    },
    /// The kernel lacks something.
    #[error("device `{device}`: {step} failed: {source}; {fix}")]
    System {
        /// The device.
        device: String,
        /// The step that failed.
        step: &'static str,
        /// What the kernel said.
        source: io::Error,
        /// What to do.
        fix: &'static str,
    },
}

impl OpenPortError {
    /// A refused MTU, for a device that takes `most` at most.
    pub(super) fn mtu(device: &str, mtu: u32, source: io::Error, most: Option<u32>) -> OpenPortError {
        let device = device.to_owned();
        match most.filter(|most| mtu > *most) {
            Some(most) => OpenPortError::LargeMtu { device, mtu, most },
            None => OpenPortError::Mtu { device, mtu, source },
        }
    }

    /// Classes a failed system call on a device.
    pub(super) fn from_step(device: &str, step: &'static str, source: io::Error) -> OpenPortError {
        let device = device.to_owned();
        match source.raw_os_error() {
            Some(libc::EPERM | libc::EACCES) => {
                let capability = if step == STEP_SOCKET { "CAP_NET_RAW" } else { "CAP_NET_ADMIN" };
                OpenPortError::NoPermission { device, step, capability }
            }
            Some(libc::ENODEV | libc::ENXIO) => OpenPortError::NoDevice { device },
            Some(libc::EMFILE | libc::ENFILE) => {
                OpenPortError::System { device, step, source, fix: "raise the limit of open files (LimitNOFILE)" }
            }
            _ => OpenPortError::System { device, step, source, fix: "the device's driver or this kernel may lack it" },
        }
    }
}

/// Opening a raw packet socket, the one step that needs CAP_NET_RAW.
pub(super) const STEP_SOCKET: &str = "opening a packet socket";
