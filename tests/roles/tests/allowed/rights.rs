//! What each role may do on each leg.

use heddle_extension_api::*;

fn capture(batch: &mut Observed<'_>) {
    let _ = batch.originate(60).map(Draft::inject_trusted);
    let _ = batch.packets().map(|frame| (frame.bytes().len(), frame.destination())).count();
}

fn filter_ingress(batch: &mut FilterIngress<'_>, reason: DropReason) {
    let (call, packets) = batch.parts();
    for frame in packets {
        let _ = frame.clone_packet().map(Draft::inject_trusted);
        match frame.hold() {
            Ok(held) => drop(call.release(held)),
            Err(refused) => match refused.frame.make_writable() {
                Ok(mut frame) => frame.bytes_mut().fill(0),
                Err(refused) => refused.frame.drop(reason),
            },
        }
    }
}

fn filter_egress(batch: &mut FilterEgress<'_>, reason: DropReason) {
    let (call, packets) = batch.parts();
    for frame in packets {
        if frame.destination().is_none() {
            frame.drop(reason);
        } else if let Ok(held) = frame.hold() {
            let _ = call.discard(held, reason);
        }
    }
}

fn forward_ingress(batch: &mut ForwardIngress<'_>, port: PortId, group: GroupId) {
    for frame in batch.packets() {
        if frame.flow_hash() == 0 {
            frame.to_port(port);
        } else {
            frame.to_group(group);
        }
    }
}

fn forward_injects(batch: &mut ForwardIngress<'_>, port: PortId, group: GroupId, nic: NicIndex) {
    let (call, packets) = batch.parts();
    for mut frame in packets {
        let source = frame.source_port();
        let _ = call.originate(60).map(|draft| draft.inject_to_group(None, group));
        let _ = frame.clone_packet().map(|draft| draft.inject_to_port(source, port));
        frame.preserve(Preserve { vlan: true, priority: true });
        frame.to_nic(port, nic);
    }
}

fn forward_egress(batch: &mut ForwardEgress<'_>, port: PortId, nic: NicIndex, reason: DropReason) {
    for frame in batch.packets() {
        let keep = Preserve { vlan: true, ..Preserve::default() };
        let _ = frame.clone_packet().map(|draft| draft.inject_to_nic(frame.source_port(), port, nic, keep));
        frame.drop(reason);
    }
}

fn refer(host: &Control<'_, rights::Capture>, port: PortId) {
    let handle: HostHandle = host.handle();
    let _ = handle.reference_port(port).and_then(|()| handle.dereference_port(port));
    let _ = host.reference_nic(port, NicIndex::default()).and_then(|()| host.dereference_nic(port, NicIndex::default()));
}

fn control(host: &Control<'_, rights::Forwarding>) {
    let _ = host.create_group(&[]);
    let handle: HostHandle = host.handle();
    let _ = std::thread::spawn(move || handle.log(Level::Info, "from elsewhere"));
}

fn main() {
    let _ = (capture, filter_ingress, filter_egress, forward_ingress, forward_injects, forward_egress, refer, control);
}
