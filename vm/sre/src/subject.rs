//! The subject: text of one of three widths, indexed by character.

/// The text to search. One-byte text is Latin-1 or bytes; the engine does not care which.
#[derive(Clone, Copy, Debug)]
pub enum Subject<'a> {
    One(&'a [u8]),
    Two(&'a [u16]),
    Four(&'a [u32]),
}

impl Subject<'_> {
    pub fn len(&self) -> usize {
        match self {
            Self::One(s) => s.len(),
            Self::Two(s) => s.len(),
            Self::Four(s) => s.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// One character of a subject.
pub(crate) trait Unit: Copy + Eq + Into<u32> {
    /// Whether every unit is below 256.
    const NARROW: bool;

    fn to_u32(self) -> u32 {
        self.into()
    }

    /// The first place where `c` stands.
    fn find(hay: &[Self], c: u32) -> Option<usize>;

    /// The first place where `a` or `b` stands.
    fn find_either(hay: &[Self], a: u32, b: u32) -> Option<usize>;

    /// The last place where `c` stands.
    fn rfind(hay: &[Self], c: u32) -> Option<usize>;

    /// The text as bytes, if it is.
    fn as_bytes(hay: &[Self]) -> Option<&[u8]>;
}

impl Unit for u8 {
    const NARROW: bool = true;

    fn find(hay: &[Self], c: u32) -> Option<usize> {
        memchr::memchr(u8::try_from(c).ok()?, hay)
    }

    fn find_either(hay: &[Self], a: u32, b: u32) -> Option<usize> {
        match (u8::try_from(a), u8::try_from(b)) {
            (Ok(a), Ok(b)) => memchr::memchr2(a, b, hay),
            (Ok(c), Err(_)) | (Err(_), Ok(c)) => memchr::memchr(c, hay),
            (Err(_), Err(_)) => None,
        }
    }

    fn rfind(hay: &[Self], c: u32) -> Option<usize> {
        memchr::memrchr(u8::try_from(c).ok()?, hay)
    }

    fn as_bytes(hay: &[Self]) -> Option<&[u8]> {
        Some(hay)
    }
}

macro_rules! wide_unit {
    ($unit:ty) => {
        impl Unit for $unit {
            const NARROW: bool = false;

            fn find(hay: &[Self], c: u32) -> Option<usize> {
                let c = Self::try_from(c).ok()?;
                hay.iter().position(|&u| u == c)
            }

            fn find_either(hay: &[Self], a: u32, b: u32) -> Option<usize> {
                hay.iter().position(|&u| u.to_u32() == a || u.to_u32() == b)
            }

            fn rfind(hay: &[Self], c: u32) -> Option<usize> {
                let c = Self::try_from(c).ok()?;
                hay.iter().rposition(|&u| u == c)
            }

            fn as_bytes(_hay: &[Self]) -> Option<&[u8]> {
                None
            }
        }
    };
}

wide_unit!(u16);
wide_unit!(u32);
