//! The cage of one worker context: shows a call in guarded memory, makes it, and hands what came of it on. An unsafe
//! island: it calls vendor code, and stands between it and the switch's memory.

#![expect(unsafe_code, reason = "island: calls into vendor code with copies of packet memory")]

use std::cell::Cell;
use std::collections::BTreeMap;
use std::ffi::c_void;
use std::io;
use std::sync::Arc;

use heddle_extension_api::abi::entry::BatchFn;
use heddle_extension_api::abi::packet::{BATCH_SINGLE_SOURCE, Batch, LEG_EGRESS, LEG_INGRESS, OffloadFacts, Packet};
use heddle_extension_api::abi::status::E_FAILED;
use heddle_switch_core::call::Call;
use heddle_switch_core::stage::Leg;

use super::Findings;
use super::faults::PAGE;
use super::memory::{Access, Memory};
use super::place::{LENGTH, LINE, MAX, PATTERN, Place, SET, SETS, Set};
use crate::contain::{Function, Site, enter, trap};
use crate::loader::InstanceShared;

/// What may be done with a frame that was shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Read.
    Shown,
    /// Read and written.
    Writable,
    /// Nothing any more: the extension holds it.
    Held,
}

/// A packet of the call under way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shown {
    /// As it was shown.
    pub(super) told: Packet,
    /// Buffer and start of the host's own.
    pub(super) real: (u32, u16),
    pub(super) place: Place,
    pub(super) state: State,
}

/// A draft the extension has.
#[derive(Clone, Copy, Debug)]
pub(super) struct Draft {
    /// The host's own.
    pub(super) real: Packet,
    pub(super) place: Place,
    /// Which slot it is in.
    pub(super) number: usize,
}

/// The cage.
pub(crate) struct Cage {
    pub(super) memory: Memory,
    calls: usize,
    /// The packets of the call under way.
    pub(super) shown: Vec<Shown>,
    pub(super) drafts: BTreeMap<u64, Draft>,
    pub(super) next_draft: usize,
    pub(super) function: Function,
    facts: Vec<OffloadFacts>,
    pub(super) shared: Arc<InstanceShared>,
    pub(super) findings: Arc<Findings>,
}

thread_local! {
    /// The cage of the call under way on this thread, and the call.
    static CURRENT: Cell<(*mut Cage, *mut c_void)> = const { Cell::new((std::ptr::null_mut(), std::ptr::null_mut())) };
}

impl Cage {
    /// A cage for a context of an instance.
    ///
    /// # Errors
    /// When the kernel refuses memory or handlers.
    pub(crate) fn new(shared: Arc<InstanceShared>, findings: Arc<Findings>) -> io::Result<Cage> {
        // Does nothing where handlers are in place already.
        trap::arm(None)?;
        Ok(Cage {
            memory: Memory::new(LENGTH)?,
            calls: 0,
            shown: Vec::with_capacity(MAX),
            drafts: BTreeMap::new(),
            next_draft: 0,
            function: Function::Ingress,
            facts: Vec::new(),
            shared,
            findings,
        })
    }

    /// The cage of the call under way on this thread, when `call` is that call.
    ///
    /// # Safety
    /// Called by a function of the host table, which an extension calls one at a time on a thread.
    pub(in crate::loader) unsafe fn current<'a>(call: *mut c_void) -> Option<&'a mut Cage> {
        let (cage, running) = CURRENT.get();
        if call.is_null() || running != call {
            return None;
        }
        // SAFETY: set by `run` for as long as the extension's function runs on this thread; meanwhile nobody else uses it.
        unsafe { cage.as_mut() }
    }

    /// The set of the call under way.
    pub(super) fn set(&self) -> Set {
        Set(self.calls % SETS)
    }

    /// Facts that were shown with the batch.
    pub(super) fn facts(&self) -> &[OffloadFacts] {
        &self.facts
    }

    /// Whether a frame lies before a closed page, or else behind one.
    pub(super) fn at_end(&self, index: usize) -> bool {
        (index + self.calls / SETS).is_multiple_of(2)
    }

    /// Makes a call; its status.
    pub(crate) fn run(
        &mut self,
        (site, which): (&Site, Function),
        (function, context): (BatchFn, *mut c_void),
        call: &mut Call<'_>,
        wants_offload: bool,
    ) -> i32 {
        self.function = which;
        let handle: *mut c_void = std::ptr::from_mut(call).cast();
        let batch = match self.show(call, handle, wants_offload) {
            Ok(batch) => batch,
            Err(error) => {
                tracing::error!(extension = self.shared.id, %error, "debug mode cannot open its memory; the call is not made");
                self.close();
                return E_FAILED;
            }
        };
        let before = CURRENT.replace((std::ptr::from_mut(self), handle));
        let entered = enter(site, which, Some(call.worker()));
        // SAFETY: the context is live; the batch and what it points to outlive the call; while it runs, the call and the
        // cage are used only through the host table, on this thread.
        let status = unsafe { function(context, batch) };
        drop(entered);
        CURRENT.set(before);
        self.judge(call);
        for index in 0..self.shown.len() {
            self.carry_over(index, call);
        }
        self.close();
        status
    }

    /// Puts a call into guarded memory; gives where the extension finds the batch.
    fn show(&mut self, call: &mut Call<'_>, handle: *mut c_void, wants_offload: bool) -> io::Result<*mut Batch> {
        let (set, count) = (self.set(), call.len().min(MAX));
        self.shown.clear();
        self.facts.clear();
        if wants_offload {
            self.facts.extend(call.offload_facts().iter().take(count));
        }
        for index in 0..count {
            let Some(told) = call.packets_mut().get(index).copied() else { break };
            self.show_frame((index, count), told, call.frame(index))?;
        }
        for (at, fact) in self.facts.iter().enumerate() {
            self.memory.put(set.facts(self.facts.len()) + at * size_of::<OffloadFacts>(), *fact);
        }
        // An empty batch has a place, too, behind which nothing is.
        let (packets, facts) = (self.memory.seen_at(set.packets(count)), self.memory.seen_at(set.facts(count)));
        let batch = Batch {
            struct_size: u32::try_from(size_of::<Batch>()).unwrap_or(0),
            count: u32::try_from(count).unwrap_or(0),
            packets: packets.cast(),
            base: self.memory.base(),
            call: handle,
            now_ns: call.now_ns(),
            worker: u32::from(call.worker()),
            leg: if call.leg() == Leg::Ingress { LEG_INGRESS } else { LEG_EGRESS },
            flags: if call.is_single_source() { BATCH_SINGLE_SOURCE } else { 0 },
            reserved: 0,
            offload: if wants_offload { facts.cast() } else { std::ptr::null() },
            draft_base: self.memory.base(),
        };
        self.memory.put(set.batch(), batch);
        let lent = [
            (set.batch(), size_of::<Batch>(), Access::Read),
            (set.facts(count), if wants_offload { count * size_of::<OffloadFacts>() } else { 0 }, Access::Read),
            (set.packets(count), count * LINE, Access::Write),
        ];
        for (at, length, access) in lent {
            if length > 0 {
                let page = at / PAGE * PAGE;
                self.memory.bytes_mut(page, at - page).fill(PATTERN);
                self.memory.allow(page, at + length - page, access)?;
            }
        }
        Ok(self.memory.seen_at(set.batch()).cast())
    }

    fn show_frame(&mut self, (index, count): (usize, usize), told: Packet, bytes: &[u8]) -> io::Result<()> {
        let slot = self.set().slot(index, false);
        let place = Place::new(slot, usize::from(told.start), bytes.len(), self.at_end(index));
        self.fill(&place, bytes);
        self.memory.allow(place.pages.0, place.pages.1, Access::Read)?;
        let mut shown = told;
        place.tell(&mut shown);
        self.memory.put(self.set().packets(count) + index * LINE, shown);
        self.shown.push(Shown { told: shown, real: (told.buffer, told.start), place, state: State::Shown });
        Ok(())
    }

    /// Puts a frame where it belongs, and the pattern around it.
    pub(super) fn fill(&mut self, place: &Place, bytes: &[u8]) {
        let (first, length) = place.pages;
        self.memory.bytes_mut(first, place.frame - first).fill(PATTERN);
        self.memory.bytes_mut(place.frame, bytes.len()).copy_from_slice(bytes);
        self.memory.bytes_mut(place.end(), first + length - place.end()).fill(PATTERN);
    }

    /// Closes what was shown: what an extension keeps of a call is of no use to it.
    fn close(&mut self) {
        let set = self.set();
        self.shown.clear();
        if let Err(error) = self.memory.allow(set.start(), SET, Access::Closed) {
            tracing::warn!(extension = self.shared.id, %error, "debug mode cannot close its memory; it may miss something");
        }
        self.calls = self.calls.wrapping_add(1);
    }
}
