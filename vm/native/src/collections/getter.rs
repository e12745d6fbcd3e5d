//! _tuplegetter: the fields of named tuples.

use typhon_object::args::Args;
use typhon_object::error::{self, Res};
use typhon_object::header::Header;
use typhon_object::native::{def, member_rw};
use typhon_object::slots::Slots;
use typhon_object::store::Slot;
use typhon_object::tuple::{self, Tuple};
use typhon_object::ty::{TypeDef, flag};
use typhon_object::types::exceptions;
use typhon_object::{Thread, Value, convert, ops, payload, strs, type_of};

/// Reads one item of a tuple.
#[repr(C)]
pub(super) struct TupleGetter {
    header: Header,
    index: isize,
    doc: Slot,
}

typhon_object::payload!(TupleGetter => TUPLE_GETTER {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        visit(&self.doc.get());
    }
});

/// _collections._tuplegetter.
pub(super) static TUPLE_GETTER: TypeDef = TypeDef {
    name: "collections._tuplegetter",
    flags: flag::NO_NEW,
    slots: Slots { new: Some(new), repr: Some(repr), get: Some(get), set: Some(set), ..Slots::NONE },
    methods: &[def("__reduce__", "($self, /)", reduce, "")],
    members: &[member_rw("__doc__", std::mem::offset_of!(TupleGetter, doc), "")],
    ..TypeDef::of::<TupleGetter>()
};

fn new(t: &Thread, class: &Value, args: Args<'_>) -> Res {
    let a = args.expect_positional(t, "_tuplegetter", 2, 2)?;
    let index = convert::to_isize(t, &a[0])?;
    payload::new_for(t, class, |header| TupleGetter { header, index, doc: Slot::new(a[1].clone()) })
}

fn get(t: &Thread, v: &Value, obj: Option<&Value>, owner: Option<&Value>) -> Res {
    let index = v.expect::<TupleGetter>().index;
    let Some(obj) = obj.filter(|o| !o.is_none()) else {
        return match owner {
            Some(owner) if !owner.is_none() => Ok(v.clone()),
            _ => Err(error::type_error(t, "__get__(None, None) is invalid")),
        };
    };
    let Some(tuple) = obj.downcast::<Tuple>() else {
        let name = type_of(obj).name();
        let text = format_args!("descriptor for index '{index}' for tuple subclasses doesn't apply to '{name}' object");
        return Err(error::type_error(t, text));
    };
    let item = usize::try_from(index).ok().and_then(|i| tuple.items().get(i));
    item.cloned().ok_or_else(|| error::index_error(t, "tuple index out of range"))
}

fn set(t: &Thread, _: &Value, _: &Value, value: Option<&Value>) -> Res<()> {
    let text = if value.is_some() { "can't set attribute" } else { "can't delete attribute" };
    Err(error::new(t, &exceptions::ATTRIBUTE_ERROR, text))
}

fn repr(t: &Thread, v: &Value) -> Res {
    let g = v.expect::<TupleGetter>();
    strs::new(t, &format!("_tuplegetter({}, {})", g.index, ops::repr_text(t, &g.doc.get())?))
}

fn reduce(t: &Thread, a: &[Value]) -> Res {
    let g = a[0].expect::<TupleGetter>();
    let args = tuple::from_array(t, [convert::from_i64(t, g.index as i64)?, g.doc.get()])?;
    tuple::from_array(t, [type_of(&a[0]).value(), args])
}
