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

fn control(host: &Control<'_, rights::Forwarding>) {
    let _ = host.create_group(&[]);
    let handle: HostHandle = host.handle();
    let _ = std::thread::spawn(move || handle.log(Level::Info, "from elsewhere"));
}

fn main() {
    let _ = (capture, filter_ingress, filter_egress, forward_ingress, control);
}
