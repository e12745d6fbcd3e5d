//! functools._lru_cache_wrapper: a function that remembers its results.

use super::lru::Lru;
use crate::ctor::bind;
use std::cell::Cell;
use typhon_object::args::{ArgBuffer, Args};
use typhon_object::dict::Dict;
use typhon_object::error::{self, Res};
use typhon_object::header::Header;
use typhon_object::names::n;
use typhon_object::native::{MethodDef, def, getset};
use typhon_object::slots::Slots;
use typhon_object::store::Slot;
use typhon_object::strs::Str;
use typhon_object::tuple;
use typhon_object::ty::{TypeDef, flag};
use typhon_object::types::{int, method, object, type_};
use typhon_object::{Thread, Value, attr, call, convert, ops, payload, type_of};

/// The wrapper.
#[repr(C)]
struct LruCache {
    header: Header,
    func: Slot,
    info_type: Slot,
    map: Slot,
    /// Stands between positional and keyword arguments in a key.
    mark: Slot,
    dict: Slot,
    /// `None` for no limit.
    max: Option<usize>,
    typed: bool,
    hits: Cell<u64>,
    misses: Cell<u64>,
    lru: Lru,
}

typhon_object::payload!(LruCache => LRU_CACHE {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        for slot in [&self.func, &self.info_type, &self.map, &self.mark, &self.dict] {
            visit(&slot.get());
        }
        self.lru.traverse(visit);
    }
    fn clear(&self) {
        if let Some(map) = self.map.get().downcast::<Dict>() {
            map.clear_entries();
        }
        drop(self.lru.clear());
        drop(self.dict.take());
        self.func.set(&self.header, Value::NONE);
    }
});

/// functools._lru_cache_wrapper.
pub(super) static LRU_CACHE: TypeDef = TypeDef {
    name: "functools._lru_cache_wrapper",
    doc: "Create a cached callable that wraps another function.\n\nuser_function:      the function being cached\n\nmaxsize:  0         for no caching\n          None      for unlimited cache size\n          n         for a bounded cache\n\ntyped:    False     cache f(3) and f(3.0) as identical calls\n          True      cache f(3) and f(3.0) as distinct calls\n\ncache_info_type:    namedtuple class with the fields:\n                        hits misses currsize maxsize\n",
    flags: flag::BASETYPE | flag::WEAKREFS | flag::METHOD_DESCRIPTOR,
    dict_offset: std::mem::offset_of!(LruCache, dict),
    slots: Slots {
        new: Some(|t, class, args| bind(t, &NEW, class, args)),
        call: Some(call_cached),
        get: Some(|t, v, object, _| match object {
            Some(object) if !object.is_none() => method::new(t, v, object),
            _ => Ok(v.clone()),
        }),
        ..Slots::NONE
    },
    methods: &[
        def("cache_info", "($self, /)", cache_info, "Report cache statistics"),
        def("cache_clear", "($self, /)", cache_clear, "Clear the cache and cache statistics"),
        def("__reduce__", "($self, /)", |t, a| attr::get(t, &a[0], n::__qualname__()), ""),
        def("__copy__", "($self, /)", |_, a| Ok(a[0].clone()), ""),
        def("__deepcopy__", "($self, memo, /)", |_, a| Ok(a[0].clone()), ""),
    ],
    getset: &[getset("__dict__", type_::instance_dict, type_::set_instance_dict, "")],
    ..TypeDef::of::<LruCache>()
};

static NEW: MethodDef = def(
    "lru_cache",
    "($type, /, user_function, maxsize, typed, cache_info_type)",
    |t, a| {
        if !call::is_callable(&a[1]) {
            return Err(error::type_error(t, "the first argument must be callable"));
        }
        let max = if a[2].is_none() {
            None
        } else if int::is_int(&a[2]) || type_of(&a[2]).slots().index.is_some() {
            Some(convert::to_isize(t, &a[2])?.max(0) as usize)
        } else {
            return Err(error::type_error(t, "maxsize should be integer or None"));
        };
        let typed = ops::truth(t, &a[3])?;
        let mark = payload::new_plain(t, object::OBJECT.ty())?;
        payload::new_for(t, &a[0], |header| LruCache {
            header,
            func: Slot::new(a[1].clone()),
            info_type: Slot::new(a[4].clone()),
            map: Slot::new(Dict::create(t)),
            mark: Slot::new(mark),
            dict: Slot::empty(),
            max,
            typed,
            hits: Cell::new(0),
            misses: Cell::new(0),
            lru: Lru::new(),
        })
    },
    "",
);

/// The key of a call's arguments.
fn key_of(t: &Thread, this: &LruCache, args: Args<'_>) -> Res {
    let given = args.positional();
    if !this.typed
        && !args.has_keywords()
        && let [only] = given
        && (only.is_small() || only.exact::<Str>().is_some() || only.exact::<int::Long>().is_some())
    {
        return Ok(only.clone());
    }
    if !this.typed && !args.has_keywords() {
        return tuple::new(t, given);
    }
    let mut key = ArgBuffer::new();
    key.extend(given.iter().cloned());
    if args.has_keywords() {
        key.push(this.mark.get());
        for (name, v) in args.keywords() {
            key.push(name.clone());
            key.push(v.clone());
        }
    }
    if this.typed {
        key.extend(args.values.iter().map(|v| type_of(v).value()));
    }
    tuple::new(t, &key)
}

fn bump(count: &Cell<u64>) {
    count.set(count.get() + 1);
}

fn call_cached(t: &Thread, v: &Value, args: Args<'_>) -> Res {
    t.check_stack("")?;
    let this = v.expect::<LruCache>();
    let func = this.func.get();
    if this.max == Some(0) {
        bump(&this.misses);
        return call::call_args(t, &func, args);
    }
    let key = key_of(t, this, args)?;
    let hash = ops::hash(t, &key)?;
    let map = this.map.get();
    let map = Dict::of(&map);
    let Some(max) = this.max else {
        if let Some(found) = map.get_hashed(t, &key, hash)? {
            bump(&this.hits);
            return Ok(found);
        }
        bump(&this.misses);
        let result = call::call_args(t, &func, args)?;
        map.set_hashed(t, &key, hash, result.clone())?;
        return Ok(result);
    };
    if let Some(found) = this.lru.get(t, map, &key, hash)? {
        bump(&this.hits);
        return Ok(found);
    }
    bump(&this.misses);
    let result = call::call_args(t, &func, args)?;
    // The call may have filled the cache, with this very key too.
    if map.get_hashed(t, &key, hash)?.is_some() {
        return Ok(result);
    }
    let given_up = if map.len() >= max { this.lru.give_up_oldest(t, map)? } else { None };
    this.lru.add(t, &this.header, map, &key, hash, result.clone())?;
    drop(given_up);
    Ok(result)
}

fn cache_info(t: &Thread, a: &[Value]) -> Res {
    let this = a[0].expect::<LruCache>();
    let size = this.map.get().downcast::<Dict>().map_or(0, Dict::len);
    let max = this.max.map_or(Value::NONE, convert::from_usize);
    let (hits, misses) = (convert::from_u64(t, this.hits.get())?, convert::from_u64(t, this.misses.get())?);
    call::call(t, &this.info_type.get(), &[hits, misses, max, convert::from_usize(size)])
}

fn cache_clear(_: &Thread, a: &[Value]) -> Res {
    let this = a[0].expect::<LruCache>();
    this.hits.set(0);
    this.misses.set(0);
    let gone = this.lru.clear();
    if let Some(map) = this.map.get().downcast::<Dict>() {
        map.clear_entries();
    }
    drop(gone);
    Ok(Value::NONE)
}
