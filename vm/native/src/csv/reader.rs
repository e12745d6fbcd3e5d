//! _csv.reader: lines to rows.

use super::dialect::{DIALECT, Dialect, Quoting, Rules};
use super::{State, dialect_of, fail};
use std::cell::Cell;
use typhon_object::args::Args;
use typhon_object::error::Res;
use typhon_object::header::Header;
use typhon_object::list::List;
use typhon_object::native::{getter, member};
use typhon_object::slots::Slots;
use typhon_object::store::Slot;
use typhon_object::strs::{Str, StrBuilder};
use typhon_object::ty::{TypeDef, flag};
use typhon_object::types::{float, iters};
use typhon_object::{Thread, Value, call, convert, ops, payload, type_of};

/// A reader.
#[repr(C)]
struct Reader {
    header: Header,
    input: Slot,
    dialect: Slot,
    lines: Cell<u64>,
    /// Calls so far: one that began inside another is noticed by it.
    calls: Cell<u64>,
}

typhon_object::payload!(Reader => READER {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        visit(&self.input.get());
        visit(&self.dialect.get());
    }
});

/// _csv.reader.
pub(super) static READER: TypeDef = TypeDef {
    name: "_csv.reader",
    doc: "CSV reader\n\nReader objects are responsible for reading and parsing tabular data\nin CSV format.\n",
    flags: flag::BASETYPE | flag::NO_NEW,
    slots: Slots { iter: Some(iters::same), next: Some(next), ..Slots::NONE },
    getset: &[getter("line_num", |t, v| convert::from_u64(t, v.expect::<Reader>().lines.get()), "")],
    members: &[member("dialect", std::mem::offset_of!(Reader, dialect), "")],
    ..TypeDef::of::<Reader>()
};

/// `reader(iterable, dialect, ...)`.
pub(super) fn new(t: &Thread, args: Args<'_>) -> Res {
    let input = match args.positional().first() {
        Some(v) => ops::iter(t, v)?,
        None => Value::NONE,
    };
    let dialect = dialect_of(t, "reader", args, 1)?;
    debug_assert!(type_of(&dialect).is_subtype(DIALECT.ty()));
    payload::new(t, |header| Reader {
        header,
        input: Slot::new(input),
        dialect: Slot::new(dialect),
        lines: Cell::new(0),
        calls: Cell::new(0),
    })
}

/// Where in a row the parser is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum At {
    RecordStart,
    FieldStart,
    Escaped,
    InField,
    InQuotes,
    EscapedInQuotes,
    /// After a quote inside quotes.
    QuoteInQuotes,
    /// After a line's end.
    LineEnd,
    /// After an escaped line break.
    EscapedLineEnd,
}

/// One row on the way.
struct Row<'a> {
    t: &'a Thread,
    rules: Rules,
    limit: i64,
    at: At,
    field: StrBuilder,
    unquoted: bool,
    fields: Value,
}

const CR: u32 = 0x0d;
const LF: u32 = 0x0a;

fn next(t: &Thread, v: &Value) -> Res {
    let reader = v.expect::<Reader>();
    let dialect = reader.dialect.get();
    let mut row = Row {
        t,
        rules: dialect.expect::<Dialect>().rules,
        limit: t.state::<State>().field_limit.get(),
        at: At::RecordStart,
        field: StrBuilder::new(),
        unquoted: false,
        fields: List::create(t)?,
    };
    let input = reader.input.get();
    let call = reader.calls.get() + 1;
    reader.calls.set(call);
    loop {
        let line = ops::next(t, &input)?;
        if reader.calls.get() != call {
            return Err(fail(t, "iterator has already advanced the reader"));
        }
        let Some(line) = line else {
            if row.field.is_empty() && row.at != At::InQuotes {
                return Ok(Value::ABSENT);
            }
            if row.rules.strict {
                return Err(fail(t, "unexpected end of data"));
            }
            row.save()?;
            return Ok(row.fields);
        };
        let Some(text) = line.downcast::<Str>() else {
            let name = type_of(&line).name();
            let text =
                format_args!("iterator should return strings, not {name} (the file should be opened in text mode)");
            return Err(fail(t, text));
        };
        reader.lines.set(reader.lines.get() + 1);
        for (i, c) in text.units().iter().enumerate() {
            row.take(Some(c))?;
            if i % 4096 == 4095 {
                t.poll()?;
            }
        }
        row.take(None)?;
        t.poll()?;
        if row.at == At::RecordStart {
            return Ok(row.fields);
        }
    }
}

impl Row<'_> {
    /// Takes the next character, or the end of the line.
    fn take(&mut self, c: Option<u32>) -> Res<()> {
        let rules = self.rules;
        let quote = c.is_some() && c == rules.quote && rules.quoting != Quoting::None;
        let escape = c.is_some() && c == rules.escape;
        let delimiter = c == Some(rules.delimiter);
        let line_end = matches!(c, None | Some(CR | LF));
        match self.at {
            At::RecordStart if c.is_none() => {}
            At::RecordStart if line_end => self.at = At::LineEnd,
            At::RecordStart | At::FieldStart => self.start_field(c, quote, escape)?,
            At::Escaped if c.is_some() && line_end => {
                self.add(c)?;
                self.at = At::EscapedLineEnd;
            }
            At::Escaped => {
                self.add(c.or(Some(LF)))?;
                self.at = At::InField;
            }
            At::EscapedLineEnd if c.is_none() => {}
            At::EscapedLineEnd | At::InField => match c {
                _ if line_end => self.end_field(c)?,
                _ if escape => self.at = At::Escaped,
                _ if delimiter => {
                    self.save()?;
                    self.at = At::FieldStart;
                }
                _ => {
                    self.add(c)?;
                    self.at = At::InField;
                }
            },
            At::InQuotes => match c {
                None => {}
                _ if escape => self.at = At::EscapedInQuotes,
                _ if quote => self.at = if rules.double_quote { At::QuoteInQuotes } else { At::InField },
                _ => self.add(c)?,
            },
            At::EscapedInQuotes => {
                self.add(c.or(Some(LF)))?;
                self.at = At::InQuotes;
            }
            At::QuoteInQuotes => self.after_quote(c, quote, delimiter, line_end)?,
            At::LineEnd => match c {
                None => self.at = At::RecordStart,
                _ if line_end => {}
                _ => {
                    let text =
                        "new-line character seen in unquoted field - do you need to open the file with newline=''?";
                    return Err(fail(self.t, text));
                }
            },
        }
        Ok(())
    }

    fn start_field(&mut self, c: Option<u32>, quote: bool, escape: bool) -> Res<()> {
        self.unquoted = true;
        self.at = At::FieldStart;
        match c {
            None | Some(CR | LF) => self.end_field(c)?,
            _ if quote => {
                self.unquoted = false;
                self.at = At::InQuotes;
            }
            _ if escape => self.at = At::Escaped,
            Some(0x20) if self.rules.skip_initial_space => {}
            Some(d) if d == self.rules.delimiter => self.save()?,
            _ => {
                self.add(c)?;
                self.at = At::InField;
            }
        }
        Ok(())
    }

    fn after_quote(&mut self, c: Option<u32>, quote: bool, delimiter: bool, line_end: bool) -> Res<()> {
        match c {
            _ if quote => {
                self.add(c)?;
                self.at = At::InQuotes;
            }
            _ if delimiter => {
                self.save()?;
                self.at = At::FieldStart;
            }
            _ if line_end => self.end_field(c)?,
            _ if !self.rules.strict => {
                self.add(c)?;
                self.at = At::InField;
            }
            _ => {
                let shown = |c: Option<u32>| c.and_then(char::from_u32).unwrap_or('\u{fffd}');
                let (delimiter, quote) = (shown(Some(self.rules.delimiter)), shown(self.rules.quote));
                return Err(fail(self.t, format_args!("'{delimiter}' expected after '{quote}'")));
            }
        }
        Ok(())
    }

    /// Ends the field with its line.
    fn end_field(&mut self, c: Option<u32>) -> Res<()> {
        self.save()?;
        self.at = if c.is_none() { At::RecordStart } else { At::LineEnd };
        Ok(())
    }

    #[inline]
    fn add(&mut self, c: Option<u32>) -> Res<()> {
        let n = self.field.len();
        if n as i64 >= self.limit {
            return Err(fail(self.t, format_args!("field larger than field limit ({})", self.limit)));
        }
        if n >= 1024 && n.is_power_of_two() {
            self.t.check_alloc(n * 8)?;
        }
        if let Some(c) = c {
            self.field.push(c);
        }
        Ok(())
    }

    /// Moves the field into the row.
    fn save(&mut self) -> Res<()> {
        let field = std::mem::take(&mut self.field);
        let empty = field.is_empty();
        let nulls = matches!(self.rules.quoting, Quoting::NotNull | Quoting::Strings);
        let numbers = matches!(self.rules.quoting, Quoting::NonNumeric | Quoting::Strings);
        let v = if self.unquoted && empty && nulls {
            Value::NONE
        } else {
            let text = field.finish(self.t)?;
            if self.unquoted && !empty && numbers {
                call::call1(self.t, &float::FLOAT.ty().value(), &text)?
            } else {
                text
            }
        };
        self.fields.expect::<List>().push(self.t, v)
    }
}
