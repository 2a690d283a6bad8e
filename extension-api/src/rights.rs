//! The rights matrix as types: which role may do what on which leg.
//!
//! [`Batch`](crate::Batch), [`Frame`](crate::Frame) and [`Control`](crate::Control) carry one of the marker types below.
//! A method that needs a right exists only where the marker has it, so that what a role may not do does not compile.
//! The host enforces the same rights again for every language.
//!
//! | | [`Observe`] | [`FilterIn`] | [`FilterOut`] | [`ForwardIn`] | [`ForwardOut`] |
//! |---|---|---|---|---|---|
//! | originate (enters on ingress) | yes | yes | yes | yes | yes |
//! | [`MayInject`] without destinations | yes | yes | yes | | |
//! | [`MayDestine`] what it injects | | | | yes | yes |
//! | [`MayDrop`], [`MayHold`], [`MayClone`] | | yes | yes | yes | yes |
//! | [`MayModify`] | | yes | | yes | |
//! | [`MayForward`] | | | | yes | |
//! | [`SeesDestination`] | yes | | yes | | yes |

/// Marker: a capture extension, both legs.
#[derive(Debug)]
pub enum Observe {}
/// Marker: a filter extension on ingress.
#[derive(Debug)]
pub enum FilterIn {}
/// Marker: a filter extension on egress.
#[derive(Debug)]
pub enum FilterOut {}
/// Marker: a forwarding extension on ingress.
#[derive(Debug)]
pub enum ForwardIn {}
/// Marker: a forwarding extension on egress.
#[derive(Debug)]
pub enum ForwardOut {}

mod sealed {
    pub trait Sealed {}
}

/// What a role may do on a leg. Sealed: the matrix is the model's.
pub trait Rights: sealed::Sealed + 'static {}
/// May drop a frame on ingress, exclude a delivery on egress.
pub trait MayDrop: Rights {}
/// May hold a frame and release it later.
pub trait MayHold: Rights {}
/// May copy a frame into a draft.
pub trait MayClone: Rights {}
/// May change the bytes of a frame.
pub trait MayModify: Rights {}
/// May decide where a frame goes.
pub trait MayForward: Rights {}
/// May inject a frame whose destinations lower extensions or the switch decide.
pub trait MayInject: Rights {}
/// Names the destinations of what it injects.
pub trait MayDestine: Rights {}
/// Sees where a frame goes.
pub trait SeesDestination: Rights {}

macro_rules! grant {
    ($($marker:ident: $($right:ident)*;)+) => {$(
        impl sealed::Sealed for $marker {}
        impl Rights for $marker {}
        $(impl $right for $marker {})*
    )+};
}

grant! {
    Observe: MayInject SeesDestination;
    FilterIn: MayDrop MayHold MayClone MayModify MayInject;
    FilterOut: MayDrop MayHold MayClone MayInject SeesDestination;
    ForwardIn: MayDrop MayHold MayClone MayModify MayForward MayDestine;
    ForwardOut: MayDrop MayHold MayClone MayDestine SeesDestination;
}

/// Role marker: capture.
#[derive(Debug)]
pub enum Capture {}
/// Role marker: filter.
#[derive(Debug)]
pub enum Filter {}
/// Role marker: forwarding.
#[derive(Debug)]
pub enum Forwarding {}
/// Role marker: service.
#[derive(Debug)]
pub enum Service {}

/// May refuse ports, NICs and properties.
pub trait MayVeto: Role {}

/// A role. Sealed.
pub trait Role: sealed::Sealed + 'static {}
/// May make groups of ports.
pub trait MayGroup: Role {}

impl sealed::Sealed for Capture {}
impl sealed::Sealed for Filter {}
impl sealed::Sealed for Forwarding {}
impl sealed::Sealed for Service {}
impl Role for Capture {}
impl Role for Filter {}
impl Role for Forwarding {}
impl Role for Service {}
impl MayVeto for Filter {}
impl MayVeto for Forwarding {}
impl MayGroup for Forwarding {}
