//! Numbered frames through a switch, and the verdict on what came out.
//!
//! One thread plays all far sides: it sends each stream's next frame when it is due and takes in what arrives. Frames
//! under way are bounded, so that no ring of the switch can overflow however late a worker gets a core: whatever is
//! missing was lost by the switch and not by the test.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use heddle_host::ports::memory::source::number_of;
use heddle_host::ports::memory::{MemoryEnd, OwnedFrame};
use heddle_switch_core::offload::Offload;

/// Frames under way at most, over all streams, unless a test knows better: less than any ring holds of 1,500-byte frames
/// that leave by three ports.
const WINDOW: u64 = 1_800;
/// How long the last frames may take on a busy machine.
const LAST: Duration = Duration::from_secs(5);

/// The address of host `host` behind port number `port`.
pub(crate) fn mac(port: u8, host: u16) -> [u8; 6] {
    let [high, low] = host.to_be_bytes();
    [0x02, 0, 0, port, high, low]
}

/// A UDP frame of `length` bytes that carries its flow and its number where `number_of` reads them.
pub(crate) fn numbered(from: [u8; 6], to: [u8; 6], flow: u32, number: u64, length: usize) -> Vec<u8> {
    let ip_length = u16::try_from(length - 14).unwrap().to_be_bytes();
    let udp_length = u16::try_from(length - 34).unwrap().to_be_bytes();
    let flow_bytes = flow.to_be_bytes();
    let mut frame = Vec::with_capacity(length);
    frame.extend(to);
    frame.extend(from);
    frame.extend([0x08, 0x00, 0x45, 0, ip_length[0], ip_length[1], 0, 0, 0x40, 0, 64, 17, 0, 0]);
    frame.extend([10, from[3], 0, from[5], 10, to[3], 0, to[5]]);
    frame.extend([0x12, 0xb5, flow_bytes[2], flow_bytes[3], udp_length[0], udp_length[1], 0, 0]);
    frame.extend(b"HDL1");
    frame.extend(flow_bytes);
    frame.extend(number.to_be_bytes());
    frame.resize(length, 0);
    frame
}

/// Frames from one end to another.
pub(crate) struct Stream {
    from: usize,
    to: usize,
    frame: Vec<u8>,
    sent: u64,
    arrived: u64,
    last: Option<Instant>,
}

/// Where the number is in a numbered frame.
const NUMBER_AT: std::ops::Range<usize> = 50..58;

/// What came out.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) sent: u64,
    pub(crate) arrived: u64,
    /// Numbers that never came.
    pub(crate) lost: u64,
    /// Numbers below the one that was due: doubled or overtaken.
    pub(crate) behind: u64,
    /// Numbered frames at an end they were not for.
    pub(crate) astray: u64,
    /// Frames per second.
    pub(crate) rate: u64,
    /// Longest time between two arrivals of a stream.
    pub(crate) gap: Duration,
}

impl Verdict {
    /// Every frame arrived once, in order, where it was meant to.
    pub(crate) fn assert_perfect(&self, what: &str) {
        eprintln!("{what}: {} frames at {} a second", self.arrived, self.rate);
        assert!(self.sent > 0, "{what}: nothing was sent");
        assert_eq!((self.lost, self.behind, self.astray), (0, 0, 0), "{what}: {self:?}");
        assert_eq!(self.arrived, self.sent, "{what}: {self:?}");
    }
}

/// Far ends and the streams between them.
pub(crate) struct Traffic {
    ends: Vec<MemoryEnd>,
    streams: Vec<Stream>,
    window: u64,
    last: Duration,
    verdict: Verdict,
    place: OwnedFrame,
}

impl Traffic {
    pub(crate) fn new(ends: Vec<MemoryEnd>) -> Traffic {
        let (streams, verdict, place) = (Vec::new(), Verdict::default(), OwnedFrame::default());
        Traffic { ends, streams, window: WINDOW, last: LAST, verdict, place }
    }

    /// Lets `window` frames be under way; small ones, or rings overflow.
    pub(crate) fn window(mut self, window: u64) -> Traffic {
        self.window = window;
        self
    }

    /// Waits for the last frames no longer than this: some will not come.
    pub(crate) fn some_are_lost(mut self, last: Duration) -> Traffic {
        self.last = last;
        self
    }

    /// Adds a flow between hosts of two ends; frames of `length` bytes.
    pub(crate) fn flow(mut self, from: (usize, [u8; 6]), to: (usize, [u8; 6]), length: usize) -> Traffic {
        let flow = u32::try_from(self.streams.len()).unwrap();
        let frame = numbered(from.1, to.1, flow, 0, length);
        self.streams.push(Stream { from: from.0, to: to.0, frame, sent: 0, arrived: 0, last: None });
        self
    }

    fn take_in(&mut self) {
        let now = Instant::now();
        for (nth, end) in self.ends.iter_mut().enumerate() {
            while end.receive_into(&mut self.place) {
                let Some((flow, number)) = number_of(&self.place.bytes) else { continue };
                let stream = usize::try_from(flow).ok().and_then(|flow| self.streams.get_mut(flow));
                match stream {
                    Some(stream) if stream.to == nth && number >= stream.arrived => {
                        self.verdict.lost += number - stream.arrived;
                        self.verdict.arrived += 1;
                        stream.arrived = number + 1;
                        let gap = stream.last.replace(now).map(|last| now.duration_since(last));
                        self.verdict.gap = self.verdict.gap.max(gap.unwrap_or_default());
                    }
                    Some(stream) if stream.to == nth => self.verdict.behind += 1,
                    _ => self.verdict.astray += 1,
                }
            }
        }
    }

    fn under_way(&self) -> u64 {
        self.streams.iter().map(|stream| stream.sent - stream.arrived).sum()
    }

    fn send(&mut self, turn: usize) {
        let count = self.streams.len();
        let Some(stream) = self.streams.get_mut(turn % count) else { return };
        stream.frame[NUMBER_AT].copy_from_slice(&stream.sent.to_be_bytes());
        self.ends[stream.from]
            .send(&stream.frame, None, &Offload::default())
            .expect("the window keeps rings from filling");
        stream.sent += 1;
        self.verdict.sent += 1;
    }

    /// Sends at most `pps` frames a second until told to stop; then waits for the last.
    pub(crate) fn run(mut self, pps: u64, stop: &AtomicBool, sent: &AtomicU64) -> (Verdict, Vec<MemoryEnd>) {
        let start = Instant::now();
        let mut turn = 0;
        while !stop.load(Ordering::Relaxed) {
            let due = u64::try_from(start.elapsed().as_nanos() * u128::from(pps) / 1_000_000_000).unwrap();
            let room = self.window.saturating_sub(self.under_way());
            let now = due.saturating_sub(self.verdict.sent).min(room).min(64);
            for _ in 0..now {
                self.send(turn);
                turn += 1;
            }
            sent.store(self.verdict.sent, Ordering::Relaxed);
            self.take_in();
            if now == 0 {
                std::thread::sleep(Duration::from_micros(50));
            }
        }
        self.verdict.rate = self.verdict.sent * 1_000 / u64::try_from(start.elapsed().as_millis()).unwrap().max(1);
        let deadline = Instant::now() + self.last;
        while self.under_way() > 0 && Instant::now() < deadline {
            self.take_in();
            std::thread::sleep(Duration::from_micros(50));
        }
        // A frame that comes twice would come after the last.
        std::thread::sleep(Duration::from_millis(20));
        self.take_in();
        self.verdict.lost += self.under_way();
        (self.verdict, self.ends)
    }

    /// The same on a thread of its own.
    pub(crate) fn start(self, pps: u64) -> Running {
        let stop = Arc::new(AtomicBool::new(false));
        let sent = Arc::new(AtomicU64::new(0));
        let (stop_seen, sent_told) = (Arc::clone(&stop), Arc::clone(&sent));
        let thread = std::thread::spawn(move || self.run(pps, &stop_seen, &sent_told));
        Running { stop, sent, thread }
    }
}

/// Traffic that runs.
pub(crate) struct Running {
    stop: Arc<AtomicBool>,
    sent: Arc<AtomicU64>,
    thread: JoinHandle<(Verdict, Vec<MemoryEnd>)>,
}

impl Running {
    /// Waits until so many more frames were sent.
    pub(crate) fn pass(&self, frames: u64) {
        let until = self.sent.load(Ordering::Relaxed) + frames;
        super::lab::wait_for("traffic", || self.sent.load(Ordering::Relaxed) >= until || self.thread.is_finished());
    }

    /// Ends it.
    pub(crate) fn finish(self) -> (Verdict, Vec<MemoryEnd>) {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().expect("traffic ran to its end")
    }
}
