//! What the threads of an isolate share of its tier: the process's cache, what compiling may cost, and what was counted.
//!
//! All else is a thread's own ([`Part`]): places, instances, links and counters are touched by that thread only.

use crate::abort::{self, Reason};
use crate::bill::Bill;
use crate::cache::Cache;
use crate::counts::{Count, Counts};
use crate::process::Process;
use crate::tier::Part;
use std::rc::Rc;
use std::sync::Arc;
use typhon_interp::tier::{Spent, Tier, Tier2};
use typhon_object::Thread;
use typhon_qsbr::Tally;
use typhon_qsbr::sync::Mutex;

/// What an isolate has of the trace compiler.
pub struct Jit {
    pub(crate) process: Process,
    /// What traces have saved, less what compiling them has cost, in tenths of an interpreted instruction: a signed number, which
    /// threads bring up to date now and then.
    purse: Tally,
    pub(crate) bill: Arc<Bill>,
    /// Why recordings were given up.
    pub aborts: abort::Counts,
    /// What was done, by each thread that lives, and by all that have ended.
    counts: Mutex<(Vec<Arc<Counts>>, Counts)>,
}

/// What a purse holds at most at first: all that is ever earned fits in above it.
const CREDIT_MAX: i64 = i64::MAX / 4;

impl Jit {
    /// A tier with a process's cache.
    pub fn new(process: Process) -> Self {
        let credit = i64::try_from(process.0.params.credit).unwrap_or(i64::MAX);
        let purse = Tally::new();
        purse.add(credit.saturating_mul(1_000_000).min(CREDIT_MAX).cast_unsigned());
        let (aborts, counts) = (abort::Counts::default(), Mutex::new((Vec::new(), Counts::default())));
        Self { process, purse, bill: Arc::default(), aborts, counts }
    }

    /// Gives an isolate this tier.
    pub fn install(self: &Arc<Self>, t: &Thread) {
        typhon_interp::tier::install(t, self.clone());
    }

    /// The process's cache.
    pub fn cache(&self) -> &Cache {
        self.process.cache()
    }

    /// A thread begins to count.
    pub(crate) fn begin(&self) -> Arc<Counts> {
        let counts = Arc::new(Counts::default());
        self.counts.lock().0.push(counts.clone());
        counts
    }

    /// A thread has ended.
    pub(crate) fn end(&self, counts: &Arc<Counts>) {
        let mut all = self.counts.lock();
        let (live, ended) = &mut *all;
        live.retain(|other| !Arc::ptr_eq(other, counts));
        Count::ALL.iter().for_each(|what| ended.add_some(*what, counts.of(*what)));
    }

    /// What the purse holds after so much has been earned, or spent.
    pub(crate) fn settle(&self, earned: i64) -> i64 {
        self.purse.add(earned.cast_unsigned()).cast_signed()
    }

    /// How often something was done, by all threads.
    pub fn count(&self, what: Count) -> u64 {
        let all = self.counts.lock();
        all.0.iter().map(|counts| counts.of(what)).sum::<u64>() + all.1.of(what)
    }
}

impl Tier for Jit {
    fn first(&self) -> (u64, u64) {
        let params = &self.process.0.params;
        (params.loop_hot, params.call_hot)
    }

    fn part(self: Arc<Self>) -> Rc<dyn Tier2> {
        Rc::new(Part::new(self))
    }

    fn counters(&self) -> Vec<(&'static str, u64)> {
        let aborts = Reason::ALL.iter().map(|reason| (reason.counter(), self.aborts.of(*reason)));
        Count::ALL.iter().map(|what| (what.text(), self.count(*what))).chain(aborts).collect()
    }

    fn spent(&self) -> Spent {
        self.bill.sum()
    }
}
