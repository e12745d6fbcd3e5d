//! Pickles of arrays: machine formats, and arrays remade from them on any machine.

use super::kind::{self, Class, KINDS, Kind};
use super::store::Array;
use super::table::{ARRAY, code_arg};
use typhon_object::codec::{self, Known};
use typhon_object::error::{self, Res};
use typhon_object::list::List;
use typhon_object::names::n;
use typhon_object::ty::TypeObject;
use typhon_object::types::{bytes, int};
use typhon_object::{Thread, Value, attr, call, convert, strs, tuple, type_of};
use typhon_unicode::codec::ByteOrder;

/// A machine format: class, size, big-endian; its number is its place.
const MACHINES: [(Class, usize, bool); 22] = {
    use Class::{Float, Signed, Text, Unsigned};
    [
        (Unsigned, 1, false),
        (Signed, 1, false),
        (Unsigned, 2, false),
        (Unsigned, 2, true),
        (Signed, 2, false),
        (Signed, 2, true),
        (Unsigned, 4, false),
        (Unsigned, 4, true),
        (Signed, 4, false),
        (Signed, 4, true),
        (Unsigned, 8, false),
        (Unsigned, 8, true),
        (Signed, 8, false),
        (Signed, 8, true),
        (Float, 4, false),
        (Float, 4, true),
        (Float, 8, false),
        (Float, 8, true),
        (Text, 2, false),
        (Text, 2, true),
        (Text, 4, false),
        (Text, 4, true),
    ]
};

/// `__reduce_ex__`: up to protocol 2 a list of the items, later the bytes and their machine format.
pub(super) fn reduce_ex(t: &Thread, a: &[Value]) -> Res {
    if !int::is_int(&a[1]) {
        return Err(error::type_error(t, "__reduce_ex__ argument should be an integer"));
    }
    let protocol = convert::to_i64(t, &a[1])?;
    let dict = attr::get_opt(t, &a[0], n::__dict__())?.unwrap_or(Value::NONE);
    let (this, class) = (Array::of(&a[0]), type_of(&a[0]).value());
    let code = strs::from_char(t, u32::from(this.kind().code))?;
    if protocol < 3 {
        let args = tuple::from_array(t, [code, super::table::to_list(t, &a[0])?])?;
        return tuple::from_array(t, [class, args, dict]);
    }
    let function = attr::get_text(t, &(t.hooks.import)(t, "array")?, "_array_reconstructor")?;
    let data = bytes::from_vec(t, this.to_vec(t)?)?;
    let args = tuple::from_array(t, [class, code, Value::small(this.kind().machine), data])?;
    tuple::from_array(t, [function, args, dict])
}

/// `_array_reconstructor(arraytype, typecode, mformat_code, items)`.
pub(super) fn reconstruct(t: &Thread, a: &[Value]) -> Res {
    let code = code_arg(t, &a[1], "_array_reconstructor(): argument 2")?;
    let number = convert::to_i32(t, &a[2])?;
    let Some(class) = a[0].downcast::<TypeObject>() else {
        let name = type_of(&a[0]).name();
        return Err(error::type_error(t, format_args!("first argument must be a type object, not {name}")));
    };
    if !class.is_subtype(ARRAY.ty()) {
        let text = format_args!("{} is not a subtype of array.array", class.name());
        return Err(error::type_error(t, text));
    }
    let Some(kind) = kind::of_code(code) else {
        return Err(error::value_error(t, "second argument must be a valid type code"));
    };
    let Some(&(machine, size, big)) = usize::try_from(number).ok().and_then(|i| MACHINES.get(i)) else {
        return Err(error::value_error(t, "third argument must be a valid machine format code."));
    };
    let Some(data) = a[3].downcast::<bytes::Bytes>() else {
        let name = type_of(&a[3]).name();
        return Err(error::type_error(t, format_args!("fourth argument should be bytes, not {name}")));
    };
    if kind.machine == i64::from(number) {
        return make(t, &a[0], kind, a[3].clone());
    }
    if machine == Class::Text {
        let order = if big { ByteOrder::Big } else { ByteOrder::Little };
        let known = if size == 2 { Known::Utf16(Some(order)) } else { Known::Utf32(Some(order)) };
        let text = codec::decode_known(t, &a[3], data.as_slice(), known, None)?;
        return make(t, &a[0], kind, text);
    }
    if data.len() % size != 0 {
        return Err(error::value_error(t, "string length not a multiple of item size"));
    }
    let from = KINDS.iter().rfind(|k| k.class == machine && k.size == size).unwrap_or(kind);
    t.check_alloc(data.len() / size * 8)?;
    let items = List::create(t)?;
    for (i, item) in data.as_slice().chunks_exact(size).enumerate() {
        let word = kind::load(item);
        let word = if big { word.swap_bytes() >> (64 - 8 * size) } else { word };
        items.expect::<List>().push(t, from.unpack(t, word)?)?;
        if i % 1024 == 1023 {
            t.poll()?;
        }
    }
    // Integers of the size that the pickle had, whatever the code meant there.
    let kind = if machine == Class::Float { kind } else { from };
    make(t, &a[0], kind, items)
}

fn make(t: &Thread, class: &Value, kind: &Kind, items: Value) -> Res {
    let code = strs::from_char(t, u32::from(kind.code))?;
    call::call(t, class, &[code, items])
}
