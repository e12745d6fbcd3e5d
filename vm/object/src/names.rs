//! Interned strings: the process's well-known names, and each isolate's own.
//!
//! A well-known name is an immortal str that every isolate shares, so that built-in types' dictionaries can be shared too.
//! Interning asks the process's table first; two interned strs are equal exactly if they are identical.

use crate::process;
use crate::strs::{self, Str};
use crate::thread::{self, Thread};
use crate::value::Value;
use hashbrown::HashTable;
use std::sync::OnceLock;
use typhon_qsbr::sync::{Mutex, RwLock};
use typhon_qsbr::words::Field;

macro_rules! names {
    ($($name:ident)*) => {
        #[expect(non_camel_case_types, reason = "variants are spelled as the names")]
        #[derive(Clone, Copy)]
        #[repr(u16)]
        enum Id { $($name,)* }

        const TEXTS: &[&str] = &[$(stringify!($name),)*];

        /// Well-known names: `n::__init__()` is the interned str `'__init__'`.
        #[expect(missing_docs, reason = "a function is documented by its name")]
        pub mod n {
            use super::{Id, Value, well_known};
            $(#[inline(always)] pub fn $name() -> &'static Value { well_known(Id::$name as usize) })*
        }
    };
}

names! {
    __abs__ __abstractmethods__ __add__ __aenter__ __aexit__ __aiter__ __all__ __and__ __anext__ __annotate__ __annotate_func__
    __annotations__ __annotations_cache__ __args__ __await__ __bases__ __bool__ __buffer__ __build_class__ __builtins__ __bytes__ __call__
    __cause__ __ceil__ __class__ __class_getitem__ __classcell__ __classdict__ __classdictcell__ __code__ __complex__ __contains__ __context__
    __copy__ __ctypes_from_outparam__ __debug__ __deepcopy__ __defaults__ __del__ __delattr__ __delete__ __delitem__ __dict__ __dir__ __divmod__
    __doc__ __enter__ __eq__ __exit__ __file__ __firstlineno__ __float__ __floor__ __floordiv__ __format__ __fspath__ __func__ __ge__
    __get__ __getattr__ __getattribute__ __getinitargs__ __getitem__ __getnewargs__ __getnewargs_ex__ __getstate__ __globals__ __gt__ __hash__
    __iadd__ __iand__ __ifloordiv__ __ilshift__ __imatmul__ __imod__ __import__ __imul__ __index__ __init__ __init_subclass__
    __instancecheck__ __int__ __invert__ __ior__ __ipow__ __irshift__ __isabstractmethod__ __isub__ __iter__ __itruediv__ __ixor__
    __kwdefaults__ __le__ __len__ __length_hint__ __loader__ __lshift__ __lt__ __main__ __match_args__ __matmul__ __missing__ __mod__
    __module__ __mro__ __mro_entries__ __mul__ __name__ __ne__ __neg__ __new__ __newobj__ __newobj_ex__ __next__ __notes__ __objclass__
    __or__ __orig_bases__ __orig_class__ __origin__ __package__ __parameters__ __path__ __pos__ __pow__ __prepare__ __qualname__ __radd__
    __rand__ __rdivmod__ __reduce__ __reduce_ex__ __release_buffer__ __repr__ __reversed__ __rfloordiv__ __rlshift__ __rmatmul__ __rmod__
    __rmul__ __ror__ __round__ __rpow__ __rrshift__ __rshift__ __rsub__ __rtruediv__ __rxor__ __self__ __set__ __set_name__
    __setattr__ __setitem__ __setstate__ __signature__ __sizeof__ __slotnames__ __slots__ __spec__ __static_attributes__ __str__ __sub__
    __subclasscheck__ __subclasses__ __subclasshook__ __suppress_context__ __text_signature__ __traceback__ __truediv__ __trunc__ __type_params__
    __typing_is_unpacked_typevartuple__ __typing_prepare_subst__ __typing_subst__ __typing_unpacked_tuple_args__ __unpacked__ __warningregistry__
    __weakref__ __wrapped__ __xor__ __conditional_annotations__ _abc_impl __abc_tpflags__ _fields _initializing _is_text_encoding add all any append args builtins clear close
    code copy default_factory dict encoding end errors exceptions extend fget filename find flush fset fdel get getvalue index insert items
    join key keys last_exc last_traceback last_type last_value lineno mode modules mro name next obj offset open origin path pop popitem
    print_file_and_line ps1 ps2 read readline remove return_ reverse send sep setdefault shape sort source split start stderr stdin stdout
    step stop strip sys text throw tolist update value values write writelines typing types warnings io abc re collections
    argv orig_argv executable _base_executable warnoptions _xoptions
    _asyncio_future_blocking call_exception_handler call_soon context get_debug msg category self_ cls object metaclass iterable function sequence fillvalue strict
}

static mut WELL_KNOWN: [u64; TEXTS.len()] = [0; TEXTS.len()];

#[inline(always)]
fn well_known(i: usize) -> &'static Value {
    let table = &raw const WELL_KNOWN;
    // SAFETY: written once by `set_up` before any isolate exists; immortal strs afterwards.
    Value::from_ref(unsafe { &(&*table)[i] })
}

struct Shared(RwLock<HashTable<u64>>);

// SAFETY: the table holds words of immortal strs, whose hash was computed when they were made: readers write nothing.
unsafe impl Sync for Shared {}

static PROCESS: Shared = Shared(RwLock::new(HashTable::new()));

/// Keeps everybody from the process's table until what is returned is dropped.
pub(crate) fn hold() -> impl Drop {
    PROCESS.0.write()
}

/// Makes the well-known names. Called once, on the bootstrap thread.
pub(crate) fn set_up() {
    for (i, text) in TEXTS.iter().enumerate() {
        let text = text.strip_suffix('_').filter(|s| matches!(*s, "return" | "self" | "type")).unwrap_or(text);
        let bits = intern_static(text).into_raw();
        let table = &raw mut WELL_KNOWN;
        // SAFETY: set-up runs on one thread before anybody reads the table.
        unsafe { (&mut *table)[i] = bits };
    }
}

/// The process-wide immortal str of `text`. Only for text from definitions in Rust, never from guests: it is never freed.
pub fn intern_static(text: &str) -> Value {
    let hash = strs::hash_text(text);
    let found = |bits: &u64| Value::from_ref(bits).expect::<Str>().eq_text(text);
    if let Some(&bits) = PROCESS.0.read().find(hash as u64, found) {
        return Value::from_ref(&bits).clone();
    }
    let bits = process::with_bootstrap(|t| {
        let v = strs::new_plain(t, text);
        let s = v.expect::<Str>();
        s.hash();
        s.header.set(crate::header::flag::INTERNED);
        // SAFETY: nobody else can reach the new str, and a str holds no values.
        unsafe { s.header.immortalize() };
        v.into_raw()
    });
    let mut table = PROCESS.0.write();
    if let Some(&bits) = table.find(hash as u64, found) {
        return Value::from_ref(&bits).clone();
    }
    table.insert_unique(hash as u64, bits, |b| Value::from_ref(b).expect::<Str>().hash() as u64);
    Value::from_ref(&bits).clone()
}

/// An isolate's interned strings.
pub(crate) struct Interner {
    table: Mutex<HashTable<Value>>,
    /// Words of strings that were asked for by text of late, which the table keeps alive, or the process: most such names come
    /// again and again from the same lines of Rust.
    recent: OnceLock<Box<[Field<u64>; RECENT]>>,
}

const RECENT: usize = 256;

impl Interner {
    pub(crate) fn new() -> Self {
        Self { table: Mutex::new(HashTable::new()), recent: OnceLock::new() }
    }

    fn recent(&self, text: &[u8]) -> &Field<u64> {
        let recent = self.recent.get_or_init(|| Box::new([const { Field::new(0) }; RECENT]));
        let end = text.len().saturating_sub(1);
        let byte = |i: usize| text.get(i).map_or(0, |&b| usize::from(b));
        let mixed = byte(0) ^ byte(end) << 3 ^ byte(end / 2) << 5 ^ text.len() << 2;
        &recent[(mixed ^ mixed >> 8) % RECENT]
    }

    /// Forgets every string (the isolate closes).
    pub(crate) fn clear(&self) {
        self.recent.get().into_iter().for_each(|recent| recent.iter().for_each(|word| word.set(0)));
        let old = std::mem::take(&mut *self.table.lock());
        drop(old);
    }

    /// The isolate's or the process's string of that text, if there is one. What the process knows it knows for good, so it need
    /// not be the isolate's too.
    fn find(&self, text: &str) -> Option<Value> {
        let hash = strs::hash_text(text) as u64;
        if let Some(found) = self.table.lock().find(hash, |own| own.expect::<Str>().eq_text(text)) {
            return Some(found.clone());
        }
        let same = |bits: &u64| Value::from_ref(bits).expect::<Str>().eq_text(text);
        PROCESS.0.read().find(hash, same).map(|bits| Value::from_ref(bits).clone())
    }

    /// The isolate's own string comes first: the process may come to know the same text later, and whoever compares by
    /// identity must go on finding what it found before.
    pub(crate) fn find_or_insert(&self, v: &Value, s: &Str) -> Value {
        let hash = s.hash() as u64;
        let mut table = self.table.lock();
        if let Some(found) = table.find(hash, |o| o.expect::<Str>().same_text(s)) {
            return found.clone();
        }
        let same = |bits: &u64| Value::from_ref(bits).expect::<Str>().same_text(s);
        let known = PROCESS.0.read().find(hash, same).map(|bits| Value::from_ref(bits).clone());
        let made = known.unwrap_or_else(|| {
            // It stays in the table anyhow, so nobody need count what all threads will use.
            if thread::is_shared() && s.header.is_unique() {
                // SAFETY: the caller's reference is the only one, and the table is locked.
                unsafe { s.header.rc().keep_for_good() };
            }
            s.header.set(crate::header::flag::INTERNED);
            v.clone()
        });
        table.insert_unique(hash, made.clone(), |o| o.expect::<Str>().hash() as u64);
        made
    }
}

/// The interned str equal to `v`, which is a str (anything else comes back as it is).
pub fn intern(t: &Thread, v: &Value) -> Value {
    match v.exact::<Str>() {
        Some(s) if s.header.has(crate::header::flag::INTERNED) => v.clone(),
        Some(s) => t.isolate.interner.find_or_insert(v, s),
        None => intern_other(t, v),
    }
}

/// An instance of a subclass of str names what its text does.
#[cold]
fn intern_other(t: &Thread, v: &Value) -> Value {
    match strs::exact(t, v) {
        Ok(plain) if plain.exact::<Str>().is_some() => intern(t, &plain),
        _ => v.clone(),
    }
}

/// The interned str of `text`.
pub fn intern_text(t: &Thread, text: &str) -> Value {
    if thread::is_bootstrap() {
        return intern_static(text);
    }
    let recent = t.isolate.interner.recent(text.as_bytes());
    let bits = recent.get();
    if bits != 0 {
        let known = Value::from_ref(&bits);
        if known.expect::<Str>().eq_text(text) {
            return known.clone();
        }
    }
    let v = t.isolate.interner.find(text).unwrap_or_else(|| intern(t, &strs::new_plain(t, text)));
    recent.set(v.bits());
    v
}
