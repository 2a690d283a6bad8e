//! A bounded ring from one worker to another.

use std::collections::VecDeque;

use heddle_switch_core::arena::Buf;
use heddle_switch_core::message::{HandOver, Learnt, Link};

/// Three bounded queues; who takes out decides about the delay.
pub(crate) struct Ring {
    pub(crate) frames: VecDeque<HandOver>,
    pub(crate) learnt: VecDeque<Learnt>,
    pub(crate) buffers: VecDeque<Buf>,
    places: usize,
}

impl Ring {
    pub(crate) fn new(places: usize) -> Ring {
        Ring { frames: VecDeque::new(), learnt: VecDeque::new(), buffers: VecDeque::new(), places }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.frames.is_empty() && self.learnt.is_empty() && self.buffers.is_empty()
    }
}

impl Link for Ring {
    fn frame(&mut self, message: HandOver) -> Result<(), HandOver> {
        if self.frames.len() >= self.places {
            return Err(message);
        }
        self.frames.push_back(message);
        Ok(())
    }

    fn learnt(&mut self, message: Learnt) -> bool {
        let room = self.learnt.len() < self.places;
        if room {
            self.learnt.push_back(message);
        }
        room
    }

    fn buffer(&mut self, buf: Buf) -> Result<(), Buf> {
        if self.buffers.len() >= self.places {
            return Err(buf);
        }
        self.buffers.push_back(buf);
        Ok(())
    }
}
