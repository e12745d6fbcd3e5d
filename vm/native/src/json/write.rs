//! Writing values as JSON.

use super::encoder::{Encoder, Quote, check_depth};
use super::escape::push_quoted;
use typhon_num::float_text;
use typhon_object::dict::Dict;
use typhon_object::error::{self, Exc, Res};
use typhon_object::list::List;
use typhon_object::names::{self, n};
use typhon_object::strs::{self, Str, StrBuilder, Units};
use typhon_object::tuple::Tuple;
use typhon_object::types::{exceptions, float, int, iters};
use typhon_object::{Thread, Value, call, ops, type_of};

/// The text so far, and the encoder's settings at hand.
pub(super) struct Writer<'a> {
    t: &'a Thread,
    out: StrBuilder,
    this: &'a Encoder,
    /// The containers being written, innermost last, if cycles are to be found. They are few: nesting is bounded.
    marks: Option<Vec<Value>>,
    key_separator: Value,
    item_separator: Value,
    indent: Option<Value>,
    /// The length at which memory is checked again.
    check_at: usize,
}

impl<'a> Writer<'a> {
    pub(super) fn new(t: &'a Thread, encoder: &'a Value) -> Res<Self> {
        let this = encoder.expect::<Encoder>();
        Ok(Self {
            t,
            out: StrBuilder::new(),
            this,
            marks: this.markers.get().non_none().map(|_| Vec::new()),
            key_separator: this.key_separator.get(),
            item_separator: this.item_separator.get(),
            indent: this.indent.get().non_none().cloned(),
            check_at: 1 << 14,
        })
    }

    pub(super) fn finish(self) -> Res {
        self.out.finish(self.t)
    }

    #[inline]
    fn ascii(&mut self, text: &[u8]) {
        self.out.push_units(Units::Latin1(text));
    }

    /// Between items: memory and interruption.
    #[inline]
    fn breathe(&mut self) -> Res<()> {
        if self.out.len() >= self.check_at {
            self.check_at = self.out.len() * 2;
            self.t.check_alloc(self.check_at)?;
        }
        self.t.poll()
    }

    /// Appends a value.
    pub(super) fn value(&mut self, v: &Value, level: usize) -> Res<()> {
        if let Some(s) = v.downcast::<Str>() {
            return self.string(v, s);
        }
        if v.is_none() || v.is_bool() {
            self.ascii(constant(v));
            return Ok(());
        }
        if int::is_int(v) {
            return self.int(v);
        }
        if let Some(x) = float::as_f64(v) {
            let text = self.float(v, x)?;
            self.ascii(text.as_bytes());
            return Ok(());
        }
        if v.downcast::<List>().is_some() || v.downcast::<Tuple>().is_some() {
            check_depth(self.t)?;
            return self.marked(v, |w| w.sequence(v, level));
        }
        if let Some(dict) = v.downcast::<Dict>() {
            check_depth(self.t)?;
            if dict.is_empty() {
                self.ascii(b"{}");
                return Ok(());
            }
            return self.marked(v, |w| w.mapping(v, level));
        }
        self.marked(v, |w| w.other(v, level))
    }

    /// Writes a container or custom object with its mark set, so that it is not met inside itself.
    fn marked(&mut self, v: &Value, f: impl FnOnce(&mut Self) -> Res<()>) -> Res<()> {
        let Some(marks) = &mut self.marks else { return f(self) };
        if marks.iter().any(|mark| mark.is(v)) {
            return Err(error::value_error(self.t, "Circular reference detected"));
        }
        marks.push(v.clone());
        f(self)?;
        if let Some(marks) = &mut self.marks {
            marks.pop();
        }
        Ok(())
    }

    #[inline]
    fn string(&mut self, v: &Value, s: &Str) -> Res<()> {
        match self.this.quote {
            Quote::Called => {
                let made = call::call1(self.t, &self.this.encoder.get(), v)?;
                match made.downcast::<Str>() {
                    Some(s) => self.out.push_value(s),
                    None => {
                        let name = type_of(&made).name();
                        let text = format_args!("encoder() must return a string, not {name}");
                        return Err(error::type_error(self.t, text));
                    }
                }
                Ok(())
            }
            quote => push_quoted(self.t, &mut self.out, s, quote == Quote::Ascii),
        }
    }

    fn int(&mut self, v: &Value) -> Res<()> {
        let exact = int::exact(self.t, v)?;
        let text = ops::repr(self.t, &exact)?;
        if let Some(s) = text.exact::<Str>() {
            self.out.push_value(s);
        }
        Ok(())
    }

    fn float(&self, v: &Value, x: f64) -> Res<String> {
        if x.is_finite() {
            return Ok(float_text::repr(x));
        }
        if !self.this.allow_nan {
            let text = ops::repr_text(self.t, v)?;
            let text = format_args!("Out of range float values are not JSON compliant: {text}");
            return Err(error::value_error(self.t, text));
        }
        Ok(match (x.is_nan(), x > 0.0) {
            (true, _) => "NaN",
            (_, true) => "Infinity",
            _ => "-Infinity",
        }
        .to_string())
    }

    fn other(&mut self, v: &Value, level: usize) -> Res<()> {
        let made = call::call1(self.t, &self.this.default.get(), v)?;
        check_depth(self.t)?;
        self.value(&made, level).map_err(|e| self.noted(e, || Ok(format!("when serializing {} object", shown(v)))))
    }

    /// Adds a note to an exception that passes.
    #[cold]
    fn noted(&self, e: Exc, note: impl FnOnce() -> Res<String>) -> Exc {
        if e.is_stopped() {
            return e;
        }
        let add = || exceptions::add_note(self.t, e.value(), &strs::new(self.t, &note()?)?);
        match add() {
            Ok(()) => e,
            Err(other) => other,
        }
    }

    /// A new line and the indentation of a level.
    fn line(&mut self, level: usize) {
        if let Some(indent) = &self.indent {
            self.out.push(u32::from(b'\n'));
            if let Some(s) = indent.downcast::<Str>() {
                (0..level).for_each(|_| self.out.push_value(s));
            }
        }
    }

    #[inline]
    fn separator(&mut self, level: usize) {
        if let Some(s) = self.item_separator.downcast::<Str>() {
            self.out.push_value(s);
        }
        self.line(level);
    }

    fn sequence(&mut self, v: &Value, level: usize) -> Res<()> {
        let item = |i: usize| match v.downcast::<Tuple>() {
            Some(tuple) => tuple.items().get(i).cloned(),
            None => v.downcast::<List>().and_then(|list| list.get(i)),
        };
        let mut i = 0;
        while let Some(x) = item(i) {
            if i == 0 {
                self.ascii(b"[");
                self.line(level + 1);
            } else {
                self.separator(level + 1);
            }
            if let Err(e) = self.value(&x, level + 1) {
                return Err(self.noted(e, || Ok(format!("when serializing {} item {i}", shown(v)))));
            }
            self.breathe()?;
            i += 1;
        }
        if i == 0 {
            self.ascii(b"[]");
        } else {
            self.line(level);
            self.ascii(b"]");
        }
        Ok(())
    }

    fn mapping(&mut self, v: &Value, level: usize) -> Res<()> {
        self.ascii(b"{");
        let mut first = true;
        if self.this.sort_keys || v.exact::<Dict>().is_none() {
            for item in self.items(v)? {
                match item.downcast::<Tuple>().map(Tuple::items) {
                    Some([key, value]) => self.pair(v, key, value, level, &mut first)?,
                    _ => return Err(error::value_error(self.t, "items must return 2-tuples")),
                }
            }
        } else {
            for (key, _, value) in Dict::of(v).walk(self.t)? {
                self.pair(v, &key, &value, level, &mut first)?;
            }
        }
        if !first {
            self.line(level);
        }
        self.ascii(b"}");
        Ok(())
    }

    /// `v.items()`, sorted if asked for.
    fn items(&self, v: &Value) -> Res<Vec<Value>> {
        let t = self.t;
        let items = call::method(t, v, n::items(), &[])?;
        let list = List::from_vec(t, ops::collect(t, &items)?)?;
        if self.this.sort_keys {
            call::method(t, &list, &names::intern_text(t, "sort"), &[])?;
        }
        ops::collect(t, &list)
    }

    fn pair(&mut self, dict: &Value, key: &Value, value: &Value, level: usize, first: &mut bool) -> Res<()> {
        let text;
        let key_text = if key.downcast::<Str>().is_some() {
            key
        } else {
            text = match self.key_text(key)? {
                Some(text) => text,
                None => return Ok(()),
            };
            &text
        };
        if std::mem::replace(first, false) {
            self.line(level + 1);
        } else {
            self.separator(level + 1);
        }
        if let Some(s) = key_text.downcast::<Str>() {
            self.string(key_text, s)?;
        }
        if let Some(s) = self.key_separator.downcast::<Str>() {
            self.out.push_value(s);
        }
        if let Err(e) = self.value(value, level + 1) {
            let note = || Ok(format!("when serializing {} item {}", shown(dict), ops::repr_text(self.t, key)?));
            return Err(self.noted(e, note));
        }
        self.breathe()
    }

    /// The text of a key that is no str; nothing for one to be skipped.
    fn key_text(&self, key: &Value) -> Res<Option<Value>> {
        let t = self.t;
        if let Some(x) = float::as_f64(key) {
            return strs::new(t, &self.float(key, x)?).map(Some);
        }
        if key.is_none() || key.is_bool() {
            return strs::from_latin1(t, constant(key)).map(Some);
        }
        if int::is_int(key) {
            return ops::repr(t, &int::exact(t, key)?).map(Some);
        }
        if self.this.skip_keys {
            return Ok(None);
        }
        let name = type_of(key).name();
        let text = format_args!("keys must be str, int, float, bool or None, not {name}");
        Err(error::type_error(t, text))
    }
}

fn constant(v: &Value) -> &'static [u8] {
    if v.is_none() {
        b"null"
    } else if v.is_true() {
        b"true"
    } else {
        b"false"
    }
}

/// A value's type as `%T` shows it.
fn shown(v: &Value) -> String {
    let full = iters::full_name(type_of(v));
    full.strip_prefix("__main__.").map_or_else(|| full.clone(), str::to_string)
}
