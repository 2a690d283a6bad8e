//! Parameters become records and parameters again without loss, whatever their values.

use heddle_host::control::model::*;
use heddle_host::state::record::{DesiredState, PortRecord, SwitchRecord};
use proptest::prelude::*;

fn vid() -> impl Strategy<Value = Vid> {
    (1u32..=4094).prop_map(|vid| Vid::new(vid).unwrap())
}

fn vlan() -> impl Strategy<Value = VlanChange> {
    let allowed = proptest::collection::vec(vid(), 1..6).prop_map(|vids| {
        let mut set = VlanSet::empty();
        vids.into_iter().for_each(|vid| set.insert(vid));
        set
    });
    prop_oneof![
        Just(VlanChange::new(Some(VlanMode::Untagged), None, None, None)),
        vid().prop_map(|vid| VlanChange::new(Some(VlanMode::Access), Some(vid), None, None)),
        (allowed, proptest::option::of(vid())).prop_map(|(allowed, native)| VlanChange::new(
            Some(VlanMode::Trunk),
            None,
            Some(allowed),
            Some(native)
        )),
    ]
}

fn backend() -> impl Strategy<Value = BackendSpec> {
    prop_oneof![
        Just((BackendKind::Tap, None)),
        Just((BackendKind::Tap, Some("tap7"))),
        Just((BackendKind::Packet, Some("eth0"))),
        Just((BackendKind::Memory, None)),
        Just((BackendKind::Memory, Some("source:1000:64:4"))),
    ]
    .prop_map(|(kind, device)| BackendSpec::new(kind, device).unwrap())
}

prop_compose! {
    fn change()(
        kind in proptest::sample::select(PortKind::ALL),
        queues in 1u64..=256,
        mac in proptest::option::of(any::<[u8; 5]>()),
        vlan in vlan(),
        mtu in 68u64..=65535,
        offload in any::<bool>(),
        admin in proptest::sample::select(AdminState::ALL),
        fail_policy in proptest::sample::select(FailPolicy::ALL),
        on_loop in proptest::sample::select(LoopAction::ALL),
    ) -> PortChange {
        PortChange {
            backend: None,
            kind: Some(kind),
            queues: QueueCount::new(queues).ok(),
            mac: Some(mac.map(|[a, b, c, d, e]| MacAddress::from_octets([2, a, b, c, d, e]))),
            vlan,
            mtu: Mtu::new(mtu).ok(),
            offload: Some(offload),
            admin: Some(admin),
            fail_policy: Some(fail_policy),
            on_loop: Some(on_loop),
        }
    }
}

proptest! {
    #[test]
    fn a_port_survives_json_and_toml(backend in backend(), change in change(), later in change()) {
        let spec = PortSpec::new(PortName::new("p").unwrap(), backend, &change).unwrap();
        let json: PortRecord = serde_json::from_str(&serde_json::to_string(&spec.record()).unwrap()).unwrap();
        prop_assert_eq!(&PortSpec::from_record(&json).unwrap(), &spec);
        let text = toml::to_string(&spec.record()).unwrap();
        let read: PortRecord = toml::from_str(&text).unwrap();
        prop_assert_eq!(&PortSpec::from_record(&read).unwrap(), &spec);
        // A change and its way back.
        let changed = spec.changed(&later).unwrap();
        let back = changed.settings_as_change();
        prop_assert_eq!(back.apply_to(spec.settings()).unwrap(), changed.settings().clone());
        prop_assert_eq!(spec.settings_as_change().apply_to(changed.settings()).unwrap(), spec.settings().clone());
    }

    #[test]
    fn a_switch_survives_json_and_toml(workers in 1u64..=64, ageing in 1u64..=1_000_000, kind in proptest::sample::select(SwitchType::ALL)) {
        let spec = SwitchSpec::new(
            SwitchName::new("s").unwrap(), kind, WorkerCount::new(workers).unwrap(), AgeingTime::new(ageing).unwrap());
        let state = DesiredState { switches: vec![SwitchRecord::of(&spec)], ..DesiredState::default() };
        let json: DesiredState = serde_json::from_str(&serde_json::to_string(&state).unwrap()).unwrap();
        prop_assert_eq!(&json, &state);
        let read: DesiredState = toml::from_str(&toml::to_string(&state).unwrap()).unwrap();
        prop_assert_eq!(read.switches.first().map(SwitchRecord::spec), Some(spec));
    }
}
