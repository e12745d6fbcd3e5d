//! Generic: the base of generic classes.

use typhon_object::args::Args;
use typhon_object::error::Res;
use typhon_object::native::{def, raw};
use typhon_object::slots::Slots;
use typhon_object::ty::{TypeDef, flag};
use typhon_object::types::object::{self, OBJECT, Object};
use typhon_object::{Thread, attr, call};

/// typing.Generic.
pub(super) static GENERIC: TypeDef = TypeDef {
    name: "typing.Generic",
    doc: "Abstract base class for generic types.",
    base: Some(&OBJECT),
    flags: flag::BASETYPE,
    slots: Slots { new: Some(object::new), ..Slots::NONE },
    methods: &[
        def(
            "__class_getitem__",
            "($type, args, /)",
            |t, a| super::library(t, "_generic_class_getitem", a),
            "Parameterizes a generic class.",
        )
        .class(),
        raw("__init_subclass__", "", init_subclass, "Function to initialize subclasses.").class(),
    ],
    ..TypeDef::of::<Object>()
};

fn init_subclass(t: &Thread, args: Args<'_>) -> Res {
    let typing = (t.hooks.import)(t, "typing")?;
    call::call_args(t, &attr::get_text(t, &typing, "_generic_init_subclass")?, args)
}
