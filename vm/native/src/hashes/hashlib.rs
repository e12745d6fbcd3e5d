//! _hashlib: the algorithms of this folder under the names that OpenSSL gives them in CPython.

use super::hmac::Keyed;
use super::state::State;
use super::{
    Hash, SIGNATURE, UPDATE_DOC, absorb, copy_of, derive, gil_minsize, hex, initial, length, plain_getset, state_of,
    update,
};
use crate::exclusive::Updated;
use crate::operator::compare_digest;
use typhon_object::dict::Dict;
use typhon_object::error::{self, Exc, Res};
use typhon_object::header::Header;
use typhon_object::native::{MethodDef, ModuleDef, NativeFunction, def, getter};
use typhon_object::slots::Slots;
use typhon_object::strs::{self, Str};
use typhon_object::ty::{TypeDef, flag};
use typhon_object::types::exceptions::{Exception, VALUE_ERROR};
use typhon_object::types::{bytes, mapping_proxy, module, set_};
use typhon_object::{Thread, Value, buffer, convert, names, ops, payload, type_of};

typhon_object::payload!(Hash<14> => HASH);

static HASH: TypeDef = TypeDef {
    name: "_hashlib.HASH",
    doc: "A hash is an object used to calculate a checksum of a string of information.\n\nMethods:\n\nupdate() -- updates the current digest with an additional string\ndigest() -- return the current digest value\nhexdigest() -- return the current digest as a string of hexadecimal digits\ncopy() -- return a copy of the current hash object\n\nAttributes:\n\nname -- the hash algorithm being used by this object\ndigest_size -- number of bytes in this hashes output",
    flags: flag::NO_NEW | flag::BASETYPE,
    slots: Slots { repr: Some(repr), ..Slots::NONE },
    methods: &[
        def("copy", "($self, /)", copy_of::<14>, "Return a copy of the hash object."),
        def(
            "digest",
            "($self, /)",
            |t, a| bytes::from_vec(t, state_of::<14>(&a[0]).borrow().digest(0)),
            "Return the digest value as a bytes object.",
        ),
        def(
            "hexdigest",
            "($self, /)",
            |t, a| hex(t, &state_of::<14>(&a[0]).borrow().digest(0)),
            "Return the digest value as a string of hexadecimal digits.",
        ),
        def("update", "($self, obj, /)", update::<14>, UPDATE_DOC),
    ],
    getset: plain_getset::<14>(),
    ..TypeDef::of::<Hash<14>>()
};

static HASHXOF: TypeDef = TypeDef {
    name: "_hashlib.HASHXOF",
    doc: "A hash is an object used to calculate a checksum of a string of information.\n\nMethods:\n\nupdate() -- updates the current digest with an additional string\ndigest(length) -- return the current digest value\nhexdigest(length) -- return the current digest as a string of hexadecimal digits\ncopy() -- return a copy of the current hash object\n\nAttributes:\n\nname -- the hash algorithm being used by this object\ndigest_size -- number of bytes in this hashes output",
    base: Some(&HASH),
    flags: flag::NO_NEW,
    methods: &[
        def(
            "digest",
            "($self, /, length)",
            |t, a| {
                let len = length(t, &a[1])?;
                bytes::from_vec(t, state_of::<14>(&a[0]).borrow().digest(len))
            },
            "Return the digest value as a bytes object.",
        ),
        def(
            "hexdigest",
            "($self, /, length)",
            |t, a| {
                let len = length(t, &a[1])?;
                hex(t, &state_of::<14>(&a[0]).borrow().digest(len))
            },
            "Return the digest value as a string of hexadecimal digits.",
        ),
    ],
    ..TypeDef::of::<Hash<14>>()
};

/// _hashlib.HMAC.
#[repr(C)]
struct Hmac {
    header: Header,
    keyed: Updated<Keyed>,
}

typhon_object::payload!(Hmac => HMAC);

static HMAC: TypeDef = TypeDef {
    name: "_hashlib.HMAC",
    doc: "The object used to calculate HMAC of a message.\n\nMethods:\n\nupdate() -- updates the current digest with an additional string\ndigest() -- return the current digest value\nhexdigest() -- return the current digest as a string of hexadecimal digits\ncopy() -- return a copy of the current hash object\n\nAttributes:\n\nname -- the name, including the hash algorithm used by this object\ndigest_size -- number of bytes in digest() output\n",
    flags: flag::NO_NEW,
    slots: Slots { repr: Some(hmac_repr), ..Slots::NONE },
    methods: &[
        def(
            "copy",
            "($self, /)",
            |t, a| make_hmac(t, keyed_of(&a[0]).borrow().clone()),
            "Return a copy (\"clone\") of the HMAC object.",
        ),
        def("update", "($self, /, msg)", hmac_update, "Update the HMAC object with msg."),
        def(
            "digest",
            "($self, /)",
            |t, a| bytes::from_vec(t, keyed_of(&a[0]).borrow().digest()),
            "Return the digest of the bytes passed to the update() method so far.",
        ),
        def(
            "hexdigest",
            "($self, /)",
            |t, a| hex(t, &keyed_of(&a[0]).borrow().digest()),
            "Return hexadecimal digest of the bytes passed to the update() method so far.\n\nThis may be used to exchange the value safely in email or other non-binary\nenvironments.",
        ),
    ],
    getset: &[
        getter("block_size", |_, v| Ok(convert::from_usize(keyed_of(v).borrow().outer.facts().block)), ""),
        getter("digest_size", |_, v| Ok(convert::from_usize(keyed_of(v).borrow().outer.facts().size)), ""),
        getter("name", |t, v| strs::new(t, &format!("hmac-{}", keyed_of(v).borrow().name)), ""),
    ],
    ..TypeDef::of::<Hmac>()
};

/// _hashlib.UnsupportedDigestmodError.
static UNSUPPORTED: TypeDef = TypeDef {
    name: "_hashlib.UnsupportedDigestmodError",
    base: Some(&VALUE_ERROR),
    flags: flag::BASETYPE | flag::EXCEPTION,
    ..TypeDef::of::<Exception>()
};

macro_rules! functions {
    ($($name:literal),*) => {
        &[
            $(def(
                concat!("openssl_", $name),
                SIGNATURE,
                |t, a| start(t, $name, &a[0], &a[2]),
                concat!("Returns a ", $name, " hash object; optionally initialized with a string"),
            ),)*
            def(
                "new",
                "($module, /, name, data=b'', *, usedforsecurity=True, string=None)",
                new,
                "Return a new hash object using the named algorithm.\n\nAn optional string argument may be provided and will be\nautomatically hashed.\n\nThe MD5 and SHA1 algorithms are always supported.",
            ),
            def(
                "pbkdf2_hmac",
                "($module, /, hash_name, password, salt, iterations, dklen=None)",
                derive::pbkdf2_hmac,
                "Password based key derivation function 2 (PKCS #5 v2.0) with HMAC as pseudorandom function.",
            ),
            def("scrypt", "($module, /, password, *, salt, n, r, p, maxmem=0, dklen=64)", derive::scrypt, "scrypt password-based key derivation function."),
            def("hmac_new", "($module, /, key, msg=b'', digestmod=None)", hmac_new, "Return a new hmac object."),
            def("hmac_digest", "($module, /, key, msg, digest)", hmac_digest, "Single-shot HMAC."),
            def("get_fips_mode", "($module, /)", |_, _| Ok(Value::small(0)), "Determine the OpenSSL FIPS mode of operation.\n\nFor OpenSSL 3.0.0 and newer it returns the state of the default provider\nin the default OSSL context. It's not quite the same as FIPS_mode() but good\nenough for unittests.\n\nEffectively any non-zero return value indicates FIPS mode;\nvalues other than 1 may have additional significance."),
            def("compare_digest", "($module, a, b, /)", compare_digest, "Return 'a == b'.\n\nThis function uses an approach designed to prevent\ntiming analysis, making it appropriate for cryptography.\n\na and b must both be of the same type: either str (ASCII only),\nor any bytes-like object.\n\nNote: If a and b are of different lengths, or if an error occurs,\na timing attack could theoretically reveal information about the\ntypes and lengths of a and b--but not their values."),
        ]
    };
}

static FUNCTIONS: &[MethodDef] = functions!(
    "md5",
    "sha1",
    "sha224",
    "sha256",
    "sha384",
    "sha512",
    "sha3_224",
    "sha3_256",
    "sha3_384",
    "sha3_512",
    "shake_128",
    "shake_256"
);
const PREFIX: &str = "openssl_";

/// _hashlib.
pub static MODULE: ModuleDef = ModuleDef {
    name: "_hashlib",
    doc: "OpenSSL interface for hashlib module",
    functions: FUNCTIONS,
    types: &[("HASH", &HASH), ("HASHXOF", &HASHXOF), ("HMAC", &HMAC), ("UnsupportedDigestmodError", &UNSUPPORTED)],
    init: Some(init),
};

/// The names of algorithms, and the functions that stand for one.
fn init(t: &Thread, v: &Value) -> Res<()> {
    gil_minsize(t, v)?;
    let dict = module::dict_of(t, v);
    let (constructors, mut all) = (Dict::create(t), Vec::new());
    for name in FUNCTIONS.iter().filter_map(|f| f.name.strip_prefix(PREFIX)) {
        let text = names::intern_text(t, name);
        if let Some(f) = Dict::of(&dict).get(t, &names::intern_text(t, &format!("{PREFIX}{name}")))? {
            Dict::of(&constructors).set(t, &f, &text)?;
        }
        all.push(text);
    }
    all.extend(["blake2b", "blake2s"].map(|name| names::intern_text(t, name)));
    Dict::of(&dict).set_str(t, &names::intern_text(t, "_constructors"), mapping_proxy::new(t, &constructors)?)?;
    Dict::of(&dict).set_str(t, &names::intern_text(t, "openssl_md_meth_names"), set_::frozenset(t, all)?)
}

/// A fresh state of the algorithm of that name.
pub(super) fn named(t: &Thread, name: &str) -> Res<State> {
    let name = name.to_ascii_lowercase();
    match name.as_str() {
        "blake2b" => Ok(State::Blake2b(blake2b_simd::State::new(), 64)),
        "blake2s" => Ok(State::Blake2s(blake2s_simd::State::new(), 32)),
        _ => match State::named(&name) {
            Some(state) => Ok(state),
            None => Err(error::new(t, &UNSUPPORTED, "[digital envelope routines] unsupported")),
        },
    }
}

/// An argument that names an algorithm.
pub(super) fn text_arg(t: &Thread, v: &Value, function: &str, name: &str) -> Res<String> {
    match v.downcast::<Str>() {
        Some(s) => Ok(s.to_lossy()),
        None => {
            let found = type_of(v).name();
            Err(error::type_error(t, format_args!("{function}() argument '{name}' must be str, not {found}")))
        }
    }
}

fn repr(t: &Thread, v: &Value) -> Res {
    let (name, class) = (state_of::<14>(v).borrow().facts().name, type_of(v).name().to_owned());
    strs::new(t, &format!("<{name} {class} object @ {:#x}>", v.id()))
}

fn start(t: &Thread, name: &str, data: &Value, string: &Value) -> Res {
    let mut state = named(t, name)?;
    if let Some(data) = initial(t, data, string)? {
        absorb(t, &mut state, data)?;
    }
    let class = if matches!(state, State::Shake128(_) | State::Shake256(_)) { &HASHXOF } else { &HASH };
    payload::new_for(t, &class.ty().value(), |header| Hash::<14> { header, state: Updated::new(state) })
}

fn new(t: &Thread, a: &[Value]) -> Res {
    start(t, &text_arg(t, &a[0], "new", "name")?, &a[1], &a[3])
}

fn keyed_of(v: &Value) -> &Updated<Keyed> {
    &v.expect::<Hmac>().keyed
}

fn make_hmac(t: &Thread, keyed: Keyed) -> Res {
    payload::new(t, |header| Hmac { header, keyed: Updated::new(keyed) })
}

fn hmac_repr(t: &Thread, v: &Value) -> Res {
    strs::new(t, &format!("<{} HMAC object @ {:#x}>", keyed_of(v).borrow().name, v.id()))
}

/// The algorithm of a keyed hash, by its name or the function that makes it.
fn algorithm(t: &Thread, v: &Value) -> Res<State> {
    let of_function = |v: &Value| {
        let f = v.exact::<NativeFunction>()?;
        FUNCTIONS.iter().find(|def| std::ptr::eq(*def, f.def))?.name.strip_prefix(PREFIX)
    };
    let state = match (v.downcast::<Str>(), of_function(v)) {
        (Some(name), _) => named(t, &name.to_lossy())?,
        (None, Some(name)) => named(t, name)?,
        (None, None) => return Err(unsupported(t, v)),
    };
    // What has no digest of its own length has no keyed form.
    if state.facts().size == 0 { Err(error::value_error(t, "no reason supplied")) } else { Ok(state) }
}

#[cold]
fn unsupported(t: &Thread, v: &Value) -> Exc {
    match ops::str(t, v) {
        Ok(shown) => error::new(t, &UNSUPPORTED, format_args!("Unsupported digestmod {}", strs::display(&shown))),
        Err(e) => e,
    }
}

fn hmac_new(t: &Thread, a: &[Value]) -> Res {
    let key = buffer::get(t, &a[0], buffer::SIMPLE)?;
    let Some(digest) = a[2].non_none() else {
        return Err(error::type_error(t, "Missing required parameter 'digestmod'."));
    };
    let mut keyed = Keyed::new(t, algorithm(t, digest)?, &a[0])?;
    drop(key);
    if let Some(message) = a[1].non_none() {
        absorb(t, &mut keyed.inner, message)?;
    }
    make_hmac(t, keyed)
}

fn hmac_update(t: &Thread, a: &[Value]) -> Res {
    keyed_of(&a[0]).update(t, |keyed| absorb(t, &mut keyed.inner, &a[1]))?;
    Ok(Value::NONE)
}

fn hmac_digest(t: &Thread, a: &[Value]) -> Res {
    let lent = (buffer::get(t, &a[0], buffer::SIMPLE)?, buffer::get(t, &a[1], buffer::SIMPLE)?);
    let mut keyed = Keyed::new(t, algorithm(t, &a[2])?, &a[0])?;
    absorb(t, &mut keyed.inner, &a[1])?;
    drop(lent);
    bytes::from_vec(t, keyed.digest())
}
