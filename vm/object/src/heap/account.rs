//! The account: what an isolate's memory comes to, and how much it may be.
//!
//! Threads tell it of what they take in pieces, so that most of what they take costs them no step that others see.

use super::span::Span;
use super::{Heap, OutOfMemory};
use crate::breaker::reason;
use crate::thread;
use std::sync::LazyLock;
use typhon_qsbr::Tally;

/// So many undeclared bytes a thread keeps to itself, unless the limit is nearer.
const SLACK: isize = 64 * 1024;

/// Bytes of memory that the machine has: asked once, for an isolate starts faster than the system answers.
static MACHINE: LazyLock<usize> = LazyLock::new(|| {
    // SAFETY: asks the C library for two numbers.
    let (pages, page) = unsafe { (libc::sysconf(libc::_SC_PHYS_PAGES), libc::sysconf(libc::_SC_PAGESIZE)) };
    match (usize::try_from(pages), usize::try_from(page)) {
        (Ok(pages), Ok(page)) if pages > 0 && page > 0 => pages.saturating_mul(page),
        _ => usize::MAX >> 1,
    }
});

/// One isolate's account.
pub(super) struct Account {
    /// Bytes charged: pages, large blocks, and what natives declared with [`Heap::charge`].
    charged: Tally,
    /// Undeclared bytes that threads have told of; negative numbers wrap.
    outside: Tally,
    /// Most bytes ever charged.
    peak: Tally,
    limit: Tally,
    /// Bytes asked for in vain since the account was last well below its limit.
    pub(super) refused: Tally,
    pub(super) span: Span,
}

impl Account {
    /// An account that may take `limit` bytes, and no more than the machine has: what is promised here must not fail where
    /// it is taken.
    pub(super) fn new(limit: usize) -> Self {
        let account = Self {
            charged: Tally::new(),
            outside: Tally::new(),
            peak: Tally::new(),
            limit: Tally::new(),
            refused: Tally::new(),
            span: Span::new(),
        };
        account.limit.add(limit.min(*MACHINE) as u64);
        account
    }

    fn limit(&self) -> usize {
        self.limit.get() as usize
    }

    pub(super) fn used(&self, more: isize) -> usize {
        let outside = (self.outside.get() as isize).wrapping_add(more);
        (self.charged.get() as usize).saturating_add_signed(outside.max(0))
    }
}

impl Heap {
    /// Bytes in use now, by the whole isolate; of what other threads have not told of yet, a little may be missing.
    pub fn used(&self) -> usize {
        self.common.account.used(self.outside.get())
    }

    /// Most bytes ever charged.
    pub fn peak(&self) -> usize {
        self.common.account.peak.get() as usize
    }

    /// The limit.
    pub fn limit(&self) -> usize {
        self.common.account.limit()
    }

    /// Whether a block of `size` bytes more would fit.
    #[inline]
    pub fn check(&self, size: usize) -> Result<(), OutOfMemory> {
        let fits = self.used().saturating_add(size) <= self.limit() || self.lenient.get();
        if fits && size <= isize::MAX as usize / 2 { Ok(()) } else { self.make_room(size) }
    }

    /// Charges memory held outside the heap (a native library's buffers, big integers).
    pub fn charge(&self, size: usize) -> Result<(), OutOfMemory> {
        self.check(size)?;
        self.add(size);
        Ok(())
    }

    /// Gives a charge back.
    pub fn uncharge(&self, size: usize) {
        self.common.account.charged.sub(size as u64);
        self.shift(size as isize);
        self.common.account.span.change(self.used());
    }

    /// Charges without a check.
    pub(super) fn add(&self, size: usize) {
        self.common.account.charged.add(size as u64);
        // The global allocator gives these bytes, and its meter counts them too.
        self.shift((size as isize).wrapping_neg());
        self.tell();
    }

    /// So many bytes more count as undeclared.
    pub(super) fn shift(&self, by: isize) {
        self.outside.set(self.outside.get().wrapping_add(by));
    }

    /// The account gets to know what this thread took, and the thread how much it may take until it tells again.
    #[cold]
    #[inline(never)]
    pub(super) fn tell(&self) {
        if self.tell_at.get() == isize::MAX {
            return;
        }
        let account = &self.common.account;
        account.outside.add(self.outside.replace(0) as u64);
        let (used, limit) = (account.used(0), account.limit());
        account.peak.at_least(used as u64);
        account.span.change(used);
        let left = isize::try_from(limit.saturating_sub(used)).unwrap_or(SLACK);
        self.tell_at.set(left.min(SLACK));
    }

    /// The meter saw this isolate take bytes from the global allocator, which cannot refuse them: past the limit, the
    /// next poll raises.
    #[inline]
    pub(crate) fn took(&self, size: usize) {
        self.shift(size as isize);
        if self.outside.get() > self.tell_at.get() {
            self.took_much();
        }
    }

    #[cold]
    #[inline(never)]
    fn took_much(&self) {
        self.tell();
        if self.used() > self.limit() {
            thread::request(reason::MEMORY);
        }
    }

    /// The meter saw bytes go back.
    #[inline]
    pub(crate) fn gave(&self, size: usize) {
        self.shift((size as isize).wrapping_neg());
        if self.outside.get() < -SLACK {
            self.tell();
        }
    }

    /// Runs `f`, whose allocations are the process's (its caches) and not this isolate's.
    pub fn exempt<R>(&self, f: impl FnOnce() -> R) -> R {
        // While it may take any amount it tells nobody.
        let before = (self.outside.get(), self.tell_at.replace(isize::MAX));
        let out = f();
        self.outside.set(before.0);
        self.tell_at.set(before.1);
        out
    }

    /// Runs `f`, in which nothing is refused: names. What it takes beyond the limit is for the next poll to answer for.
    pub(crate) fn leniently<R>(&self, f: impl FnOnce() -> R) -> R {
        let before = self.lenient.replace(true);
        let out = f();
        self.lenient.set(before);
        if self.used() > self.limit() {
            thread::request(reason::MEMORY);
        }
        out
    }
}
