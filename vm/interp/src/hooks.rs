//! What the interpreter asks of the rooms above it: set once by `typhon_stdlib` when an isolate starts.

use typhon_isa::opcode::{Intrinsic1Kind, Intrinsic2Kind};
use typhon_object::dict::Dict;
use typhon_object::error::{self, Res};
use typhon_object::{Thread, Value, names};

/// The functions.
#[derive(Clone, Copy)]
pub struct Hooks {
    /// Typing intrinsics: TypeVar, ParamSpec, TypeVarTuple, generic subscripts, type aliases.
    pub typing1: fn(&Thread, Intrinsic1Kind, Value) -> Res,
    /// Typing intrinsics with two operands.
    pub typing2: fn(&Thread, Intrinsic2Kind, Value, Value) -> Res,
    /// `from module import name` failed: raises the ImportError with CPython's text. Module, name, package name.
    pub cannot_import: fn(&Thread, &Value, &Value, Option<&Value>) -> Res,
    /// Makes a builtin that nobody has asked for yet; `None` if there is none of that name. Namespace, name.
    pub missing_builtin: fn(&Thread, &Value, &Value) -> Res<Option<Value>>,
}

struct Installed(Hooks);

/// Installs the hooks in an isolate.
pub fn install(t: &Thread, hooks: Hooks) {
    t.set_state(Installed(hooks));
}

fn hooks(t: &Thread) -> Res<Hooks> {
    match t.get_state::<Installed>() {
        Some(h) => Ok(h.0),
        None => Err(error::system_error(t, "the standard library is not installed in this isolate")),
    }
}

pub(crate) fn typing1(t: &Thread, kind: Intrinsic1Kind, v: Value) -> Res {
    (hooks(t)?.typing1)(t, kind, v)
}

pub(crate) fn typing2(t: &Thread, kind: Intrinsic2Kind, a: Value, b: Value) -> Res {
    (hooks(t)?.typing2)(t, kind, a, b)
}

pub(crate) fn cannot_import(t: &Thread, module: &Value, name: &Value, package: Option<&Value>) -> Res {
    (hooks(t)?.cannot_import)(t, module, name, package)
}

pub(crate) fn missing_builtin(t: &Thread, builtins: &Value, name: &Value) -> Res<Option<Value>> {
    match t.get_state::<Installed>() {
        Some(h) => (h.0.missing_builtin)(t, builtins, name),
        None => Ok(None),
    }
}

/// An attribute of the `sys` module, if it is there.
pub fn sys_attr(t: &Thread, name: &str) -> Res<Option<Value>> {
    let modules = t.modules().get();
    let Some(modules) = modules.downcast::<Dict>() else { return Ok(None) };
    let Some(sys) = modules.get_str(names::n::sys()) else { return Ok(None) };
    typhon_object::attr::get_opt(t, &sys, &names::intern_text(t, name))
}
