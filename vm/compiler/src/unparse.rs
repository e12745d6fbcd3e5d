//! Expressions as text, for annotations kept as strings; and the `repr` of constants.
//!
//! The text is CPython's: canonical spacing and quotes, and only the parentheses that precedence asks for.

use crate::source::SourceMap;
use crate::{deep, fold, text};
use ruff_python_ast::{self as ast, BoolOp, Expr, InterpolatedStringElement, Operator, UnaryOp};
use std::sync::Arc;
use typhon_isa::Const;
use typhon_num::{IBig, Sign, UBig};

/// Binding strength, weakest first.
mod level {
    pub(super) const TUPLE: u8 = 0;
    pub(super) const TEST: u8 = 1;
    pub(super) const OR: u8 = 2;
    pub(super) const AND: u8 = 3;
    pub(super) const NOT: u8 = 4;
    pub(super) const CMP: u8 = 5;
    pub(super) const EXPR: u8 = 6;
    pub(super) const BXOR: u8 = 7;
    pub(super) const BAND: u8 = 8;
    pub(super) const SHIFT: u8 = 9;
    pub(super) const ARITH: u8 = 10;
    pub(super) const TERM: u8 = 11;
    pub(super) const FACTOR: u8 = 12;
    pub(super) const POWER: u8 = 13;
    pub(super) const AWAIT: u8 = 14;
    pub(super) const ATOM: u8 = 15;
}

/// The text of an annotation.
pub(crate) fn unparse(e: &Expr, map: &SourceMap) -> Arc<[u8]> {
    let mut writer = Writer { out: Vec::new(), map };
    writer.expr(e, level::TEST);
    writer.out.into()
}

struct Writer<'a> {
    out: Vec<u8>,
    map: &'a SourceMap,
}

impl Writer<'_> {
    fn text(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    /// Writes `f` in parentheses where the place binds more strongly than `own`.
    fn wrap(&mut self, outer: u8, own: u8, f: impl FnOnce(&mut Self)) {
        if outer > own {
            self.text("(");
        }
        f(self);
        if outer > own {
            self.text(")");
        }
    }

    fn list<'e>(&mut self, elts: impl IntoIterator<Item = &'e Expr>, level: u8) {
        for (i, e) in elts.into_iter().enumerate() {
            if i > 0 {
                self.text(", ");
            }
            self.expr(e, level);
        }
    }

    fn expr(&mut self, e: &Expr, outer: u8) {
        deep::grow(|| self.expr_inner(e, outer));
    }

    fn expr_inner(&mut self, e: &Expr, outer: u8) {
        match e {
            Expr::BoolOp(b) => {
                let (own, word) = if b.op == BoolOp::Or { (level::OR, " or ") } else { (level::AND, " and ") };
                self.wrap(outer, own, |w| {
                    for (i, value) in b.values.iter().enumerate() {
                        w.text(if i > 0 { word } else { "" });
                        w.expr(value, own + 1);
                    }
                });
            }
            Expr::Named(n) => self.wrap(outer, level::TUPLE, |w| {
                w.expr(&n.target, level::ATOM);
                w.text(" := ");
                w.expr(&n.value, level::ATOM);
            }),
            Expr::BinOp(b) => {
                let own = strength(b.op);
                let right_first = b.op == Operator::Pow;
                self.wrap(outer, own, |w| {
                    w.expr(&b.left, own + u8::from(right_first));
                    w.text(&format!(" {} ", b.op.as_str()));
                    w.expr(&b.right, own + u8::from(!right_first));
                });
            }
            Expr::UnaryOp(u) => {
                let (own, word) = match u.op {
                    UnaryOp::Invert => (level::FACTOR, "~"),
                    UnaryOp::Not => (level::NOT, "not "),
                    UnaryOp::UAdd => (level::FACTOR, "+"),
                    UnaryOp::USub => (level::FACTOR, "-"),
                };
                self.wrap(outer, own, |w| {
                    w.text(word);
                    w.expr(&u.operand, own);
                });
            }
            Expr::Lambda(l) => self.wrap(outer, level::TEST, |w| {
                w.text("lambda");
                if let Some(p) = &l.parameters {
                    w.parameters(p);
                }
                w.text(": ");
                w.expr(&l.body, level::TEST);
            }),
            Expr::If(i) => self.wrap(outer, level::TEST, |w| {
                w.expr(&i.body, level::TEST + 1);
                w.text(" if ");
                w.expr(&i.test, level::TEST + 1);
                w.text(" else ");
                w.expr(&i.orelse, level::TEST);
            }),
            Expr::Dict(d) => self.dict(d),
            Expr::Set(s) => self.enclosed("{", &s.elts, "}"),
            Expr::List(l) => self.enclosed("[", &l.elts, "]"),
            Expr::Tuple(t) if t.elts.is_empty() => self.text("()"),
            Expr::Tuple(t) => self.wrap(outer, level::TUPLE, |w| {
                w.list(&t.elts, level::TEST);
                w.text(if t.elts.len() == 1 { "," } else { "" });
            }),
            Expr::ListComp(c) => self.comprehension("[", None, &c.elt, &c.generators, "]"),
            Expr::SetComp(c) => self.comprehension("{", None, &c.elt, &c.generators, "}"),
            Expr::DictComp(c) => self.comprehension("{", c.key.as_deref(), &c.value, &c.generators, "}"),
            Expr::Generator(c) => self.comprehension("(", None, &c.elt, &c.generators, ")"),
            Expr::Await(a) => self.wrap(outer, level::AWAIT, |w| {
                w.text("await ");
                w.expr(&a.value, level::ATOM);
            }),
            Expr::Yield(y) => {
                self.text("(yield");
                if let Some(value) = &y.value {
                    self.text(" ");
                    self.expr(value, level::TEST);
                }
                self.text(")");
            }
            Expr::YieldFrom(y) => {
                self.text("(yield from ");
                self.expr(&y.value, level::TEST);
                self.text(")");
            }
            Expr::Compare(c) => self.wrap(outer, level::CMP, |w| {
                w.expr(&c.left, level::CMP + 1);
                for (op, right) in c.ops.iter().zip(&*c.comparators) {
                    w.text(&format!(" {} ", op.as_str()));
                    w.expr(right, level::CMP + 1);
                }
            }),
            Expr::Call(c) => self.call(c),
            Expr::FString(f) => self.fstring(f),
            Expr::TString(_) => {
                let source = self.map.slice(ruff_text_size::Ranged::range(e)).to_owned();
                self.text(&source);
            }
            Expr::Attribute(a) => {
                self.expr(&a.value, level::ATOM);
                let is_int = matches!(a.value.as_ref(), Expr::NumberLiteral(n) if n.value.is_int());
                self.text(if is_int { " ." } else { "." });
                self.text(&a.attr.id);
            }
            Expr::Subscript(s) => {
                self.expr(&s.value, level::ATOM);
                self.text("[");
                self.expr(&s.slice, level::TUPLE);
                self.text("]");
            }
            Expr::Starred(s) => {
                self.text("*");
                self.expr(&s.value, level::EXPR);
            }
            Expr::Name(n) => self.text(&n.id),
            Expr::Slice(s) => self.slice(s),
            Expr::StringLiteral(_)
            | Expr::BytesLiteral(_)
            | Expr::NumberLiteral(_)
            | Expr::BooleanLiteral(_)
            | Expr::NoneLiteral(_)
            | Expr::EllipsisLiteral(_)
            | Expr::IpyEscapeCommand(_) => {
                if let Some(value) = fold::constant(e, self.map, 0) {
                    // An infinite literal is written so that it can be read again.
                    let shown = repr(&value);
                    let number = matches!(value, Const::Float(_) | Const::Complex(..));
                    self.text(if matches!(e, Expr::StringLiteral(s) if s.value.is_unicode()) { "u" } else { "" });
                    self.text(&if number { shown.replace("inf", "1e309") } else { shown });
                }
            }
        }
    }

    fn enclosed(&mut self, open: &str, elts: &[Expr], close: &str) {
        self.text(open);
        self.list(elts, level::TEST);
        self.text(close);
    }

    fn dict(&mut self, d: &ast::ExprDict) {
        self.text("{");
        for (i, item) in d.items.iter().enumerate() {
            self.text(if i > 0 { ", " } else { "" });
            match &item.key {
                Some(key) => {
                    self.expr(key, level::TEST);
                    self.text(": ");
                    self.expr(&item.value, level::TEST);
                }
                None => {
                    self.text("**");
                    self.expr(&item.value, level::EXPR);
                }
            }
        }
        self.text("}");
    }

    fn comprehension(
        &mut self,
        open: &str,
        key: Option<&Expr>,
        elt: &Expr,
        generators: &[ast::Comprehension],
        close: &str,
    ) {
        self.text(open);
        if let Some(key) = key {
            self.expr(key, level::TEST);
            self.text(": ");
        }
        self.expr(elt, level::TEST);
        for generator in generators {
            self.text(if generator.is_async { " async for " } else { " for " });
            self.expr(&generator.target, level::TUPLE);
            self.text(" in ");
            self.expr(&generator.iter, level::TEST + 1);
            for condition in &generator.ifs {
                self.text(" if ");
                self.expr(condition, level::TEST + 1);
            }
        }
        self.text(close);
    }

    fn parameters(&mut self, p: &ast::Parameters) {
        let mut first = true;
        let mut comma = |w: &mut Self| {
            w.text(if std::mem::take(&mut first) { " " } else { ", " });
        };
        for (i, a) in p.posonlyargs.iter().chain(&p.args).enumerate() {
            comma(self);
            self.parameter(a);
            if i + 1 == p.posonlyargs.len() {
                self.text(", /");
            }
        }
        if let Some(a) = &p.vararg {
            comma(self);
            self.text(&format!("*{}", a.name.id));
        } else if !p.kwonlyargs.is_empty() {
            comma(self);
            self.text("*");
        }
        for a in &p.kwonlyargs {
            comma(self);
            self.parameter(a);
        }
        if let Some(a) = &p.kwarg {
            comma(self);
            self.text(&format!("**{}", a.name.id));
        }
    }

    fn parameter(&mut self, a: &ast::ParameterWithDefault) {
        self.text(&a.parameter.name.id);
        if let Some(default) = &a.default {
            self.text("=");
            self.expr(default, level::TEST);
        }
    }

    fn call(&mut self, c: &ast::ExprCall) {
        self.expr(&c.func, level::ATOM);
        if let ([only @ Expr::Generator(_)], []) = (&*c.arguments.args, &c.arguments.keywords[..]) {
            return self.expr(only, level::TEST);
        }
        self.text("(");
        self.list(c.arguments.args.iter(), level::TEST);
        for (i, keyword) in c.arguments.keywords.iter().enumerate() {
            self.text(if i > 0 || !c.arguments.args.is_empty() { ", " } else { "" });
            match &keyword.arg {
                Some(name) => self.text(&format!("{}=", name.id)),
                None => self.text("**"),
            }
            self.expr(&keyword.value, level::TEST);
        }
        self.text(")");
    }

    fn slice(&mut self, s: &ast::ExprSlice) {
        if let Some(lower) = &s.lower {
            self.expr(lower, level::TEST);
        }
        self.text(":");
        if let Some(upper) = &s.upper {
            self.expr(upper, level::TEST);
        }
        if let Some(step) = &s.step {
            self.text(":");
            self.expr(step, level::TEST);
        }
    }

    fn fstring(&mut self, f: &ast::ExprFString) {
        let mut body = Writer { out: Vec::new(), map: self.map };
        for part in f.value.as_slice() {
            match part {
                ast::FStringPart::Literal(s) => body.literal(&text::literal(s, self.map)),
                ast::FStringPart::FString(s) => s.elements.iter().for_each(|e| body.element(e)),
            }
        }
        self.text("f");
        let quoted = repr(&Const::Str(body.out.into()));
        self.text(&quoted);
    }

    fn literal(&mut self, bytes: &[u8]) {
        for &b in bytes {
            self.out.push(b);
            if b == b'{' || b == b'}' {
                self.out.push(b);
            }
        }
    }

    fn element(&mut self, e: &InterpolatedStringElement) {
        let field = match e {
            InterpolatedStringElement::Literal(l) => return self.literal(l.value.as_bytes()),
            InterpolatedStringElement::Interpolation(field) => field,
        };
        if let Some(debug) = &field.debug_text {
            self.literal(text::without_comments(debug.as_str()).as_bytes());
        }
        let mut inner = Writer { out: Vec::new(), map: self.map };
        inner.expr(&field.expression, level::TEST + 1);
        self.text(if inner.out.first() == Some(&b'{') { "{ " } else { "{" });
        self.out.extend(inner.out);
        let shown = (field.debug_text.is_some() && field.format_spec.is_none()).then_some('r');
        if let Some(conversion) = field.conversion.to_char().or(shown) {
            self.text(&format!("!{conversion}"));
        }
        if let Some(spec) = &field.format_spec {
            self.text(":");
            spec.elements.iter().for_each(|e| self.element(e));
        }
        self.text("}");
    }
}

fn strength(op: Operator) -> u8 {
    match op {
        Operator::BitOr => level::EXPR,
        Operator::BitXor => level::BXOR,
        Operator::BitAnd => level::BAND,
        Operator::LShift | Operator::RShift => level::SHIFT,
        Operator::Add | Operator::Sub => level::ARITH,
        Operator::Mult | Operator::MatMult | Operator::Div | Operator::Mod | Operator::FloorDiv => level::TERM,
        Operator::Pow => level::POWER,
    }
}

/// The `repr` of a constant.
pub(crate) fn repr(value: &Const) -> String {
    match value {
        Const::None => "None".into(),
        Const::Bool(true) => "True".into(),
        Const::Bool(false) => "False".into(),
        Const::Ellipsis => "...".into(),
        Const::Int(i) => i.to_string(),
        Const::BigInt { negative, magnitude } => {
            let sign = if *negative { Sign::Negative } else { Sign::Positive };
            IBig::from_parts(sign, UBig::from_le_bytes(magnitude)).to_string()
        }
        Const::Float(f) => typhon_num::float_text::repr(*f),
        Const::Complex(re, im) => typhon_num::float_text::complex_repr(*re, *im),
        Const::Str(s) => quote(s, false),
        Const::Bytes(b) => format!("b{}", quote(b, true)),
        Const::Tuple(items) => {
            let inner: Vec<String> = items.iter().map(repr).collect();
            format!("({}{})", inner.join(", "), if items.len() == 1 { "," } else { "" })
        }
        Const::FrozenSet(items) => {
            let inner: Vec<String> = items.iter().map(repr).collect();
            format!("frozenset({{{}}})", inner.join(", "))
        }
        Const::Slice(parts) => format!("slice({}, {}, {})", repr(&parts[0]), repr(&parts[1]), repr(&parts[2])),
        Const::Code(code) => format!("<code object {}>", code.name),
    }
}

/// A string or bytes literal, in single quotes unless double ones save escapes.
fn quote(bytes: &[u8], is_bytes: bool) -> String {
    let mark = if bytes.contains(&b'\'') && !bytes.contains(&b'"') { '"' } else { '\'' };
    let mut out = String::from(mark);
    let points: Vec<u32> = if is_bytes { bytes.iter().map(|&b| u32::from(b)).collect() } else { code_points(bytes) };
    for point in points {
        match char::from_u32(point) {
            Some('\\') => out.push_str("\\\\"),
            Some('\n') => out.push_str("\\n"),
            Some('\r') => out.push_str("\\r"),
            Some('\t') => out.push_str("\\t"),
            Some(c) if c == mark => out.extend(['\\', c]),
            Some(c @ ' '..='~') => out.push(c),
            Some(c) if !is_bytes && typhon_unicode::is_printable(point) => out.push(c),
            _ if point < 0x100 => out.push_str(&format!("\\x{point:02x}")),
            _ if point < 0x1_0000 => out.push_str(&format!("\\u{point:04x}")),
            _ => out.push_str(&format!("\\U{point:08x}")),
        }
    }
    out.push(mark);
    out
}

/// The code points of generalized UTF-8, lone surrogates included.
fn code_points(bytes: &[u8]) -> Vec<u32> {
    let mut out = Vec::with_capacity(bytes.len());
    for &b in bytes {
        match (b, out.last_mut()) {
            (0x80..0xc0, Some(last)) => *last = *last << 6 | u32::from(b & 0x3f),
            (0xf0.., _) => out.push(u32::from(b & 7)),
            (0xe0..0xf0, _) => out.push(u32::from(b & 15)),
            (0xc0..0xe0, _) => out.push(u32::from(b & 31)),
            _ => out.push(u32::from(b)),
        }
    }
    out
}
