//! sys.

pub mod build;
mod functions;
mod hooks;
mod info;
mod jit;
mod monitoring;
pub mod streams;

use crate::import::{self, embedded};
use crate::registry;
use crate::text;
use std::cell::{Cell, RefCell};
use typhon_object::dict::Dict;
use typhon_object::error::Res;
use typhon_object::list::List;
use typhon_object::names::n;
use typhon_object::native::ModuleDef;
use typhon_object::types::{module, set_};
use typhon_object::{Thread, Value, convert, names, process, strs, tuple};

pub use hooks::{excepthook, unraisable};
pub use info::set_up;

/// `sys.implementation.cache_tag`.
pub const CACHE_TAG: &str = "typhon-314";
/// `sys.version`.
pub const VERSION: &str = "3.14.0 free-threading build (typhon, Nov 22 2026, 00:00:00) [Rust]";
/// `sys.hexversion`.
pub const HEX_VERSION: i64 = 0x030e_00f0;

/// What the command line or the request decided.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// `sys.argv`.
    pub argv: Vec<Vec<u8>>,
    /// Entries of `sys.path` before the library.
    pub path: Vec<Vec<u8>>,
    /// `sys.executable`.
    pub executable: Vec<u8>,
    /// `sys.orig_argv`.
    pub orig_argv: Vec<Vec<u8>>,
    /// `sys.warnoptions`.
    pub warn_options: Vec<String>,
    /// `sys._xoptions`.
    pub x_options: Vec<(String, Option<String>)>,
    /// `sys.flags`, by field.
    pub flags: Flags,
}

/// `sys.flags`.
#[derive(Clone, Copy, Debug, Default)]
#[expect(missing_docs, reason = "named as the fields of sys.flags")]
pub struct Flags {
    pub debug: u8,
    pub inspect: u8,
    pub interactive: u8,
    pub optimize: u8,
    pub no_user_site: u8,
    pub no_site: u8,
    pub ignore_environment: u8,
    pub verbose: u8,
    pub bytes_warning: u8,
    pub quiet: u8,
    pub hash_randomization: u8,
    pub isolated: u8,
    pub dev_mode: bool,
    pub safe_path: bool,
    pub unbuffered: bool,
}

/// What the isolate keeps about itself.
pub struct Settings {
    /// See [`Config`].
    pub config: RefCell<Config>,
    /// `-O` level.
    pub optimize: Cell<u8>,
    /// `sys.setswitchinterval`, in seconds.
    pub switch_interval: Cell<f64>,
    /// Functions of `sys.addaudithook`.
    pub audit_hooks: RefCell<Vec<Value>>,
    /// The program is ending.
    pub finalizing: Cell<bool>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            config: RefCell::default(),
            optimize: Cell::new(0),
            switch_interval: Cell::new(0.005),
            audit_hooks: RefCell::default(),
            finalizing: Cell::new(false),
        }
    }
}

/// sys.
pub static MODULE: ModuleDef = ModuleDef {
    name: "sys",
    doc: "This module provides access to some objects used or maintained by the\ninterpreter and to functions that interact strongly with the interpreter.",
    functions: functions::FUNCTIONS,
    types: &[],
    init: Some(init),
};

/// What the `sys` of every isolate begins with, beside its functions: texts and numbers.
pub(crate) fn fill_shared(t: &Thread, d: &Dict) -> Res<()> {
    let put = |name: &'static str, v: Value| d.set_str(t, &process::with_interned(name), v);
    for name in ["prefix", "exec_prefix", "base_prefix", "base_exec_prefix"] {
        put(name, strs::new(t, embedded::PREFIX)?)?;
    }
    for (name, value) in [
        ("version", VERSION),
        ("copyright", "Copyright (c) 2001 Python Software Foundation.\nAll Rights Reserved."),
        ("platform", "linux"),
        ("byteorder", "little"),
        ("platlibdir", "lib"),
        ("_stdlib_dir", embedded::FOLDER),
        ("abiflags", "t"),
        ("float_repr_style", "short"),
    ] {
        put(name, strs::new(t, value)?)?;
    }
    put("hexversion", Value::small(HEX_VERSION))?;
    put("api_version", Value::small(1013))?;
    put("maxsize", convert::from_i64(t, i64::MAX)?)?;
    put("maxunicode", Value::small(0x0010_ffff))?;
    put("dont_write_bytecode", Value::TRUE)?;
    put("pycache_prefix", Value::NONE)?;
    for (kept, name) in [
        ("__displayhook__", "displayhook"),
        ("__excepthook__", "excepthook"),
        ("__breakpointhook__", "breakpointhook"),
        ("__unraisablehook__", "unraisablehook"),
    ] {
        if let Some(f) = d.get_str(&process::with_interned(name)) {
            put(kept, f)?;
        }
    }
    Ok(())
}

/// What [`init`] puts into each isolate's.
pub(crate) const OWN: &[&str] =
    &["modules", "argv", "orig_argv", "path", "executable", "_base_executable", "warnoptions", "_xoptions"];

fn init(t: &Thread, m: &Value) -> Res<()> {
    m.expect::<module::Module>().lazy.set(Some(lazy));
    let dict = module::dict_of(t, m);
    let dict = Dict::of(&dict);
    let settings = t.state::<Settings>();
    let config = settings.config.borrow();
    settings.optimize.set(config.flags.optimize);
    let put = |name: &Value, v: Value| dict.set_str(t, name, v);
    let list = |items: &[Vec<u8>]| -> Res {
        let items = items.iter().map(|b| text::from_os(t, b)).collect::<Res<Vec<_>>>()?;
        List::from_vec(t, items)
    };
    put(n::modules(), t.modules().get())?;
    put(n::argv(), list(&config.argv)?)?;
    put(n::orig_argv(), list(&config.orig_argv)?)?;
    let path = config.path.iter().map(Vec::as_slice).chain([embedded::FOLDER.as_bytes()]);
    let path = path.map(|entry| text::from_os(t, entry)).collect::<Res<Vec<_>>>()?;
    put(n::path(), List::from_vec(t, path)?)?;
    let executable = text::from_os(t, &config.executable)?;
    put(n::executable(), executable.clone())?;
    put(n::_base_executable(), executable)?;
    let options = config.warn_options.iter().map(|o| strs::new(t, o)).collect::<Res<Vec<_>>>()?;
    put(n::warnoptions(), List::from_vec(t, options)?)?;
    let x = Dict::create(t);
    for (name, value) in &config.x_options {
        let value = match value {
            Some(v) => strs::new(t, v)?,
            None => Value::TRUE,
        };
        text::put(t, &x, name, value)?;
    }
    put(n::_xoptions(), x)
}

/// Attributes made when asked.
fn lazy(t: &Thread, m: &Value, name: &str) -> Res<Option<Value>> {
    const ALL: &[&str] = &[
        "stdin",
        "stdout",
        "stderr",
        "__stdin__",
        "__stdout__",
        "__stderr__",
        "flags",
        "version_info",
        "float_info",
        "int_info",
        "hash_info",
        "thread_info",
        "implementation",
        "builtin_module_names",
        "stdlib_module_names",
        "_git",
        "_framework",
        "monitoring",
        "_jit",
    ];
    if name == "__dict__" {
        for name in ALL {
            if text::entry(t, m, name).is_none() {
                lazy(t, m, name)?;
            }
        }
        return Ok(None);
    }
    let made = match name {
        "meta_path" | "path_hooks" | "path_importer_cache" => {
            import::bootstrap(t)?;
            return Ok(text::entry(t, m, name));
        }
        "stdin" | "stdout" | "stderr" | "__stdin__" | "__stdout__" | "__stderr__" => {
            let plain = name.trim_matches('_');
            let made = match text::entry(t, m, &format!("__{plain}__")) {
                // It was there and the program has deleted it.
                Some(_) if name == plain => return Ok(None),
                Some(stream) => stream,
                None => streams::open(t, plain)?,
            };
            text::set_entry(t, m, &format!("__{plain}__"), made.clone())?;
            if text::entry(t, m, plain).is_none() {
                text::set_entry(t, m, plain, made.clone())?;
            }
            return Ok(Some(made));
        }
        "builtin_module_names" => {
            let mut names: Vec<&str> = registry::all().map(|d| d.name).collect();
            names.sort_unstable();
            names_tuple(t, &names)?
        }
        "stdlib_module_names" => {
            let names = info::STDLIB.split_whitespace().map(|n| Ok(text::name(t, n))).collect::<Res<Vec<_>>>()?;
            set_::frozenset(t, names)?
        }
        "_git" => names_tuple(t, &["typhon", "", ""])?,
        "_framework" => strs::new(t, "")?,
        "monitoring" => monitoring::make(t)?,
        "_jit" => jit::make(t)?,
        _ => match info::make(t, name)? {
            Some(v) => v,
            None => return import::lazy(t, m, name),
        },
    };
    text::set_entry(t, m, name, made.clone())?;
    Ok(Some(made))
}

fn names_tuple(t: &Thread, names: &[&str]) -> Res {
    tuple::from_vec(t, names.iter().map(|n| names::intern_text(t, n)).collect())
}

/// The entries of `sys.path`.
pub fn path_entries(t: &Thread) -> Res<Vec<Value>> {
    match text::loaded(t, "sys").and_then(|sys| text::entry(t, &sys, "path")) {
        Some(path) => match path.downcast::<List>() {
            Some(list) => Ok(list.to_vec()),
            None => typhon_object::ops::collect(t, &path),
        },
        None => Ok(Vec::new()),
    }
}
