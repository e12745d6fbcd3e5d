//! What CPython does to a tree before it compiles it, for those who ask for the tree after that.

use super::table::Class;
use super::{Field, Node, Span};
use crate::deep;
use crate::error::SyntaxError;
use crate::fold;
use ruff_python_ast::{Operator, UnaryOp};
use typhon_isa::Const;

type Done = Result<(), SyntaxError>;

/// Optimizes at a level of `-O`.
pub(crate) fn optimize(node: &mut Node, level: u8) -> Done {
    Optimizer { level, depth: 0 }.node(node)
}

struct Optimizer {
    level: u8,
    depth: u32,
}

impl Optimizer {
    fn node(&mut self, n: &mut Node) -> Done {
        deep::enter(&mut self.depth)?;
        let done = deep::grow(|| self.node_inner(n));
        self.depth -= 1;
        done
    }

    fn node_inner(&mut self, n: &mut Node) -> Done {
        if self.level >= 2 {
            drop_docstring(n);
        }
        for field in &mut n.fields {
            self.field(field)?;
        }
        match n.class {
            Class::Name if is_debug(n) => become_constant(n, Const::Bool(self.level == 0)),
            Class::BinOp => format(n),
            Class::MatchValue => fold_number(&mut n.fields[0]),
            Class::MatchMapping => {
                if let Field::List(keys) = &mut n.fields[0] {
                    keys.iter_mut().for_each(fold_number);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn field(&mut self, field: &mut Field) -> Done {
        match field {
            Field::Node(n) => self.node(n),
            Field::List(items) => items.iter_mut().try_for_each(|item| self.field(item)),
            _ => Ok(()),
        }
    }
}

fn become_constant(n: &mut Node, value: Const) {
    n.class = Class::Constant;
    n.fields = vec![Field::Const(value), Field::Absent];
}

fn is_debug(n: &Node) -> bool {
    n.fields[0].text().is_some_and(|text| &**text == b"__debug__") && n.fields[1].class() == Some(Class::Load)
}

/// A docstring goes; a body is never left empty.
fn drop_docstring(n: &mut Node) {
    let at = match n.class {
        Class::Module => 0,
        Class::FunctionDef | Class::AsyncFunctionDef => 2,
        Class::ClassDef => 3,
        _ => return,
    };
    let Field::List(body) = &mut n.fields[at] else { return };
    let constant =
        body.first().and_then(Field::node).filter(|s| s.class == Class::Expr).and_then(|s| s.fields[0].node());
    if !constant.is_some_and(|c| matches!(c.fields.first(), Some(Field::Const(Const::Str(_))))) {
        return;
    }
    let at = body[0].node().map_or(Span::default(), |s| s.span);
    let span = Span { end_line: at.line, end_col: at.col + 4, ..at };
    body.remove(0);
    if body.is_empty() {
        body.push(Field::Node(Box::new(Node { class: Class::Pass, span, fields: Vec::new() })));
    }
}

fn number(field: &Field) -> Option<Const> {
    let n = field.node()?;
    match (n.class, &n.fields[..]) {
        (
            Class::Constant,
            [Field::Const(value @ (Const::Int(_) | Const::BigInt { .. } | Const::Float(_) | Const::Complex(..))), ..],
        ) => Some(value.clone()),
        (Class::UnaryOp, [Field::Unit(Class::USub), operand]) => fold::unary(UnaryOp::USub, number(operand)?),
        (Class::BinOp, [left, Field::Unit(op @ (Class::Add | Class::Sub)), right]) => {
            let op = if *op == Class::Add { Operator::Add } else { Operator::Sub };
            fold::binary(op, number(left)?, number(right)?)
        }
        _ => None,
    }
}

/// Numbers of patterns: `-1`, `1 + 2j`.
fn fold_number(field: &mut Field) {
    if let Some(value) = number(field)
        && let Field::Node(n) = field
    {
        become_constant(n, value);
    }
}

/// `'...%s...' % (a, b)` becomes a formatted string.
fn format(n: &mut Node) {
    let [left, Field::Unit(Class::Mod), right] = &mut n.fields[..] else { return };
    let Some(text) = left.node().filter(|l| l.class == Class::Constant).and_then(|l| match &l.fields[0] {
        Field::Const(Const::Str(text)) => std::str::from_utf8(text).ok(),
        _ => None,
    }) else {
        return;
    };
    let span = left.node().map_or(Span::default(), |l| l.span);
    let Some(pieces) = pieces(text) else { return };
    let Field::Node(tuple) = right else { return };
    let Some(Field::List(values)) = tuple.fields.first_mut().filter(|_| tuple.class == Class::Tuple) else { return };
    let fields = pieces.iter().filter(|p| matches!(p, Piece::Value { .. })).count();
    let starred = values.iter().any(|v| v.class() == Some(Class::Starred));
    if fields != values.len() || starred {
        return;
    }
    let mut values = std::mem::take(values).into_iter();
    let mut made = Vec::new();
    for piece in pieces {
        match piece {
            Piece::Text(text) => made.push(constant(&text, span)),
            Piece::Value { conversion, spec } => {
                let value = values.next().unwrap_or_default();
                let own = value.node().map_or(Span::default(), |v| v.span);
                let spec = if spec.is_empty() {
                    Field::Absent
                } else {
                    node(Class::JoinedStr, own, vec![Field::List(vec![constant(&spec, own)])])
                };
                made.push(node(Class::FormattedValue, own, vec![value, Field::Int(conversion), spec]));
            }
        }
    }
    n.class = Class::JoinedStr;
    n.fields = vec![Field::List(made)];
}

fn node(class: Class, span: Span, fields: Vec<Field>) -> Field {
    Field::Node(Box::new(Node { class, span, fields }))
}

fn constant(text: &str, span: Span) -> Field {
    node(Class::Constant, span, vec![Field::Const(Const::str(text)), Field::Absent])
}

enum Piece {
    Text(String),
    Value { conversion: i32, spec: String },
}

/// A format of `%s`, `%r`, `%a` and `%%` with widths, taken apart; `None` for every other.
fn pieces(format: &str) -> Option<Vec<Piece>> {
    const DIGITS_MAX: usize = 3;
    let mut out = Vec::new();
    let mut text = String::new();
    let mut chars = format.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '%' {
            text.push(c);
            continue;
        }
        if chars.next_if_eq(&'%').is_some() {
            text.push('%');
            continue;
        }
        let left = chars.next_if_eq(&'-').is_some();
        let mut digits = String::new();
        while let Some(d) = chars.next_if(char::is_ascii_digit) {
            digits.push(d);
        }
        let mut spec = String::new();
        if chars.next_if_eq(&'.').is_some() {
            spec.push('.');
            let before = spec.len();
            while let Some(d) = chars.next_if(char::is_ascii_digit) {
                spec.push(d);
            }
            if spec.len() == before || spec.len() - before > DIGITS_MAX {
                return None;
            }
        }
        if digits.len() > DIGITS_MAX || digits.starts_with('0') {
            return None;
        }
        let conversion = match chars.next()? {
            c @ ('s' | 'r' | 'a') => c as i32,
            _ => return None,
        };
        if !text.is_empty() {
            out.push(Piece::Text(std::mem::take(&mut text)));
        }
        let align = if digits.is_empty() || left { "" } else { ">" };
        out.push(Piece::Value { conversion, spec: format!("{align}{digits}{spec}") });
    }
    if !text.is_empty() {
        out.push(Piece::Text(text));
    }
    Some(out)
}
