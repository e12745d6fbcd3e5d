//! Incremental encoders and decoders.

use super::{Codec, State, decode_data, encode_text, text_of};
use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use typhon_object::args::Args;
use typhon_object::codec;
use typhon_object::error::{self, Res};
use typhon_object::header::Header;
use typhon_object::native::{self, MethodDef, def};
use typhon_object::slots::Slots;
use typhon_object::strs::{self, Str};
use typhon_object::ty::{TypeDef, flag};
use typhon_object::types::exceptions::UNICODE_ERROR;
use typhon_object::types::{bytes, int};
use typhon_object::{Thread, Value, attr, buffer, ops, payload, tuple, type_of};

/// Longest incomplete tail that a decoder keeps.
pub(super) const PENDING_MAX: usize = 8;

/// What every multibyte object holds: its codec's state, what could not be decoded yet, the error handler's name.
pub(super) struct Core {
    pub(super) name: &'static str,
    pub(super) state: RefCell<State>,
    pub(super) pending: Cell<Vec<u8>>,
    pub(super) errors: RefCell<String>,
}

static NEW: MethodDef = def("__new__", "(errors='strict')", |_, _| Ok(Value::NONE), "");

impl Core {
    /// The core of a new object of `class`, whose `codec` attribute names the codec.
    pub(super) fn new(t: &Thread, class: &Value, errors: &Value) -> Res<Self> {
        let found = attr::get_text(t, class, "codec")?;
        let Some(codec) = found.downcast::<Codec>() else {
            return Err(error::type_error(t, "codec is unexpected type"));
        };
        let errors =
            codec::name_arg(t, errors, "__new__", "errors")?.map_or_else(|| "strict".to_string(), Cow::into_owned);
        Ok(Self {
            name: codec.name,
            state: RefCell::new(codec.fresh.clone()),
            pending: Cell::default(),
            errors: RefCell::new(errors),
        })
    }

    pub(super) fn reset(&self) {
        self.state.borrow_mut().reset();
        self.pending.take();
    }

    /// Encodes a piece.
    pub(super) fn encode(&self, t: &Thread, input: &Value, last: bool) -> Res<Vec<u8>> {
        let text = text_of(t, input)?;
        let mut state = self.state.borrow().clone();
        let errors = self.errors.borrow().clone();
        let out = encode_text(t, self.name, &mut state, &text, Some(&errors), last)?;
        self.state.replace(state);
        Ok(out)
    }

    /// Decodes a piece, after what was left of the one before.
    pub(super) fn decode(&self, t: &Thread, data: &[u8], last: bool) -> Res {
        let mut all = self.pending.take();
        t.check_alloc(all.len() + data.len())?;
        all.extend_from_slice(data);
        let object = bytes::new(t, &all)?;
        let mut state = self.state.borrow().clone();
        let errors = self.errors.borrow().clone();
        let (text, n) = decode_data(t, self.name, &mut state, &object, &all, Some(&errors), last)?;
        self.state.replace(state);
        let rest = all.get(n..).unwrap_or(&[]);
        if rest.len() > PENDING_MAX {
            return Err(error::new(t, &UNICODE_ERROR, "pending buffer overflow"));
        }
        self.pending.set(rest.to_vec());
        text.finish(t)
    }

    pub(super) fn get_errors(&self, t: &Thread) -> Res {
        strs::new(t, &self.errors.borrow())
    }

    pub(super) fn set_errors(&self, t: &Thread, v: Option<&Value>) -> Res<()> {
        match v.map(|v| v.downcast::<Str>()) {
            None => Err(error::type_error(t, "cannot delete attribute")),
            Some(None) => Err(error::type_error(t, "errors must be a string")),
            Some(Some(s)) => {
                self.errors.replace(s.to_lossy());
                Ok(())
            }
        }
    }
}

/// MultibyteIncrementalEncoder.
#[repr(C)]
pub struct IncrementalEncoder {
    header: Header,
    core: Core,
}

/// MultibyteIncrementalDecoder.
#[repr(C)]
pub struct IncrementalDecoder {
    header: Header,
    core: Core,
}

typhon_object::payload!(IncrementalEncoder => ENCODER);
typhon_object::payload!(IncrementalDecoder => DECODER);

pub(super) static ENCODER: TypeDef = TypeDef {
    name: "_multibytecodec.MultibyteIncrementalEncoder",
    flags: flag::BASETYPE,
    slots: Slots {
        new: Some(|t, class, args| {
            let core = bind_new(t, class, args, "IncrementalEncoder")?;
            payload::new_for(t, class, |header| IncrementalEncoder { header, core })
        }),
        init: Some(|_, _, _| Ok(())),
        ..Slots::NONE
    },
    methods: &[
        def("encode", "($self, /, input, final=False)", encode, ""),
        def("getstate", "($self, /)", |t, a| encoder_state(t, &a[0].expect::<IncrementalEncoder>().core), ""),
        def(
            "setstate",
            "($self, state, /)",
            |t, a| set_encoder(t, &a[0].expect::<IncrementalEncoder>().core, &a[1]),
            "",
        ),
        def(
            "reset",
            "($self, /)",
            |_, a| {
                a[0].expect::<IncrementalEncoder>().core.reset();
                Ok(Value::NONE)
            },
            "",
        ),
    ],
    getset: &[native::getset(
        "errors",
        |t, v| v.expect::<IncrementalEncoder>().core.get_errors(t),
        |t, v, x| v.expect::<IncrementalEncoder>().core.set_errors(t, x),
        "how to treat errors",
    )],
    ..TypeDef::of::<IncrementalEncoder>()
};

pub(super) static DECODER: TypeDef = TypeDef {
    name: "_multibytecodec.MultibyteIncrementalDecoder",
    flags: flag::BASETYPE,
    slots: Slots {
        new: Some(|t, class, args| {
            let core = bind_new(t, class, args, "IncrementalDecoder")?;
            payload::new_for(t, class, |header| IncrementalDecoder { header, core })
        }),
        init: Some(|_, _, _| Ok(())),
        ..Slots::NONE
    },
    methods: &[
        def("decode", "($self, /, input, final=False)", decode, ""),
        def("getstate", "($self, /)", decoder_state, ""),
        def("setstate", "($self, state, /)", set_decoder, ""),
        def(
            "reset",
            "($self, /)",
            |_, a| {
                a[0].expect::<IncrementalDecoder>().core.reset();
                Ok(Value::NONE)
            },
            "",
        ),
    ],
    getset: &[native::getset(
        "errors",
        |t, v| v.expect::<IncrementalDecoder>().core.get_errors(t),
        |t, v, x| v.expect::<IncrementalDecoder>().core.set_errors(t, x),
        "how to treat errors",
    )],
    ..TypeDef::of::<IncrementalDecoder>()
};

fn bind_new(t: &Thread, class: &Value, args: Args<'_>, name: &str) -> Res<Core> {
    let Some(signature) = native::signature_of(t, &NEW, true) else {
        return Err(error::system_error(t, "a codec class has no signature"));
    };
    signature.bind(t, name, args, |a| Core::new(t, class, &a[0]))
}

fn final_arg(t: &Thread, v: &Value) -> Res<bool> {
    v.opt().map_or(Ok(false), |v| ops::truth(t, v))
}

fn encode(t: &Thread, a: &[Value]) -> Res {
    let last = final_arg(t, &a[2])?;
    bytes::from_vec(t, a[0].expect::<IncrementalEncoder>().core.encode(t, &a[1], last)?)
}

fn decode(t: &Thread, a: &[Value]) -> Res {
    let last = final_arg(t, &a[2])?;
    let lent = buffer::get(t, &a[1], buffer::SIMPLE)?;
    a[0].expect::<IncrementalDecoder>().core.decode(t, lent.as_slice(), last)
}

fn no_state(t: &Thread) -> error::Exc {
    error::new(t, &UNICODE_ERROR, "the shift state of this codec cannot be saved")
}

/// 0 for an encoder at rest; a shift state cannot be saved.
fn encoder_state(t: &Thread, core: &Core) -> Res {
    let mut escape = Vec::new();
    core.state.borrow().clone().finish(&mut escape);
    if escape.is_empty() { Ok(Value::small(0)) } else { Err(no_state(t)) }
}

fn set_encoder(t: &Thread, core: &Core, v: &Value) -> Res {
    if !int::is_int(v) {
        let name = type_of(v).name();
        return Err(error::type_error(t, format_args!("setstate() argument must be int, not {name}")));
    }
    if int::to_i64(v) != Some(0) {
        return Err(no_state(t));
    }
    core.reset();
    Ok(Value::NONE)
}

fn decoder_state(t: &Thread, a: &[Value]) -> Res {
    let core = &a[0].expect::<IncrementalDecoder>().core;
    let rest = core.pending.take();
    let pending = bytes::new(t, &rest);
    core.pending.set(rest);
    tuple::from_array(t, [pending?, encoder_state(t, core)?])
}

fn set_decoder(t: &Thread, a: &[Value]) -> Res {
    let core = &a[0].expect::<IncrementalDecoder>().core;
    let items = a[1].downcast::<tuple::Tuple>().map(tuple::Tuple::items);
    let Some([pending, state]) = items else {
        return Err(error::type_error(t, "setstate(): illegal state argument"));
    };
    let Some(data) = bytes::peek(pending).filter(|_| int::is_int(state)) else {
        return Err(error::type_error(t, "setstate(): illegal state argument"));
    };
    if data.len() > PENDING_MAX {
        return Err(error::new(t, &UNICODE_ERROR, "pending buffer too large"));
    }
    set_encoder(t, core, state)?;
    core.pending.set(data.to_vec());
    Ok(Value::NONE)
}
