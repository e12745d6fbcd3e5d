//! Hashes: _md5, _sha1, _sha2, _sha3 and _blake2; their keyed use in _hmac, and all of it in _hashlib.

mod blake2;
mod derive;
mod hashlib;
mod hmac;
mod state;

pub use hashlib::MODULE as HASHLIB;
pub use hmac::MODULE as HMAC;

use crate::ctor::bind;
use crate::exclusive::Updated;
use state::State;
use typhon_object::args::Args;
use typhon_object::buffer;
use typhon_object::dict::Dict;
use typhon_object::error::{self, Res};
use typhon_object::header::Header;
use typhon_object::names;
use typhon_object::native::{GetSetDef, MethodDef, ModuleDef, def, getter};
use typhon_object::payload::{self, Payload};
use typhon_object::slots::Slots;
use typhon_object::strs::{self, Str};
use typhon_object::ty::{TypeDef, flag};
use typhon_object::types::{bytes, int, module};
use typhon_object::{Thread, Value, convert};

/// A hash object of kind `K`.
#[repr(C)]
struct Hash<const K: usize> {
    header: Header,
    state: Updated<State>,
}

const UPDATE_DOC: &str = "Update this hash object's state with the provided string.";

/// Data hashed between two polls.
const CHUNK: usize = 1 << 16;

macro_rules! kinds {
    ($($kind:literal, $def:ident, $name:literal, $new:expr, $methods:expr, $getset:expr;)*) => {$(
        typhon_object::payload!(Hash<$kind> => $def);

        static $def: TypeDef = TypeDef {
            name: $name,
            flags: match $new {
                None => flag::NO_NEW,
                Some(_) => 0,
            },
            slots: Slots { new: $new, ..Slots::NONE },
            methods: $methods,
            getset: $getset,
            ..TypeDef::of::<Hash<$kind>>()
        };
    )*};
}
kinds! {
    0, MD5, "_md5.md5", NO_NEW, plain_methods::<0>(), plain_getset::<0>();
    1, SHA1, "_sha1.sha1", NO_NEW, plain_methods::<1>(), plain_getset::<1>();
    2, SHA224, "_sha2.SHA224Type", NO_NEW, plain_methods::<2>(), plain_getset::<2>();
    3, SHA256, "_sha2.SHA256Type", NO_NEW, plain_methods::<3>(), plain_getset::<3>();
    4, SHA384, "_sha2.SHA384Type", NO_NEW, plain_methods::<4>(), plain_getset::<4>();
    5, SHA512, "_sha2.SHA512Type", NO_NEW, plain_methods::<5>(), plain_getset::<5>();
    6, SHA3_224, "_sha3.sha3_224", Some(new_sponge::<0>), plain_methods::<6>(), sponge_getset::<6>();
    7, SHA3_256, "_sha3.sha3_256", Some(new_sponge::<1>), plain_methods::<7>(), sponge_getset::<7>();
    8, SHA3_384, "_sha3.sha3_384", Some(new_sponge::<2>), plain_methods::<8>(), sponge_getset::<8>();
    9, SHA3_512, "_sha3.sha3_512", Some(new_sponge::<3>), plain_methods::<9>(), sponge_getset::<9>();
    10, SHAKE128, "_sha3.shake_128", Some(new_sponge::<4>), shake_methods::<10>(), sponge_getset::<10>();
    11, SHAKE256, "_sha3.shake_256", Some(new_sponge::<5>), shake_methods::<11>(), sponge_getset::<11>();
}

typhon_object::payload!(Hash<12> => BLAKE2B);
typhon_object::payload!(Hash<13> => BLAKE2S);

static BLAKE2B: TypeDef = TypeDef {
    name: "_blake2.blake2b",
    doc: "Return a new BLAKE2b hash object.",
    slots: Slots { new: Some(blake2::new_b), ..Slots::NONE },
    methods: plain_methods::<12>(),
    getset: plain_getset::<12>(),
    constants: &[
        ("SALT_SIZE", |_| Ok(Value::small(16))),
        ("PERSON_SIZE", |_| Ok(Value::small(16))),
        ("MAX_KEY_SIZE", |_| Ok(Value::small(64))),
        ("MAX_DIGEST_SIZE", |_| Ok(Value::small(64))),
    ],
    ..TypeDef::of::<Hash<12>>()
};

static BLAKE2S: TypeDef = TypeDef {
    name: "_blake2.blake2s",
    doc: "Return a new BLAKE2s hash object.",
    slots: Slots { new: Some(blake2::new_s), ..Slots::NONE },
    methods: plain_methods::<13>(),
    getset: plain_getset::<13>(),
    constants: &[
        ("SALT_SIZE", |_| Ok(Value::small(8))),
        ("PERSON_SIZE", |_| Ok(Value::small(8))),
        ("MAX_KEY_SIZE", |_| Ok(Value::small(32))),
        ("MAX_DIGEST_SIZE", |_| Ok(Value::small(32))),
    ],
    ..TypeDef::of::<Hash<13>>()
};

fn new_sponge<const I: usize>(t: &Thread, _: &Value, args: Args<'_>) -> Res {
    bind(t, &SHA3_NEW[I], &Value::NONE, args)
}

const NO_NEW: Option<typhon_object::slots::NewFn> = None;
const SIGNATURE: &str = "($module, /, data=b'', *, usedforsecurity=True, string=None)";
const TYPE_SIGNATURE: &str = "($type, data=b'', *, usedforsecurity=True, string=None)";

static SHA3_NEW: [MethodDef; 6] = [
    def("sha3_224", TYPE_SIGNATURE, |t, a| start::<6>(t, "sha3_224", &a[1], &a[3]), ""),
    def("sha3_256", TYPE_SIGNATURE, |t, a| start::<7>(t, "sha3_256", &a[1], &a[3]), ""),
    def("sha3_384", TYPE_SIGNATURE, |t, a| start::<8>(t, "sha3_384", &a[1], &a[3]), ""),
    def("sha3_512", TYPE_SIGNATURE, |t, a| start::<9>(t, "sha3_512", &a[1], &a[3]), ""),
    def("shake_128", TYPE_SIGNATURE, |t, a| start::<10>(t, "shake_128", &a[1], &a[3]), ""),
    def("shake_256", TYPE_SIGNATURE, |t, a| start::<11>(t, "shake_256", &a[1], &a[3]), ""),
];

const fn plain_methods<const K: usize>() -> &'static [MethodDef]
where
    Hash<K>: Payload,
{
    const {
        &[
            def("copy", "($self, /)", copy::<K>, "Return a copy of the hash object."),
            def(
                "digest",
                "($self, /)",
                |t, a| bytes::from_vec(t, state_of::<K>(&a[0]).borrow().digest(0)),
                "Return the digest value as a bytes object.",
            ),
            def(
                "hexdigest",
                "($self, /)",
                |t, a| hex(t, &state_of::<K>(&a[0]).borrow().digest(0)),
                "Return the digest value as a string of hexadecimal digits.",
            ),
            def("update", "($self, obj, /)", update::<K>, UPDATE_DOC),
        ]
    }
}

const fn shake_methods<const K: usize>() -> &'static [MethodDef]
where
    Hash<K>: Payload,
{
    const {
        &[
            def("copy", "($self, /)", copy::<K>, "Return a copy of the hash object."),
            def(
                "digest",
                "($self, /, length)",
                |t, a| {
                    let len = length(t, &a[1])?;
                    bytes::from_vec(t, state_of::<K>(&a[0]).borrow().digest(len))
                },
                "Return the digest value as a bytes object.",
            ),
            def(
                "hexdigest",
                "($self, /, length)",
                |t, a| {
                    let len = length(t, &a[1])?;
                    hex(t, &state_of::<K>(&a[0]).borrow().digest(len))
                },
                "Return the digest value as a string of hexadecimal digits.",
            ),
            def("update", "($self, obj, /)", update::<K>, UPDATE_DOC),
        ]
    }
}

const fn plain_getset<const K: usize>() -> &'static [GetSetDef]
where
    Hash<K>: Payload,
{
    const {
        &[
            getter("block_size", |_, v| Ok(convert::from_usize(state_of::<K>(v).borrow().facts().block)), ""),
            getter("name", |t, v| strs::new(t, state_of::<K>(v).borrow().facts().name), ""),
            getter("digest_size", |_, v| Ok(convert::from_usize(state_of::<K>(v).borrow().facts().size)), ""),
        ]
    }
}

const fn sponge_getset<const K: usize>() -> &'static [GetSetDef]
where
    Hash<K>: Payload,
{
    const {
        &[
            getter("block_size", |_, v| Ok(convert::from_usize(state_of::<K>(v).borrow().facts().block)), ""),
            getter("name", |t, v| strs::new(t, state_of::<K>(v).borrow().facts().name), ""),
            getter("digest_size", |_, v| Ok(convert::from_usize(state_of::<K>(v).borrow().facts().size)), ""),
            getter("_rate_bits", |_, v| Ok(convert::from_usize(state_of::<K>(v).borrow().facts().block * 8)), ""),
            getter(
                "_capacity_bits",
                |_, v| Ok(convert::from_usize(1600 - state_of::<K>(v).borrow().facts().block * 8)),
                "",
            ),
            getter(
                "_suffix",
                |t, v| {
                    let suffix = if state_of::<K>(v).borrow().facts().size == 0 { 0x1f } else { 0x06 };
                    bytes::new(t, &[suffix])
                },
                "",
            ),
        ]
    }
}

fn state_of<const K: usize>(v: &Value) -> &Updated<State>
where
    Hash<K>: Payload,
{
    &v.expect::<Hash<K>>().state
}

fn make<const K: usize>(t: &Thread, state: State) -> Res
where
    Hash<K>: Payload,
{
    payload::new(t, |header| Hash::<K> { header, state: Updated::new(state) })
}

/// A copy of the class of the original.
fn copy_of<const K: usize>(t: &Thread, a: &[Value]) -> Res
where
    Hash<K>: Payload,
{
    let state = state_of::<K>(&a[0]).borrow().clone();
    let class = typhon_object::type_of(&a[0]).value();
    payload::new_for(t, &class, |header| Hash::<K> { header, state: Updated::new(state) })
}

fn copy<const K: usize>(t: &Thread, a: &[Value]) -> Res
where
    Hash<K>: Payload,
{
    let state = state_of::<K>(&a[0]).borrow().clone();
    make::<K>(t, state)
}

fn hex(t: &Thread, digest: &[u8]) -> Res {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let text: Vec<u8> =
        digest.iter().flat_map(|b| [DIGITS[usize::from(b >> 4)], DIGITS[usize::from(b & 15)]]).collect();
    strs::from_latin1(t, &text)
}

fn length(t: &Thread, v: &Value) -> Res<usize> {
    let i = convert::to_index(t, v)?;
    if int::is_negative(&i) {
        return Err(error::value_error(t, "Cannot convert negative int"));
    }
    let Some(len) = int::to_u64(&i) else {
        return Err(error::overflow_error(t, "Python int too large for C unsigned long"));
    };
    if len >= 1 << 29 {
        return Err(error::value_error(t, "length is too large"));
    }
    t.check_alloc(len as usize * 3)?;
    Ok(len as usize)
}

/// Hashes a bytes-like object.
fn absorb(t: &Thread, state: &mut State, data: &Value) -> Res<()> {
    if data.downcast::<Str>().is_some() {
        return Err(error::type_error(t, "Strings must be encoded before hashing"));
    }
    if !buffer::supported(data) {
        return Err(error::type_error(t, "object supporting the buffer API required"));
    }
    let lent = buffer::get(t, data, buffer::SIMPLE)?;
    for chunk in lent.as_slice().chunks(CHUNK) {
        state.update(chunk);
        t.poll_yielding()?;
    }
    Ok(())
}

fn update<const K: usize>(t: &Thread, a: &[Value]) -> Res
where
    Hash<K>: Payload,
{
    state_of::<K>(&a[0]).update(t, |state| absorb(t, state, &a[1]))?;
    Ok(Value::NONE)
}

/// What to hash first: `data`, or the older name `string`.
fn initial<'a>(t: &Thread, data: &'a Value, string: &'a Value) -> Res<Option<&'a Value>> {
    match (data.opt(), string.non_none()) {
        (Some(_), Some(_)) => Err(error::type_error(
            t,
            "'data' and 'string' are mutually exclusive and support for 'string' keyword parameter is slated for removal in a future version.",
        )),
        (data, string) => Ok(data.or(string)),
    }
}

fn start<const K: usize>(t: &Thread, name: &str, data: &Value, string: &Value) -> Res
where
    Hash<K>: Payload,
{
    let Some(mut state) = State::named(name) else { return Err(error::value_error(t, "unsupported hash type")) };
    if let Some(data) = initial(t, data, string)? {
        absorb(t, &mut state, data)?;
    }
    make::<K>(t, state)
}

fn set_int(t: &Thread, v: &Value, name: &str, i: i64) -> Res<()> {
    let dict = module::dict_of(t, v);
    Dict::of(&dict).set_str(t, &names::intern_text(t, name), Value::small(i))
}

fn gil_minsize(t: &Thread, v: &Value) -> Res<()> {
    set_int(t, v, "_GIL_MINSIZE", 2048)
}

/// _md5.
pub static MODULE_MD5: ModuleDef = ModuleDef {
    name: "_md5",
    doc: "",
    functions: &[def(
        "md5",
        SIGNATURE,
        |t, a| start::<0>(t, "md5", &a[0], &a[2]),
        "Return a new MD5 hash object; optionally initialized with a string.",
    )],
    types: &[("MD5Type", &MD5)],
    init: Some(gil_minsize),
};

/// _sha1.
pub static MODULE_SHA1: ModuleDef = ModuleDef {
    name: "_sha1",
    doc: "",
    functions: &[def(
        "sha1",
        SIGNATURE,
        |t, a| start::<1>(t, "sha1", &a[0], &a[2]),
        "Return a new SHA1 hash object; optionally initialized with a string.",
    )],
    types: &[("SHA1Type", &SHA1)],
    init: Some(gil_minsize),
};

/// _sha2.
pub static MODULE_SHA2: ModuleDef = ModuleDef {
    name: "_sha2",
    doc: "",
    functions: &[
        def(
            "sha224",
            SIGNATURE,
            |t, a| start::<2>(t, "sha224", &a[0], &a[2]),
            "Return a new SHA-224 hash object; optionally initialized with a string.",
        ),
        def(
            "sha256",
            SIGNATURE,
            |t, a| start::<3>(t, "sha256", &a[0], &a[2]),
            "Return a new SHA-256 hash object; optionally initialized with a string.",
        ),
        def(
            "sha384",
            SIGNATURE,
            |t, a| start::<4>(t, "sha384", &a[0], &a[2]),
            "Return a new SHA-384 hash object; optionally initialized with a string.",
        ),
        def(
            "sha512",
            SIGNATURE,
            |t, a| start::<5>(t, "sha512", &a[0], &a[2]),
            "Return a new SHA-512 hash object; optionally initialized with a string.",
        ),
    ],
    types: &[("SHA224Type", &SHA224), ("SHA256Type", &SHA256), ("SHA384Type", &SHA384), ("SHA512Type", &SHA512)],
    init: Some(gil_minsize),
};

/// _sha3.
pub static MODULE_SHA3: ModuleDef = ModuleDef {
    name: "_sha3",
    doc: "",
    functions: &[],
    types: &[
        ("sha3_224", &SHA3_224),
        ("sha3_256", &SHA3_256),
        ("sha3_384", &SHA3_384),
        ("sha3_512", &SHA3_512),
        ("shake_128", &SHAKE128),
        ("shake_256", &SHAKE256),
    ],
    init: Some(gil_minsize),
};

/// _blake2.
pub static MODULE_BLAKE2: ModuleDef = ModuleDef {
    name: "_blake2",
    doc: "",
    functions: &[],
    types: &[("blake2b", &BLAKE2B), ("blake2s", &BLAKE2S)],
    init: Some(|t, v| {
        gil_minsize(t, v)?;
        for (prefix, sizes) in [("BLAKE2B", [16, 16, 64, 64]), ("BLAKE2S", [8, 8, 32, 32])] {
            let names = ["SALT_SIZE", "PERSON_SIZE", "MAX_KEY_SIZE", "MAX_DIGEST_SIZE"];
            for (name, size) in names.into_iter().zip(sizes) {
                set_int(t, v, &format!("{prefix}_{name}"), size)?;
            }
        }
        Ok(())
    }),
};
