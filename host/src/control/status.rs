//! Errors on the wire: a [`ControlError`] as a gRPC status and back to its class.

use super::error::{ControlError, ErrorClass};
use tonic::Status;
use tonic::metadata::MetadataValue;

/// Metadata key with the name of the [`ErrorClass`].
pub const CLASS_KEY: &str = "heddle-error-class";
/// Metadata key with the name of the [`ControlError`].
pub const NAME_KEY: &str = "heddle-error";

/// Longest message sent, in bytes, so that the trailers stay far below what HTTP/2 peers accept.
const MAX_MESSAGE: usize = 2048;

/// The status a client receives.
pub(super) fn from_error(error: &ControlError) -> Status {
    let row = error.class().row();
    let mut message = error.to_string();
    if message.len() > MAX_MESSAGE {
        message.truncate(message.floor_char_boundary(MAX_MESSAGE));
        message.push('…');
    }
    let mut status = Status::new(row.code, message);
    status.metadata_mut().insert(CLASS_KEY, MetadataValue::from_static(row.name));
    status.metadata_mut().insert(NAME_KEY, MetadataValue::from_static(error.name()));
    status
}

/// The class a status stands for: by name when the daemon sent one, else by code.
#[must_use]
pub fn class_of(status: &Status) -> ErrorClass {
    let named = status.metadata().get(CLASS_KEY).and_then(|name| name.to_str().ok()).and_then(ErrorClass::by_name);
    named.unwrap_or_else(|| ErrorClass::by_code(status.code()))
}
