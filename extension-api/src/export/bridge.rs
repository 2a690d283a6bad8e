//! One shape for four roles: what the generic entry points of [`super::door`] call.
//!
//! An adaptor per role names the traits of that role; nothing here is for vendors.

use core::marker::PhantomData;

use crate::abi::meta;
use crate::capture::{CaptureExtension, CaptureWorker};
use crate::config::Config;
use crate::control::Event;
use crate::drops::{Dropped, Drops};
use crate::filter::{FilterExtension, FilterWorker};
use crate::forward::{ForwardingExtension, ForwardingWorker};
use crate::host::Control;
use crate::packet::{Batch, Call};
use crate::policy::{Feature, Policy, Property, Standard, Status, StatusText};
use crate::rights::{self, Rights, Role};
use crate::sampling::{Sample, Sampling};
use crate::service::ServiceExtension;
use crate::settings::{ConfigKey, Configurable};
use crate::state::{SavedState, StateError, StateRoom, StateScope, Stateful, WorkerState};
use crate::status::{CreateError, Outcome, Veto};
use crate::types::{PortId, WorkerId};

/// An extension of any role.
pub trait Bridge: 'static {
    /// The instance.
    type Instance: Send + 'static;
    /// The worker context.
    type Worker: Send + 'static;
    /// The role.
    type Role: Role;
    /// Rights on ingress, and in the worker tick.
    type Ingress: Rights;
    /// Rights on egress.
    type Egress: Rights;

    /// `ROLE_*`.
    const ROLE: u8;
    /// Whether there are workers at all.
    const HAS_WORKERS: bool;
    /// Which worker functions exist: ingress, egress, tick.
    const WORKER_CALLS: [bool; 3];
    /// Which control functions exist: event, completed, tick.
    const CONTROL_CALLS: [bool; 3];

    /// See the traits of the role.
    fn create(host: &Control<'_, Self::Role>, config: &Config<'_>) -> Result<Self::Instance, CreateError>;
    /// See the traits of the role.
    fn worker(instance: &mut Self::Instance, worker: WorkerId) -> Result<Self::Worker, CreateError>;
    /// See the traits of the role.
    fn event(instance: &mut Self::Instance, host: &Control<'_, Self::Role>, event: &Event<'_>) -> Result<(), Veto>;
    /// See the traits of the role.
    fn completed(instance: &mut Self::Instance, host: &Control<'_, Self::Role>, event: &Event<'_>, outcome: Outcome) {
        let _ = (instance, host, event, outcome);
    }
    /// See the traits of the role.
    fn tick(instance: &mut Self::Instance, host: &Control<'_, Self::Role>, now_ns: u64);
    /// See the traits of the role.
    fn ingress(worker: &mut Self::Worker, batch: &mut Batch<'_, Self::Ingress>);
    /// See the traits of the role.
    fn egress(worker: &mut Self::Worker, batch: &mut Batch<'_, Self::Egress>);
    /// See the traits of the role.
    fn worker_tick(worker: &mut Self::Worker, call: &Call<'_, Self::Ingress>);
}

/// An extension that takes samples.
pub trait SamplingBridge: Bridge {
    /// Header bytes wanted.
    const HEADER_BYTES: u32;
    /// Whether ports are counted by themselves.
    const BY_PORT: bool;
    /// See [`Sampling`].
    fn sampled(worker: &mut Self::Worker, sample: &Sample<'_>);
    /// See [`Sampling`].
    fn next_skip(worker: &mut Self::Worker) -> u32;
    /// See [`Sampling`].
    fn next_skip_of(worker: &mut Self::Worker, port: PortId) -> u32;
}

/// An extension that is told of dropped frames.
pub trait DropsBridge: Bridge {
    /// See [`Drops`].
    fn dropped(worker: &mut Self::Worker, dropped: &Dropped<'_>);
    /// See [`Drops`].
    fn wanted(worker: &mut Self::Worker) -> u32;
}

/// An extension that publishes its configuration.
pub trait ConfigBridge: Bridge {
    /// See [`Configurable`].
    const KEYS: &'static [ConfigKey];
    /// See [`Configurable`].
    fn configure(
        instance: &mut Self::Instance,
        host: &Control<'_, Self::Role>,
        config: &Config<'_>,
    ) -> Result<(), CreateError>;
}

/// An extension whose state outlives it.
pub trait StateBridge: Bridge {
    /// See [`Stateful`].
    const SCHEMA: &'static str;
    /// Version written, and oldest read; see [`Stateful`].
    const VERSIONS: (u32, u32);
    /// See [`Stateful`].
    const KEEPS_HELD: bool;
    /// See [`Stateful`].
    fn save_begin(instance: &mut Self::Instance, host: &Control<'_, Self::Role>) -> Result<(), CreateError>;
    /// See [`Stateful`].
    fn save_end(instance: &mut Self::Instance, host: &Control<'_, Self::Role>, goes_on: bool);
    /// See [`Stateful`].
    fn save(
        instance: &mut Self::Instance,
        host: &Control<'_, Self::Role>,
        scope: StateScope,
        room: &mut StateRoom<'_>,
    ) -> Result<(), StateError>;
    /// See [`Stateful`].
    fn restore(
        instance: &mut Self::Instance,
        host: &Control<'_, Self::Role>,
        scope: StateScope,
        state: &SavedState<'_>,
    ) -> Result<(), StateError>;
    /// See [`WorkerState`].
    fn save_worker(worker: &mut Self::Worker, room: &mut StateRoom<'_>);
    /// See [`WorkerState`].
    fn restore_worker(worker: &mut Self::Worker, state: &SavedState<'_>) -> Result<(), StateError>;
    /// See [`WorkerState`].
    fn end_worker(worker: &mut Self::Worker);
}

macro_rules! stateful {
    ($($name:ident: $extension:ident, $role:ident;)+) => {$(
        impl<E> StateBridge for $name<E>
        where
            E: $extension + Stateful<rights::$role>,
            <$name<E> as Bridge>::Worker: WorkerState,
            $name<E>: Bridge<Instance = E, Role = rights::$role>,
        {
            const SCHEMA: &'static str = E::SCHEMA;
            const VERSIONS: (u32, u32) = (E::VERSION, E::OLDEST);
            const KEEPS_HELD: bool = E::KEEPS_HELD;

            fn save_begin(instance: &mut E, host: &Control<'_, Self::Role>) -> Result<(), CreateError> {
                instance.save_begin(host)
            }
            fn save_end(instance: &mut E, host: &Control<'_, Self::Role>, goes_on: bool) {
                instance.save_end(host, goes_on);
            }
            fn save(
                instance: &mut E,
                host: &Control<'_, Self::Role>,
                scope: StateScope,
                room: &mut StateRoom<'_>,
            ) -> Result<(), StateError> {
                instance.save(host, scope, room)
            }
            fn restore(
                instance: &mut E,
                host: &Control<'_, Self::Role>,
                scope: StateScope,
                state: &SavedState<'_>,
            ) -> Result<(), StateError> {
                instance.restore(host, scope, state)
            }
            fn save_worker(worker: &mut Self::Worker, room: &mut StateRoom<'_>) {
                worker.save(room);
            }
            fn restore_worker(worker: &mut Self::Worker, state: &SavedState<'_>) -> Result<(), StateError> {
                worker.restore(state)
            }
            fn end_worker(worker: &mut Self::Worker) {
                worker.save_end();
            }
        }
    )+};
}

stateful! {
    AsCapture: CaptureExtension, Capture;
    AsFilter: FilterExtension, Filter;
    AsForwarding: ForwardingExtension, Forwarding;
    AsService: ServiceExtension, Service;
}

/// An extension with features.
pub trait StatusBridge: Bridge {
    /// See [`Status`].
    const FEATURES: &'static [Feature];
    /// See [`Status`].
    fn status(
        instance: &mut Self::Instance,
        host: &Control<'_, Self::Role>,
        about: (&str, Option<PortId>),
        text: &mut StatusText,
    ) -> bool;
}

/// An extension with policies.
pub trait PolicyBridge: StatusBridge {
    /// See [`Policy`].
    const STANDARD: Standard;
    /// See [`Policy`].
    fn property(
        instance: &mut Self::Instance,
        host: &Control<'_, Self::Role>,
        property: &Property<'_>,
    ) -> Result<(), Veto>;
    /// See [`Policy`].
    fn property_done(
        instance: &mut Self::Instance,
        host: &Control<'_, Self::Role>,
        property: &Property<'_>,
        outcome: Outcome,
    );
}

macro_rules! configurable {
    ($($name:ident: $extension:ident, $role:ident;)+) => {$(
        impl<E: $extension + Status<rights::$role>> StatusBridge for $name<E> {
            const FEATURES: &'static [Feature] = E::FEATURES;

            fn status(
                instance: &mut E,
                host: &Control<'_, Self::Role>,
                (feature, port): (&str, Option<PortId>),
                text: &mut StatusText,
            ) -> bool {
                instance.status(host, feature, port, text)
            }
        }

        impl<E: $extension + Configurable<rights::$role>> ConfigBridge for $name<E> {
            const KEYS: &'static [ConfigKey] = E::KEYS;

            fn configure(
                instance: &mut E,
                host: &Control<'_, Self::Role>,
                config: &Config<'_>,
            ) -> Result<(), CreateError> {
                instance.configure(host, config)
            }
        }
    )+};
}

configurable! {
    AsCapture: CaptureExtension, Capture;
    AsFilter: FilterExtension, Filter;
    AsForwarding: ForwardingExtension, Forwarding;
    AsService: ServiceExtension, Service;
}

macro_rules! policies {
    ($($name:ident: $extension:ident, $role:ident;)+) => {$(
        impl<E: $extension + Policy<rights::$role>> PolicyBridge for $name<E> {
            const STANDARD: Standard = E::STANDARD;

            fn property(instance: &mut E, host: &Control<'_, Self::Role>, property: &Property<'_>) -> Result<(), Veto> {
                instance.property(host, property)
            }

            fn property_done(
                instance: &mut E,
                host: &Control<'_, Self::Role>,
                property: &Property<'_>,
                outcome: Outcome,
            ) {
                instance.property_done(host, property, outcome);
            }
        }
    )+};
}

policies! {
    AsFilter: FilterExtension, Filter;
    AsForwarding: ForwardingExtension, Forwarding;
}

/// Declares the adaptor of a role with a data path.
macro_rules! adaptor {
    ($(#[$doc:meta])* $name:ident: $extension:ident / $worker:ident,
     role $role:ident = $code:ident, ingress $ingress:ident, egress $egress:ident,
     has_ingress $has_ingress:expr, has_completed $has_completed:expr, |$outcome:ident| $event:expr
     $(, |$instance:ident, $host:ident, $told:ident, $end:ident| $completed:expr)?) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $name<E>(PhantomData<E>);

        impl<E: $extension> Bridge for $name<E> {
            type Instance = E;
            type Worker = E::Worker;
            type Role = rights::$role;
            type Ingress = rights::$ingress;
            type Egress = rights::$egress;

            const ROLE: u8 = meta::$code;
            const HAS_WORKERS: bool = true;
            const WORKER_CALLS: [bool; 3] = [$has_ingress, E::Worker::HAS_EGRESS, E::Worker::HAS_WORKER_TICK];
            const CONTROL_CALLS: [bool; 3] = [E::HAS_EVENT, $has_completed, E::HAS_TICK];

            fn create(host: &Control<'_, Self::Role>, config: &Config<'_>) -> Result<E, CreateError> {
                E::create(host, config)
            }
            fn worker(instance: &mut E, worker: WorkerId) -> Result<E::Worker, CreateError> {
                instance.worker(worker)
            }
            fn event(instance: &mut E, host: &Control<'_, Self::Role>, event: &Event<'_>) -> Result<(), Veto> {
                let $outcome = instance.event(host, event);
                $event
            }
            $(fn completed($instance: &mut E, $host: &Control<'_, Self::Role>, $told: &Event<'_>, $end: Outcome) {
                $completed;
            })?
            fn tick(instance: &mut E, host: &Control<'_, Self::Role>, now_ns: u64) {
                instance.tick(host, now_ns);
            }
            #[inline]
            fn ingress(worker: &mut E::Worker, batch: &mut Batch<'_, Self::Ingress>) {
                worker.ingress(batch);
            }
            #[inline]
            fn egress(worker: &mut E::Worker, batch: &mut Batch<'_, Self::Egress>) {
                worker.egress(batch);
            }
            #[inline]
            fn worker_tick(worker: &mut E::Worker, call: &Call<'_, Self::Ingress>) {
                worker.worker_tick(call);
            }
        }
    };
}

adaptor!(
    /// Capture role.
    AsCapture: CaptureExtension / CaptureWorker, role Capture = ROLE_CAPTURE, ingress Observe, egress Observe,
    has_ingress E::Worker::HAS_INGRESS, has_completed false, |outcome| {
        let () = outcome;
        Ok(())
    }
);
adaptor!(
    /// Filter role.
    AsFilter: FilterExtension / FilterWorker, role Filter = ROLE_FILTER, ingress FilterIn, egress FilterOut,
    has_ingress E::Worker::HAS_INGRESS, has_completed E::HAS_COMPLETED, |outcome| outcome,
    |instance, host, event, outcome| instance.completed(host, event, outcome)
);
adaptor!(
    /// Forwarding role.
    AsForwarding: ForwardingExtension / ForwardingWorker, role Forwarding = ROLE_FORWARDING, ingress ForwardIn, egress ForwardOut,
    has_ingress true, has_completed E::HAS_COMPLETED, |outcome| outcome,
    |instance, host, event, outcome| instance.completed(host, event, outcome)
);

impl<E> SamplingBridge for AsCapture<E>
where
    E: CaptureExtension,
    E::Worker: Sampling,
{
    const HEADER_BYTES: u32 = E::Worker::HEADER_BYTES;
    const BY_PORT: bool = E::Worker::BY_PORT;

    fn sampled(worker: &mut E::Worker, sample: &Sample<'_>) {
        worker.sampled(sample);
    }
    fn next_skip(worker: &mut E::Worker) -> u32 {
        worker.next_skip()
    }
    fn next_skip_of(worker: &mut E::Worker, port: PortId) -> u32 {
        worker.next_skip_of(port)
    }
}

impl<E> DropsBridge for AsCapture<E>
where
    E: CaptureExtension,
    E::Worker: Drops,
{
    fn dropped(worker: &mut E::Worker, dropped: &Dropped<'_>) {
        worker.dropped(dropped);
    }
    fn wanted(worker: &mut E::Worker) -> u32 {
        worker.wanted()
    }
}

/// Service role.
#[derive(Debug)]
pub struct AsService<E>(PhantomData<E>);

impl<E: ServiceExtension> Bridge for AsService<E> {
    type Instance = E;
    type Worker = ();
    type Role = rights::Service;
    type Ingress = rights::Observe;
    type Egress = rights::Observe;

    const ROLE: u8 = meta::ROLE_SERVICE;
    const HAS_WORKERS: bool = false;
    const WORKER_CALLS: [bool; 3] = [false; 3];
    const CONTROL_CALLS: [bool; 3] = [E::HAS_EVENT, false, E::HAS_TICK];

    fn create(host: &Control<'_, Self::Role>, config: &Config<'_>) -> Result<E, CreateError> {
        E::create(host, config)
    }
    fn worker(_: &mut E, _: WorkerId) -> Result<(), CreateError> {
        Ok(())
    }
    fn event(instance: &mut E, host: &Control<'_, Self::Role>, event: &Event<'_>) -> Result<(), Veto> {
        instance.event(host, event);
        Ok(())
    }
    fn tick(instance: &mut E, host: &Control<'_, Self::Role>, now_ns: u64) {
        instance.tick(host, now_ns);
    }
    fn ingress(_: &mut (), _: &mut Batch<'_, Self::Ingress>) {}
    fn egress(_: &mut (), _: &mut Batch<'_, Self::Egress>) {}
    fn worker_tick(_: &mut (), _: &Call<'_, Self::Ingress>) {}
}
