//! Short ways from Rust text to interned strs and back.

use typhon_object::dict::Dict;
use typhon_object::error::Res;
use typhon_object::types::module;
use typhon_object::{Thread, Value, attr, names, strs};

/// The interned str of a name.
pub fn name(t: &Thread, text: &str) -> Value {
    names::intern_text(t, text)
}

/// `dict[key]` for a key given as text.
pub fn get(t: &Thread, dict: &Value, key: &str) -> Option<Value> {
    dict.downcast::<Dict>()?.get_str(&name(t, key))
}

/// `dict[key] = value` for a key given as text.
pub fn put(t: &Thread, dict: &Value, key: &str, value: Value) -> Res<()> {
    Dict::of(dict).set_str(t, &name(t, key), value)
}

/// The module's namespace entry, without lazy attributes or hooks.
pub fn entry(t: &Thread, m: &Value, key: &str) -> Option<Value> {
    m.downcast::<module::Module>()?;
    get(t, &module::dict_of(t, m), key)
}

/// Sets an entry of the module's namespace.
pub fn set_entry(t: &Thread, m: &Value, key: &str, value: Value) -> Res<()> {
    put(t, &module::dict_of(t, m), key, value)
}

/// An attribute that is a str, as text.
pub fn text_attr(t: &Thread, v: &Value, key: &str) -> Res<Option<String>> {
    Ok(attr::get_opt(t, v, &name(t, key))?.filter(|x| x.downcast::<strs::Str>().is_some()).map(|x| strs::display(&x)))
}

/// The loaded module of that name.
pub fn loaded(t: &Thread, module: &str) -> Option<Value> {
    get(t, &t.modules().get(), module).filter(|m| !m.is_none())
}

/// A str from bytes that are a path or an argument of the operating system: what is no UTF-8 becomes surrogates.
pub fn from_os(t: &Thread, bytes: &[u8]) -> Res {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return strs::new(t, text);
    }
    let mut b = strs::StrBuilder::new();
    for chunk in bytes.utf8_chunks() {
        b.push_str(chunk.valid());
        chunk.invalid().iter().for_each(|&x| b.push(0xdc00 | u32::from(x)));
    }
    b.finish(t)
}

/// The bytes of a str that stands for a path: surrogates from `from_os` go back. `None` for other surrogates.
pub fn to_os(s: &strs::Str) -> Option<Vec<u8>> {
    if let Some(ascii) = s.as_ascii() {
        return Some(ascii.as_bytes().to_vec());
    }
    let mut out = Vec::with_capacity(s.len() * 2);
    for c in s.units().iter() {
        match c {
            0xdc80..=0xdcff => out.push((c & 0xff) as u8),
            c => out.extend_from_slice(char::from_u32(c)?.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    Some(out)
}
