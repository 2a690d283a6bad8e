//! After a call: what the extension touched that it was not lent, in words.

use heddle_extension_api::abi::packet::{Batch, Packet};
use heddle_switch_core::call::Call;
use heddle_switch_core::port_id::PortId;
use heddle_switch_core::violation::Rule;

use super::cage::{Cage, State};
use super::faults::{PAGE, Touch};
use super::finding::{self, Finding};
use super::memory::Access;
use super::place::{LINE, PATTERN, Place, What, what};

/// What a touch comes to: the rule, the packet, what was done in words, and where.
struct Verdict {
    rule: Rule,
    index: Option<usize>,
    text: String,
    offset: Option<i64>,
}

impl Cage {
    /// Names everything that was done wrong in the call that has just ended.
    pub(super) fn judge(&mut self, call: &mut Call<'_>) {
        self.judge_touches(call);
        for index in 0..self.shown.len() {
            if let Some(found) = self.judge_frame(index) {
                self.report(found, Vec::new(), call);
            }
        }
        if let Some(text) = self.around(self.set().packets(self.shown.len()) / PAGE * PAGE, self.line(0)) {
            let found = Verdict {
                rule: Rule::BatchOverrun,
                index: None,
                text: format!("{text} the first packet"),
                offset: None,
            };
            self.report(found, Vec::new(), call);
        }
    }

    /// Names what was touched so far: before frames or drafts go from one state to another.
    pub(in crate::loader) fn judge_touches(&self, call: &mut Call<'_>) {
        if !self.memory.is_touched() {
            return;
        }
        for touch in &self.memory.take_notes() {
            let found = self.judge_touch(touch);
            self.report(found, finding::stack(&touch.stack), call);
            self.close_again(touch.address);
        }
    }

    /// A page that a handler opened and nobody is to use.
    fn close_again(&self, address: usize) {
        let page = self.memory.offset_of(address) / PAGE * PAGE;
        if let What::Draft(number) = what(self.memory.offset_of(address)) {
            let live = self.drafts.values().any(|draft| {
                let (first, length) = draft.place.pages;
                draft.number == number && (first..first + length).contains(&page)
            });
            if !live {
                // At worst the next touch of it is not seen.
                let _ = self.memory.allow(page, PAGE, Access::Closed);
            }
        }
    }

    fn judge_touch(&self, touch: &Touch) -> Verdict {
        let offset = self.memory.offset_of(touch.address);
        let did = if touch.store { "stored" } else { "read" };
        let set = self.set().0;
        let earlier = |of: &str| Verdict {
            rule: Rule::FrameGivenBack,
            index: None,
            text: format!("{did} in {of} of an earlier call"),
            offset: None,
        };
        match what(offset) {
            What::Batch(of) | What::Facts(of) | What::Packets(of) if of != set => earlier("the batch"),
            What::Batch(_) => self.judge_array((self.set().batch(), size_of::<Batch>()), offset, (did, "the batch")),
            What::Facts(_) => {
                let extent = (self.set().facts(self.facts().len()), size_of_val(self.facts()));
                self.judge_array(extent, offset, (did, "the offload facts"))
            }
            What::Packets(_) => {
                let extent = (self.set().packets(self.shown.len()), self.shown.len() * LINE);
                self.judge_array(extent, offset, (did, "the packets of the batch"))
            }
            What::Frame(of, ..) if of != set => earlier("a frame"),
            What::Frame(_, index, moved) => self.judge_frame_touch(touch, offset, index, moved),
            What::Draft(number) => match self.drafts.values().find(|draft| draft.number == number) {
                Some(draft) => Verdict { index: None, ..outside(&draft.place, offset, (did, "a draft")) },
                None => Verdict {
                    rule: Rule::FrameGivenBack,
                    index: None,
                    text: format!("{did} in a draft that was injected or discarded"),
                    offset: None,
                },
            },
        }
    }

    fn judge_array(&self, (start, length): (usize, usize), offset: usize, (did, name): (&str, &str)) -> Verdict {
        let place = Place { frame: start, length, ..Place::default() };
        let inside = (start..start + length).contains(&offset);
        let found = outside(&place, offset, (did, name));
        let text = if inside {
            format!("{did} at byte {} of {name}, which is the host's", offset - start)
        } else {
            found.text
        };
        Verdict { rule: Rule::BatchOverrun, text, ..found }
    }

    fn judge_frame_touch(&self, touch: &Touch, offset: usize, index: usize, moved: bool) -> Verdict {
        let did = if touch.store { "stored" } else { "read" };
        let Some(shown) = self.shown.get(index) else {
            let text = format!("{did} in a frame behind the last one of the batch");
            return Verdict { rule: Rule::FrameOverrun, index: None, text, offset: None };
        };
        let name = format!("frame {index}");
        let given_back = match shown.state {
            State::Held => Some("which it holds and may not touch"),
            State::Writable if !moved => Some("where it lay before it was made writable"),
            _ => None,
        };
        if let Some(why) = given_back {
            let text = format!("{did} in {name}, {why}");
            return Verdict { rule: Rule::FrameGivenBack, index: Some(index), text, offset: None };
        }
        let place = &shown.place;
        let found = outside(place, offset, (did, &name));
        let found = Verdict { index: Some(index), ..found };
        if !(place.frame..place.end()).contains(&offset) {
            return found;
        }
        let at = offset - place.frame;
        let text = format!("{did} at byte {at} of {name} ({} bytes), which was not made writable", place.length);
        Verdict { rule: Rule::FrameWritten, text, ..found }
    }

    /// What a writable frame shows by itself: a pattern that is spoilt. Stores into others were noted as they happened.
    fn judge_frame(&self, index: usize) -> Option<Verdict> {
        let place = &self.shown.get(index).filter(|shown| shown.state == State::Writable)?.place;
        let (first, length) = place.pages;
        let behind = self.spoilt(place.end(), first + length);
        let at = behind.or_else(|| self.spoilt(first, place.buffer))?;
        Some(Verdict { index: Some(index), ..outside(place, at, ("stored", &format!("frame {index}"))) })
    }

    /// The same of a draft that is about to go.
    pub(in crate::loader) fn judge_draft(&self, handle: u64, call: &mut Call<'_>) {
        self.judge_touches(call);
        let Some(place) = self.drafts.get(&handle).map(|draft| draft.place) else { return };
        let (first, length) = place.pages;
        let spoilt = self.spoilt(place.end(), first + length).or_else(|| self.spoilt(first, place.frame));
        if let Some(at) = spoilt {
            self.report(outside(&place, at, ("stored", "a draft")), Vec::new(), call);
        }
    }

    /// The first spoilt byte of a stretch of pattern.
    fn spoilt(&self, from: usize, to: usize) -> Option<usize> {
        let bytes = self.memory.bytes(from, to.saturating_sub(from));
        bytes.iter().position(|byte| *byte != PATTERN).map(|at| from + at)
    }

    fn around(&self, from: usize, to: usize) -> Option<String> {
        if self.shown.is_empty() {
            return None;
        }
        self.spoilt(from, to).map(|at| format!("stored {} bytes before", to - at))
    }

    /// Counts a finding, and says it.
    fn report(&self, found: Verdict, stack: Vec<String>, call: &mut Call<'_>) {
        call.broke(found.rule, found.index);
        let port = found.index.and_then(|index| self.shown.get(index)).and_then(|shown| self.port_name(&shown.told));
        let Verdict { rule, text, offset, .. } = found;
        let finding = Finding { rule, function: self.function.name(), text, port, offset, stack };
        if self.findings.keep(&finding) {
            let line = finding.line();
            self.shared.log.push(crate::control::model::LogSeverity::Error, &line);
            tracing::error!(extension = self.shared.id, "{line}");
        }
    }

    fn port_name(&self, packet: &Packet) -> Option<String> {
        let info = self.shared.ports.get(PortId::from_raw(packet.source_port))?;
        let length = info.name.iter().position(|byte| *byte == 0).unwrap_or(info.name.len());
        Some(String::from_utf8_lossy(info.name.get(..length)?).into_owned())
    }
}

/// A touch in front of a frame or behind it.
fn outside(place: &Place, offset: usize, (did, name): (&str, &str)) -> Verdict {
    let at = i64::try_from(offset).unwrap_or(i64::MAX) - i64::try_from(place.frame).unwrap_or(0);
    let length = place.length;
    let text = if offset >= place.end() {
        format!("{did} at byte {at} of {name}, {} behind its end ({length} bytes)", offset - place.end() + 1)
    } else {
        format!("{did} at byte {at} of {name}, {} before its start", at.unsigned_abs())
    };
    Verdict { rule: Rule::FrameOverrun, index: None, text, offset: Some(at) }
}
