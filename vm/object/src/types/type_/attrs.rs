//! Attributes of classes: `type.__getattribute__`, `type.__setattr__`.

use crate::attr;
use crate::attr_cache::{self, Found};
use crate::dunder;
use crate::error::{self, Res};
use crate::names;
use crate::strs;
use crate::thread::Thread;
use crate::ty::{TypeObject, flag, type_of};
use crate::types::staticmethod;
use crate::value::Value;

/// `type.__getattribute__`.
pub fn get(t: &Thread, class: &Value, name: &Value) -> Res {
    match get_opt(t, class, name)? {
        Some(v) => Ok(v),
        None => Err(error::no_attribute(t, class, name)),
    }
}

/// `type.__getattribute__`, with `None` for a missing attribute: the metatype's data descriptors first, then the class's
/// MRO, then the rest of the metatype.
pub fn get_opt(t: &Thread, class: &Value, name: &Value) -> Res<Option<Value>> {
    match attr_cache::load_class(t, class, name) {
        Found::Plain(bits) => return Ok(Some(Value::from_ref(&bits).clone())),
        Found::Static(bits) => return Ok(Some(staticmethod::callable(Value::from_ref(&bits)))),
        Found::Computed(def) => return (def.get)(t, class).map(Some),
        Found::Missing => return Ok(None),
        _ => {}
    }
    attr::check_name(t, name)?;
    let name = &names::intern(t, name);
    let meta = type_of(class);
    let on_meta = meta.lookup(t, name);
    let mut meta_get = None;
    if let Some(descr) = &on_meta {
        let slots = type_of(descr).slots();
        meta_get = slots.get;
        if let (Some(get), Some(_)) = (slots.get, slots.set) {
            return meta.with_value(|m| get(t, descr, Some(class), Some(m)).map(Some));
        }
    }
    if let Some(found) = class.downcast::<TypeObject>().and_then(|ty| ty.lookup(t, name)) {
        return match type_of(&found).slots().get {
            Some(get) => get(t, &found, None, Some(class)).map(Some),
            None => Ok(Some(found)),
        };
    }
    match (on_meta, meta_get) {
        (Some(descr), Some(get)) => meta.with_value(|m| get(t, &descr, Some(class), Some(m)).map(Some)),
        (found, _) => Ok(found),
    }
}

/// `type.__setattr__` and `type.__delattr__`.
pub(super) fn set(t: &Thread, class: &Value, name: &Value, value: Option<&Value>) -> Res<()> {
    let ty = class.expect::<TypeObject>();
    if ty.has_flag(flag::IMMUTABLE) {
        let (name, ty) = (crate::ops::repr_text(t, name)?, ty.name());
        return Err(error::type_error(t, format_args!("cannot set {name} attribute of immutable type '{ty}'")));
    }
    attr::check_name(t, name)?;
    let name = &names::intern(t, &plain(t, name)?);
    if let Some(descr) = type_of(class).lookup(t, name)
        && let Some(set) = type_of(&descr).slots().set
    {
        set(t, &descr, class, value)?;
        ty.modified(t);
        return Ok(());
    }
    // Others cache what they find by the class's version, without counting it: none may find the old value after it has
    // gone and before the version tells.
    let old = t.alone(|| {
        let old = match value {
            Some(v) => {
                let old = ty.dict().get_str(name);
                ty.dict().set_str(t, name, v.clone())?;
                old
            }
            None => match ty.dict().remove(t, name)? {
                Some(old) => Some(old),
                None => return Ok(None),
            },
        };
        ty.modified(t);
        dunder::update_slots(t, ty, name);
        Ok(Some(old))
    })?;
    match old {
        Some(old) => drop(old),
        None => return Err(error::no_attribute(t, class, name)),
    }
    Ok(())
}

/// An exact str equal to `name`, which may be of a subclass: class dicts are keyed by exact ones.
fn plain(t: &Thread, name: &Value) -> Res {
    if name.exact::<strs::Str>().is_some() {
        return Ok(name.clone());
    }
    match name.downcast::<strs::Str>() {
        Some(s) => strs::from_units(t, s.units()),
        None => Ok(name.clone()),
    }
}
