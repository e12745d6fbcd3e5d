//! Carets: which part of a frame's source lines is marked, and with what (PEP 657).
//!
//! `~` under an operation's operands and `^` under its operator, bracket or argument list; plain `^` where the instruction
//! is something else; nothing where it is all of its lines.

use std::collections::BTreeSet;
use typhon_compiler::tree::Node;
use typhon_compiler::tree::table::Class;
use typhon_compiler::{Mode, Options};

/// A place in the lines: line from 0, column in code points.
type Place = (usize, usize);

/// The source lines of an instruction, without their common indentation.
pub(super) struct Segment {
    /// None of them is broken by what Python takes for the end of a line but files do not.
    pub(super) lines: Vec<String>,
    /// Code point of the first line at which the instruction begins.
    pub(super) start: usize,
    /// Code point of the last line at which it ends.
    pub(super) end: usize,
}

/// How many code points begin within so many bytes of a line.
pub(super) fn points(line: &str, bytes: usize) -> usize {
    line.char_indices().take_while(|&(at, _)| at < bytes).count()
}

pub(super) fn length(line: &str) -> usize {
    line.chars().count()
}

/// Columns that the first `points` code points take on a terminal.
fn width(line: &str, points: usize) -> usize {
    let wide = |c: char| matches!(typhon_unicode::east_asian_width(u32::from(c)), "W" | "F");
    if line.is_ascii() { points } else { line.chars().take(points).map(|c| 1 + usize::from(wide(c))).sum() }
}

impl Segment {
    /// The lines worth showing, each followed by its marks. `None` if there are no lines.
    pub(super) fn show(&self) -> Option<Vec<String>> {
        let operator =
            anchors(&self.text()?).and_then(|(left, right)| Some((self.on_screen(left)?, self.on_screen(right)?)));
        let marked = !self.is_plain_call() && (operator.is_some() || self.has_more());
        let (mut out, mut before) = (Vec::new(), None);
        let show = |out: &mut Vec<String>, n: usize| {
            out.push(self.lines[n].clone());
            if marked {
                out.push(self.marks(n, operator));
            }
        };
        for n in self.worth_showing(operator) {
            match before.map_or(1, |before| n - before) {
                2 => show(&mut out, n - 1),
                far @ 3.. => out.push(format!("...<{} lines>...", far - 1)),
                _ => {}
            }
            show(&mut out, n);
            before = Some(n);
        }
        Some(out)
    }

    /// The text of the instruction alone.
    fn text(&self) -> Option<String> {
        let after = length(self.lines.last()?).saturating_sub(self.end);
        let all = self.lines.join("\n");
        let count = length(&all).saturating_sub(after);
        Some(all.chars().take(count).skip(self.start).collect())
    }

    /// Where a place of [`Self::text`] is on the screen.
    fn on_screen(&self, (line, column): Place) -> Option<Place> {
        let text = self.lines.get(line)?;
        Some((line, width(text, if line == 0 { column + self.start } else { column })))
    }

    /// The first line and the last, and those around both ends of the operator.
    fn worth_showing(&self, operator: Option<(Place, Place)>) -> BTreeSet<usize> {
        let mut worth: BTreeSet<usize> = [0, self.lines.len() - 1].into();
        if let Some((left, right)) = operator {
            worth.extend([left.0, right.0].into_iter().flat_map(|n| n.saturating_sub(1)..=n + 1));
        }
        worth.retain(|&n| n < self.lines.len());
        worth
    }

    /// What stands under line `n`.
    fn marks(&self, n: usize, operator: Option<(Place, Place)>) -> String {
        let line = &self.lines[n];
        let end = if n + 1 == self.lines.len() { width(line, self.end) } else { width(line, length(line)) };
        let blank = line.chars().take_while(|c| c.is_whitespace()).count();
        let start = if n == 0 { width(line, self.start) } else { 0 };
        let mark = |column: usize| match operator {
            _ if column < blank.max(start) => ' ',
            Some((left, right)) if (n, column) < left || (n, column) >= right => '~',
            _ => '^',
        };
        (0..end).map(mark).collect()
    }

    /// Whether the lines hold more than the instruction.
    fn has_more(&self) -> bool {
        let (Some(first), Some(last)) = (self.lines.first(), self.lines.last()) else { return false };
        let before = first.chars().take(self.start).any(|c| !c.is_whitespace());
        before || last.chars().skip(self.end).any(|c| !c.is_whitespace())
    }

    /// Whether the lines are `return f(...)` or `x = f(...)` and the instruction is the call: marks would tell nothing. So
    /// it is with lines that hold no statement.
    fn is_plain_call(&self) -> bool {
        let Some(module) = parse(&self.lines.join("\n")) else { return false };
        let Some(statement) = body(&module).first().copied() else { return true };
        let child = |field: &str| child(statement, field);
        let call = match statement.class {
            Class::Return => child("value")
                .filter(|value| value.class == Class::Call)
                .filter(|call| self::child(call, "func").is_some_and(|f| f.class == Class::Name)),
            Class::Assign => match list(statement, "targets")[..] {
                [target] if target.class == Class::Name => child("value").filter(|value| value.class == Class::Call),
                _ => None,
            },
            _ => None,
        };
        call.is_some_and(|call| {
            let is = |n: i32, m: usize| usize::try_from(n) == Ok(m);
            let span = call.span;
            span.line == 1
                && is(span.end_line, self.lines.len())
                && is(span.col, self.start)
                && is(span.end_col, self.end)
        })
    }
}

fn parse(text: &str) -> Option<Node> {
    let options = Options::new(Mode::Exec, "<unknown>");
    typhon_compiler::parse(text, &options).ok().map(|tree| tree.node)
}

fn child<'a>(node: &'a Node, field: &str) -> Option<&'a Node> {
    node.fields.get(node.class.index(field)?)?.node()
}

fn list<'a>(node: &'a Node, field: &str) -> Vec<&'a Node> {
    let Some(field) = node.class.index(field).and_then(|i| node.fields.get(i)) else { return Vec::new() };
    field.list().iter().filter_map(|field| field.node()).collect()
}

fn body(module: &Node) -> Vec<&Node> {
    list(module, "body")
}

/// Both ends of what a binary operation, a subscript or a call does to its operands, in the expression's text.
fn anchors(text: &str) -> Option<(Place, Place)> {
    let module = parse(&format!("(\n{text}\n)"))?;
    let lines = Lines(text.split('\n').map(|line| line.chars().collect()).collect());
    let [statement] = body(&module)[..] else { return None };
    let expression = child(statement, "value").filter(|_| statement.class == Class::Expr)?;
    match expression.class {
        Class::BinOp => {
            let (left, right) = (child(expression, "left")?, child(expression, "right")?);
            let at = lines.find(lines.behind(left)?, |c| !c.is_whitespace() && c != ')')?;
            // The operator is one or two characters long.
            let next = (at.0, at.1 + 1);
            let longer = next < lines.begin(right)?
                && lines.get(next).is_some_and(|c| !c.is_whitespace() && !matches!(c, '\\' | '#'));
            Some((at, (at.0, at.1 + 1 + usize::from(longer))))
        }
        Class::Subscript | Class::Call => {
            let (operand, open) = if expression.class == Class::Call { ("func", '(') } else { ("value", '[') };
            let left = lines.find(lines.behind(child(expression, operand)?)?, |c| c == open)?;
            Some((left, lines.end(expression)?))
        }
        _ => None,
    }
}

/// The lines of an expression's text, which was parsed one line further down.
struct Lines(Vec<Vec<char>>);

impl Lines {
    fn get(&self, (line, column): Place) -> Option<char> {
        self.0.get(line)?.get(column).copied()
    }

    fn place(&self, line: i32, bytes: i32) -> Option<Place> {
        let line = usize::try_from(line - 2).ok()?;
        let text: String = self.0.get(line)?.iter().collect();
        Some((line, points(&text, usize::try_from(bytes).ok()?)))
    }

    fn begin(&self, node: &Node) -> Option<Place> {
        self.place(node.span.line, node.span.col)
    }

    fn end(&self, node: &Node) -> Option<Place> {
        self.place(node.span.end_line, node.span.end_col)
    }

    /// The first character behind a node.
    fn behind(&self, node: &Node) -> Option<Place> {
        self.valid(self.end(node)?)
    }

    /// A place, or the first character of a later line if there is none at it.
    fn valid(&self, (mut line, mut column): Place) -> Option<Place> {
        while column >= self.0.get(line)?.len() {
            (line, column) = (line + 1, 0);
        }
        Some((line, column))
    }

    /// The first character from a place on that `wanted` takes, past comments and continued lines.
    fn find(&self, mut at: Place, wanted: impl Fn(char) -> bool) -> Option<Place> {
        loop {
            let c = self.get(at)?;
            at = if matches!(c, '\\' | '#') {
                self.valid((at.0 + 1, 0))?
            } else if !wanted(c) {
                self.valid((at.0, at.1 + 1))?
            } else {
                return Some(at);
            };
        }
    }
}
