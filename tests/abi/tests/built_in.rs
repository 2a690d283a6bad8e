//! Extensions linked into a binary pass the same door as files.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use heddle_host::loader::{BuiltIn, LoadError, built_in};

/// An honest one.
mod honest {
    use heddle_extension_api::*;

    pub(crate) struct Nothing;

    impl FilterExtension for Nothing {
        type Worker = Nothing;

        fn create(_: &Control<'_, rights::Filter>, _: &Config<'_>) -> Result<Self, CreateError> {
            Ok(Nothing)
        }

        fn worker(&mut self, _: WorkerId) -> Result<Nothing, CreateError> {
            Ok(Nothing)
        }
    }

    impl FilterWorker for Nothing {}

    export_extension!(built_in filter Nothing {
        id: "org.heddle.test.built-in",
        name: "Built in",
        vendor: "Tests",
        version: "1.0.0",
    });
}

/// The same, saying that it needs a host that does not exist yet.
static FROM_THE_FUTURE: heddle_extension_api::Exported = {
    static META: heddle_extension_api::abi::meta::Meta =
        heddle_extension_api::abi::meta::Meta { min_host_minor: 99, ..*honest::EXPORTED.meta };
    heddle_extension_api::Exported { meta: &META, ..honest::EXPORTED }
};

inventory::submit! { BuiltIn { exported: &honest::EXPORTED } }
inventory::submit! { BuiltIn { exported: &FROM_THE_FUTURE } }

#[test]
fn built_in_extensions_are_judged_like_files() {
    let (good, refused): (Vec<_>, Vec<_>) = built_in().into_iter().partition(Result::is_ok);
    let ids: Vec<String> = good.into_iter().map(|library| library.unwrap().facts().id.clone()).collect();
    assert_eq!(ids, ["org.heddle.test.built-in"]);
    let reasons: Vec<LoadError> = refused.into_iter().filter_map(Result::err).collect();
    assert!(matches!(reasons.as_slice(), [LoadError::HostTooOld { needed: 99, .. }]), "{reasons:?}");
}
