//! _csv.writer: rows to lines.

use super::dialect::{Dialect, Quoting, Rules};
use super::{dialect_of, fail};
use typhon_object::args::Args;
use typhon_object::error::{self, Res};
use typhon_object::header::Header;
use typhon_object::native::{def, member};
use typhon_object::store::Slot;
use typhon_object::strs::{Str, StrBuilder, Units};
use typhon_object::ty::{TypeDef, flag};
use typhon_object::types::complex;
use typhon_object::types::exceptions::TYPE_ERROR;
use typhon_object::{Thread, Value, attr, call, names, ops, payload, type_of};

/// A writer.
#[repr(C)]
struct Writer {
    header: Header,
    write: Slot,
    dialect: Slot,
}

typhon_object::payload!(Writer => WRITER {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        visit(&self.write.get());
        visit(&self.dialect.get());
    }
});

/// _csv.writer.
pub(super) static WRITER: TypeDef = TypeDef {
    name: "_csv.writer",
    doc: "CSV writer\n\nWriter objects are responsible for generating tabular data\nin CSV format from sequence input.\n",
    flags: flag::BASETYPE | flag::NO_NEW,
    methods: &[
        def(
            "writerow",
            "($self, row, /)",
            |t, a| write_row(t, &a[0], &a[1]),
            "writerow(iterable)\n\nConstruct and write a CSV record from an iterable of fields.  Non-string\nelements will be converted to string.",
        ),
        def(
            "writerows",
            "($self, rows, /)",
            write_rows,
            "writerows(iterable of iterables)\n\nConstruct and write a series of iterables to a csv file.  Non-string\nelements will be converted to string.",
        ),
    ],
    members: &[member("dialect", std::mem::offset_of!(Writer, dialect), "")],
    ..TypeDef::of::<Writer>()
};

/// `writer(fileobj, dialect, ...)`.
pub(super) fn new(t: &Thread, args: Args<'_>) -> Res {
    let dialect = dialect_of(t, "writer", args, 1)?;
    let refuse = || error::type_error(t, "argument 1 must have a \"write\" method");
    let write = attr::get_opt(t, &args.values[0], &names::intern_text(t, "write"))?.ok_or_else(refuse)?;
    if !call::is_callable(&write) {
        return Err(refuse());
    }
    payload::new(t, |header| Writer { header, write: Slot::new(write), dialect: Slot::new(dialect) })
}

/// A line on the way.
struct Line<'a> {
    t: &'a Thread,
    rules: Rules,
    terminator: Vec<u32>,
    out: StrBuilder,
    fields: usize,
}

fn write_row(t: &Thread, v: &Value, row: &Value) -> Res {
    let writer = v.expect::<Writer>();
    let (dialect, write) = (writer.dialect.get(), writer.write.get());
    let dialect = dialect.expect::<Dialect>();
    let terminator = dialect.line_terminator.get();
    let units = terminator.downcast::<Str>().map_or_else(Vec::new, |s| s.units().iter().collect());
    let mut line = Line { t, rules: dialect.rules, terminator: units, out: StrBuilder::new(), fields: 0 };
    let it = ops::iter(t, row).map_err(|e| {
        if e.is(&TYPE_ERROR) { fail(t, format_args!("iterable expected, not {}", type_of(row).name())) } else { e }
    })?;
    let mut last_null = false;
    ops::for_each(t, &it, |field| {
        last_null = field.is_none();
        line.append(&field)
    })?;
    if line.fields > 0 && line.out.is_empty() {
        let nulls = matches!(line.rules.quoting, Quoting::Strings | Quoting::NotNull);
        if line.rules.quoting == Quoting::None || last_null && nulls {
            return Err(fail(t, "single empty field record must be quoted"));
        }
        line.fields -= 1;
        line.push(Units::Latin1(b""), true, false)?;
    }
    if let Some(s) = terminator.downcast::<Str>() {
        line.out.push_value(s);
    }
    let text = line.out.finish(t)?;
    call::call1(t, &write, &text)
}

fn write_rows(t: &Thread, a: &[Value]) -> Res {
    let it = ops::iter(t, &a[1])?;
    ops::for_each(t, &it, |row| write_row(t, &a[0], &row).map(drop))?;
    Ok(Value::NONE)
}

fn is_number(v: &Value) -> bool {
    let slots = type_of(v).slots();
    slots.index.is_some() || slots.int.is_some() || slots.float.is_some() || complex::parts(v).is_some()
}

impl Line<'_> {
    /// Appends a field.
    fn append(&mut self, field: &Value) -> Res<()> {
        let quoted = match self.rules.quoting {
            Quoting::NonNumeric => !is_number(field),
            Quoting::All => true,
            Quoting::Strings => field.downcast::<Str>().is_some(),
            Quoting::NotNull => !field.is_none(),
            Quoting::Minimal | Quoting::None => false,
        };
        if field.is_none() {
            return self.push(Units::Latin1(b""), quoted, true);
        }
        let text = if field.downcast::<Str>().is_some() { field.clone() } else { ops::str(self.t, field)? };
        match text.downcast::<Str>() {
            Some(s) => self.push(s.units(), quoted, false),
            None => Ok(()),
        }
    }

    fn push(&mut self, text: Units<'_>, mut quoted: bool, null: bool) -> Res<()> {
        let rules = self.rules;
        self.t.check_alloc(self.out.len() + text.len() * 4)?;
        if text.is_empty() && rules.delimiter == 0x20 && rules.skip_initial_space {
            let nulls = matches!(rules.quoting, Quoting::Strings | Quoting::NotNull);
            if rules.quoting == Quoting::None || null && nulls {
                let text = "empty field must be quoted if delimiter is a space and skipinitialspace is true";
                return Err(fail(self.t, text));
            }
            quoted = true;
        }
        let mut body = StrBuilder::with_capacity(text.len());
        for (i, c) in text.iter().enumerate() {
            if self.is_special(c) {
                let escaped = match rules.quoting {
                    Quoting::None => true,
                    _ if Some(c) == rules.quote && rules.double_quote => {
                        body.push(c);
                        false
                    }
                    _ => Some(c) == rules.quote || Some(c) == rules.escape,
                };
                if escaped {
                    let Some(escape) = rules.escape else {
                        return Err(fail(self.t, "need to escape, but no escapechar set"));
                    };
                    body.push(escape);
                } else {
                    quoted = true;
                }
            }
            body.push(c);
            if i % 4096 == 4095 {
                self.t.poll()?;
            }
        }
        if self.fields > 0 {
            self.out.push(rules.delimiter);
        }
        self.fields += 1;
        let quote = rules.quote.filter(|_| quoted);
        quote.into_iter().for_each(|q| self.out.push(q));
        let body = body.finish(self.t)?;
        if let Some(s) = body.downcast::<Str>() {
            self.out.push_value(s);
        }
        quote.into_iter().for_each(|q| self.out.push(q));
        Ok(())
    }

    fn is_special(&self, c: u32) -> bool {
        let rules = self.rules;
        c == rules.delimiter
            || Some(c) == rules.escape
            || Some(c) == rules.quote
            || c == 0x0a
            || c == 0x0d
            || self.terminator.contains(&c)
    }
}
