//! Stack: the frames of a traceback as text, with their source lines.

use super::carets::{Segment, length, points};
use crate::import::files::read_source;
use crate::text as words;
use rustc_hash::FxHashMap;
use typhon_interp::frame_object::FrameObject;
use typhon_interp::traceback::{Traceback, line_of};
use typhon_isa::{Code, Const, Position};
use typhon_object::error::Res;
use typhon_object::list::List;
use typhon_object::strs;
use typhon_object::ty::TypeObject;
use typhon_object::{Thread, Value};

/// So many times the same line is shown, then counted.
const REPEATED: u32 = 3;

/// What ends a line of a str, but not of a file.
const BREAKS: [char; 8] = ['\u{b}', '\u{c}', '\u{1c}', '\u{1d}', '\u{1e}', '\u{85}', '\u{2028}', '\u{2029}'];

/// Source lines, by file.
#[derive(Default)]
pub(super) struct Sources(FxHashMap<String, Vec<String>>);

/// The frames of a traceback. `None` if one of them is better shown by the library's module.
pub(super) fn text(t: &Thread, tb: &Value, sources: &mut Sources) -> Res<Option<String>> {
    let (mut out, mut at) = (String::new(), tb.clone());
    let mut last: Option<(String, i64, String)> = None;
    let mut count = 0;
    while let Some(entry) = at.downcast::<Traceback>() {
        t.poll()?;
        let frame = entry.frame(t)?;
        let Some(f) = frame.downcast::<FrameObject>() else { return Ok(None) };
        let code = &f.unit.code;
        let position = match u32::try_from(entry.lasti.get() / 8) {
            Ok(offset) if entry.lasti.get() >= 0 => code.position(offset),
            _ => Position::default(),
        };
        let line = if position.line == 0 { line_of(entry) } else { i64::from(position.line) };
        let here = (code.filename.to_string(), line, code.name.to_string());
        if last.as_ref() != Some(&here) {
            out += &repeated(count);
            last = Some(here);
            count = 0;
        }
        count += 1;
        if count <= REPEATED {
            let Some(shown) = frame_text(t, f, line, position, sources)? else { return Ok(None) };
            out += &shown;
        }
        let next = entry.next.get();
        at = next;
    }
    Ok(Some(out + &repeated(count)))
}

fn repeated(count: u32) -> String {
    match count.saturating_sub(REPEATED) {
        0 => String::new(),
        1 => "  [Previous line repeated 1 more time]\n".to_owned(),
        more => format!("  [Previous line repeated {more} more times]\n"),
    }
}

fn frame_text(t: &Thread, f: &FrameObject, line: i64, p: Position, sources: &mut Sources) -> Res<Option<String>> {
    let code = &f.unit.code;
    let file: &str = &code.filename;
    let shown = if file.starts_with("<stdin-") && file.ends_with('>') { "<stdin>" } else { file };
    let line_text = if line == 0 { "None".to_owned() } else { line.to_string() };
    let head = format!("  File \"{shown}\", line {line_text}, in {}\n", code.name);
    let last = if p.line == 0 { line } else { i64::from(p.end_line) };
    let Some(lines) = sources.lines(t, f, line, last)? else { return Ok(None) };
    if lines.iter().any(|line| line.contains(BREAKS)) {
        return Ok(None);
    }
    let Some(first) = lines.first().filter(|_| lines.iter().any(|line| !line.trim().is_empty())) else {
        return Ok(Some(head));
    };
    if p.line == 0 {
        return Ok(Some(head + &indented([first.trim()].into_iter())));
    }
    let last = lines.last().unwrap_or(first);
    let margin = margin(&lines);
    let start = points(first, p.col as usize).saturating_sub(margin);
    let end = points(last, p.end_col as usize).saturating_sub(margin);
    let segment = Segment { lines: lines.iter().map(|line| cut(line, margin)).collect(), start, end };
    let Some(shown) = segment.show() else { return Ok(Some(head)) };
    let margin = self::margin(&shown);
    Ok(Some(head + &indented(shown.iter().map(|line| cut(line, margin)))))
}

fn indented<S: AsRef<str>>(lines: impl Iterator<Item = S>) -> String {
    lines.map(|line| format!("    {}\n", line.as_ref())).collect()
}

/// How many blanks all lines that are not blank begin with.
fn margin(lines: &[String]) -> usize {
    let mut lines = lines.iter().filter(|line| !line.trim().is_empty());
    let Some(first) = lines.next() else { return 0 };
    let common = |n: usize, line: &String| first.chars().zip(line.chars()).take(n).take_while(|(a, b)| a == b).count();
    let blank = first.chars().take_while(|c| matches!(c, ' ' | '\t')).count();
    lines.fold(blank, common)
}

/// A line without so many of its first characters; nothing of a blank one.
fn cut(line: &str, margin: usize) -> String {
    if line.trim().is_empty() { String::new() } else { line.chars().skip(margin.min(length(line))).collect() }
}

impl Sources {
    /// Lines `first..=last` of a frame's source, without what is blank at their ends; empty where there are none. `None` if
    /// only a loader of the program's own may know.
    fn lines(&mut self, t: &Thread, f: &FrameObject, first: i64, last: i64) -> Res<Option<Vec<String>>> {
        let code = &f.unit.code;
        let file = code.filename.to_string();
        if file.starts_with("<frozen ") {
            return Ok(None);
        }
        if !self.0.contains_key(&file) {
            let Some(found) = find(t, f, &file)? else { return Ok(None) };
            self.0.insert(file.clone(), found);
        }
        let known = &self.0[&file];
        let kept = if file.starts_with('<') { super::kept_lines(t, code) } else { Vec::new() };
        let line = |lines: &[String], n: i64| {
            let line = usize::try_from(n).ok().and_then(|n| lines.get(n.checked_sub(1)?));
            line.map_or("", |line| line.trim_end()).to_owned()
        };
        let found = |n: i64| Some(line(known, n)).filter(|line| !line.is_empty()).unwrap_or_else(|| line(&kept, n));
        // A place that runs backwards has no lines.
        Ok(Some((first..=last.min(first.saturating_add(1 << 16))).map(found).collect()))
    }
}

/// The lines of a file, as `linecache` looks for them.
fn find(t: &Thread, f: &FrameObject, file: &str) -> Res<Option<Vec<String>>> {
    if file.is_empty() || (file.starts_with('<') && file.ends_with('>')) {
        return Ok(Some(Vec::new()));
    }
    if let Some(text) = read_source(t, file) {
        return Ok(Some(split(&text)));
    }
    let globals = f.globals();
    let get = |key: &str| words::get(t, &globals, key).filter(|v| !v.is_none());
    // The importer of built-in modules has no source to give.
    let silent = |v: &Value| v.downcast::<TypeObject>().is_some_and(|ty| ty.name() == "BuiltinImporter");
    if get("__spec__").is_some() || get("__loader__").is_some_and(|loader| !silent(&loader)) {
        return Ok(None);
    }
    if file.starts_with('/') {
        return Ok(Some(Vec::new()));
    }
    let path = words::loaded(t, "sys").and_then(|sys| words::entry(t, &sys, "path")).unwrap_or(Value::NONE);
    let folders = path.downcast::<List>().map(List::to_vec).unwrap_or_default();
    let found = folders.iter().filter(|v| v.downcast::<strs::Str>().is_some()).find_map(|folder| {
        let folder = strs::display(folder);
        read_source(t, std::path::Path::new(&folder).join(file).to_str()?)
    });
    Ok(Some(found.map_or_else(Vec::new, |text| split(&text))))
}

/// The lines of a file's text.
pub(super) fn split(text: &str) -> Vec<String> {
    text.replace("\r\n", "\n").replace('\r', "\n").split('\n').map(str::to_owned).collect()
}

/// Whether `code` is `wanted`, or has a part that looks the same: of that name, at that line.
pub(super) fn has_part(code: &Code, wanted: &Code) -> bool {
    let mut left = vec![code];
    while let Some(code) = left.pop() {
        if code.qualname == wanted.qualname && code.first_line == wanted.first_line && code.filename == wanted.filename
        {
            return true;
        }
        left.extend(code.consts.iter().filter_map(|c| if let Const::Code(code) = c { Some(&**code) } else { None }));
    }
    false
}
