//! _multibytecodec and the codec modules of East Asia: stateless codecs, incremental ones, and streams over them.

use std::borrow::Cow;
use typhon_object::codec::{self, Decoder, Encoder};
use typhon_object::error::{self, Res};
use typhon_object::header::Header;
use typhon_object::native::{MethodDef, ModuleDef, def};
use typhon_object::strs::{Str, StrBuilder, Units};
use typhon_object::ty::{TypeDef, flag};
use typhon_object::types::bytes;
use typhon_object::{Thread, Value, buffer, convert, ops, payload, tuple, type_of};
use typhon_unicode::codec::cjk::{self, Charset};
use typhon_unicode::codec::stateful::{Hz, Iso2022Jp};

mod incremental;
mod stream;

/// The module with the classes.
pub static MODULE: ModuleDef = ModuleDef {
    name: "_multibytecodec",
    doc: "",
    functions: &[],
    types: &[
        ("", &CODEC),
        ("MultibyteIncrementalEncoder", &incremental::ENCODER),
        ("MultibyteIncrementalDecoder", &incremental::DECODER),
        ("MultibyteStreamReader", &stream::READER),
        ("MultibyteStreamWriter", &stream::WRITER),
    ],
    init: None,
};

macro_rules! families {
    ($($module:ident, $name:literal, [$($codec:literal)*];)*) => {$(
        #[doc = concat!("`", $name, "`: finds its codecs.")]
        pub static $module: ModuleDef = ModuleDef {
            name: $name,
            doc: "",
            functions: const { &[def("getcodec", "($module, name, /)", |t, a| getcodec(t, a, &[$($codec),*]), "")] as &'static [MethodDef] },
            types: &[("", &CODEC)],
            init: None,
        };
    )*};
}
families! {
    CN, "_codecs_cn", ["gb18030" "gb2312" "gbk" "hz"];
    HK, "_codecs_hk", [];
    JP, "_codecs_jp", ["cp932" "euc_jp" "shift_jis"];
    KR, "_codecs_kr", ["cp949" "euc_kr"];
    TW, "_codecs_tw", ["big5" "cp950"];
    ISO2022, "_codecs_iso2022", ["iso2022_jp"];
}

/// What a codec remembers between calls.
#[derive(Clone)]
enum State {
    Plain(Charset),
    Iso(Iso2022Jp),
    Hz(Hz),
}

impl State {
    fn new(name: &str) -> Option<(Self, &'static str)> {
        Some(match name {
            "hz" => (Self::Hz(Hz::default()), "hz"),
            "iso2022_jp" => (Self::Iso(Iso2022Jp::default()), "iso2022_jp"),
            _ => {
                let charset = Charset::from_name(name)?;
                (Self::Plain(charset), charset.name())
            }
        })
    }

    /// Back to the beginning.
    fn reset(&mut self) {
        match self {
            Self::Plain(_) => {}
            Self::Iso(s) => *s = Iso2022Jp::default(),
            Self::Hz(s) => *s = Hz::default(),
        }
    }

    /// Writes what returns an encoder to ASCII.
    fn finish(&mut self, out: &mut Vec<u8>) {
        match self {
            Self::Plain(_) => {}
            Self::Iso(s) => s.finish(out),
            Self::Hz(s) => s.finish(out),
        }
    }

    fn encode(&mut self, s: Units<'_>, from: usize, out: &mut Vec<u8>) -> typhon_unicode::codec::Outcome<()> {
        match (self, s) {
            (Self::Plain(c), Units::Latin1(u)) => cjk::encode(*c, u, from, out),
            (Self::Plain(c), Units::Ucs2(u)) => cjk::encode(*c, u, from, out),
            (Self::Plain(c), Units::Ucs4(u)) => cjk::encode(*c, u, from, out),
            (Self::Iso(i), Units::Latin1(u)) => i.encode(u, from, out),
            (Self::Iso(i), Units::Ucs2(u)) => i.encode(u, from, out),
            (Self::Iso(i), Units::Ucs4(u)) => i.encode(u, from, out),
            (Self::Hz(h), Units::Latin1(u)) => h.encode(u, from, out),
            (Self::Hz(h), Units::Ucs2(u)) => h.encode(u, from, out),
            (Self::Hz(h), Units::Ucs4(u)) => h.encode(u, from, out),
        }
    }
}

/// A codec as Python sees it.
#[repr(C)]
pub struct Codec {
    header: Header,
    name: &'static str,
    fresh: State,
}

typhon_object::payload!(Codec => CODEC);

static CODEC: TypeDef = TypeDef {
    name: "_multibytecodec.MultibyteCodec",
    flags: flag::NO_NEW,
    methods: &[
        def("encode", "($self, /, input, errors=None)", encode, "Return an encoded string version of `input'."),
        def("decode", "($self, /, input, errors=None)", decode, "Decodes 'input'."),
    ],
    ..TypeDef::of::<Codec>()
};

fn getcodec(t: &Thread, a: &[Value], family: &[&str]) -> Res {
    let Some(name) = a[0].downcast::<Str>() else {
        return Err(error::type_error(t, "encoding name must be a string."));
    };
    let name = name.to_lossy();
    match State::new(&name).filter(|_| family.contains(&name.as_str())) {
        Some((fresh, name)) => payload::new(t, |header| Codec { header, name, fresh }),
        None => Err(error::lookup_error(t, "no such codec is supported.")),
    }
}

fn errors_arg(t: &Thread, v: &Value, function: &str) -> Res<Option<String>> {
    match v.non_none() {
        Some(v) if v.downcast::<Str>().is_none() => {
            let name = type_of(v).name();
            let text = format_args!("{function}() argument 'errors' must be str or None, not {name}");
            Err(error::type_error(t, text))
        }
        Some(v) => Ok(codec::name_arg(t, v, function, "errors")?.map(Cow::into_owned)),
        None => Ok(None),
    }
}

/// The text of an encoder's input: whatever it is, as `str` makes it.
fn text_of(t: &Thread, v: &Value) -> Res {
    if v.downcast::<Str>().is_some() { Ok(v.clone()) } else { ops::str(t, v) }
}

/// Encodes; `last` returns to ASCII at the end.
fn encode_text(
    t: &Thread,
    name: &'static str,
    state: &mut State,
    text: &Value,
    errors: Option<&str>,
    last: bool,
) -> Res<Vec<u8>> {
    t.check_alloc(text.expect::<Str>().len().saturating_mul(8))?;
    let mut out = Vec::new();
    let how = Encoder::named(name);
    codec::encode_with(t, text, how, errors, &mut out, &mut |s, from, out| state.encode(s, from, out))?;
    if last {
        state.finish(&mut out);
    }
    Ok(out)
}

/// Decodes; returns the text and how much was consumed.
fn decode_data(
    t: &Thread,
    name: &'static str,
    state: &mut State,
    object: &Value,
    data: &[u8],
    errors: Option<&str>,
    last: bool,
) -> Res<(StrBuilder, usize)> {
    let how = Decoder::named(name, last);
    codec::decode_with(t, object, data, how, errors, &mut |data, from, last, out| match state {
        State::Plain(charset) => cjk::decode(*charset, data, from, last, out),
        State::Iso(s) => s.decode(data, from, last, out),
        State::Hz(s) => s.decode(data, from, last, out),
    })
}

fn encode(t: &Thread, a: &[Value]) -> Res {
    let this = a[0].expect::<Codec>();
    let errors = errors_arg(t, &a[2], "encode")?;
    let text = text_of(t, &a[1])?;
    let mut state = this.fresh.clone();
    let out = encode_text(t, this.name, &mut state, &text, errors.as_deref(), true)?;
    let n = convert::from_usize(text.expect::<Str>().len());
    tuple::from_array(t, [bytes::from_vec(t, out)?, n])
}

fn decode(t: &Thread, a: &[Value]) -> Res {
    let this = a[0].expect::<Codec>();
    let errors = errors_arg(t, &a[2], "decode")?;
    let lent = buffer::get(t, &a[1], buffer::SIMPLE)?;
    let mut state = this.fresh.clone();
    let (text, n) = decode_data(t, this.name, &mut state, &a[1], lent.as_slice(), errors.as_deref(), true)?;
    tuple::from_array(t, [text.finish(t)?, convert::from_usize(n)])
}
