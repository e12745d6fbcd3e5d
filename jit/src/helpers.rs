//! Helpers on objects: what machine code calls instead of having the interpreter carry an instruction out.
//!
//! None of them runs Python code or polls: the trace's registers are not in memory meanwhile, and its frames may have no records.
//! What they cannot do so they leave undone, and say it: then the trace is left, and the interpreter does the instruction.

use crate::vm::thread;
use std::mem::ManuallyDrop;
use typhon_interp::eval::follow;
use typhon_isa::{BinaryKind, CompareKind};
use typhon_object::args::Signature;
use typhon_object::dict::Dict;
use typhon_object::guarded;
use typhon_object::list::List;
use typhon_object::native::{self, MethodDef};
use typhon_object::plain::{self, is_key};
use typhon_object::quiet::{ends_quietly, refers_quietly};
use typhon_object::shape::ShapeId;
use typhon_object::strs::{self, Str};
use typhon_object::thread::current;
use typhon_object::tuple::{self, Tuple};
use typhon_object::ty::flag;
use typhon_object::types::bool_::BOOL;
use typhon_object::types::bytes::Bytes;
use typhon_object::types::cell::Cell as PyCell;
use typhon_object::types::enumerate::ENUMERATE;
use typhon_object::types::float::FLOAT;
use typhon_object::types::int::{INT, Long};
use typhon_object::types::list_::{self, LIST as LIST_TYPE};
use typhon_object::types::range::RANGE;
use typhon_object::types::set_::{self, Set};
use typhon_object::types::slice::{self, Bounds, Slice};
use typhon_object::types::str_::STR;
use typhon_object::types::tuple_::TUPLE as TUPLE_TYPE;
use typhon_object::types::type_;
use typhon_object::types::zip::ZIP;
use typhon_object::{Res, Thread, TypeObject, Value, attr, ids, ops, payload, type_of};

/// What `build` makes: lists, if the bit is set.
pub const LIST: i64 = 1 << 8;
/// It makes slices, if this bit is set.
pub const SLICE: i64 = 1 << 9;
/// How many values `build` takes at most.
pub const BUILT_MAX: usize = 4;
/// How many arguments natives take at most.
pub const NATIVE_MAX: usize = 3;
/// How many items of a sequence are looked at for a member.
const MEMBERS_MAX: usize = 256;
/// How many bits ints have at most that operators are given here.
const BITS_MAX: usize = 2048;
/// How many characters texts have at most that are joined here.
const JOINED_MAX: usize = 1024;
/// How many items are copied at most.
const COPIED_MAX: usize = 4096;

/// A word that its caller owns.
fn lent(word: &u64) -> &Value {
    Value::from_ref(word)
}

fn given(result: Res) -> u64 {
    // The interpreter raises it again.
    result.map_or(0, Value::into_raw)
}

pub(crate) extern "C" fn instance(t: u64, class: u64) -> u64 {
    let class = lent(&class).downcast::<TypeObject>();
    class.map_or(0, |class| given(payload::new_plain(thread(t), class)))
}

/// A definition and how many arguments it is given, as one operand: its address is a multiple of eight.
pub fn with_count(def: &'static MethodDef, n: usize) -> i64 {
    (std::ptr::from_ref(def) as usize | n).cast_signed() as i64
}

/// Whether other threads run at the same time: then what is written for one thread at a time wants the native lock, for which
/// machine code does not wait.
fn beside() -> bool {
    current().is_some_and(Thread::is_parallel)
}

/// A shape and the one that an object gets by filling the slot, if it gets one, as one operand.
pub fn with_next(shape: u32, next: Option<i64>) -> i64 {
    i64::from(shape) | next.map_or(-1, |next| next) << 32
}

pub(crate) extern "C" fn attr_put(object: u64, how: i64, offset: i64, v: u64) -> bool {
    let (shape, next) = (ShapeId(how as u32), u32::try_from(how >> 32).ok().map(ShapeId));
    let Ok(offset) = usize::try_from(offset) else { return false };
    // SAFETY: the trace was recorded with such a slot of objects of this shape, which get to the next one by filling it.
    unsafe { attr::store_remembered(lent(&object), shape, offset, lent(&v), next) }
}

pub(crate) extern "C" fn list_put(list: u64, i: i64, v: u64) -> bool {
    let Some(list) = lent(&list).exact::<List>() else { return false };
    usize::try_from(i).is_ok_and(|i| list.set(i, lent(&v).clone()))
}

pub(crate) extern "C" fn cell_put(t: u64, cell: u64, v: u64) {
    // The compiler names only registers that hold cells.
    if let Some(cell) = lent(&cell).exact::<PyCell>() {
        drop(cell.replace_on(thread(t), lent(&v).clone()));
    }
}

/// Whether a built-in type is made of such arguments without the native lock.
pub fn is_made_beside(class: &Value, args: &[Value]) -> bool {
    let atoms =
        [&RANGE, &INT, &FLOAT, &STR, &BOOL, &LIST_TYPE, &TUPLE_TYPE].into_iter().any(|d| class.is(&d.ty().value()));
    atoms && args.iter().all(guarded::is_atom) || copies(class) && args.iter().all(guarded::is_container)
}

/// Whether an iterator over a value of a built-in type is had without the native lock.
pub fn iterates_beside(v: &Value) -> bool {
    guarded::is_container(v) || guarded::is_iterator(v)
}

pub(crate) extern "C" fn native(t: u64, def: i64, signature: u64, a: u64, b: u64, c: u64) -> u64 {
    let n = def & 7;
    // SAFETY: see `with_count`; the trace has found the two in a native function: those are statics.
    let (def, signature) = unsafe { (&*((def & !7) as *const MethodDef), (signature as *const Signature).as_ref()) };
    if beside() && !with_values([a, b, c], n, |values| def.is_open(values)) {
        return 0;
    }
    with_args([a, b, c], n, |values| native::call_positional(thread(t), def, signature, values))
}

/// Whether a class is a built-in type that is made of plain arguments without running code.
pub fn is_made_tamely(class: &Value) -> bool {
    [&RANGE, &INT, &FLOAT, &STR, &BOOL, &LIST_TYPE, &TUPLE_TYPE, &ENUMERATE, &ZIP]
        .into_iter()
        .any(|def| class.is(&def.ty().value()))
}

/// Whether such a type may be given this container, too.
pub fn is_filled_tamely(class: &Value, v: &Value) -> bool {
    let iterates = [&ENUMERATE, &ZIP].into_iter().any(|def| class.is(&def.ty().value()));
    iterates && v.is_object() && !type_of(v).is_heap_type() || copies(class) && is_copied(v)
}

fn copies(class: &Value) -> bool {
    [&LIST_TYPE, &TUPLE_TYPE].into_iter().any(|def| class.is(&def.ty().value()))
}

fn is_copied(v: &Value) -> bool {
    let len = match v.header().map_or(0, |h| h.shape().0) {
        ids::LIST => v.expect::<List>().len(),
        ids::TUPLE => v.expect::<Tuple>().len(),
        ids::STR => v.expect::<Str>().len(),
        _ => usize::MAX,
    };
    len <= COPIED_MAX
}

pub(crate) extern "C" fn make(t: u64, class: u64, n: i64, a: u64, b: u64, c: u64) -> u64 {
    if copies(lent(&class)) && !is_copied(lent(&a)) {
        return 0;
    }
    if beside() && !with_values([a, b, c], n, |values| is_made_beside(lent(&class), values)) {
        return 0;
    }
    with_args([a, b, c], n, |values| type_::call_positional(thread(t), lent(&class), values))
}

fn with_args(words: [u64; NATIVE_MAX], n: i64, f: impl FnOnce(&[Value]) -> Res) -> u64 {
    given(with_values(words, n, f))
}

fn with_values<R>(words: [u64; NATIVE_MAX], n: i64, f: impl FnOnce(&[Value]) -> R) -> R {
    // SAFETY: the trace keeps the arguments meanwhile, and nobody drops these.
    let values = words.map(|word| ManuallyDrop::new(unsafe { Value::from_raw(word) }));
    // SAFETY: `ManuallyDrop` lies as what it holds does.
    let values: &[Value; NATIVE_MAX] = unsafe { &*std::ptr::from_ref(&values).cast() };
    f(&values[..usize::try_from(n).unwrap_or(0).min(NATIVE_MAX)])
}

pub(crate) extern "C" fn build(t: u64, how: i64, a: u64, b: u64, c: u64, d: u64) -> u64 {
    let mut words = [a, b, c, d];
    let n = (how & 0xff) as usize;
    let at = words.as_mut_ptr().cast::<Value>();
    // SAFETY: the trace hands over so many values; they are its own again if there is no memory.
    unsafe {
        if how & SLICE != 0 {
            let mut taken = words.map(|word| Value::from_raw(word)).into_iter();
            let mut next = || taken.next().unwrap_or_default();
            let (start, stop, step) = (next(), next(), if n == 3 { next() } else { Value::NONE });
            // There is always memory for so small an object.
            return given(slice::new(thread(t), start, stop, step));
        }
        given(if how & LIST != 0 { List::take_from(thread(t), at, n) } else { tuple::take(thread(t), at, n) })
    }
}

pub(crate) extern "C" fn list_push(t: u64, list: u64, v: u64) -> bool {
    let Some(list) = lent(&list).downcast::<List>() else { return false };
    if thread(t).is_shared() {
        // SAFETY: the trace hands the reference over, if that can be done.
        return list.push(thread(t), lent(&v).clone()).map(|()| drop(unsafe { Value::from_raw(v) })).is_ok();
    }
    push_alone(thread(t), list, v)
}

pub(crate) extern "C" fn list_push_own(t: u64, list: u64, v: u64) -> bool {
    lent(&list).downcast::<List>().is_some_and(|list| push_alone(thread(t), list, v))
}

/// Appends where nobody else changes the list.
fn push_alone(t: &Thread, list: &List, v: u64) -> bool {
    // The trace may have named the list once more since it asked: then its array is let go of as a shared list's is.
    let room = || list.grow_alone(t).and_then(|()| if list.is_full() { list.reserve(t, 1) } else { Ok(()) });
    if list.is_full() && room().is_err() {
        return false;
    }
    // SAFETY: the trace hands the reference over.
    list.push_within(unsafe { Value::from_raw(v) });
    true
}

pub(crate) extern "C" fn len(t: u64, v: u64) -> i64 {
    let v = lent(&v);
    if type_of(v).is_heap_type() || !is_measured_beside(v) {
        return -1;
    }
    ops::len(thread(t), v).ok().and_then(|n| i64::try_from(n).ok()).unwrap_or(-1)
}

fn yes(answer: Option<Res<bool>>) -> i64 {
    answer.and_then(Res::ok).map_or(-1, i64::from)
}

pub(crate) extern "C" fn truth(t: u64, v: u64) -> i64 {
    let v = lent(&v);
    yes((!type_of(v).is_heap_type() && is_measured_beside(v)).then(|| ops::truth(thread(t), v)))
}

/// Whether a value's length and truth are had without the native lock, if there are others who might want it.
fn is_measured_beside(v: &Value) -> bool {
    guarded::is_atom(v) || guarded::is_container(v) || !beside()
}

pub(crate) extern "C" fn equal(t: u64, a: u64, b: u64) -> i64 {
    yes(plain::equal(thread(t), lent(&a), lent(&b)))
}

/// Whether a value is an exact int that is not too long.
fn is_short_int(v: &Value) -> bool {
    v.is_small() || v.exact::<Long>().is_some_and(|n| n.big().as_sign_words().1.len() <= BITS_MAX / 64)
}

/// Whether an operator on two values runs no code and takes little time.
pub fn is_tame_binary(kind: BinaryKind, a: &Value, b: &Value) -> bool {
    use BinaryKind as K;
    let lens = match (a.exact::<Str>(), b.exact::<Str>(), a.exact::<Bytes>(), b.exact::<Bytes>()) {
        (Some(a), Some(b), ..) => Some((a.len(), b.len())),
        (.., Some(a), Some(b)) => Some((a.len(), b.len())),
        _ => None,
    };
    if let Some((a, b)) = lens {
        return kind.plain() == K::Add && a + b <= JOINED_MAX;
    }
    let shift = || b.as_small().and_then(|n| usize::try_from(n).ok()).is_some_and(|n| n <= BITS_MAX);
    is_short_int(a)
        && is_short_int(b)
        && match kind.plain() {
            K::Add | K::Sub | K::Mul | K::FloorDiv | K::Mod | K::And | K::Or | K::Xor => true,
            K::Shl | K::Shr => shift(),
            _ => false,
        }
}

pub(crate) extern "C" fn binary(t: u64, kind: i64, a: u64, b: u64) -> u64 {
    let (kind, a, b) = (BinaryKind::from_u8(kind as u8), lent(&a), lent(&b));
    if is_tame_binary(kind, a, b) { given(follow::operate(thread(t), kind, a, b)) } else { 0 }
}

pub(crate) extern "C" fn order(t: u64, kind: i64, a: u64, b: u64) -> i64 {
    let (a, b) = (lent(&a), lent(&b));
    let texts = a.exact::<Str>().is_some() && b.exact::<Str>().is_some();
    let told = texts || is_short_int(a) && is_short_int(b);
    yes(told.then(|| follow::compare(thread(t), CompareKind::from_u8(kind as u8), a, b)))
}

pub(crate) extern "C" fn member(t: u64, container: u64, v: u64) -> i64 {
    let (t, container, v) = (thread(t), lent(&container), lent(&v));
    if let Some(d) = container.exact::<Dict>() {
        return d.find_plain(t, v).map_or(-1, |found| i64::from(found.is_some()));
    }
    if let Some(set) = container.exact::<Set>() {
        return yes(set.has_plain(t, v).map(Ok));
    }
    if let (Some(text), Some(part)) = (container.exact::<Str>(), v.exact::<Str>()) {
        let short = text.len() <= MEMBERS_MAX && part.len() <= MEMBERS_MAX;
        return yes(short.then(|| ops::contains(t, container, v)));
    }
    if !is_key(v) {
        return -1;
    }
    let items = match (container.exact::<List>(), container.exact::<Tuple>()) {
        // Other threads may be taking items out.
        (Some(_), _) if beside() => return -1,
        // SAFETY: comparing plain values changes nothing, and the others are not asked.
        (Some(list), _) => unsafe { list.items() },
        (_, Some(tuple)) => tuple.items(),
        _ => return -1,
    };
    for item in items.iter().take(MEMBERS_MAX) {
        match plain::equal(t, item, v) {
            _ if item.is(v) => return 1,
            Some(Ok(false)) => {}
            Some(Ok(true)) => return 1,
            _ => return -1,
        }
    }
    if items.len() <= MEMBERS_MAX { 0 } else { -1 }
}

pub(crate) extern "C" fn dict_get(t: u64, d: u64, key: u64, default: u64) -> u64 {
    let Some(d) = lent(&d).exact::<Dict>() else { return 0 };
    d.find_plain(thread(t), lent(&key)).map_or(0, |found| found.unwrap_or(default))
}

pub(crate) extern "C" fn dict_put(t: u64, d: u64, key: u64, v: u64) -> bool {
    let (t, key, v) = (thread(t), lent(&key), lent(&v));
    let Some(d) = lent(&d).exact::<Dict>() else { return false };
    match d.find_plain(t, key) {
        Some(Some(old)) if !beside() && !ends_quietly(lent(&old)) => false,
        Some(_) => d.set(t, key, v).is_ok(),
        None => false,
    }
}

pub(crate) extern "C" fn set_add(t: u64, set: u64, key: u64) -> bool {
    let (t, key) = (thread(t), lent(&key));
    let Some(set) = lent(&set).exact::<Set>() else { return false };
    let Some(hash) = Some(key).filter(|key| is_key(key)).and_then(|key| set_::hash_element(t, key).ok()) else {
        return false;
    };
    if let Some(added) = set.insert_quick(t, key, hash) {
        return added.is_ok();
    }
    match set.has_plain(t, key) {
        Some(true) => true,
        Some(false) => set_::add(t, set, key).is_ok(),
        None => false,
    }
}

pub(crate) extern "C" fn str_item(t: u64, s: u64, i: i64) -> u64 {
    match (lent(&s).exact::<Str>(), usize::try_from(i)) {
        (Some(s), Ok(i)) if i < s.len() => given(strs::from_char(thread(t), s.at(i))),
        _ => 0,
    }
}

/// Whether a subscript of a built-in sequence runs no code: a number, or a slice of numbers.
pub fn has_items(v: &Value, key: &Value) -> bool {
    let sliced = |v: &Value| match v.exact::<Slice>() {
        // SAFETY: a slice's parts never change.
        Some(s) => unsafe { [s.start.peek(), s.stop.peek(), s.step.peek()].iter().all(|part| !part.is_object()) },
        None => false,
    };
    match v.header().map_or(0, |h| h.shape().0) {
        _ if beside() => {
            key.is_small() && [ids::LIST, ids::TUPLE, ids::STR].contains(&v.header().map_or(0, |h| h.shape().0))
        }
        _ if key.is_small() => !type_of(v).is_heap_type() && type_of(v).has_flag(flag::SEQUENCE),
        ids::LIST | ids::TUPLE | ids::STR => sliced(key) && is_copied(v),
        _ => false,
    }
}

pub(crate) extern "C" fn item(t: u64, v: u64, key: u64) -> u64 {
    let (v, key) = (lent(&v), lent(&key));
    if has_items(v, key) { given(ops::getitem(thread(t), v, key)) } else { 0 }
}

/// A slice of a list by numbers, without an object that says so.
pub(crate) extern "C" fn stride(t: u64, v: u64, start: u64, stop: u64, step: u64) -> u64 {
    let v = lent(&v);
    match (v.exact::<List>(), Bounds::of_words(lent(&start), lent(&stop), lent(&step))) {
        (Some(list), Some(bounds)) if !beside() && is_copied(v) => given(list_::within(thread(t), list, bounds)),
        _ => 0,
    }
}

/// Whether numbers are stored into a built-in sequence without anything else coming to an end.
pub fn takes_numbers(v: &Value) -> bool {
    let ty = type_of(v);
    !ty.is_heap_type() && ["bytearray", "array.array"].contains(&ty.def().name) && !beside()
}

pub(crate) extern "C" fn put_item(t: u64, v: u64, key: u64, value: u64) -> bool {
    !beside() && ops::setitem(thread(t), lent(&v), lent(&key), lent(&value)).is_ok()
}

pub(crate) extern "C" fn set_part(_: u64, list: u64, start: u64, stop: u64, items: u64) -> bool {
    !beside() && follow::replace(lent(&list), lent(&start), lent(&stop), lent(&items))
}

pub(crate) extern "C" fn part(t: u64, v: u64, start: u64, stop: u64) -> u64 {
    let v = lent(&v);
    if !is_copied(v) {
        return 0;
    }
    follow::part(thread(t), v, lent(&start), lent(&stop)).map_or(0, given)
}

pub(crate) extern "C" fn iter(t: u64, v: u64) -> u64 {
    let v = lent(&v);
    if type_of(v).is_heap_type() || beside() && !iterates_beside(v) { 0 } else { given(ops::iter(thread(t), v)) }
}

/// Iterators of whose `next` only the iterator itself notices anything.
pub const TAME_ITERATORS: &[u32] =
    &[ids::DICT_KEY_ITER, ids::DICT_VALUE_ITER, ids::DICT_ITEM_ITER, ids::SET_ITER, ids::STR_ITER];

pub(crate) extern "C" fn next(t: u64, it: u64) -> u64 {
    let it = lent(&it);
    // At its end it lets go of what it goes through.
    if !if beside() { guarded::is_iterator(it) } else { refers_quietly(it) } {
        return 0;
    }
    match type_of(it).slots().next {
        Some(next) => given(next(thread(t), it)),
        None => 0,
    }
}
