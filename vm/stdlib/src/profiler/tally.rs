//! What a profiler counts: for each function how often it was called and how long it ran, by itself and from whom.
//!
//! Each thread has a stack of its own, so that functions that run at the same time are not taken for callers of each other.
//! Times are in the clock's unit.

use rustc_hash::FxHashMap;

/// Of a function, or of one function's calls of another.
#[derive(Clone, Copy, Default)]
pub(super) struct Times {
    pub(super) calls: i64,
    /// Calls that ended while another one went on.
    pub(super) recursive: i64,
    /// Between the beginning and the end of calls that are not recursive.
    pub(super) total: i64,
    /// The same of all calls, without what they called.
    pub(super) own: i64,
}

/// A function, and what it called, by number.
#[derive(Clone, Default)]
pub(super) struct Entry {
    pub(super) times: Times,
    pub(super) calls: Vec<(usize, Times)>,
}

/// A call that goes on.
struct Open {
    entry: usize,
    begun: i64,
    /// How long what it called took.
    called: i64,
    /// It is told apart by its caller, which is below.
    of_caller: bool,
}

/// Who is being called, and by whom if that is told apart.
type Pair = (Option<usize>, usize);

/// The calls of a thread.
#[derive(Default)]
struct Stack {
    open: Vec<Open>,
    depths: FxHashMap<Pair, u32>,
}

/// All that has been counted.
#[derive(Default)]
pub(super) struct Tally {
    pub(super) entries: Vec<Entry>,
    numbers: FxHashMap<u64, usize>,
    stacks: FxHashMap<usize, Stack>,
}

impl Tally {
    /// The number of a function that is known by `key`, if it is.
    pub(super) fn number(&self, key: u64) -> Option<usize> {
        self.numbers.get(&key).copied()
    }

    /// A number for one that is not.
    pub(super) fn add(&mut self, key: u64) -> usize {
        let number = self.entries.len();
        self.numbers.insert(key, number);
        self.entries.push(Entry::default());
        number
    }

    /// A thread calls a function. Its time runs from [`Tally::begin`].
    pub(super) fn enter(&mut self, thread: usize, entry: usize, by_caller: bool) {
        let stack = self.stacks.entry(thread).or_default();
        let caller = stack.open.last().map(|open| open.entry).filter(|_| by_caller);
        *stack.depths.entry((None, entry)).or_default() += 1;
        if caller.is_some() {
            *stack.depths.entry((caller, entry)).or_default() += 1;
        }
        stack.open.push(Open { entry, begun: 0, called: 0, of_caller: caller.is_some() });
    }

    /// When the call that was entered last began.
    pub(super) fn begin(&mut self, thread: usize, now: i64) {
        if let Some(open) = self.stacks.get_mut(&thread).and_then(|stack| stack.open.last_mut()) {
            open.begun = now;
        }
    }

    /// Whether the thread is in a function that is known by `key`.
    pub(super) fn is_in(&self, thread: usize, key: u64) -> bool {
        let stack = self.stacks.get(&thread);
        stack
            .is_some_and(|stack| self.numbers.get(&key).is_some_and(|n| stack.open.iter().any(|open| open.entry == *n)))
    }

    /// A thread leaves a function, and whatever it has entered since and was not told to have left.
    pub(super) fn leave(&mut self, thread: usize, key: u64, now: i64) {
        let (Some(number), Some(stack)) = (self.number(key), self.stacks.get_mut(&thread)) else { return };
        let Some(at) = stack.open.iter().rposition(|open| open.entry == number) else { return };
        while stack.open.len() > at {
            stack.close(&mut self.entries, now);
        }
    }

    /// Whether any call goes on.
    pub(super) fn is_open(&self) -> bool {
        self.stacks.values().any(|stack| !stack.open.is_empty())
    }

    /// Ends a call that goes on.
    pub(super) fn leave_one(&mut self, now: i64) {
        if let Some(stack) = self.stacks.values_mut().find(|stack| !stack.open.is_empty()) {
            stack.close(&mut self.entries, now);
        }
    }
}

impl Stack {
    /// Ends the call on top.
    fn close(&mut self, entries: &mut [Entry], now: i64) {
        let Some(open) = self.open.pop() else { return };
        let elapsed = now.wrapping_sub(open.begun);
        let own = elapsed.wrapping_sub(open.called);
        let goes_on = self.is_open_still((None, open.entry));
        entries[open.entry].times.add(elapsed, own, goes_on);
        let Some(caller) = self.open.last_mut() else { return };
        caller.called = caller.called.wrapping_add(elapsed);
        let caller = caller.entry;
        if open.of_caller {
            let goes_on = self.is_open_still((Some(caller), open.entry));
            let calls = &mut entries[caller].calls;
            let at = calls.iter().position(|(callee, _)| *callee == open.entry).unwrap_or_else(|| {
                calls.push((open.entry, Times::default()));
                calls.len() - 1
            });
            calls[at].1.add(elapsed, own, goes_on);
        }
    }

    fn is_open_still(&mut self, pair: Pair) -> bool {
        let depth = self.depths.entry(pair).or_default();
        *depth = depth.saturating_sub(1);
        *depth > 0
    }
}

impl Times {
    fn add(&mut self, elapsed: i64, own: i64, goes_on: bool) {
        self.calls += 1;
        self.own = self.own.wrapping_add(own);
        if goes_on {
            self.recursive += 1;
        } else {
            self.total = self.total.wrapping_add(elapsed);
        }
    }
}
