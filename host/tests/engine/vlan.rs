//! VLANs between memory ports: access, trunk with and without a native VLAN, untagged.

use super::lab::{Lab, access, trunk, wait_for};
use super::traffic::{mac, numbered};
use heddle_host::control::model::PortChange;
use heddle_host::control::plane::ControlPlane;
use heddle_host::ports::memory::MemoryEnd;
use heddle_switch_core::offload::Offload;

/// The frame with an 802.1Q tag in its bytes.
fn tagged(frame: &[u8], vid: u16) -> Vec<u8> {
    let [high, low] = vid.to_be_bytes();
    [&frame[..12], &[0x81, 0x00, high, low], &frame[12..]].concat()
}

/// Broadcasts `frame` and gives what each end got, once the switch is done with it.
fn broadcast(lab: &Lab, ends: &mut [MemoryEnd], from: usize, frame: &[u8], beside: Option<u16>) -> Vec<Vec<Vec<u8>>> {
    let seen = |lab: &Lab| lab.engine.switch(&lab.switch).unwrap().law;
    let before = seen(lab).rx;
    ends[from].send(frame, beside, &Offload::default()).unwrap();
    wait_for("the frame to be taken in", || {
        let law = seen(lab);
        law.rx > before && law.held == 0 && law.balance == 0
    });
    ends.iter_mut().map(|end| std::iter::from_fn(|| end.receive()).map(|frame| frame.bytes).collect()).collect()
}

#[test]
fn members_of_a_vlan_hear_each_other_and_only_each_other() {
    let lab = Lab::new(2);
    let ports: [(&str, PortChange); 6] = [
        ("a10", access(10)),
        ("b10", access(10)),
        ("c20", access(20)),
        ("t", trunk(&[10, 20], 0)),
        ("n", trunk(&[20], 10)),
        ("u", PortChange::default()),
    ];
    let mut ends: Vec<MemoryEnd> = ports.iter().map(|(name, change)| lab.add(name, change)).collect();
    let plain = numbered(mac(1, 1), [0xff; 6], 1, 1, 60);
    let (on10, on20) = (tagged(&plain, 10), tagged(&plain, 20));
    let nobody = Vec::<Vec<u8>>::new;
    let (plain1, tagged10, tagged20) = (vec![plain.clone()], vec![on10.clone()], vec![on20.clone()]);

    let got = broadcast(&lab, &mut ends, 0, &plain, None);
    let expected = [nobody(), plain1.clone(), nobody(), tagged10.clone(), plain1.clone(), nobody()];
    assert_eq!(got, expected, "from an access port");

    let got = broadcast(&lab, &mut ends, 3, &on20, None);
    let expected = [nobody(), nobody(), plain1.clone(), nobody(), tagged20.clone(), nobody()];
    assert_eq!(got, expected, "from a trunk, tag in the frame");
    let got = broadcast(&lab, &mut ends, 3, &plain, Some(20));
    assert_eq!(got, expected, "from a trunk, tag beside the frame");

    let got = broadcast(&lab, &mut ends, 4, &plain, None);
    let expected = [plain1.clone(), plain1.clone(), nobody(), tagged10, nobody(), nobody()];
    assert_eq!(got, expected, "untagged into a native VLAN");

    let got = broadcast(&lab, &mut ends, 5, &plain, None);
    let expected = [nobody(), nobody(), nobody(), vec![plain], nobody(), nobody()];
    assert_eq!(got, expected, "VLAN 0 is carried by the trunk without a native VLAN");
    assert_eq!(lab.drops(), []);

    for (from, frame) in [(5, &on10), (3, &tagged(&plain1[0], 30)), (4, &on20)] {
        broadcast(&lab, &mut ends, from, frame, None);
    }
    let drops = lab.drops();
    let count = |reason: &str| drops.iter().find(|(name, _)| name == reason).map_or(0, |(_, count)| *count);
    assert_eq!((count("vlan-tag-not-allowed"), count("vlan-not-allowed-ingress")), (1, 1), "{drops:?}");
    lab.settled();
}

#[test]
fn a_port_that_changes_its_vlan_changes_its_neighbours() {
    let lab = Lab::new(2);
    let mut ends = vec![lab.add("a", &access(10)), lab.add("b", &access(20))];
    let frame = numbered(mac(1, 1), [0xff; 6], 1, 1, 60);
    assert_eq!(broadcast(&lab, &mut ends, 0, &frame, None)[1].len(), 0);
    let name = heddle_host::control::model::PortName::new("b").unwrap();
    lab.engine.set_port(&lab.switch, &name, access(10)).unwrap();
    assert_eq!(broadcast(&lab, &mut ends, 0, &frame, None)[1].len(), 1);
    lab.settled();
}
