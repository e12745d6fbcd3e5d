//! array.

mod iter;
mod kind;
mod methods;
mod pickle;
mod store;
mod table;

use typhon_object::dict::Dict;
use typhon_object::error::Res;
use typhon_object::native::{ModuleDef, def};
use typhon_object::{Thread, Value, attr, call, names, strs, types};

/// array.
pub static MODULE: ModuleDef = ModuleDef {
    name: "array",
    doc: "This module defines an object type which can efficiently represent\nan array of basic values: characters, integers, floating-point\nnumbers.  Arrays are sequence types and behave very much like lists,\nexcept that the type of objects stored in them is constrained.\n",
    functions: &[def(
        "_array_reconstructor",
        "($module, arraytype, typecode, mformat_code, items, /)",
        pickle::reconstruct,
        "Internal. Used for pickling support.",
    )],
    types: &[("array", &table::ARRAY), ("ArrayType", &table::ARRAY), ("", &iter::ARRAY_ITER)],
    init: Some(init),
};

fn init(t: &Thread, module: &Value) -> Res<()> {
    let dict = types::module::dict_of(t, module);
    let codes: String = kind::KINDS.iter().map(kind::Kind::letter).collect();
    Dict::of(&dict).set_str(t, &names::intern_text(t, "typecodes"), strs::new(t, &codes)?)?;
    let abstracts = (t.hooks.import)(t, "collections.abc")?;
    let mutable_sequence = attr::get_text(t, &abstracts, "MutableSequence")?;
    call::method(t, &mutable_sequence, &names::intern_text(t, "register"), &[table::ARRAY.ty().value()])?;
    Ok(())
}
