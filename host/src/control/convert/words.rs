//! Each enum of the proto beside its counterpart in the model.
//!
//! Into the model, `0` (unspecified) and unknown numbers give `None`; what that means is the caller's business.

use crate::control::{model, wire};

macro_rules! pair {
    ($wire:ident <=> $model:ident { $($word:ident),+ }) => {
        impl From<model::$model> for wire::$wire {
            fn from(word: model::$model) -> Self {
                match word { $(model::$model::$word => Self::$word),+ }
            }
        }

        impl Word for model::$model {
            const FIELD: &'static str = stringify!($wire);

            fn from_number(number: i32) -> Option<Self> {
                match wire::$wire::try_from(number) {
                    $(Ok(wire::$wire::$word) => Some(Self::$word),)+
                    Ok(wire::$wire::Unspecified) | Err(_) => None,
                }
            }
        }
    };
}

/// A word of the model that travels as a number.
pub(super) trait Word: Sized {
    /// The enum's name in the proto.
    const FIELD: &'static str;

    /// The word, or `None` for 0 and for numbers of a newer proto.
    fn from_number(number: i32) -> Option<Self>;
}

pair!(SwitchType <=> SwitchType { External, Internal, Private });
pair!(PortKind <=> PortKind { Synthetic, External, Internal, Emulated });
pair!(Backend <=> BackendKind { Tap, Packet, Memory, Pcap });
pair!(AdminState <=> AdminState { Up, Down });
pair!(FailPolicy <=> FailPolicy { Extension, Open, Closed });
pair!(LoopAction <=> LoopAction { Warn, Block });
pair!(PortState <=> PortState { Created, Teardown, Deleted });
pair!(NicState <=> NicState { Absent, Created, Connected, Disconnected, Deleted });
pair!(VlanMode <=> VlanMode { Untagged, Access, Trunk });
pair!(ExtensionRole <=> ExtensionRole { Capture, Filter, Forwarding, Service, Unknown });
pair!(LogSeverity <=> LogSeverity { Error, Warn, Info, Debug });
pair!(QuarantineCause <=> QuarantineCause { Panics, Violations, Crash, Hang, Slow });
pair!(UpgradeStage <=> UpgradeStage { Upgraded, RolledBack });
pair!(Isolation <=> Isolation { None, Process, Debug });
pair!(SettingKind <=> SettingKind { Boolean, Integer, Text, Choice });
pair!(Leg <=> Leg { Ingress, Egress });
pair!(FdbEntryKind <=> FdbEntryKind { Learned, Static });
pair!(LogLevel <=> LogLevel { Error, Warn, Info, Debug, Trace });
pair!(CaptureDirection <=> CaptureDirection { Ingress, Egress });

#[cfg(test)]
mod tests {
    use super::*;

    /// Every word of the model survives the way to the wire and back.
    fn round_trip<W: From<M> + Into<i32>, M: Word + Copy + PartialEq + std::fmt::Debug>(all: &[M]) {
        for word in all {
            let number: i32 = W::from(*word).into();
            assert_eq!(M::from_number(number), Some(*word));
        }
        assert_eq!(M::from_number(0), None);
        assert_eq!(M::from_number(999), None);
    }

    #[test]
    fn words_survive_the_wire() {
        round_trip::<wire::SwitchType, _>(model::SwitchType::ALL);
        round_trip::<wire::PortKind, _>(model::PortKind::ALL);
        round_trip::<wire::Backend, _>(model::BackendKind::ALL);
        round_trip::<wire::AdminState, _>(model::AdminState::ALL);
        round_trip::<wire::FailPolicy, _>(model::FailPolicy::ALL);
        round_trip::<wire::LoopAction, _>(model::LoopAction::ALL);
        round_trip::<wire::PortState, _>(model::PortState::ALL);
        round_trip::<wire::NicState, _>(model::NicState::ALL);
        round_trip::<wire::VlanMode, _>(model::VlanMode::ALL);
        round_trip::<wire::ExtensionRole, _>(model::ExtensionRole::ALL);
        round_trip::<wire::LogSeverity, _>(model::LogSeverity::ALL);
        round_trip::<wire::QuarantineCause, _>(model::QuarantineCause::ALL);
        round_trip::<wire::UpgradeStage, _>(model::UpgradeStage::ALL);
        round_trip::<wire::Isolation, _>(model::Isolation::ALL);
        round_trip::<wire::SettingKind, _>(model::SettingKind::ALL);
        round_trip::<wire::Leg, _>(model::Leg::ALL);
        round_trip::<wire::FdbEntryKind, _>(model::FdbEntryKind::ALL);
        round_trip::<wire::LogLevel, _>(model::LogLevel::ALL);
        round_trip::<wire::CaptureDirection, _>(model::CaptureDirection::ALL);
    }
}
