//! The journal as a page to be looked at in a browser: one file, which asks nobody for anything.

use super::{Fate, Journal, Note, SHOWN};
use crate::abort::Reason;
use crate::executor::Executor;
use crate::lower::Exit;
use std::fmt::{self, Display, Formatter};

const HEAD: &str = include_str!("page_head.html");
const TAIL: &str = include_str!("page_tail.html");

/// The page, under a title.
pub struct Page<'j> {
    pub(super) journal: &'j Journal,
    pub(super) title: &'j str,
}

/// Text between tags or in an attribute: names and code are a program's to choose.
struct Plain<T>(T);

impl<T: Display> Display for Plain<T> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        fmt::write(&mut Escaping(f), format_args!("{}", self.0))
    }
}

/// Writes what means something in HTML as what shows it.
struct Escaping<'w, 'f>(&'w mut Formatter<'f>);

impl fmt::Write for Escaping<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for part in text.split_inclusive(['&', '<', '>', '"']) {
            let shown = match part.as_bytes().last() {
                Some(b'&') => "&amp;",
                Some(b'<') => "&lt;",
                Some(b'>') => "&gt;",
                Some(b'"') => "&quot;",
                _ => {
                    self.0.write_str(part)?;
                    continue;
                }
            };
            self.0.write_str(&part[..part.len() - 1])?;
            self.0.write_str(shown)?;
        }
        Ok(())
    }
}

impl Display for Page<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let notes = &self.journal.notes.lock().all;
        let title = Plain(self.title);
        write!(f, "{HEAD}<title>{title}</title>\n<h1>{title}</h1>\n")?;
        summary(f, notes)?;
        for (number, note) in notes.iter().enumerate() {
            show(f, notes, number, note)?;
        }
        let (all, most) = self.journal.most_left();
        writeln!(f, "<h2>The interpreter went on {all} times</h2>")?;
        writeln!(f, "<table id=\"left\"><tr><th>times</th><th>at, most often</th></tr>")?;
        for (at, count) in most.iter().take(SHOWN) {
            writeln!(f, "<tr><td>{count}</td><td>{}</td></tr>", Plain(at))?;
        }
        write!(f, "</table>\n{TAIL}")
    }
}

fn summary(f: &mut Formatter<'_>, notes: &[Note]) -> fmt::Result {
    let reasons: Vec<Reason> = notes.iter().filter_map(Note::given_up).collect();
    writeln!(f, "<p id=\"summary\">{} compiled, {} given up</p>", notes.len() - reasons.len(), reasons.len())?;
    writeln!(f, "<table id=\"reasons\">")?;
    for reason in Reason::ALL {
        let count = reasons.iter().filter(|other| *other == reason).count();
        if count > 0 {
            let (text, doc) = (reason.text(), Plain(reason.doc()));
            writeln!(f, "<tr><td>{count}</td><td>{text}</td><td>{doc}</td></tr>")?;
        }
    }
    writeln!(f, "</table>")
}

fn show(f: &mut Formatter<'_>, notes: &[Note], number: usize, note: &Note) -> fmt::Result {
    let (what, function) = (note.what(), Plain(&note.function));
    write!(
        f,
        "<details class=\"note {what}\" id=\"n{number}\"><summary><b>{number}</b> {what} in <i>{function}</i>, "
    )?;
    write!(f, "line {}, offset {}: ", note.line, note.offset)?;
    match &note.fate {
        Fate::GivenUp(abort) => {
            write!(
                f,
                "<span class=\"no\">given up: {}</span></summary>\n<p>{} ",
                abort.reason.text(),
                abort.reason.doc()
            )?;
            write!(f, "At offset {}", abort.offset)?;
            abort.opcode.map_or(Ok(()), |op| write!(f, ", {op:?}"))?;
            writeln!(f, ".</p></details>")
        }
        Fate::Compiled { before, variant } => {
            let executor = &variant.executor;
            let (bytes, exits) = (executor.code().len(), executor.exits().len());
            writeln!(f, "{bytes} bytes, {exits} exits</summary>")?;
            writeln!(f, "<p>Wants {}</p>", Plain(format_args!("{:?}", variant.live_in)))?;
            fold(f, "recorded", "", before)?;
            fold(f, "optimized", " open", &executor.tree.trunk)?;
            for limb in &executor.tree.limbs {
                fold(f, &format!("limb of part {} at exit {}", limb.parent, limb.exit.0), "", &limb.trace)?;
            }
            if !note.opaque.is_empty() {
                writeln!(f, "<p>Carried out by the interpreter: {}</p>", Plain(format_args!("{:?}", note.opaque)))?;
            }
            table(f, notes, note, executor)?;
            fold(f, "machine code", "", executor.listing.as_deref().unwrap_or_default())?;
            writeln!(f, "</details>")
        }
    }
}

/// Text that is folded away, unless it is `open`.
fn fold(f: &mut Formatter<'_>, what: &str, open: &str, text: impl Display) -> fmt::Result {
    writeln!(f, "<details{open}><summary>{what}</summary><pre>{}</pre></details>", Plain(text))
}

fn table(f: &mut Formatter<'_>, notes: &[Note], note: &Note, executor: &Executor) -> fmt::Result {
    writeln!(
        f,
        "<table class=\"exits\"><tr><th>exit</th><th>at</th><th>its frames</th><th>values</th><th>goes on in</th></tr>"
    )?;
    for (number, exit) in executor.exits().iter().enumerate() {
        let how = if exit.settles { "written" } else { "rebuilt" };
        write!(f, "<tr><td>{number}</td><td>")?;
        for place in &executor.snap(exit).frames {
            write!(f, "{}:{} ", place.code, place.offset)?;
        }
        write!(f, "</td><td>{how}</td><td>{}</td><td>", exit.values.len())?;
        for (next, other) in notes.iter().enumerate().filter(|(_, other)| goes_on(note, exit, other)) {
            write!(f, "<a href=\"#n{next}\">{} {next}</a> ", other.what())?;
        }
        writeln!(f, "</td></tr>")?;
    }
    writeln!(f, "</table>")
}

/// Whether an exit of one trace may go on in another: it begins where the exit leaves the frames.
fn goes_on(note: &Note, exit: &Exit, other: &Note) -> bool {
    // Who has left the frame that entered goes on in other code, where places have the same numbers.
    let stays = exit.goes_to().is_some();
    stays && other.given_up().is_none() && other.code == note.code && other.start == exit.place
}
