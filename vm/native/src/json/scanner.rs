//! _json.Scanner: JSON text to values.

use super::text::{self, Unit, plain_run};
use super::{decode_error, str_arg};
use crate::ctor::bind;
use hashbrown::HashTable;
use rustc_hash::FxHasher;
use std::hash::Hasher;
use typhon_object::args::Args;
use typhon_object::dict::Dict;
use typhon_object::error::{self, Exc, Res};
use typhon_object::header::Header;
use typhon_object::list::List;
use typhon_object::native::{MethodDef, def, getter, member};
use typhon_object::slots::Slots;
use typhon_object::store::Slot;
use typhon_object::strs::{self, Str, Units};
use typhon_object::ty::{TypeDef, flag};
use typhon_object::types::{float, int};
use typhon_object::{Thread, Value, attr, call, convert, ops, payload, tuple};

/// A scanner: a context's settings.
#[repr(C)]
struct Scanner {
    header: Header,
    strict: bool,
    object_hook: Slot,
    object_pairs_hook: Slot,
    parse_float: Slot,
    parse_int: Slot,
    parse_constant: Slot,
}

typhon_object::payload!(Scanner => SCANNER {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        for slot in [&self.object_hook, &self.object_pairs_hook, &self.parse_float, &self.parse_int, &self.parse_constant] {
            visit(&slot.get());
        }
    }
});

/// _json.Scanner.
pub(super) static SCANNER: TypeDef = TypeDef {
    name: "_json.Scanner",
    doc: "JSON scanner object",
    flags: flag::BASETYPE,
    slots: Slots { new: Some(|t, class, args| bind(t, &NEW, class, args)), call: Some(call_scanner), ..Slots::NONE },
    getset: &[getter("strict", |_, v| Ok(Value::bool(v.expect::<Scanner>().strict)), "strict")],
    members: &[
        member("object_hook", std::mem::offset_of!(Scanner, object_hook), "object_hook"),
        member("object_pairs_hook", std::mem::offset_of!(Scanner, object_pairs_hook), ""),
        member("parse_float", std::mem::offset_of!(Scanner, parse_float), "parse_float"),
        member("parse_int", std::mem::offset_of!(Scanner, parse_int), "parse_int"),
        member("parse_constant", std::mem::offset_of!(Scanner, parse_constant), "parse_constant"),
    ],
    ..TypeDef::of::<Scanner>()
};

static NEW: MethodDef = def(
    "make_scanner",
    "($type, /, context)",
    |t, a| {
        let of = |name: &str| attr::get_text(t, &a[1], name);
        let strict = ops::truth(t, &of("strict")?)?;
        let (object_hook, object_pairs_hook) = (of("object_hook")?, of("object_pairs_hook")?);
        let (parse_float, parse_int) = (of("parse_float")?, of("parse_int")?);
        let parse_constant = of("parse_constant")?;
        payload::new_for(t, &a[0], |header| Scanner {
            header,
            strict,
            object_hook: Slot::new(object_hook),
            object_pairs_hook: Slot::new(object_pairs_hook),
            parse_float: Slot::new(parse_float),
            parse_int: Slot::new(parse_int),
            parse_constant: Slot::new(parse_constant),
        })
    },
    "",
);

static CALL: MethodDef = def(
    "scan_once",
    "($self, /, string, idx)",
    |t, a| {
        let s = str_arg(t, &a[1])?;
        let Ok(at) = usize::try_from(convert::to_isize(t, &a[2])?) else {
            return Err(error::value_error(t, "idx cannot be negative"));
        };
        let (v, end) = match s.units() {
            Units::Latin1(u) => Scan::new(t, &a[0], &a[1], u).value(at)?,
            Units::Ucs2(u) => Scan::new(t, &a[0], &a[1], u).value(at)?,
            Units::Ucs4(u) => Scan::new(t, &a[0], &a[1], u).value(at)?,
        };
        tuple::from_array(t, [v, convert::from_usize(end)])
    },
    "",
);

fn call_scanner(t: &Thread, v: &Value, args: Args<'_>) -> Res {
    bind(t, &CALL, v, args)
}

/// One call of a scanner.
struct Scan<'a, U> {
    t: &'a Thread,
    whole: &'a Value,
    s: &'a [U],
    strict: bool,
    object_hook: Option<Value>,
    pairs_hook: Option<Value>,
    /// Absent where the plain type does.
    parse_float: Option<Value>,
    parse_int: Option<Value>,
    parse_constant: Value,
    /// Keys seen: equal ones become one object.
    keys: HashTable<Value>,
}

impl<'a, U: Unit> Scan<'a, U> {
    fn new(t: &'a Thread, scanner: &Value, whole: &'a Value, s: &'a [U]) -> Self {
        let this = scanner.expect::<Scanner>();
        let hook = |slot: &Slot| slot.get().non_none().cloned();
        let custom = |slot: &Slot, plain: &'static TypeDef| Some(slot.get()).filter(|f| !f.is(&plain.ty().value()));
        Self {
            t,
            whole,
            s,
            strict: this.strict,
            object_hook: hook(&this.object_hook),
            pairs_hook: hook(&this.object_pairs_hook),
            parse_float: custom(&this.parse_float, &float::FLOAT),
            parse_int: custom(&this.parse_int, &int::INT),
            parse_constant: this.parse_constant.get(),
            keys: HashTable::new(),
        }
    }

    #[inline(always)]
    fn at(&self, i: usize) -> u32 {
        self.s.get(i).map_or(u32::MAX, |&u| u.into())
    }

    /// The index of the first unit from `i` on that is no white space.
    #[inline]
    fn skip(&self, mut i: usize) -> usize {
        while matches!(self.at(i), 0x20 | 0x09 | 0x0a | 0x0d) {
            i += 1;
        }
        i
    }

    fn says(&self, i: usize, word: &[u8]) -> bool {
        word.iter().enumerate().all(|(k, &b)| self.at(i + k) == u32::from(b))
    }

    fn refuse(&self, message: &str, at: usize) -> Exc {
        decode_error(self.t, message, self.whole, at)
    }

    fn nothing(&self, at: usize) -> Exc {
        error::stop_iteration(self.t, convert::from_usize(at))
    }

    /// The value that begins at `i`, and the index after it.
    fn value(&mut self, i: usize) -> Res<(Value, usize)> {
        match u8::try_from(self.at(i)).unwrap_or(0) {
            b'"' => text::scan(self.t, self.whole, self.s, i + 1, self.strict),
            b'{' => {
                self.t.check_stack("while decoding a JSON object from a unicode string")?;
                self.object(i + 1)
            }
            b'[' => {
                self.t.check_stack("while decoding a JSON array from a unicode string")?;
                self.array(i + 1)
            }
            b'n' if self.says(i, b"null") => Ok((Value::NONE, i + 4)),
            b't' if self.says(i, b"true") => Ok((Value::TRUE, i + 4)),
            b'f' if self.says(i, b"false") => Ok((Value::FALSE, i + 5)),
            b'N' if self.says(i, b"NaN") => self.constant("NaN", i + 3),
            b'I' if self.says(i, b"Infinity") => self.constant("Infinity", i + 8),
            b'-' if self.says(i, b"-Infinity") => self.constant("-Infinity", i + 9),
            _ => self.number(i),
        }
    }

    #[cold]
    fn constant(&self, name: &str, end: usize) -> Res<(Value, usize)> {
        Ok((call::call1(self.t, &self.parse_constant, &strs::new(self.t, name)?)?, end))
    }

    /// The key whose text begins at `i`, and the index after its quote.
    #[inline]
    fn key(&mut self, i: usize) -> Res<(Value, usize)> {
        let end = plain_run(self.s, i, self.strict);
        if self.at(end) != u32::from(b'"') {
            return text::scan(self.t, self.whole, self.s, i, self.strict);
        }
        let text = &self.s[i..end];
        let mut hasher = FxHasher::default();
        text.iter().for_each(|&u| hasher.write_u32(u.into()));
        let hash = hasher.finish();
        let same = |v: &Value| {
            v.exact::<Str>()
                .is_some_and(|k| k.len() == text.len() && k.units().iter().eq(text.iter().map(|&u| u.into())))
        };
        if let Some(found) = self.keys.find(hash, same) {
            return Ok((found.clone(), end + 1));
        }
        let made = U::make(self.t, text)?;
        // A rehash hashes again; keys are few and short.
        self.keys.insert_unique(hash, made.clone(), |v| {
            let mut hasher = FxHasher::default();
            if let Some(k) = v.exact::<Str>() {
                k.units().iter().for_each(|c| hasher.write_u32(c));
            }
            hasher.finish()
        });
        Ok((made, end + 1))
    }

    /// The object after a `{`.
    fn object(&mut self, i: usize) -> Res<(Value, usize)> {
        let t = self.t;
        let dict = if self.pairs_hook.is_none() { Dict::create(t) } else { List::create(t)? };
        let mut i = self.skip(i);
        if self.at(i) != u32::from(b'}') {
            loop {
                if self.at(i) != u32::from(b'"') {
                    return Err(self.refuse("Expecting property name enclosed in double quotes", i));
                }
                let (key, next) = self.key(i + 1)?;
                i = self.skip(next);
                if self.at(i) != u32::from(b':') {
                    return Err(self.refuse("Expecting ':' delimiter", i));
                }
                i = self.skip(i + 1);
                let (v, next) = self.value(i)?;
                if self.pairs_hook.is_none() {
                    Dict::of(&dict).set_str(t, &key, v)?;
                } else {
                    dict.expect::<List>().push(t, tuple::from_array(t, [key, v])?)?;
                }
                t.poll()?;
                i = self.skip(next);
                match self.at(i) {
                    0x7d => break,
                    0x2c => {}
                    _ => return Err(self.refuse("Expecting ',' delimiter", i)),
                }
                let comma = i;
                i = self.skip(i + 1);
                if self.at(i) == u32::from(b'}') {
                    return Err(self.refuse("Illegal trailing comma before end of object", comma));
                }
            }
        }
        let made = match (&self.pairs_hook, &self.object_hook) {
            (Some(hook), _) | (None, Some(hook)) => call::call1(t, hook, &dict)?,
            (None, None) => dict,
        };
        Ok((made, i + 1))
    }

    /// The array after a `[`.
    fn array(&mut self, i: usize) -> Res<(Value, usize)> {
        let t = self.t;
        let out = List::create(t)?;
        let list = out.expect::<List>();
        let mut i = self.skip(i);
        if self.at(i) == u32::from(b']') {
            return Ok((out, i + 1));
        }
        loop {
            let (v, next) = self.value(i)?;
            list.push(t, v)?;
            t.poll()?;
            i = self.skip(next);
            match self.at(i) {
                0x5d => return Ok((out, i + 1)),
                0x2c => {}
                _ => return Err(self.refuse("Expecting ',' delimiter", i)),
            }
            let comma = i;
            i = self.skip(i + 1);
            if self.at(i) == u32::from(b']') {
                return Err(self.refuse("Illegal trailing comma before end of array", comma));
            }
        }
    }

    #[inline]
    fn digit(&self, i: usize) -> Option<i64> {
        let c = self.at(i);
        if (0x30..=0x39).contains(&c) { Some(i64::from(c) - 0x30) } else { None }
    }

    fn digits(&self, mut i: usize) -> usize {
        while self.digit(i).is_some() {
            i += 1;
        }
        i
    }

    /// The number that begins at `start`, and the index after it.
    fn number(&self, start: usize) -> Res<(Value, usize)> {
        let negative = self.at(start) == u32::from(b'-');
        let first = start + usize::from(negative);
        let mut end = match self.digit(first) {
            None => return Err(self.nothing(start)),
            Some(0) => first + 1,
            Some(_) => self.digits(first + 1),
        };
        let whole_end = end;
        if self.at(end) == u32::from(b'.') && self.digit(end + 1).is_some() {
            end = self.digits(end + 2);
        }
        if matches!(self.at(end), 0x65 | 0x45) {
            let sign = usize::from(matches!(self.at(end + 1), 0x2b | 0x2d));
            if self.digit(end + 1 + sign).is_some() {
                end = self.digits(end + 2 + sign);
            }
        }
        if end == whole_end {
            return Ok((self.int(start, first, end, negative)?, end));
        }
        let text = self.ascii(start, end);
        if let Some(f) = &self.parse_float {
            return Ok((call::call1(self.t, f, &strs::new(self.t, &text)?)?, end));
        }
        let x: f64 = text.parse().map_err(|_| error::value_error(self.t, "could not convert string to float"))?;
        Ok((convert::from_f64(self.t, x)?, end))
    }

    fn int(&self, start: usize, first: usize, end: usize, negative: bool) -> Res {
        if let Some(f) = &self.parse_int {
            return call::call1(self.t, f, &strs::new(self.t, &self.ascii(start, end))?);
        }
        if end - first <= 17 {
            let n = (first..end).fold(0, |n, i| n * 10 + self.digit(i).unwrap_or(0));
            return Ok(Value::small(if negative { -n } else { n }));
        }
        let text = self.ascii(start, end);
        int::parse(self.t, &text, 10, &strs::new(self.t, &text)?)
    }

    /// A piece of ASCII text.
    fn ascii(&self, from: usize, to: usize) -> String {
        self.s[from..to].iter().map(|&u| u8::try_from(u.into()).map_or('?', char::from)).collect()
    }
}
