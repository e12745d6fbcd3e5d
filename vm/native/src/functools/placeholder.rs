//! functools.Placeholder: marks an argument of a partial to be filled by the call.

use typhon_object::dict::Dict;
use typhon_object::error::{self, Res};
use typhon_object::header::Header;
use typhon_object::native::def;
use typhon_object::slots::Slots;
use typhon_object::store::Slot;
use typhon_object::ty::TypeDef;
use typhon_object::types::module;
use typhon_object::{Thread, Value, names, payload, strs};

#[repr(C)]
struct Placeholder {
    header: Header,
}

typhon_object::payload!(Placeholder => PLACEHOLDER);

/// functools._PlaceholderType.
pub(super) static PLACEHOLDER: TypeDef = TypeDef {
    name: "functools._PlaceholderType",
    doc: "The type of the Placeholder singleton.\n\nUsed as a placeholder for partial arguments.",
    slots: Slots {
        new: Some(|t, _, args| {
            if !args.values.is_empty() {
                return Err(error::type_error(t, "PlaceholderType takes no arguments"));
            }
            the(t)
        }),
        repr: Some(|t, _| strs::new(t, "Placeholder")),
        ..Slots::NONE
    },
    methods: &[def("__reduce__", "($self, /)", |t, _| strs::new(t, "Placeholder"), "")],
    ..TypeDef::of::<Placeholder>()
};

/// The isolate's one.
#[derive(Default)]
struct Only(Slot);

/// The placeholder.
pub(super) fn the(t: &Thread) -> Res {
    let only = t.state::<Only>();
    if only.0.is_absent() {
        let made = payload::new(t, |header| Placeholder { header })?;
        if let Some(header) = made.header() {
            only.0.set(header, made.clone());
        }
    }
    Ok(only.0.get())
}

/// Whether a value is it.
pub(super) fn is_it(v: &Value) -> bool {
    v.exact::<Placeholder>().is_some()
}

/// Puts it into the module.
pub(super) fn add_to(t: &Thread, this: &Value) -> Res<()> {
    let dict = module::dict_of(t, this);
    Dict::of(&dict).set_str(t, &names::intern_text(t, "Placeholder"), the(t)?)
}
