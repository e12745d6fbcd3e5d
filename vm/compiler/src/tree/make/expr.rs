//! Expressions, and what calls and parameters are made of.

use super::{Make, Maker, context, field, flag, inner, name, unexpected};
use crate::error::{ErrorKind, SyntaxError};
use crate::tree::table::Class;
use crate::tree::{Field, Node, Span};
use ruff_python_ast::{self as ast, BoolOp, CmpOp, ConversionFlag, Expr, InterpolatedStringElement, Operator, UnaryOp};
use ruff_text_size::TextRange;
use typhon_isa::Const;

impl Maker {
    pub(super) fn exprs(&mut self, list: &Field) -> Make<Vec<Expr>> {
        self.list(list, Self::expr)
    }

    pub(super) fn boxed(&mut self, found: &Field) -> Make<Box<Expr>> {
        self.expr(found).map(Box::new)
    }

    pub(super) fn maybe_box(&mut self, found: &Field) -> Make<Option<Box<Expr>>> {
        self.maybe(found, Self::boxed)
    }

    pub(super) fn expr(&mut self, found: &Field) -> Make<Expr> {
        self.deeper(|m| m.expr_inner(inner(found)?))
    }

    fn expr_inner(&mut self, n: &Node) -> Make<Expr> {
        let (range, node_index) = (self.range(n.span)?, Default::default());
        let f = |at| field(n, at);
        Ok(match n.class {
            Class::Constant => self.constant(f(0), range)?,
            Class::JoinedStr | Class::FormattedValue => self.joined(n, range)?,
            Class::TemplateStr | Class::Interpolation => self.template(n, range)?,
            Class::ListComp | Class::SetComp | Class::DictComp | Class::GeneratorExp => self.comprehension(n, range)?,
            Class::BoolOp => {
                let op = if f(0).class() == Some(Class::And) { BoolOp::And } else { BoolOp::Or };
                ast::ExprBoolOp { node_index, range, op, values: self.exprs(f(1))? }.into()
            }
            Class::NamedExpr => {
                let (target, value) = (self.boxed(f(0))?, self.boxed(f(1))?);
                ast::ExprNamed { node_index, range, target, value }.into()
            }
            Class::BinOp => {
                let (left, op, right) = (self.boxed(f(0))?, operator(f(1), n)?, self.boxed(f(2))?);
                ast::ExprBinOp { node_index, range, left, op, right }.into()
            }
            Class::UnaryOp => {
                let (op, operand) = (unary_operator(f(0)), self.boxed(f(1))?);
                ast::ExprUnaryOp { node_index, range, op, operand }.into()
            }
            Class::Lambda => {
                let parameters = Some(Box::new(self.parameters(inner(f(0))?)?));
                ast::ExprLambda { node_index, range, parameters, body: self.boxed(f(1))? }.into()
            }
            Class::IfExp => {
                let (test, body, orelse) = (self.boxed(f(0))?, self.boxed(f(1))?, self.boxed(f(2))?);
                ast::ExprIf { node_index, range, test, body, orelse }.into()
            }
            Class::Dict => {
                let mut items = Vec::new();
                for (key, value) in f(0).list().iter().zip(f(1).list()) {
                    items.push(ast::DictItem { key: self.maybe(key, Self::expr)?, value: self.expr(value)? });
                }
                ast::ExprDict { node_index, range, items }.into()
            }
            Class::Set => ast::ExprSet { node_index, range, elts: self.exprs(f(0))? }.into(),
            Class::Await => ast::ExprAwait { node_index, range, value: self.boxed(f(0))? }.into(),
            Class::Yield => ast::ExprYield { node_index, range, value: self.maybe_box(f(0))? }.into(),
            Class::YieldFrom => ast::ExprYieldFrom { node_index, range, value: self.boxed(f(0))? }.into(),
            Class::Compare => {
                let left = self.boxed(f(0))?;
                let ops = f(1).list().iter().map(comparison).collect();
                ast::ExprCompare { node_index, range, left, ops, comparators: self.exprs(f(2))?.into() }.into()
            }
            Class::Call => {
                let func = self.boxed(f(0))?;
                let mut arguments = self.arguments(f(1), f(2), n.span)?;
                arguments.range = range;
                ast::ExprCall { node_index, range_start: range.start(), func, arguments }.into()
            }
            Class::Attribute => {
                let (value, attr) = (self.boxed(f(0))?, self.identifier(f(1), n.span)?);
                ast::ExprAttribute { node_index, range, value, attr, ctx: context(f(2)) }.into()
            }
            Class::Subscript => {
                let (value, slice) = (self.boxed(f(0))?, self.boxed(f(1))?);
                ast::ExprSubscript { node_index, range, value, slice, ctx: context(f(2)) }.into()
            }
            Class::Starred => {
                ast::ExprStarred { node_index, range, value: self.boxed(f(0))?, ctx: context(f(1)) }.into()
            }
            Class::Name => ast::ExprName { node_index, range, id: name(f(0))?, ctx: context(f(1)) }.into(),
            Class::List => ast::ExprList { node_index, range, elts: self.exprs(f(0))?, ctx: context(f(1)) }.into(),
            Class::Tuple => {
                let (elts, ctx) = (self.exprs(f(0))?, context(f(1)));
                ast::ExprTuple { node_index, range, elts, ctx, parenthesized: true }.into()
            }
            Class::Slice => {
                let (lower, upper, step) = (self.maybe_box(f(0))?, self.maybe_box(f(1))?, self.maybe_box(f(2))?);
                ast::ExprSlice { node_index, range, lower, upper, step }.into()
            }
            _ => return Err(unexpected(n)),
        })
    }

    fn comprehension(&mut self, n: &Node, range: TextRange) -> Make<Expr> {
        let node_index = Default::default();
        let elt = self.boxed(field(n, 0))?;
        if n.class == Class::DictComp {
            let (value, generators) = (self.boxed(field(n, 1))?, self.generators(field(n, 2))?);
            return Ok(ast::ExprDictComp { node_index, range, key: Some(elt), value, generators }.into());
        }
        let generators = self.generators(field(n, 1))?;
        Ok(match n.class {
            Class::ListComp => ast::ExprListComp { node_index, range, elt, generators }.into(),
            Class::SetComp => ast::ExprSetComp { node_index, range, elt, generators }.into(),
            _ => ast::ExprGenerator { node_index, range, elt, generators, parenthesized: true }.into(),
        })
    }

    fn generators(&mut self, list: &Field) -> Make<Vec<ast::Comprehension>> {
        self.list(list, |m, found| {
            let c = inner(found)?;
            let range = m.range(inner(field(c, 0))?.span)?;
            let (target, iter, ifs) = (m.expr(field(c, 0))?, m.expr(field(c, 1))?, m.exprs(field(c, 2))?);
            let is_async = flag(field(c, 3));
            Ok(ast::Comprehension { range, node_index: Default::default(), target, iter, ifs, is_async })
        })
    }

    /// A constant; one that no literal can write is kept aside.
    fn constant(&mut self, found: &Field, range: TextRange) -> Make<Expr> {
        let node_index = Default::default();
        let Field::Const(value) = found else {
            return Err(SyntaxError::bare(ErrorKind::Value, "a constant is missing"));
        };
        Ok(match value {
            Const::None => ast::ExprNoneLiteral { node_index, range }.into(),
            Const::Bool(value) => ast::ExprBooleanLiteral { node_index, range, value: *value }.into(),
            Const::Ellipsis => ast::ExprEllipsisLiteral { node_index, range }.into(),
            Const::Str(text) if std::str::from_utf8(text).is_ok() => {
                let value = String::from_utf8_lossy(text).into_owned().into();
                ast::StringLiteral { range, node_index, value, flags: ast::StringLiteralFlags::empty() }.into()
            }
            Const::Bytes(bytes) => {
                let flags = ast::BytesLiteralFlags::empty();
                ast::BytesLiteral { range, node_index, value: (&**bytes).into(), flags }.into()
            }
            Const::Int(n) if *n >= 0 => {
                let value = ast::Number::Int(n.unsigned_abs().into());
                ast::ExprNumberLiteral { node_index, range, value }.into()
            }
            Const::Float(x) => ast::ExprNumberLiteral { node_index, range, value: ast::Number::Float(*x) }.into(),
            other => {
                let stand_in = ast::ExprEllipsisLiteral { node_index, range };
                self.made.keep(&stand_in, other.clone());
                stand_in.into()
            }
        })
    }

    pub(super) fn arguments(&mut self, args: &Field, keywords: &Field, span: Span) -> Make<ast::Arguments> {
        let (range, args) = (self.range(span)?, self.exprs(args)?.into());
        let keywords = self.list(keywords, |m, found| {
            let k = inner(found)?;
            let range = m.range(k.span)?;
            let (arg, value) = (m.maybe_identifier(field(k, 0), k.span)?, m.expr(field(k, 1))?);
            Ok(ast::Keyword { range, node_index: Default::default(), arg, value })
        })?;
        Ok(ast::Arguments { range, node_index: Default::default(), args, keywords: keywords.into() })
    }

    pub(super) fn parameters(&mut self, n: &Node) -> Make<ast::Parameters> {
        let positional = field(n, 0).list().len() + field(n, 1).list().len();
        let defaults = field(n, 6).list();
        let missing = positional.saturating_sub(defaults.len());
        let mut all = Vec::with_capacity(positional);
        for (i, found) in field(n, 0).list().iter().chain(field(n, 1).list()).enumerate() {
            let default = i.checked_sub(missing).and_then(|at| defaults.get(at)).unwrap_or(&Field::Absent);
            all.push(self.parameter_with_default(found, default)?);
        }
        let args = all.split_off(field(n, 0).list().len());
        let vararg = self.maybe(field(n, 2), |m, found| m.parameter(found).map(Box::new))?;
        let mut kwonlyargs = Vec::new();
        for (found, default) in field(n, 3).list().iter().zip(field(n, 4).list()) {
            kwonlyargs.push(self.parameter_with_default(found, default)?);
        }
        let kwarg = self.maybe(field(n, 5), |m, found| m.parameter(found).map(Box::new))?;
        Ok(ast::Parameters {
            range: TextRange::default(),
            node_index: Default::default(),
            posonlyargs: all.into(),
            args: args.into(),
            vararg,
            kwonlyargs: kwonlyargs.into(),
            kwarg,
        })
    }

    fn parameter_with_default(&mut self, found: &Field, default: &Field) -> Make<ast::ParameterWithDefault> {
        let (parameter, default) = (self.parameter(found)?, self.maybe_box(default)?);
        Ok(ast::ParameterWithDefault { range: parameter.range, node_index: Default::default(), parameter, default })
    }

    fn parameter(&mut self, found: &Field) -> Make<ast::Parameter> {
        let n = inner(found)?;
        let (range, name) = (self.range(n.span)?, self.identifier(field(n, 0), n.span)?);
        let annotation = self.maybe_box(field(n, 1))?;
        Ok(ast::Parameter { range, node_index: Default::default(), name, annotation })
    }

    fn joined(&mut self, n: &Node, range: TextRange) -> Make<Expr> {
        let elements = match n.class {
            Class::FormattedValue => vec![self.interpolated(n)?],
            _ => self.list(field(n, 0), |m, found| m.element(inner(found)?))?,
        };
        let flags = ast::FStringFlags::empty();
        Ok(ast::FString { range, node_index: Default::default(), elements: elements.into(), flags }.into())
    }

    fn template(&mut self, n: &Node, range: TextRange) -> Make<Expr> {
        if n.class == Class::Interpolation {
            return Err(SyntaxError::bare(ErrorKind::System, "an Interpolation must stand in a TemplateStr"));
        }
        let elements = self.list(field(n, 0), |m, found| m.element(inner(found)?))?;
        let flags = ast::TStringFlags::empty();
        Ok(ast::TString { range, node_index: Default::default(), elements: elements.into(), flags }.into())
    }

    /// A value of an interpolated string: text, a field, or any expression whose value is text.
    fn element(&mut self, n: &Node) -> Make<InterpolatedStringElement> {
        if matches!(n.class, Class::FormattedValue | Class::Interpolation) {
            return self.interpolated(n);
        }
        let range = self.range(n.span)?;
        if n.class == Class::Constant
            && let Field::Const(Const::Str(text)) = field(n, 0)
            && let Ok(text) = std::str::from_utf8(text)
        {
            let node_index = Default::default();
            let literal = ast::InterpolatedStringLiteralElement { range, node_index, value: text.into() };
            return Ok(InterpolatedStringElement::Literal(literal));
        }
        let expression = Box::new(self.deeper(|m| m.expr_inner(n))?);
        Ok(InterpolatedStringElement::Interpolation(ast::InterpolatedElement {
            range,
            node_index: Default::default(),
            expression,
            debug_text: None,
            conversion: ConversionFlag::None,
            format_spec: None,
        }))
    }

    fn interpolated(&mut self, n: &Node) -> Make<InterpolatedStringElement> {
        let range = self.range(n.span)?;
        let expression = self.boxed(field(n, 0))?;
        let is_template = n.class == Class::Interpolation;
        let at = if is_template { 2 } else { 1 };
        let Field::Int(code) = field(n, at) else { return Err(unexpected(n)) };
        let conversion = match u8::try_from(*code) {
            Ok(b's') => ConversionFlag::Str,
            Ok(b'r') => ConversionFlag::Repr,
            Ok(b'a') => ConversionFlag::Ascii,
            _ if *code == -1 => ConversionFlag::None,
            _ => {
                let text = format!("Unrecognized conversion character {code}");
                return Err(SyntaxError::bare(ErrorKind::System, text));
            }
        };
        let format_spec = self.maybe(field(n, at + 1), |m, found| {
            let spec = inner(found)?;
            let elements = match spec.class {
                Class::JoinedStr => m.list(field(spec, 0), |m, found| m.element(inner(found)?))?,
                _ => vec![m.element(spec)?],
            };
            let range = m.range(spec.span)?;
            let node_index = Default::default();
            Ok(Box::new(ast::InterpolatedStringFormatSpec { range, node_index, elements: elements.into() }))
        })?;
        let debug_text = None;
        let node_index = Default::default();
        let made = ast::InterpolatedElement { range, node_index, expression, debug_text, conversion, format_spec };
        if let (true, Field::Const(source)) = (is_template, field(n, 1)) {
            self.made.keep(&made, source.clone());
        }
        Ok(InterpolatedStringElement::Interpolation(made))
    }
}

pub(super) fn operator(found: &Field, n: &Node) -> Make<Operator> {
    Ok(match found.class() {
        Some(Class::Add) => Operator::Add,
        Some(Class::Sub) => Operator::Sub,
        Some(Class::Mult) => Operator::Mult,
        Some(Class::MatMult) => Operator::MatMult,
        Some(Class::Div) => Operator::Div,
        Some(Class::Mod) => Operator::Mod,
        Some(Class::Pow) => Operator::Pow,
        Some(Class::LShift) => Operator::LShift,
        Some(Class::RShift) => Operator::RShift,
        Some(Class::BitOr) => Operator::BitOr,
        Some(Class::BitXor) => Operator::BitXor,
        Some(Class::BitAnd) => Operator::BitAnd,
        Some(Class::FloorDiv) => Operator::FloorDiv,
        _ => return Err(unexpected(n)),
    })
}

fn unary_operator(found: &Field) -> UnaryOp {
    match found.class() {
        Some(Class::Invert) => UnaryOp::Invert,
        Some(Class::UAdd) => UnaryOp::UAdd,
        Some(Class::USub) => UnaryOp::USub,
        _ => UnaryOp::Not,
    }
}

fn comparison(found: &Field) -> CmpOp {
    match found.class() {
        Some(Class::NotEq) => CmpOp::NotEq,
        Some(Class::Lt) => CmpOp::Lt,
        Some(Class::LtE) => CmpOp::LtE,
        Some(Class::Gt) => CmpOp::Gt,
        Some(Class::GtE) => CmpOp::GtE,
        Some(Class::Is) => CmpOp::Is,
        Some(Class::IsNot) => CmpOp::IsNot,
        Some(Class::In) => CmpOp::In,
        Some(Class::NotIn) => CmpOp::NotIn,
        _ => CmpOp::Eq,
    }
}
