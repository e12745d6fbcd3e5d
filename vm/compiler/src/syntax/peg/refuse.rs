//! Refusals: their text and their place, as CPython's parser gives them.

use super::load::{Kind, Place, Targets};
use super::machine::{Machine, NodeId};
use crate::error::{ErrorKind, SyntaxError};
use crate::syntax::lex::{Done, Token, kind};
use crate::syntax::literal;

/// An end that a refusal may have: a byte column from 1 (0 and -1 mean none), or the cursor.
#[derive(Clone, Copy)]
enum End {
    At(u32, i32),
    Cursor,
}

impl Machine<'_> {
    /// Makes a refusal; columns are byte columns from 1.
    fn raise(&mut self, class: ErrorKind, line: u32, col: i32, end: End, message: String) {
        let (end_line, end_col) = match end {
            End::At(line, col) => (line, col),
            End::Cursor => (self.scanner.line, self.scanner.cur as i32 - self.scanner.line_start as i32),
        };
        let text = self.error_text(line);
        let col = chars_until(&text, col);
        let end_col = if end_col > 0 { chars_until(&text, end_col) } else { end_col };
        self.error = Some(SyntaxError {
            kind: class,
            message,
            line,
            col: Some(col),
            end_line: Some(end_line),
            end_col: Some(end_col),
            text: Some(text),
            incomplete: false,
            metadata: None,
            warnings: Vec::new(),
        });
    }

    /// The text that goes with an error on a line: what the scanner holds when it is there, else that line.
    fn error_text(&self, line: u32) -> String {
        let scanner = &self.scanner;
        let bytes = if scanner.line <= line && scanner.inp > scanner.buf {
            scanner.bytes(scanner.line_start, scanner.inp)
        } else {
            let index = (line.max(1) as usize - 1).min(self.line_starts.len() - 1);
            let start = self.line_starts[index];
            let rest = &scanner.source()[start..];
            rest.split(|&b| b == b'\n').next().unwrap_or(rest)
        };
        String::from_utf8_lossy(bytes).into_owned()
    }

    fn raise_token(&mut self, class: ErrorKind, token: Token, message: String) {
        let col = if token.col == -1 {
            if self.scanner.cur == self.scanner.buf {
                0
            } else {
                self.scanner.cur as i32 - self.scanner.line_start as i32
            }
        } else {
            token.col + 1
        };
        let end_col = if token.end_col == -1 { -1 } else { token.end_col + 1 };
        self.raise(class, token.line, col, End::At(token.end_line, end_col), message);
    }

    /// A refusal at the newest token.
    pub(super) fn raise_newest(&mut self, class: ErrorKind, message: impl Into<String>) {
        if let Some(&token) = self.tokens.last() {
            self.raise_token(class, token, message.into());
        }
    }

    fn raise_range(&mut self, a: NodeId, b: NodeId, message: impl Into<String>) {
        let (first, last) = (self.first_token(a), self.last_token(b));
        let end = End::At(last.end_line, last.end_col + 1);
        self.raise(ErrorKind::Syntax, first.line, first.col + 1, end, message.into());
    }

    /// "invalid syntax" at a token, the farthest that the first pass came to.
    pub(super) fn raise_generic(&mut self, at: usize) {
        let token = self.tokens[at];
        let end = End::At(token.end_line, token.end_col + 1);
        self.raise(ErrorKind::Syntax, token.line, token.col + 1, end, "invalid syntax".to_owned());
    }

    fn first_token(&self, id: NodeId) -> Token {
        self.tokens[self.node(id).first as usize]
    }

    fn last_token(&self, id: NodeId) -> Token {
        self.tokens[self.node(id).last as usize]
    }

    fn text(&self, id: NodeId) -> String {
        String::from_utf8_lossy(self.token_text(self.first_token(id))).into_owned()
    }

    /// The refusal of a source that nests too deep.
    pub(super) fn too_complex(&mut self) {
        let message = "Parser stack overflowed - Python source too complex to parse";
        self.error = Some(SyntaxError::bare(ErrorKind::Memory, message));
    }

    /// `'(' was never closed`.
    pub(super) fn raise_unclosed(&mut self) {
        if let Some((open, line, col)) = self.scanner.open_bracket() {
            let message = format!("'{open}' was never closed");
            self.raise(ErrorKind::Syntax, line, col + 1, End::At(line, 0), message);
        }
    }

    /// Turns the scanner's failure into a refusal.
    pub(super) fn scan_error(&mut self) {
        if let Some(error) = self.take_scan_error() {
            self.error = Some(error);
            return;
        }
        let at_line = |m: &mut Self, class, col, message: &str| {
            let line = m.scanner.line;
            m.raise(class, line, col, End::At(line, 0), message.to_owned());
        };
        match self.scanner.done {
            Done::Dedent => {
                let message = "unindent does not match any outer indentation level";
                self.raise_newest(ErrorKind::Indentation, message);
            }
            Done::TabSpace => {
                at_line(self, ErrorKind::Tab, 1, "inconsistent use of tabs and spaces in indentation");
            }
            Done::TooDeep => at_line(self, ErrorKind::Indentation, 1, "too many levels of indentation"),
            Done::LineCont => {
                let col = self.scanner.cur as i32 - self.scanner.buf as i32;
                at_line(self, ErrorKind::Syntax, col, "unexpected character after line continuation character");
            }
            _ if self.scanner.open_bracket().is_some() => self.raise_unclosed(),
            _ => self.raise_newest(ErrorKind::Syntax, "unexpected EOF while parsing"),
        }
    }

    /// The scanner's own error.
    pub(super) fn take_scan_error(&mut self) -> Option<SyntaxError> {
        let error = self.scanner.error.take()?;
        Some(SyntaxError {
            kind: ErrorKind::Syntax,
            message: error.message,
            line: error.line,
            col: Some(error.col),
            end_line: Some(error.line),
            end_col: Some(error.end_col),
            text: Some(error.text),
            incomplete: false,
            metadata: None,
            warnings: Vec::new(),
        })
    }

    /// A refusal that the grammar states.
    pub(super) fn refuse(&mut self, place: Place, nodes: &[NodeId], message: &str) {
        let message = self.fill_message(nodes, message);
        match (place, nodes) {
            (Place::Newest, _) => self.raise_newest(ErrorKind::Syntax, message),
            (Place::NewestIndent, _) => self.raise_newest(ErrorKind::Indentation, message),
            (Place::Next, _) => {
                if self.fill() {
                    let token = self.tokens[self.mark];
                    self.raise_token(ErrorKind::Syntax, token, message);
                }
            }
            (Place::At, &[a, ..]) => self.raise_range(a, a, message),
            (Place::From, &[a, ..]) => {
                let token = self.first_token(a);
                self.raise(ErrorKind::Syntax, token.line, token.col + 1, End::Cursor, message);
            }
            (Place::Range, &[a, b, ..]) => self.raise_range(a, b, message),
            (Place::At | Place::From | Place::Range, _) => self.raise_newest(ErrorKind::Syntax, message),
        }
    }

    /// Fills in `{name a}` and the like: the last node is the one a message speaks of.
    fn fill_message(&self, nodes: &[NodeId], message: &str) -> String {
        let (Some((head, rest)), Some(&node)) = (message.split_once('{'), nodes.last()) else {
            return message.to_owned();
        };
        let Some((what, tail)) = rest.split_once('}') else { return message.to_owned() };
        let filled = match what.split(' ').next() {
            Some("name") => self.expression_name(node).to_owned(),
            Some("line") => self.first_token(node).line.to_string(),
            Some("text") => self.text(node),
            _ => return message.to_owned(),
        };
        format!("{head}{filled}{tail}")
    }

    /// A token that must come did not.
    pub(super) fn refuse_demand(&mut self, text: &str) {
        let token = self.tokens[self.mark];
        let end = End::At(token.end_line, token.end_col + 1);
        self.raise(ErrorKind::Syntax, token.line, token.col + 1, end, format!("expected '{text}'"));
    }

    /// What an expression is called in a refusal.
    fn expression_name(&self, id: NodeId) -> &'static str {
        match self.node(id).kind {
            Kind::Attribute => "attribute",
            Kind::Subscript => "subscript",
            Kind::Starred => "starred",
            Kind::Name => "name",
            Kind::List => "list",
            Kind::Tuple => "tuple",
            Kind::Lambda => "lambda",
            Kind::Call => "function call",
            Kind::GeneratorExp => "generator expression",
            Kind::Yield => "yield expression",
            Kind::Await => "await expression",
            Kind::ListComp => "list comprehension",
            Kind::SetComp => "set comprehension",
            Kind::DictComp => "dict comprehension",
            Kind::Dict => "dict literal",
            Kind::Set => "set display",
            Kind::JoinedStr => "f-string expression",
            Kind::TemplateStr => "t-string expression",
            Kind::None => "None",
            Kind::True => "True",
            Kind::False => "False",
            Kind::Ellipsis => "ellipsis",
            Kind::Number | Kind::Literal | Kind::Bytes => "literal",
            Kind::Compare => "comparison",
            Kind::IfExp => "conditional expression",
            Kind::NamedExpr => "named expression",
            _ => "expression",
        }
    }

    /// Refuses the first thing in a target list that cannot be one.
    pub(super) fn refuse_target(&mut self, which: Targets, id: NodeId) {
        if let Some(bad) = self.bad_target(which, id) {
            let verb = if which == Targets::Del { "delete" } else { "assign to" };
            let message = format!("cannot {verb} {}", self.expression_name(bad));
            self.raise_range(bad, bad, message);
        }
    }

    fn bad_target(&self, which: Targets, id: NodeId) -> Option<NodeId> {
        let first = |m: &Self| m.kids(id).first().copied();
        match self.node(id).kind {
            Kind::List | Kind::Tuple => self.kids(id).iter().find_map(|&kid| self.bad_target(which, kid)),
            Kind::Starred if which == Targets::Del => Some(id),
            Kind::Starred => self.bad_target(which, first(self)?),
            Kind::Compare if which == Targets::For => {
                let is_in = self.kids(id).get(1).is_some_and(|&pair| self.node(pair).kind == Kind::InPair);
                if is_in { self.bad_target(which, first(self)?) } else { None }
            }
            Kind::Name | Kind::Subscript | Kind::Attribute => None,
            _ => Some(id),
        }
    }

    /// The rules that are more than a text at a place.
    pub(super) fn special(&mut self, name: &str, nodes: &[NodeId], text: &str, start: usize) -> Option<NodeId> {
        let a = nodes.first().copied().unwrap_or(0);
        let b = nodes.get(1).copied().unwrap_or(0);
        match name {
            "compound" => {
                if !self.refusing {
                    let token = self.first_token(a);
                    self.last_compound = (token.line, token.col.max(0) as u32);
                }
                return Some(a);
            }
            "future" => return self.future_import(a, b, start),
            "barry" => {
                let joined = self.first_token(a).end == self.first_token(b).start;
                return (self.barry && joined).then_some(a);
            }
            "not_equal" => return self.not_equal(a),
            "real" | "imaginary" => return self.complex_part(a, name),
            "string" => return self.string_literal(a, start),
            "concat" => return self.concatenate(a, start),
            "joined" => return self.joined(a, b, start),
            "spec_text" => return self.quoted_text_checked(a, false).then_some(a),
            "conversion" => return self.conversion(a, b),
            "loose_genexp" => {
                let positional =
                    self.kids(a).iter().filter(|&&k| !matches!(self.node(k).kind, Kind::Keyword | Kind::DoubleStar));
                let last = positional.clone().next_back().copied();
                let count = positional.count();
                if let (2.., Some(last)) = (count, last) {
                    self.raise_range(last, b, "Generator expression must be parenthesized");
                }
            }
            "positional_after" => {
                let unpacks = self.kids(a).iter().any(|&k| self.node(k).kind == Kind::DoubleStar);
                let what = if unpacks { " unpacking" } else { "" };
                self.raise_newest(ErrorKind::Syntax, format!("positional argument follows keyword argument{what}"));
            }
            "legacy" if self.is_legacy(a) => {
                let name = self.text(a);
                let message = format!("Missing parentheses in call to '{name}'. Did you mean {name}(...)?");
                self.raise_range(a, b, message);
            }
            "missing_comma" => {
                let bare = self.mark.checked_sub(1).is_none_or(|at| self.tokens[at].level == 0);
                if !bare && !self.is_legacy(a) {
                    self.raise_range(a, b, "invalid syntax. Perhaps you forgot a comma?");
                }
            }
            "inside_string" => {
                if let (Some(&first), Some(&last)) = (self.kids(a).first(), self.kids(a).last()) {
                    self.raise_range(first, last, "invalid syntax. Is this intended to be part of the string?");
                }
            }
            "unequal" if !self.barry && self.first_token(a).end == self.first_token(b).start => {
                self.raise_range(a, b, "invalid syntax.  Maybe you meant '!=' instead of '<>'?");
            }
            "bound" => {
                let what = if self.node(b).kind == Kind::Tuple { "constraints" } else { "bound" };
                let token = self.first_token(a);
                let message = format!("cannot use {what} with {text}");
                self.raise(ErrorKind::Syntax, token.line, token.col + 1, End::Cursor, message);
            }
            "no_colon" => {
                let (line, last) = (self.first_token(a).line, self.last_token(a));
                let end = End::At(last.end_line, 0);
                self.raise(ErrorKind::Syntax, line, last.end_col, end, "':' expected after dictionary key".to_owned());
            }
            "mixed" => {
                let last = self.kids(a).last().copied().unwrap_or(a);
                self.raise_range(last, b, "cannot mix t-string literals with string or bytes literals");
            }
            _ => {}
        }
        None
    }

    fn is_legacy(&self, id: NodeId) -> bool {
        self.node(id).kind == Kind::Name && matches!(self.text(id).as_str(), "print" | "exec")
    }

    fn future_import(&mut self, module: NodeId, names: NodeId, start: usize) -> Option<NodeId> {
        let relative = self.node(module).first as usize != start + 1;
        let first = self.node(names).first as usize;
        if !relative && self.text(module) == "__future__" {
            let mut tokens = self.tokens[first..self.mark].iter();
            self.barry |= tokens.any(|&t| self.token_text(t) == b"barry_as_FLUFL");
        }
        Some(self.node_from(Kind::Stmt, start, &[]))
    }

    fn not_equal(&mut self, a: NodeId) -> Option<NodeId> {
        if self.barry {
            self.raise_newest(ErrorKind::Syntax, "with Barry as BDFL, use '<>' instead of '!='");
            return None;
        }
        Some(a)
    }

    fn complex_part(&mut self, a: NodeId, want: &str) -> Option<NodeId> {
        let imaginary = self.text(a).ends_with(['j', 'J']);
        if imaginary == (want == "imaginary") {
            return Some(a);
        }
        self.raise_range(a, a, format!("{want} number required in complex literal"));
        None
    }

    /// Refuses an int literal with too many digits.
    pub(super) fn check_number(&mut self, at: u32) -> bool {
        let token = self.tokens[at as usize];
        let Some(digits) = literal::decimal_digits(self.token_text(token)) else { return true };
        if self.int_max_digits == 0 || digits <= self.int_max_digits as usize {
            return true;
        }
        let message = literal::too_many_digits(digits, self.int_max_digits);
        self.raise(ErrorKind::Syntax, token.line, 0, End::At(token.end_line, 0), message);
        false
    }

    fn string_literal(&mut self, a: NodeId, start: usize) -> Option<NodeId> {
        let text = String::from_utf8_lossy(self.token_text(self.first_token(a))).into_owned();
        let parts = literal::Parts::of(&text);
        if parts.is_bytes {
            if !parts.body.is_ascii() {
                self.raise_range(a, a, "bytes can only contain ASCII literal characters");
                return None;
            }
            if !parts.raw
                && let Err(message) = literal::check_bytes(parts.body)
            {
                self.raise_newest(ErrorKind::Syntax, format!("(value error) {message}"));
                return None;
            }
            return Some(self.node_from(Kind::Bytes, start, &[]));
        }
        if !parts.raw
            && let Err(message) = literal::check_text(parts.body)
        {
            self.raise_newest(ErrorKind::Syntax, format!("(unicode error) {message}"));
            return None;
        }
        Some(self.node_from(Kind::Literal, start, &[]))
    }

    fn concatenate(&mut self, a: NodeId, start: usize) -> Option<NodeId> {
        let kinds: Vec<Kind> = self.kids(a).iter().map(|&k| self.node(k).kind).collect();
        let bytes = kinds.iter().filter(|k| **k == Kind::Bytes).count();
        if bytes != 0 && bytes != kinds.len() {
            self.raise_newest(ErrorKind::Syntax, "cannot mix bytes and nonbytes literals");
            return None;
        }
        let kind = if kinds.contains(&Kind::JoinedStr) { Kind::JoinedStr } else { Kind::Literal };
        Some(self.node_from(kind, start, &[]))
    }

    fn joined(&mut self, a: NodeId, b: NodeId, start: usize) -> Option<NodeId> {
        let (prefix, is_f) = (self.text(a), self.first_token(a).kind == kind::FSTRING_START);
        let raw = prefix.contains(['r', 'R']);
        for kid in self.kids(b).to_vec() {
            if self.node(kid).kind == Kind::Token && !self.quoted_text_checked(kid, raw) {
                return None;
            }
        }
        Some(self.node_from(if is_f { Kind::JoinedStr } else { Kind::TemplateStr }, start, &[]))
    }

    fn quoted_text_checked(&mut self, id: NodeId, raw: bool) -> bool {
        if raw {
            return true;
        }
        match literal::check_text(&self.text(id)) {
            Ok(()) => true,
            Err(message) => {
                self.raise_range(id, id, format!("(unicode error) {message}"));
                false
            }
        }
    }

    fn conversion(&mut self, mark: NodeId, name: NodeId) -> Option<NodeId> {
        let (mark_token, name_token) = (self.first_token(mark), self.first_token(name));
        if mark_token.line != name_token.line || mark_token.end_col != name_token.col {
            let letter = self.scanner.quoted_letter();
            let message = format!("{letter}-string: conversion type must come right after the exclamation mark");
            self.raise_range(mark, name, message);
            return None;
        }
        let text = self.text(name);
        if !matches!(text.as_str(), "s" | "r" | "a") {
            let letter = self.scanner.quoted_letter();
            let shown = literal::repr(&text);
            let message = format!("{letter}-string: invalid conversion character {shown}: expected 's', 'r', or 'a'");
            self.raise_range(name, name, message);
            return None;
        }
        Some(name)
    }
}

/// A 1-based byte column as a 1-based character column.
fn chars_until(text: &str, col: i32) -> i32 {
    let Ok(col) = usize::try_from(col) else { return col };
    let bytes = text.as_bytes();
    let within = bytes.iter().take(col).filter(|b| (**b & 0xc0) != 0x80).count();
    (within + usize::from(col > bytes.len())) as i32
}
