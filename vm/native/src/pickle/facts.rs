//! What pickling looks up in other modules.

use typhon_object::dict::Dict;
use typhon_object::error::{self, Res};
use typhon_object::strs::Str;
use typhon_object::tuple::{self, Tuple};
use typhon_object::{Thread, Value, attr, call, names, strs};

/// An attribute of a module, imported if need be.
pub(super) fn from_module(t: &Thread, module: &str, name: &str) -> Res {
    attr::get_text(t, &(t.hooks.import)(t, module)?, name)
}

/// A dict of a module: what it maps a key to.
pub(super) fn mapped(t: &Thread, module: &str, name: &str, key: &Value) -> Res<Option<Value>> {
    let dict = from_module(t, module, name)?;
    match dict.downcast::<Dict>() {
        Some(dict) => dict.get(t, key),
        None => Err(error::runtime_error(t, format_args!("{module}.{name} should be a dict"))),
    }
}

/// Module and name as a Python 2 or Python 3 pickle has them: through `_compat_pickle`'s tables.
pub(super) fn renamed(
    t: &Thread,
    module: &Value,
    name: &Value,
    names_table: &str,
    modules_table: &str,
) -> Res<(Value, Value)> {
    let pair = tuple::from_array(t, [module.clone(), name.clone()])?;
    if let Some(found) = mapped(t, "_compat_pickle", names_table, &pair)? {
        return match found.downcast::<Tuple>().map(Tuple::items) {
            Some([m, n]) if m.downcast::<Str>().is_some() && n.downcast::<Str>().is_some() => {
                Ok((m.clone(), n.clone()))
            }
            _ => {
                Err(error::runtime_error(t, format_args!("_compat_pickle.{names_table} values should be pairs of str")))
            }
        };
    }
    match mapped(t, "_compat_pickle", modules_table, module)? {
        Some(m) if m.downcast::<Str>().is_some() => Ok((m, name.clone())),
        Some(_) => {
            Err(error::runtime_error(t, format_args!("_compat_pickle.{modules_table} values should be strings")))
        }
        None => Ok((module.clone(), name.clone())),
    }
}

/// A module by its full name, imported if need be.
pub(super) fn module(t: &Thread, name: &Value) -> Res {
    let modules = t.modules().get();
    if let Some(dict) = modules.downcast::<Dict>()
        && let Some(found) = dict.get(t, name)?
        && !found.is_none()
    {
        return Ok(found);
    }
    let import = typhon_object::types::iters::builtin(t, "__import__")?;
    call::call1(t, &import, name)?;
    match modules.downcast::<Dict>() {
        Some(dict) => dict.get(t, name)?.ok_or_else(|| error::key_error(t, name)),
        None => (t.hooks.import)(t, &strs::display(name)),
    }
}

/// The parts of a dotted name.
pub(super) fn parts(t: &Thread, name: &Value) -> Res<Vec<Value>> {
    let text = strs::display(name);
    if !text.contains('.') {
        return Ok(vec![names::intern(t, name)]);
    }
    text.split('.').map(|part| strs::new(t, part)).collect()
}
