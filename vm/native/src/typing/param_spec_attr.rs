//! ParamSpecArgs and ParamSpecKwargs: `P.args` and `P.kwargs`.

use super::param_spec::ParamSpec;
use crate::ctor;
use typhon_object::error::Res;
use typhon_object::header::Header;
use typhon_object::native::{MethodDef, def, member};
use typhon_object::ops::{self, CompareOp};
use typhon_object::slots::Slots;
use typhon_object::store::Slot;
use typhon_object::ty::{TypeDef, flag};
use typhon_object::{Thread, Value, payload, strs};

macro_rules! attributes {
    ($($struct:ident, $def:ident, $new:ident, $of:ident, $class:literal, $function:literal, $attr:literal;)*) => {$(
        #[doc = concat!("The `", $attr, "` of a parameter specification.")]
        #[repr(C)]
        pub(super) struct $struct {
            header: Header,
            origin: Slot,
        }

        typhon_object::payload!($struct => $def {
            fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
                // SAFETY: the collector's visitor stores nothing.
                visit(unsafe { self.origin.peek() });
            }
        });

        #[doc = concat!("typing.", $class, ".")]
        pub(super) static $def: TypeDef = TypeDef {
            name: concat!("typing.", $class),
            doc: concat!("The ", $attr, " for a ParamSpec object."),
            flags: flag::WEAKREFS,
            slots: Slots {
                new: Some(|t, class, args| ctor::bind(t, &$new, class, args)),
                repr: Some(|t, v| show(t, &v.expect::<$struct>().origin.get(), $attr)),
                compare: Some(|t, a, b, op| match (a.downcast::<$struct>(), b.downcast::<$struct>()) {
                    (Some(x), Some(y)) if matches!(op, CompareOp::Eq | CompareOp::Ne) => {
                        ops::compare(t, &x.origin.get(), &y.origin.get(), op)
                    }
                    _ => Ok(Value::NOT_IMPLEMENTED),
                }),
                ..Slots::NONE
            },
            methods: &[def("__mro_entries__", "($self, bases, /)", |t, a| super::no_subclass(t, &a[0]), "")],
            members: &[member("__origin__", std::mem::offset_of!($struct, origin), "")],
            ..TypeDef::of::<$struct>()
        };

        static $new: MethodDef = def(
            $function,
            "($type, origin)",
            |t, a| payload::new_for(t, &a[0], |header| $struct { header, origin: Slot::new(a[1].clone()) }),
            "",
        );

        #[doc = concat!("The `", $attr, "` of a parameter specification.")]
        pub(super) fn $of(t: &Thread, origin: &Value) -> Res {
            payload::new(t, |header| $struct { header, origin: Slot::new(origin.clone()) })
        }
    )*};
}
attributes! {
    Args, ARGS, NEW_ARGS, args_of, "ParamSpecArgs", "paramspecargs", "args";
    Kwargs, KWARGS, NEW_KWARGS, kwargs_of, "ParamSpecKwargs", "paramspeckwargs", "kwargs";
}

fn show(t: &Thread, origin: &Value, attr: &str) -> Res {
    match origin.downcast::<ParamSpec>() {
        Some(p) => strs::new(t, &format!("{}.{attr}", strs::display(&p.name.get()))),
        None => strs::new(t, &format!("{}.{attr}", ops::repr_text(t, origin)?)),
    }
}
