//! importlib's Python code, loaded when somebody looks, and whether its lists are still what it made them.

use crate::text;
use std::cell::RefCell;
use typhon_interp::code::new_code;
use typhon_object::dict::Dict;
use typhon_object::error::{self, Res};
use typhon_object::list::List;
use typhon_object::types::module;
use typhon_object::{Thread, Value, attr, call, strs};

/// The lists as importlib made them: (list, its items).
#[derive(Default)]
pub struct Lists {
    made: RefCell<Vec<(&'static str, Value, Vec<u64>)>>,
    /// importlib's two modules, whatever `sys.modules` says of them now.
    modules: RefCell<Option<[Value; 2]>>,
}

const NAMES: [&str; 2] = ["meta_path", "path_hooks"];

/// Whether imports may go the short way.
pub fn is_pristine(t: &Thread) -> Res<bool> {
    let Some(sys) = text::loaded(t, "sys") else { return Ok(true) };
    let lists = t.state::<Lists>();
    let made = lists.made.borrow();
    if made.is_empty() {
        // Either nobody has asked for the lists, or importlib is being loaded right now, which must not depend on them.
        return Ok(
            NAMES.iter().all(|n| text::entry(t, &sys, n).is_none()) || text::loaded(t, "_frozen_importlib").is_some()
        );
    }
    Ok(made.iter().all(|(name, list, items)| {
        let Some(now) = text::entry(t, &sys, name) else { return false };
        let Some(l) = now.downcast::<List>() else { return false };
        now.is(list) && l.len() == items.len() && l.to_vec().iter().zip(items).all(|(a, b)| a.bits() == *b)
    }))
}

/// `importlib._bootstrap_external`, loaded and set up.
pub fn external(t: &Thread) -> Res {
    bootstrap(t)?;
    match &*t.state::<Lists>().modules.borrow() {
        Some([_, external]) => Ok(external.clone()),
        // It is being loaded right now.
        None => match text::loaded(t, "_frozen_importlib_external") {
            Some(external) => Ok(external),
            None => Err(error::import_error(t, true, &Value::NONE, None, "importlib is not loaded yet")),
        },
    }
}

/// `importlib._bootstrap`, loaded and set up.
pub fn bootstrap(t: &Thread) -> Res {
    if let Some([bootstrap, _]) = &*t.state::<Lists>().modules.borrow() {
        return Ok(bootstrap.clone());
    }
    if let Some(m) = text::loaded(t, "_frozen_importlib") {
        return Ok(m);
    }
    let made = super::gate::inside(t, || load(t));
    if made.is_err() {
        let modules = t.modules().get();
        for name in ["_frozen_importlib", "_frozen_importlib_external"] {
            Dict::of(&modules).remove(t, &text::name(t, name))?;
        }
    }
    made
}

fn load(t: &Thread) -> Res {
    let sys = super::module_named(t, "sys")?;
    let imp = super::module_named(t, "_imp")?;
    for name in NAMES {
        text::set_entry(t, &sys, name, List::create(t)?)?;
    }
    if text::entry(t, &sys, "path_importer_cache").is_none() {
        text::set_entry(t, &sys, "path_importer_cache", Dict::create(t))?;
    }
    let bootstrap = run(t, "_frozen_importlib", "importlib/_bootstrap.py")?;
    text::set_entry(t, &bootstrap, "ModuleSpec", super::spec::SPEC.ty().value())?;
    let install = attr::get_text(t, &bootstrap, "_install")?;
    call::call(t, &install, &[sys.clone(), imp])?;
    let external = run(t, "_frozen_importlib_external", "importlib/_bootstrap_external.py")?;
    if let Some(hooks) = text::entry(t, &sys, "path_hooks")
        && let Some(hooks) = hooks.downcast::<List>()
    {
        hooks.push(t, super::embedded::FINDER.ty().value())?;
    }
    text::set_entry(t, &external, "EmbeddedFinder", super::embedded::FINDER.ty().value())?;
    text::set_entry(t, &external, "EmbeddedLoader", super::embedded::LOADER.ty().value())?;
    call::call0(t, &attr::get_text(t, &bootstrap, "_install_external_importers")?)?;
    let archives = attr::get_text(t, &super::module_named(t, "zipimport")?, "zipimporter")?;
    if let Some(hooks) = text::entry(t, &sys, "path_hooks") {
        call::method(t, &hooks, &text::name(t, "insert"), &[Value::small(0), archives])?;
    }
    remember(t, &sys);
    *t.state::<Lists>().modules.borrow_mut() = Some([bootstrap.clone(), external]);
    Ok(bootstrap)
}

fn remember(t: &Thread, sys: &Value) {
    let lists = t.state::<Lists>();
    let mut made = lists.made.borrow_mut();
    for name in NAMES {
        if let Some(v) = text::entry(t, sys, name)
            && let Some(list) = v.downcast::<List>()
        {
            let items = list.to_vec().iter().map(Value::bits).collect();
            made.push((name, v, items));
        }
    }
}

fn run(t: &Thread, name: &str, path: &str) -> Res {
    let key = text::name(t, name);
    let m = module::new(t, &key)?;
    let dict = module::dict_of(t, &m);
    text::put(t, &dict, "__package__", strs::new(t, "importlib")?)?;
    let modules = t.modules().get();
    Dict::of(&modules).set(t, &key, &m)?;
    let code = new_code(t, &super::embedded::code(t, path)?)?;
    super::add_builtins(t, &dict)?;
    crate::compile::run(t, &code, &dict, &dict)?;
    Ok(m)
}
