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
mod state;
mod worker;

pub use bridge::{
    AsCapture, AsFilter, AsForwarding, AsService, Bridge, ConfigBridge, DropsBridge, SamplingBridge, StateBridge,
};
pub use door::{config_entry, drops_entry, entry, sampling_drops_config_entry, sampling_drops_entry, sampling_entry};
pub use meta::{meta, Capabilities, Exported};
pub use state::{config_state_entry, state_entry};

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
/// Roles: `capture`, `filter`, `forwarding`, `service`. `capabilities` is optional. A capture extension whose worker
/// implements [`Sampling`](crate::Sampling) adds `interfaces: [sampling],` at the end, one that implements
/// [`Drops`](crate::Drops) `[drops]`, and one with both `[sampling, drops]`. An extension of any
/// role that implements [`Configurable`](crate::Configurable) adds `[config]`, or `[sampling, drops, config]`;
/// one that implements [`Stateful`](crate::Stateful) adds `[state]`, or `[config, state]`. `built_in` in front of the role exports no symbols: only `pub static EXPORTED`, which is there in both forms, so that an extension linked into the
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
    ([sampling] $bridge:ty) => {
        $crate::export::sampling_entry::<$bridge>()
    };
    ([drops] $bridge:ty) => {
        $crate::export::drops_entry::<$bridge>()
    };
    ([config] $bridge:ty) => {
        $crate::export::config_entry::<$bridge>()
    };
    ([state] $bridge:ty) => {
        $crate::export::state_entry::<$bridge>()
    };
    ([config state] $bridge:ty) => {
        $crate::export::config_state_entry::<$bridge>()
    };
    ([sampling drops config] $bridge:ty) => {
        $crate::export::sampling_drops_config_entry::<$bridge>()
    };
    ([sampling drops] $bridge:ty) => {
        $crate::export::sampling_drops_entry::<$bridge>()
    };
}
