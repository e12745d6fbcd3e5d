//! Syntax errors: the refused line, and what is wrong with it.

use typhon_object::error::Res;
use typhon_object::strs::{self, Str};
use typhon_object::types::int;
use typhon_object::{Thread, Value, attr, ops};

/// What a SyntaxError says of itself.
struct Said {
    file: Option<String>,
    line: Option<i64>,
    end_line: Option<i64>,
    offset: Option<i64>,
    end_offset: Option<i64>,
    text: Option<String>,
    message: String,
}

/// A field that has to be None or of one kind; the outer `None` if it is neither.
fn field<R>(t: &Thread, e: &Value, name: &str, read: impl FnOnce(&Value) -> Option<R>) -> Res<Option<Option<R>>> {
    let v = attr::get_text(t, e, name)?;
    Ok(if v.is_none() { Some(None) } else { read(&v).map(Some) })
}

fn said(t: &Thread, e: &Value) -> Res<Option<Said>> {
    let text = |name: &str| field(t, e, name, |v| v.exact::<Str>().map(|_| strs::display(v)));
    let number = |name: &str| field(t, e, name, |v| if v.is_bool() { None } else { int::to_i64(v) });
    let (Some(file), Some(source), Some(Some(message))) = (text("filename")?, text("text")?, text("msg")?) else {
        return Ok(None);
    };
    let (Some(line), Some(end_line)) = (number("lineno")?, number("end_lineno")?) else { return Ok(None) };
    let (Some(offset), Some(end_offset)) = (number("offset")?, number("end_offset")?) else { return Ok(None) };
    Ok(Some(Said { file, line, end_line, offset, end_offset, text: source, message }))
}

/// The lines of a SyntaxError of this class. `None` where the library's module looks for a misspelt keyword, or at fields
/// of other types than the parser gives them.
pub(super) fn text(t: &Thread, e: &Value, class: &str) -> Res<Option<String>> {
    let Some(said) = said(t, e)? else { return Ok(None) };
    let vague = said.message == "invalid syntax" || said.message.contains("Perhaps you forgot a comma");
    if vague && said.text.is_some() && ops::truth(t, &attr::get_text(t, e, "_metadata")?)? {
        return Ok(None);
    }
    let mut out = String::new();
    let mut place = String::new();
    match (said.line, &said.file) {
        (Some(line), file) => {
            let file = file.as_deref().filter(|file| !file.is_empty()).unwrap_or("<string>");
            out += &format!("  File \"{file}\", line {line}\n");
        }
        (None, Some(file)) => place = format!(" ({file})"),
        (None, None) => {}
    }
    if let Some(text) = &said.text {
        out += &said.marked(text);
    }
    let message = if said.message.is_empty() { "<no detail available>" } else { &said.message };
    Ok(Some(out + &format!("{class}: {message}{place}\n")))
}

impl Said {
    /// The source line without its indentation, and carets under what is meant.
    fn marked(&self, text: &str) -> String {
        let whole = text.trim_end_matches('\n');
        let line: Vec<char> = whole.trim_start_matches([' ', '\n', '\u{c}']).chars().collect();
        let count = |text: &str| i64::try_from(text.chars().count()).unwrap_or(i64::MAX - 1);
        let shown = format!("    {}\n", line.iter().collect::<String>());
        let Some(mut offset) = self.offset else { return shown };
        let behind = count(whole) + 1;
        let mut end =
            if self.line == self.end_line { self.end_offset.filter(|&n| n != 0).unwrap_or(offset) } else { behind };
        if !text.is_empty() {
            offset = if offset > count(text) { behind } else { offset };
            end = if end > count(text) { behind } else { end };
        }
        if offset >= end || end < 0 {
            end = offset + 1;
        }
        let blanks = count(whole) - line.len() as i64;
        let Ok(from) = usize::try_from(offset - 1 - blanks) else { return shown };
        // White space stays what it is, so that the carets stand where they belong.
        let space: String = line.iter().take(from).map(|&c| if c.is_whitespace() { c } else { ' ' }).collect();
        let carets = "^".repeat(usize::try_from(end - offset).unwrap_or_default());
        format!("{shown}    {space}{carets}\n")
    }
}
