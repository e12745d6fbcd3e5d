//! _json.Encoder: its settings.

use super::write::Writer;
use crate::ctor::bind;
use typhon_object::error::{self, Res};
use typhon_object::header::Header;
use typhon_object::native::{self, MethodDef, def, getter, member};
use typhon_object::slots::Slots;
use typhon_object::store::Slot;
use typhon_object::strs::Str;
use typhon_object::ty::{TypeDef, flag};
use typhon_object::{Thread, Value, convert, dict::Dict, ops, payload, tuple, type_of};

/// How strings are quoted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Quote {
    Ascii,
    Any,
    /// By the encoder function.
    Called,
}

/// An encoder.
#[repr(C)]
pub(super) struct Encoder {
    header: Header,
    pub(super) markers: Slot,
    pub(super) default: Slot,
    pub(super) encoder: Slot,
    pub(super) indent: Slot,
    pub(super) key_separator: Slot,
    pub(super) item_separator: Slot,
    pub(super) sort_keys: bool,
    pub(super) skip_keys: bool,
    pub(super) allow_nan: bool,
    pub(super) quote: Quote,
}

typhon_object::payload!(Encoder => ENCODER {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        for slot in [&self.markers, &self.default, &self.encoder, &self.indent, &self.key_separator, &self.item_separator] {
            visit(&slot.get());
        }
    }
    fn clear(&self) {
        for slot in [&self.markers, &self.default, &self.encoder] {
            slot.set(&self.header, Value::NONE);
        }
    }
});

/// _json.Encoder.
pub(super) static ENCODER: TypeDef = TypeDef {
    name: "_json.Encoder",
    doc: "Encoder(markers, default, encoder, indent, key_separator, item_separator, sort_keys, skipkeys, allow_nan)",
    flags: flag::BASETYPE,
    slots: Slots {
        new: Some(|t, class, args| bind(t, &NEW, class, args)),
        call: Some(|t, v, args| bind(t, &CALL, v, args)),
        ..Slots::NONE
    },
    getset: &[
        getter("sort_keys", |_, v| Ok(Value::bool(v.expect::<Encoder>().sort_keys)), "sort_keys"),
        getter("skipkeys", |_, v| Ok(Value::bool(v.expect::<Encoder>().skip_keys)), "skipkeys"),
    ],
    members: &[
        member("markers", std::mem::offset_of!(Encoder, markers), "markers"),
        member("default", std::mem::offset_of!(Encoder, default), "default"),
        member("encoder", std::mem::offset_of!(Encoder, encoder), "encoder"),
        member("indent", std::mem::offset_of!(Encoder, indent), "indent"),
        member("key_separator", std::mem::offset_of!(Encoder, key_separator), "key_separator"),
        member("item_separator", std::mem::offset_of!(Encoder, item_separator), "item_separator"),
    ],
    ..TypeDef::of::<Encoder>()
};

static NEW: MethodDef = def(
    "make_encoder",
    "($type, /, markers, default, encoder, indent, key_separator, item_separator, sort_keys, skipkeys, allow_nan)",
    |t, a| {
        for (i, v) in [(5, &a[5]), (6, &a[6])] {
            if v.downcast::<Str>().is_none() {
                let name = type_of(v).name();
                return Err(error::type_error(t, format_args!("make_encoder() argument {i} must be str, not {name}")));
            }
        }
        let flags = [ops::truth(t, &a[7])?, ops::truth(t, &a[8])?, ops::truth(t, &a[9])?];
        if !a[1].is_none() && a[1].downcast::<Dict>().is_none() {
            let name = type_of(&a[1]).name();
            let text = format_args!("make_encoder() argument 1 must be dict or None, not {name}");
            return Err(error::type_error(t, text));
        }
        if !a[4].is_none() && a[4].downcast::<Str>().is_none() {
            let name = type_of(&a[4]).name();
            let text = format_args!("make_encoder() argument 4 must be str or None, not {name}");
            return Err(error::type_error(t, text));
        }
        let quote = if native::is_named(&a[3], "encode_basestring_ascii") {
            Quote::Ascii
        } else if native::is_named(&a[3], "encode_basestring") {
            Quote::Any
        } else {
            Quote::Called
        };
        payload::new_for(t, &a[0], |header| Encoder {
            header,
            markers: Slot::new(a[1].clone()),
            default: Slot::new(a[2].clone()),
            encoder: Slot::new(a[3].clone()),
            indent: Slot::new(a[4].clone()),
            key_separator: Slot::new(a[5].clone()),
            item_separator: Slot::new(a[6].clone()),
            sort_keys: flags[0],
            skip_keys: flags[1],
            allow_nan: flags[2],
            quote,
        })
    },
    "",
);

static CALL: MethodDef = def(
    "_iterencode",
    "($self, /, obj, _current_indent_level)",
    |t, a| {
        let level = convert::to_isize(t, &a[2])?.max(0) as usize;
        let mut writer = Writer::new(t, &a[0])?;
        writer.value(&a[1], level)?;
        let text = writer.finish()?;
        tuple::from_array(t, [text])
    },
    "",
);

/// Whether the thread has room to encode deeper.
pub(super) fn check_depth(t: &Thread) -> Res<()> {
    t.check_stack("while encoding a JSON object")
}
