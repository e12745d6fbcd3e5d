//! Source bytes to text: byte order mark, coding cookie, and what is wrong with the bytes.

use crate::error::{ErrorKind, SyntaxError};

/// Decodes bytes of a codec that this room does not know: `None` when there is no such codec, the codec's message when
/// the bytes are bad.
pub type Codecs<'a> = &'a dyn Fn(&str, &[u8]) -> Option<Result<String, String>>;

const BOM: &[u8] = b"\xef\xbb\xbf";

/// Decodes the bytes of a source file, or of bytes given to `compile()`.
pub fn decode(source: &[u8], filename: Option<&str>, codecs: Codecs<'_>) -> Result<String, SyntaxError> {
    let (bom, body) = match source.strip_prefix(BOM) {
        Some(body) => (true, body),
        None => (false, source),
    };
    let Some((line, name)) = cookie(body) else { return utf8(body, filename) };
    let (name, written) = (normal_name(&name), tokenizer_name(&name));
    if bom && written != "utf-8" {
        let text: String = String::from_utf8_lossy(line_bytes(body, line)).into_owned();
        let end = text.chars().count() as i32;
        return Err(placed(format!("encoding problem: {written} with BOM"), line, 0, end, text));
    }
    if name == "utf-8" {
        return utf8_declared(body, &cookie(body).map(|(_, n)| n).unwrap_or_default(), filename);
    }
    match name.as_str() {
        "iso-8859-1" => Ok(body.iter().map(|&b| char::from(b)).collect()),
        "ascii" => match body.iter().position(|b| !b.is_ascii()) {
            Some(at) => Err(bad_bytes(format!(
                "'ascii' codec can't decode byte 0x{:02x} in position {at}: ordinal not in range(128)",
                body[at]
            ))),
            None => utf8(body, filename),
        },
        other => match codecs(other, body) {
            Some(Ok(text)) => Ok(text),
            Some(Err(message)) => Err(bad_bytes(message)),
            None => Err(bad_bytes(format!("unknown encoding: {other}"))),
        },
    }
}

/// The coding cookie of one of the first two lines: its line and the name as written.
pub fn cookie(source: &[u8]) -> Option<(u32, String)> {
    for (i, line) in source.split(|&b| b == b'\n').take(2).enumerate() {
        if let Some(name) = cookie_of_line(line) {
            return Some((i as u32 + 1, name));
        }
        // Only a blank line or a comment may stand above the cookie's line.
        let text = line.trim_ascii_start();
        if !text.is_empty() && !text.starts_with(b"#") {
            return None;
        }
    }
    None
}

fn cookie_of_line(line: &[u8]) -> Option<String> {
    let start = line.iter().position(|b| !matches!(b, b' ' | b'\t' | b'\x0c'))?;
    let comment = line[start..].strip_prefix(b"#")?;
    let mut rest = comment;
    while let Some(at) = rest.windows(6).position(|w| w == b"coding") {
        rest = &rest[at + 6..];
        if let [b':' | b'=', tail @ ..] = rest {
            let tail = &tail[tail.iter().position(|b| !matches!(b, b' ' | b'\t')).unwrap_or(tail.len())..];
            let part = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
            let len = tail.iter().position(|b| !part(b)).unwrap_or(tail.len());
            if len > 0 {
                return Some(String::from_utf8_lossy(&tail[..len]).into_owned());
            }
        }
    }
    None
}

/// The name that CPython's reader gives the spellings of its two favourites.
/// The name as CPython's tokenizer has it: it knows two encodings by any ending, and leaves all other names as written.
fn tokenizer_name(name: &str) -> String {
    let lower = lower(name);
    let is = |base: &str| lower == base || lower.strip_prefix(base).is_some_and(|rest| rest.starts_with('-'));
    if is("utf-8") {
        return "utf-8".to_owned();
    }
    if ["latin-1", "iso-8859-1", "iso-latin-1"].into_iter().any(is) {
        return "iso-8859-1".to_owned();
    }
    name.to_owned()
}

fn lower(name: &str) -> String {
    name.chars().take(12).map(|c| if c == '_' { '-' } else { c.to_ascii_lowercase() }).collect()
}

/// The name without the other spellings that its codec goes by.
fn normal_name(name: &str) -> String {
    let known = tokenizer_name(name);
    match lower(&known).as_str() {
        "utf8" | "u8" | "utf" | "cp65001" => "utf-8".to_owned(),
        "latin1" | "l1" | "iso8859-1" | "8859" | "cp819" | "latin" => "iso-8859-1".to_owned(),
        "ascii" | "us-ascii" | "646" | "ansi-x3.4-1968" => "ascii".to_owned(),
        _ => known,
    }
}

fn line_bytes(source: &[u8], line: u32) -> &[u8] {
    source.split(|&b| b == b'\n').nth(line as usize - 1).unwrap_or(&[])
}

/// UTF-8 by default, or declared as `utf-8`, which CPython's reader does not hand to the codec.
fn utf8(body: &[u8], filename: Option<&str>) -> Result<String, SyntaxError> {
    let error = match String::from_utf8(body.to_vec()) {
        Ok(text) => return Ok(text),
        Err(error) => error.utf8_error(),
    };
    let at = error.valid_up_to();
    let line_start = body[..at].iter().rposition(|&b| b == b'\n').map_or(0, |i| i + 1);
    let line = body[..at].iter().filter(|&&b| b == b'\n').count() as u32 + 1;
    let text = String::from_utf8_lossy(line_bytes(body, line)).into_owned();
    let col = String::from_utf8_lossy(&body[line_start..=at]).chars().count() as i32;
    let place = filename.map(|f| format!(" in file {f}")).unwrap_or_default();
    let message = format!(
        "Non-UTF-8 code starting with '\\x{:02x}'{place} on line {line}, but no encoding declared; \
         see https://peps.python.org/pep-0263/ for details",
        body[at]
    );
    Err(placed(message, line, col, col, text))
}

/// Other spellings of UTF-8 go to the codec, whose message differs.
fn utf8_declared(body: &[u8], spelled: &str, filename: Option<&str>) -> Result<String, SyntaxError> {
    let lower = spelled.to_ascii_lowercase().replace('_', "-");
    if lower == "utf-8" || lower.starts_with("utf-8-") {
        return utf8(body, filename);
    }
    let error = match String::from_utf8(body.to_vec()) {
        Ok(text) => return Ok(text),
        Err(error) => error.utf8_error(),
    };
    let at = error.valid_up_to();
    let reason = match (error.error_len(), body[at]) {
        (None, _) => "unexpected end of data",
        (Some(_), 0x80..=0xc1 | 0xf5..) => "invalid start byte",
        (Some(_), _) => "invalid continuation byte",
    };
    let last = at + error.error_len().unwrap_or(body.len() - at) - 1;
    let place = if last == at {
        format!("byte 0x{:02x} in position {at}", body[at])
    } else {
        format!("bytes in position {at}-{last}")
    };
    Err(bad_bytes(format!("'utf-8' codec can't decode {place}: {reason}")))
}

fn placed(message: String, line: u32, col: i32, end_col: i32, text: String) -> SyntaxError {
    let mut error = SyntaxError::bare(ErrorKind::Syntax, message);
    (error.line, error.col) = (line, Some(col));
    (error.end_line, error.end_col) = (Some(line), Some(end_col));
    error.text = Some(text);
    error
}

/// An error of the codec: CPython gives it line 0 and column -1.
fn bad_bytes(message: String) -> SyntaxError {
    let mut error = SyntaxError::bare(ErrorKind::Syntax, message);
    error.col = Some(-1);
    error
}
