//! f-strings and t-strings: neighbouring texts are one constant.

use super::expr::kind;
use super::{Read, Reader};
use crate::SyntaxError;
use crate::text;
use crate::tree::Field;
use crate::tree::table::Class;
use ruff_python_ast::{self as ast, FStringPart, InterpolatedElement, InterpolatedStringElement};
use ruff_text_size::{Ranged, TextRange, TextSize};
use typhon_isa::Const;

/// The values of one interpolated string, and the text that is not one of them yet.
#[derive(Default)]
struct Values {
    list: Vec<Field>,
    text: Vec<u8>,
    range: Option<TextRange>,
    unicode: bool,
}

impl Values {
    fn push(&mut self, bytes: &[u8], range: TextRange, unicode: bool) {
        self.unicode |= self.range.is_none() && unicode;
        self.range = Some(self.range.map_or(range, |before| before.cover(range)));
        self.text.extend_from_slice(bytes);
    }
}

/// Which string it is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Of {
    Format,
    Template,
}

impl Reader<'_> {
    pub(super) fn fstring(&mut self, f: &ast::ExprFString) -> Read {
        let mut values = Values::default();
        for part in f.value.as_slice() {
            match part {
                FStringPart::Literal(s) => {
                    values.push(&text::literal(s, self.map), s.range, s.flags.prefix().is_unicode());
                }
                FStringPart::FString(s) => {
                    self.elements(&s.elements, s.flags.prefix().is_raw(), Of::Format, &mut values)?
                }
            }
        }
        self.finish(values)
    }

    pub(super) fn tstring(&mut self, t: &ast::ExprTString) -> Read {
        let mut values = Values::default();
        for part in t.value.as_slice() {
            self.elements(&part.elements, part.flags.prefix().is_raw(), Of::Template, &mut values)?;
        }
        self.finish(values)
    }

    fn finish(&self, mut values: Values) -> Read {
        self.flush(&mut values);
        Ok(Field::List(values.list))
    }

    /// Makes a constant of the text so far.
    fn flush(&self, values: &mut Values) {
        let (text, range) = (std::mem::take(&mut values.text), values.range.take());
        let unicode = std::mem::take(&mut values.unicode);
        if let Some(range) = range.filter(|_| !text.is_empty()) {
            let fields = vec![Field::Const(Const::Str(text.into())), kind(unicode)];
            values.list.push(self.node(Class::Constant, range, fields));
        }
    }

    fn elements(
        &mut self,
        elements: &[InterpolatedStringElement],
        raw: bool,
        of: Of,
        values: &mut Values,
    ) -> Result<(), SyntaxError> {
        for element in elements {
            match element {
                InterpolatedStringElement::Literal(l) if raw => values.push(l.value.as_bytes(), l.range, false),
                InterpolatedStringElement::Literal(l) => {
                    values.push(&text::piece(&l.value, l.range, self.map, true), l.range, false);
                }
                InterpolatedStringElement::Interpolation(field) => {
                    if let Some(debug) = &field.debug_text {
                        let start = field.range.start() + TextSize::new(1);
                        let range = TextRange::at(start, TextSize::of(debug.as_str()));
                        values.push(text::without_comments(debug.as_str()).as_bytes(), range, false);
                    }
                    self.flush(values);
                    let field = self.field(field, raw, of)?;
                    values.list.push(field);
                }
            }
        }
        Ok(())
    }

    fn field(&mut self, field: &InterpolatedElement, raw: bool, of: Of) -> Read {
        let value = self.expr(&field.expression)?;
        let spec = match &field.format_spec {
            None => Field::Absent,
            Some(spec) => {
                let mut values = Values::default();
                self.elements(&spec.elements, raw, Of::Format, &mut values)?;
                let fields = vec![self.finish(values)?];
                // The colon belongs to it.
                let colon = spec.range.start() - TextSize::new(1);
                self.node(Class::JoinedStr, TextRange::new(colon, spec.range.end()), fields)
            }
        };
        let is_plain = field.debug_text.is_some() && spec.is_absent();
        let conversion = match field.conversion {
            ast::ConversionFlag::None if is_plain => i32::from(b'r'),
            other => other as i8 as i32,
        };
        let conversion = Field::Int(conversion);
        Ok(match of {
            Of::Format => self.node(Class::FormattedValue, field.range(), vec![value, conversion, spec]),
            Of::Template => {
                let source = Field::Const(text::field_source(field, self.map));
                self.node(Class::Interpolation, field.range(), vec![value, source, conversion, spec])
            }
        })
    }
}
