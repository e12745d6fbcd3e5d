//! _testcalls, _testinternalcapi, _testlimitedcapi: what CPython's tests ask of its C interface and means something here too.

use typhon_object::error::{self, Res};
use typhon_object::list::List;
use typhon_object::native::{MethodDef, ModuleDef, def};
use typhon_object::slots::{SLOT_NAMES, Slots, Wrap};
use typhon_object::strs;
use typhon_object::ty::{TypeDef, TypeObject, flag, type_of};
use typhon_object::types::object::{self, OBJECT, Object};
use typhon_object::{Thread, Value, attr, convert, names, ops};
use typhon_object::{tuple, types};

/// _testinternalcapi.
pub static INTERNAL: ModuleDef = ModuleDef {
    name: "_testinternalcapi",
    doc: "What tests ask about an object's layout.",
    functions: &[
        def(
            "has_inline_values",
            "($module, object, /)",
            |_, a| Ok(Value::bool(attr::has_inline_values(&a[0]))),
            "Whether the object keeps its attributes in itself, without a dict.",
        ),
        def(
            "get_recursion_depth",
            "($module, /)",
            |t, _| Ok(Value::small(i64::from(t.depth.get()))),
            "How many Python frames there are.",
        ),
        def("get_static_builtin_types", "($module, /)", static_types, "The types written in the VM's own language."),
        def("identify_type_slot_wrappers", "($module, /)", slot_wrappers, "The names under which slots are shown."),
    ],
    types: &[],
    init: Some(|t, module| {
        // Nothing precedes an object: the collector walks the heap's pages.
        for (name, n) in [("SPECIALIZATION_THRESHOLD", SPECIALIZATION_THRESHOLD), ("SIZEOF_PYGC_HEAD", 0)] {
            attr::set(t, module, &names::intern_text(t, name), Some(&Value::small(n)))?;
        }
        Ok(())
    }),
};

fn static_types(t: &Thread, _: &[Value]) -> Res {
    List::from_vec(t, types::core_types().map(TypeObject::value).collect())
}

fn slot_wrappers(t: &Thread, _: &[Value]) -> Res {
    let shown = SLOT_NAMES.iter().filter(|row| !matches!(row.wrap, Wrap::New | Wrap::GetAttrHook));
    let names = shown.map(|row| strs::new(t, row.name)).collect::<Res<Vec<_>>>()?;
    List::from_vec(t, names)
}

/// After so many runs every instruction has been specialized that will be.
const SPECIALIZATION_THRESHOLD: i64 = 64;

/// _testlimitedcapi.
pub static LIMITED: ModuleDef = ModuleDef {
    name: "_testlimitedcapi",
    doc: "The abstract protocols as functions.",
    functions: &[
        // What the build of the VM asserts is nothing that these tests could see.
        def("_py_getbuiltwithassert", "($module, /)", |_, _| Ok(Value::small(0)), ""),
        def("object_hasattrstring", "($module, object, name, /)", has_attribute, "PyObject_HasAttrString"),
        def("sequence_getitem", "($module, sequence, index, /)", get_item, "PySequence_GetItem"),
        def("sequence_setitem", "($module, sequence, index, value, /)", set_item, "PySequence_SetItem"),
        def("sequence_delitem", "($module, sequence, index, /)", delete_item, "PySequence_DelItem"),
    ],
    types: &[],
    init: None,
};

/// Functions of every calling convention; each answers what it was called with, `$self` first.
macro_rules! calls {
    ($this:literal, $me:expr, |$def:ident| $kind:expr) => {{
        /// What a function of one convention gives: who it was called on, and the parameters of `a` from `skip` on.
        fn answer(t: &Thread, a: &[Value]) -> Res {
            let me: fn(&Thread, &[Value]) -> Res<(Value, usize)> = $me;
            let (this, skip) = me(t, a)?;
            let given = a[skip..].iter().map(|v| v.opt().cloned().unwrap_or(Value::NONE));
            let mut all = vec![this];
            all.extend(given);
            if all.len() == 1 { Ok(all.swap_remove(0)) } else { tuple::from_vec(t, all) }
        }
        const fn bind($def: MethodDef) -> MethodDef {
            $kind
        }
        &[
            bind(def("meth_varargs", concat!("(", $this, ", /, *args)"), answer, "")),
            bind(def("meth_varargs_keywords", concat!("(", $this, ", /, *args, **kwargs)"), answer, "")),
            bind(def("meth_o", concat!("(", $this, ", arg, /)"), answer, "")),
            bind(def("meth_noargs", concat!("(", $this, ", /)"), answer, "")),
            bind(def("meth_fastcall", concat!("(", $this, ", /, *args)"), answer, "")),
            bind(def("meth_fastcall_keywords", concat!("(", $this, ", /, *args, **kwargs)"), answer, "")),
        ]
    }};
}

macro_rules! callers {
    ($($def:ident, $name:literal, $methods:expr;)*) => {
        $(static $def: TypeDef = TypeDef {
            name: $name,
            base: Some(&OBJECT),
            flags: flag::BASETYPE,
            slots: Slots { new: Some(object::new), ..Slots::NONE },
            methods: $methods,
            ..TypeDef::of::<Object>()
        };)*
    };
}
callers! {
    INSTANCE, "_testcapi.MethInstance", calls!("$self", |_, a| Ok((a[0].clone(), 1)), |def| def);
    CLASS, "_testcapi.MethClass", calls!("$type", |_, a| Ok((a[0].clone(), 1)), |def| def.class());
    STATIC, "_testcapi.MethStatic", calls!("$module", |_, _| Ok((Value::NONE, 0)), |def| def.stat());
}

/// _testcalls: what _testcapi has of native functions.
pub static CALLS: ModuleDef = ModuleDef {
    name: "_testcalls",
    doc: "Native functions of every calling convention.",
    functions: calls!("$module", |t, _| Ok(((t.hooks.import)(t, "_testcapi")?, 0)), |def| def),
    types: &[("MethInstance", &INSTANCE), ("MethClass", &CLASS), ("MethStatic", &STATIC)],
    init: None,
};

fn has_attribute(t: &Thread, a: &[Value]) -> Res {
    let name = typhon_object::buffer::get(t, &a[1], typhon_object::buffer::SIMPLE)?;
    let Ok(name) = std::str::from_utf8(name.as_slice()) else {
        return Err(error::value_error(t, "the name is not UTF-8"));
    };
    let name = strs::new(t, name)?;
    Ok(Value::small(i64::from(attr::get_opt(t, &a[0], &name)?.is_some())))
}

/// The index, if the object is a sequence as C sees it.
fn index(t: &Thread, a: &[Value], what: &str) -> Res {
    let ty = type_of(&a[0]);
    if ty.has_flag(flag::DICT) || ty.slots().getitem.is_none() {
        return Err(error::type_error(t, format_args!("'{}' object {what}", ty.name())));
    }
    convert::from_i64(t, convert::to_isize(t, &a[1])? as i64)
}

fn get_item(t: &Thread, a: &[Value]) -> Res {
    ops::getitem(t, &a[0], &index(t, a, "does not support indexing")?)
}

fn set_item(t: &Thread, a: &[Value]) -> Res {
    ops::setitem(t, &a[0], &index(t, a, "does not support item assignment")?, &a[2])?;
    Ok(Value::small(0))
}

fn delete_item(t: &Thread, a: &[Value]) -> Res {
    ops::delitem(t, &a[0], &index(t, a, "doesn't support item deletion")?)?;
    Ok(Value::small(0))
}
