//! Messages about extensions alone: files to install, orders, logs, quarantine, configuration.

use super::UnreadableAnswer;
use super::words::Word;
use crate::control::model::{
    ExtensionLog, ExtensionRef, ExtensionSettings, ExtensionView, InvalidValue, LogLine, LogSeverity, QuarantineCause,
    QuarantineView, RegisteredReason, SettingKind, SettingView,
};
use crate::control::wire;
use std::path::PathBuf;

/// The path of a file to install.
pub(in crate::control) fn extension_file(path: &str) -> Result<PathBuf, InvalidValue> {
    match ExtensionRef::new(path)? {
        ExtensionRef::Path(path) => Ok(path),
        ExtensionRef::Id(id) => {
            let fix = "give the path of a .so, beginning with '/'";
            Err(InvalidValue::new("extension", id, "is an identifier, not a file", fix))
        }
    }
}

impl From<Vec<ExtensionView>> for wire::OrderExtensionsResponse {
    fn from(views: Vec<ExtensionView>) -> Self {
        Self { extensions: views.into_iter().map(Into::into).collect() }
    }
}

impl From<ExtensionLog> for wire::ExtensionLog {
    fn from(log: ExtensionLog) -> Self {
        let line = |line: LogLine| wire::LogLine {
            unix_nanoseconds: line.unix_nanoseconds,
            severity: wire::LogSeverity::from(line.severity).into(),
            text: line.text,
        };
        Self {
            switch: log.switch.to_string(),
            id: log.id,
            lines: log.lines.into_iter().map(line).collect(),
            dropped: log.dropped,
            capacity: log.capacity,
        }
    }
}

impl TryFrom<wire::ExtensionLog> for ExtensionLog {
    type Error = UnreadableAnswer;

    fn try_from(log: wire::ExtensionLog) -> Result<Self, UnreadableAnswer> {
        let bad = |field, value: String| UnreadableAnswer { field, value };
        let line = |line: wire::LogLine| {
            let severity = LogSeverity::from_number(line.severity);
            let severity = severity.ok_or_else(|| bad(LogSeverity::FIELD, line.severity.to_string()))?;
            Ok(LogLine { unix_nanoseconds: line.unix_nanoseconds, severity, text: line.text })
        };
        Ok(Self {
            switch: log.switch.parse().map_err(|_| bad("switch name", log.switch))?,
            id: log.id,
            lines: log.lines.into_iter().map(line).collect::<Result<_, UnreadableAnswer>>()?,
            dropped: log.dropped,
            capacity: log.capacity,
        })
    }
}

impl From<QuarantineView> for wire::Quarantine {
    fn from(view: QuarantineView) -> Self {
        Self {
            switch: view.switch.to_string(),
            id: view.id,
            cause: wire::QuarantineCause::from(view.cause).into(),
            reason: view.reason,
            since_unix_seconds: view.since_unix_seconds,
            crash: view.crash.map(Into::into),
        }
    }
}

impl From<Vec<QuarantineView>> for wire::ListQuarantinesResponse {
    fn from(views: Vec<QuarantineView>) -> Self {
        Self { quarantines: views.into_iter().map(Into::into).collect() }
    }
}

impl TryFrom<wire::Quarantine> for QuarantineView {
    type Error = UnreadableAnswer;

    fn try_from(record: wire::Quarantine) -> Result<Self, UnreadableAnswer> {
        let bad = |field, value: String| UnreadableAnswer { field, value };
        let cause = QuarantineCause::from_number(record.cause);
        Ok(Self {
            cause: cause.ok_or_else(|| bad(QuarantineCause::FIELD, record.cause.to_string()))?,
            switch: record.switch.parse().map_err(|_| bad("switch name", record.switch))?,
            id: record.id,
            reason: record.reason,
            since_unix_seconds: record.since_unix_seconds,
            crash: record.crash.map(Into::into),
        })
    }
}

impl From<SettingView> for wire::Setting {
    fn from(one: SettingView) -> Self {
        Self {
            key: one.key,
            kind: wire::SettingKind::from(one.kind).into(),
            unit: one.unit,
            default: one.default,
            minimum: one.range.map(|(least, _)| least),
            maximum: one.range.map(|(_, most)| most),
            choices: one.choices,
            description: one.description,
            changeable: one.changeable,
            value: one.value,
            given: one.given,
        }
    }
}

impl TryFrom<wire::Setting> for SettingView {
    type Error = UnreadableAnswer;

    fn try_from(one: wire::Setting) -> Result<Self, UnreadableAnswer> {
        let bad = |value: String| UnreadableAnswer { field: SettingKind::FIELD, value };
        Ok(Self {
            kind: SettingKind::from_number(one.kind).ok_or_else(|| bad(one.kind.to_string()))?,
            key: one.key,
            unit: one.unit,
            default: one.default,
            range: one.minimum.zip(one.maximum),
            choices: one.choices,
            description: one.description,
            changeable: one.changeable,
            value: one.value,
            given: one.given,
        })
    }
}

impl From<ExtensionSettings> for wire::ExtensionSettings {
    fn from(all: ExtensionSettings) -> Self {
        Self {
            switch: all.switch.to_string(),
            id: all.id,
            published: all.published,
            settings: all.settings.into_iter().map(Into::into).collect(),
        }
    }
}

impl TryFrom<wire::ExtensionSettings> for ExtensionSettings {
    type Error = UnreadableAnswer;

    fn try_from(all: wire::ExtensionSettings) -> Result<Self, UnreadableAnswer> {
        let bad = |field, value: String| UnreadableAnswer { field, value };
        Ok(Self {
            switch: all.switch.parse().map_err(|_| bad("switch name", all.switch))?,
            id: all.id,
            published: all.published,
            settings: all.settings.into_iter().map(TryInto::try_into).collect::<Result<_, UnreadableAnswer>>()?,
        })
    }
}

impl From<RegisteredReason> for wire::RegisteredReason {
    fn from(RegisteredReason { reason, description }: RegisteredReason) -> Self {
        Self { reason, description }
    }
}

impl From<wire::RegisteredReason> for RegisteredReason {
    fn from(wire::RegisteredReason { reason, description }: wire::RegisteredReason) -> Self {
        Self { reason, description }
    }
}
