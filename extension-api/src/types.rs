//! Values with a meaning: each a newtype that can only hold what the model allows, with a named error.

mod mac;
mod port;
mod vlan;

pub use mac::{InvalidMacAddress, MacAddress};
pub use port::{
    Counter, DatagramAddress, DropReason, GroupId, InvalidDatagramAddress, InvalidNicIndex, InvalidPortId, NicIndex,
    PortId, WorkerId,
};
pub use vlan::{InvalidVid, Vid, VlanTag};
