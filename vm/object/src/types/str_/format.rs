//! str.format, str.format_map and str.__format__.

use super::markup::{self, Bad, First, Step};
use super::{ascii_of, text_arg};
use crate::args::Args;
use crate::attr;
use crate::convert;
use crate::error::{self, Exc, Res};
use crate::ops;
use crate::strs::{self, Str, StrBuilder};
use crate::thread::Thread;
use crate::value::Value;
use smallvec::SmallVec;
use std::ops::Range;
use typhon_num::NumError;
use typhon_num::format_spec::{self, Target};

/// The exception of a numeric error; `Stop` only ever follows a poll's error, which the caller kept.
pub fn num_error(t: &Thread, e: NumError) -> Exc {
    match e {
        NumError::Stop => match t.poll() {
            Err(e) => e,
            Ok(()) => Exc::stopped(),
        },
        NumError::ZeroDivision(text) => error::zero_division(t, text),
        NumError::Overflow(text) => error::overflow_error(t, text),
        NumError::Value(text) => error::value_error(t, text),
        NumError::Memory => t.memory_error(),
    }
}

/// Where fields take their values from.
enum Source<'a> {
    Call { positional: &'a [Value], args: Args<'a> },
    Mapping(&'a Value),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Numbering {
    Unknown,
    Manual,
    Auto(usize),
}

struct Formatter<'a> {
    t: &'a Thread,
    source: Source<'a>,
    numbering: Numbering,
}

pub(super) fn format(t: &Thread, args: Args<'_>) -> Res {
    let [this, positional @ ..] = args.positional() else {
        return Err(error::type_error(t, "unbound method str.format() needs an argument"));
    };
    let text: SmallVec<[u32; 64]> = this.expect::<Str>().units().iter().collect();
    let source = Source::Call { positional, args };
    let mut f = Formatter { t, source, numbering: Numbering::Unknown };
    f.build(&text, 0..text.len(), 2)?.finish(t)
}

pub(super) fn format_map(t: &Thread, a: &[Value]) -> Res {
    let text: SmallVec<[u32; 64]> = a[0].expect::<Str>().units().iter().collect();
    let mut f = Formatter { t, source: Source::Mapping(&a[1]), numbering: Numbering::Unknown };
    f.build(&text, 0..text.len(), 2)?.finish(t)
}

impl Formatter<'_> {
    fn bad<T>(&self, text: Bad) -> Res<T> {
        Err(error::value_error(self.t, text))
    }

    fn text(&self, text: &[u32], range: Range<usize>) -> Res {
        strs::from_ucs4(self.t, &text[range])
    }

    fn build(&mut self, text: &[u32], range: Range<usize>, depth: u32) -> Res<StrBuilder> {
        if depth == 0 {
            return self.bad("Max string recursion exceeded");
        }
        let text = &text[..range.end];
        let mut out = StrBuilder::with_capacity(range.len());
        let mut at = range.start;
        loop {
            let piece = match markup::next_piece(text, &mut at) {
                Ok(Some(piece)) => piece,
                Ok(None) => return Ok(out),
                Err(e) => return self.bad(e),
            };
            text[piece.literal].iter().for_each(|&c| out.push(c));
            let Some(field) = piece.field else { continue };
            self.t.poll()?;
            let mut value = self.value(text, field.name)?;
            if let Some(c) = field.conversion {
                value = self.convert(&value, c)?;
            }
            let spec = if field.nested {
                self.build(text, field.spec, depth - 1)?.finish(self.t)?
            } else {
                self.text(text, field.spec)?
            };
            let done = ops::format(self.t, &value, &spec)?;
            let done = done.expect::<Str>();
            if done.len() > 1024 {
                self.t.check_alloc((out.len() + done.len()).saturating_mul(done.width()))?;
            }
            out.push_value(done);
        }
    }

    fn convert(&self, value: &Value, c: u32) -> Res {
        match char::from_u32(c) {
            Some('r') => ops::repr(self.t, value),
            Some('s') => ops::str(self.t, value),
            Some('a') => ascii_of(self.t, value),
            Some(shown @ '!'..='~') => {
                Err(error::value_error(self.t, format_args!("Unknown conversion specifier {shown}")))
            }
            _ => Err(error::value_error(self.t, format_args!("Unknown conversion specifier \\x{c:x}"))),
        }
    }

    fn value(&mut self, text: &[u32], name: Range<usize>) -> Res {
        let end = name.end;
        let (first, mut at) = match markup::first(text, name) {
            Ok(first) => first,
            Err(e) => return self.bad(e),
        };
        let mut value = match first {
            First::Name(range) => self.keyword(self.text(text, range)?)?,
            First::Index(i) => {
                if matches!(self.numbering, Numbering::Auto(_)) {
                    return self.bad("cannot switch from automatic field numbering to manual field specification");
                }
                self.numbering = Numbering::Manual;
                self.position(i)?
            }
            First::Auto => {
                let i = match self.numbering {
                    Numbering::Manual => {
                        return self.bad("cannot switch from manual field specification to automatic field numbering");
                    }
                    Numbering::Auto(i) => i,
                    Numbering::Unknown => 0,
                };
                self.numbering = Numbering::Auto(i + 1);
                self.position(i)?
            }
        };
        loop {
            value = match markup::next_step(text, &mut at, end) {
                Ok(Some(Step::Attr(range))) => {
                    let name = crate::names::intern(self.t, &self.text(text, range)?);
                    attr::get(self.t, &value, &name)?
                }
                Ok(Some(Step::Index(i))) => ops::getitem(self.t, &value, &convert::from_i64(self.t, i as i64)?)?,
                Ok(Some(Step::Key(range))) => ops::getitem(self.t, &value, &self.text(text, range)?)?,
                Ok(None) => return Ok(value),
                Err(e) => return self.bad(e),
            };
        }
    }

    fn keyword(&self, name: Value) -> Res {
        match &self.source {
            Source::Mapping(m) => ops::getitem(self.t, m, &name),
            Source::Call { args, .. } => match args.keywords().find(|(k, _)| strs::eq(k, &name)) {
                Some((_, v)) => Ok(v.clone()),
                None => Err(error::key_error(self.t, &name)),
            },
        }
    }

    fn position(&self, i: usize) -> Res {
        match &self.source {
            Source::Mapping(_) => self.bad("Format string contains positional fields"),
            Source::Call { positional, .. } => match positional.get(i) {
                Some(v) => Ok(v.clone()),
                None => Err(error::index_error(
                    self.t,
                    format_args!("Replacement index {i} out of range for positional args tuple"),
                )),
            },
        }
    }
}

pub(super) fn format_method(t: &Thread, a: &[Value]) -> Res {
    let spec = text_arg(t, &a[1], "__format__", 0)?;
    if spec.is_empty() {
        // A subclass may have its own text.
        return ops::str(t, &a[0]);
    }
    let s = a[0].expect::<Str>();
    let spec: Vec<u32> = spec.units().iter().collect();
    let parsed = format_spec::parse(&spec, Target::Str, "str").map_err(|e| num_error(t, e))?;
    let layout = format_spec::format_text(s.len(), &parsed, "str").map_err(|e| num_error(t, e))?;
    if layout.left == 0 && layout.right == 0 {
        return strs::substring(t, &a[0], 0, layout.keep);
    }
    let total = layout.left.saturating_add(layout.right).saturating_add(layout.keep);
    t.check_alloc(total.saturating_mul(if s.width() > 1 || layout.fill > 255 { 8 } else { 2 }))?;
    let mut out = StrBuilder::with_capacity(total);
    out.push_n(layout.fill, layout.left);
    out.push_units(s.units().slice(0, layout.keep));
    out.push_n(layout.fill, layout.right);
    out.finish(t)
}
