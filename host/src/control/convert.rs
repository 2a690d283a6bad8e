//! Between the wire and the model, one file per direction.
//!
//! `words` pairs the enums, `request` validates what a client sent (server side), `answer` fills messages from views
//! (server side), `view` reads them back (client side); `extension` and `policy` have what is about these alone, in all directions. Everything that could be wrong in a message is found here, so
//! that neither the plane nor the command line meets a value it has to doubt.

mod answer;
mod crash;
pub(in crate::control) mod extension;
pub(in crate::control) mod policy;
pub(in crate::control) mod request;
mod upgrade;
mod view;
mod words;

/// A message from the daemon this program cannot read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the daemon's answer has {field} '{value}', which this heddle does not know; use the heddle of the daemon's version"
)]
pub struct UnreadableAnswer {
    /// The field of the message.
    pub field: &'static str,
    /// What was in it.
    pub value: String,
}
