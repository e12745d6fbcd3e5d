//! _functools.

mod compare_key;
mod lru;
mod lru_cache;
mod partial;
mod placeholder;

use typhon_object::error::{self, Res};
use typhon_object::native::{ModuleDef, def};
use typhon_object::types::exceptions::TYPE_ERROR;
use typhon_object::{Thread, Value, call, ops};

/// _functools.
pub static MODULE: ModuleDef = ModuleDef {
    name: "_functools",
    doc: "Tools that operate on functions.",
    functions: &[
        def(
            "cmp_to_key",
            "($module, /, mycmp)",
            compare_key::make,
            "Convert a cmp= function into a key= function.\n\n  mycmp\n    Function that compares two objects.",
        ),
        def(
            "reduce",
            "($module, function, iterable, /, initial=<unrepresentable>)",
            reduce,
            "Apply a function of two arguments cumulatively to the items of an iterable, from left to right.\n\nThis effectively reduces the iterable to a single value.  If initial is\npresent, it is placed before the items of the iterable in the\ncalculation, and serves as a default when the iterable is empty.\n\nFor example, reduce(lambda x, y: x+y, [1, 2, 3, 4, 5])\ncalculates ((((1 + 2) + 3) + 4) + 5).",
        ),
    ],
    types: &[
        ("partial", &partial::PARTIAL),
        ("_PlaceholderType", &placeholder::PLACEHOLDER),
        ("_lru_cache_wrapper", &lru_cache::LRU_CACHE),
        ("", &compare_key::KEY),
    ],
    init: Some(placeholder::add_to),
};

fn reduce(t: &Thread, a: &[Value]) -> Res {
    let it = ops::iter_at_once(t, &a[1]).map_err(|e| {
        if e.is(&TYPE_ERROR) { error::type_error(t, "reduce() arg 2 must support iteration") } else { e }
    })?;
    let mut result = a[2].opt().cloned();
    ops::for_each(t, &it, |item| {
        result = Some(match result.take() {
            None => item,
            Some(so_far) => call::call(t, &a[0], &[so_far, item])?,
        });
        Ok(())
    })?;
    result.ok_or_else(|| error::type_error(t, "reduce() of empty iterable with no initial value"))
}
