//! _collections.

mod default_dict;
mod deque;
mod deque_iter;
mod deque_table;
mod getter;
mod ordered_dict;
mod ordered_views;

use typhon_object::dict::Dict;
use typhon_object::error::Res;
use typhon_object::names::{self, n};
use typhon_object::native::{ModuleDef, def};
use typhon_object::{Thread, Value, attr, call, ops, ty, type_of, types};

/// _collections.
pub static MODULE: ModuleDef = ModuleDef {
    name: "_collections",
    doc: "High performance data structures.\n- deque:        ordered collection accessible from endpoints only\n- defaultdict:  dict subclass with a default value factory\n",
    functions: &[def(
        "_count_elements",
        "($module, mapping, iterable, /)",
        count_elements,
        "Count elements in the iterable, updating the mapping",
    )],
    types: &[
        ("deque", &deque_table::DEQUE),
        ("_deque_iterator", &deque_iter::FORWARD),
        ("_deque_reverse_iterator", &deque_iter::BACKWARD),
        ("defaultdict", &default_dict::DEFAULT_DICT),
        ("OrderedDict", &ordered_dict::ORDERED_DICT),
        ("", &ordered_views::KEYS),
        ("", &ordered_views::VALUES),
        ("", &ordered_views::ITEMS),
        ("_tuplegetter", &getter::TUPLE_GETTER),
    ],
    init: None,
};

/// `mapping[x] = mapping.get(x, 0) + 1` for every item.
fn count_elements(t: &Thread, a: &[Value]) -> Res {
    let (mapping, one) = (&a[0], Value::small(1));
    let get = names::intern_text(t, "get");
    let plain = |name: &Value| {
        let own = type_of(mapping).lookup(t, name);
        let dicts = types::dict_::DICT.ty().lookup(t, name);
        matches!((own, dicts), (Some(x), Some(y)) if x.is(&y))
    };
    if ty::is_instance(mapping, types::dict_::DICT.ty()) && plain(&get) && plain(n::__setitem__()) {
        let dict = Dict::of(mapping);
        ops::for_each(t, &a[1], |key| {
            let hash = ops::hash(t, &key)?;
            let count = match dict.get_hashed(t, &key, hash)? {
                Some(old) => ops::binary(t, ops::ADD, &old, &one)?,
                None => one.clone(),
            };
            dict.set_hashed(t, &key, hash, count)
        })?;
        return Ok(Value::NONE);
    }
    let get = attr::get(t, mapping, &get)?;
    ops::for_each(t, &a[1], |key| {
        let old = call::call(t, &get, &[key.clone(), Value::small(0)])?;
        let count = ops::binary(t, ops::ADD, &old, &one)?;
        ops::setitem(t, mapping, &key, &count)
    })?;
    Ok(Value::NONE)
}
