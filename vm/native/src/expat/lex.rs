//! Lexing XML: names, quotes and tags in UTF-8 text.

/// Why a token could not be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Stop {
    /// Its end is not there yet.
    More,
    /// The byte at this index does not belong there.
    Bad(usize),
}

/// A part of the text.
pub(super) type Span = (usize, usize);

/// White space?
pub(super) fn is_space(b: u8) -> bool {
    matches!(b, b' ' | b'\t' | b'\n' | b'\r')
}

fn is_name_start(b: u8) -> bool {
    b.is_ascii_alphabetic() || b == b'_' || b == b':' || b >= 0x80
}

fn is_name(b: u8) -> bool {
    const NAME: [bool; 256] = {
        let (mut table, mut b) = ([false; 256], 0);
        while b < 256 {
            let c = b as u8;
            table[b] = c.is_ascii_alphanumeric() || matches!(c, b'_' | b':' | b'-' | b'.') || c >= 0x80;
            b += 1;
        }
        table
    };
    NAME[usize::from(b)]
}

/// The index after white space.
pub(super) fn skip_space(s: &[u8], mut i: usize) -> usize {
    while s.get(i).is_some_and(|&b| is_space(b)) {
        i += 1;
    }
    i
}

/// The index after a name that begins at `i`.
pub(super) fn name(s: &[u8], i: usize) -> Result<usize, Stop> {
    match s.get(i) {
        None => return Err(Stop::More),
        Some(&b) if !is_name_start(b) => return Err(Stop::Bad(i)),
        Some(_) => {}
    }
    let end = s[i..].iter().position(|&b| !is_name(b)).ok_or(Stop::More)?;
    Ok(i + end)
}

/// The index after a name token, which may begin like no name.
pub(super) fn name_token(s: &[u8], i: usize) -> usize {
    i + s[i..].iter().position(|&b| !is_name(b)).unwrap_or(s.len() - i)
}

/// The inside of a quoted literal that begins at `i`.
pub(super) fn quoted(s: &[u8], i: usize) -> Result<Span, Stop> {
    match s.get(i) {
        None => Err(Stop::More),
        Some(&q @ (b'"' | b'\'')) => {
            let end = memchr::memchr(q, &s[i + 1..]).ok_or(Stop::More)?;
            Ok((i + 1, i + 1 + end))
        }
        Some(_) => Err(Stop::Bad(i)),
    }
}

/// The index of `needle` from `i` on.
pub(super) fn find(s: &[u8], i: usize, needle: &[u8]) -> Option<usize> {
    memchr::memmem::find(s.get(i..)?, needle).map(|n| i + n)
}

/// The index of the first of `stops` from `i` on that stands outside of quotes and comments.
pub(super) fn find_outside(s: &[u8], mut i: usize, stops: &[u8]) -> Option<usize> {
    while let Some(&b) = s.get(i) {
        match b {
            b'"' | b'\'' => i = find(s, i + 1, &[b])?,
            _ if stops.contains(&b) => return Some(i),
            b'-' if s[i..].starts_with(b"--") && i >= 2 && &s[i - 2..i] == b"<!" => i = find(s, i + 2, b"-->")? + 2,
            _ => {}
        }
        i += 1;
    }
    None
}

/// A start tag.
pub(super) struct Tag {
    pub(super) name: Span,
    /// Names and raw values.
    pub(super) attributes: Vec<(Span, Span)>,
    pub(super) empty: bool,
    pub(super) end: usize,
}

/// The start tag at `i`, where a `<` stands.
pub(super) fn start_tag(s: &[u8], i: usize) -> Result<Tag, Stop> {
    let name_end = name(s, i + 1)?;
    let mut tag = Tag { name: (i + 1, name_end), attributes: Vec::new(), empty: false, end: 0 };
    let mut at = name_end;
    loop {
        let next = skip_space(s, at);
        match s.get(next) {
            None => return Err(Stop::More),
            Some(b'>') => {
                tag.end = next + 1;
                return Ok(tag);
            }
            Some(b'/') => {
                return match s.get(next + 1) {
                    None => Err(Stop::More),
                    Some(b'>') => Ok(Tag { empty: true, end: next + 2, ..tag }),
                    Some(_) => Err(Stop::Bad(next + 1)),
                };
            }
            Some(_) if next == at => return Err(Stop::Bad(next)),
            Some(_) => {}
        }
        let name_end = name(s, next)?;
        let equals = skip_space(s, name_end);
        match s.get(equals) {
            None => return Err(Stop::More),
            Some(b'=') => {}
            Some(_) => return Err(Stop::Bad(equals)),
        }
        let open = skip_space(s, equals + 1);
        let value = match quoted(s, open) {
            Ok(value) => value,
            // A tag in a value shows that the quote was forgotten.
            Err(Stop::More) if s.get(open).is_some() => {
                return Err(memchr::memchr(b'<', &s[open..]).map_or(Stop::More, |n| Stop::Bad(open + n)));
            }
            Err(stop) => return Err(stop),
        };
        if let Some(n) = memchr::memchr(b'<', &s[value.0..value.1]) {
            return Err(Stop::Bad(value.0 + n));
        }
        tag.attributes.push(((next, name_end), value));
        at = value.1 + 1;
    }
}

/// Whether character data holds nothing that needs a second look: a character that may not be allowed, or a bracket.
pub(super) fn is_plain(s: &[u8]) -> bool {
    let odd = |b: u8| b < 0x20 && !is_space(b) || b == 0xef || b == b']';
    !s.iter().fold(false, |seen, &b| seen | odd(b))
}

/// The first character from `i` on that XML does not allow, before `end`.
pub(super) fn bad_char(s: &[u8], i: usize, end: usize) -> Option<usize> {
    let illegal = |(n, &b): (usize, &u8)| match b {
        0..0x20 => !is_space(b),
        // U+FFFE and U+FFFF.
        0xef => s[i + n..].starts_with(b"\xef\xbf\xbe") || s[i + n..].starts_with(b"\xef\xbf\xbf"),
        _ => false,
    };
    s[i..end].iter().enumerate().find(|&p| illegal(p)).map(|(n, _)| i + n)
}

/// Text of a span; the text is UTF-8 throughout.
pub(super) fn text(s: &[u8], (from, to): Span) -> &str {
    std::str::from_utf8(s.get(from..to).unwrap_or_default()).unwrap_or_default()
}

/// The character of a reference's inside: `#65` or `#x41`; `None` if there is none.
pub(super) fn char_ref(text: &str) -> Option<char> {
    let digits = text.strip_prefix('#')?;
    let code = match digits.strip_prefix('x') {
        Some(hex) if hex.bytes().all(|b| b.is_ascii_hexdigit()) => u32::from_str_radix(hex, 16).ok()?,
        None if digits.bytes().all(|b| b.is_ascii_digit()) => digits.parse().ok()?,
        _ => return None,
    };
    char::from_u32(code)
        .filter(|&c| c >= ' ' && !('\u{fffe}'..='\u{ffff}').contains(&c) || matches!(c, '\t' | '\n' | '\r'))
}

/// The character of a predefined entity.
pub(super) fn predefined(name: &str) -> Option<char> {
    Some(match name {
        "lt" => '<',
        "gt" => '>',
        "amp" => '&',
        "quot" => '"',
        "apos" => '\'',
        _ => return None,
    })
}
