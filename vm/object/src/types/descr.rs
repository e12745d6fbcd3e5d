//! Descriptors of types written in Rust: methods, computed attributes, fields, slot wrappers.

use crate::args::{Args, Signature};
use crate::error::{self, Res};
use crate::header::Header;
use crate::ids;
use crate::names;
use crate::native::{self, GetSetDef, MemberDef, MethodDef, MethodKind, def, getter};
use crate::payload;
use crate::slots::{SlotName, Slots, Wrap};
use crate::store::Slot;
use crate::strs;
use crate::thread::Thread;
use crate::tuple;
use crate::ty::{TypeDef, TypeObject, flag, type_of};
use crate::types::iters;
use crate::types::object::{self, OBJECT};
use crate::value::Value;
use crate::wrap;

/// What a descriptor stands for.
#[derive(Clone, Copy)]
pub enum What {
    /// A method, with its parsed signature.
    Method(&'static MethodDef, Option<&'static Signature>),
    /// A computed attribute.
    GetSet(&'static GetSetDef),
    /// A field of a Rust payload.
    Member(&'static MemberDef),
    /// A `__slots__` entry: offset as recorded in the type.
    OwnSlot(usize),
    /// A slot under its Python name.
    Wrapper(&'static SlotName),
}

/// A descriptor that belongs to a type.
#[repr(C)]
pub struct Descriptor {
    pub(crate) header: Header,
    /// The type (`__objclass__`).
    pub owner: Slot,
    /// The attribute's name.
    pub name: Slot,
    /// What it stands for.
    pub what: What,
}

crate::payload!(Descriptor => METHOD_DESCRIPTOR {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        // SAFETY: the collector's visitor stores nothing.
        unsafe {
            visit(self.owner.peek());
            visit(self.name.peek());
        }
    }
});

impl Descriptor {
    /// The type it belongs to.
    pub fn owner(&self) -> &TypeObject {
        // SAFETY: the slot holds a type object from creation on and is never emptied.
        unsafe { &*(self.owner.bits() as *const TypeObject) }
    }

    fn doc(&self) -> &'static str {
        match self.what {
            What::Method(def, _) => def.doc,
            What::GetSet(def) => def.doc,
            What::Member(def) => def.doc,
            What::OwnSlot(_) => "",
            What::Wrapper(slot) => slot.doc,
        }
    }

    fn kind(&self) -> &'static str {
        match self.what {
            What::Method(..) => "method",
            What::GetSet(def) if def.field => "member",
            What::GetSet(_) => "attribute",
            What::Member(_) | What::OwnSlot(_) => "member",
            What::Wrapper(_) => "slot wrapper",
        }
    }

    /// TypeError unless `obj` is an instance of the owner.
    fn check(&self, t: &Thread, obj: &Value) -> Res<()> {
        if type_of(obj).is_subtype(self.owner()) {
            return Ok(());
        }
        let (name, owner, ty) = (strs::display(&self.name.get()), self.owner().name(), type_of(obj).name());
        Err(error::type_error(
            t,
            format_args!("descriptor '{name}' for '{owner}' objects doesn't apply to a '{ty}' object"),
        ))
    }
}

const COMMON: &[GetSetDef] = &[
    getter("__name__", |_, v| Ok(as_descriptor(v).name.get()), ""),
    getter("__objclass__", |_, v| Ok(as_descriptor(v).owner.get()), ""),
    getter("__qualname__", qualname, ""),
    getter("__doc__", doc, ""),
    getter("__text_signature__", text_signature, ""),
];

macro_rules! descriptor_types {
    ($($name:ident = $text:literal, $flags:expr, $slots:expr;)*) => {$(
        #[doc = $text]
        pub static $name: TypeDef = TypeDef {
            name: $text,
            id: ids::$name,
            flags: flag::NO_NEW | $flags,
            slots: Slots { repr: Some(repr), ..$slots },
            getset: COMMON,
            methods: &[def("__reduce__", "($self, /)", reduce, "")],
            ..TypeDef::of::<Descriptor>()
        };
    )*};
}
descriptor_types! {
    METHOD_DESCRIPTOR = "method_descriptor", flag::METHOD_DESCRIPTOR, Slots { get: Some(method_get), call: Some(method_call), ..Slots::NONE };
    CLASSMETHOD_DESCRIPTOR = "classmethod_descriptor", 0, Slots { get: Some(classmethod_get), call: Some(classmethod_call), ..Slots::NONE };
    GETSET_DESCRIPTOR = "getset_descriptor", 0, Slots { get: Some(data_get), set: Some(data_set), ..Slots::NONE };
    MEMBER_DESCRIPTOR = "member_descriptor", 0, Slots { get: Some(data_get), set: Some(data_set), ..Slots::NONE };
    WRAPPER_DESCRIPTOR = "wrapper_descriptor", flag::METHOD_DESCRIPTOR, Slots { get: Some(wrapper_get), call: Some(wrapper_call), ..Slots::NONE };
}

/// The payload of any of the five types: they share one layout without deriving from each other.
pub fn as_descriptor(v: &Value) -> &Descriptor {
    match try_descriptor(v) {
        Some(d) => d,
        None => panic!("expected a descriptor"),
    }
}

/// As [`as_descriptor`], if it is one.
pub fn try_descriptor(v: &Value) -> Option<&Descriptor> {
    let header = v.header()?;
    let id = header.shape().0;
    let known = [
        ids::METHOD_DESCRIPTOR,
        ids::CLASSMETHOD_DESCRIPTOR,
        ids::GETSET_DESCRIPTOR,
        ids::MEMBER_DESCRIPTOR,
        ids::WRAPPER_DESCRIPTOR,
    ];
    // SAFETY: objects of these five exact types have this layout.
    if known.contains(&id) { Some(unsafe { &*std::ptr::from_ref(header).cast::<Descriptor>() }) } else { None }
}

/// An attribute of its class.
fn reduce(t: &Thread, a: &[Value]) -> Res {
    let me = as_descriptor(&a[0]);
    let args = tuple::from_array(t, [me.owner.get(), me.name.get()])?;
    tuple::from_array(t, [iters::builtin(t, "getattr")?, args])
}

fn make(t: &Thread, ty: &'static TypeDef, owner: &TypeObject, name: Value, what: What) -> Res {
    // SAFETY: the closure writes the whole payload; the size is the payload's.
    unsafe {
        payload::new_sized(t, ty.ty(), size_of::<Descriptor>(), |at| {
            let d = at.cast::<Descriptor>();
            (&raw mut (*d).owner).write(Slot::new(owner.value()));
            (&raw mut (*d).name).write(Slot::new(name));
            (&raw mut (*d).what).write(what);
        })
    }
}

/// A method's descriptor.
pub fn new_method(t: &Thread, owner: &TypeObject, def: &'static MethodDef) -> Res {
    let ty = if def.kind == MethodKind::Class { &CLASSMETHOD_DESCRIPTOR } else { &METHOD_DESCRIPTOR };
    let what = What::Method(def, native::signature_of(t, def, true));
    make(t, ty, owner, names::intern_text(t, def.name), what)
}

/// A static method of a type: a plain native function.
pub fn new_static(t: &Thread, owner: &TypeObject, def: &'static MethodDef) -> Res {
    let f = native::new_function(t, def, owner.value(), Value::NONE)?;
    crate::types::staticmethod::wrap(t, &f)
}

/// A computed attribute's descriptor.
pub fn new_getset(t: &Thread, owner: &TypeObject, def: &'static GetSetDef) -> Res {
    let ty = if def.field { &MEMBER_DESCRIPTOR } else { &GETSET_DESCRIPTOR };
    make(t, ty, owner, names::intern_text(t, def.name), What::GetSet(def))
}

/// A field's descriptor.
pub fn new_member(t: &Thread, owner: &TypeObject, def: &'static MemberDef) -> Res {
    make(t, &MEMBER_DESCRIPTOR, owner, names::intern_text(t, def.name), What::Member(def))
}

/// The descriptor of a `__slots__` entry.
pub fn new_own_slot(t: &Thread, owner: &TypeObject, name: &Value, offset: usize) -> Res {
    make(t, &MEMBER_DESCRIPTOR, owner, name.clone(), What::OwnSlot(offset))
}

fn is_objects(new: crate::slots::NewFn) -> bool {
    std::ptr::fn_addr_eq(new, object::new as crate::slots::NewFn)
}

/// What stands for a slot in its type's namespace, if anything does.
pub fn for_slot(t: &Thread, owner: &TypeObject, slot: &'static SlotName) -> Res<Option<Value>> {
    match slot.wrap {
        Wrap::GetAttrHook => Ok(None),
        // What makes its objects as `object` does has no `__new__` of its own.
        Wrap::New if !std::ptr::eq(owner, OBJECT.ty()) && owner.slots().new.is_some_and(is_objects) => Ok(None),
        Wrap::New => wrap::new_function(t, owner).map(Some),
        _ => {
            let name = names::intern_text(t, slot.name);
            make(t, &WRAPPER_DESCRIPTOR, owner, name, What::Wrapper(slot)).map(Some)
        }
    }
}

/// A slot wrapper.
pub fn new_wrapper(t: &Thread, owner: &TypeObject, slot: &'static SlotName) -> Res {
    make(t, &WRAPPER_DESCRIPTOR, owner, names::intern_text(t, slot.name), What::Wrapper(slot))
}

fn method_get(t: &Thread, d: &Value, obj: Option<&Value>, _cls: Option<&Value>) -> Res {
    let Some(obj) = obj else { return Ok(d.clone()) };
    let me = as_descriptor(d);
    me.check(t, obj)?;
    match me.what {
        What::Method(def, signature) => native::bound_method(t, def, signature, obj.clone()),
        _ => Ok(d.clone()),
    }
}

fn method_call(t: &Thread, d: &Value, args: Args<'_>) -> Res {
    let me = as_descriptor(d);
    let What::Method(def, signature) = me.what else { return Err(error::system_error(t, "not a method")) };
    match args.positional().first() {
        Some(this) if type_of(this).is_subtype(me.owner()) => native::call_def(t, def, signature, args),
        _ => native::check_self(t, me.owner(), def.name, args).and(Ok(Value::NONE)),
    }
}

fn classmethod_get(t: &Thread, d: &Value, obj: Option<&Value>, cls: Option<&Value>) -> Res {
    let me = as_descriptor(d);
    let What::Method(def, signature) = me.what else { return Err(error::system_error(t, "not a method")) };
    let class = match (cls, obj) {
        (Some(c), _) => c.clone(),
        (None, Some(o)) => type_of(o).value(),
        (None, None) => me.owner.get(),
    };
    match class.downcast::<TypeObject>() {
        Some(c) if c.is_subtype(me.owner()) => native::bound_method(t, def, signature, class),
        Some(c) => Err(error::type_error(
            t,
            format_args!(
                "descriptor '{}' requires a subtype of '{}' but received '{}'",
                def.name,
                me.owner().name(),
                c.name()
            ),
        )),
        None => Err(error::type_error(
            t,
            format_args!(
                "descriptor '{}' for type '{}' needs a type, not a '{}' as arg 2",
                def.name,
                me.owner().name(),
                type_of(&class).name()
            ),
        )),
    }
}

fn classmethod_call(t: &Thread, d: &Value, args: Args<'_>) -> Res {
    let Some(class) = args.positional().first() else {
        return native::check_self(t, as_descriptor(d).owner(), "", args).and(Ok(Value::NONE));
    };
    let bound = classmethod_get(t, d, None, Some(class))?;
    crate::call::call_args(t, &bound, args.rest())
}

fn member_slot<'a>(def: &MemberDef, obj: &'a Value) -> Option<&'a Slot> {
    let header = obj.header()?;
    // SAFETY: the object is an instance of the owner (checked), whose payload has a Slot at this offset.
    Some(unsafe { &*std::ptr::from_ref(header).cast::<u8>().add(def.offset).cast::<Slot>() })
}

fn own_slot<'a>(owner: &TypeObject, offset: usize, obj: &'a Value) -> Option<&'a Slot> {
    let header = obj.header()?;
    // SAFETY: the object is an instance of the owner (checked), which laid this slot out.
    Some(unsafe { owner.slot_at(header, offset) })
}

fn data_get(t: &Thread, d: &Value, obj: Option<&Value>, _cls: Option<&Value>) -> Res {
    let Some(obj) = obj else { return Ok(d.clone()) };
    let me = as_descriptor(d);
    me.check(t, obj)?;
    match me.what {
        What::GetSet(def) => (def.get)(t, obj),
        What::Member(def) => match member_slot(def, obj).and_then(|s| s.get().present()) {
            Some(v) => Ok(v),
            None if def.required => Err(error::no_attribute(t, obj, &me.name.get())),
            None => Ok(Value::NONE),
        },
        What::OwnSlot(offset) => match own_slot(me.owner(), offset, obj).and_then(|s| s.get().present()) {
            Some(v) => Ok(v),
            None => {
                let (ty, name) = (type_of(obj).full_name(), me.name.get());
                let text = format!("'{ty}' object has no attribute '{}'", strs::display(&name));
                Err(error::attribute_error(t, obj, &name, text))
            }
        },
        _ => Ok(d.clone()),
    }
}

fn data_set(t: &Thread, d: &Value, obj: &Value, value: Option<&Value>) -> Res<()> {
    let me = as_descriptor(d);
    me.check(t, obj)?;
    let name = me.name.get();
    let slot = match me.what {
        What::GetSet(def) => {
            return match def.set {
                Some(set) => set(t, obj, value),
                None if def.field => Err(error::attribute_error(t, obj, &name, "readonly attribute")),
                None => {
                    let (name, owner) = (strs::display(&name), me.owner().name());
                    Err(error::attribute_error(
                        t,
                        obj,
                        &me.name.get(),
                        format_args!("attribute '{name}' of '{owner}' objects is not writable"),
                    ))
                }
            };
        }
        What::Member(def) if def.read_only => {
            return Err(error::attribute_error(t, obj, &name, "readonly attribute"));
        }
        What::Member(def) => member_slot(def, obj),
        What::OwnSlot(offset) => own_slot(me.owner(), offset, obj),
        _ => None,
    };
    let (Some(slot), Some(header)) = (slot, obj.header()) else { return Err(error::no_attribute(t, obj, &name)) };
    match value {
        Some(v) => slot.set(header, v.clone()),
        None if slot.is_absent() => return Err(error::attribute_error(t, obj, &name, strs::display(&name))),
        None => drop(slot.take()),
    }
    Ok(())
}

fn wrapper_get(t: &Thread, d: &Value, obj: Option<&Value>, _cls: Option<&Value>) -> Res {
    let Some(obj) = obj else { return Ok(d.clone()) };
    as_descriptor(d).check(t, obj)?;
    payload::new(t, |header| MethodWrapper { header, wrapper: Slot::new(d.clone()), this: Slot::new(obj.clone()) })
}

fn wrapper_call(t: &Thread, d: &Value, args: Args<'_>) -> Res {
    let me = as_descriptor(d);
    let What::Wrapper(slot) = me.what else { return Err(error::system_error(t, "not a slot wrapper")) };
    match args.positional().first() {
        Some(this) if type_of(this).is_subtype(me.owner()) => wrap::call_slot(t, me.owner(), slot, this, args.rest()),
        Some(this) => {
            let (owner, ty) = (me.owner().name(), type_of(this).name());
            Err(error::type_error(
                t,
                format_args!("descriptor '{}' requires a '{owner}' object but received a '{ty}'", slot.name),
            ))
        }
        None => Err(error::type_error(
            t,
            format_args!("descriptor '{}' of '{}' object needs an argument", slot.name, me.owner().name()),
        )),
    }
}

/// A slot wrapper bound to an object (`method-wrapper`).
#[repr(C)]
pub struct MethodWrapper {
    header: Header,
    wrapper: Slot,
    this: Slot,
}

crate::payload!(MethodWrapper => METHOD_WRAPPER {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        // SAFETY: the collector's visitor stores nothing.
        unsafe {
            visit(self.wrapper.peek());
            visit(self.this.peek());
        }
    }
});

/// method-wrapper.
pub static METHOD_WRAPPER: TypeDef = TypeDef {
    name: "method-wrapper",
    id: ids::METHOD_WRAPPER,
    flags: flag::NO_NEW,
    slots: Slots {
        repr: Some(|t, v| {
            let me = v.expect::<MethodWrapper>();
            let (this, wrapper) = (me.this.get(), me.wrapper.get());
            let name = strs::display(&as_descriptor(&wrapper).name.get());
            strs::new(t, &format!("<method-wrapper '{name}' of {} object at {:#x}>", type_of(&this).name(), this.id()))
        }),
        call: Some(|t, v, args| {
            let me = v.expect::<MethodWrapper>();
            let (this, wrapper) = (me.this.get(), me.wrapper.get());
            args.with_first(&this, |args| wrapper_call(t, &wrapper, args))
        }),
        compare: Some(|t, a, b, op| {
            let (Some(x), Some(y)) = (a.downcast::<MethodWrapper>(), b.downcast::<MethodWrapper>()) else {
                return Ok(Value::NOT_IMPLEMENTED);
            };
            let same = x.this.bits() == y.this.bits() && x.wrapper.bits() == y.wrapper.bits();
            let _ = t;
            Ok(match op {
                crate::ops::CompareOp::Eq => Value::bool(same),
                crate::ops::CompareOp::Ne => Value::bool(!same),
                _ => Value::NOT_IMPLEMENTED,
            })
        }),
        hash: Some(|_, v| {
            let me = v.expect::<MethodWrapper>();
            Ok((me.this.bits() ^ me.wrapper.bits().rotate_left(7)) as i64 >> 4)
        }),
        ..Slots::NONE
    },
    getset: &[
        getter("__self__", |_, v| Ok(v.expect::<MethodWrapper>().this.get()), ""),
        getter("__name__", |_, v| Ok(as_descriptor(&v.expect::<MethodWrapper>().wrapper.get()).name.get()), ""),
        getter("__objclass__", |_, v| Ok(as_descriptor(&v.expect::<MethodWrapper>().wrapper.get()).owner.get()), ""),
        getter("__qualname__", |t, v| qualname(t, &v.expect::<MethodWrapper>().wrapper.get()), ""),
        getter("__doc__", |t, v| doc(t, &v.expect::<MethodWrapper>().wrapper.get()), ""),
        getter("__text_signature__", |t, v| text_signature(t, &v.expect::<MethodWrapper>().wrapper.get()), ""),
    ],
    ..TypeDef::of::<MethodWrapper>()
};

fn repr(t: &Thread, v: &Value) -> Res {
    let me = as_descriptor(v);
    strs::new(t, &format!("<{} '{}' of '{}' objects>", me.kind(), strs::display(&me.name.get()), me.owner().name()))
}

fn qualname(t: &Thread, v: &Value) -> Res {
    let me = as_descriptor(v);
    let owner = strs::display(&me.owner().qualname.get());
    strs::new(t, &format!("{owner}.{}", strs::display(&me.name.get())))
}

fn doc(t: &Thread, v: &Value) -> Res {
    match as_descriptor(v).doc() {
        "" => Ok(Value::NONE),
        doc => strs::new(t, doc),
    }
}

fn text_signature(t: &Thread, v: &Value) -> Res {
    let text = match as_descriptor(v).what {
        What::Method(def, _) => def.signature,
        What::Wrapper(slot) => wrap::text_signature(slot.wrap),
        _ => "",
    };
    if text.is_empty() { Ok(Value::NONE) } else { strs::new(t, text) }
}
