//! Format: a parsed format string.

/// How one item is laid out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// Signed integer.
    Int,
    /// Unsigned integer.
    Uint,
    /// `P`: an address.
    Address,
    /// `?`.
    Bool,
    /// `c`.
    Char,
    /// `s`: the count is its length.
    Text,
    /// `p`: the count is its room.
    Pascal,
    /// IEEE 754 of 2, 4 or 8 bytes.
    Float,
    /// Two floats; the size is of one.
    Complex,
}

/// A run of items of the same kind.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    pub(super) kind: Kind,
    pub(super) code: u8,
    /// Offset of the first.
    pub(super) at: usize,
    /// Bytes each.
    pub(super) size: usize,
    /// How many.
    pub(super) count: usize,
}

/// A parsed format.
#[derive(Debug, Default)]
pub(super) struct Format {
    pub(super) runs: Vec<Run>,
    pub(super) size: usize,
    /// Number of values.
    pub(super) len: usize,
    pub(super) big_endian: bool,
    /// Native sizes: floats overflow to infinity in complex numbers, as C's conversion does.
    pub(super) native: bool,
}

const TOO_LONG: &str = "total struct size too long";

/// Kind, size in a standard format (0 if there is none) and native size of a code.
fn item(code: u8) -> Option<(Kind, usize, usize)> {
    Some(match code {
        b'c' => (Kind::Char, 1, 1),
        b'b' => (Kind::Int, 1, 1),
        b'B' => (Kind::Uint, 1, 1),
        b'?' => (Kind::Bool, 1, 1),
        b'h' => (Kind::Int, 2, 2),
        b'H' => (Kind::Uint, 2, 2),
        b'i' => (Kind::Int, 4, 4),
        b'I' => (Kind::Uint, 4, 4),
        b'l' => (Kind::Int, 4, 8),
        b'L' => (Kind::Uint, 4, 8),
        b'q' => (Kind::Int, 8, 8),
        b'Q' => (Kind::Uint, 8, 8),
        b'n' => (Kind::Int, 0, 8),
        b'N' => (Kind::Uint, 0, 8),
        b'P' => (Kind::Address, 0, 8),
        b'e' => (Kind::Float, 2, 2),
        b'f' => (Kind::Float, 4, 4),
        b'd' => (Kind::Float, 8, 8),
        b'F' => (Kind::Complex, 4, 4),
        b'D' => (Kind::Complex, 8, 8),
        b's' => (Kind::Text, 1, 1),
        b'p' => (Kind::Pascal, 1, 1),
        _ => return None,
    })
}

impl Format {
    /// Parses a format; the error is the text of a `struct.error`.
    pub(super) fn parse(text: &[u8]) -> Result<Self, &'static str> {
        if text.contains(&0) {
            return Err("embedded null character");
        }
        let (native, big_endian, mut rest) = match text.split_first() {
            Some((b'<' | b'=', rest)) => (false, false, rest),
            Some((b'>' | b'!', rest)) => (false, true, rest),
            Some((b'@', rest)) => (true, false, rest),
            _ => (true, false, text),
        };
        let mut out = Self { big_endian, native, ..Self::default() };
        while let Some((&c, tail)) = rest.split_first() {
            rest = tail;
            if matches!(c, b' ' | 9..=13) {
                continue;
            }
            let (mut code, mut count) = (c, 1usize);
            if c.is_ascii_digit() {
                count = usize::from(c - b'0');
                loop {
                    let Some((&c, tail)) = rest.split_first() else {
                        return Err("repeat count given without format specifier");
                    };
                    rest = tail;
                    if !c.is_ascii_digit() {
                        code = c;
                        break;
                    }
                    count = count
                        .checked_mul(10)
                        .and_then(|n| n.checked_add(usize::from(c - b'0')))
                        .filter(|&n| n <= isize::MAX as usize)
                        .ok_or(TOO_LONG)?;
                }
            }
            out.add(code, count)?;
        }
        Ok(out)
    }

    fn add(&mut self, code: u8, count: usize) -> Result<(), &'static str> {
        const BAD: &str = "bad char in struct format";
        let grow = |size: usize, by: usize| size.checked_add(by).filter(|&n| n <= isize::MAX as usize).ok_or(TOO_LONG);
        if code == b'x' {
            self.size = grow(self.size, count)?;
            return Ok(());
        }
        let (kind, standard, native) = item(code).ok_or(BAD)?;
        let size = if self.native { native } else { standard };
        if size == 0 {
            return Err(BAD);
        }
        if self.native {
            self.size = grow(self.size, self.size.wrapping_neg() % size)?;
        }
        let width = if kind == Kind::Complex { 2 * size } else { size };
        let bytes = count.checked_mul(width).ok_or(TOO_LONG)?;
        let at = self.size;
        self.size = grow(at, bytes)?;
        match kind {
            Kind::Text | Kind::Pascal => self.len += 1,
            _ => self.len = grow(self.len, count)?,
        }
        if count > 0 || matches!(kind, Kind::Text | Kind::Pascal) {
            self.runs.push(Run { kind, code, at, size, count });
        }
        Ok(())
    }
}
