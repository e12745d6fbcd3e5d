//! Codecs between bytes and code points, with CPython's error ranges and reasons.
//!
//! A decoder is `decode(input, from, last, sink)`: it starts at byte `from`, writes to the [`Sink`] and returns the
//! position up to which it consumed the input. When `last` is false, an incomplete tail is left unconsumed.
//! An encoder is `encode(units, from, out)`. Both stop at the first error with its range and reason; what came before
//! it has been written. The caller lets its error handler write a replacement and calls again with `from` at the
//! position the handler chose: no codec keeps state across an error, but those of [`stateful`].
//!
//! No decoder writes more code points than it reads bytes, and each encoder's `MAX_EXPANSION` bounds the bytes it
//! writes per unit, so memory can be charged beforehand. A caller that must notice interrupts decodes long input in
//! pieces with `last` false.

pub mod ascii;
pub mod bytes_escape;
pub mod charmap;
pub mod cjk;
pub mod handlers;
pub mod latin1;
pub mod raw_unicode_escape;
pub mod stateful;
pub mod unicode_escape;
pub mod utf16;
pub mod utf32;
pub mod utf7;
pub mod utf8;

/// What `UnicodeDecodeError` and `UnicodeEncodeError` carry besides the encoding and the object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodecError {
    /// Where the offending bytes or characters start.
    pub start: usize,
    /// Where they end.
    pub end: usize,
    /// CPython's reason.
    pub reason: &'static str,
}

/// A codec's result: `T` is the consumed length for decoders and nothing for encoders.
pub type Outcome<T> = Result<T, CodecError>;

fn error<T>(start: usize, end: usize, reason: &'static str) -> Outcome<T> {
    Err(CodecError { start, end, reason })
}

/// The order of bytes in a UTF-16 or UTF-32 unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ByteOrder {
    Little,
    Big,
}

/// Where a decoder writes.
pub trait Sink {
    /// Announces that about so many more code points will come.
    fn reserve(&mut self, additional: usize);

    /// Appends one code point.
    fn push(&mut self, c: u32);

    /// Appends code points below U+0100, given as bytes. Often a long run: worth a copy of its own.
    fn push_latin1(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|&byte| self.push(u32::from(byte)));
    }

    /// Whether nobody will look at the text any more: asked now and then, so that what remains can be left out.
    fn is_forgotten(&self) -> bool {
        false
    }
}

impl Sink for Vec<u32> {
    fn reserve(&mut self, additional: usize) {
        Vec::reserve(self, additional);
    }

    fn push(&mut self, c: u32) {
        Vec::push(self, c);
    }

    fn push_latin1(&mut self, bytes: &[u8]) {
        self.extend(bytes.iter().map(|&byte| u32::from(byte)));
    }
}

/// An element of a stored string: latin-1, 16-bit or 32-bit. Each is one code point, never half of one.
pub trait Unit: Copy {
    /// The code point.
    fn point(self) -> u32;

    /// How many units at the start of `s` are ASCII.
    fn ascii_prefix(s: &[Self]) -> usize {
        s.iter().position(|unit| unit.point() >= 0x80).unwrap_or(s.len())
    }
}

impl Unit for u8 {
    #[inline]
    fn point(self) -> u32 {
        u32::from(self)
    }

    fn ascii_prefix(s: &[Self]) -> usize {
        const WIDE: usize = 32;
        const HIGH_BITS: u64 = 0x8080_8080_8080_8080;
        let mut done = 0;
        for block in s.chunks_exact(WIDE) {
            let words = block.chunks_exact(8).map(|w| u64::from_ne_bytes(w.try_into().unwrap_or([0xFF; 8])));
            if words.fold(0, |all, word| all | word) & HIGH_BITS != 0 {
                break;
            }
            done += WIDE;
        }
        let tail = &s[done..];
        done + tail.iter().position(|byte| !byte.is_ascii()).unwrap_or(tail.len())
    }
}

impl Unit for u16 {
    #[inline]
    fn point(self) -> u32 {
        u32::from(self)
    }
}

impl Unit for u32 {
    #[inline]
    fn point(self) -> u32 {
        self
    }
}

/// What is left to do; nothing when a handler jumped past the end.
fn rest<T>(input: &[T], from: usize) -> &[T] {
    input.get(from..).unwrap_or(&[])
}

fn is_surrogate(c: u32) -> bool {
    (0xD800..0xE000).contains(&c)
}

/// Encodes units below `limit` as they are; an error covers a whole run of others.
fn encode_below<U: Unit>(s: &[U], from: usize, limit: u32, reason: &'static str, out: &mut Vec<u8>) -> Outcome<()> {
    let rest = rest(s, from);
    let good = rest.iter().position(|unit| unit.point() >= limit).unwrap_or(rest.len());
    out.extend(rest[..good].iter().map(|unit| unit.point() as u8));
    if good == rest.len() {
        return Ok(());
    }
    let bad = rest[good..].iter().take_while(|unit| unit.point() >= limit).count();
    error(from + good, from + good + bad, reason)
}

/// Appends `digits` lower-case hexadecimal digits of `c`.
fn push_hex(c: u32, digits: u32, out: &mut impl Sink) {
    for place in (0..digits).rev() {
        out.push(u32::from(b"0123456789abcdef"[(c >> (4 * place) & 15) as usize]));
    }
}

/// Appends `\xNN`, `\uNNNN` or `\UNNNNNNNN`, whichever is the shortest that holds `c`.
pub(crate) fn push_escape(c: u32, out: &mut impl Sink) {
    let (letter, digits) = match c {
        0..0x100 => (b'x', 2),
        0x100..0x1_0000 => (b'u', 4),
        _ => (b'U', 8),
    };
    out.push(u32::from(b'\\'));
    out.push(u32::from(letter));
    push_hex(c, digits, out);
}

/// Lets escapes, which are ASCII, be written to bytes.
pub(crate) struct Bytes<'a>(pub(crate) &'a mut Vec<u8>);

impl Sink for Bytes<'_> {
    fn reserve(&mut self, additional: usize) {
        self.0.reserve(additional);
    }

    fn push(&mut self, c: u32) {
        self.0.push(c as u8);
    }

    fn push_latin1(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }
}
