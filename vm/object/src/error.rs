//! Errors: a raised exception travels as `Err(Exc)`.

use crate::thread::Thread;
use crate::ty::{TypeDef, TypeObject, type_of};
use crate::types::exceptions as exc;
use crate::value::Value;
use crate::{call, strs, tuple};
use std::fmt::Display;

/// A raised exception: an instance of a `BaseException` subclass, or [`Exc::stopped`].
pub struct Exc(Value);

/// The result of everything that can raise.
pub type Res<T = Value> = Result<T, Exc>;

impl Exc {
    /// Wraps an exception instance.
    pub fn new(value: Value) -> Self {
        debug_assert!(value.is_absent() || type_of(&value).has_flag(crate::ty::flag::EXCEPTION));
        Self(value)
    }

    /// The isolate is being stopped (limit, cancel): no handler runs, nothing catches it.
    pub fn stopped() -> Self {
        Self(Value::ABSENT)
    }

    /// Whether the isolate is being stopped.
    pub fn is_stopped(&self) -> bool {
        self.0.is_absent()
    }

    /// The exception instance; absent when stopped.
    pub fn value(&self) -> &Value {
        &self.0
    }

    /// The exception instance, owned.
    pub fn into_value(self) -> Value {
        self.0
    }

    /// Whether this is an instance of a built-in exception type.
    pub fn is(&self, def: &'static TypeDef) -> bool {
        !self.is_stopped() && type_of(&self.0).is_subtype(def.ty())
    }

    /// Whether this is an instance of `ty`.
    pub fn is_type(&self, ty: &TypeObject) -> bool {
        !self.is_stopped() && type_of(&self.0).is_subtype(ty)
    }
}

impl std::fmt::Debug for Exc {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.is_stopped() { f.write_str("stopped") } else { f.write_str(&type_of(&self.0).name()) }
    }
}

/// Turns one kind of error into a value: `catch(r, &KEY_ERROR, || default)`.
pub fn catch<T>(r: Res<T>, def: &'static TypeDef, f: impl FnOnce() -> Res<T>) -> Res<T> {
    match r {
        Err(e) if e.is(def) => f(),
        r => r,
    }
}

/// A new exception of a built-in type with one argument, a text.
#[cold]
#[inline(never)]
pub fn new(t: &Thread, def: &'static TypeDef, message: impl Display) -> Exc {
    let text = message.to_string();
    match strs::new(t, &text) {
        Ok(text) => with_args(t, def.ty(), &[text]),
        Err(e) => e,
    }
}

/// A new exception of a type with the given arguments, through the type's constructor.
#[cold]
#[inline(never)]
pub fn with_args(t: &Thread, ty: &TypeObject, args: &[Value]) -> Exc {
    let made = match exc::make_plain(t, ty, args) {
        Some(made) => made,
        None => ty.with_value(|ty| call::call(t, ty, args)),
    };
    match made {
        Ok(v) if type_of(&v).has_flag(crate::ty::flag::EXCEPTION) => Exc::new(v),
        Ok(_) => new(t, &exc::TYPE_ERROR, "exceptions must derive from BaseException"),
        Err(e) => e,
    }
}

macro_rules! shorthands {
    ($($name:ident => $def:ident;)*) => {$(
        #[doc = concat!("A new `", stringify!($def), "` with a text.")]
        #[cold]
        #[inline(never)]
        pub fn $name(t: &Thread, message: impl Display) -> Exc { new(t, &exc::$def, message) }
    )*};
}
shorthands! {
    type_error => TYPE_ERROR;
    value_error => VALUE_ERROR;
    index_error => INDEX_ERROR;
    overflow_error => OVERFLOW_ERROR;
    zero_division => ZERO_DIVISION_ERROR;
    runtime_error => RUNTIME_ERROR;
    recursion_error => RECURSION_ERROR;
    system_error => SYSTEM_ERROR;
    not_implemented_error => NOT_IMPLEMENTED_ERROR;
    buffer_error => BUFFER_ERROR;
    reference_error => REFERENCE_ERROR;
    lookup_error => LOOKUP_ERROR;
    eof_error => EOF_ERROR;
    assertion_error => ASSERTION_ERROR;
    arithmetic_error => ARITHMETIC_ERROR;
    unbound_local_error => UNBOUND_LOCAL_ERROR;
}

/// MemoryError, without a text.
#[cold]
pub fn memory_error(t: &Thread) -> Exc {
    with_args(t, exc::MEMORY_ERROR.ty(), &[])
}

/// KeyError of a key.
#[cold]
pub fn key_error(t: &Thread, key: &Value) -> Exc {
    with_args(t, exc::KEY_ERROR.ty(), std::slice::from_ref(key))
}

/// StopIteration of a value.
#[cold]
pub fn stop_iteration(t: &Thread, value: Value) -> Exc {
    if value.is_absent() || value.is_none() {
        return with_args(t, exc::STOP_ITERATION.ty(), &[]);
    }
    with_args(t, exc::STOP_ITERATION.ty(), &[value])
}

/// AttributeError with its `name` and `obj` set, as the suggestion machinery wants them.
#[cold]
pub fn attribute_error(t: &Thread, obj: &Value, name: &Value, message: impl Display) -> Exc {
    let e = new(t, &exc::ATTRIBUTE_ERROR, message);
    exc::set_fields(&e, &exc::ATTRIBUTE_ERROR, &[name, obj]);
    e
}

/// "'T' object has no attribute 'name'".
#[cold]
pub fn no_attribute(t: &Thread, obj: &Value, name: &Value) -> Exc {
    let shown = strs::display(name);
    match obj.downcast::<TypeObject>() {
        Some(ty) => {
            attribute_error(t, obj, name, format_args!("type object '{}' has no attribute '{shown}'", ty.name()))
        }
        None => {
            attribute_error(t, obj, name, format_args!("'{}' object has no attribute '{shown}'", type_of(obj).name()))
        }
    }
}

/// NameError with its `name` set.
#[cold]
pub fn name_error(t: &Thread, name: &Value) -> Exc {
    let e = new(t, &exc::NAME_ERROR, format_args!("name '{}' is not defined", strs::display(name)));
    exc::set_fields(&e, &exc::NAME_ERROR, &[name]);
    e
}

/// ImportError with its `name` and `path` set; `missing` makes it a ModuleNotFoundError.
#[cold]
pub fn import_error(t: &Thread, missing: bool, name: &Value, path: Option<&Value>, message: impl Display) -> Exc {
    let def = if missing { &exc::MODULE_NOT_FOUND_ERROR } else { &exc::IMPORT_ERROR };
    let e = new(t, def, message);
    exc::set_field(t, &e, "name", name);
    if let Some(path) = path {
        exc::set_field(t, &e, "path", path);
    }
    e
}

/// OSError of an errno, as the fitting subclass, with optional file names.
#[cold]
pub fn os_error(t: &Thread, errno: i32, filename: Option<&Value>, filename2: Option<&Value>) -> Exc {
    let text = std::io::Error::from_raw_os_error(errno).to_string();
    let text = text.split(" (os error").next().unwrap_or_default().to_string();
    let text = match strs::new(t, &text) {
        Ok(s) => s,
        Err(e) => return e,
    };
    let mut args = vec![Value::small(i64::from(errno)), text];
    if let Some(name) = filename {
        args.push(name.clone());
        if let Some(second) = filename2 {
            args.push(Value::NONE);
            args.push(second.clone());
        }
    }
    with_args(t, exc::OS_ERROR.ty(), &args)
}

/// UnicodeDecodeError or UnicodeEncodeError.
#[cold]
pub fn unicode_error(
    t: &Thread,
    def: &'static TypeDef,
    encoding: &str,
    object: &Value,
    start: usize,
    end: usize,
    reason: &str,
) -> Exc {
    let make = || -> Res<[Value; 5]> {
        Ok([
            strs::new(t, encoding)?,
            object.clone(),
            Value::small(start as i64),
            Value::small(end as i64),
            strs::new(t, reason)?,
        ])
    };
    match make() {
        Ok(args) => with_args(t, def.ty(), &args),
        Err(e) => e,
    }
}

/// Reports an exception that nobody can catch; `what` and the repr of `v` say where it happened.
#[cold]
pub fn unraisable(t: &Thread, e: Exc, what: &str, v: &Value) {
    let shown = crate::ops::repr_text(t, v).unwrap_or_else(|_| "<object repr() failed>".to_owned());
    (t.hooks.unraisable)(t, e, &format!("Exception ignored {what} {shown}"), None);
}

/// Sets `__cause__` (and suppresses the context), as `raise ... from`.
pub fn chain(t: &Thread, e: Exc, cause: Exc) -> Exc {
    if !e.is_stopped() && !cause.is_stopped() {
        exc::set_context(t, e.value(), cause.value().clone());
        exc::set_cause(t, e.value(), cause.into_value());
    }
    e
}

/// The tuple of an exception's arguments.
pub fn args_of(e: &Exc) -> Vec<Value> {
    exc::args(e.value()).downcast::<tuple::Tuple>().map(|a| a.items().to_vec()).unwrap_or_default()
}
