//! Payloads: Rust structs as Python objects.
//!
//! A type written in Rust is a `#[repr(C)]` struct whose first field is a [`Header`] and a `static` [`TypeDef`] that
//! [`Payload::DEF`] names. [`new`] makes an object, [`Value::downcast`] looks at one (subclasses included).

use crate::error::Res;
use crate::header::Header;
use crate::heap;
use crate::shape::ShapeId;
use crate::thread::Thread;
use crate::ty::{TypeDef, TypeObject};
use crate::value::Value;

/// A Rust struct that is a Python object.
///
/// # Safety
/// The struct is `#[repr(C)]` and its first field is a `Header`; `DEF.size` is its size and `DEF.drop` drops it.
pub unsafe trait Payload: Sized + 'static {
    /// The type's definition.
    const DEF: &'static TypeDef;

    /// The definition's id, as a constant to compare with.
    const ID: u32;

    /// Shows every value the object holds to the collector.
    fn traverse(&self, _visit: &mut dyn FnMut(&Value)) {}

    /// Drops the values that can be part of a cycle.
    fn clear(&self) {}
}

/// Declares that a struct is the payload of a type: `payload!(List => LIST)`, or with a body of `traverse`/`clear`.
#[macro_export]
macro_rules! payload {
    ($struct:ty => $def:path) => {
        $crate::payload!($struct => $def {});
    };
    ($struct:ty => $def:path { $($body:tt)* }) => {
        $crate::payload!($struct, header => $def { $($body)* });
    };
    // A payload that begins with its base's, in the field named.
    ($struct:ty, $first:ident => $def:path { $($body:tt)* }) => {
        // SAFETY: the struct is repr(C) with a header first (asserted), and its definition is made by `TypeDef::of`.
        unsafe impl $crate::payload::Payload for $struct {
            const DEF: &'static $crate::ty::TypeDef = &$def;
            const ID: u32 = $crate::ids::of_path(stringify!($def));
            $($body)*
        }
        const _: () = assert!(std::mem::offset_of!($struct, $first) == 0);
    };
}

/// A new object of exactly the payload's own type.
#[inline(always)]
pub fn new<T: Payload>(t: &Thread, payload: impl FnOnce(Header) -> T) -> Res {
    debug_assert_eq!(T::ID, T::DEF.id);
    debug_assert!(T::ID != 0 || !T::DEF.ty().is_heap_type() && T::DEF.ty().basic_size() == size_of::<T>());
    let shape = if T::ID == 0 { T::DEF.ty().root_shape() } else { ShapeId(T::ID) };
    let Ok(at) = t.heap().alloc_object(size_of::<T>()) else { return Err(t.memory_error()) };
    // SAFETY: fresh memory of the payload's size. A type written in Rust is no Python class, whose instances would be
    // longer and hold a reference to it; a core type's root shape is its id.
    unsafe {
        at.cast::<T>().write(payload(Header::new(shape, crate::thread::tag())));
        Ok(Value::from_raw(at as u64))
    }
}

/// A new object of `ty`, which has the payload's layout (the type itself or a subclass): attribute slots start empty.
pub fn new_of<T: Payload>(t: &Thread, ty: &TypeObject, payload: impl FnOnce(Header) -> T) -> Res {
    debug_assert!(ty.has_layout(T::DEF));
    let size = ty.basic_size();
    debug_assert!(size >= size_of::<T>());
    let at = t.heap().alloc_object(size).map_err(|_| t.memory_error())?;
    // SAFETY: fresh memory of `size` bytes: the payload fits in front, the class's own slots behind it start absent.
    unsafe {
        at.cast::<T>().write(payload(Header::new(ty.root_shape(), crate::thread::tag())));
        if size > size_of::<T>() {
            at.add(size_of::<T>()).write_bytes(0, size - size_of::<T>());
        }
        if ty.is_heap_type() {
            std::mem::forget(ty.value());
        }
        Ok(Value::from_raw(at as u64))
    }
}

/// A new instance of `ty`, whose layout is object's: a bare object, or of a Python class.
pub fn new_plain(t: &Thread, ty: &TypeObject) -> Res {
    new_of(t, ty, |header| crate::types::object::Object { header })
}

/// A new object of `ty` whose fields are empty: an instance of a Python class that is laid out as object, or of a type written in
/// Rust whose fields say nothing as zeros.
pub fn new_empty(t: &Thread, ty: &TypeObject) -> Res {
    if ty.is_heap_type() {
        return new_plain(t, ty);
    }
    let size = ty.basic_size();
    let at = t.heap().alloc_object(size).map_err(|_| t.memory_error())?;
    // SAFETY: fresh memory of the type's size, of which the caller knows that zeros will do behind the header.
    unsafe {
        at.write_bytes(0, size);
        at.cast::<Header>().write(Header::new(ty.root_shape(), crate::thread::tag()));
        Ok(Value::from_raw(at as u64))
    }
}

/// As [`new_of`] for the type object `class` that a `__new__` was called with. The caller has checked that `class` is a
/// subtype of the payload's type.
pub fn new_for<T: Payload>(t: &Thread, class: &Value, payload: impl FnOnce(Header) -> T) -> Res {
    match class.downcast::<TypeObject>() {
        Some(ty) if ty.has_layout(T::DEF) => new_of(t, ty, payload),
        _ => Err(crate::error::type_error(
            t,
            format_args!("{}.__new__(X): X is not a subtype of {}", T::DEF.short_name(), T::DEF.short_name()),
        )),
    }
}

impl Value {
    /// The payload, if the object is of the type or a subclass.
    #[inline(always)]
    pub fn downcast<T: Payload>(&self) -> Option<&T> {
        let header = self.header()?;
        debug_assert_eq!(T::ID, T::DEF.id);
        if T::ID != 0 && header.shape().0 == T::ID {
            // SAFETY: the exact type's layout is T.
            return Some(unsafe { &*std::ptr::from_ref(header).cast::<T>() });
        }
        if T::ID == 0 && std::ptr::eq(header.shape().get().ty.as_ptr(), T::DEF.ty()) {
            // SAFETY: as above.
            return Some(unsafe { &*std::ptr::from_ref(header).cast::<T>() });
        }
        Self::downcast_slow(header)
    }

    #[inline(never)]
    fn downcast_slow<T: Payload>(header: &Header) -> Option<&T> {
        // SAFETY: a shape's type lives as long as objects of that shape.
        let ty = unsafe { header.shape().get().ty.as_ref() };
        if std::ptr::eq(ty.def(), T::DEF) || ty.has_layout(T::DEF) {
            // SAFETY: the type's layout begins with T (checked), and the object lives as long as `self`.
            Some(unsafe { &*std::ptr::from_ref(header).cast::<T>() })
        } else {
            None
        }
    }

    /// The payload, if the object is of exactly the payload's own type.
    #[inline(always)]
    pub fn exact<T: Payload>(&self) -> Option<&T> {
        let header = self.header()?;
        debug_assert_eq!(T::ID, T::DEF.id);
        if T::ID != 0 {
            if header.shape().0 != T::ID {
                return None;
            }
        } else if !std::ptr::eq(header.shape().get().ty.as_ptr(), T::DEF.ty()) {
            return None;
        }
        // SAFETY: the exact type's layout is T.
        Some(unsafe { &*std::ptr::from_ref(header).cast::<T>() })
    }

    /// The payload, where the caller knows the type (a method's self).
    ///
    /// # Panics
    /// If the value is of another type: that is a bug of the caller, not of guest code.
    #[inline(always)]
    pub fn expect<T: Payload>(&self) -> &T {
        match self.downcast::<T>() {
            Some(p) => p,
            None => unexpected(T::DEF),
        }
    }
}

#[cold]
#[inline(never)]
fn unexpected(def: &TypeDef) -> ! {
    panic!("expected a {}", def.name)
}

/// Drops a payload in place.
///
/// # Safety
/// `at` is a dead object of layout `T`.
pub(crate) unsafe fn drop_glue<T>(at: *mut Header) {
    // SAFETY: the caller's duty.
    unsafe { at.cast::<T>().drop_in_place() }
}

/// Shows the payload's values to the collector.
///
/// # Safety
/// `at` is a live object of layout `T`.
pub(crate) unsafe fn traverse_glue<T: Payload>(at: *mut Header, visit: &mut dyn FnMut(&Value)) {
    // SAFETY: the caller's duty.
    unsafe { (*at.cast::<T>()).traverse(visit) }
}

/// Clears the payload.
///
/// # Safety
/// `at` is a live object of layout `T`.
pub(crate) unsafe fn clear_glue<T: Payload>(at: *mut Header) {
    // SAFETY: the caller's duty.
    unsafe { (*at.cast::<T>()).clear() }
}

/// Raw object memory for variable-sized payloads (str, tuple, bytes).
///
/// # Safety
/// As [`heap::new_object`].
pub unsafe fn new_sized(t: &Thread, ty: &TypeObject, size: usize, init: impl FnOnce(*mut u8)) -> Res {
    // SAFETY: passed on.
    let v = unsafe { heap::new_object(t, ty.root_shape(), size, init) }.map_err(|_| t.memory_error())?;
    if ty.is_heap_type() {
        std::mem::forget(ty.value());
    }
    Ok(v)
}
