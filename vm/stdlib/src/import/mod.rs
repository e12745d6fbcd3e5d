//! The import system: `builtins.__import__` and what stands behind it.
//!
//! As long as `sys.meta_path` and `sys.path_hooks` are what they were at the start, everything happens here: native
//! modules, then the path, whose folders are the embedded library's or the file system's. Once a program changes them,
//! importlib's Python code takes over with the same results.

pub mod embedded;
pub mod files;
pub mod gate;
pub mod imp;
mod loading;
pub mod pristine;
pub mod spec;

use crate::registry;
use crate::text;
use std::sync::Arc;
use typhon_interp::code::new_code;
use typhon_isa::Code;
use typhon_object::dict::Dict;
use typhon_object::error::{self, Exc, Res};
use typhon_object::list::List;
use typhon_object::names::n;
use typhon_object::strs::{self, Str};
use typhon_object::types::{exceptions as exc, module};
use typhon_object::{Thread, Value, attr, call, ops, type_of};

pub use loading::forked;
pub use pristine::bootstrap;

/// `__import__(name, globals, locals, fromlist, level)`.
pub fn import_level(t: &Thread, name: &Value, globals: &Value, fromlist: &Value, level: i64) -> Res {
    let Some(text) = name.downcast::<Str>() else {
        return Err(error::type_error(t, "module name must be a string"));
    };
    let text = text.to_lossy();
    if level < 0 {
        return Err(error::value_error(t, "level must be >= 0"));
    }
    let absolute = if level > 0 {
        resolve(t, &text, globals, level as usize)?
    } else if text.is_empty() {
        return Err(error::value_error(t, "Empty module name"));
    } else {
        text.clone()
    };
    let found = gate::through(t, &absolute, || module_named(t, &absolute))?;
    let from = match fromlist.non_none() {
        Some(list) => ops::truth(t, list)?,
        None => false,
    };
    if from {
        if attr::get_opt(t, &found, n::__path__())?.is_some() {
            handle_fromlist(t, &found, fromlist, false)?;
        }
        return Ok(found);
    }
    match text.split_once('.') {
        None if level == 0 || !text.is_empty() => Ok(found),
        None => Ok(found),
        Some((front, _)) if level == 0 => module_named(t, front),
        Some((front, _)) => {
            let cut = text.len() - front.len();
            let name = &absolute[..absolute.len() - cut];
            match text::get(t, &t.modules().get(), name) {
                Some(m) => Ok(m),
                None => {
                    let message = strs::new(t, &format!("'{name}' not in sys.modules as expected"))?;
                    Err(error::key_error(t, &message))
                }
            }
        }
    }
}

/// The package that relative names in these globals start from.
fn package_of(t: &Thread, globals: &Value) -> Res<String> {
    let nameless = |t: &Thread| match strs::new(t, "'__name__' not in globals") {
        Ok(key) => error::key_error(t, &key),
        Err(e) => e,
    };
    let Some(globals) = globals.downcast::<Dict>() else {
        return Err(if globals.is_none() { nameless(t) } else { error::type_error(t, "globals must be a dict") });
    };
    let package = globals.get_str(n::__package__()).filter(|p| !p.is_none());
    let spec = globals.get_str(n::__spec__()).filter(|s| !s.is_none());
    if let Some(package) = package {
        if package.downcast::<Str>().is_none() {
            return Err(error::type_error(t, "package must be a string"));
        }
        if let Some(spec) = spec {
            disagree(t, &package, &attr::get_text(t, &spec, "parent")?)?;
        }
        return Ok(strs::display(&package));
    }
    if let Some(spec) = spec {
        let parent = attr::get_text(t, &spec, "parent")?;
        if parent.downcast::<Str>().is_none() {
            return Err(error::type_error(t, "__spec__.parent must be a string"));
        }
        return Ok(strs::display(&parent));
    }
    let text = "can't resolve package from __spec__ or __package__, falling back on __name__ and __path__";
    (t.hooks.warn)(t, &exc::IMPORT_WARNING.ty().value(), text, 1)?;
    let Some(name) = globals.get_str(n::__name__()) else { return Err(nameless(t)) };
    if name.downcast::<Str>().is_none() {
        return Err(error::type_error(t, "__name__ must be a string"));
    }
    let name = strs::display(&name);
    if globals.get_str(n::__path__()).is_some() {
        return Ok(name);
    }
    Ok(name.rsplit_once('.').map_or(String::new(), |(parent, _)| parent.to_owned()))
}

/// A warning if `__package__` and the spec name different packages.
fn disagree(t: &Thread, package: &Value, parent: &Value) -> Res<()> {
    if ops::eq(t, package, parent)? {
        return Ok(());
    }
    let text =
        format!("__package__ != __spec__.parent ({} != {})", ops::repr_text(t, package)?, ops::repr_text(t, parent)?);
    (t.hooks.warn)(t, &exc::DEPRECATION_WARNING.ty().value(), &text, 1)
}

fn resolve(t: &Thread, name: &str, globals: &Value, level: usize) -> Res<String> {
    let package = package_of(t, globals)?;
    if package.is_empty() {
        let text = "attempted relative import with no known parent package";
        return Err(error::new(t, &exc::IMPORT_ERROR, text));
    }
    let mut base = package.as_str();
    for _ in 1..level {
        match base.rsplit_once('.') {
            Some((outer, _)) => base = outer,
            None => {
                let text = "attempted relative import beyond top-level package";
                return Err(error::new(t, &exc::IMPORT_ERROR, text));
            }
        }
    }
    Ok(if name.is_empty() { base.to_owned() } else { format!("{base}.{name}") })
}

/// The module of an absolute name, imported if need be.
pub fn module_named(t: &Thread, name: &str) -> Res {
    loading::settle(t, name)?;
    match text::get(t, &t.modules().get(), name) {
        Some(m) if m.is_none() => {
            let text = format!("import of {name} halted; None in sys.modules");
            Err(error::import_error(t, true, &strs::new(t, name)?, None, text))
        }
        Some(m) => Ok(m),
        None => find_and_load(t, name),
    }
}

fn handle_fromlist(t: &Thread, found: &Value, fromlist: &Value, recursive: bool) -> Res<()> {
    for item in ops::collect(t, fromlist)? {
        let Some(s) = item.downcast::<Str>() else {
            let place = if recursive {
                format!("{}.__all__", text::text_attr(t, found, "__name__")?.unwrap_or_default())
            } else {
                "``from list''".to_owned()
            };
            let ty = type_of(&item).name();
            return Err(error::type_error(t, format_args!("Item in {place} must be str, not {ty}")));
        };
        if s.eq_text("*") {
            if !recursive && let Some(all) = attr::get_opt(t, found, n::__all__())? {
                handle_fromlist(t, found, &all, true)?;
            }
            continue;
        }
        if attr::get_opt(t, found, &item)?.is_some() {
            continue;
        }
        let parent = text::text_attr(t, found, "__name__")?.unwrap_or_default();
        let full = format!("{parent}.{}", s.to_lossy());
        match gate::through(t, &full, || module_named(t, &full)) {
            Ok(_) => {}
            // A backwards-compatibility rule: a missing submodule is the business of the from import itself.
            Err(e) if e.is(&exc::MODULE_NOT_FOUND_ERROR) => {
                let missing = exc::field(e.value(), "name").is_some_and(|name| strs::eq_str(&name, &full));
                if !missing || text::get(t, &t.modules().get(), &full).is_some_and(|m| m.is_none()) {
                    return Err(e);
                }
            }
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

fn find_and_load(t: &Thread, name: &str) -> Res {
    t.check_stack("while importing a module")?;
    let own = match name {
        "_frozen_importlib" => Some(bootstrap(t)?),
        "_frozen_importlib_external" => Some(pristine::external(t)?),
        _ => None,
    };
    if let Some(m) = own {
        // Loaded when somebody looks, and again what it was if somebody has taken it out.
        text::put(t, &t.modules().get(), name, m.clone())?;
        return Ok(m);
    }
    if !pristine::is_pristine(t)? {
        return through_importlib(t, name);
    }
    let _load = loading::begin(t, name);
    let mut path = None;
    let mut parent_spec = None;
    let (parent, child) = name.rsplit_once('.').map_or((None, name), |(p, c)| (Some(p), c));
    if let Some(parent) = parent {
        module_named(t, parent)?;
        // The parent's own code may have imported the child.
        if let Some(m) = text::get(t, &t.modules().get(), name) {
            return Ok(m);
        }
        let Some(m) = text::get(t, &t.modules().get(), parent) else {
            let key = strs::new(t, parent)?;
            return Err(error::key_error(t, &key));
        };
        match attr::get_opt(t, &m, n::__path__())? {
            Some(p) => path = Some(p),
            None => return Err(not_found(t, name, format!("No module named '{name}'; '{parent}' is not a package"))),
        }
        parent_spec = attr::get_opt(t, &m, n::__spec__())?.filter(|s| s.exact::<spec::Spec>().is_some());
    }
    let pending = match &parent_spec {
        Some(s) => {
            let list = spec::pending(t, s)?;
            list.expect::<List>().push(t, strs::new(t, child)?)?;
            Some(list)
        }
        None => None,
    };
    let loaded = find(t, name, child, path.as_ref());
    if let Some(list) = pending {
        drop(list.expect::<List>().pop());
    }
    let Some(loaded) = loaded? else {
        return Err(not_found(t, name, format!("No module named '{name}'")));
    };
    if let Some(parent) = parent
        && let Some(m) = text::get(t, &t.modules().get(), parent)
    {
        match attr::set(t, &m, &text::name(t, child), Some(&loaded)) {
            Err(e) if e.is(&exc::ATTRIBUTE_ERROR) => {
                let text = format!("Cannot set an attribute on '{parent}' for child module '{child}'");
                (t.hooks.warn)(t, &exc::IMPORT_WARNING.ty().value(), &text, 1)?;
            }
            r => r?,
        }
    }
    Ok(loaded)
}

fn not_found(t: &Thread, name: &str, text: String) -> Exc {
    match strs::new(t, name) {
        Ok(name) => error::import_error(t, true, &name, None, text),
        Err(e) => e,
    }
}

/// importlib's own code imports the module.
fn through_importlib(t: &Thread, name: &str) -> Res {
    let bootstrap = bootstrap(t)?;
    let import = attr::get_text(t, &bootstrap, "_gcd_import")?;
    call::call1(t, &import, &strs::new(t, name)?).map_err(|e| trim(t, e))
}

/// Takes importlib's own frames off a traceback, as CPython does.
fn trim(t: &Thread, e: Exc) -> Exc {
    if e.is_stopped() {
        return e;
    }
    let always = e.is(&exc::IMPORT_ERROR);
    let tb = exc::traceback(e.value());
    if let Some(tb) = crate::report::without_importlib(t, tb, always) {
        exc::set_traceback(e.value(), tb);
    }
    e
}

/// Finds and loads a module; `None` if there is none.
fn find(t: &Thread, name: &str, child: &str, path: Option<&Value>) -> Res<Option<Value>> {
    if let Some(def) = registry::find(name) {
        return load_native(t, name, def).map(Some);
    }
    let entries = match path {
        Some(p) => ops::collect(t, p)?,
        None => crate::sys::path_entries(t)?,
    };
    let mut portion = false;
    for entry in entries {
        t.poll()?;
        let Some(s) = entry.downcast::<Str>() else { continue };
        if let Some(ascii) = s.as_ascii()
            && let Some(folder) = embedded::library_folder(ascii)
        {
            if let Some(found) = embedded::find(folder, child) {
                let code = |t: &Thread| embedded::code(t, found.path);
                let name = strs::new(t, name)?;
                let spec = embedded::spec(t, &name, found)?;
                return load_source(t, &name, &spec, code).map(Some);
            }
            continue;
        }
        let Some(folder) = files::entry_path(&entry) else { continue };
        let (file, package) = match files::find(t, &folder, child) {
            Some(files::Found::Module(file)) => (file, false),
            Some(files::Found::Package(file)) => (file, true),
            Some(files::Found::Portion) => {
                portion = true;
                continue;
            }
            None if folder.is_file() => {
                portion = true;
                continue;
            }
            None => continue,
        };
        return load_file(t, name, &file, package).map(Some);
    }
    // Namespace packages and archives are importlib's business.
    if portion { through_importlib(t, name).map(Some) } else { Ok(None) }
}

fn load_file(t: &Thread, name: &str, file: &std::path::Path, package: bool) -> Res {
    use std::os::unix::ffi::OsStrExt;
    let name = strs::new(t, name)?;
    let origin = text::from_os(t, file.as_os_str().as_bytes())?;
    let search = match file.parent().filter(|_| package) {
        Some(folder) => List::from_vec(t, vec![text::from_os(t, folder.as_os_str().as_bytes())?])?,
        None => Value::NONE,
    };
    let filename = strs::display(&origin);
    let spec = spec::new(t, &name, origin, search, spec::Lazy::File, Value::ABSENT)?;
    load_source(t, &name, &spec, |t| files::code(t, file, &filename))
}

fn load_source(t: &Thread, name: &Value, spec: &Value, code: impl FnOnce(&Thread) -> Res<Arc<Code>>) -> Res {
    let m = module_of_spec(t, name, spec)?;
    let key = typhon_object::names::intern(t, name);
    let modules = t.modules().get();
    let modules = Dict::of(&modules);
    modules.set(t, &key, &m)?;
    let s = spec.expect::<spec::Spec>();
    s.initializing.set(true);
    let dict = module::dict_of(t, &m);
    let ran = code(t).and_then(|code| {
        let code = new_code(t, &code)?;
        add_builtins(t, &dict)?;
        crate::compile::run(t, &code, &dict, &dict)
    });
    s.initializing.set(false);
    if let Err(e) = ran {
        modules.remove(t, &key)?;
        return Err(e);
    }
    // The module may have replaced itself; it goes to the end, as in CPython.
    match modules.remove(t, &key)? {
        Some(m) => {
            modules.set(t, &key, &m)?;
            Ok(m)
        }
        None => Err(error::key_error(t, &key)),
    }
}

/// A module with the attributes that its spec says.
fn module_of_spec(t: &Thread, name: &Value, spec: &Value) -> Res {
    let m = module::new(t, name)?;
    let me = m.expect::<module::Module>();
    me.lazy.set(Some(lazy));
    let dict = module::dict_of(t, &m);
    let d = Dict::of(&dict);
    d.set_str(t, n::__package__(), attr::get_text(t, spec, "parent")?)?;
    match spec.expect::<spec::Spec>().made_loader() {
        Some(loader) => d.set_str(t, n::__loader__(), loader)?,
        None => drop(d.remove(t, n::__loader__())?),
    }
    d.set_str(t, n::__spec__(), spec.clone())?;
    let search = spec.expect::<spec::Spec>().search.get();
    if !search.is_none() {
        d.set_str(t, n::__path__(), search)?;
    }
    let origin = attr::get_text(t, spec, "origin")?;
    if !origin.is_none() && attr::get_text(t, spec, "has_location")?.is_true() {
        d.set_str(t, n::__file__(), origin)?;
    }
    Ok(m)
}

/// Attributes that every imported module can make when asked.
pub fn lazy(t: &Thread, m: &Value, name: &str) -> Res<Option<Value>> {
    if name != "__loader__" && name != "__cached__" {
        return Ok(None);
    }
    let Some(spec) = text::entry(t, m, "__spec__").filter(|s| !s.is_none()) else { return Ok(None) };
    let from = if name == "__loader__" { "loader" } else { "cached" };
    let v = attr::get_text(t, &spec, from)?;
    if name == "__cached__" && v.is_none() {
        return Ok(None);
    }
    text::set_entry(t, m, name, v.clone())?;
    Ok(Some(v))
}

/// Makes this isolate's instance of a native module.
pub fn load_native(t: &Thread, name: &str, def: &'static typhon_object::native::ModuleDef) -> Res {
    let m = registry::instantiate(t, def)?;
    m.expect::<module::Module>().lazy.set(Some(lazy));
    let key = text::name(t, name);
    let spec = spec::new(t, &key, strs::new(t, "built-in")?, Value::NONE, spec::Lazy::Builtin, Value::ABSENT)?;
    Dict::of(&module::dict_of(t, &m)).set_str(t, n::__spec__(), spec)?;
    let modules = t.modules().get();
    Dict::of(&modules).set(t, &key, &m)?;
    if let Some(init) = def.init
        && let Err(e) = init(t, &m)
    {
        Dict::of(&modules).remove(t, &key)?;
        return Err(e);
    }
    Ok(m)
}

/// `globals['__builtins__']`, where it is missing.
pub fn add_builtins(t: &Thread, dict: &Value) -> Res<()> {
    let d = Dict::of(dict);
    if d.get_str(n::__builtins__()).is_none() {
        d.set_str(t, n::__builtins__(), t.builtins().get())?;
    }
    Ok(())
}

/// The `builtins` module.
pub fn builtins_module(t: &Thread) -> Res {
    module_named(t, "builtins")
}

/// The hook of natives: imports a dotted name and returns that module.
pub fn import(t: &Thread, name: &str) -> Res {
    let fromlist = typhon_object::tuple::from_array(t, [strs::new(t, "_")?])?;
    match module_named(t, name) {
        Ok(m) => Ok(m),
        Err(e) => {
            drop(fromlist);
            Err(e)
        }
    }
}

/// `from module import name` failed: CPython's ImportError.
pub fn cannot_import(t: &Thread, m: &Value, name: &Value, package: Option<&Value>) -> Res {
    let wanted = strs::display(name);
    let module = package.map_or_else(|| "<unknown module name>".to_owned(), strs::display);
    let package = package.cloned().unwrap_or(strs::new(t, "<unknown module name>")?);
    let spec = attr::get_opt(t, m, n::__spec__())?.filter(|s| !s.is_none());
    let mut origin = None;
    if let Some(spec) = &spec
        && matches!(attr::get_opt(t, spec, &text::name(t, "has_location"))?, Some(x) if x.is_true())
    {
        origin = attr::get_opt(t, spec, n::origin())?.filter(|o| o.downcast::<Str>().is_some());
    }
    if origin.is_none() {
        origin = attr::get_opt(t, m, n::__file__())?.filter(|o| o.downcast::<Str>().is_some());
    }
    let running = match &spec {
        Some(s) => matches!(attr::get_opt(t, s, n::_initializing())?, Some(x) if x.is_true()),
        None => false,
    };
    let place = origin.as_ref().map_or_else(|| "unknown location".to_owned(), strs::display);
    let text = if running {
        let place = if origin.is_some() { format!(" ({place})") } else { String::new() };
        format!(
            "cannot import name '{wanted}' from partially initialized module '{module}' (most likely due to a circular import){place}"
        )
    } else {
        format!("cannot import name '{wanted}' from '{module}' ({place})")
    };
    let e = error::import_error(t, false, &package, Some(origin.as_ref().unwrap_or(&Value::NONE)), text);
    exc::set_field(t, &e, "name_from", name);
    Err(e)
}
