//! strftime, and the tuples that it takes.

use super::calendar::Day;
use super::clock::Clock;
use super::span::Span;
use super::tzinfo;
use typhon_object::error::{self, Res};
use typhon_object::strs::{Str, StrBuilder};
use typhon_object::tuple::{self, Tuple};
use typhon_object::{Thread, Value, attr, call, convert, names, ops, strs, type_of};

/// `time.struct_time` of a day and time.
pub(super) fn struct_time(t: &Thread, day: Day, clock: Clock, dst: i64) -> Res {
    let Clock { hour, minute, second, .. } = clock;
    let fields = [day.year, day.month, day.day, hour, minute, second, day.weekday(), day.day_of_year(), dst];
    let fields = tuple::from_array(t, fields.map(Value::small))?;
    let time = (t.hooks.import)(t, "time")?;
    call::call1(t, &attr::get_text(t, &time, "struct_time")?, &fields)
}

/// What the escapes that `time.strftime` does not know are taken from.
pub(super) struct Source<'a> {
    pub(super) micro: i64,
    /// None without one.
    pub(super) zone: Value,
    /// What the zone is asked about.
    pub(super) object: &'a Value,
}

/// Formats a time tuple.
pub(super) fn strftime(t: &Thread, format: &Value, times: &Value, source: &Source<'_>) -> Res {
    let Some(text) = format.downcast::<Str>() else {
        let name = if format.is_none() { "None".into() } else { type_of(format).name() };
        return Err(error::type_error(t, format_args!("strftime() argument 1 must be str, not {name}")));
    };
    t.check_alloc(text.len() * 8)?;
    let units: Vec<u32> = text.units().iter().collect();
    let mut out = StrBuilder::with_capacity(units.len());
    let percent = u32::from(b'%');
    let mut at = 0;
    while let Some(&c) = units.get(at) {
        at += 1;
        let code = units.get(at).and_then(|&c| char::from_u32(c));
        if c != percent {
            out.push(c);
            continue;
        }
        let Some(code) = code else {
            out.push(percent);
            continue;
        };
        at += 1;
        if code == ':' && units.get(at) == Some(&u32::from(b'z')) {
            at += 1;
            push_offset(t, &mut out, source, ":")?;
        } else if !push_code(t, &mut out, code, times, source)? {
            out.push(percent);
            out.push(u32::from(code));
        }
        t.check_alloc(out.len() * 8)?;
        t.poll()?;
    }
    let time = (t.hooks.import)(t, "time")?;
    call::call(t, &attr::get_text(t, &time, "strftime")?, &[out.finish(t)?, times.clone()])
}

/// Appends what a code stands for; false if `time.strftime` knows it.
fn push_code(t: &Thread, out: &mut StrBuilder, code: char, times: &Value, source: &Source<'_>) -> Res<bool> {
    match code {
        'f' => out.push_str(&format!("{:06}", source.micro)),
        'z' => push_offset(t, out, source, "")?,
        'Z' => {
            let name = tzinfo::name(t, &source.zone, source.object)?;
            if !name.is_none() {
                // time.strftime is going to have at this.
                let signs = [strs::new(t, "%")?, strs::new(t, "%%")?];
                let escaped = call::method(t, &name, &names::intern_text(t, "replace"), &signs)?;
                match escaped.downcast::<Str>() {
                    Some(text) => out.push_value(text),
                    None => return Err(error::type_error(t, "tzname.replace() did not return a string")),
                }
            }
        }
        // The C library may write years before 1000 with fewer digits.
        'Y' | 'G' | 'F' | 'C' => return push_year(t, out, code, times),
        _ => return Ok(false),
    }
    Ok(true)
}

fn push_offset(t: &Thread, out: &mut StrBuilder, source: &Source<'_>, separator: &str) -> Res<()> {
    if let Some(east) = tzinfo::offset(t, &source.zone, "utcoffset", source.object)? {
        out.push_str(&Span::offset(east, separator));
    }
    Ok(())
}

fn push_year(t: &Thread, out: &mut StrBuilder, code: char, times: &Value) -> Res<bool> {
    let fields = match times.downcast::<Tuple>() {
        Some(fields) => fields.items().to_vec(),
        None => ops::collect(t, times)?,
    };
    let field = |i: usize| fields.get(i).map_or(Ok(0), |v| convert::to_i64(t, v));
    let mut year = field(0)?;
    if year >= 1000 {
        return Ok(false);
    }
    if code == 'G' {
        let time = (t.hooks.import)(t, "time")?;
        let text = call::call(t, &attr::get_text(t, &time, "strftime")?, &[strs::new(t, "%G")?, times.clone()])?;
        year = strs::display(&text).trim().parse().unwrap_or(year);
    }
    out.push_str(&if code == 'C' { format!("{:02}", year / 100) } else { format!("{year:04}") });
    if code == 'F' {
        out.push_str(&format!("-{:02}-{:02}", field(1)?, field(2)?));
    }
    Ok(true)
}

/// `__format__`: `str(v)` for an empty specification, else `v.strftime(spec)`.
pub(super) fn dunder_format(t: &Thread, a: &[Value]) -> Res {
    match a[1].downcast::<Str>() {
        Some(spec) if spec.is_empty() => ops::str(t, &a[0]),
        Some(_) => call::call1(t, &attr::get_text(t, &a[0], "strftime")?, &a[1]),
        None => {
            let name = if a[1].is_none() { "None".into() } else { type_of(&a[1]).name() };
            Err(error::type_error(t, format_args!("__format__() argument 1 must be str, not {name}")))
        }
    }
}

/// `Sat Feb 29 12:30:15 2020`.
pub(super) fn ctime(t: &Thread, day: Day, clock: Clock) -> Res {
    use super::calendar::{DAY_NAMES, MONTH_NAMES};
    let (weekday, month) = (DAY_NAMES[day.weekday() as usize], MONTH_NAMES[(day.month - 1) as usize]);
    let Clock { hour, minute, second, .. } = clock;
    let text = format!("{weekday} {month} {:2} {hour:02}:{minute:02}:{second:02} {:04}", day.day, day.year);
    strs::new(t, &text)
}
