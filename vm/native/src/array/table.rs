//! array.array: the type, its constructor and operators.

use super::iter;
use super::kind::{self, Kind};
use super::methods::{METHODS, decoded};
use super::store::Array;
use typhon_object::args::Args;
use typhon_object::buffer::{self, Buffer};
use typhon_object::error::{self, Res};
use typhon_object::list::List;
use typhon_object::native::getter;
use typhon_object::ops::CompareOp;
use typhon_object::slots::Slots;
use typhon_object::strs::{self, Str, StrBuilder};
use typhon_object::tuple::Tuple;
use typhon_object::ty::{TypeDef, flag};
use typhon_object::types::index::{self, Key};
use typhon_object::types::{bytes, exceptions, iters};
use typhon_object::{Thread, Value, convert, ops, payload, type_of};

/// array.array.
pub(super) static ARRAY: TypeDef = TypeDef {
    name: "array.array",
    doc: "array(typecode [, initializer]) -> array\n\nReturn a new array whose items are restricted by typecode, and\ninitialized from the optional initializer value, which must be a list,\nstring or iterable over elements of the appropriate type.\n\nArrays represent basic values and behave very much like lists, except\nthe type of objects stored in them is constrained. The type is specified\nat object creation time by using a type code, which is a single character.\n",
    flags: flag::BASETYPE | flag::SEQUENCE | flag::WEAKREFS | flag::NUMBERS,
    slots: Slots {
        new: Some(new),
        repr: Some(repr),
        compare: Some(compare),
        iter: Some(iter::new),
        len: Some(|_, v| Ok(Array::of(v).len())),
        getitem: Some(getitem),
        setitem: Some(setitem),
        contains: Some(|t, v, item| Ok(super::methods::find(t, v, item, 0, usize::MAX)?.is_some())),
        concat: Some(concat),
        iconcat: Some(iconcat),
        repeat: Some(repeat),
        irepeat: Some(irepeat),
        buffer: Some(lend),
        ..Slots::NONE
    },
    methods: METHODS,
    getset: &[
        getter(
            "typecode",
            |t, v| strs::from_char(t, u32::from(Array::of(v).kind().code)),
            "the typecode character used to create the array",
        ),
        getter(
            "itemsize",
            |_, v| Ok(convert::from_usize(Array::of(v).kind().size)),
            "the size, in bytes, of one array item",
        ),
    ],
    ..TypeDef::of::<Array>()
};

/// A one-character argument; `what` opens the TypeError.
pub(super) fn code_arg(t: &Thread, v: &Value, what: &str) -> Res<u32> {
    match v.downcast::<Str>() {
        Some(s) if s.len() == 1 => Ok(s.at(0)),
        Some(s) => {
            let n = s.len();
            Err(error::type_error(t, format_args!("{what} must be a unicode character, not a string of length {n}")))
        }
        None => {
            let name = type_of(v).name();
            Err(error::type_error(t, format_args!("{what} must be a unicode character, not {name}")))
        }
    }
}

/// A new array of exactly this type with these bytes.
pub(super) fn with_bytes(t: &Thread, kind: &'static Kind, data: &[u8]) -> Res {
    let v = payload::new(t, |header| Array::empty(header, kind))?;
    Array::of(&v).extend(t, data)?;
    Ok(v)
}

fn new(t: &Thread, class: &Value, args: Args<'_>) -> Res {
    if !iters::own_init(class, &ARRAY) && class.is(&ARRAY.ty().value()) {
        args.no_keywords(t, "array.array")?;
    }
    let given = args.positional();
    if given.is_empty() || given.len() > 2 {
        let bound = if given.is_empty() { "least 1 argument" } else { "most 2 arguments" };
        return Err(error::type_error(t, format_args!("array() takes at {bound} ({} given)", given.len())));
    }
    let code = code_arg(t, &given[0], "array() argument 1")?;
    let kind = kind::of_code(code);
    let initial = given.get(1);
    if code == u32::from(b'u') {
        let category = exceptions::DEPRECATION_WARNING.ty().value();
        let text = "The 'u' type code is deprecated and will be removed in Python 3.16";
        (t.hooks.warn)(t, &category, text, 1)?;
    }
    if let Some(initial) = initial {
        check_initial(t, code, kind, initial)?;
    }
    let Some(kind) = kind else {
        if let Some(initial) = initial.filter(|v| !copied_whole(v)) {
            ops::iter(t, initial)?;
        }
        return Err(error::value_error(t, "bad typecode (must be b, B, u, w, h, H, i, I, l, L, q, Q, f or d)"));
    };
    let v = payload::new_for(t, class, |header| Array::empty(header, kind))?;
    if let Some(initial) = initial {
        fill(t, &v, initial)?;
    }
    Ok(v)
}

fn copied_whole(v: &Value) -> bool {
    bytes::peek(v).is_some() || v.downcast::<List>().is_some() || v.downcast::<Tuple>().is_some()
}

/// TypeError for text where numbers are wanted.
fn check_initial(t: &Thread, code: u32, kind: Option<&'static Kind>, initial: &Value) -> Res<()> {
    if kind.is_some_and(Kind::is_text) {
        return Ok(());
    }
    let what = if initial.downcast::<Str>().is_some() {
        "str"
    } else if initial.downcast::<Array>().is_some_and(|a| a.kind().is_text()) {
        "unicode array"
    } else {
        return Ok(());
    };
    let code = char::from_u32(code).unwrap_or('?');
    Err(error::type_error(t, format_args!("cannot use a {what} to initialize an array with typecode '{code}'")))
}

fn fill(t: &Thread, v: &Value, initial: &Value) -> Res<()> {
    let this = Array::of(v);
    if let Some(data) = bytes::peek(initial) {
        let data = data.to_vec();
        return append_bytes(t, this, &data);
    }
    if let Some(text) = initial.downcast::<Str>()
        && this.kind().is_text()
    {
        return append_text(t, this, text);
    }
    if let Some(other) = initial.downcast::<Array>()
        && (other.kind() == this.kind() || other.kind().is_text() && this.kind().is_text())
    {
        let data = other.to_vec(t)?;
        return this.extend(t, &data);
    }
    ops::for_each(t, initial, |item| {
        let word = this.kind().pack(t, &item)?;
        this.push_word(t, word)
    })
}

/// Appends bytes that must be whole items.
pub(super) fn append_bytes(t: &Thread, this: &Array, data: &[u8]) -> Res<()> {
    if !data.len().is_multiple_of(this.kind().size) {
        return Err(error::value_error(t, "bytes length not a multiple of item size"));
    }
    this.extend(t, data)
}

/// Appends the code points of a str.
pub(super) fn append_text(t: &Thread, this: &Array, text: &Str) -> Res<()> {
    if !text.is_empty() {
        this.check_resize(t)?;
    }
    this.reserve(t, text.len() * 4)?;
    for (i, c) in text.units().iter().enumerate() {
        this.push_word(t, u64::from(c))?;
        if i % 4096 == 4095 {
            t.poll()?;
        }
    }
    Ok(())
}

/// The items in a list.
pub(super) fn to_list(t: &Thread, v: &Value) -> Res {
    let (this, out) = (Array::of(v), List::create(t)?);
    let list = out.expect::<List>();
    list.reserve(t, this.len())?;
    let mut i = 0;
    while let Some(item) = this.get(t, i)? {
        list.push(t, item)?;
        i += 1;
        if i % 4096 == 0 {
            t.poll()?;
        }
    }
    Ok(out)
}

fn repr(t: &Thread, v: &Value) -> Res {
    let this = Array::of(v);
    let mut out = StrBuilder::new();
    out.push_str(&type_of(v).short_name());
    out.push_str("('");
    out.push(u32::from(this.kind().code));
    out.push_str("'");
    if this.len() > 0 {
        out.push_str(", ");
        let items = if this.kind().is_text() { decoded(t, this)? } else { to_list(t, v)? };
        out.push_value(ops::repr(t, &items)?.expect::<Str>());
    }
    out.push_str(")");
    out.finish(t)
}

fn compare(t: &Thread, a: &Value, b: &Value, op: CompareOp) -> Res {
    let (Some(x), Some(y)) = (a.downcast::<Array>(), b.downcast::<Array>()) else {
        return Ok(Value::NOT_IMPLEMENTED);
    };
    let equality = matches!(op, CompareOp::Eq | CompareOp::Ne);
    if equality && x.len() != y.len() {
        return Ok(Value::bool(op == CompareOp::Ne));
    }
    if equality && x.kind() == y.kind() && x.kind().class != kind::Class::Float {
        return Ok(Value::bool(x.with(|x| y.with(|y| x == y)) == (op == CompareOp::Eq)));
    }
    let mut i = 0;
    loop {
        let (Some(p), Some(q)) = (x.get(t, i)?, y.get(t, i)?) else {
            return Ok(Value::bool(op.holds(x.len().cmp(&y.len()))));
        };
        if !ops::eq(t, &p, &q)? {
            return if equality { Ok(Value::bool(op == CompareOp::Ne)) } else { ops::compare(t, &p, &q, op) };
        }
        i += 1;
        if i % 1024 == 0 {
            t.poll()?;
        }
    }
}

fn getitem(t: &Thread, v: &Value, key: &Value) -> Res {
    let this = Array::of(v);
    let refuse = |t: &Thread, _: &str| error::type_error(t, "array indices must be integers");
    match index::key(t, key, || this.len(), refuse)? {
        Key::Index(i) => match index::in_range(i, this.len()).map(|i| this.get(t, i)) {
            Some(item) => item?.ok_or_else(|| error::index_error(t, "array index out of range")),
            None => Err(error::index_error(t, "array index out of range")),
        },
        Key::Slice(r) => {
            let size = this.kind().size;
            t.check_alloc(r.count * size)?;
            let data: Vec<u8> = this.with(|all| {
                if r.step == 1 {
                    return all[r.start as usize * size..(r.start as usize + r.count) * size].to_vec();
                }
                r.indices().flat_map(|i| &all[i * size..i * size + size]).copied().collect()
            });
            with_bytes(t, this.kind(), &data)
        }
    }
}

fn setitem(t: &Thread, v: &Value, key: &Value, value: Option<&Value>) -> Res<()> {
    let this = Array::of(v);
    if index::is_slice(key) {
        return set_slice(t, this, key, value);
    }
    let refuse = |t: &Thread, _: &str| error::type_error(t, "array indices must be integers");
    let Key::Index(i) = index::key(t, key, || this.len(), refuse)? else { return Ok(()) };
    let out_of_range = || error::index_error(t, "array assignment index out of range");
    let place = index::in_range(i, this.len()).ok_or_else(out_of_range)?;
    let Some(value) = value else { return this.splice(t, place, place + 1, &[]) };
    let word = this.kind().pack(t, value)?;
    // The conversion may have shrunk the array.
    if this.set_word(place, word) { Ok(()) } else { Err(out_of_range()) }
}

fn set_slice(t: &Thread, this: &Array, key: &Value, value: Option<&Value>) -> Res<()> {
    let data = match value {
        None => Vec::new(),
        Some(value) => match value.downcast::<Array>() {
            Some(other) if other.kind() == this.kind() => other.to_vec(t)?,
            Some(_) => return Err(mismatch(t)),
            None => {
                let name = type_of(value).name();
                return Err(error::type_error(
                    t,
                    format_args!("can only assign array (not \"{name}\") to array slice"),
                ));
            }
        },
    };
    let r = index::slice(t, key, || this.len())?;
    let size = this.kind().size;
    let needed = data.len() / size;
    if needed == 0 || needed != r.count {
        this.check_resize(t)?;
    }
    if r.step == 1 {
        let from = r.start as usize;
        return this.splice(t, from, from + r.count, &data);
    }
    if needed == 0 {
        return remove_strided(t, this, r);
    }
    if needed != r.count {
        let text = format_args!("attempt to assign array of size {needed} to extended slice of size {}", r.count);
        return Err(error::value_error(t, text));
    }
    this.with_mut(|all| {
        for (i, item) in r.indices().zip(data.chunks_exact(size)) {
            all[i * size..i * size + size].copy_from_slice(item);
        }
    });
    Ok(())
}

fn remove_strided(t: &Thread, this: &Array, r: index::Range) -> Res<()> {
    if r.count == 0 {
        return Ok(());
    }
    let (size, len) = (this.kind().size, this.len());
    let (first, step) = if r.step < 0 {
        ((r.start + r.step * (r.count as isize - 1)) as usize, r.step.unsigned_abs())
    } else {
        (r.start as usize, r.step as usize)
    };
    let last = first + step * (r.count - 1);
    let mut to = first;
    this.with_mut(|all| {
        for i in first..len {
            if i <= last && (i - first) % step == 0 {
                continue;
            }
            all.copy_within(i * size..i * size + size, to * size);
            to += 1;
        }
    });
    this.truncate(to);
    t.poll()
}

fn mismatch(t: &Thread) -> error::Exc {
    error::type_error(t, "bad argument type for built-in operation")
}

fn concat(t: &Thread, a: &Value, b: &Value) -> Res {
    let this = Array::of(a);
    let Some(other) = b.downcast::<Array>() else {
        let name = type_of(b).name();
        return Err(error::type_error(t, format_args!("can only append array (not \"{name}\") to array")));
    };
    if other.kind() != this.kind() {
        return Err(mismatch(t));
    }
    let mut data = this.to_vec(t)?;
    data.extend(other.to_vec(t)?);
    with_bytes(t, this.kind(), &data)
}

fn iconcat(t: &Thread, a: &Value, b: &Value) -> Res {
    let Some(other) = b.downcast::<Array>() else {
        let name = type_of(b).name();
        return Err(error::type_error(t, format_args!("can only extend array with array (not \"{name}\")")));
    };
    append_array(t, Array::of(a), other)?;
    Ok(a.clone())
}

/// Appends the items of another array of the same kind.
pub(super) fn append_array(t: &Thread, this: &Array, other: &Array) -> Res<()> {
    if other.kind() != this.kind() {
        return Err(error::type_error(t, "can only extend with array of same kind"));
    }
    let data = other.to_vec(t)?;
    this.extend(t, &data)
}

fn repeat(t: &Thread, v: &Value, n: isize) -> Res {
    let out = with_bytes(t, Array::of(v).kind(), &Array::of(v).to_vec(t)?)?;
    irepeat(t, &out, n)
}

/// So many bytes are written between two looks at the breaker.
const PIECE: usize = 1 << 12;

fn irepeat(t: &Thread, v: &Value, n: isize) -> Res {
    let this = Array::of(v);
    let n = usize::try_from(n).unwrap_or(0);
    if this.len() == 0 || n == 1 {
        return Ok(v.clone());
    }
    this.check_resize(t)?;
    if n == 0 {
        this.clear_items(t)?;
        return Ok(v.clone());
    }
    let one = this.to_vec(t)?;
    let more = one.len().checked_mul(n - 1).ok_or_else(|| t.memory_error())?;
    this.reserve(t, more)?;
    // In pieces, between which somebody may want to stop this.
    let piece = one.repeat((PIECE / one.len()).clamp(1, n));
    let mut left = more;
    while left > 0 {
        let some = left.min(piece.len());
        this.extend(t, &piece[..some])?;
        left -= some;
        t.poll()?;
    }
    Ok(v.clone())
}

fn lend(_: &Thread, v: &Value, _: i32) -> Res<Buffer> {
    let this = Array::of(v);
    let kind = this.kind();
    let (data, len) = this.lend();
    Ok(Buffer {
        owner: v.clone(),
        data,
        len,
        read_only: false,
        item_size: kind.size,
        format: kind.format.into(),
        shape: buffer::Shape::from_elem(len / kind.size, 1),
        strides: buffer::Strides::from_elem(kind.size as isize, 1),
        release: |v| Array::of(v).give_back(),
    })
}
