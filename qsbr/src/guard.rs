//! The guard: proof that the thread is online, with the lifetime for which it stays so.

use crate::domain::Domain;

/// Proof that somebody is online in a domain and neither reports nor leaves for `'a`. It costs nothing to have.
#[derive(Clone, Copy, Debug)]
pub struct Guard<'a> {
    domain: &'a Domain,
}

impl<'a> Guard<'a> {
    /// A guard without a participant to borrow it from.
    ///
    /// # Safety
    /// For `'a` the calling thread is online in `domain` and does not report.
    #[inline(always)]
    pub unsafe fn assume(domain: &'a Domain) -> Self {
        Self { domain }
    }

    /// The domain in which the thread is online.
    #[inline(always)]
    pub fn domain(&self) -> &'a Domain {
        self.domain
    }

    /// Panics unless the guard is of `domain`: a guard of another one protects nothing.
    #[inline(always)]
    pub(crate) fn check(&self, domain: &Domain) {
        assert!(std::ptr::eq(self.domain, domain), "a guard of another domain");
    }
}
