//! Loader: containers filled, objects made.

use super::load::Loader;
use super::op;
use super::save_reduce::walk;
use super::{bad_pickle, facts};
use typhon_object::args::Args;
use typhon_object::dict::Dict;
use typhon_object::error::{self, Res};
use typhon_object::list::List;
use typhon_object::names::{self, n};
use typhon_object::strs::{self, Str};
use typhon_object::tuple::{self, Tuple};
use typhon_object::ty::TypeObject;
use typhon_object::types::{int, iters, set_};
use typhon_object::{Thread, Value, attr, call, ops, type_of};

impl Loader<'_> {
    pub(super) fn append(&mut self, items: Vec<Value>) -> Res<()> {
        let (t, target) = (self.t, self.top()?);
        if let Some(list) = target.exact::<List>() {
            list.reserve(t, items.len())?;
            return items.into_iter().try_for_each(|item| list.push(t, item));
        }
        if items.is_empty() {
            return Ok(());
        }
        if items.len() > 1
            && let Some(extend) = attr::get_opt(t, &target, n::extend())?
        {
            let items = List::from_vec(t, items)?;
            return call::call1(t, &extend, &items).map(drop);
        }
        let append = attr::get(t, &target, n::append())?;
        items.iter().try_for_each(|item| call::call1(t, &append, item).map(drop))
    }

    pub(super) fn set_items(&mut self, items: Vec<Value>) -> Res<()> {
        let (t, target) = (self.t, self.top()?);
        if !items.len().is_multiple_of(2) {
            return Err(bad_pickle(t, "odd number of items for SETITEMS"));
        }
        if let Some(dict) = target.exact::<Dict>() {
            if items.len() > 8 {
                dict.reserve(t, items.len() / 2)?;
            }
            return items.chunks_exact(2).try_for_each(|pair| dict.set(t, &pair[0], &pair[1]));
        }
        items.chunks_exact(2).try_for_each(|pair| ops::setitem(t, &target, &pair[0], &pair[1]))
    }

    pub(super) fn dict(&mut self) -> Res<()> {
        let t = self.t;
        let items = self.pop_mark()?;
        if !items.len().is_multiple_of(2) {
            return Err(bad_pickle(t, "odd number of items for DICT"));
        }
        let dict = Dict::create(t);
        items.chunks_exact(2).try_for_each(|pair| Dict::of(&dict).set(t, &pair[0], &pair[1]))?;
        self.push(dict)
    }

    pub(super) fn add_items(&mut self) -> Res<()> {
        let t = self.t;
        let items = self.pop_mark()?;
        let target = self.top()?;
        if std::ptr::eq(type_of(&target), set_::SET.ty()) {
            let set = set_::expect(&target);
            return items.iter().try_for_each(|item| set_::add(t, set, item));
        }
        let add = attr::get_text(t, &target, "add")?;
        items.iter().try_for_each(|item| call::call1(t, &add, item).map(drop))
    }

    /// An opcode that makes or changes an object.
    pub(super) fn object(&mut self, op: u8) -> Res<()> {
        let t = self.t;
        let v = match op {
            op::REDUCE => {
                let args = self.pop()?;
                let function = self.pop()?;
                let Some(args) = args.downcast::<Tuple>() else {
                    return Err(error::type_error(t, "argument list must be a tuple"));
                };
                call::call(t, &function, args.items())?
            }
            op::NEWOBJ => {
                let args = self.pop()?;
                let class = self.pop()?;
                new_object(t, &class, &args, None, "NEWOBJ")?
            }
            op::NEWOBJ_EX => {
                let keywords = self.pop()?;
                let args = self.pop()?;
                let class = self.pop()?;
                new_object(t, &class, &args, Some(&keywords), "NEWOBJ_EX")?
            }
            op::BUILD => return self.build(),
            op::STACK_GLOBAL => {
                let name = self.pop()?;
                let module = self.pop()?;
                if name.exact::<Str>().is_none() || module.exact::<Str>().is_none() {
                    return Err(bad_pickle(t, "STACK_GLOBAL requires str"));
                }
                self.class(&module, &name)?
            }
            op::GLOBAL => self.named_class()?,
            op::INST => {
                let class = self.named_class()?;
                let args = self.pop_mark()?;
                instance(t, &class, &args)?
            }
            op::OBJ => {
                let mut args = self.pop_mark()?;
                if args.is_empty() {
                    return Err(bad_pickle(t, "unpickling stack underflow"));
                }
                let class = args.remove(0);
                instance(t, &class, &args)?
            }
            op::PERSID => {
                let line = self.source.line()?;
                if !line.is_ascii() {
                    return Err(bad_pickle(t, "persistent IDs in protocol 0 must be ASCII strings"));
                }
                self.persistent(&strs::from_latin1(t, &line)?)?
            }
            op::BINPERSID => {
                let id = self.pop()?;
                self.persistent(&id)?
            }
            op::EXT1 => self.extension(1)?,
            op::EXT2 => self.extension(2)?,
            op::EXT4 => self.extension(4)?,
            other => return Err(bad_key(t, other)),
        };
        self.push(v)
    }

    fn persistent(&self, id: &Value) -> Res {
        match &self.persistent_load {
            Some(f) => call::call1(self.t, f, id),
            None => Err(bad_pickle(
                self.t,
                "A load persistent id instruction was encountered, but no persistent_load function was specified.",
            )),
        }
    }

    fn named_class(&mut self) -> Res {
        let t = self.t;
        let mut text = || {
            let line = self.source.line()?;
            match String::from_utf8(line) {
                Ok(text) => strs::new(t, &text),
                Err(e) => {
                    let line = typhon_object::types::bytes::new(t, e.as_bytes())?;
                    typhon_object::codec::decode_object(t, &line, Some("utf-8"), None)
                }
            }
        };
        let (module, name) = (text()?, text()?);
        self.class(&module, &name)
    }

    fn class(&self, module: &Value, name: &Value) -> Res {
        match &self.find_class {
            Some(f) => call::call(self.t, f, &[module.clone(), name.clone()]),
            None => find_class(self.t, module, name, self.proto, self.fix_imports),
        }
    }

    fn extension(&mut self, size: usize) -> Res {
        let t = self.t;
        let word = self.source.number(size)?;
        let code = if size == 4 { i64::from(word as u32 as i32) } else { word as i64 };
        if code <= 0 {
            return Err(bad_pickle(t, "EXT specifies code <= 0"));
        }
        let code = Value::small(code);
        if let Some(found) = facts::mapped(t, "copyreg", "_extension_cache", &code)? {
            return Ok(found);
        }
        let Some(pair) = facts::mapped(t, "copyreg", "_inverted_registry", &code)? else {
            let text = format_args!("unregistered extension code {}", int::to_i64(&code).unwrap_or(0));
            return Err(error::value_error(t, text));
        };
        let v = match pair.downcast::<Tuple>().map(Tuple::items) {
            Some([module, name]) if module.downcast::<Str>().is_some() && name.downcast::<Str>().is_some() => {
                self.class(module, name)?
            }
            _ => return Err(error::value_error(t, "_inverted_registry[code] isn't a 2-tuple of strings")),
        };
        if let Some(cache) = facts::from_module(t, "copyreg", "_extension_cache")?.downcast::<Dict>() {
            cache.set(t, &code, &v)?;
        }
        Ok(v)
    }

    fn build(&mut self) -> Res<()> {
        let t = self.t;
        let state = self.pop()?;
        let object = self.top()?;
        if let Some(f) = attr::get_opt(t, &object, n::__setstate__())? {
            return call::call1(t, &f, &state).map(drop);
        }
        let (state, slots) = match state.downcast::<Tuple>().map(Tuple::items) {
            Some([state, slots]) => (state.clone(), slots.clone()),
            _ => (state, Value::NONE),
        };
        if !state.is_none() {
            let Some(dict) = state.downcast::<Dict>() else { return Err(bad_pickle(t, "state is not a dictionary")) };
            set_attributes(t, &object, dict)?;
        }
        if !slots.is_none() {
            let Some(slots) = slots.downcast::<Dict>() else {
                return Err(bad_pickle(t, "slot state is not a dictionary"));
            };
            let mut at = 0;
            while let Some((name, v)) = slots.next(&mut at) {
                attr::set(t, &object, &names::intern(t, &name), Some(&v))?;
            }
        }
        Ok(())
    }
}

/// Puts a state into an instance's namespace, past `__setattr__`.
fn set_attributes(t: &Thread, object: &Value, state: &Dict) -> Res<()> {
    let plain = object.header().filter(|h| attr::dict_word(type_of(object), h).is_some());
    let mut at = 0;
    if let Some(header) = plain {
        while let Some((name, v)) = state.next(&mut at) {
            if name.exact::<Str>().is_none() {
                let dict = attr::instance_dict(t, type_of(object), header)?;
                ops::setitem(t, &dict, &name, &v)?;
                continue;
            }
            attr::instance_set(t, type_of(object), header, &names::intern(t, &name), v)?;
        }
        return Ok(());
    }
    let dict = attr::get(t, object, n::__dict__())?;
    while let Some((name, v)) = state.next(&mut at) {
        ops::setitem(t, &dict, &name, &v)?;
    }
    Ok(())
}

fn bad_key(t: &Thread, op: u8) -> error::Exc {
    if op.is_ascii_graphic() || op == b' ' {
        let shown =
            if op == b'\'' || op == b'\\' { format!("\\{}", char::from(op)) } else { char::from(op).to_string() };
        return bad_pickle(t, format_args!("invalid load key, '{shown}'."));
    }
    bad_pickle(t, format_args!("invalid load key, '\\x{op:02x}'."))
}

/// A global, by the names that pickles of its protocol have.
pub(super) fn find_class(t: &Thread, module: &Value, name: &Value, proto: i64, fix_imports: bool) -> Res {
    let (module, name) = if proto < 3 && fix_imports {
        facts::renamed(t, module, name, "NAME_MAPPING", "IMPORT_MAPPING")?
    } else {
        (module.clone(), name.clone())
    };
    let found = facts::module(t, &module)?;
    if proto < 4 {
        return attr::get(t, &found, &names::intern(t, &name));
    }
    let parts = facts::parts(t, &name)?;
    walk(t, &found, &parts).map_err(|e| {
        if parts.len() < 2 || !e.is(&typhon_object::types::exceptions::ATTRIBUTE_ERROR) {
            return e;
        }
        let shown = ops::repr_text(t, &name).and_then(|name| Ok((name, ops::repr_text(t, &found)?)));
        match shown {
            Ok((path, module)) => {
                let text = format!("Can't resolve path {path} on module {module}");
                error::attribute_error(t, &found, &name, text)
            }
            Err(other) => other,
        }
    })
}

fn new_object(t: &Thread, class: &Value, args: &Value, keywords: Option<&Value>, op: &str) -> Res {
    let wrong = |what: &str, kind: &str, v: &Value| {
        let name = iters::full_name(type_of(v));
        bad_pickle(t, format_args!("{op} {what} argument must be a {kind}, not {name}"))
    };
    let Some(ty) = class.downcast::<TypeObject>() else { return Err(wrong("class", "type", class)) };
    let Some(new) = ty.slots().new else {
        return Err(bad_pickle(t, format_args!("{op} class argument '{}' doesn't have __new__", ty.name())));
    };
    let Some(args) = args.downcast::<Tuple>() else { return Err(wrong("args", "tuple", args)) };
    let mut values = args.items().to_vec();
    let mut keys = Vec::new();
    if let Some(keywords) = keywords {
        let Some(dict) = keywords.downcast::<Dict>() else { return Err(wrong("kwargs", "dict", keywords)) };
        for (key, v) in dict.items() {
            if key.downcast::<Str>().is_none() {
                return Err(error::type_error(t, "keywords must be strings"));
            }
            keys.push(names::intern(t, &key));
            values.push(v);
        }
    }
    new(t, class, Args { values: &values, names: &keys })
}

/// An instance as protocol 0 makes it: by `__new__` alone if there is nothing to be passed.
fn instance(t: &Thread, class: &Value, args: &[Value]) -> Res {
    if args.is_empty()
        && class.downcast::<TypeObject>().is_some()
        && attr::get_opt(t, class, n::__getinitargs__())?.is_none()
    {
        let empty = tuple::new(t, &[])?;
        return new_object(t, class, &empty, None, "INST");
    }
    call::call(t, class, args)
}
