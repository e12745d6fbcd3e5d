//! The method resolution order: C3, and what a metaclass makes of it.

use crate::call;
use crate::error::{self, Res};
use crate::names::n;
use crate::ops;
use crate::thread::Thread;
use crate::tuple::{self, Tuple};
use crate::ty::{TypeObject, type_of};
use crate::types::descr;
use crate::value::Value;

/// C3 linearization of `ty` over its bases.
pub(super) fn c3(t: &Thread, ty: &TypeObject) -> Res<Vec<Value>> {
    let bases = ty.bases();
    let bases = bases.downcast::<Tuple>().map(|b| b.items().to_vec()).unwrap_or_default();
    let mut out = vec![ty.value()];
    if let [only] = &bases[..] {
        out.extend(mro_of(t, only)?);
        return Ok(out);
    }
    for (i, base) in bases.iter().enumerate() {
        if bases[..i].iter().any(|b| b.is(base)) {
            let name = base.downcast::<TypeObject>().map_or_else(|| "?".into(), TypeObject::name);
            return Err(error::type_error(t, format_args!("duplicate base class {name}")));
        }
    }
    let mut lists: Vec<Vec<Value>> = bases.iter().map(|b| mro_of(t, b)).collect::<Res<_>>()?;
    lists.push(bases);
    let mut heads = vec![0; lists.len()];
    loop {
        t.poll()?;
        let rest = |i: usize| &lists[i][heads[i]..];
        let mut pending = false;
        let mut chosen = None;
        for i in 0..lists.len() {
            let Some(head) = rest(i).first() else { continue };
            pending = true;
            if !(0..lists.len()).any(|j| rest(j).iter().skip(1).any(|x| x.is(head))) {
                chosen = Some(head.clone());
                break;
            }
        }
        let Some(next) = chosen else {
            if !pending {
                return Ok(out);
            }
            let mut names: Vec<String> = Vec::new();
            for i in 0..lists.len() {
                if let Some(ty) = rest(i).first().and_then(|h| h.downcast::<TypeObject>()) {
                    // As `__name__`: without the module that a built-in type's name begins with.
                    let name = ty.name();
                    let name = match name.rsplit_once('.') {
                        Some((_, short)) if !ty.is_heap_type() => short.to_owned(),
                        _ => name,
                    };
                    if !names.contains(&name) {
                        names.push(name);
                    }
                }
            }
            return Err(error::type_error(
                t,
                format_args!("Cannot create a consistent method resolution order (MRO) for bases {}", names.join(", ")),
            ));
        };
        for (list, head) in lists.iter().zip(&mut heads) {
            if list.get(*head).is_some_and(|h| h.is(&next)) {
                *head += 1;
            }
        }
        out.push(next);
    }
}

fn mro_of(t: &Thread, base: &Value) -> Res<Vec<Value>> {
    let Some(ty) = base.downcast::<TypeObject>() else { return Err(error::type_error(t, "bases must be types")) };
    match ty.mro().downcast::<Tuple>() {
        Some(mro) => Ok(mro.items().to_vec()),
        None => Err(error::type_error(t, format_args!("Cannot extend an incomplete type '{}'", ty.name()))),
    }
}

/// The MRO of `ty` as a tuple, through its metaclass's `mro()` if that is its own.
pub(super) fn compute(t: &Thread, ty: &TypeObject) -> Res {
    let meta = ty.with_value(|v| type_of(v).value());
    let found = meta.expect::<TypeObject>().lookup(t, n::mro());
    let custom = found.filter(|f| descr::try_descriptor(f).is_none_or(|d| !std::ptr::eq(d.owner(), super::TYPE.ty())));
    let Some(custom) = custom else { return tuple::from_vec(t, c3(t, ty)?) };
    ty.note_own_order(t);
    let result = ty.with_value(|v| call::call_looked_up(t, v, &custom, &[]))?;
    let items = ops::collect(t, &result)?;
    let solid = super::layout::solid(ty);
    for item in &items {
        let Some(base) = item.downcast::<TypeObject>() else {
            let name = type_of(item).name();
            return Err(error::type_error(t, format_args!("mro() returned a non-class ('{name}')")));
        };
        if !solid.is_subtype_by_base(super::layout::solid(base)) {
            let name = base.name();
            return Err(error::type_error(t, format_args!("mro() returned base with unsuitable layout ('{name}')")));
        }
    }
    tuple::from_vec(t, items)
}

impl TypeObject {
    /// Whether `other` is this type or one along the chain of layout bases (the MRO may not exist yet).
    pub(super) fn is_subtype_by_base(&self, other: &TypeObject) -> bool {
        let mut ty = Some(self);
        while let Some(x) = ty {
            if std::ptr::eq(x, other) {
                return true;
            }
            ty = x.base();
        }
        false
    }
}
