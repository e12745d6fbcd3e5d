//! _datetime.

mod calendar;
mod clock;
mod date;
mod datetime_ops;
mod datetime_table;
mod datetime_time;
mod delta;
mod delta_ops;
mod format;
mod iso;
mod iso_calendar;
mod local;
mod make;
mod span;
mod time;
mod timezone;
mod tzinfo;

use typhon_object::dict::Dict;
use typhon_object::error::Res;
use typhon_object::native::ModuleDef;
use typhon_object::types::module;
use typhon_object::{Thread, Value, names};

/// _datetime.
pub static MODULE: ModuleDef = ModuleDef {
    name: "_datetime",
    doc: "Fast implementation of the datetime module.",
    functions: &[],
    types: &[
        ("timedelta", &delta::TIMEDELTA),
        ("tzinfo", &tzinfo::TZINFO),
        ("timezone", &timezone::TIMEZONE),
        ("date", &date::DATE),
        ("time", &time::TIME),
        ("datetime", &datetime_table::DATETIME),
        ("", iso_calendar::ISO_CALENDAR.def),
    ],
    init: Some(init),
};

fn init(t: &Thread, this: &Value) -> Res<()> {
    let dict = module::dict_of(t, this);
    let set = |name: &str, v: Value| Dict::of(&dict).set_str(t, &names::intern_text(t, name), v);
    set("MINYEAR", Value::small(calendar::MIN_YEAR))?;
    set("MAXYEAR", Value::small(calendar::MAX_YEAR))?;
    set("UTC", timezone::utc(t)?)
}
