//! SyntaxError: where in which file.

use super::{base, field, fields};
use crate::args::Args;
use crate::error::{self, Res};
use crate::ops;
use crate::slots::Slots;
use crate::strs::{self, Str};
use crate::thread::Thread;
use crate::types::int;
use crate::value::Value;

pub(super) const SLOTS: Slots = Slots { init: Some(init), str: Some(str), ..Slots::NONE };

const DETAILS: [&str; 7] = ["filename", "lineno", "offset", "text", "end_lineno", "end_offset", "_metadata"];

fn init(t: &Thread, v: &Value, a: Args<'_>) -> Res<()> {
    base::init(t, v, a)?;
    if let Some(msg) = a.values.first() {
        fields::put(v, "msg", msg.clone());
    }
    let [_, info] = a.values else { return Ok(()) };
    let info = ops::collect(t, info)?;
    let n = info.len();
    if !(4..=7).contains(&n) {
        let (word, limit) = if n < 4 { ("least", 4) } else { ("most", 7) };
        return Err(error::type_error(t, format_args!("function takes at {word} {limit} arguments ({n} given)")));
    }
    for name in DETAILS {
        fields::put(v, name, Value::ABSENT);
    }
    for (name, value) in DETAILS.iter().zip(&info) {
        fields::put(v, name, value.clone());
    }
    if n == 5 {
        return Err(error::type_error(t, "end_offset must be provided when end_lineno is provided"));
    }
    Ok(())
}

fn str(t: &Thread, v: &Value) -> Res {
    let msg = strs::display(&ops::str(t, &field(v, "msg").unwrap_or(Value::NONE))?);
    let file = field(v, "filename").and_then(|f| f.downcast::<Str>().map(Str::to_lossy));
    let file = file.map(|f| f.rsplit('/').next().unwrap_or_default().to_string());
    let line = field(v, "lineno").filter(int::is_int);
    let line = match line {
        Some(line) => Some(strs::display(&ops::str(t, &line)?)),
        None => None,
    };
    let text = match (file, line) {
        (Some(file), Some(line)) => format!("{msg} ({file}, line {line})"),
        (Some(file), None) => format!("{msg} ({file})"),
        (None, Some(line)) => format!("{msg} (line {line})"),
        (None, None) => msg,
    };
    strs::new(t, &text)
}
