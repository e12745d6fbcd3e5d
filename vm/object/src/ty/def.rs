//! The definition of a type written in Rust.

use super::TypeObject;
use crate::error::Res;
use crate::header::Header;
use crate::native::{GetSetDef, MemberDef, MethodDef};
use crate::payload::{self, Payload};
use crate::slots::Slots;
use crate::thread::Thread;
use crate::value::Value;
use std::cell::UnsafeCell;
use std::ptr::NonNull;

/// A type written in Rust: plain data. Made with struct update on [`TypeDef::of`].
pub struct TypeDef {
    /// `tp_name`: `module.name`, or `name` for builtins.
    pub name: &'static str,
    /// Docstring; empty for None.
    pub doc: &'static str,
    /// Text signature of the constructor (`__text_signature__`), or empty.
    pub signature: &'static str,
    /// The base; `None` is object.
    pub base: Option<&'static TypeDef>,
    /// Fixed shape id of a core type (see `ids`), or 0.
    pub id: u32,
    /// Size of the payload.
    pub size: usize,
    /// See [`super::flag`].
    pub flags: u32,
    /// Offset in the payload of a [`crate::store::Slot`] that holds the instance's `__dict__`, or 0.
    pub dict_offset: usize,
    /// What instances can do.
    pub slots: Slots,
    /// Methods.
    pub methods: &'static [MethodDef],
    /// Computed attributes.
    pub getset: &'static [GetSetDef],
    /// Attributes that are fields.
    pub members: &'static [MemberDef],
    /// Further class attributes, made when the type is.
    pub constants: &'static [(&'static str, fn(&Thread) -> Res)],
    /// Size of an object whose size varies.
    pub size_of: Option<unsafe fn(*mut Header) -> usize>,
    /// Drops the payload.
    pub drop: unsafe fn(*mut Header),
    /// The payload holds more than memory of the heap: it is dropped when its isolate has closed (see `heap::reaper`).
    pub outside: bool,
    /// Shows the payload's values.
    pub traverse: Option<unsafe fn(*mut Header, &mut dyn FnMut(&Value))>,
    /// Clears the payload.
    pub clear: Option<unsafe fn(*mut Header)>,
    /// The type object, once made.
    pub cell: TypeCell,
}

// SAFETY: everything in a definition is plain data except `cell`, which is written under the process lock before any
// reader can know the type.
unsafe impl Sync for TypeDef {}

/// Where a definition keeps its type object.
pub struct TypeCell(UnsafeCell<Option<NonNull<TypeObject>>>);

impl TypeDef {
    /// A definition with the payload's functions filled in; name and the rest by struct update.
    pub const fn of<T: Payload>() -> Self {
        Self {
            name: "",
            doc: "",
            signature: "",
            base: None,
            id: 0,
            size: size_of::<T>(),
            flags: 0,
            dict_offset: 0,
            slots: Slots::NONE,
            methods: &[],
            getset: &[],
            members: &[],
            constants: &[],
            size_of: None,
            drop: payload::drop_glue::<T>,
            outside: std::mem::needs_drop::<T>(),
            traverse: Some(payload::traverse_glue::<T>),
            clear: Some(payload::clear_glue::<T>),
            cell: TypeCell(UnsafeCell::new(None)),
        }
    }

    /// The type object.
    ///
    /// # Panics
    /// If the type was never made: its module must list it (`ModuleDef::types`), or `process` for core types.
    #[inline(always)]
    pub fn ty(&self) -> &'static TypeObject {
        // SAFETY: written once before anybody knows the type (see `publish`); type objects of definitions are immortal.
        match unsafe { *self.cell.0.get() } {
            // SAFETY: as above: it is immortal.
            Some(p) => unsafe { p.as_ref() },
            None => panic!("type {} is not registered", self.name),
        }
    }

    /// The type object if it has been made.
    pub fn made(&self) -> Option<&'static TypeObject> {
        // SAFETY: called under the process lock (see `process`).
        unsafe { (*self.cell.0.get()).map(|p| p.as_ref()) }
    }

    /// Records the type object.
    ///
    /// # Safety
    /// Called once, under the process lock, before the type is known to anybody.
    pub(crate) unsafe fn publish(&self, ty: NonNull<TypeObject>) {
        // SAFETY: the caller's duty.
        unsafe { *self.cell.0.get() = Some(ty) };
    }

    /// The name without its module.
    pub fn short_name(&self) -> &'static str {
        self.name.rsplit('.').next().unwrap_or(self.name)
    }

    /// Whether this layout begins with `other`'s.
    pub fn extends(&self, other: &TypeDef) -> bool {
        let mut def = self;
        loop {
            if std::ptr::eq(def, other) {
                return true;
            }
            match def.base {
                Some(base) => def = base,
                None => return false,
            }
        }
    }
}
