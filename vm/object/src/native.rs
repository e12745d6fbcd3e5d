//! Functions written in Rust: their definitions, and the objects that stand for them.
//!
//! One definition serves as documentation, parser and error text: the signature of a [`MethodDef`] is the function's
//! `__text_signature__`, and arguments are bound by it (see [`crate::args`]).

use crate::args::{Args, Signature};
use crate::error::{self, Res};
use crate::guarded;
use crate::header::Header;
use crate::names;
use crate::payload;
use crate::process;
use crate::slots::SlotName;
use crate::store::Slot;
use crate::thread::Thread;
use crate::ty::{TypeObject, type_of};
use crate::types::descr;
use crate::types::native_function::BUILTIN_FUNCTION;
use crate::value::Value;
use std::cell::{Cell, OnceCell};

/// How a native is called.
#[derive(Clone, Copy)]
pub enum NativeFn {
    /// One value a parameter of the signature, absent where an optional one is missing.
    Bound(fn(&Thread, &[Value]) -> Res),
    /// The arguments as they come; for methods the first value is self.
    Raw(fn(&Thread, Args<'_>) -> Res),
}

/// What a method is called on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MethodKind {
    /// An instance, or nothing for a module's function.
    Plain,
    /// The class.
    Class,
    /// Nothing.
    Static,
}

/// A native function or method.
#[derive(Clone, Copy)]
pub struct MethodDef {
    /// Name.
    pub name: &'static str,
    /// Text signature, `($self, x, /)`. For a raw function it only documents; empty means none.
    pub signature: &'static str,
    /// Docstring.
    pub doc: &'static str,
    /// The function.
    pub call: NativeFn,
    /// What it is called on.
    pub kind: MethodKind,
    /// When it may run beside other natives.
    pub open: Open,
    /// What compiled code may call it with.
    pub tame: Tame,
}

/// Whether a native protects itself, so that it may run without the native lock (see `native_lock`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Open {
    /// It does not.
    Never,
    /// Where all its arguments are atoms.
    Atoms,
    /// The same, or where its receiver is a guarded container: who asks other objects for their hash or equality sees to the
    /// lock.
    Receiver,
    /// Where each of its arguments is an atom or a guarded container.
    Known,
    /// It does: it takes the lock where it needs it.
    Always,
}

/// A method or function with bound arguments: `def("append", "($self, object, /)", append, "Append ...")`.
pub const fn def(
    name: &'static str,
    signature: &'static str,
    call: fn(&Thread, &[Value]) -> Res,
    doc: &'static str,
) -> MethodDef {
    MethodDef {
        name,
        signature,
        doc,
        call: NativeFn::Bound(call),
        kind: MethodKind::Plain,
        open: Open::Never,
        tame: Tame::Never,
    }
}

/// A method or function that takes its arguments as they come.
pub const fn raw(
    name: &'static str,
    signature: &'static str,
    call: fn(&Thread, Args<'_>) -> Res,
    doc: &'static str,
) -> MethodDef {
    MethodDef {
        name,
        signature,
        doc,
        call: NativeFn::Raw(call),
        kind: MethodKind::Plain,
        open: Open::Never,
        tame: Tame::Never,
    }
}

impl MethodDef {
    /// A class method: the first value is the class.
    pub const fn class(self) -> Self {
        Self { kind: MethodKind::Class, ..self }
    }

    /// It may run beside other natives where its arguments are atoms.
    pub const fn open(self) -> Self {
        Self { open: Open::Atoms, ..self }
    }

    /// The same where its receiver is guarded.
    pub const fn open_receiver(self) -> Self {
        Self { open: Open::Receiver, ..self }
    }

    /// It may run beside other natives where its arguments are atoms or guarded containers.
    pub const fn open_known(self) -> Self {
        Self { open: Open::Known, ..self }
    }

    /// It sees to the native lock by itself.
    pub const fn open_always(self) -> Self {
        Self { open: Open::Always, ..self }
    }

    /// Whether it may be called with these arguments beside other natives.
    pub fn is_open(&self, args: &[Value]) -> bool {
        match self.open {
            Open::Never => false,
            Open::Always => true,
            Open::Known => args.iter().all(|v| guarded::is_atom(v) || guarded::is_container(v)),
            Open::Atoms => args.iter().all(guarded::is_atom),
            Open::Receiver => args.first().is_some_and(guarded::is_container) || args.iter().all(guarded::is_atom),
        }
    }

    /// See [`Tame::Plain`].
    pub const fn tame(self) -> Self {
        Self { tame: Tame::Plain, ..self }
    }

    /// See [`Tame::Any`].
    pub const fn tame_with_any(self) -> Self {
        Self { tame: Tame::Any, ..self }
    }

    /// A static method: no first value.
    pub const fn stat(self) -> Self {
        Self { kind: MethodKind::Static, ..self }
    }
}

/// When a native runs no Python code and does not poll, and nothing has happened if it raises: then compiled code calls it without
/// making the frames that anybody could look at. Such a native changes nothing but its own object, if it is a method. One that must
/// run code now and then refuses that ([`Thread::untamed`]).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tame {
    /// It may do anything.
    Never,
    /// Given numbers, strs, bytes and None, and, if it is a method, an object of its own type.
    Plain,
    /// Given any values.
    Any,
}

impl Thread {
    /// Refuses what a tame native does not do, such as running code, if compiled code has called it: the interpreter calls it again.
    #[inline]
    pub fn untamed(&self) -> Res<()> {
        self.untamed_unless(|| false)
    }

    /// The same, unless it turns out to be tame.
    #[inline]
    pub fn untamed_unless(&self, is_tame: impl FnOnce() -> bool) -> Res<()> {
        if self.tame.get() && !is_tame() {
            Err(error::system_error(self, "a native that is not tame was called as one"))
        } else {
            Ok(())
        }
    }
}

/// How many definitions several tables hold.
pub const fn total(parts: &[&[MethodDef]]) -> usize {
    let (mut i, mut n) = (0, 0);
    while i < parts.len() {
        n += parts[i].len();
        i += 1;
    }
    n
}

/// Several tables as one, for a module whose functions are defined beside what they do.
pub const fn join<const N: usize>(parts: &[&[MethodDef]]) -> [MethodDef; N] {
    let mut out = [parts[0][0]; N];
    let (mut i, mut n) = (0, 0);
    while i < parts.len() {
        let mut k = 0;
        while k < parts[i].len() {
            out[n] = parts[i][k];
            n += 1;
            k += 1;
        }
        i += 1;
    }
    out
}

/// A computed attribute.
#[derive(Clone, Copy)]
pub struct GetSetDef {
    /// Name.
    pub name: &'static str,
    /// Docstring.
    pub doc: &'static str,
    /// Reads it.
    pub get: fn(&Thread, &Value) -> Res,
    /// Writes it, or deletes it when the value is `None`.
    pub set: Option<fn(&Thread, &Value, Option<&Value>) -> Res<()>>,
    /// Shown as a field: it is one, but not one that holds a value.
    pub field: bool,
}

/// A read-only computed attribute.
pub const fn getter(name: &'static str, get: fn(&Thread, &Value) -> Res, doc: &'static str) -> GetSetDef {
    GetSetDef { name, doc, get, set: None, field: false }
}

/// A read-only field that is plain data.
pub const fn field(name: &'static str, get: fn(&Thread, &Value) -> Res, doc: &'static str) -> GetSetDef {
    GetSetDef { name, doc, get, set: None, field: true }
}

/// A computed attribute that can be set.
pub const fn getset(
    name: &'static str,
    get: fn(&Thread, &Value) -> Res,
    set: fn(&Thread, &Value, Option<&Value>) -> Res<()>,
    doc: &'static str,
) -> GetSetDef {
    GetSetDef { name, doc, get, set: Some(set), field: false }
}

/// An attribute that is a [`Slot`] in the payload.
#[derive(Clone, Copy)]
pub struct MemberDef {
    /// Name.
    pub name: &'static str,
    /// Docstring.
    pub doc: &'static str,
    /// `offset_of!` the slot.
    pub offset: usize,
    /// Cannot be set.
    pub read_only: bool,
    /// An empty slot raises AttributeError instead of reading as None.
    pub required: bool,
}

/// A read-only field.
pub const fn member(name: &'static str, offset: usize, doc: &'static str) -> MemberDef {
    MemberDef { name, doc, offset, read_only: true, required: false }
}

/// A field that can be set.
pub const fn member_rw(name: &'static str, offset: usize, doc: &'static str) -> MemberDef {
    MemberDef { name, doc, offset, read_only: false, required: false }
}

/// A native module.
pub struct ModuleDef {
    /// Dotted name.
    pub name: &'static str,
    /// Docstring.
    pub doc: &'static str,
    /// Functions.
    pub functions: &'static [MethodDef],
    /// Types that the module needs made; those with a public name are also its attributes if listed with one.
    pub types: &'static [(&'static str, &'static crate::ty::TypeDef)],
    /// Fills the rest of the module's dict.
    pub init: Option<fn(&Thread, &Value) -> Res<()>>,
}

/// A native function bound to what it is called on (`builtin_function_or_method`).
#[repr(C)]
pub struct NativeFunction {
    pub(crate) header: Header,
    /// The definition.
    pub def: &'static MethodDef,
    /// The parsed signature; `None` for raw functions.
    pub signature: Option<&'static Signature>,
    /// What it is bound to: an instance, a class, a module, or absent.
    pub bound: Slot,
    /// `__module__`.
    pub module: Slot,
    /// For functions the bound object is not an argument; for methods it is the first one.
    pub passes_bound: bool,
}

impl NativeFunction {
    /// Where the address of its definition lies, for machine code.
    pub const DEF: usize = std::mem::offset_of!(Self, def);
    /// Where what it is bound to lies.
    pub const BOUND: usize = std::mem::offset_of!(Self, bound);
}

crate::payload!(NativeFunction => BUILTIN_FUNCTION {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        // SAFETY: the collector's visitor stores nothing.
        unsafe {
            visit(self.bound.peek());
            visit(self.module.peek());
        }
    }
    fn clear(&self) {
        drop(self.bound.take());
    }
});

/// The parsed signature of a definition, made once a process.
pub fn signature_of(t: &Thread, def: &'static MethodDef, keep_self: bool) -> Option<&'static Signature> {
    match def.call {
        NativeFn::Raw(_) => None,
        NativeFn::Bound(_) => Some(t.signatures.get(def, keep_self)),
    }
}

/// The signatures that a thread asked for of late, by their definitions' addresses: the process's table has a lock, and
/// constructors ask at every call.
pub(crate) struct Signatures {
    recent: OnceCell<Box<[Cell<Option<Known>>; RECENT]>>,
}

type Known = (&'static MethodDef, bool, &'static Signature);

const RECENT: usize = 64;

impl Signatures {
    pub(crate) fn new() -> Self {
        Self { recent: OnceCell::new() }
    }

    #[inline]
    fn get(&self, def: &'static MethodDef, keep_self: bool) -> &'static Signature {
        let recent = self.recent.get_or_init(|| Box::new([const { Cell::new(None) }; RECENT]));
        let at = std::ptr::from_ref(def) as usize / size_of::<MethodDef>() % RECENT;
        match recent[at].get() {
            Some((known, kept, signature)) if std::ptr::eq(known, def) && kept == keep_self => signature,
            _ => {
                let signature = process::signature(def, keep_self);
                recent[at].set(Some((def, keep_self, signature)));
                signature
            }
        }
    }
}

/// A module's function; `module` is the module's name as a str.
pub fn new_function(t: &Thread, def: &'static MethodDef, bound: Value, module: Value) -> Res {
    let signature = signature_of(t, def, false);
    payload::new(t, |header| NativeFunction {
        header,
        def,
        signature,
        bound: Slot::new(bound),
        module: Slot::new(module),
        passes_bound: false,
    })
}

/// A method bound to `object`.
pub fn new_method(t: &Thread, def: &'static MethodDef, object: Value) -> Res {
    bound_method(t, def, signature_of(t, def, true), object)
}

/// As [`new_method`], by whoever has the signature at hand: finding it takes a lock.
pub(crate) fn bound_method(
    t: &Thread,
    def: &'static MethodDef,
    signature: Option<&'static Signature>,
    object: Value,
) -> Res {
    payload::new(t, |header| NativeFunction {
        header,
        def,
        signature,
        bound: Slot::new(object),
        module: Slot::empty(),
        passes_bound: true,
    })
}

/// Calls a definition; the arguments include self where there is one.
#[inline(always)]
pub fn call_def(t: &Thread, def: &MethodDef, signature: Option<&Signature>, args: Args<'_>) -> Res {
    match (def.call, signature) {
        (NativeFn::Raw(f), _) => f(t, args),
        (NativeFn::Bound(f), Some(sig)) => {
            if args.names.is_empty() && args.values.len() == sig.params.len() && sig.simple {
                return f(t, args.values);
            }
            sig.bind(t, def.name, args, |values| f(t, values))
        }
        (NativeFn::Bound(_), None) => Err(error::system_error(t, "a native without its signature")),
    }
}

/// [`call_def`] with positional arguments only.
#[inline]
pub fn call_positional(t: &Thread, def: &MethodDef, signature: Option<&Signature>, args: &[Value]) -> Res {
    match (def.call, signature) {
        (NativeFn::Raw(f), _) => f(t, Args::pos(args)),
        (NativeFn::Bound(f), Some(sig)) => sig.bind(t, def.name, Args::pos(args), |values| f(t, values)),
        (NativeFn::Bound(_), None) => Err(error::system_error(t, "a native without its signature")),
    }
}

impl NativeFunction {
    /// Calls the function.
    pub fn call(&self, t: &Thread, args: Args<'_>) -> Res {
        if !self.passes_bound {
            return call_def(t, self.def, self.signature, args);
        }
        let bound = self.bound.get();
        args.with_first(&bound, |args| call_def(t, self.def, self.signature, args))
    }
}

/// What a slot of `ty` looks like in its `__dict__`: a slot wrapper, or for `__new__` a static function.
pub fn slot_wrapper(t: &Thread, ty: &TypeObject, name: &'static SlotName) -> Res {
    descr::new_wrapper(t, ty, name)
}

/// TypeError unless `args[0]` is an instance of `ty`: methods of built-in types called through the class.
pub fn check_self(t: &Thread, ty: &TypeObject, name: &str, args: Args<'_>) -> Res<()> {
    match args.positional().first() {
        Some(this) if type_of(this).is_subtype(ty) => Ok(()),
        Some(this) => Err(error::type_error(
            t,
            format_args!(
                "descriptor '{name}' for '{}' objects doesn't apply to a '{}' object",
                ty.name(),
                type_of(this).name()
            ),
        )),
        None => Err(error::type_error(t, format_args!("unbound method {}.{name}() needs an argument", ty.name()))),
    }
}

/// Interned name of a definition.
pub fn def_name(t: &Thread, name: &'static str) -> Value {
    names::intern_text(t, name)
}

/// Whether `v` is the native function of that name.
pub fn is_named(v: &Value, name: &str) -> bool {
    v.exact::<NativeFunction>().is_some_and(|f| f.def.name == name)
}
