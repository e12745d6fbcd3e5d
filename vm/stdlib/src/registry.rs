//! Native modules: found by name, made once a process, copied into each isolate.

use rustc_hash::FxHashMap;
use std::sync::LazyLock;
use typhon_object::crossing::Crossing;
use typhon_object::dict::Dict;
use typhon_object::error::Res;
use typhon_object::names::n;
use typhon_object::native::{ModuleDef, new_function};
use typhon_object::types::module;
use typhon_object::{Thread, Value, process, strs};
use typhon_qsbr::sync::Mutex;

static BY_NAME: LazyLock<FxHashMap<&'static str, &'static ModuleDef>> =
    LazyLock::new(|| all().map(|def| (def.name, def)).collect());

/// Words of the immortal template dicts, by the definition's address.
static TEMPLATES: LazyLock<Mutex<FxHashMap<usize, u64>>> = LazyLock::new(Mutex::default);

/// Every native module.
pub fn all() -> impl Iterator<Item = &'static ModuleDef> {
    typhon_native::MODULES.iter().chain(crate::MODULES).copied()
}

/// The native module of that name.
pub fn find(name: &str) -> Option<&'static ModuleDef> {
    BY_NAME.get(name).copied()
}

/// Makes the types of a native module, imported or not.
pub fn ensure_types(def: &'static ModuleDef) {
    let types: Vec<_> = def.types.iter().map(|(_, ty)| *ty).collect();
    process::ensure_types(&types);
}

/// The namespace every isolate's copy starts from: functions and types, immortal.
fn template(def: &'static ModuleDef) -> u64 {
    let key = std::ptr::from_ref(def) as usize;
    let known = {
        let _crossing = Crossing::begin();
        TEMPLATES.lock().get(&key).copied()
    };
    if let Some(bits) = known {
        return bits;
    }
    // In one piece: all that was ever made is walked through afterwards.
    let made = process::build(|t| {
        ensure_types(def);
        fill(t, def).map(Value::into_raw)
    });
    let Ok(bits) = made else { unreachable!("the bootstrap heap has no limit") };
    let _crossing = Crossing::begin();
    *TEMPLATES.lock().entry(key).or_insert(bits)
}

fn fill(t: &Thread, def: &'static ModuleDef) -> Res {
    let dict = Dict::create(t);
    let d = Dict::of(&dict);
    let name = process::with_interned(def.name);
    d.set_str(t, n::__name__(), name.clone())?;
    d.set_str(t, n::__doc__(), if def.doc.is_empty() { Value::NONE } else { strs::new(t, def.doc)? })?;
    d.set_str(t, n::__package__(), process::empty_str().clone())?;
    for f in def.functions {
        d.set_str(t, &process::with_interned(f.name), new_function(t, f, Value::ABSENT, name.clone())?)?;
    }
    for (public, ty) in def.types {
        if !public.is_empty() {
            d.set_str(t, &process::with_interned(public), ty.ty().value())?;
        }
    }
    if std::ptr::eq(def, &crate::builtins::MODULE) {
        crate::builtins::fill_shared(t, d)?;
    } else if std::ptr::eq(def, &crate::sys::MODULE) {
        crate::sys::fill_shared(t, d)?;
    }
    // A place for what each isolate puts there: its copy of the table has to grow for none of it.
    let own: &[&str] = if std::ptr::eq(def, &crate::sys::MODULE) { crate::sys::OWN } else { &[] };
    for name in ["__spec__"].iter().chain(own) {
        d.set_str(t, &process::with_interned(name), Value::NONE)?;
    }
    Ok(dict)
}

/// This isolate's instance of a native module, its `init` not run yet.
pub fn instantiate(t: &Thread, def: &'static ModuleDef) -> Res {
    let bits = template(def);
    let dict = Dict::of(Value::from_ref(&bits)).copy(t)?;
    module::with_dict(t, dict)
}

/// The template's value under a name: what an untouched module would show.
pub fn original(def: &'static ModuleDef, name: &Value) -> Option<Value> {
    let bits = template(def);
    Dict::of(Value::from_ref(&bits)).get_str(name)
}
