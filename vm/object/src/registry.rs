//! The codec registry of an isolate: search functions, found codecs, error handlers.

use crate::args::Args;
use crate::attr;
use crate::call;
use crate::codec;
use crate::error::{self, Exc, Res};
use crate::names;
use crate::native::{self, MethodDef};
use crate::ops;
use crate::strs::{self, Str};
use crate::thread::Thread;
use crate::tuple::{self, Tuple};
use crate::ty::type_name;
use crate::types::exceptions::{self, UNICODE_DECODE_ERROR, UNICODE_ENCODE_ERROR, UNICODE_TRANSLATE_ERROR};
use crate::types::{bytearray, bytes};
use crate::value::Value;
use rustc_hash::FxHashMap;
use std::cell::{Cell, RefCell};

#[derive(Default)]
struct Registry {
    search: RefCell<Vec<Value>>,
    found: RefCell<FxHashMap<String, Value>>,
    handlers: RefCell<FxHashMap<String, Value>>,
    imported: Cell<bool>,
}

/// `codecs.register`.
pub fn register(t: &Thread, search: &Value) -> Res<()> {
    if !call::is_callable(search) {
        return Err(error::type_error(t, "argument must be callable"));
    }
    t.state::<Registry>().search.borrow_mut().push(search.clone());
    Ok(())
}

/// `codecs.unregister`.
pub fn unregister(t: &Thread, search: &Value) {
    let registry = t.state::<Registry>();
    let at = registry.search.borrow().iter().position(|f| f.is(search));
    if let Some(at) = at {
        let gone = registry.search.borrow_mut().remove(at);
        let forgotten = registry.found.take();
        drop((gone, forgotten));
    }
}

/// `codecs.lookup`: the codec's tuple.
pub fn lookup(t: &Thread, encoding: &str) -> Res {
    let registry = t.state::<Registry>();
    let name = codec::normalize(encoding);
    if let Some(found) = registry.found.borrow().get(&name) {
        return Ok(found.clone());
    }
    if !registry.imported.get() {
        // The package registers its search function when it is first imported. Who comes meanwhile waits for that, as for any import.
        (t.hooks.import)(t, "encodings")?;
        registry.imported.set(true);
        if let Some(found) = registry.found.borrow().get(&name) {
            return Ok(found.clone());
        }
    }
    let functions = registry.search.borrow().clone();
    if functions.is_empty() {
        return Err(error::lookup_error(t, "no codec search functions registered: can't find encoding"));
    }
    let arg = strs::new(t, &name)?;
    for f in &functions {
        let found = call::call1(t, f, &arg)?;
        if found.is_none() {
            continue;
        }
        if found.downcast::<Tuple>().is_none_or(|c| c.len() != 4) {
            return Err(error::type_error(t, "codec search functions must return 4-tuples"));
        }
        registry.found.borrow_mut().insert(name, found.clone());
        return Ok(found);
    }
    Err(error::lookup_error(t, format_args!("unknown encoding: {encoding}")))
}

/// Looks a text encoding up; `instead` names the function for other codecs.
pub fn lookup_text(t: &Thread, encoding: &str, instead: &str) -> Res {
    let found = lookup(t, encoding)?;
    if found.exact::<Tuple>().is_none()
        && let Some(flag) = attr::get_opt(t, &found, names::n::_is_text_encoding())?
        && !ops::truth(t, &flag)?
    {
        return Err(error::lookup_error(
            t,
            format_args!("'{encoding}' is not a text encoding; use {instead} to handle arbitrary codecs"),
        ));
    }
    Ok(found)
}

/// Calls a codec's function (0 encodes, 1 decodes); the first item of what it returns.
pub fn call_codec(
    t: &Thread,
    codec: &Value,
    which: usize,
    object: &Value,
    encoding: &str,
    errors: Option<&str>,
) -> Res {
    let items = codec.downcast::<Tuple>().map(|c| c.items().to_vec()).unwrap_or_default();
    let Some(f) = items.get(which) else {
        return Err(error::type_error(t, "codec search functions must return 4-tuples"));
    };
    let mut args = vec![object.clone()];
    if let Some(errors) = errors {
        args.push(strs::new(t, errors)?);
    }
    let what = if which == 0 { "encoding" } else { "decoding" };
    let made = call::call(t, f, &args).inspect_err(|e| note(t, e, what, encoding))?;
    match made.downcast::<Tuple>().map(Tuple::items) {
        Some([first, _]) => Ok(first.clone()),
        _ if which == 0 => Err(error::type_error(t, "encoder must return a tuple (object, integer)")),
        _ => Err(error::type_error(t, "decoder must return a tuple (object,integer)")),
    }
}

fn note(t: &Thread, e: &Exc, what: &str, encoding: &str) {
    if e.is_stopped() {
        return;
    }
    if let Ok(text) = strs::new(t, &format!("{what} with '{encoding}' codec failed")) {
        // Without memory for a note the exception goes without it.
        drop(exceptions::add_note(t, e.value(), &text));
    }
}

/// `str.encode` through the registry: a bytes object.
pub fn encode_text(t: &Thread, v: &Value, encoding: &str, errors: Option<&str>) -> Res {
    t.untamed()?;
    let codec = lookup_text(t, encoding, "codecs.encode()")?;
    let made = call_codec(t, &codec, 0, v, encoding, errors)?;
    if made.downcast::<bytes::Bytes>().is_some() {
        return Ok(made);
    }
    if let Some(array) = made.downcast::<bytearray::ByteArray>() {
        let text = format!(
            "encoder {encoding} returned bytearray instead of bytes; use codecs.encode() to encode to arbitrary types"
        );
        (t.hooks.warn)(t, &exceptions::RUNTIME_WARNING.ty().value(), &text, 1)?;
        return bytes::new(t, array.as_slice());
    }
    let name = type_name(&made);
    Err(error::type_error(
        t,
        format_args!(
            "'{encoding}' encoder returned '{name}' instead of 'bytes'; use codecs.encode() to encode to arbitrary types"
        ),
    ))
}

/// `bytes.decode` through the registry: a str.
pub fn decode_text(t: &Thread, v: &Value, encoding: &str, errors: Option<&str>) -> Res {
    t.untamed()?;
    let codec = lookup_text(t, encoding, "codecs.decode()")?;
    let made = call_codec(t, &codec, 1, v, encoding, errors)?;
    if made.downcast::<Str>().is_some() {
        return Ok(made);
    }
    let name = type_name(&made);
    Err(error::type_error(
        t,
        format_args!(
            "'{encoding}' decoder returned '{name}' instead of 'str'; use codecs.decode() to decode to arbitrary types"
        ),
    ))
}

/// `codecs.register_error`.
pub fn register_error(t: &Thread, name: String, handler: &Value) -> Res<()> {
    if !call::is_callable(handler) {
        return Err(error::type_error(t, "handler must be callable"));
    }
    let old = t.state::<Registry>().handlers.borrow_mut().insert(name, handler.clone());
    drop(old);
    Ok(())
}

/// `codecs._unregister_error`: whether there was such a handler.
pub fn unregister_error(t: &Thread, name: &str) -> Res<bool> {
    if BUILT_IN.iter().any(|def| def.0 == name) {
        return Err(error::value_error(t, format_args!("cannot un-register built-in error handler '{name}'")));
    }
    Ok(t.state::<Registry>().handlers.borrow_mut().remove(name).is_some())
}

/// `codecs.lookup_error`.
pub fn lookup_error(t: &Thread, name: &str) -> Res {
    t.untamed()?;
    let registry = t.state::<Registry>();
    if let Some(found) = registry.handlers.borrow().get(name) {
        return Ok(found.clone());
    }
    let Some((_, def)) = BUILT_IN.iter().find(|(n, _)| *n == name) else {
        return Err(error::lookup_error(t, format_args!("unknown error handler name '{name}'")));
    };
    let made = native::new_function(t, def, Value::ABSENT, Value::ABSENT)?;
    registry.handlers.borrow_mut().insert(name.to_string(), made.clone());
    Ok(made)
}

macro_rules! built_in {
    ($($name:literal, $def:ident, $python:literal, $doc:literal;)*) => {
        $(static $def: MethodDef =
            native::raw($python, "($module, exc, /)", |t, args| handle(t, $name, args), $doc);)*
        static BUILT_IN: &[(&str, &MethodDef)] = &[$(($name, &$def),)*];
    };
}
built_in! {
    "strict", STRICT, "strict_errors", "Implements the 'strict' error handling, which raises a UnicodeError on coding errors.";
    "ignore", IGNORE, "ignore_errors", "Implements the 'ignore' error handling, which ignores malformed data and continues.";
    "replace", REPLACE, "replace_errors", "Implements the 'replace' error handling, which replaces malformed data with a replacement marker.";
    "xmlcharrefreplace", XML, "xmlcharrefreplace_errors", "Implements the 'xmlcharrefreplace' error handling, which replaces an unencodable character with the appropriate XML character reference.";
    "backslashreplace", BACKSLASH, "backslashreplace_errors", "Implements the 'backslashreplace' error handling, which replaces malformed data with a backslashed escape sequence.";
    "namereplace", NAME, "namereplace_errors", "Implements the 'namereplace' error handling, which replaces an unencodable character with a \\N{...} escape sequence.";
    "surrogatepass", PASS, "surrogatepass", "";
    "surrogateescape", ESCAPE, "surrogateescape", "";
}

/// The fields of a UnicodeError.
struct Fields {
    encoding: String,
    object: Value,
    start: usize,
    end: usize,
}

fn fields(t: &Thread, exc: &Value) -> Res<Fields> {
    let get = |name: &str| attr::get_text(t, exc, name);
    let object = get("object")?;
    let len = match object.downcast::<Str>() {
        Some(s) => s.len(),
        None => bytes::peek(&object).map_or(0, <[u8]>::len),
    };
    let number =
        |name: &str| -> Res<usize> { Ok(usize::try_from(crate::convert::to_isize(t, &get(name)?)?).unwrap_or(0)) };
    // As CPython clips them: start to the last item, end behind start.
    let start = number("start")?.min(len.saturating_sub(1));
    let end = number("end")?.max(1).min(len);
    let encoding =
        attr::get_opt(t, exc, &names::intern_text(t, "encoding"))?.map(|v| strs::display(&v)).unwrap_or_default();
    Ok(Fields { encoding, object, start, end: end.max(start) })
}

/// A built-in handler called as a function: the replacement and where to go on.
fn handle(t: &Thread, name: &str, args: Args<'_>) -> Res {
    let [exc] = args.values else {
        let n = args.values.len();
        let name = if name.starts_with("surrogate") { name.to_string() } else { format!("{name}_errors") };
        return Err(error::type_error(t, format_args!("{name}() takes exactly one argument ({n} given)")));
    };
    let kind = [&UNICODE_ENCODE_ERROR, &UNICODE_DECODE_ERROR, &UNICODE_TRANSLATE_ERROR]
        .iter()
        .position(|def| crate::ty::is_instance(exc, def.ty()));
    if name == "strict" {
        return Err(if crate::ty::type_of(exc).has_flag(crate::ty::flag::EXCEPTION) {
            Exc::new(exc.clone())
        } else {
            error::type_error(t, "codec must pass exception instance")
        });
    }
    let refuse = || {
        let name = type_name(exc);
        error::type_error(t, format_args!("don't know how to handle {name} in error callback"))
    };
    let Some(kind) = kind else { return Err(refuse()) };
    let (encoding, decoding) = (kind == 0, kind == 1);
    let f = fields(t, exc)?;
    let only_encode = matches!(name, "xmlcharrefreplace" | "namereplace");
    let no_translate = matches!(name, "surrogatepass" | "surrogateescape");
    if only_encode && !encoding || no_translate && kind == 2 {
        return Err(refuse());
    }
    let answer = |text: Value, at: usize| tuple::from_array(t, [text, crate::convert::from_usize(at)]);
    let text = if decoding {
        let data = bytes::peek(&f.object).unwrap_or(&[]);
        codec::replace_bytes(name, &f.encoding, data, f.start, f.end)
    } else {
        let Some(s) = f.object.downcast::<Str>() else {
            return Err(error::type_error(t, "exception attribute object must be str"));
        };
        if encoding && no_translate {
            let made = codec::escape_units(name, &f.encoding, s.units().slice(f.start, f.end));
            return match made {
                Some(made) => answer(bytes::from_vec(t, made)?, f.end),
                None => Err(Exc::new(exc.clone())),
            };
        }
        let mark = if encoding { u32::from(b'?') } else { 0xFFFD };
        codec::replace_units(name, s.units().slice(f.start, f.end), mark).map(|b| (b, f.end))
    };
    match text {
        Some((text, at)) => answer(text.finish(t)?, at),
        None => Err(Exc::new(exc.clone())),
    }
}
