//! type.

mod attrs;
mod getset;
mod layout;
mod make;
mod mro;

use crate::args::Args;
use crate::dict::Dict;
use crate::error::{self, Res};
use crate::ids;
use crate::names::n;
use crate::native::{MethodDef, def, raw};
use crate::slots::Slots;
use crate::strs::{self, Str};
use crate::thread::Thread;
use crate::ty::{TypeDef, TypeObject, flag, type_of};
use crate::types::{instance_check, object, union};
use crate::value::Value;

pub use attrs::{get as get_attribute, get_opt};
pub(crate) use getset::merge_class;
pub use make::{instance_dict, metaclass, new_class, set_class, set_instance_dict};

/// type.
pub static TYPE: TypeDef = TypeDef {
    name: "type",
    doc: "type(object) -> the object's type\ntype(name, bases, dict, **kwds) -> a new type",
    id: ids::TYPE,
    flags: flag::BASETYPE | flag::TYPE | flag::WEAKREFS,
    slots: Slots {
        call: Some(call),
        new: Some(make::type_new),
        init: Some(init),
        repr: Some(repr),
        getattr: Some(attrs::get),
        setattr: Some(attrs::set),
        or: Some(union::or),
        ..Slots::NONE
    },
    methods: METHODS,
    getset: getset::TABLE,
    ..TypeDef::of::<TypeObject>()
};

const METHODS: &[MethodDef] = &[
    def("mro", "($self, /)", |t, a| getset::mro_list(t, &a[0]), "Return a type's method resolution order."),
    def("__subclasses__", "($self, /)", |t, a| getset::subclasses(t, &a[0]), "Return a list of immediate subclasses."),
    raw(
        "__prepare__",
        "($cls, name, bases, /, **kwds)",
        |t, _| Ok(Dict::create(t)),
        "Create the namespace for the class statement",
    )
    .class(),
    def(
        "__instancecheck__",
        "($self, instance, /)",
        |t, a| instance_check::plain_isinstance(t, &a[1], &a[0]).map(Value::bool),
        "Check if an object is an instance.",
    ),
    def(
        "__subclasscheck__",
        "($self, subclass, /)",
        |t, a| instance_check::plain_issubclass(t, &a[1], &a[0]).map(Value::bool),
        "Check if a class is a subclass.",
    ),
    def("__dir__", "($self, /)", |t, a| getset::dir(t, &a[0]), "Specialized __dir__ implementation for types."),
    def("__sizeof__", "($self, /)", |_, a| Ok(getset::size_of(&a[0])), "Return memory consumption of the type object."),
];

/// `cls(*args, **kwargs)`: `__new__`, then `__init__` if that gave an instance of the class.
pub fn call(t: &Thread, class: &Value, args: Args<'_>) -> Res {
    call_with(t, class, || args)
}

/// [`call`] with positional arguments only.
#[inline]
pub fn call_positional(t: &Thread, class: &Value, args: &[Value]) -> Res {
    // Made anew for each callee: a copy of what has just been written word by word waits for the writes.
    call_with(t, class, || Args::pos(args))
}

#[inline(always)]
fn call_with<'a>(t: &Thread, class: &Value, args: impl Fn() -> Args<'a>) -> Res {
    let ty = class.expect::<TypeObject>();
    if std::ptr::eq(ty, TYPE.ty()) {
        if args().values.len() == 1 && args().names.is_empty() {
            return Ok(type_of(&args().values[0]).value());
        }
        if args().positional().len() == 1 {
            return Err(error::type_error(t, "type() takes no keyword arguments"));
        }
        if args().positional().len() != 3 {
            return Err(error::type_error(t, "type() takes 1 or 3 arguments"));
        }
    }
    let Some(new) = ty.slots().new else {
        return Err(error::type_error(t, format_args!("cannot create '{}' instances", ty.name())));
    };
    let v = new(t, class, args())?;
    let made = type_of(&v);
    if std::ptr::eq(made, ty) && object::is_init(made.slots().init) && !object::is_new(Some(new)) {
        // object's `__init__` leaves the arguments to a `__new__` that is not object's.
        return Ok(v);
    }
    if made.is_subtype(ty)
        && let Some(init) = made.slots().init
    {
        init(t, &v, args())?;
    }
    Ok(v)
}

/// `type.__init__`: nothing is left to do, but the arguments must look right.
fn init(t: &Thread, _: &Value, args: Args<'_>) -> Res<()> {
    let n = args.positional().len();
    if args.has_keywords() && n == 1 {
        return Err(error::type_error(t, "type.__init__() takes no keyword arguments"));
    }
    if n != 1 && n != 3 {
        return Err(error::type_error(t, "type.__init__() takes 1 or 3 arguments"));
    }
    Ok(())
}

fn repr(t: &Thread, v: &Value) -> Res {
    let ty = v.expect::<TypeObject>();
    match ty.module_name() {
        Some(module) if module != "builtins" => {
            strs::new(t, &format!("<class '{module}.{}'>", strs::display(&ty.qualname.get())))
        }
        Some(_) => strs::new(t, &format!("<class '{}'>", strs::display(&ty.qualname.get()))),
        None => strs::new(t, &format!("<class '{}'>", ty.name())),
    }
}

impl TypeObject {
    /// `__module__`, if it is a str.
    pub fn module_name(&self) -> Option<String> {
        if self.is_heap_type() {
            let module = self.dict().get_str(n::__module__())?;
            return module.downcast::<Str>().map(Str::to_lossy);
        }
        Some(self.def().name.rsplit_once('.').map_or("builtins", |(module, _)| module).to_string())
    }

    /// `module.qualname`, without the module for builtins.
    pub fn shown_name(&self) -> String {
        let qualname = strs::display(&self.qualname.get());
        match self.module_name() {
            Some(module) if module != "builtins" => format!("{module}.{qualname}"),
            _ => qualname,
        }
    }

    /// The fully qualified name: as [`TypeObject::shown_name`], but a program's own classes go without `__main__`.
    pub fn full_name(&self) -> String {
        match self.module_name() {
            Some(module) if module == "__main__" => strs::display(&self.qualname.get()),
            _ => self.shown_name(),
        }
    }
}
