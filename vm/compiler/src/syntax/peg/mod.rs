//! The diagnoser: why CPython refuses a source, in its words and at its place.
//!
//! It runs after ruff's parser has refused a source (or where ruff accepts too much): speed does not matter, being
//! right does. So it does what CPython does: a first pass over the grammar finds the farthest token, a second pass
//! tries the refusing rules as well, and an error of the scanner later in the text may take precedence.

mod load;
mod machine;
mod refuse;

use crate::error::{ErrorKind, SyntaxError};
use crate::mode::{Mode, Options, flag};
use crate::syntax::lex::{Done, ScanOptions, Scanner, kind};
use load::GRAMMAR;
use machine::Machine;

/// What the diagnoser finds.
pub enum Verdict {
    /// The grammar accepts the source.
    Accepted,
    /// CPython refuses it so.
    Refused(Box<SyntaxError>),
    /// The source is too big to say.
    Unknown,
}

/// Where to begin in a big source: everything above is known to be good.
#[derive(Clone, Copy, Default, Debug)]
pub struct Start {
    /// First byte of a line that begins a statement outside all blocks.
    pub offset: usize,
    /// Line and byte column of the last compound statement above.
    pub last_compound: (u32, u32),
}

/// Diagnoses `source`, whose line ends are `\n`.
pub fn diagnose(source: &str, options: &Options, start: Start) -> Verdict {
    let mut text = source.as_bytes().to_vec();
    if options.mode == Mode::Exec && !text.ends_with(b"\n") {
        text.push(b'\n');
    }
    let scan = ScanOptions { extra_tokens: false, type_comments: options.flags & flag::TYPE_COMMENTS != 0 };
    let mut scanner = Scanner::new(text, scan);
    let above = source.as_bytes().get(..start.offset).unwrap_or(&[]);
    scanner.skip_to(above.len(), above.iter().filter(|&&b| b == b'\n').count() as u32);
    let mut machine = Machine::new(&GRAMMAR, scanner, options.mode);
    machine.last_compound = start.last_compound;
    machine.int_max_digits = options.int_max_digits;
    machine.dont_imply_dedent = options.flags & flag::DONT_IMPLY_DEDENT != 0;
    machine.barry = options.flags & flag::FUTURE_BARRY != 0;
    if machine.run() {
        return machine.after_acceptance();
    }
    if machine.exhausted {
        return Verdict::Unknown;
    }
    let incomplete = options.flags & flag::ALLOW_INCOMPLETE_INPUT != 0 && machine.at_end_of_text();
    machine.second_pass(incomplete);
    match machine.error.take() {
        Some(mut error) => {
            if !error.incomplete && error.kind != ErrorKind::Memory {
                let (line, col) = machine.last_compound;
                let text = String::from_utf8_lossy(machine.scanner.source()).into_owned();
                error.metadata = Some((line, col, text));
            }
            Verdict::Refused(Box::new(error))
        }
        None => Verdict::Unknown,
    }
}

impl Machine<'_> {
    /// An interactive statement must be the only one.
    fn after_acceptance(&mut self) -> Verdict {
        if self.mode != Mode::Single {
            return Verdict::Accepted;
        }
        let rest = self.scanner.source().get(self.scanner.cur..).unwrap_or(&[]);
        let more = rest.split(|&b| b == b'\n').any(|line| {
            let line = line.trim_ascii_start();
            !line.is_empty() && !line.starts_with(b"#")
        });
        if !more {
            return Verdict::Accepted;
        }
        self.raise_newest(ErrorKind::Syntax, "multiple statements found while compiling a single statement");
        match self.error.take() {
            Some(error) => Verdict::Refused(Box::new(error)),
            None => Verdict::Unknown,
        }
    }

    fn second_pass(&mut self, incomplete: bool) {
        if incomplete {
            self.error = None;
            self.raise_newest(ErrorKind::Syntax, "incomplete input");
            if let Some(error) = &mut self.error {
                error.incomplete = true;
            }
            return;
        }
        let Some(at) = self.tokens.len().checked_sub(1) else { return };
        let last = self.tokens[at];
        if self.error.is_none() {
            self.refusing = true;
            self.run();
            if self.exhausted {
                return;
            }
        }
        if self.error.is_some() {
            if self.scanner.done == Done::Ok {
                self.check_rest();
            }
            return;
        }
        match last.kind {
            kind::ERRORTOKEN if self.scanner.done == Done::Eof => self.scan_error(),
            kind::INDENT => self.raise_newest(ErrorKind::Indentation, "unexpected indent"),
            kind::DEDENT => self.raise_newest(ErrorKind::Indentation, "unexpected unindent"),
            _ => {
                self.raise_generic(at);
                self.check_rest();
            }
        }
    }

    /// An error of the scanner in the rest of the text takes precedence over the parser's.
    fn check_rest(&mut self) {
        if self.error.as_ref().is_some_and(|e| e.kind == ErrorKind::Memory) {
            return;
        }
        let Some(newest_line) = self.tokens.last().map(|t| t.line) else { return };
        loop {
            match self.scanner.next(&mut || None).kind {
                kind::ERRORTOKEN => break,
                kind::ENDMARKER => return,
                _ => {}
            }
        }
        // What goes wrong later inside an f-string must not hide the error in its expression.
        if self.scanner.inside_quoted() {
            return;
        }
        if let Some(error) = self.take_scan_error() {
            self.error = Some(error);
        } else if let Some((_, line, _)) = self.scanner.open_bracket()
            && newest_line > line
        {
            self.raise_unclosed();
        }
    }
}
