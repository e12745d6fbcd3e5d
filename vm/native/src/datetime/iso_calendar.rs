//! datetime.IsoCalendarDate: year, week and weekday.

use crate::ctor::bind;
use typhon_object::error::Res;
use typhon_object::native::{GetSetDef, MethodDef, def};
use typhon_object::slots::Slots;
use typhon_object::tuple::{self, Tuple};
use typhon_object::ty::TypeDef;
use typhon_object::types::structseq::{self as ss, StructSeq};
use typhon_object::types::tuple_::TUPLE;
use typhon_object::{Thread, Value, convert};

const FIELDS: &[(&str, &str)] = &[("year", ""), ("week", ""), ("weekday", "")];
const GETTERS: [GetSetDef; 3] = ss::getters::<3>(FIELDS);

static DEF: TypeDef = TypeDef {
    name: "datetime.IsoCalendarDate",
    doc: "The result of date.isocalendar() or datetime.isocalendar()\n\nThis object may be accessed either as a tuple of\n  ((year, week, weekday)\nor via the object attributes as named in the above tuple.",
    base: Some(&TUPLE),
    size_of: Some(ss::size_of_object::<3>),
    drop: ss::drop_fields::<3>,
    traverse: Some(ss::traverse_fields::<3>),
    clear: None,
    slots: Slots {
        new: Some(|t, class, args| bind(t, &NEW, class, args)),
        repr: Some(|t, v| ss::repr(t, &ISO_CALENDAR, v)),
        ..Slots::NONE
    },
    getset: &GETTERS,
    methods: &[def("__reduce__", "($self, /)", reduce, "__reduce__() -> (cls, state)")],
    ..TypeDef::of::<Tuple>()
};

/// The type and its fields.
pub(super) static ISO_CALENDAR: StructSeq = StructSeq { def: &DEF, visible: 3, fields: FIELDS };

static NEW: MethodDef = def(
    "IsoCalendarDate",
    "($type, /, year, week, weekday)",
    |t, a| {
        let field = |v: &Value| convert::to_i32(t, v).map(|i| Value::small(i64::from(i)));
        ss::new(t, &ISO_CALENDAR, vec![field(&a[1])?, field(&a[2])?, field(&a[3])?])
    },
    "",
);

/// A new one.
pub(super) fn new(t: &Thread, fields: [i64; 3]) -> Res {
    ss::new(t, &ISO_CALENDAR, fields.map(Value::small).to_vec())
}

fn reduce(t: &Thread, a: &[Value]) -> Res {
    let items = a[0].expect::<Tuple>().items();
    let plain = tuple::new(t, items)?;
    let args = tuple::from_array(t, [plain])?;
    tuple::from_array(t, [TUPLE.ty().value(), args])
}
