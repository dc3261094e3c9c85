//! Which connection numbers are in use, and by whom.

use std::cell::RefCell;
use std::rc::{Rc, Weak};

use bitvec::vec::BitVec;

use crate::context::Context;
use crate::host::SharedContext;
use crate::number::ConnectionId;

pub(crate) struct ConnectionTable {
    /// Set for numbers in use.
    used: BitVec,
    contexts: Vec<Option<SharedContext>>,
    /// Connections that have no number any more, and whose application may still have bytes to accept.
    ended: Vec<Weak<RefCell<Context>>>,
    free: u32,
    /// Numbers are given out in turn, so that one is not used again at once.
    cursor: usize,
}

impl ConnectionTable {
    /// A table of `connections` numbers, all free.
    pub fn new(connections: u32) -> Self {
        Self {
            used: BitVec::repeat(false, connections as usize),
            contexts: vec![None; connections as usize],
            ended: Vec::new(),
            free: connections,
            cursor: 0,
        }
    }

    /// Numbers that are free.
    pub fn free(&self) -> u32 {
        self.free
    }

    /// Takes a free number for the context that `context` makes for it; `None` if all are in use.
    pub fn insert(
        &mut self,
        context: impl FnOnce(ConnectionId) -> Context,
    ) -> Option<SharedContext> {
        let ahead = self
            .used
            .get(self.cursor..)
            .and_then(|ahead| ahead.first_zero());
        let number = match ahead {
            Some(place) => self.cursor + place,
            None => self.used.first_zero()?,
        };
        let id = ConnectionId::new(u16::try_from(number).ok()?);
        let context = Rc::new(RefCell::new(context(id)));
        self.used.set(number, true);
        self.contexts[number] = Some(Rc::clone(&context));
        self.free -= 1;
        self.cursor = number + 1;
        Some(context)
    }

    /// Frees a number.
    pub fn remove(&mut self, id: ConnectionId) {
        let number = usize::from(id.get());
        if let Some(context) = self.contexts.get_mut(number).and_then(Option::take) {
            self.used.set(number, false);
            self.free += 1;
            self.ended.retain(|ended| ended.strong_count() > 0);
            self.ended.push(Rc::downgrade(&context));
        }
    }

    /// The context of a number in use.
    pub fn get(&self, id: ConnectionId) -> Option<SharedContext> {
        self.contexts.get(usize::from(id.get()))?.clone()
    }

    /// Every context that anybody may still look at.
    pub fn all(&self) -> impl Iterator<Item = SharedContext> {
        let ended = self.ended.iter().filter_map(Weak::upgrade);
        self.contexts.iter().flatten().cloned().chain(ended)
    }

    /// The context whose queue holds most buffers, if any holds one.
    pub fn longest_queue(&self) -> Option<SharedContext> {
        let held = |context: &SharedContext| context.borrow().buffers_held();
        self.all()
            .filter(|context| held(context) > 0)
            .max_by_key(held)
    }
}
