//! Policies of an extension that runs in a child: properties are offered over the socket, by the same rules as here.

use heddle_extension_api::abi::policy::{POLICY_STATUS_MAX, PROPERTY_ADD, PROPERTY_DELETE, PROPERTY_UPDATE};
use heddle_extension_api::abi::status::{E_AGAIN, E_GONE, E_VETO, OK};

use super::super::talk::{Property, ToChild};
use super::Guest;
use crate::loader::{Act, Objection, Offer};

impl Property {
    /// As the host offers it; the values follow it as bytes.
    fn of(offer: &Offer<'_>) -> Property {
        let act = match offer.act {
            Act::Add => PROPERTY_ADD,
            Act::Update => PROPERTY_UPDATE,
            Act::Delete => PROPERTY_DELETE,
        };
        let (feature, instance) = (offer.feature.to_owned(), offer.instance.to_owned());
        Property { act, port: offer.port, validation: offer.validation, feature, instance }
    }

    /// As the extension in the child is offered it.
    pub(in super::super) fn offer<'a>(&'a self, values: &'a str) -> Option<Offer<'a>> {
        let act = match self.act {
            PROPERTY_ADD => Act::Add,
            PROPERTY_UPDATE => Act::Update,
            PROPERTY_DELETE => Act::Delete,
            _ => return None,
        };
        let (feature, instance) = (self.feature.as_str(), self.instance.as_str());
        Some(Offer { act, port: self.port, validation: self.validation, feature, instance, values })
    }
}

impl Guest {
    /// Offers a property; its refusal in the extension's words.
    pub(in crate::loader) fn property(&self, offer: &Offer<'_>) -> Result<(), Objection> {
        self.verdict("a property", &ToChild::Property(Property::of(offer)), offer.values.as_bytes())
    }

    /// How a property ended that it had accepted.
    pub(in crate::loader) fn property_done(&self, offer: &Offer<'_>, outcome: Result<(), &Objection>) {
        let status = match outcome {
            Ok(()) => OK,
            Err(objection) if objection.for_now => E_AGAIN,
            Err(_) => E_VETO,
        };
        let told = ToChild::PropertyDone(Property::of(offer), status);
        // One that cannot be told is gone.
        let _ = self.ask("the end of a property", &told, offer.values.as_bytes());
    }

    /// Runtime data of a feature as `key=value` lines; `Ok(None)` when it knows nothing of the port.
    pub(in crate::loader) fn status(&self, feature: &str, port: u32) -> Result<Option<String>, String> {
        let done = self.ask("a status", &ToChild::Status { feature: feature.to_owned(), port }, &[])?;
        match self.note(done.status) {
            OK if done.bytes.len() <= POLICY_STATUS_MAX as usize => {
                String::from_utf8(done.bytes).map(Some).map_err(|_| "its status is not UTF-8".to_owned())
            }
            OK => Err(format!("its status is longer than {POLICY_STATUS_MAX} bytes")),
            E_GONE => Ok(None),
            _ => Err(done.text),
        }
    }
}
