//! A capture extension may tell the status of its features, but is never asked about a property.

use heddle_extension_api::*;

struct Watch;

impl Status<rights::Capture> for Watch {
    const FEATURES: &'static [Feature] = &[];
}

impl Policy<rights::Capture> for Watch {
    fn property(&mut self, _: &Control<'_, rights::Capture>, _: &Property<'_>) -> Result<(), Veto> {
        Err(Veto::new("no"))
    }
}

fn main() {}
