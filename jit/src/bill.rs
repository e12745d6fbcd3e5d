//! The bill: what compiling for an isolate has cost.

use std::time::Duration;
use typhon_interp::tier::Spent;
use typhon_qsbr::Tally;

/// An isolate's bill. Whoever compiles for it writes on it.
#[derive(Debug, Default)]
pub struct Bill {
    nanos: Tally,
    code_bytes: Tally,
}

impl Bill {
    /// Something was compiled, or could not be, which took so long.
    pub(crate) fn add(&self, time: Duration, code_bytes: usize) {
        self.nanos.add(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
        self.code_bytes.add(code_bytes as u64);
    }

    /// The sum so far.
    pub fn sum(&self) -> Spent {
        Spent { time: Duration::from_nanos(self.nanos.get()), code_bytes: self.code_bytes.get() }
    }
}
