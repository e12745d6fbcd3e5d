//! _imp: what importlib's Python code asks of the import system.

use crate::registry;
use crate::text;
use typhon_object::error::{self, Res};
use typhon_object::list::List;
use typhon_object::native::{MethodDef, ModuleDef, def};
use typhon_object::strs::{self, Str};
use typhon_object::types::module::Module;
use typhon_object::{Thread, Value, attr, ops};

/// _imp.
pub static MODULE: ModuleDef = ModuleDef {
    name: "_imp",
    doc: "(Extremely) low-level import machinery bits as used by importlib.",
    functions: FUNCTIONS,
    types: &[("", &super::spec::SPEC), ("", &super::embedded::LOADER), ("", &super::embedded::FINDER)],
    init: Some(init),
};

const FUNCTIONS: &[MethodDef] = &[
    def(
        "extension_suffixes",
        "($module, /)",
        |t, _| List::create(t),
        "Returns the list of file suffixes used to identify extension modules.",
    ),
    def(
        "lock_held",
        "($module, /)",
        |_, _| Ok(Value::FALSE),
        "Return True if the import lock is currently held, else False.",
    ),
    def(
        "acquire_lock",
        "($module, /)",
        |_, _| Ok(Value::NONE),
        "Acquires the interpreter's import lock for the current thread.",
    ),
    def("release_lock", "($module, /)", |_, _| Ok(Value::NONE), "Release the interpreter's import lock."),
    def(
        "is_builtin",
        "($module, name, /)",
        is_builtin,
        "Returns True if the module name corresponds to a built-in module.",
    ),
    def(
        "is_frozen",
        "($module, name, /)",
        |_, _| Ok(Value::FALSE),
        "Returns True if the module name corresponds to a frozen module.",
    ),
    def(
        "is_frozen_package",
        "($module, name, /)",
        no_frozen,
        "Returns True if the module name is of a frozen package.",
    ),
    def(
        "find_frozen",
        "($module, name, /, *, withdata=False)",
        |_, _| Ok(Value::NONE),
        "Return info about the corresponding frozen module (if there is one) or None.",
    ),
    def("get_frozen_object", "($module, name, data=None, /)", no_frozen, "Create a code object for a frozen module."),
    def("init_frozen", "($module, name, /)", |_, _| Ok(Value::NONE), "Initializes a frozen module."),
    def(
        "_frozen_module_names",
        "($module, /)",
        |t, _| List::create(t),
        "Returns the list of available frozen modules.",
    ),
    def("_override_frozen_modules_for_tests", "($module, override, /)", |_, _| Ok(Value::NONE), ""),
    def("_override_multi_interp_extensions_check", "($module, override, /)", |_, _| Ok(Value::small(0)), ""),
    def("create_builtin", "($module, spec, /)", create_builtin, "Create an extension module."),
    def("exec_builtin", "($module, mod, /)", exec_builtin, "Initialize a built-in module."),
    def("create_dynamic", "($module, spec, file=None, /)", no_dynamic, "Create an extension module."),
    def("exec_dynamic", "($module, mod, /)", |_, _| Ok(Value::small(0)), "Initialize an extension module."),
    def(
        "_fix_co_filename",
        "($module, code, path, /)",
        |_, _| Ok(Value::NONE),
        "Changes code.co_filename to specify the passed-in path.",
    ),
    def("source_hash", "($module, key, source)", source_hash, ""),
];

fn init(t: &Thread, m: &Value) -> Res<()> {
    text::set_entry(t, m, "check_hash_based_pycs", strs::new(t, "default")?)?;
    // Code that another process packed cannot be unpacked here: its files are of another version, and made anew.
    let token = 0x0a0d_0000 | i64::from(crate::marshal::code::mark());
    text::set_entry(t, m, "pyc_magic_number_token", Value::small(token))
}

fn name_arg(t: &Thread, v: &Value, function: &str) -> Res<String> {
    match v.downcast::<Str>() {
        Some(s) => Ok(s.to_lossy()),
        None => {
            let ty = typhon_object::type_of(v).name();
            Err(error::type_error(t, format_args!("{function}() argument must be str, not {ty}")))
        }
    }
}

fn is_builtin(t: &Thread, a: &[Value]) -> Res {
    let name = name_arg(t, &a[0], "is_builtin")?;
    Ok(Value::small(i64::from(registry::find(&name).is_some())))
}

fn no_frozen(t: &Thread, a: &[Value]) -> Res {
    let name = name_arg(t, &a[0], "get_frozen_object")?;
    Err(error::import_error(t, false, &a[0], None, format_args!("No such frozen object named {name}")))
}

fn no_dynamic(t: &Thread, a: &[Value]) -> Res {
    let name = attr::get_text(t, &a[0], "name")?;
    let text = format!("cannot load {}: Typhon has no C extensions", ops::repr_text(t, &name)?);
    Err(error::import_error(t, false, &name, None, text))
}

fn create_builtin(t: &Thread, a: &[Value]) -> Res {
    let name = attr::get_text(t, &a[0], "name")?;
    let text = name_arg(t, &name, "create_builtin")?;
    super::gate::load(t, &text)?;
    if let Some(found) = text::loaded(t, &text) {
        return Ok(found);
    }
    match registry::find(&text) {
        Some(def) => {
            let m = registry::instantiate(t, def)?;
            m.expect::<Module>().lazy.set(Some(super::lazy));
            Ok(m)
        }
        None => Ok(Value::NONE),
    }
}

fn exec_builtin(t: &Thread, a: &[Value]) -> Res {
    let Some(name) = text::text_attr(t, &a[0], "__name__")? else { return Ok(Value::small(0)) };
    if a[0].downcast::<Module>().is_some()
        && let Some(def) = registry::find(&name)
        && let Some(init) = def.init
    {
        init(t, &a[0])?;
    }
    Ok(Value::small(0))
}

/// SipHash-1-3 of the source under the key, as eight little-endian bytes.
fn source_hash(t: &Thread, a: &[Value]) -> Res {
    use std::hash::Hasher;
    let key = typhon_object::convert::to_i64(t, &a[0])? as u64;
    let source = typhon_object::buffer::get(t, &a[1], 0)?;
    let mut h = siphasher::sip::SipHasher13::new_with_keys(key, 0);
    h.write(source.as_slice());
    typhon_object::types::bytes::new(t, &h.finish().to_le_bytes())
}
