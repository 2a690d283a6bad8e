//! Messages about upgrades of extensions.

use super::UnreadableAnswer;
use super::words::Word;
use crate::control::model::{UpgradeStage, UpgradeView};
use crate::control::wire;

impl From<UpgradeView> for wire::Upgrade {
    fn from(view: UpgradeView) -> Self {
        Self {
            stage: wire::UpgradeStage::from(view.stage).into(),
            from_version: view.from_version,
            to_version: view.to_version,
            reason: view.reason,
            state_bytes: view.state_bytes,
            longest_slice_microseconds: view.longest_slice_microseconds,
            pause_microseconds: view.pause_microseconds,
            probation_seconds_left: view.probation_seconds_left,
            can_roll_back: view.can_roll_back,
        }
    }
}

impl TryFrom<wire::Upgrade> for UpgradeView {
    type Error = UnreadableAnswer;

    fn try_from(upgrade: wire::Upgrade) -> Result<Self, UnreadableAnswer> {
        let bad = || UnreadableAnswer { field: UpgradeStage::FIELD, value: upgrade.stage.to_string() };
        Ok(Self {
            stage: UpgradeStage::from_number(upgrade.stage).ok_or_else(bad)?,
            from_version: upgrade.from_version,
            to_version: upgrade.to_version,
            reason: upgrade.reason,
            state_bytes: upgrade.state_bytes,
            longest_slice_microseconds: upgrade.longest_slice_microseconds,
            pause_microseconds: upgrade.pause_microseconds,
            probation_seconds_left: upgrade.probation_seconds_left,
            can_roll_back: upgrade.can_roll_back,
        })
    }
}
