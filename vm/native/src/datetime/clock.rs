//! Clock: a time of day.

/// Hour, minute, second, microsecond, and which of two equal readings.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Clock {
    pub(super) hour: i64,
    pub(super) minute: i64,
    pub(super) second: i64,
    pub(super) micro: i64,
    pub(super) fold: i64,
}

impl Clock {
    /// 0:00.
    pub(super) const MIDNIGHT: Self = Self { hour: 0, minute: 0, second: 0, micro: 0, fold: 0 };
    /// The last microsecond of a day.
    pub(super) const LAST: Self = Self { hour: 23, minute: 59, second: 59, micro: 999_999, fold: 0 };

    /// The text of the error if there is no such time.
    pub(super) fn check(self) -> Result<Self, String> {
        let fields = [
            ("hour", self.hour, 23),
            ("minute", self.minute, 59),
            ("second", self.second, 59),
            ("microsecond", self.micro, 999_999),
        ];
        for (name, n, max) in fields {
            if !(0..=max).contains(&n) {
                return Err(format!("{name} must be in 0..{max}, not {n}"));
            }
        }
        if !(0..=1).contains(&self.fold) {
            return Err(format!("fold must be either 0 or 1, not {}", self.fold));
        }
        Ok(self)
    }

    /// Whole seconds since midnight.
    pub(super) fn seconds(self) -> i64 {
        self.hour * 3600 + self.minute * 60 + self.second
    }

    /// Microseconds since midnight.
    pub(super) fn to_us(self) -> i64 {
        self.seconds() * 1_000_000 + self.micro
    }

    /// From microseconds since midnight, less than a day's.
    pub(super) fn from_us(us: i64) -> Self {
        let s = us / 1_000_000;
        Self { hour: s / 3600, minute: s / 60 % 60, second: s % 60, micro: us % 1_000_000, fold: 0 }
    }

    /// The fields as pickles have them.
    pub(super) fn bytes(self, fold: bool) -> [u8; 6] {
        let us = (self.micro as u32).to_be_bytes();
        let mark = if fold && self.fold == 1 { 0x80 } else { 0 };
        [self.hour as u8 | mark, self.minute as u8, self.second as u8, us[1], us[2], us[3]]
    }

    /// The reverse of [`Clock::bytes`], without the fold.
    pub(super) fn from_bytes(b: &[u8]) -> Self {
        let at = |i: usize| i64::from(b.get(i).copied().unwrap_or(0));
        Self { hour: at(0), minute: at(1), second: at(2), micro: at(3) << 16 | at(4) << 8 | at(5), fold: 0 }
    }

    /// The ISO form; the error is an unknown `timespec`.
    pub(super) fn iso(self, timespec: &str) -> Result<String, &'static str> {
        let Self { hour, minute, second, micro, .. } = self;
        let spec = match timespec {
            "auto" if micro == 0 => "seconds",
            "auto" => "microseconds",
            other => other,
        };
        Ok(match spec {
            "hours" => format!("{hour:02}"),
            "minutes" => format!("{hour:02}:{minute:02}"),
            "seconds" => format!("{hour:02}:{minute:02}:{second:02}"),
            "milliseconds" => format!("{hour:02}:{minute:02}:{second:02}.{:03}", micro / 1000),
            "microseconds" => format!("{hour:02}:{minute:02}:{second:02}.{micro:06}"),
            _ => return Err("Unknown timespec value"),
        })
    }
}
