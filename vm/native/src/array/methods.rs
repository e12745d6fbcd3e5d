//! array.array: its methods.

use super::kind::Class;
use super::pickle;
use super::store::Array;
use super::table::{append_array, append_bytes, append_text, to_list, with_bytes};
use typhon_object::buffer;
use typhon_object::codec::{self, Known};
use typhon_object::error::{self, Res};
use typhon_object::list::List;
use typhon_object::names::n;
use typhon_object::native::{MethodDef, def};
use typhon_object::strs::Str;
use typhon_object::types::exceptions::EOF_ERROR;
use typhon_object::types::{bytes, index, iters, slice};
use typhon_object::{Thread, Value, call, convert, names, ops, strs, tuple, type_of};
use typhon_unicode::codec::ByteOrder;

pub(super) const METHODS: &[MethodDef] = &[
    def("append", "($self, v, /)", append, "Append new value v to the end of the array."),
    def(
        "buffer_info",
        "($self, /)",
        buffer_info,
        "Return a tuple (address, length) giving the current memory address and the length in items of the buffer used to hold array's contents.\n\nThe length should be multiplied by the itemsize attribute to\ncalculate the buffer length in bytes.",
    ),
    def(
        "byteswap",
        "($self, /)",
        byteswap,
        "Byteswap all items of the array.\n\nIf the items in the array are not 1, 2, 4, or 8 bytes in size,\nRuntimeError is raised.",
    ),
    def("clear", "($self, /)", |t, a| none(Array::of(&a[0]).clear_items(t)), "Remove all items from the array."),
    def("__copy__", "($self, /)", copy, "Return a copy of the array."),
    def("count", "($self, v, /)", count, "Return number of occurrences of v in the array."),
    def("__deepcopy__", "($self, unused, /)", copy, "Return a copy of the array."),
    def("extend", "($self, bb, /)", extend, "Append items to the end of the array."),
    def(
        "fromfile",
        "($self, f, n, /)",
        from_file,
        "Read n objects from the file object f and append them to the end of the array.",
    ),
    def("fromlist", "($self, list, /)", from_list, "Append items to array from list."),
    def(
        "frombytes",
        "($self, buffer, /)",
        from_bytes,
        "Appends items from the string, interpreting it as an array of machine values, as if it had been read from a file using the fromfile() method.",
    ),
    def(
        "fromunicode",
        "($self, ustr, /)",
        from_unicode,
        "Extends this array with data from the unicode string ustr.\n\nThe array must be a unicode type array; otherwise a ValueError is\nraised.  Use array.frombytes(ustr.encode(...)) to append Unicode\ndata to an array of some other type.",
    ),
    def(
        "index",
        "($self, v, start=0, stop=sys.maxsize, /)",
        index_of,
        "Return index of first occurrence of v in the array.\n\nRaise ValueError if the value is not present.",
    ),
    def("insert", "($self, i, v, /)", insert, "Insert a new item v into the array before position i."),
    def("pop", "($self, i=-1, /)", pop, "Return the i-th element and delete it from the array.\n\ni defaults to -1."),
    def("__reduce_ex__", "($self, value, /)", pickle::reduce_ex, "Return state information for pickling."),
    def("remove", "($self, v, /)", remove, "Remove the first occurrence of v in the array."),
    def("reverse", "($self, /)", reverse, "Reverse the order of the items in the array."),
    def("__sizeof__", "($self, /)", size_of, "Size of the array in memory, in bytes."),
    def(
        "tobytes",
        "($self, /)",
        |t, a| bytes::from_vec(t, Array::of(&a[0]).to_vec(t)?),
        "Convert the array to an array of machine values and return the bytes representation.",
    ),
    def("tofile", "($self, f, /)", to_file, "Write all items (as machine values) to the file object f."),
    def("tolist", "($self, /)", |t, a| to_list(t, &a[0]), "Convert array to an ordinary list with the same items."),
    def(
        "tounicode",
        "($self, /)",
        to_unicode,
        "Extends this array with data from the unicode string ustr.\n\nConvert the array to a unicode string.  The array must be a unicode\ntype array; otherwise a ValueError is raised.  Use\narray.tobytes().decode() to obtain a unicode string from an array of\nsome other type.",
    ),
    def(
        "__class_getitem__",
        "($type, object, /)",
        iters::class_getitem,
        "Arrays are generic over the type of their elements",
    )
    .class(),
];

/// Bytes that `tofile` writes at once.
const BLOCK: usize = 64 * 1024;

fn none(r: Res<()>) -> Res {
    r.map(|()| Value::NONE)
}

/// The first place in `from..to` of an item that equals `item`.
pub(super) fn find(t: &Thread, v: &Value, item: &Value, from: usize, to: usize) -> Res<Option<usize>> {
    let (this, mut i) = (Array::of(v), from);
    while i < to
        && let Some(x) = this.get(t, i)?
    {
        if ops::eq(t, &x, item)? {
            return Ok(Some(i));
        }
        i += 1;
        if i % 1024 == 0 {
            t.poll()?;
        }
    }
    Ok(None)
}

fn append(t: &Thread, a: &[Value]) -> Res {
    let this = Array::of(&a[0]);
    let word = this.kind().pack(t, &a[1])?;
    none(this.push_word(t, word))
}

fn buffer_info(t: &Thread, a: &[Value]) -> Res {
    let this = Array::of(&a[0]);
    tuple::from_array(t, [convert::from_usize(this.address()), convert::from_usize(this.len())])
}

fn byteswap(_: &Thread, a: &[Value]) -> Res {
    let this = Array::of(&a[0]);
    let size = this.kind().size;
    if size > 1 {
        this.with_mut(|all| all.chunks_exact_mut(size).for_each(<[u8]>::reverse));
    }
    Ok(Value::NONE)
}

fn copy(t: &Thread, a: &[Value]) -> Res {
    let this = Array::of(&a[0]);
    with_bytes(t, this.kind(), &this.to_vec(t)?)
}

fn count(t: &Thread, a: &[Value]) -> Res {
    let (mut n, mut at) = (0, 0);
    while let Some(i) = find(t, &a[0], &a[1], at, usize::MAX)? {
        n += 1;
        at = i + 1;
    }
    Ok(convert::from_usize(n))
}

fn extend(t: &Thread, a: &[Value]) -> Res {
    let this = Array::of(&a[0]);
    if let Some(other) = a[1].downcast::<Array>() {
        return none(append_array(t, this, other));
    }
    let it = ops::iter_at_once(t, &a[1])?;
    none(ops::for_each(t, &it, |item| {
        let word = this.kind().pack(t, &item)?;
        this.push_word(t, word)
    }))
}

fn from_file(t: &Thread, a: &[Value]) -> Res {
    let this = Array::of(&a[0]);
    let Ok(n) = usize::try_from(convert::to_isize(t, &a[2])?) else {
        return Err(error::value_error(t, "negative count"));
    };
    let Some(wanted) = n.checked_mul(this.kind().size).filter(|&n| n <= isize::MAX as usize) else {
        return Err(t.memory_error());
    };
    let got = call::method(t, &a[1], n::read(), &[convert::from_usize(wanted)])?;
    let Some(data) = got.downcast::<bytes::Bytes>() else {
        return Err(error::type_error(t, "read() didn't return bytes"));
    };
    append_bytes(t, this, data.as_slice())?;
    if data.len() != wanted {
        return Err(error::new(t, &EOF_ERROR, "read() didn't return enough bytes"));
    }
    Ok(Value::NONE)
}

fn from_list(t: &Thread, a: &[Value]) -> Res {
    let this = Array::of(&a[0]);
    let Some(list) = a[1].downcast::<List>() else {
        return Err(error::type_error(t, "arg must be list"));
    };
    let (old, count) = (this.len(), list.len());
    if count > 0 {
        this.check_resize(t)?;
    }
    let fill = || {
        for i in 0..count {
            let Some(item) = list.get(i) else { return Err(changed(t)) };
            let word = this.kind().pack(t, &item)?;
            if list.len() != count {
                return Err(changed(t));
            }
            this.push_word(t, word)?;
            if i % 1024 == 1023 {
                t.poll()?;
            }
        }
        Ok(())
    };
    none(fill().inspect_err(|_| this.truncate(old)))
}

fn changed(t: &Thread) -> error::Exc {
    error::runtime_error(t, "list changed size during iteration")
}

fn from_bytes(t: &Thread, a: &[Value]) -> Res {
    let this = Array::of(&a[0]);
    let data = buffer::get(t, &a[1], buffer::SIMPLE)?;
    if data.item_size != 1 {
        return Err(error::type_error(t, "a bytes-like object is required"));
    }
    let data = data.to_contiguous(t)?;
    none(append_bytes(t, this, &data))
}

fn from_unicode(t: &Thread, a: &[Value]) -> Res {
    let this = Array::of(&a[0]);
    let Some(text) = a[1].downcast::<Str>() else {
        let name = type_of(&a[1]).name();
        return Err(error::type_error(t, format_args!("fromunicode() argument must be str, not {name}")));
    };
    if this.kind().class != Class::Text {
        let text = "fromunicode() may only be called on unicode type arrays ('u' or 'w')";
        return Err(error::value_error(t, text));
    }
    none(append_text(t, this, text))
}

fn to_unicode(t: &Thread, a: &[Value]) -> Res {
    let this = Array::of(&a[0]);
    if this.kind().class != Class::Text {
        return Err(error::value_error(t, "tounicode() may only be called on unicode type arrays ('u' or 'w')"));
    }
    decoded(t, this)
}

/// The text of an array of kind `u` or `w`.
pub(super) fn decoded(t: &Thread, this: &Array) -> Res {
    let data = this.to_vec(t)?;
    if this.kind().code == b'w' {
        let object = bytes::new(t, &data)?;
        return codec::decode_known(t, &object, &data, Known::Utf32(Some(ByteOrder::Little)), None);
    }
    let units: Vec<u32> = data.chunks_exact(4).map(|c| super::kind::load(c) as u32).collect();
    if let Some(c) = units.iter().find(|&&c| c > 0x10_ffff) {
        return Err(error::value_error(t, format_args!("character U+{c:x} is not in range [U+0000; U+10ffff]")));
    }
    strs::from_ucs4(t, &units)
}

fn index_of(t: &Thread, a: &[Value]) -> Res {
    let this = Array::of(&a[0]);
    let bound = |v: &Value, default: usize| match v.opt() {
        None => Ok(default),
        Some(v) => {
            let i = slice::index_bound(t, v)?;
            Ok(if i < 0 { i.saturating_add(this.len() as isize).max(0) } else { i } as usize)
        }
    };
    let (from, to) = (bound(&a[2], 0)?, bound(&a[3], usize::MAX)?);
    match find(t, &a[0], &a[1], from, to)? {
        Some(i) => Ok(convert::from_usize(i)),
        None => Err(error::value_error(t, "array.index(x): x not in array")),
    }
}

fn insert(t: &Thread, a: &[Value]) -> Res {
    let this = Array::of(&a[0]);
    let i = convert::to_isize(t, &a[1])?;
    let word = this.kind().pack(t, &a[2])?;
    let len = this.len();
    let i = if i < 0 { i.saturating_add(len as isize).max(0) as usize } else { (i as usize).min(len) };
    none(this.splice(t, i, i, &word.to_le_bytes()[..this.kind().size]))
}

fn pop(t: &Thread, a: &[Value]) -> Res {
    let this = Array::of(&a[0]);
    let i = a[1].opt().map_or(Ok(-1), |v| convert::to_isize(t, v))?;
    if this.len() == 0 {
        return Err(error::index_error(t, "pop from empty array"));
    }
    let Some(i) = index::in_range(i, this.len()) else {
        return Err(error::index_error(t, "pop index out of range"));
    };
    let item = this.get(t, i)?.unwrap_or(Value::NONE);
    this.splice(t, i, i + 1, &[])?;
    Ok(item)
}

fn remove(t: &Thread, a: &[Value]) -> Res {
    match find(t, &a[0], &a[1], 0, usize::MAX)? {
        Some(i) => none(Array::of(&a[0]).splice(t, i, i + 1, &[])),
        None => Err(error::value_error(t, "array.remove(x): x not in array")),
    }
}

fn reverse(_: &Thread, a: &[Value]) -> Res {
    let this = Array::of(&a[0]);
    let size = this.kind().size;
    this.with_mut(|all| {
        // Reversing every byte and then every item's bytes reverses the items.
        all.reverse();
        all.chunks_exact_mut(size).for_each(<[u8]>::reverse);
    });
    Ok(Value::NONE)
}

fn size_of(_: &Thread, a: &[Value]) -> Res {
    Ok(convert::from_usize(type_of(&a[0]).basic_size() + Array::of(&a[0]).capacity()))
}

fn to_file(t: &Thread, a: &[Value]) -> Res {
    let this = Array::of(&a[0]);
    let write = names::intern_text(t, "write");
    let mut at = 0;
    loop {
        let block = this.with(|all| all.get(at..(at + BLOCK).min(all.len())).unwrap_or(&[]).to_vec());
        if block.is_empty() {
            return Ok(Value::NONE);
        }
        at += block.len();
        call::method(t, &a[1], &write, &[bytes::from_vec(t, block)?])?;
        t.poll()?;
    }
}
