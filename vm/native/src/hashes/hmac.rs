//! _hmac: keyed hashes over the algorithms of this folder.

use super::{absorb, gil_minsize, hex, state::State};
use crate::exclusive::Updated;
use typhon_object::error::{self, Exc, Res};
use typhon_object::header::Header;
use typhon_object::native::{ModuleDef, def, getter};
use typhon_object::slots::Slots;
use typhon_object::strs::{self, Str};
use typhon_object::ty::{TypeDef, flag};
use typhon_object::types::bytes;
use typhon_object::types::exceptions::{Exception, VALUE_ERROR};
use typhon_object::{Thread, Value, convert, ops, payload};

/// A running keyed hash: the inner state takes the data, the outer one its digest at the end.
#[derive(Clone)]
pub(super) struct Keyed {
    pub(super) name: &'static str,
    pub(super) inner: State,
    pub(super) outer: State,
}

/// _hmac.HMAC.
#[repr(C)]
struct Hmac {
    header: Header,
    keyed: Updated<Keyed>,
}

typhon_object::payload!(Hmac => HMAC);

static HMAC: TypeDef = TypeDef {
    name: "_hmac.HMAC",
    flags: flag::NO_NEW,
    slots: Slots { repr: Some(repr), ..Slots::NONE },
    methods: &[
        def(
            "copy",
            "($self, /)",
            |t, a| make(t, this(&a[0]).borrow().clone()),
            "Return a copy (\"clone\") of the HMAC object.",
        ),
        def("update", "($self, /, msg)", update, "Update the HMAC object with the given message."),
        def(
            "digest",
            "($self, /)",
            |t, a| bytes::from_vec(t, this(&a[0]).borrow().digest()),
            "Return the digest of the bytes passed to the update() method so far.\n\nThis method may raise a MemoryError.",
        ),
        def(
            "hexdigest",
            "($self, /)",
            |t, a| hex(t, &this(&a[0]).borrow().digest()),
            "Return hexadecimal digest of the bytes passed to the update() method so far.\n\nThis may be used to exchange the value safely in email or other non-binary\nenvironments.\n\nThis method may raise a MemoryError.",
        ),
    ],
    getset: &[
        getter("block_size", |_, v| Ok(convert::from_usize(this(v).borrow().outer.facts().block)), ""),
        getter("digest_size", |_, v| Ok(convert::from_usize(this(v).borrow().outer.facts().size)), ""),
        getter("name", |t, v| strs::new(t, &format!("hmac-{}", this(v).borrow().name)), ""),
    ],
    ..TypeDef::of::<Hmac>()
};

/// _hmac.UnknownHashError.
static UNKNOWN_HASH: TypeDef = TypeDef {
    name: "_hmac.UnknownHashError",
    base: Some(&VALUE_ERROR),
    flags: flag::BASETYPE | flag::EXCEPTION,
    ..TypeDef::of::<Exception>()
};

macro_rules! one_shots {
    ($($name:literal),*) => {
        &[
            def("new", "($module, /, key, msg=None, digestmod=None)", new, "Return a new HMAC object."),
            def("compute_digest", "($module, /, key, msg, digest)", compute_digest, ""),
            $(def(concat!("compute_", $name), "($module, key, msg, /)", |t, a| compute(t, $name, a), ""),)*
        ]
    };
}

/// _hmac.
pub static MODULE: ModuleDef = ModuleDef {
    name: "_hmac",
    doc: "",
    functions: one_shots!(
        "md5", "sha1", "sha224", "sha256", "sha384", "sha512", "sha3_224", "sha3_256", "sha3_384", "sha3_512"
    ),
    types: &[("HMAC", &HMAC), ("UnknownHashError", &UNKNOWN_HASH)],
    init: Some(gil_minsize),
};

const INNER_PAD: u8 = 0x36;
const OUTER_PAD: u8 = 0x5c;

impl Keyed {
    /// With a key, over an algorithm that has a block size.
    pub(super) fn new(t: &Thread, fresh: State, key: &Value) -> Res<Self> {
        let facts = fresh.facts();
        let mut block = vec![0; facts.block];
        // A key that is longer than a block is hashed first.
        let mut hashed = fresh.clone();
        absorb(t, &mut hashed, key)?;
        let lent = typhon_object::buffer::get(t, key, typhon_object::buffer::SIMPLE)?;
        let digest;
        let key = if lent.len > facts.block {
            digest = hashed.digest(0);
            &digest[..]
        } else {
            lent.as_slice()
        };
        block[..key.len()].copy_from_slice(key);
        let padded = |pad: u8| {
            let mut state = fresh.clone();
            state.update(&block.iter().map(|b| b ^ pad).collect::<Vec<u8>>());
            state
        };
        Ok(Self { name: facts.name, inner: padded(INNER_PAD), outer: padded(OUTER_PAD) })
    }

    pub(super) fn digest(&self) -> Vec<u8> {
        let mut outer = self.outer.clone();
        outer.update(&self.inner.digest(0));
        outer.digest(0)
    }
}

fn this(v: &Value) -> &Updated<Keyed> {
    &v.expect::<Hmac>().keyed
}

fn make(t: &Thread, keyed: Keyed) -> Res {
    payload::new(t, |header| Hmac { header, keyed: Updated::new(keyed) })
}

/// The algorithm that an argument names.
fn algorithm(t: &Thread, v: &Value) -> Res<State> {
    let name = v.downcast::<Str>().map(|s| s.to_lossy().to_ascii_lowercase()).unwrap_or_default();
    let plain = |name: &&str| !name.starts_with("shake");
    match Some(name.as_str()).filter(plain).and_then(State::named) {
        Some(state) => Ok(state),
        None => Err(unknown(t, v)),
    }
}

#[cold]
fn unknown(t: &Thread, v: &Value) -> Exc {
    match ops::repr_text(t, v) {
        Ok(shown) => error::new(t, &UNKNOWN_HASH, format_args!("unsupported hash type: {shown}")),
        Err(e) => e,
    }
}

fn new(t: &Thread, a: &[Value]) -> Res {
    let Some(name) = a[2].non_none() else {
        return Err(error::type_error(t, "new() missing 1 required argument 'digestmod'"));
    };
    let mut keyed = Keyed::new(t, algorithm(t, name)?, &a[0])?;
    if let Some(message) = a[1].non_none() {
        absorb(t, &mut keyed.inner, message)?;
    }
    make(t, keyed)
}

fn update(t: &Thread, a: &[Value]) -> Res {
    this(&a[0]).update(t, |keyed| absorb(t, &mut keyed.inner, &a[1]))?;
    Ok(Value::NONE)
}

fn one_shot(t: &Thread, fresh: State, key: &Value, message: &Value) -> Res {
    let mut keyed = Keyed::new(t, fresh, key)?;
    absorb(t, &mut keyed.inner, message)?;
    bytes::from_vec(t, keyed.digest())
}

fn compute(t: &Thread, name: &str, a: &[Value]) -> Res {
    match State::named(name) {
        Some(fresh) => one_shot(t, fresh, &a[0], &a[1]),
        None => Err(error::value_error(t, "unsupported hash type")),
    }
}

fn compute_digest(t: &Thread, a: &[Value]) -> Res {
    let fresh = algorithm(t, &a[2])?;
    one_shot(t, fresh, &a[0], &a[1])
}

fn repr(t: &Thread, v: &Value) -> Res {
    strs::new(t, &format!("<{} HMAC object @ {:#x}>", this(v).borrow().name, v.id()))
}
