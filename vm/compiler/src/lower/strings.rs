//! f-strings and t-strings.

use super::expr::{Value, Want};
use super::{Compiler, Done};
use crate::emit::{Loc, Val};
use crate::text;
use ruff_python_ast::{self as ast, ConversionFlag, FStringPart, InterpolatedStringElement};
use ruff_text_size::TextRange;
use typhon_isa::opcode::ConversionKind;
use typhon_isa::{Const, Opcode};

/// Pieces that one instruction joins.
const JOIN_MAX: usize = 64;

/// A piece of an interpolated string: text, or a field.
enum Piece<'a> {
    Text(Vec<u8>),
    Field(Field<'a>),
}

/// What is formatted: a replacement field of an f-string, or an argument of a `%` format.
#[derive(Clone, Copy)]
enum Field<'a> {
    Element(&'a ast::InterpolatedElement),
    Argument(&'a ast::Expr, ConversionKind),
}

fn conversion(flag: ConversionFlag) -> ConversionKind {
    match flag {
        ConversionFlag::None => ConversionKind::None,
        ConversionFlag::Str => ConversionKind::Str,
        ConversionFlag::Ascii => ConversionKind::Ascii,
        ConversionFlag::Repr => ConversionKind::Repr,
    }
}

impl<'a> Compiler<'a> {
    pub(crate) fn fstring(&mut self, f: &'a ast::ExprFString, want: Want) -> Value {
        let mut pieces = Vec::new();
        for part in f.value.as_slice() {
            match part {
                FStringPart::Literal(s) => push_text(&mut pieces, text::literal(s, self.map)),
                FStringPart::FString(s) => {
                    let raw = s.flags.prefix().is_raw();
                    s.elements.iter().for_each(|e| self.push_piece(&mut pieces, e, raw, true));
                }
            }
        }
        self.join(pieces, f.range.into(), want)
    }

    /// `'...' % (a, b)` where the format is a literal of bare `%s`, `%r` and `%a`, as many as there are arguments: it is
    /// joined like an f-string, as CPython's optimizer has it. `None` if it is not of that form.
    pub(crate) fn percent(&mut self, b: &'a ast::ExprBinOp, want: Want) -> Option<Value> {
        let (ast::Expr::StringLiteral(format), ast::Expr::Tuple(args)) = (&*b.left, &*b.right) else { return None };
        if b.op != ast::Operator::Mod || args.elts.is_empty() || args.elts.iter().any(ast::Expr::is_starred_expr) {
            return None;
        }
        let format = text::string(format, self.map);
        let (mut pieces, mut literal, mut bytes, mut args) = (vec![], vec![], format.iter(), args.elts.iter());
        while let Some(&byte) = bytes.next() {
            if byte != b'%' {
                literal.push(byte);
                continue;
            }
            let kind = match bytes.next()? {
                b'%' => {
                    literal.push(b'%');
                    continue;
                }
                b's' => ConversionKind::Str,
                b'r' => ConversionKind::Repr,
                b'a' => ConversionKind::Ascii,
                _ => return None,
            };
            push_text(&mut pieces, std::mem::take(&mut literal));
            pieces.push(Piece::Field(Field::Argument(args.next()?, kind)));
        }
        if args.next().is_some() {
            return None;
        }
        push_text(&mut pieces, literal);
        Some(self.join(pieces, b.range.into(), want))
    }

    fn push_piece(
        &self,
        pieces: &mut Vec<Piece<'a>>,
        element: &'a InterpolatedStringElement,
        raw: bool,
        is_fstring: bool,
    ) {
        match element {
            InterpolatedStringElement::Literal(l) if raw => push_text(pieces, l.value.as_bytes().to_vec()),
            InterpolatedStringElement::Literal(l) => {
                push_text(pieces, text::piece(&l.value, l.range, self.map, true));
            }
            InterpolatedStringElement::Interpolation(field) => {
                if is_fstring && let Some(debug) = &field.debug_text {
                    push_text(pieces, text::without_comments(debug.as_str()).into_bytes());
                }
                pieces.push(Piece::Field(Field::Element(field)));
            }
        }
    }

    fn join(&mut self, pieces: Vec<Piece<'a>>, loc: Loc, want: Want) -> Value {
        let base = self.top();
        if let [Piece::Field(field)] = &pieces[..] {
            return self.field(*field, loc, want);
        }
        if pieces.iter().all(|p| matches!(p, Piece::Text(_))) {
            let text = pieces.into_iter().flat_map(|p| if let Piece::Text(t) = p { t } else { Vec::new() });
            self.at(loc);
            return Ok(self.constant(Const::Str(text.collect::<Vec<u8>>().into()), want));
        }
        // Many pieces are joined in groups, whose results are joined at the end.
        let mut group = base;
        let last = pieces.len() - 1;
        for (i, piece) in pieces.into_iter().enumerate() {
            match piece {
                Piece::Text(bytes) => {
                    self.at(loc);
                    self.constant(Const::Str(bytes.into()), Want::Top);
                }
                Piece::Field(field) => {
                    self.field(field, loc, Want::Top)?;
                }
            }
            let count = self.top() - group;
            if usize::from(count) == JOIN_MAX && i != last {
                self.at(loc);
                self.e().push(Opcode::BuildString, 0, group, group, count);
                group += 1;
                self.set_top(group);
            }
        }
        let count = self.top() - base;
        let out = self.out(base, want);
        self.at(loc);
        self.e().push(Opcode::BuildString, 0, out.reg, base, count);
        Ok(out)
    }

    fn field(&mut self, field: Field<'a>, loc: Loc, want: Want) -> Value {
        let field = match field {
            Field::Element(field) => field,
            Field::Argument(value, kind) => return self.argument(value, kind, loc, want),
        };
        let base = self.top();
        let value = match &field.format_spec {
            Some(_) => self.expr_top(&field.expression)?,
            None => self.operand(&field.expression)?,
        };
        let spec = self.format_spec(field)?.unwrap_or(Val::none());
        let mut kind = conversion(field.conversion);
        if field.debug_text.is_some() && field.format_spec.is_none() && kind == ConversionKind::None {
            kind = ConversionKind::Repr;
        }
        let out = self.out(base, want);
        self.at(field.range);
        self.e().op3(Opcode::FormatValue, kind as u8, out.reg, value, spec);
        Ok(out)
    }

    fn argument(&mut self, value: &'a ast::Expr, kind: ConversionKind, loc: Loc, want: Want) -> Value {
        let base = self.top();
        let value = self.operand(value)?;
        let out = self.out(base, want);
        self.at(loc);
        self.e().op3(Opcode::FormatValue, kind as u8, out.reg, value, Val::none());
        Ok(out)
    }

    /// The format of a field, in the first free temporary.
    fn format_spec(&mut self, field: &'a ast::InterpolatedElement) -> Result<Option<Val>, crate::SyntaxError> {
        let Some(spec) = &field.format_spec else { return Ok(None) };
        let mut pieces = Vec::new();
        let raw = self.in_raw(field.range);
        spec.elements.iter().for_each(|e| self.push_piece(&mut pieces, e, raw, true));
        self.join(pieces, spec.range.into(), Want::Top).map(Some)
    }

    /// Whether a field's text cannot contain an escape.
    fn in_raw(&self, range: TextRange) -> bool {
        !self.map.slice(range).contains('\\')
    }

    pub(crate) fn tstring(&mut self, t: &'a ast::ExprTString, want: Want) -> Value {
        let base = self.top();
        let mut strings: Vec<Const> = Vec::new();
        let mut fields = Vec::new();
        let mut text = Vec::new();
        for part in t.value.as_slice() {
            let raw = part.flags.prefix().is_raw();
            let mut pieces = Vec::new();
            part.elements.iter().for_each(|e| self.push_piece(&mut pieces, e, raw, false));
            for piece in pieces {
                match piece {
                    Piece::Text(bytes) => text.extend(bytes),
                    Piece::Field(Field::Argument(..)) => return Err(self.error(t.range, "invalid syntax")),
                    Piece::Field(Field::Element(field)) => {
                        if let Some(debug) = &field.debug_text {
                            text.extend_from_slice(text::without_comments(debug.as_str()).as_bytes());
                        }
                        strings.push(Const::Str(std::mem::take(&mut text).into()));
                        fields.push(field);
                    }
                }
            }
        }
        strings.push(Const::Str(text.into()));
        self.at(t.range);
        self.constant(Const::Tuple(strings.into()), Want::Top);
        self.interpolations(&fields, t.range.into())?;
        let out = self.out(base, want);
        self.at(t.range);
        self.e().op3(Opcode::BuildTemplate, 0, out.reg, Val::temp(base), Val::temp(base + 1));
        Ok(out)
    }

    /// The tuple of interpolations, in the first free temporary.
    fn interpolations(&mut self, fields: &[&'a ast::InterpolatedElement], loc: Loc) -> Done {
        let first = self.top();
        if fields.len() <= JOIN_MAX {
            for field in fields {
                self.interpolation(field)?;
            }
            self.at(loc);
            self.e().push(Opcode::BuildTuple, 0, first, first, fields.len() as u16);
        } else {
            self.at(loc);
            let list = self.e().alloc();
            self.e().push(Opcode::BuildList, 0, list, list, 0);
            for field in fields {
                let reg = self.top();
                self.interpolation(field)?;
                self.e().op2(Opcode::ListAppend, 0, list, Val::temp(reg), 0);
                self.set_top(reg);
            }
            self.at(loc);
            self.e().op2(Opcode::ListToTuple, 0, first, Val::temp(list), 0);
        }
        self.set_top(first);
        self.e().alloc();
        Ok(())
    }

    fn interpolation(&mut self, field: &'a ast::InterpolatedElement) -> Done {
        let base = self.top();
        self.expr_top(&field.expression)?;
        self.at(field.range);
        let source = text::field_source(field, self.map);
        self.constant(source, Want::Top);
        let spec = self.format_spec(field)?;
        let mut kind = conversion(field.conversion);
        if field.debug_text.is_some() && spec.is_none() && kind == ConversionKind::None {
            kind = ConversionKind::Repr;
        }
        self.at(field.range);
        let count = if spec.is_some() { 3 } else { 2 };
        self.e().push(Opcode::BuildInterpolation, kind as u8, base, base, count);
        self.set_top(base + 1);
        Ok(())
    }
}

/// Adds text, joined to the text before it.
fn push_text(pieces: &mut Vec<Piece<'_>>, bytes: Vec<u8>) {
    if bytes.is_empty() {
        return;
    }
    match pieces.last_mut() {
        Some(Piece::Text(text)) => text.extend(bytes),
        _ => pieces.push(Piece::Text(bytes)),
    }
}
