//! What the steps of the reference adapter do.

use toe_driver::registers::{Event, ReturnReason, StateField};

use super::adapter::ReferenceAdapter;
use super::fault::Fault;
use super::link::{Accepted, Link};

impl ReferenceAdapter {
    /// Some bytes of the stream, and whether one of them carries PSH.
    pub(super) fn some(&mut self, link: &mut Link, most: u64) -> (Vec<u8>, bool) {
        let bytes = match self.dice.once_in(3) {
            true => self.dice.between(1, most),
            false => most,
        };
        let range = link.delivered..link.delivered + bytes;
        link.delivered += bytes;
        let push = link.pushes.range(range.clone()).next().is_some();
        (
            link.bytes[range.start as usize..range.end as usize].to_vec(),
            push,
        )
    }

    pub(super) fn indicate(&mut self, connection: u16, link: &mut Link) {
        let Some((buffer, address)) = self.anonymous.pop_front() else {
            return;
        };
        let mut room = link.window - link.pending;
        if self.fault == Some(Fault::WindowOverrun) && room < link.held() {
            room += 1;
        }
        let most = room
            .min(link.held())
            .min(self.settings.anonymous_buffer_bytes.into());
        let (bytes, push) = self.some(link, most);
        link.pending += bytes.len() as u64;
        self.write(address, &bytes);
        self.tell(Event::IndicateData {
            connection,
            buffer,
            length: bytes.len() as u16,
            push,
        });
    }

    pub(super) fn hand_back(&mut self, connection: u16, link: &mut Link) {
        let Some((buffer, address)) = self.anonymous.pop_front() else {
            return;
        };
        let most = link.held().min(self.settings.anonymous_buffer_bytes.into());
        let (mut bytes, _) = self.some(link, most);
        if self.fault == Some(Fault::UploadShort) && link.held() == 0 && bytes.len() > 1 {
            bytes.pop();
        }
        self.write(address, &bytes);
        self.tell(Event::UploadData {
            connection,
            buffer,
            length: bytes.len() as u16,
        });
    }

    pub(super) fn accept(&mut self, connection: u16, link: &mut Link) {
        let short = self.fault == Some(Fault::SkipOffByOne) && link.pending > 0;
        let skipped = link.pending - u64::from(short);
        link.accepted = Some(Accepted {
            filled: skipped,
            latest: self.cycle,
            from: link.delivered - skipped,
            due: None,
        });
        link.pending = 0;
        self.start_timer(link);
        self.tell(Event::NamedBufferAccepted {
            connection,
            skipped: skipped as u32,
        });
    }

    pub(super) fn start_timer(&mut self, link: &mut Link) {
        let late = self.dice.between(0, self.settings.late_cycles / 4);
        let keep = self.fault == Some(Fault::TimerEarly);
        if let (Some(accepted), Some(head)) = (&mut link.accepted, link.posted.front()) {
            let due = accepted.latest + self.settings.push_timer_cycles + late;
            let running = head.push_mode && accepted.filled > 0;
            accepted.due = match accepted.due {
                Some(before) if keep => Some(before),
                _ => running.then_some(due),
            };
        }
    }

    pub(super) fn place(&mut self, link: &mut Link) {
        let (Some(accepted), Some(head)) = (&link.accepted, link.posted.front()) else {
            return;
        };
        let first_page = head.pages.first().map_or(0, |page| u64::from(page.bytes));
        let wrong = self.fault == Some(Fault::WrongPage) && accepted.filled == first_page;
        let Some((address, room)) = head.address(accepted.filled) else {
            return;
        };
        let (bytes, _) = self.some(link, room.min(link.held()));
        self.write(address + u64::from(wrong), &bytes);
        if let Some(accepted) = &mut link.accepted {
            accepted.filled += bytes.len() as u64;
            accepted.latest = self.cycle;
        }
        self.start_timer(link);
    }

    pub(super) fn give_back(
        &mut self,
        connection: u16,
        link: &mut Link,
        at: usize,
        reason: ReturnReason,
    ) -> u32 {
        let accepted = link.accepted.as_ref().filter(|_| at == 0);
        let bytes = accepted.map_or(0, |accepted| accepted.filled) as u32;
        if at == 0 {
            link.accepted = None;
        }
        let returned = link.posted.remove(at);
        if let (Some(before), Some(returned)) = (at.checked_sub(1), returned) {
            link.posted[before].pages_behind += returned.pages.len() + returned.pages_behind;
        }
        self.tell(Event::NamedBufferReturned {
            connection,
            bytes,
            reason,
        });
        bytes
    }

    pub(super) fn tell_state(&mut self, connection: u16, link: &mut Link) {
        link.told += 1;
        let (finished, reset) = (u32::from(link.finished), u32::from(link.reset));
        let (field, content) = match link.told {
            1 => {
                let next = link.receive_next.wrapping_add(link.in_order as u32);
                (StateField::ReceiveNext, next.wrapping_add(finished))
            }
            2 => (StateField::Flags, finished | reset << 1),
            _ => {
                link.open = false;
                return self.tell(Event::Uploaded { connection });
            }
        };
        self.tell(Event::State {
            connection,
            content,
            field,
        });
    }
}
