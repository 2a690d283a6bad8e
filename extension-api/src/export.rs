//! [`export_extension!`](crate::export_extension): the only door between the host and an extension.
//!
//! The macro writes three statics and calls `const` functions for their contents, so that a vendor's crate can say
//! `#![forbid(unsafe_code)]`. Every call of the host passes one panic guard: a panic that reached the host would abort
//! the switch, since each shared object carries its own panic runtime.

mod bridge;
mod door;
mod guard;
mod meta;
mod observe;
mod property;
mod state;
mod worker;

pub use bridge::{
    AsCapture, AsFilter, AsForwarding, AsService, Bridge, ConfigBridge, DropsBridge, PolicyBridge, SamplingBridge,
    StateBridge, StatusBridge,
};
pub use door::{entry, entry_with};
pub use meta::{meta, Capabilities, Exported};
pub use observe::{ConfigOf, DropsOf, Interface, Interfaces, PolicyOf, SamplingOf, StatusOf};
pub use state::StateOf;

/// Exports an extension: its metadata, its function table and its layout table.
///
/// ```
/// # #[macro_use] extern crate heddle_extension_api;
/// # use heddle_extension_api::*;
/// # struct Firewall;
/// # impl FilterExtension for Firewall {
/// #     type Worker = Firewall;
/// #     fn create(_: &Control<'_, rights::Filter>, _: &Config<'_>) -> Result<Self, CreateError> { Ok(Firewall) }
/// #     fn worker(&mut self, _: WorkerId) -> Result<Firewall, CreateError> { Ok(Firewall) }
/// # }
/// # impl FilterWorker for Firewall {}
/// export_extension!(filter Firewall {
///     id: "org.example.firewall",
///     name: "Example firewall",
///     vendor: "Example Org",
///     version: "1.2.0",
///     capabilities: Capabilities::HOLD.and(Capabilities::INJECT),
/// });
/// # fn main() {}
/// ```
///
/// Roles: `capture`, `filter`, `forwarding`, `service`. `capabilities` is optional. Optional interfaces come at the end as
/// `interfaces: [sampling, drops, config, policy, state],`, any of them: `sampling` and `drops` for a capture extension
/// whose worker implements [`Sampling`](crate::Sampling) and [`Drops`](crate::Drops); `config`, `policy` and `state` for an extension
/// of any role that implements [`Configurable`](crate::Configurable), [`Policy`](crate::Policy) (filter and forwarding; `status` for one that only tells [`Status`](crate::Status)) and
/// [`Stateful`](crate::Stateful). `built_in` in front of the role exports no symbols: only `pub static EXPORTED`, which is there in both forms, so that an extension linked into the
/// daemon passes the same checks as one from a file.
#[macro_export]
macro_rules! export_extension {
    (built_in $($rest:tt)+) => {
        $crate::__export! { [] [] [] [] $($rest)+ }
    };
    ($($rest:tt)+) => {
        #[cfg(panic = "abort")]
        compile_error!("a Heddle extension must unwind: a panic would end the switch; remove `panic = \"abort\"` from the profile");

        $crate::__export! { [#[no_mangle]] [#[link_section = ".heddle.meta"]] [#[link_section = ".heddle.layout"]] [] $($rest)+ }
    };
}

/// The contents of [`export_extension!`]; the attributes of the statics come first.
#[doc(hidden)]
#[macro_export]
macro_rules! __export {
    ([$($name:tt)*] [$($meta:tt)*] [$($layout:tt)*] [] $role:ident $type:ty {
        id: $id:expr, name: $title:expr, vendor: $vendor:expr, version: $version:expr
        $(, capabilities: $capabilities:expr)? $(, interfaces: [$($interface:ident),+])? $(,)?
    }) => {
        /// This extension as the host's loader sees it.
        pub static EXPORTED: $crate::export::Exported = $crate::export::Exported {
            meta: &heddle_extension_meta,
            entry: &heddle_extension_v1,
            layout: &heddle_extension_layout,
        };

        /// Who this extension is.
        #[used]
        $($name)*
        $($meta)*
        #[allow(non_upper_case_globals)]
        pub static heddle_extension_meta: $crate::abi::meta::Meta = $crate::export::meta(
            <$crate::__bridge!($role, $type) as $crate::export::Bridge>::ROLE,
            [$id, $title, $vendor, $version],
            $crate::export::Capabilities::NONE$(.and($capabilities))?,
        );

        /// What the host calls.
        #[used]
        $($name)*
        #[allow(non_upper_case_globals)]
        pub static heddle_extension_v1: $crate::abi::entry::ExtensionV1 =
            $crate::__entry!([$($($interface)+)?] $crate::__bridge!($role, $type));

        /// The layout this extension was built with.
        #[used]
        $($name)*
        $($layout)*
        #[allow(non_upper_case_globals)]
        pub static heddle_extension_layout: [$crate::abi::layout::LayoutRow; $crate::abi::LAYOUT_ROWS] = $crate::abi::LAYOUT;
    };
}

/// The adaptor of a role.
#[doc(hidden)]
#[macro_export]
macro_rules! __bridge {
    (capture, $type:ty) => { $crate::export::AsCapture<$type> };
    (filter, $type:ty) => { $crate::export::AsFilter<$type> };
    (forwarding, $type:ty) => { $crate::export::AsForwarding<$type> };
    (service, $type:ty) => { $crate::export::AsService<$type> };
    ($other:ident, $type:ty) => {
        compile_error!("the role is `capture`, `filter`, `forwarding` or `service`")
    };
}

/// The function table, with or without optional interfaces.
#[doc(hidden)]
#[macro_export]
macro_rules! __entry {
    ([] $bridge:ty) => {
        $crate::export::entry::<$bridge>()
    };
    ([$($interface:ident)+] $bridge:ty) => {
        $crate::export::entry_with::<$bridge, $crate::__interfaces!([$($interface)+] $bridge)>()
    };
}

/// The list of optional interfaces.
#[doc(hidden)]
#[macro_export]
macro_rules! __interfaces {
    ([] $bridge:ty) => { () };
    ([sampling $($rest:ident)*] $bridge:ty) => {
        ($crate::export::SamplingOf<$bridge>, $crate::__interfaces!([$($rest)*] $bridge))
    };
    ([drops $($rest:ident)*] $bridge:ty) => {
        ($crate::export::DropsOf<$bridge>, $crate::__interfaces!([$($rest)*] $bridge))
    };
    ([config $($rest:ident)*] $bridge:ty) => {
        ($crate::export::ConfigOf<$bridge>, $crate::__interfaces!([$($rest)*] $bridge))
    };
    ([policy $($rest:ident)*] $bridge:ty) => {
        ($crate::export::PolicyOf<$bridge>, $crate::__interfaces!([$($rest)*] $bridge))
    };
    ([status $($rest:ident)*] $bridge:ty) => {
        ($crate::export::StatusOf<$bridge>, $crate::__interfaces!([$($rest)*] $bridge))
    };
    ([state $($rest:ident)*] $bridge:ty) => {
        ($crate::export::StateOf<$bridge>, $crate::__interfaces!([$($rest)*] $bridge))
    };
    ([$other:ident $($rest:ident)*] $bridge:ty) => {
        compile_error!("an interface is `sampling`, `drops`, `config`, `policy`, `status` or `state`")
    };
}
