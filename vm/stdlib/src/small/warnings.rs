//! _warnings: filters and the way of a warning to the screen.

use crate::frames;
use crate::sys::streams;
use crate::text;
use std::cell::{Cell, RefCell};
use typhon_object::args::Args;
use typhon_object::dict::Dict;
use typhon_object::error::{self, Exc, Res};
use typhon_object::list::List;
use typhon_object::names::n;
use typhon_object::native::{MethodDef, ModuleDef, def, raw};
use typhon_object::strs::{self, Str};
use typhon_object::tuple::{self, Tuple};
use typhon_object::types::{exceptions as exc, module};
use typhon_object::{Thread, TypeObject, Value, attr, call, convert, ops, type_of};

/// _warnings.
pub static MODULE: ModuleDef = ModuleDef {
    name: "_warnings",
    doc: "_warnings provides basic warning filtering support.\nIt is a helper module to speed up interpreter start-up.",
    functions: FUNCTIONS,
    types: &[],
    init: Some(init),
};

const FUNCTIONS: &[MethodDef] = &[
    def(
        "warn",
        "($module, /, message, category=None, stacklevel=1, source=None, *, skip_file_prefixes=())",
        dunder_warn,
        "Issue a warning, or maybe ignore it or raise an exception.",
    ),
    raw(
        "warn_explicit",
        "($module, /, message, category, filename, lineno, module=None, registry=None, module_globals=None, source=None)",
        dunder_explicit,
        "Issue a warning, or maybe ignore it or raise an exception.",
    ),
    def("_filters_mutated_lock_held", "($module, /)", mutated, ""),
    def("_acquire_lock", "($module, /)", |_, _| Ok(Value::NONE), ""),
    def("_release_lock", "($module, /)", |_, _| Ok(Value::NONE), ""),
];

#[derive(Default)]
struct State {
    filters: RefCell<Value>,
    once: RefCell<Value>,
    version: Cell<i64>,
}

fn init(t: &Thread, m: &Value) -> Res<()> {
    let state = state(t)?;
    let dict = module::dict_of(t, m);
    text::put(t, &dict, "filters", state.filters.borrow().clone())?;
    text::put(t, &dict, "_onceregistry", state.once.borrow().clone())?;
    text::put(t, &dict, "_defaultaction", strs::new(t, "default")?)?;
    let class = attr::get_text(t, &(t.hooks.import)(t, "_contextvars")?, "ContextVar")?;
    let context = call::call1(t, &class, &strs::new(t, "warnings_context")?)?;
    text::put(t, &dict, "_warnings_context", context)
}

fn state(t: &Thread) -> Res<&State> {
    let state = t.state::<State>();
    if state.filters.borrow().is_absent() {
        let row = |action: &str, category: &TypeObject, module: Option<&str>| -> Res {
            let module = match module {
                Some(m) => strs::new(t, m)?,
                None => Value::NONE,
            };
            tuple::from_array(t, [strs::new(t, action)?, Value::NONE, category.value(), module, Value::small(0)])
        };
        let rows = vec![
            row("default", exc::DEPRECATION_WARNING.ty(), Some("__main__"))?,
            row("ignore", exc::DEPRECATION_WARNING.ty(), None)?,
            row("ignore", exc::PENDING_DEPRECATION_WARNING.ty(), None)?,
            row("ignore", exc::IMPORT_WARNING.ty(), None)?,
            row("ignore", exc::RESOURCE_WARNING.ty(), None)?,
        ];
        *state.filters.borrow_mut() = List::from_vec(t, rows)?;
        *state.once.borrow_mut() = Dict::create(t);
    }
    Ok(state)
}

fn mutated(t: &Thread, _: &[Value]) -> Res {
    let state = state(t)?;
    state.version.set(state.version.get() + 1);
    Ok(Value::NONE)
}

/// The hook of natives: a warning `level` frames up.
pub fn warn(t: &Thread, category: &Value, message: &str, level: isize) -> Res<()> {
    let text = strs::new(t, message)?;
    at_level(t, category, &text, level, &Value::NONE, &[])
}

fn dunder_warn(t: &Thread, a: &[Value]) -> Res {
    let level = match a[2].opt() {
        Some(n) => convert::to_isize(t, n)?,
        None => 1,
    };
    let mut prefixes = Vec::new();
    if let Some(p) = a[4].opt() {
        let Some(items) = p.downcast::<Tuple>() else {
            let ty = type_of(p).name();
            return Err(error::type_error(
                t,
                format_args!("warn() argument 'skip_file_prefixes' must be tuple, not {ty}"),
            ));
        };
        for item in items.items() {
            if item.downcast::<Str>().is_none() {
                let ty = type_of(item).name();
                return Err(error::type_error(t, format_args!("Found non-str '{ty}' in skip_file_prefixes.")));
            }
            prefixes.push(strs::display(item));
        }
    }
    let category = category_of(t, &a[0], a[1].non_none())?;
    at_level(t, &category, &a[0], level, a[3].opt().unwrap_or(&Value::NONE), &prefixes)?;
    Ok(Value::NONE)
}

fn category_of(t: &Thread, message: &Value, given: Option<&Value>) -> Res {
    if type_of(message).is_subtype(exc::WARNING.ty()) {
        return Ok(type_of(message).value());
    }
    let category = given.cloned().unwrap_or_else(|| exc::USER_WARNING.ty().value());
    match category.downcast::<TypeObject>() {
        Some(ty) if ty.is_subtype(exc::WARNING.ty()) => Ok(category),
        Some(_) => {
            let shown = ops::repr_text(t, &category)?;
            let text = format!("category must be a Warning subclass, not class {shown}");
            Err(error::type_error(t, text))
        }
        None => {
            let ty = type_of(&category).name();
            Err(error::type_error(t, format_args!("category must be a Warning subclass, not '{ty}'")))
        }
    }
}

/// Whether a frame is importlib's own, which stack levels do not count.
fn internal(file: &str) -> bool {
    file.contains("importlib") && file.contains("_bootstrap")
}

fn at_level(t: &Thread, category: &Value, message: &Value, level: isize, source: &Value, skip: &[String]) -> Res<()> {
    let mut level = if skip.is_empty() { level } else { level.max(2) };
    let mut up = 0;
    while level > 1 {
        up += 1;
        match typhon_interp::query::position(t, up) {
            Some((file, _)) if internal(&file) || skip.iter().any(|p| file.starts_with(p)) => {}
            Some(_) => level -= 1,
            None => break,
        }
    }
    let place = if t.interp.get().is_null() { None } else { typhon_interp::query::position(t, up) };
    let (file, line, globals) = match place {
        Some((file, line)) => (file, line, frames::globals_at(t, up)),
        None => ("<sys>".to_owned(), 0, None),
    };
    let (module, registry) = match &globals {
        Some(g) => {
            let registry = match text::get(t, g, "__warningregistry__") {
                Some(r) => r,
                None => {
                    let r = Dict::create(t);
                    text::put(t, g, "__warningregistry__", r.clone())?;
                    r
                }
            };
            let name = text::get(t, g, "__name__").map_or_else(|| "<string>".to_owned(), |m| strs::display(&m));
            (name, registry)
        }
        None => ("sys".to_owned(), Value::NONE),
    };
    let file = strs::new(t, &file)?;
    let module = strs::new(t, &module)?;
    explicit(
        t,
        &Issue { category, message, file: &file, line, module: &module, registry: &registry, source, sourceline: None },
    )
}

/// A warning at a place, as the compiler issues it.
pub fn warn_explicit(t: &Thread, category: &TypeObject, message: &str, file: &str, line: u32) -> Res<()> {
    let module = strs::new(t, file.strip_suffix(".py").unwrap_or(file))?;
    let (message, file) = (strs::new(t, message)?, strs::new(t, file)?);
    let category = category.value();
    explicit(
        t,
        &Issue {
            category: &category,
            message: &message,
            file: &file,
            line,
            module: &module,
            registry: &Value::NONE,
            source: &Value::NONE,
            sourceline: None,
        },
    )
}

fn dunder_explicit(t: &Thread, a: Args<'_>) -> Res {
    const NAMES: [&str; 8] =
        ["message", "category", "filename", "lineno", "module", "registry", "module_globals", "source"];
    let mut v: [Value; 8] = Default::default();
    for (slot, x) in v.iter_mut().zip(a.positional()) {
        *slot = x.clone();
    }
    for (slot, name) in v.iter_mut().zip(NAMES) {
        if let Some(x) = a.keyword(name) {
            *slot = x.clone();
        }
    }
    if let Some(i) = (0..4).find(|&i| v[i].is_absent()) {
        let text = format!("warn_explicit() missing required argument '{}' (pos {})", NAMES[i], i + 1);
        return Err(error::type_error(t, text));
    }
    let [message, category, file, line, module, registry, globals, source] = v;
    let category = category_of(t, &message, Some(&category))?;
    let line = convert::to_i32(t, &line)?.max(0) as u32;
    let module = match module.non_none() {
        Some(m) => m.clone(),
        None => {
            let name = strs::display(&file);
            let name = if name.is_empty() { "<unknown>".to_owned() } else { name };
            strs::new(t, name.strip_suffix(".py").unwrap_or(&name))?
        }
    };
    if let Some(r) = registry.non_none()
        && r.downcast::<Dict>().is_none()
    {
        let ty = type_of(r).name();
        return Err(error::type_error(t, format_args!("'registry' must be a dict or None, not '{ty}'")));
    }
    let sourceline = match globals.non_none() {
        Some(g) if g.downcast::<Dict>().is_none() => {
            let ty = type_of(g).name();
            return Err(error::type_error(t, format_args!("module_globals must be a dict, not '{ty}'")));
        }
        Some(g) => source_line(t, g, line)?,
        None => None,
    };
    let (registry, source) = [registry, source].map(|v| v.present().unwrap_or(Value::NONE)).into();
    let issue = Issue {
        category: &category,
        message: &message,
        file: &file,
        line,
        module: &module,
        registry: &registry,
        source: &source,
        sourceline,
    };
    explicit(t, &issue)?;
    Ok(Value::NONE)
}

fn source_line(t: &Thread, globals: &Value, line: u32) -> Res<Option<Value>> {
    let bless = attr::get_text(t, &crate::import::pristine::external(t)?, "_bless_my_loader")?;
    let loader = call::call1(t, &bless, globals)?;
    let (false, Some(name)) = (loader.is_none(), text::get(t, globals, "__name__")) else { return Ok(None) };
    let Some(get) = attr::get_opt(t, &loader, &text::name(t, "get_source"))? else { return Ok(None) };
    let source = call::call1(t, &get, &name)?;
    let text = strs::display(&source);
    match text.lines().nth((line as usize).wrapping_sub(1)) {
        Some(l) => strs::new(t, l).map(Some),
        None => Ok(None),
    }
}

/// One warning on its way.
struct Issue<'a> {
    category: &'a Value,
    message: &'a Value,
    file: &'a Value,
    line: u32,
    module: &'a Value,
    registry: &'a Value,
    source: &'a Value,
    sourceline: Option<Value>,
}

fn explicit(t: &Thread, w: &Issue<'_>) -> Res<()> {
    if w.module.is_none() {
        return Ok(());
    }
    let made = type_of(w.message).is_subtype(exc::WARNING.ty());
    let text = if made { ops::str(t, w.message)? } else { w.message.clone() };
    let message = if made { w.message.clone() } else { call::call1(t, w.category, w.message)? };
    let line = Value::small(i64::from(w.line));
    let key = tuple::from_array(t, [text.clone(), w.category.clone(), line.clone()])?;
    if !w.registry.is_none() && already(t, w.registry, &key, false)? {
        return Ok(());
    }
    let action = action_for(t, w, &text)?;
    match action.as_str() {
        "error" => return Err(Exc::new(message)),
        "ignore" => return Ok(()),
        "always" | "all" => {}
        "once" => {
            let once = match attribute(t, "onceregistry")? {
                Some(r) => r,
                None => state(t)?.once.borrow().clone(),
            };
            let short = tuple::from_array(t, [text.clone(), w.category.clone()])?;
            if already(t, &once, &short, true)? {
                return Ok(());
            }
        }
        "module" => {
            let short = tuple::from_array(t, [text.clone(), w.category.clone(), Value::small(0)])?;
            if !w.registry.is_none() && already(t, w.registry, &short, true)? {
                return Ok(());
            }
        }
        "default" => {
            if !w.registry.is_none() && already(t, w.registry, &key, true)? {
                return Ok(());
            }
        }
        other => {
            return Err(error::runtime_error(t, format_args!("Unrecognized action ('{other}') in warnings.filters")));
        }
    }
    show(t, w, &text, &message)
}

/// Whether a registry has the key; `add` puts it there.
fn already(t: &Thread, registry: &Value, key: &Value, add: bool) -> Res<bool> {
    let Some(d) = registry.downcast::<Dict>() else { return Ok(false) };
    let version = Value::small(state(t)?.version.get());
    let version_key = text::name(t, "version");
    match d.get(t, &version_key)? {
        Some(v) if v.is(&version) => {
            if let Some(seen) = d.get(t, key)?
                && ops::truth(t, &seen)?
            {
                return Ok(true);
            }
        }
        _ => {
            d.clear_entries();
            d.set(t, &version_key, &version)?;
        }
    }
    if add {
        d.set(t, key, &Value::TRUE)?;
    }
    Ok(false)
}

/// An attribute of the `warnings` module, if that is loaded.
fn attribute(t: &Thread, name: &str) -> Res<Option<Value>> {
    match text::loaded(t, "warnings") {
        Some(m) => attr::get_opt(t, &m, &text::name(t, name)),
        None => Ok(None),
    }
}

fn matches(t: &Thread, pattern: &Value, text: &Value) -> Res<bool> {
    if pattern.is_none() {
        return Ok(true);
    }
    if pattern.exact::<Str>().is_some() {
        return ops::eq(t, pattern, text);
    }
    let found = call::method(t, pattern, &text::name(t, "match"), std::slice::from_ref(text))?;
    ops::truth(t, &found)
}

fn action_for(t: &Thread, w: &Issue<'_>, text: &Value) -> Res<String> {
    let filters = match attribute(t, "_get_filters")? {
        Some(get) => call::call0(t, &get)?,
        None => match attribute(t, "filters")? {
            Some(f) => f,
            None => state(t)?.filters.borrow().clone(),
        },
    };
    for row in ops::collect(t, &filters)? {
        let Some(Ok([action, message, category, module, line])) =
            row.downcast::<Tuple>().map(|r| <&[Value; 5]>::try_from(r.items()))
        else {
            return Err(error::value_error(t, "warnings.filters item 0 isn't a 5-tuple"));
        };
        let line = convert::to_isize(t, line)?;
        if matches(t, message, text)?
            && ops::issubclass(t, w.category, category)?
            && matches(t, module, w.module)?
            && (line == 0 || line == w.line as isize)
        {
            return Ok(strs::display(action));
        }
    }
    match attribute(t, "defaultaction")? {
        Some(a) => Ok(strs::display(&a)),
        None => Ok("default".to_owned()),
    }
}

fn show(t: &Thread, w: &Issue<'_>, text: &Value, message: &Value) -> Res<()> {
    let show = match attribute(t, "_showwarnmsg")? {
        Some(f) => Some(f),
        None if w.source.is_none() => None,
        None => Some(attr::get_text(t, &(t.hooks.import)(t, "warnings")?, "_showwarnmsg")?),
    };
    if let Some(f) = show {
        let class = attr::get_text(t, &(t.hooks.import)(t, "warnings")?, "WarningMessage")?;
        let args = [
            message.clone(),
            w.category.clone(),
            w.file.clone(),
            Value::small(i64::from(w.line)),
            Value::NONE,
            Value::NONE,
            w.source.clone(),
        ];
        let made = call::call(t, &class, &args)?;
        call::call1(t, &f, &made)?;
        return Ok(());
    }
    let category = match attr::get_opt(t, w.category, n::__name__())? {
        Some(name) => strs::display(&name),
        None => String::new(),
    };
    let mut out = format!("{}:{}: {category}: {}\n", strs::display(w.file), w.line, strs::display(&ops::str(t, text)?));
    let line = match &w.sourceline {
        Some(l) => Some(strs::display(l)),
        None => crate::import::files::read_source(t, &strs::display(w.file))
            .and_then(|s| s.lines().nth((w.line as usize).wrapping_sub(1)).map(str::to_owned)),
    };
    if let Some(line) = line {
        out += &format!("  {}\n", line.trim());
    }
    streams::write_text(t, "stderr", &out)
}
