//! Very many connections at once between two ports, each with its own numbers: who was lost, doubled or overtaken.
//!
//! As [`super::traffic`], one thread plays both far sides and bounds the frames under way. A frame carries its connection
//! in its source address and number in its payload; what a connection has sent and what came of it are two arrays.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use heddle_host::ports::memory::{MemoryEnd, OwnedFrame};
use heddle_switch_core::offload::Offload;

use super::traffic::mac;

/// Frames under way at most: less than any ring on the way holds.
const WINDOW: u64 = 3_500;
/// How long the last frames may take on a busy machine.
const LAST: Duration = Duration::from_secs(20);
const LENGTH: usize = 60;

/// What came out.
#[derive(Debug, Default, Clone)]
pub(crate) struct Outcome {
    pub(crate) sent: u64,
    pub(crate) arrived: u64,
    /// Numbers that never came.
    pub(crate) lost: u64,
    /// Numbers below the one that was due: doubled or overtaken.
    pub(crate) behind: u64,
    /// Frames a second.
    pub(crate) rate: u64,
}

/// One direction.
struct Side {
    frame: Vec<u8>,
    sent: Vec<u32>,
    arrived: Vec<u32>,
    next: usize,
}

/// The connections.
pub(crate) struct Crowd {
    ends: [MemoryEnd; 2],
    sides: [Side; 2],
    outcome: Outcome,
    place: OwnedFrame,
}

fn side(from: [u8; 6], to: [u8; 6], connections: usize) -> Side {
    let mut frame = Vec::with_capacity(LENGTH);
    frame.extend(to);
    frame.extend(from);
    frame.extend([0x08, 0x00, 0x45, 0, 0, 46, 0, 0, 0x40, 0, 64, 17, 0, 0]);
    frame.extend([10, 0, 0, 0, 10, to[3], 0, 1, 0x12, 0xb5, 0x12, 0xb5, 0, 26, 0, 0]);
    frame.resize(LENGTH, 0);
    Side { frame, sent: vec![0; connections], arrived: vec![0; connections], next: 0 }
}

impl Crowd {
    /// `connections` from either of two ends to the other.
    pub(crate) fn new(ends: [MemoryEnd; 2], connections: usize) -> Crowd {
        let (a, b) = (mac(1, 1), mac(2, 1));
        let sides = [side(a, b, connections), side(b, a, connections)];
        Crowd { ends, sides, outcome: Outcome::default(), place: OwnedFrame::default() }
    }

    fn send(&mut self, nth: usize) {
        let side = &mut self.sides[nth];
        let connection = side.next;
        side.next = if connection + 1 < side.sent.len() { connection + 1 } else { 0 };
        side.frame[27..30].copy_from_slice(&u32::try_from(connection).unwrap().to_be_bytes()[1..]);
        side.frame[42..46].copy_from_slice(&side.sent[connection].to_be_bytes());
        self.ends[nth].send(&side.frame, None, &Offload::default()).expect("the window keeps rings from filling");
        side.sent[connection] += 1;
        self.outcome.sent += 1;
    }

    fn take_in(&mut self) {
        for nth in 0..2 {
            while self.ends[1 - nth].receive_into(&mut self.place) {
                let bytes = &self.place.bytes;
                let connection = usize::from(bytes[27]) << 16 | usize::from(bytes[28]) << 8 | usize::from(bytes[29]);
                let number = u32::from_be_bytes(bytes[42..46].try_into().unwrap());
                let due = &mut self.sides[nth].arrived[connection];
                if number < *due {
                    self.outcome.behind += 1;
                } else {
                    self.outcome.lost += u64::from(number - *due);
                    self.outcome.arrived += 1;
                    *due = number + 1;
                }
            }
        }
    }

    fn under_way(&self) -> u64 {
        self.outcome.sent - self.outcome.arrived - self.outcome.lost
    }

    fn run(mut self, pps: u64, stop: &AtomicBool, sent: &AtomicU64) -> (Outcome, [MemoryEnd; 2]) {
        let (start, mut waited) = (Instant::now(), Duration::ZERO);
        while !stop.load(Ordering::Relaxed) {
            let due = u64::try_from(start.elapsed().as_nanos() * u128::from(pps) / 1_000_000_000).unwrap();
            let room = WINDOW.saturating_sub(self.under_way());
            let now = due.saturating_sub(self.outcome.sent).min(room).min(128);
            for turn in 0..now {
                self.send(usize::from(turn % 2 == 1));
            }
            sent.store(self.outcome.sent, Ordering::Relaxed);
            self.take_in();
            if now == 0 {
                std::thread::yield_now();
            }
        }
        self.outcome.rate = self.outcome.sent * 1_000 / u64::try_from(start.elapsed().as_millis()).unwrap().max(1);
        while self.under_way() > 0 && waited < LAST {
            self.take_in();
            std::thread::sleep(Duration::from_millis(1));
            waited += Duration::from_millis(1);
        }
        // A frame that comes twice would come after the last.
        std::thread::sleep(Duration::from_millis(20));
        self.take_in();
        self.outcome.lost += self.under_way();
        (self.outcome, self.ends)
    }

    /// Sends at most `pps` frames a second on a thread of its own.
    pub(crate) fn start(self, pps: u64) -> Bustle {
        let stop = Arc::new(AtomicBool::new(false));
        let sent = Arc::new(AtomicU64::new(0));
        let (stop_seen, sent_told) = (Arc::clone(&stop), Arc::clone(&sent));
        let thread = std::thread::spawn(move || self.run(pps, &stop_seen, &sent_told));
        Bustle { stop, sent, thread }
    }
}

/// A crowd that runs.
pub(crate) struct Bustle {
    stop: Arc<AtomicBool>,
    sent: Arc<AtomicU64>,
    thread: JoinHandle<(Outcome, [MemoryEnd; 2])>,
}

impl Bustle {
    /// Waits until so many more frames were sent.
    pub(crate) fn pass(&self, frames: u64) {
        let until = self.sent.load(Ordering::Relaxed) + frames;
        super::lab::wait_for("traffic", || self.sent.load(Ordering::Relaxed) >= until || self.thread.is_finished());
    }

    /// Ends it.
    pub(crate) fn finish(self) -> (Outcome, [MemoryEnd; 2]) {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().expect("traffic ran to its end")
    }
}
