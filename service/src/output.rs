//! What becomes of the bytes a guest writes.

use std::collections::VecDeque;

/// What the client asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutputPlan {
    pub mode: OutputMode,
    pub overflow: Overflow,
    pub merge_stderr: bool,
    /// What `sys.stdout` does with what it cannot encode, if not what it does by itself.
    pub handler: Option<&'static str>,
    /// The traces are told as well.
    pub traces: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutputMode {
    Inline,
    Stream,
    Discard,
}

/// What happens past the stream's limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overflow {
    TruncateTail,
    TruncateHead,
    Stop,
}

/// One stream's account: how much was produced, how much of it may be kept, and what is kept inline.
#[derive(Debug)]
pub struct Account {
    limit: u64,
    overflow: Overflow,
    kept: VecDeque<u8>,
    produced: u64,
    dropped: bool,
}

/// What to do with the bytes just counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ruling {
    /// Offset of the first byte in its stream.
    pub offset: u64,
    /// How many of the bytes, from the front, are within the limit.
    pub within: usize,
    /// These are the first bytes past the limit.
    pub first_drop: bool,
    /// The execution must end.
    pub stop: bool,
}

impl Account {
    pub fn new(limit: u64, overflow: Overflow) -> Account {
        Account { limit, overflow, kept: VecDeque::new(), produced: 0, dropped: false }
    }

    /// Counts bytes, without keeping them.
    pub fn count(&mut self, length: usize) -> Ruling {
        let offset = self.produced;
        let room = usize::try_from(self.limit.saturating_sub(offset)).unwrap_or(usize::MAX);
        let within = length.min(room);
        self.produced = offset.saturating_add(length as u64);
        let first_drop = within < length && !self.dropped;
        self.dropped |= first_drop;
        Ruling { offset, within, first_drop, stop: self.dropped && self.overflow == Overflow::Stop }
    }

    /// Counts bytes and keeps what the overflow rule says.
    pub fn keep(&mut self, data: &[u8]) -> Ruling {
        let ruling = self.count(data.len());
        if self.overflow == Overflow::TruncateHead {
            let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
            let tail = &data[data.len() - data.len().min(limit)..];
            let excess = (self.kept.len() + tail.len()).saturating_sub(limit);
            self.kept.drain(..excess);
            self.kept.extend(tail);
        } else {
            self.kept.extend(&data[..ruling.within]);
        }
        ruling
    }

    pub fn limit(&self) -> u64 {
        self.limit
    }

    pub fn produced(&self) -> u64 {
        self.produced
    }

    pub fn truncated(&self) -> bool {
        self.dropped
    }

    /// Takes what was kept.
    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.kept).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(limit: u64, overflow: Overflow, writes: &[&[u8]]) -> (Vec<u8>, u64, bool, bool) {
        let mut account = Account::new(limit, overflow);
        let stopped = writes.iter().map(|data| account.keep(data)).any(|ruling| ruling.stop);
        (account.take(), account.produced(), account.truncated(), stopped)
    }

    #[test]
    fn a_full_account_keeps_its_beginning_or_its_end() {
        let writes: [&[u8]; 3] = [b"abc", b"def", b"ghi"];
        assert_eq!(fill(9, Overflow::TruncateTail, &writes), (b"abcdefghi".to_vec(), 9, false, false));
        assert_eq!(fill(4, Overflow::TruncateTail, &writes), (b"abcd".to_vec(), 9, true, false));
        assert_eq!(fill(4, Overflow::TruncateHead, &writes), (b"fghi".to_vec(), 9, true, false));
        assert_eq!(fill(2, Overflow::TruncateHead, &writes), (b"hi".to_vec(), 9, true, false));
        assert_eq!(fill(0, Overflow::TruncateHead, &writes), (Vec::new(), 9, true, false));
        assert_eq!(fill(4, Overflow::Stop, &writes), (b"abcd".to_vec(), 6, true, true));
        assert_eq!(fill(9, Overflow::Stop, &writes), (b"abcdefghi".to_vec(), 9, false, false));
    }

    #[test]
    fn the_first_drop_is_told_once_with_its_offset() {
        let mut account = Account::new(4, Overflow::TruncateTail);
        let plain = Ruling { offset: 0, within: 3, first_drop: false, stop: false };
        assert_eq!(account.count(3), plain);
        assert_eq!(account.count(3), Ruling { offset: 3, within: 1, first_drop: true, ..plain });
        assert_eq!(account.count(3), Ruling { offset: 6, within: 0, ..plain });
    }
}
