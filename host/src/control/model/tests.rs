//! Rules of the parameter types, one test per rule.

use super::*;

fn message<T>(result: Result<T, InvalidValue>) -> String {
    result.err().map_or_else(|| "accepted".to_owned(), |error| error.to_string())
}

#[test]
fn names_are_plain_words_of_at_most_64() {
    assert!(SwitchName::new("lab-1.core_A").is_ok());
    assert!(SwitchName::new(&"x".repeat(64)).is_ok());
    assert_eq!(
        message(SwitchName::new(&"x".repeat(65))),
        format!(
            "switch name '{}' has 65 characters, more than 64; use 1 to 64 characters of A-Z a-z 0-9 . _ -",
            "x".repeat(65)
        )
    );
    assert_eq!(
        message(PortName::new("p 1")),
        "port name 'p 1' contains ' '; use 1 to 64 characters of A-Z a-z 0-9 . _ -"
    );
    assert!(message(PortName::new("")).contains("is empty"));
    assert!(message(PortName::new("-p")).contains("would read as an option"));
    assert!(message(PortName::new("p\n1")).contains("'p\\n1'"), "control characters are shown escaped");
}

#[test]
fn device_names_follow_the_kernel() {
    assert!(DeviceName::new("enp3s0f1np1").is_ok());
    for bad in ["", ".", "..", "a/b", "a:1", "tap%d", "a b", "sixteen-bytes-xx"] {
        assert!(DeviceName::new(bad).is_err(), "{bad:?}");
    }
}

#[test]
fn a_port_owns_an_individual_address() {
    let mac = MacAddress::assignable("02-AB-00-00-00-01").map(|mac| mac.to_string());
    assert_eq!(mac.as_deref(), Ok("02:ab:00:00:00:01"));
    for bad in ["01:00:5e:00:00:01", "ff:ff:ff:ff:ff:ff", "00:00:00:00:00:00", "02:00:00:00:00", "2:0:0:0:0:1", "é"] {
        assert!(MacAddress::assignable(bad).is_err(), "{bad}");
    }
    assert!("02:00:00:00:00:+1".parse::<MacAddress>().is_err(), "a sign is no digit");
}

#[test]
fn numbers_have_ranges() {
    assert_eq!(message(Mtu::new(67)), "mtu '67' is out of range; give 68 to 65535 bytes");
    assert!(Mtu::new(68).is_ok() && Mtu::new(65535).is_ok() && Mtu::new(65536).is_err());
    assert!(Mtu::new(u64::MAX).is_err(), "no wrap-around");
    assert!(Vid::new(0).is_err() && Vid::new(4094).is_ok() && Vid::new(4095).is_err() && Vid::new(65537).is_err());
    assert!(
        WorkerCount::new(0).is_err()
            && QueueCount::new(64).is_ok()
            && QueueCount::new(65).is_err()
            && AgeingTime::new(0).is_err()
    );
    assert!(SnapLength::new(0).is_err() && SnapLength::new(262_145).is_err());
}

#[test]
fn vlan_lists_read_back_as_written_and_merge_ranges() {
    let show = |text: &str| text.parse::<VlanSet>().map(|set| set.to_string());
    assert_eq!(show("1-100,200").as_deref(), Ok("1-100,200"));
    assert_eq!(show("3,1,2,4094").as_deref(), Ok("1-3,4094"));
    for bad in ["", "0", "4095", "5-3", "1,,2", "1-", "x", "1-5000"] {
        assert!(show(bad).is_err(), "{bad:?}");
    }
}

fn access(vlan: u32) -> VlanChange {
    VlanChange::new(Some(VlanMode::Access), Vid::new(vlan).ok(), None, None)
}

#[test]
fn vlan_options_must_belong_to_the_mode() -> Result<(), InvalidValue> {
    let untagged = VlanSettings::default();
    let only_vlan = VlanChange::new(None, Vid::new(5).ok(), None, None);
    assert_eq!(
        message(only_vlan.apply_to(&untagged)),
        "vlan '5' does not apply in vlan-mode untagged; leave it out or give --vlan-mode access"
    );
    let bare_access = VlanChange::new(Some(VlanMode::Access), None, None, None);
    assert!(message(bare_access.apply_to(&untagged)).contains("needs a VLAN"));
    let on_five = access(5).apply_to(&untagged)?;
    assert_eq!(bare_access.apply_to(&on_five)?, on_five, "what is not given is kept");
    assert_eq!(only_vlan.apply_to(&access(7).apply_to(&untagged)?)?, on_five);
    Ok(())
}

#[test]
fn a_trunk_keeps_its_list_when_only_the_native_vlan_changes() -> Result<(), InvalidValue> {
    let allowed: VlanSet = "10-20".parse()?;
    let trunk = VlanChange::new(Some(VlanMode::Trunk), None, Some(allowed.clone()), Some(Vid::new(10).ok()))
        .apply_to(&VlanSettings::default())?;
    assert_eq!(trunk.to_string(), "trunk 10-20 native 10");
    let no_native = VlanChange::new(None, None, None, Some(None)).apply_to(&trunk)?;
    assert_eq!(no_native, VlanSettings::Trunk { allowed, native: None });
    let back = VlanChange::new(Some(VlanMode::Untagged), None, None, None).apply_to(&trunk)?;
    assert_eq!(back, VlanSettings::Untagged);
    Ok(())
}

#[test]
fn a_change_touches_only_what_it_names() -> Result<(), InvalidValue> {
    let mtu = PortChange { mtu: Some(Mtu::new(9000)?), ..PortChange::default() };
    let after = mtu.apply_to(&PortSettings::default())?;
    assert_eq!((after.mtu().get(), after.offload(), after.admin()), (9000, true, AdminState::Up));
    let mac = MacAddress::assignable("02:00:00:00:00:01")?;
    let with_mac = PortChange { mac: Some(Some(mac)), ..PortChange::default() }.apply_to(&after)?;
    assert_eq!((with_mac.mac(), with_mac.mtu().get()), (Some(mac), 9000));
    let without = PortChange { mac: Some(None), ..PortChange::default() }.apply_to(&with_mac)?;
    assert_eq!(without.mac(), None);
    Ok(())
}

#[test]
fn a_device_is_what_its_backend_takes() {
    let refused = |backend, device| message(BackendSpec::new(backend, device));
    assert!(refused(BackendKind::Packet, None).contains("add --device IFNAME"));
    assert!(refused(BackendKind::Tap, Some("sink:1")).contains("contains ':'"));
    assert!(refused(BackendKind::Packet, Some("a b")).contains("contains ' '"));
    let message = refused(BackendKind::Memory, Some("eth0"));
    assert_eq!(
        message,
        "device 'eth0' is no far side of a memory port; use sink, source:PPS:SIZE:FLOWS[:FROM:TO], loop:NAME or nothing"
    );
    assert!(refused(BackendKind::Memory, Some("source:1:64")).contains("for example source:1000:64:4"));
    assert!(refused(BackendKind::Memory, Some("\u{1b}[2J")).contains("\\u{1b}"));
    for (backend, device) in [
        (BackendKind::Tap, None),
        (BackendKind::Packet, Some("eth0")),
        (BackendKind::Memory, None),
        (BackendKind::Memory, Some("source:1000:64:4")),
    ] {
        let spec = BackendSpec::new(backend, device).map(|spec| (spec.kind(), spec.device_text()));
        assert_eq!(spec, Ok((backend, device.map(str::to_owned))));
    }
}

#[test]
fn extensions_are_named_by_identifier_or_absolute_path() {
    assert!(matches!(ExtensionRef::new("org.heddle.sflow"), Ok(ExtensionRef::Id(_))));
    assert!(matches!(ExtensionRef::new("/opt/x.so"), Ok(ExtensionRef::Path(_))));
    assert!(message(ExtensionRef::new("x.so")).contains("is not an absolute path"));
    assert!(message(ExtensionRef::new("a b")).contains("is not an extension identifier"));
}

#[test]
fn configuration_keys_are_checked_and_unique() {
    let pair = |key: &str| (key.to_owned(), "1".to_owned());
    assert!(ExtensionConfig::new(vec![pair("rate"), pair("agent.ip")], None).is_ok());
    assert!(message(ExtensionConfig::new(vec![pair("a"), pair("a")], None)).contains("is given twice"));
    assert!(message(ExtensionConfig::new(vec![pair("a b")], None)).contains("is not a key"));
    assert!(ExtensionConfig::new(Vec::new(), Some(vec![0; 65 * 1024])).is_err());
}

#[test]
fn the_nearest_name_is_the_one_with_a_typo() {
    assert_eq!(nearest("upink", ["down", "uplink", "guest"]).as_deref(), Some("uplink"));
    assert_eq!(nearest("WEB", ["web", "db"]).as_deref(), Some("web"));
    assert_eq!(nearest("x", []), None);
}
