//! Literals: which are refused, and which draw a warning.

/// A string literal's parts.
#[derive(Clone, Copy, Debug)]
pub struct Parts<'a> {
    /// Between the quotes.
    pub body: &'a str,
    /// Whether backslashes mean nothing.
    pub raw: bool,
    /// Whether it is a bytes literal.
    pub is_bytes: bool,
}

impl<'a> Parts<'a> {
    /// Takes a whole literal apart.
    pub fn of(text: &'a str) -> Self {
        let open = text.find(['\'', '"']).unwrap_or(0);
        let (prefix, quoted) = text.split_at(open);
        let size = if quoted.len() >= 6 && (quoted.starts_with("'''") || quoted.starts_with("\"\"\"")) { 3 } else { 1 };
        let body = quoted.get(size..quoted.len().saturating_sub(size)).unwrap_or("");
        Self { body, raw: prefix.contains(['r', 'R']), is_bytes: prefix.contains(['b', 'B']) }
    }
}

/// How many digits an int literal in base ten has; `None` for every other number.
pub fn decimal_digits(text: &[u8]) -> Option<usize> {
    let decimal = text.iter().all(|b| b.is_ascii_digit() || *b == b'_');
    decimal.then(|| text.iter().filter(|b| b.is_ascii_digit()).count())
}

/// The text that refuses an int literal with too many digits.
pub fn too_many_digits(digits: usize, limit: u32) -> String {
    format!(
        "Exceeds the limit ({limit} digits) for integer string conversion: value has {digits} digits; \
         use sys.set_int_max_str_digits() to increase the limit - \
         Consider hexadecimal for huge integer literals to avoid decimal conversion limits."
    )
}

/// Refuses bad escapes in text, with the codec's message.
pub fn check_text(body: &str) -> Result<(), String> {
    if !body.contains('\\') {
        return Ok(());
    }
    let buffer = escaped(body);
    let mut at = 0;
    while let Some(offset) = buffer[at..].iter().position(|&b| b == b'\\') {
        let start = at + offset;
        let Some(&letter) = buffer.get(start + 1) else {
            return Err(codec_error(start, start + 1, "\\ at end of string"));
        };
        at = start + 2;
        let (count, message) = match letter {
            b'x' => (2, "truncated \\xXX escape"),
            b'u' => (4, "truncated \\uXXXX escape"),
            b'U' => (8, "truncated \\UXXXXXXXX escape"),
            b'N' => {
                at = check_name(&buffer, start)?;
                continue;
            }
            _ => continue,
        };
        let digits = buffer[at..].iter().take(count).take_while(|b| b.is_ascii_hexdigit()).count();
        if digits < count {
            return Err(codec_error(start, at + digits, message));
        }
        let value = std::str::from_utf8(&buffer[at..at + count]).ok().and_then(|t| u32::from_str_radix(t, 16).ok());
        at += count;
        if value.is_none_or(|v| v > 0x10_ffff) {
            return Err(codec_error(start, at, "illegal Unicode character"));
        }
    }
    Ok(())
}

fn check_name(buffer: &[u8], start: usize) -> Result<usize, String> {
    let malformed = "malformed \\N character escape";
    let name_start = start + 3;
    if buffer.get(start + 2) != Some(&b'{') {
        return Err(codec_error(start, start + 2, malformed));
    }
    let Some(len) = buffer[name_start..].iter().position(|&b| b == b'}') else {
        return Err(codec_error(start, buffer.len(), malformed));
    };
    if len == 0 {
        return Err(codec_error(start, name_start, malformed));
    }
    let end = name_start + len;
    let known = std::str::from_utf8(&buffer[name_start..end]).ok().and_then(typhon_unicode::lookup_character);
    match known {
        Some(_) => Ok(end + 1),
        None => Err(codec_error(start, end + 1, "unknown Unicode character name")),
    }
}

/// The bytes that the codec sees: characters past ASCII come to it as escapes.
fn escaped(body: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len());
    let mut backslash = false;
    for c in body.chars() {
        if c.is_ascii() {
            out.push(c as u8);
            backslash = c == '\\' && !backslash;
        } else {
            if backslash {
                out.extend_from_slice(b"u005c");
            }
            backslash = false;
            out.extend_from_slice(format!("\\U{:08x}", u32::from(c)).as_bytes());
        }
    }
    if backslash {
        out.extend_from_slice(b"u005c");
    }
    out
}

fn codec_error(start: usize, end: usize, reason: &str) -> String {
    if end == start + 1 {
        return format!("'unicodeescape' codec can't decode byte 0x5c in position {start}: {reason}");
    }
    format!("'unicodeescape' codec can't decode bytes in position {start}-{}: {reason}", end - 1)
}

/// Refuses bad escapes in bytes.
pub fn check_bytes(body: &str) -> Result<(), String> {
    let bytes = body.as_bytes();
    let mut at = 0;
    while let Some(offset) = bytes[at..].iter().position(|&b| b == b'\\') {
        let start = at + offset;
        at = start + 2;
        if bytes.get(start + 1) == Some(&b'x') {
            if bytes.get(at..at + 2).is_none_or(|d| !d.iter().all(u8::is_ascii_hexdigit)) {
                return Err(format!("invalid \\x escape at position {start}"));
            }
            at += 2;
        }
        if at >= bytes.len() {
            break;
        }
    }
    Ok(())
}

/// The first escape in a body that means nothing, with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BadEscape {
    /// `\d`: this character has no meaning after a backslash.
    Unknown(char),
    /// `\400`: three octal digits past 0o377.
    Octal(String),
}

/// Finds the first bad escape of a body, and the byte offset of its backslash.
pub fn first_bad_escape(body: &str, is_bytes: bool) -> Option<(usize, BadEscape)> {
    let bytes = body.as_bytes();
    let mut at = 0;
    while let Some(offset) = bytes[at..].iter().position(|&b| b == b'\\') {
        let start = at + offset;
        let next = body[start + 1..].chars().next()?;
        at = start + 1 + next.len_utf8();
        match next {
            '\n' | '\\' | '\'' | '"' | 'a' | 'b' | 'f' | 'n' | 'r' | 't' | 'v' | 'x' => {}
            'u' | 'U' | 'N' if !is_bytes => {}
            '0'..='7' => {
                let digits: String = body[start + 1..].chars().take(3).take_while(|c| ('0'..'8').contains(c)).collect();
                at = start + 1 + digits.len();
                if digits.len() == 3 && digits.as_str() > "377" {
                    return Some((start, BadEscape::Octal(digits)));
                }
            }
            other if other.is_ascii() => return Some((start, BadEscape::Unknown(other))),
            _ => {}
        }
    }
    None
}

/// `repr()` of a short name.
pub fn repr(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut out = String::from(quote);
    for c in text.chars() {
        if c == quote || c == '\\' {
            out.push('\\');
            out.push(c);
        } else if typhon_unicode::is_printable(u32::from(c)) {
            out.push(c);
        } else {
            out.push_str(&format!("\\u{:04x}", u32::from(c)));
        }
    }
    out.push(quote);
    out
}
