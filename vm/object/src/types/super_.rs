//! super.

use crate::args::Args;
use crate::attr;
use crate::call;
use crate::error::{self, Res};
use crate::header::Header;
use crate::ids;
use crate::names::n;
use crate::native::member;
use crate::payload;
use crate::slots::Slots;
use crate::store::Slot;
use crate::strs;
use crate::thread::Thread;
use crate::tuple::Tuple;
use crate::ty::{TypeDef, TypeObject, flag, type_of};
use crate::value::Value;

/// A view of an object that skips the part of its MRO up to a class.
#[repr(C)]
pub struct Super {
    pub(crate) header: Header,
    class: Slot,
    object: Slot,
    object_type: Slot,
}

crate::payload!(Super => SUPER {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        for slot in [&self.class, &self.object, &self.object_type] {
            // SAFETY: the collector's visitor stores nothing.
            visit(unsafe { slot.peek() });
        }
    }
});

/// super.
pub static SUPER: TypeDef = TypeDef {
    name: "super",
    doc: "super() -> same as super(__class__, <first argument>)\nsuper(type) -> unbound super object\nsuper(type, obj) -> bound super object; requires isinstance(obj, type)\nsuper(type, type2) -> bound super object; requires issubclass(type2, type)\nTypical use to call a cooperative superclass method:\nclass C(B):\n    def meth(self, arg):\n        super().meth(arg)\nThis works for class methods too:\nclass C(B):\n    @classmethod\n    def cmeth(cls, arg):\n        super().cmeth(arg)\n",
    id: ids::SUPER,
    flags: flag::BASETYPE,
    slots: Slots {
        new: Some(|t, class, _| {
            payload::new_for(t, class, |header| Super {
                header,
                class: Slot::empty(),
                object: Slot::empty(),
                object_type: Slot::empty(),
            })
        }),
        init: Some(init),
        repr: Some(repr),
        getattr: Some(get_attr),
        get: Some(get),
        ..Slots::NONE
    },
    members: &[
        member("__thisclass__", std::mem::offset_of!(Super, class), "the class invoking super()"),
        member("__self__", std::mem::offset_of!(Super, object), "the instance invoking super(); may be None"),
        member(
            "__self_class__",
            std::mem::offset_of!(Super, object_type),
            "the type of the instance invoking super(); may be None",
        ),
    ],
    ..TypeDef::of::<Super>()
};

/// `super(class, object)`.
pub fn make(t: &Thread, class: &Value, object: &Value) -> Res {
    let object_type = check(t, class, object)?;
    payload::new(t, |header| Super {
        header,
        class: Slot::new(class.clone()),
        object: Slot::new(object.clone()),
        object_type: Slot::new(object_type),
    })
}

fn init(t: &Thread, v: &Value, args: Args<'_>) -> Res<()> {
    args.no_keywords(t, "super")?;
    let a = args.expect_positional(t, "super", 0, 2)?;
    let (class, object) = match a {
        [] => (t.hooks.super_frame)(t)?,
        [class] => (class.clone(), Value::NONE),
        [class, object, ..] => (class.clone(), object.clone()),
    };
    if class.downcast::<TypeObject>().is_none() {
        let got = type_of(&class).name();
        return Err(error::type_error(t, format_args!("super() argument 1 must be a type, not {got}")));
    }
    let me = v.expect::<Super>();
    let (object, object_type) =
        if object.is_none() { (Value::ABSENT, Value::ABSENT) } else { (object.clone(), check(t, &class, &object)?) };
    me.class.set(&me.header, class);
    me.object.set(&me.header, object);
    me.object_type.set(&me.header, object_type);
    Ok(())
}

/// The class whose MRO is searched: `object` itself if it is a subclass, else its type or its `__class__`.
fn check(t: &Thread, class: &Value, object: &Value) -> Res {
    let Some(ty) = class.downcast::<TypeObject>() else {
        let got = type_of(class).name();
        return Err(error::type_error(t, format_args!("super() argument 1 must be a type, not {got}")));
    };
    if object.downcast::<TypeObject>().is_some_and(|o| o.is_subtype(ty)) {
        return Ok(object.clone());
    }
    if type_of(object).is_subtype(ty) {
        return Ok(type_of(object).value());
    }
    if let Some(claimed) = attr::class_of(t, object)?
        && let Some(c) = claimed.downcast::<TypeObject>()
        && !std::ptr::eq(c, type_of(object))
        && c.is_subtype(ty)
    {
        return Ok(claimed);
    }
    let (kind, shown) = match object.downcast::<TypeObject>() {
        Some(o) => ("type", o.name()),
        None => ("instance of", type_of(object).name()),
    };
    let class = ty.name();
    let text = format!("super(type, obj): obj ({kind} {shown}) is not an instance or subtype of type ({class}).");
    Err(error::type_error(t, text))
}

/// What the MRO of `start` has under `name` behind `class`, unbound.
pub fn behind(start: &TypeObject, class: &Value, name: &Value) -> Option<Value> {
    let order = start.mro();
    let after = order.downcast::<Tuple>()?.items().iter().skip_while(|c| !c.is(class)).skip(1);
    after.filter_map(|c| c.downcast::<TypeObject>()).find_map(|ty| ty.dict().get_str(name))
}

/// What `super(class, object).name` is, without making the super object; `None` if only the super type itself could have it.
pub fn lookup(t: &Thread, class: &Value, object: &Value, object_type: &Value, name: &Value) -> Res<Option<Value>> {
    let Some(start) = object_type.downcast::<TypeObject>() else { return Ok(None) };
    let Some(found) = behind(start, class, name) else { return Ok(None) };
    match type_of(&found).slots().get {
        Some(get) => {
            let bound = if object.is(object_type) { None } else { Some(object) };
            get(t, &found, bound, Some(object_type)).map(Some)
        }
        None => Ok(Some(found)),
    }
}

/// `super(class, object).name`, as the zero-argument form's bytecode wants it.
pub fn get_attribute(t: &Thread, class: &Value, object: &Value, name: &Value) -> Res {
    let object_type = check(t, class, object)?;
    let name = &crate::names::intern(t, name);
    if !name.is(n::__class__())
        && let Some(found) = lookup(t, class, object, &object_type, name)?
    {
        return Ok(found);
    }
    attr::get(t, &make(t, class, object)?, name)
}

fn get_attr(t: &Thread, v: &Value, name: &Value) -> Res {
    attr::check_name(t, name)?;
    let name = &crate::names::intern(t, name);
    let me = v.expect::<Super>();
    let object_type = me.object_type.get();
    if !object_type.is_absent()
        && !name.is(n::__class__())
        && let Some(found) = lookup(t, &me.class.get(), &me.object.get(), &object_type, name)?
    {
        return Ok(found);
    }
    attr::generic_get(t, v, name)
}

/// An unbound super object binds like a method.
fn get(t: &Thread, v: &Value, obj: Option<&Value>, _: Option<&Value>) -> Res {
    let me = v.expect::<Super>();
    let Some(obj) = obj.filter(|o| !o.is_none() && me.object.is_absent()) else { return Ok(v.clone()) };
    if v.exact::<Super>().is_none() {
        let class = type_of(v).value();
        return call::call(t, &class, &[me.class.get(), obj.clone()]);
    }
    make(t, &me.class.get(), obj)
}

fn repr(t: &Thread, v: &Value) -> Res {
    let me = v.expect::<Super>();
    let class = me.class.get();
    let class = class.downcast::<TypeObject>().map_or_else(|| "NULL".to_string(), TypeObject::name);
    let ty = me.object_type.get();
    match ty.downcast::<TypeObject>() {
        Some(ty) => strs::new(t, &format!("<super: <class '{class}'>, <{} object>>", ty.name())),
        None => strs::new(t, &format!("<super: <class '{class}'>, NULL>")),
    }
}
