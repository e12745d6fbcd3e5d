//! The exception types: one table.
//!
//! What a type does differently from BaseException stands in the files beside this one.
//!
//! All exceptions share one payload. What a type adds to BaseException (`OSError.errno`, `StopIteration.value`) are named
//! fields: its row lists them, and they are stored in order.

mod base;
mod fields;
mod group;
mod os;
mod simple;
mod syntax;
mod unicode;

pub(crate) use base::make_plain;

use crate::attr;
use crate::error::{self, Exc, Res};
use crate::header::Header;
use crate::list::List;
use crate::names::n;
use crate::native::getset;
use crate::slots::Slots;
use crate::store::Slot;
use crate::thread::Thread;
use crate::tuple;
use crate::ty::{TypeDef, TypeObject, flag, type_of};
use crate::value::Value;
use std::cell::{Cell, RefCell};

/// An exception.
#[repr(C)]
pub struct Exception {
    pub(crate) header: Header,
    pub(crate) args: Slot,
    pub(crate) traceback: Slot,
    pub(crate) cause: Slot,
    pub(crate) context: Slot,
    pub(crate) dict: Slot,
    pub(crate) suppress: Cell<bool>,
    /// Its context has been decided on: set, or found to be none.
    pub(crate) settled: Cell<bool>,
    /// Values of the type's named fields; shorter than the list of names while the rest is unset.
    pub(crate) fields: RefCell<Vec<Value>>,
}

crate::payload!(Exception => BASE_EXCEPTION {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        for slot in [&self.args, &self.traceback, &self.cause, &self.context, &self.dict] {
            // SAFETY: the collector's visitor stores nothing.
            visit(unsafe { slot.peek() });
        }
        self.fields.borrow().iter().for_each(visit);
    }
    fn clear(&self) {
        for slot in [&self.args, &self.traceback, &self.cause, &self.context, &self.dict] {
            drop(slot.take());
        }
        let fields = self.fields.take();
        drop(fields);
    }
});

/// BaseException.
pub static BASE_EXCEPTION: TypeDef = TypeDef {
    name: "BaseException",
    doc: "Common base class for all exceptions.",
    id: crate::ids::BASE_EXCEPTION,
    flags: flag::BASETYPE | flag::EXCEPTION,
    dict_offset: std::mem::offset_of!(Exception, dict),
    slots: Slots {
        new: Some(base::new),
        init: Some(base::init),
        repr: Some(base::repr),
        str: Some(base::str),
        ..Slots::NONE
    },
    methods: base::METHODS,
    getset: base::GETSET,
    ..TypeDef::of::<Exception>()
};

macro_rules! exceptions {
    ($($def:ident, $name:literal, $base:ident, [$($field:literal)*], $doc:literal $({ $($extra:ident: $value:expr),* })?;)*) => {
        $(
            #[doc = concat!($name, ": ", $doc)]
            pub static $def: TypeDef = TypeDef {
                name: $name,
                doc: $doc,
                base: Some(&$base),
                flags: flag::BASETYPE | flag::EXCEPTION,
                dict_offset: std::mem::offset_of!(Exception, dict),
                getset: &[$(getset($field, |t, v| fields::get(t, v, $field), |t, v, x| fields::set(t, v, $field, x), ""),)*],
                $($($extra: $value,)*)?
                ..TypeDef::of::<Exception>()
            };
        )*
        /// Every exception type, bases first.
        pub static ALL: &[&TypeDef] = &[&BASE_EXCEPTION, $(&$def,)*];
        /// Named fields that a type adds to its base's.
        static FIELDS: &[(&TypeDef, &[&str])] = &[$((&$def, &[$($field),*]),)*];
    };
}
exceptions! {
    EXCEPTION, "Exception", BASE_EXCEPTION, [], "Common base class for all non-exit exceptions.";
    GENERATOR_EXIT, "GeneratorExit", BASE_EXCEPTION, [], "Request that a generator exit.";
    KEYBOARD_INTERRUPT, "KeyboardInterrupt", BASE_EXCEPTION, [], "Program interrupted by user.";
    SYSTEM_EXIT, "SystemExit", BASE_EXCEPTION, ["code"], "Request to exit from the interpreter." { slots: Slots { init: Some(simple::system_exit), ..Slots::NONE } };
    BASE_EXCEPTION_GROUP, "BaseExceptionGroup", BASE_EXCEPTION, ["message" "exceptions"], "A combination of multiple unrelated exceptions." { slots: group::SLOTS, methods: group::METHODS };
    EXCEPTION_GROUP, "ExceptionGroup", BASE_EXCEPTION_GROUP, [], "";
    STOP_ITERATION, "StopIteration", EXCEPTION, ["value"], "Signal the end from iterator.__next__()." { slots: Slots { init: Some(simple::stop_iteration), ..Slots::NONE } };
    STOP_ASYNC_ITERATION, "StopAsyncIteration", EXCEPTION, [], "Signal the end from iterator.__anext__().";
    ARITHMETIC_ERROR, "ArithmeticError", EXCEPTION, [], "Base class for arithmetic errors.";
    FLOATING_POINT_ERROR, "FloatingPointError", ARITHMETIC_ERROR, [], "Floating-point operation failed.";
    OVERFLOW_ERROR, "OverflowError", ARITHMETIC_ERROR, [], "Result too large to be represented.";
    ZERO_DIVISION_ERROR, "ZeroDivisionError", ARITHMETIC_ERROR, [], "Second argument to a division or modulo operation was zero.";
    ASSERTION_ERROR, "AssertionError", EXCEPTION, [], "Assertion failed.";
    ATTRIBUTE_ERROR, "AttributeError", EXCEPTION, ["name" "obj"], "Attribute not found." { slots: Slots { init: Some(simple::attribute_error), ..Slots::NONE }, methods: simple::ATTRIBUTE_METHODS };
    BUFFER_ERROR, "BufferError", EXCEPTION, [], "Buffer error.";
    EOF_ERROR, "EOFError", EXCEPTION, [], "Read beyond end of file.";
    IMPORT_ERROR, "ImportError", EXCEPTION, ["msg" "name" "path" "name_from"], "Import can't find module, or can't find name in module." { slots: Slots { init: Some(simple::import_error), str: Some(simple::import_str), ..Slots::NONE }, methods: simple::IMPORT_METHODS };
    MODULE_NOT_FOUND_ERROR, "ModuleNotFoundError", IMPORT_ERROR, [], "Module not found.";
    LOOKUP_ERROR, "LookupError", EXCEPTION, [], "Base class for lookup errors.";
    INDEX_ERROR, "IndexError", LOOKUP_ERROR, [], "Sequence index out of range.";
    KEY_ERROR, "KeyError", LOOKUP_ERROR, [], "Mapping key not found." { slots: Slots { str: Some(simple::key_str), ..Slots::NONE } };
    MEMORY_ERROR, "MemoryError", EXCEPTION, [], "Out of memory.";
    NAME_ERROR, "NameError", EXCEPTION, ["name"], "Name not found globally." { slots: Slots { init: Some(simple::name_error), ..Slots::NONE } };
    UNBOUND_LOCAL_ERROR, "UnboundLocalError", NAME_ERROR, [], "Local name referenced but not bound to a value.";
    OS_ERROR, "OSError", EXCEPTION, ["errno" "strerror" "filename" "filename2" "characters_written"], "Base class for I/O related errors." { slots: os::SLOTS, methods: os::METHODS };
    BLOCKING_IO_ERROR, "BlockingIOError", OS_ERROR, [], "I/O operation would block.";
    CHILD_PROCESS_ERROR, "ChildProcessError", OS_ERROR, [], "Child process error.";
    CONNECTION_ERROR, "ConnectionError", OS_ERROR, [], "Connection error.";
    BROKEN_PIPE_ERROR, "BrokenPipeError", CONNECTION_ERROR, [], "Broken pipe.";
    CONNECTION_ABORTED_ERROR, "ConnectionAbortedError", CONNECTION_ERROR, [], "Connection aborted.";
    CONNECTION_REFUSED_ERROR, "ConnectionRefusedError", CONNECTION_ERROR, [], "Connection refused.";
    CONNECTION_RESET_ERROR, "ConnectionResetError", CONNECTION_ERROR, [], "Connection reset.";
    FILE_EXISTS_ERROR, "FileExistsError", OS_ERROR, [], "File already exists.";
    FILE_NOT_FOUND_ERROR, "FileNotFoundError", OS_ERROR, [], "File not found.";
    INTERRUPTED_ERROR, "InterruptedError", OS_ERROR, [], "Interrupted by signal.";
    IS_A_DIRECTORY_ERROR, "IsADirectoryError", OS_ERROR, [], "Operation doesn't work on directories.";
    NOT_A_DIRECTORY_ERROR, "NotADirectoryError", OS_ERROR, [], "Operation only works on directories.";
    PERMISSION_ERROR, "PermissionError", OS_ERROR, [], "Not enough permissions.";
    PROCESS_LOOKUP_ERROR, "ProcessLookupError", OS_ERROR, [], "Process not found.";
    TIMEOUT_ERROR, "TimeoutError", OS_ERROR, [], "Timeout expired.";
    REFERENCE_ERROR, "ReferenceError", EXCEPTION, [], "Weak ref proxy used after referent went away.";
    RUNTIME_ERROR, "RuntimeError", EXCEPTION, [], "Unspecified run-time error.";
    NOT_IMPLEMENTED_ERROR, "NotImplementedError", RUNTIME_ERROR, [], "Method or function hasn't been implemented yet.";
    RECURSION_ERROR, "RecursionError", RUNTIME_ERROR, [], "Recursion limit exceeded.";
    PYTHON_FINALIZATION_ERROR, "PythonFinalizationError", RUNTIME_ERROR, [], "Operation blocked during Python finalization.";
    SYNTAX_ERROR, "SyntaxError", EXCEPTION, ["msg" "filename" "lineno" "offset" "text" "end_lineno" "end_offset" "print_file_and_line" "_metadata"], "Invalid syntax." { slots: syntax::SLOTS };
    INCOMPLETE_INPUT_ERROR, "_IncompleteInputError", SYNTAX_ERROR, [], "incomplete input.";
    INDENTATION_ERROR, "IndentationError", SYNTAX_ERROR, [], "Improper indentation.";
    TAB_ERROR, "TabError", INDENTATION_ERROR, [], "Improper mixture of spaces and tabs.";
    SYSTEM_ERROR, "SystemError", EXCEPTION, [], "Internal error in the Python interpreter.\n\nPlease report this to the Python maintainer, along with the traceback,\nthe Python version, and the hardware/OS platform and version.";
    TYPE_ERROR, "TypeError", EXCEPTION, [], "Inappropriate argument type.";
    VALUE_ERROR, "ValueError", EXCEPTION, [], "Inappropriate argument value (of correct type).";
    UNICODE_ERROR, "UnicodeError", VALUE_ERROR, [], "Unicode related error.";
    UNICODE_DECODE_ERROR, "UnicodeDecodeError", UNICODE_ERROR, ["encoding" "object" "start" "end" "reason"], "Unicode decoding error." { slots: Slots { init: Some(unicode::decode_init), str: Some(unicode::decode_str), ..Slots::NONE } };
    UNICODE_ENCODE_ERROR, "UnicodeEncodeError", UNICODE_ERROR, ["encoding" "object" "start" "end" "reason"], "Unicode encoding error." { slots: Slots { init: Some(unicode::encode_init), str: Some(unicode::encode_str), ..Slots::NONE } };
    UNICODE_TRANSLATE_ERROR, "UnicodeTranslateError", UNICODE_ERROR, ["encoding" "object" "start" "end" "reason"], "Unicode translation error." { slots: Slots { init: Some(unicode::translate_init), str: Some(unicode::translate_str), ..Slots::NONE } };
    WARNING, "Warning", EXCEPTION, [], "Base class for warning categories.";
    BYTES_WARNING, "BytesWarning", WARNING, [], "Base class for warnings about bytes and buffer related problems, mostly\nrelated to conversion from str or comparing to str.";
    DEPRECATION_WARNING, "DeprecationWarning", WARNING, [], "Base class for warnings about deprecated features.";
    ENCODING_WARNING, "EncodingWarning", WARNING, [], "Base class for warnings about encodings.";
    FUTURE_WARNING, "FutureWarning", WARNING, [], "Base class for warnings about constructs that will change semantically\nin the future.";
    IMPORT_WARNING, "ImportWarning", WARNING, [], "Base class for warnings about probable mistakes in module imports";
    PENDING_DEPRECATION_WARNING, "PendingDeprecationWarning", WARNING, [], "Base class for warnings about features which will be deprecated\nin the future.";
    RESOURCE_WARNING, "ResourceWarning", WARNING, [], "Base class for warnings about resource usage.";
    RUNTIME_WARNING, "RuntimeWarning", WARNING, [], "Base class for warnings about dubious runtime behavior.";
    SYNTAX_WARNING, "SyntaxWarning", WARNING, [], "Base class for warnings about dubious syntax.";
    UNICODE_WARNING, "UnicodeWarning", WARNING, [], "Base class for warnings about Unicode related problems, mostly\nrelated to conversion problems.";
    USER_WARNING, "UserWarning", WARNING, [], "Base class for warnings generated by user code.";
}

/// Where the named field `name` of an exception of this type is stored.
pub fn field_index(ty: &TypeObject, name: &str) -> Option<usize> {
    let mut def = Some(ty.def());
    while let Some(d) = def {
        if let Some((_, names)) = FIELDS.iter().find(|(f, names)| std::ptr::eq(*f, d) && !names.is_empty()) {
            return names.iter().position(|n| *n == name);
        }
        def = d.base;
    }
    None
}

/// Whether the type has fields that its base has not.
pub fn adds_fields(def: &TypeDef) -> bool {
    FIELDS.iter().any(|(f, names)| std::ptr::eq(*f, def) && !names.is_empty())
}

/// Sets a named field.
pub fn set_field(t: &Thread, e: &Exc, name: &str, value: &Value) {
    let _ = t;
    if let Some(x) = e.value().downcast::<Exception>()
        && let Some(i) = field_index(type_of(e.value()), name)
    {
        set_field_at(x, i, value.clone());
    }
}

/// Sets all named fields of a new exception at once, if it is of that very type.
pub(crate) fn set_fields(e: &Exc, def: &'static TypeDef, values: &[&Value]) {
    if let Some(x) = payload(e.value())
        && std::ptr::eq(type_of(e.value()).def(), def)
    {
        debug_assert!(FIELDS.iter().any(|(d, names)| std::ptr::eq(*d, def) && names.len() == values.len()));
        x.fields.replace(values.iter().map(|&v| v.clone()).collect());
    }
}

fn set_field_at(x: &Exception, i: usize, value: Value) {
    let mut fields = x.fields.borrow_mut();
    if fields.len() <= i {
        fields.resize_with(i + 1, || Value::ABSENT);
    }
    let old = std::mem::replace(&mut fields[i], value);
    drop(fields);
    drop(old);
}

/// A named field; `None` while unset.
pub fn field(v: &Value, name: &str) -> Option<Value> {
    let x = v.downcast::<Exception>()?;
    let i = field_index(type_of(v), name)?;
    x.fields.borrow().get(i).cloned()?.present()
}

/// The payload of an exception.
#[inline(always)]
fn payload(v: &Value) -> Option<&Exception> {
    let header = v.header()?;
    // SAFETY: the flag is BaseException's and what derives from it, which all have its payload.
    type_of(v).has_flag(flag::EXCEPTION).then(|| unsafe { &*std::ptr::from_ref(header).cast::<Exception>() })
}

/// The argument tuple.
pub fn args(v: &Value) -> Value {
    payload(v).map_or(Value::ABSENT, |x| x.args.get())
}

/// Sets `__context__` without looking for cycles.
pub fn set_context(_: &Thread, v: &Value, context: Value) {
    if let Some(x) = payload(v) {
        x.context.set(&x.header, context);
    }
}

/// From here on its context is the program's business: passing through frames does not set it.
pub fn settle(v: &Value) {
    if let Some(x) = payload(v) {
        x.settled.set(true);
    }
}

/// Whether the exception has been raised and its context decided on.
pub fn is_settled(v: &Value) -> bool {
    payload(v).is_some_and(|x| x.settled.get())
}

/// Sets `__cause__` and `__suppress_context__`.
pub fn set_cause(_: &Thread, v: &Value, cause: Value) {
    if let Some(x) = payload(v) {
        x.suppress.set(true);
        x.cause.set(&x.header, cause);
    }
}

/// `__context__`, absent if none.
pub fn context(v: &Value) -> Value {
    payload(v).map_or(Value::ABSENT, |x| x.context.get())
}

/// `__cause__`, absent if none.
pub fn cause(v: &Value) -> Value {
    payload(v).map_or(Value::ABSENT, |x| x.cause.get())
}

/// `__traceback__`, absent if none.
pub fn traceback(v: &Value) -> Value {
    payload(v).map_or(Value::ABSENT, |x| x.traceback.get())
}

/// Sets `__traceback__`.
pub fn set_traceback(v: &Value, tb: Value) {
    if let Some(x) = payload(v) {
        x.traceback.set(&x.header, tb);
    }
}

/// Gives ExceptionGroup its second base, which a definition cannot say. Runs once, when the types are made.
pub(crate) fn finish(t: &Thread) -> Res<()> {
    let group = EXCEPTION_GROUP.ty();
    let order = [&EXCEPTION_GROUP, &BASE_EXCEPTION_GROUP, &EXCEPTION, &BASE_EXCEPTION, &crate::types::object::OBJECT];
    group.bases.set(&group.header, tuple::new(t, &[BASE_EXCEPTION_GROUP.ty().value(), EXCEPTION.ty().value()])?);
    group.set_mro(tuple::from_vec(t, order.map(|d| d.ty().value()).to_vec())?);
    EXCEPTION.ty().add_subclass(t, group);
    Ok(())
}

/// Adds a note, as `add_note`.
pub fn add_note(t: &Thread, v: &Value, note: &Value) -> Res<()> {
    let name = n::__notes__();
    let notes = match attr::get_opt(t, v, name)? {
        Some(notes) => notes,
        None => {
            let notes = List::create(t)?;
            attr::set(t, v, name, Some(&notes))?;
            notes
        }
    };
    match notes.downcast::<List>() {
        Some(list) => list.push(t, note.clone()),
        None => Err(error::type_error(t, "Cannot add note: __notes__ is not a list")),
    }
}

/// Whether `v` is a BaseExceptionGroup.
pub fn is_group(v: &Value) -> bool {
    type_of(v).is_subtype(BASE_EXCEPTION_GROUP.ty())
}

/// `group.split(matcher)`: what matches, and what does not.
pub fn split_group(t: &Thread, group: &Value, matcher: &Value) -> Res<(Option<Value>, Option<Value>)> {
    group::split_by(t, group, matcher)
}

/// The part of a group whose leaves are among those of `keep` (for `except*`).
pub fn group_projection(t: &Thread, group: &Value, keep: &[Value]) -> Res<Option<Value>> {
    group::projection(t, group, keep)
}
