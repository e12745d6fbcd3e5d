//! Saver: what `__reduce__` gave, and globals.

use super::facts;
use super::op;
use super::save::{Saver, shown};
use super::{fail_pickling, pickling_error};
use typhon_object::dict::Dict;
use typhon_object::error::Res;
use typhon_object::names::{self, n};
use typhon_object::strs::{self, Str};
use typhon_object::tuple::{self, Tuple};
use typhon_object::types::exceptions::{ATTRIBUTE_ERROR, IMPORT_ERROR, VALUE_ERROR};
use typhon_object::types::{int, iters, type_};
use typhon_object::{Thread, Value, attr, call, ops, type_of};

/// How a reduced object is made.
#[derive(Clone, Copy, PartialEq, Eq)]
enum How {
    Call,
    New,
    NewEx,
}

impl Saver<'_> {
    /// An object as (callable, arguments, state, list items, dict items, state setter).
    pub(super) fn reduce(&mut self, parts: &[Value], object: Option<&Value>) -> Res<()> {
        let t = self.t;
        if !(2..=6).contains(&parts.len()) {
            return Err(fail_pickling(t, "tuple returned by __reduce__ must contain 2 through 6 elements"));
        }
        let part = |i: usize| parts.get(i).and_then(Value::non_none);
        let (function, args) = (&parts[0], &parts[1]);
        let wrong = |what: &str, v: &Value| {
            let name = iters::full_name(type_of(v));
            fail_pickling(t, format_args!("{what}, not {name}"))
        };
        if !call::is_callable(function) {
            return Err(wrong("first item of the tuple returned by __reduce__ must be callable", function));
        }
        let Some(items) = args.downcast::<Tuple>().map(Tuple::items) else {
            return Err(wrong("second item of the tuple returned by __reduce__ must be a tuple", args));
        };
        for (i, nth) in [(3, "fourth"), (4, "fifth")] {
            if let Some(v) = part(i)
                && type_of(v).slots().next.is_none()
            {
                return Err(wrong(&format!("{nth} item of the tuple returned by __reduce__ must be an iterator"), v));
            }
        }
        if let Some(v) = part(5)
            && !call::is_callable(v)
        {
            return Err(wrong("sixth item of the tuple returned by __reduce__ must be callable", v));
        }
        match self.how(function)? {
            How::NewEx => self.new_ex(items, object)?,
            How::New => self.new_object(items, object)?,
            How::Call => self.called(function, args, object)?,
        }
        if let Some(object) = object {
            match self.memo.get(object) {
                // The object was saved on the way to its own arguments.
                Some(i) => {
                    self.out.op(op::POP);
                    self.get(i);
                }
                None => self.put(object),
            }
        }
        if let Some(it) = part(3) {
            self.batch_list(it, object)?;
        }
        if let (Some(it), owner) = (part(4), object.unwrap_or(function)) {
            self.batch_dict(it, owner)?;
        }
        if let Some(state) = part(2) {
            self.state(state, part(5), object)?;
        }
        Ok(())
    }

    fn how(&self, function: &Value) -> Res<How> {
        if self.proto < 2 {
            return Ok(How::Call);
        }
        let name = attr::get_opt(self.t, function, n::__name__())?;
        Ok(match name {
            Some(name) if strs::eq_str(&name, "__newobj__") => How::New,
            Some(name) if strs::eq_str(&name, "__newobj_ex__") => How::NewEx,
            _ => How::Call,
        })
    }

    /// Saves a part; exceptions are noted with what it is.
    fn part(&mut self, v: &Value, object: Option<&Value>, what: &str) -> Res<()> {
        self.save(v).map_err(|e| match object {
            Some(object) => self.noted(e, || Ok(format!("when serializing {} {what}", shown(object)))),
            None => e,
        })
    }

    fn called(&mut self, function: &Value, args: &Value, object: Option<&Value>) -> Res<()> {
        self.part(function, object, "reconstructor")?;
        self.part(args, object, "reconstructor arguments")?;
        self.out.op(op::REDUCE);
        Ok(())
    }

    fn new_object(&mut self, items: &[Value], object: Option<&Value>) -> Res<()> {
        let t = self.t;
        let Some((class, rest)) = items.split_first() else {
            return Err(fail_pickling(t, "__newobj__ expected at least 1 argument, got 0"));
        };
        self.check_class(class, "__newobj__")?;
        if let Some(object) = object {
            let own = attr::get(t, object, n::__class__())?;
            if !own.is(class) {
                let (own, class) = (ops::repr_text(t, &own)?, ops::repr_text(t, class)?);
                let text = format_args!("first argument to __newobj__() must be {own}, not {class}");
                return Err(fail_pickling(t, text));
            }
        }
        self.part(class, object, "class")?;
        let args = tuple::new(t, rest)?;
        self.part(&args, object, "__new__ arguments")?;
        self.out.op(op::NEWOBJ);
        Ok(())
    }

    fn check_class(&self, class: &Value, function: &str) -> Res<()> {
        if attr::get_opt(self.t, class, n::__new__())?.is_some() {
            return Ok(());
        }
        let name = iters::full_name(type_of(class));
        let text = format_args!("first argument to {function}() must be a class, not {name}");
        Err(fail_pickling(self.t, text))
    }

    fn new_ex(&mut self, items: &[Value], object: Option<&Value>) -> Res<()> {
        let t = self.t;
        let [class, args, keywords] = items else {
            let text = format_args!("__newobj_ex__ expected 3 arguments, got {}", items.len());
            return Err(fail_pickling(t, text));
        };
        self.check_class(class, "__newobj_ex__")?;
        let wrong = |nth: &str, kind: &str, v: &Value| {
            let name = iters::full_name(type_of(v));
            fail_pickling(t, format_args!("{nth} argument to __newobj_ex__() must be a {kind}, not {name}"))
        };
        let Some(positional) = args.downcast::<Tuple>() else { return Err(wrong("second", "tuple", args)) };
        let Some(named) = keywords.downcast::<Dict>() else { return Err(wrong("third", "dict", keywords)) };
        if self.proto >= 4 {
            self.part(class, object, "class")?;
            self.part(args, object, "__new__ arguments")?;
            self.part(keywords, object, "__new__ arguments")?;
            self.out.op(op::NEWOBJ_EX);
            return Ok(());
        }
        let partial = facts::from_module(t, "functools", "partial")?;
        let mut values = vec![attr::get(t, class, n::__new__())?, class.clone()];
        values.extend(positional.items().iter().cloned());
        let mut keys = Vec::new();
        for (key, value) in named.items() {
            keys.push(names::intern(t, &key));
            values.push(value);
        }
        let made = call::call_args(t, &partial, typhon_object::Args { values: &values, names: &keys })?;
        self.part(&made, object, "reconstructor")?;
        self.save(&tuple::new(t, &[])?)?;
        self.out.op(op::REDUCE);
        Ok(())
    }

    fn state(&mut self, state: &Value, setter: Option<&Value>, object: Option<&Value>) -> Res<()> {
        let (Some(setter), Some(object)) = (setter, object) else {
            self.part(state, object, "state")?;
            self.out.op(op::BUILD);
            return Ok(());
        };
        self.part(setter, Some(object), "state setter")?;
        self.save(object)?;
        self.part(state, Some(object), "state")?;
        self.out.push(&[op::TUPLE2, op::REDUCE, op::POP]);
        Ok(())
    }

    /// A class; those of the singletons have no name to be found by.
    pub(super) fn class(&mut self, v: &Value) -> Res<()> {
        let singles = [Value::NONE, Value::NOT_IMPLEMENTED, Value::ELLIPSIS];
        match singles.into_iter().find(|single| type_of(single).value().is(v)) {
            Some(single) => {
                let args = tuple::from_array(self.t, [single])?;
                self.reduce(&[type_::TYPE.ty().value(), args], Some(v))
            }
            None => self.global(v, None),
        }
    }

    /// An object by the name it is found under.
    pub(super) fn global(&mut self, v: &Value, name: Option<&Value>) -> Res<()> {
        let t = self.t;
        let name = match name {
            Some(name) => name.clone(),
            None => match attr::get_opt(t, v, n::__qualname__())? {
                Some(name) => name,
                None => attr::get(t, v, n::__name__())?,
            },
        };
        let parts = facts::parts(t, &name)?;
        if parts.iter().any(|part| strs::eq_str(part, "<locals>")) {
            return Err(fail_pickling(t, format_args!("Can't pickle local object {}", ops::repr_text(t, v)?)));
        }
        let module = self.found_in(v, &name, &parts)?;
        if self.proto >= 2
            && let Some(code) = facts::mapped(
                t,
                "copyreg",
                "_extension_registry",
                &tuple::from_array(t, [module.clone(), name.clone()])?,
            )?
        {
            return self.extension(v, &code, &module, &name);
        }
        if self.proto >= 4 {
            self.save(&module)?;
            self.save(&name)?;
            self.out.op(op::STACK_GLOBAL);
        } else {
            self.nested_global(v, &module, &parts)?;
        }
        self.put(v);
        Ok(())
    }

    /// The module that has `v` under the name.
    fn found_in(&self, v: &Value, name: &Value, parts: &[Value]) -> Res {
        let t = self.t;
        let module = match attr::get_opt(t, v, n::__module__())?.filter(|m| !m.is_none()) {
            Some(module) => module,
            None => self.search(v, parts)?,
        };
        let (module_name, name) = (strs::display(&module), strs::display(name));
        let found = facts::module(t, &module).map_err(|e| {
            if !e.is(&IMPORT_ERROR) && !e.is(&VALUE_ERROR) {
                return e;
            }
            let text = ops::repr_text(t, v).and_then(|v| Ok((v, ops::str(t, e.value())?)));
            match text {
                Ok((v, why)) => pickling_error(t, format_args!("Can't pickle {v}: {}", strs::display(&why)), e),
                Err(other) => other,
            }
        })?;
        let found = walk(t, &found, parts).map_err(|e| {
            if !e.is(&ATTRIBUTE_ERROR) {
                return e;
            }
            match ops::repr_text(t, v) {
                Ok(v) => pickling_error(t, format_args!("Can't pickle {v}: it's not found as {module_name}.{name}"), e),
                Err(other) => other,
            }
        })?;
        if !found.is(v) {
            let v = ops::repr_text(t, v)?;
            let text = format_args!("Can't pickle {v}: it's not the same object as {module_name}.{name}");
            return Err(fail_pickling(t, text));
        }
        Ok(module)
    }

    /// A loaded module that has `v` under the name; `__main__` without one.
    fn search(&self, v: &Value, parts: &[Value]) -> Res {
        let t = self.t;
        let modules = t.modules().get();
        let loaded = modules.downcast::<Dict>().map_or_else(Vec::new, Dict::items);
        for (name, module) in loaded {
            let skipped = ["__main__", "__mp_main__"].iter().any(|main| strs::eq_str(&name, main));
            if skipped || module.is_none() {
                continue;
            }
            match walk(t, &module, parts) {
                Ok(found) if found.is(v) => return Ok(name),
                Ok(_) => {}
                Err(e) if e.is(&ATTRIBUTE_ERROR) => {}
                Err(e) => return Err(e),
            }
            t.poll()?;
        }
        Ok(n::__main__().clone())
    }

    fn extension(&mut self, v: &Value, code: &Value, module: &Value, name: &Value) -> Res<()> {
        let t = self.t;
        let code = int::to_i64(code).filter(|c| (1..=0x7fff_ffff).contains(c));
        let Some(code) = code else {
            let (v, module, name) = (ops::repr_text(t, v)?, strs::display(module), strs::display(name));
            let text = format_args!("Can't pickle {v}: extension code of {module}.{name} is out of range");
            return Err(fail_pickling(t, text));
        };
        match code {
            1..=0xff => self.out.push(&[op::EXT1, code as u8]),
            0x100..=0xffff => self.out.push(&[op::EXT2, code as u8, (code >> 8) as u8]),
            _ => self.with_u32(op::EXT4, code as u32),
        }
        Ok(())
    }

    /// A global before protocol 4, where attributes of attributes are fetched by `getattr`.
    fn nested_global(&mut self, v: &Value, module: &Value, parts: &[Value]) -> Res<()> {
        let t = self.t;
        let Some((first, rest)) = parts.split_first() else { return Ok(()) };
        if !rest.is_empty() {
            let getattr = iters::builtin(t, "getattr")?;
            for _ in rest {
                self.save(&getattr)?;
                if self.proto < 2 {
                    self.out.op(op::MARK);
                }
            }
        }
        self.plain_global(v, module, first)?;
        for part in rest {
            self.save(part)?;
            self.out.push(&[if self.proto < 2 { op::TUPLE } else { op::TUPLE2 }, op::REDUCE]);
        }
        Ok(())
    }

    fn plain_global(&mut self, v: &Value, module: &Value, name: &Value) -> Res<()> {
        let t = self.t;
        let (module, name) = if self.fix_imports && self.proto < 3 {
            facts::renamed(t, module, name, "REVERSE_NAME_MAPPING", "REVERSE_IMPORT_MAPPING")?
        } else {
            (module.clone(), name.clone())
        };
        let text = |v: &Value| match v.downcast::<Str>() {
            Some(s) if self.proto >= 3 => s.to_utf8().ok(),
            Some(s) => s.as_ascii().map(str::to_string),
            None => None,
        };
        let (Some(module_text), Some(name_text)) = (text(&module), text(&name)) else {
            let (module, name, proto) = (strs::display(&module), strs::display(&name), self.proto);
            let text = format_args!("can't pickle global identifier '{module}.{name}' using pickle protocol {proto}");
            return Err(fail_pickling(t, text));
        };
        debug_assert!(!v.is_absent());
        self.out.push(format!("c{module_text}\n{name_text}\n").as_bytes());
        Ok(())
    }
}

/// Attributes of attributes.
pub(super) fn walk(t: &Thread, from: &Value, parts: &[Value]) -> Res {
    let mut at = from.clone();
    for part in parts {
        at = attr::get(t, &at, part)?;
    }
    Ok(at)
}
