//! Nothing is allocated where it was promised: on a worker, and for each sample on the control side.
#![allow(unsafe_code, reason = "an allocator is unsafe by nature")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use heddle_sflow::agent::SflowAgent;

use crate::host::{dropped, sample, FakeHost, Running};
use crate::workload;

thread_local! {
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: everything is passed on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.set(COUNT.get() + 1);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocations(work: impl FnOnce()) -> u64 {
    let before = COUNT.get();
    work();
    COUNT.get() - before
}

#[test]
fn a_worker_allocates_nothing_even_when_the_queue_is_full() {
    let host = FakeHost::default();
    let running = Running::create(&host, "collector=192.0.2.9\ndrops=10000").unwrap();
    running.tick(1);
    let worker = running.worker(0);
    let header = [0; 256];
    let count = allocations(|| {
        for _ in 0..2 * heddle_sflow::worker::QUEUE_SAMPLES {
            worker.next_skip_of(1);
            worker.sampled(&sample(1, &header, &[2]));
            worker.dropped(&dropped(1, &header[..128]));
        }
    });
    assert_eq!(count, 0);
    assert_eq!(allocations(|| drop(vec![0_u8; 100])), 1, "the allocator counts");
    running.end_worker(worker);
}

#[test]
fn a_sample_on_its_way_into_a_datagram_allocates_nothing() {
    let mut agent = SflowAgent::new(&workload::config("polling=0"), 1);
    agent.port(1, workload::facts("vm1"));
    let dropped = workload::dropped(1);
    let taken = workload::sample(1);
    let mut sent = 0;
    let send = &mut |datagram: &[u8]| {
        sent += datagram.len();
        true
    };
    agent.flow(&taken, 0, send);
    let each = |agent: &mut SflowAgent, send: &mut dyn FnMut(&[u8]) -> bool| {
        agent.flow(&taken, 0, send);
        agent.discard(&dropped, 0, send);
    };
    assert_eq!(allocations(|| (0..10_000).for_each(|_| each(&mut agent, send))), 0);
    assert!(sent > 1_000_000);
}
