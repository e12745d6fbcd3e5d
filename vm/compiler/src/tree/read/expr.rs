//! Expressions, and what calls and parameters are made of.

use super::{Read, Reader, bare, broken, context, flag, identifier, name};
use crate::tree::Field;
use crate::tree::table::Class;
use crate::{fold, text};
use ruff_python_ast::{self as ast, BoolOp, CmpOp, Expr, Operator, UnaryOp};
use ruff_text_size::{Ranged, TextRange};
use typhon_isa::Const;

impl Reader<'_> {
    pub(super) fn exprs(&mut self, list: &[Expr]) -> Read {
        self.list(list, Self::expr)
    }

    pub(super) fn maybe_expr(&mut self, e: Option<&Expr>) -> Read {
        self.maybe(e, Self::expr)
    }

    pub(super) fn expr(&mut self, e: &Expr) -> Read {
        self.deeper(|r| r.expr_inner(e, e.range()))
    }

    fn expr_inner(&mut self, e: &Expr, range: TextRange) -> Read {
        let (class, fields) = match e {
            Expr::NumberLiteral(_)
            | Expr::StringLiteral(_)
            | Expr::BytesLiteral(_)
            | Expr::BooleanLiteral(_)
            | Expr::NoneLiteral(_)
            | Expr::EllipsisLiteral(_) => (Class::Constant, self.constant(e)?),
            Expr::FString(f) => (Class::JoinedStr, vec![self.fstring(f)?]),
            Expr::TString(t) => (Class::TemplateStr, vec![self.tstring(t)?]),
            Expr::BoolOp(b) => {
                let op = Field::Unit(if b.op == BoolOp::And { Class::And } else { Class::Or });
                (Class::BoolOp, vec![op, self.exprs(&b.values)?])
            }
            Expr::Named(n) => (Class::NamedExpr, vec![self.expr(&n.target)?, self.expr(&n.value)?]),
            Expr::BinOp(b) => (Class::BinOp, vec![self.expr(&b.left)?, operator(b.op), self.expr(&b.right)?]),
            Expr::UnaryOp(u) => (Class::UnaryOp, vec![Field::Unit(unary_operator(u.op)), self.expr(&u.operand)?]),
            Expr::Lambda(l) => (Class::Lambda, vec![self.parameters(l.parameters.as_deref())?, self.expr(&l.body)?]),
            Expr::If(i) => (Class::IfExp, vec![self.expr(&i.test)?, self.expr(&i.body)?, self.expr(&i.orelse)?]),
            Expr::Dict(d) => {
                let keys = self.list(&d.items, |r, item| r.maybe_expr(item.key.as_ref()))?;
                (Class::Dict, vec![keys, self.list(&d.items, |r, item| r.expr(&item.value))?])
            }
            Expr::Set(s) => (Class::Set, vec![self.exprs(&s.elts)?]),
            Expr::ListComp(c) => (Class::ListComp, vec![self.expr(&c.elt)?, self.generators(&c.generators)?]),
            Expr::SetComp(c) => (Class::SetComp, vec![self.expr(&c.elt)?, self.generators(&c.generators)?]),
            Expr::Generator(c) => (Class::GeneratorExp, vec![self.expr(&c.elt)?, self.generators(&c.generators)?]),
            Expr::DictComp(c) => {
                let key = self.maybe_expr(c.key.as_deref())?;
                (Class::DictComp, vec![key, self.expr(&c.value)?, self.generators(&c.generators)?])
            }
            Expr::Await(a) => (Class::Await, vec![self.expr(&a.value)?]),
            Expr::Yield(y) => (Class::Yield, vec![self.maybe_expr(y.value.as_deref())?]),
            Expr::YieldFrom(y) => (Class::YieldFrom, vec![self.expr(&y.value)?]),
            Expr::Compare(c) => {
                let ops = Field::List(c.ops.iter().map(|op| Field::Unit(comparison(*op))).collect());
                (Class::Compare, vec![self.expr(&c.left)?, ops, self.exprs(&c.comparators)?])
            }
            Expr::Call(c) => (Class::Call, self.call(c)?),
            Expr::Attribute(a) => (Class::Attribute, vec![self.expr(&a.value)?, name(&a.attr.id), context(a.ctx)]),
            Expr::Subscript(s) => (Class::Subscript, vec![self.expr(&s.value)?, self.expr(&s.slice)?, context(s.ctx)]),
            Expr::Starred(s) => (Class::Starred, vec![self.expr(&s.value)?, context(s.ctx)]),
            Expr::Name(n) if matches!(n.id.as_str(), "None" | "True" | "False") => {
                // Written with other letters that stand for these.
                let text = format!("identifier field can't represent '{}' constant", n.id);
                return Err(crate::SyntaxError::bare(crate::ErrorKind::Value, text));
            }
            Expr::Name(n) => (Class::Name, vec![name(&n.id), context(n.ctx)]),
            Expr::List(l) => (Class::List, vec![self.exprs(&l.elts)?, context(l.ctx)]),
            Expr::Tuple(t) => (Class::Tuple, vec![self.exprs(&t.elts)?, context(t.ctx)]),
            Expr::Slice(s) => {
                let (lower, upper) = (self.maybe_expr(s.lower.as_deref())?, self.maybe_expr(s.upper.as_deref())?);
                (Class::Slice, vec![lower, upper, self.maybe_expr(s.step.as_deref())?])
            }
            Expr::IpyEscapeCommand(_) => return Err(broken()),
        };
        Ok(self.node(class, range, fields))
    }

    fn constant(&self, e: &Expr) -> Result<Vec<Field>, crate::SyntaxError> {
        let (value, unicode) = match e {
            Expr::StringLiteral(s) => (Const::Str(text::string(s, self.map)), s.value.is_unicode()),
            _ => (fold::constant(e, self.map, 0).ok_or_else(broken)?, false),
        };
        Ok(vec![Field::Const(value), kind(unicode)])
    }

    fn call(&mut self, c: &ast::ExprCall) -> Result<Vec<Field>, crate::SyntaxError> {
        let func = self.expr(&c.func)?;
        // The parentheses of a call with nothing but a generator expression are the expression's.
        let args = match &*c.arguments.args {
            [e @ Expr::Generator(g)] if !g.parenthesized && c.arguments.keywords.is_empty() => {
                let range = c.arguments.range;
                Field::List(vec![self.deeper(|r| r.expr_inner(e, range))?])
            }
            args => self.exprs(args)?,
        };
        Ok(vec![func, args, self.keywords(&c.arguments.keywords)?])
    }

    pub(super) fn keywords(&mut self, list: &[ast::Keyword]) -> Read {
        self.list(list, |r, k| {
            let fields = vec![identifier(k.arg.as_ref()), r.expr(&k.value)?];
            Ok(r.node(Class::keyword, k.range, fields))
        })
    }

    fn generators(&mut self, list: &[ast::Comprehension]) -> Read {
        self.list(list, |r, c| {
            let (target, iter) = (r.expr(&c.target)?, r.expr(&c.iter)?);
            Ok(bare(Class::comprehension, vec![target, iter, r.exprs(&c.ifs)?, flag(c.is_async)]))
        })
    }

    pub(super) fn parameters(&mut self, parameters: Option<&ast::Parameters>) -> Read {
        let Some(p) = parameters else {
            let empty = || Field::List(Vec::new());
            let (vararg, kwarg) = (Field::Absent, Field::Absent);
            let fields = vec![empty(), empty(), vararg, empty(), empty(), kwarg, empty()];
            return Ok(bare(Class::arguments, fields));
        };
        let with_default = |r: &mut Self, p: &ast::ParameterWithDefault| r.parameter(&p.parameter);
        let positional = p.posonlyargs.iter().chain(&p.args);
        let defaults = positional.filter_map(|p| p.default.as_deref()).map(|e| self.expr(e));
        let defaults = Field::List(defaults.collect::<Result<_, _>>()?);
        let fields = vec![
            self.list(&p.posonlyargs, with_default)?,
            self.list(&p.args, with_default)?,
            self.maybe(p.vararg.as_deref(), Self::parameter)?,
            self.list(&p.kwonlyargs, with_default)?,
            self.list(&p.kwonlyargs, |r, p| r.maybe_expr(p.default.as_deref()))?,
            self.maybe(p.kwarg.as_deref(), Self::parameter)?,
            defaults,
        ];
        Ok(bare(Class::arguments, fields))
    }

    fn parameter(&mut self, p: &ast::Parameter) -> Read {
        let fields = vec![name(&p.name.id), self.maybe_expr(p.annotation.as_deref())?, Field::Absent];
        // The star before it is not its own.
        let range = TextRange::new(p.name.range.start(), p.range.end());
        Ok(self.node(Class::arg, range, fields))
    }
}

/// The `u` that a text literal may have.
pub(super) fn kind(unicode: bool) -> Field {
    if unicode { Field::Text(b"u".as_slice().into()) } else { Field::Absent }
}

pub(super) fn operator(op: Operator) -> Field {
    Field::Unit(match op {
        Operator::Add => Class::Add,
        Operator::Sub => Class::Sub,
        Operator::Mult => Class::Mult,
        Operator::MatMult => Class::MatMult,
        Operator::Div => Class::Div,
        Operator::Mod => Class::Mod,
        Operator::Pow => Class::Pow,
        Operator::LShift => Class::LShift,
        Operator::RShift => Class::RShift,
        Operator::BitOr => Class::BitOr,
        Operator::BitXor => Class::BitXor,
        Operator::BitAnd => Class::BitAnd,
        Operator::FloorDiv => Class::FloorDiv,
    })
}

fn unary_operator(op: UnaryOp) -> Class {
    match op {
        UnaryOp::Invert => Class::Invert,
        UnaryOp::Not => Class::Not,
        UnaryOp::UAdd => Class::UAdd,
        UnaryOp::USub => Class::USub,
    }
}

fn comparison(op: CmpOp) -> Class {
    match op {
        CmpOp::Eq => Class::Eq,
        CmpOp::NotEq => Class::NotEq,
        CmpOp::Lt => Class::Lt,
        CmpOp::LtE => Class::LtE,
        CmpOp::Gt => Class::Gt,
        CmpOp::GtE => Class::GtE,
        CmpOp::Is => Class::Is,
        CmpOp::IsNot => Class::IsNot,
        CmpOp::In => Class::In,
        CmpOp::NotIn => Class::NotIn,
    }
}
