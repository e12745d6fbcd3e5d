//! list: sorting.
//!
//! A stable merge sort over positions: natural runs, short ones filled up by binary insertion, merged in the order of
//! their powers (Munro and Wild's powersort). Keys of one simple kind are compared as Rust values; whatever a comparison
//! raises leaves the list a permutation of what it was.

use crate::call;
use crate::error::{self, Res};
use crate::list::List;
use crate::ops::{self, CompareOp};
use crate::strs::Str;
use crate::thread::Thread;
use crate::tuple::Tuple;
use crate::value::Value;
use std::cmp::Ordering;

/// Up to so many ints or floats are sorted without a look at the breaker.
const AT_ONCE: usize = 2048;
/// So many items of two tuples are compared without a look at the breaker.
const GLANCE: usize = 64;

/// Sorts a list in place. The list is empty while Python code may look at it.
pub fn sort(t: &Thread, list: &List, key: Option<&Value>, reverse: bool) -> Res<()> {
    if list.len() < 2 && key.is_none() {
        return Ok(());
    }
    t.check_alloc(list.len() * 40)?;
    if key.is_none() && !t.has_siblings() {
        // SAFETY: the words of the list's items; `sort_simple` runs no Python code and drops nothing.
        let words = unsafe { std::slice::from_raw_parts_mut(list.data().cast::<u64>(), list.len()) };
        if let Some(done) = sort_simple(t, words, reverse) {
            return done;
        }
    }
    if t.has_siblings() {
        return sort_shared(t, list, key, reverse);
    }
    // The array goes to a list that nobody else sees; an array that the list has afterwards tells of a change.
    let aside = List::create(t)?;
    let aside = aside.expect::<List>();
    list.swap(aside);
    let mut items = aside.take();
    let done = match key {
        None => sort_words(t, words_of(&mut items), reverse),
        Some(key) => sort_by_key(t, &mut items, key, reverse),
    };
    let modified = list.capacity() > 0;
    aside.replace(t, items)?;
    list.swap(aside);
    done?;
    if modified { Err(error::value_error(t, "list modified during sort")) } else { Ok(()) }
}

/// As [`sort`], while other threads may use the list: its array stays its own. Items of the types of [`sort_simple`] are
/// sorted in one step for the others; what compares others, or asks for keys, runs with the native lock.
fn sort_shared(t: &Thread, list: &List, key: Option<&Value>, reverse: bool) -> Res<()> {
    if key.is_none()
        && let Some(done) = list.permute(|words| sort_simple(t, words, reverse))
    {
        return done;
    }
    let mut items = list.take();
    let was_in = t.enter_native();
    let done = match key {
        None => sort_words(t, words_of(&mut items), reverse),
        Some(key) => sort_by_key(t, &mut items, key, reverse),
    };
    t.leave_native(was_in);
    let modified = !list.is_empty();
    list.replace(t, items)?;
    done?;
    if modified { Err(error::value_error(t, "list modified during sort")) } else { Ok(()) }
}

/// The items as words, to be permuted.
fn words_of(items: &mut [Value]) -> &mut [u64] {
    // SAFETY: Value is a transparent u64. Callers only move the words about: each is there once when they are done.
    unsafe { std::slice::from_raw_parts_mut(items.as_mut_ptr().cast(), items.len()) }
}

/// Sorts items all of which are ints in the word, floats in the word or strs; `None` if they are anything else. No Python
/// code runs.
fn sort_simple(t: &Thread, words: &mut [u64], reverse: bool) -> Option<Res<()>> {
    let all = |test: fn(&Value) -> bool| words.iter().all(|word| test(Value::from_ref(word)));
    let kind = Value::from_ref(words.first()?);
    let done = if kind.is_small() && all(Value::is_small) {
        // Equal numbers are the same word, and the tag changes no order.
        if words.len() <= AT_ONCE {
            words.sort_unstable_by_key(|word| *word as i64);
            Ok(())
        } else {
            merge_sort(t, Thread::check_stop, words, |a, b| Ok((*a as i64) < *b as i64))
        }
    } else if kind.is_immediate_float() && all(Value::is_immediate_float) {
        // Neither zeros nor NaNs are among them.
        if words.len() <= AT_ONCE {
            words.sort_unstable_by(|a, b| float(*a).total_cmp(&float(*b)));
            Ok(())
        } else {
            merge_sort(t, Thread::check_stop, words, |a, b| Ok(float(*a) < float(*b)))
        }
    } else if kind.exact::<Str>().is_some() && all(|v| v.exact::<Str>().is_some()) {
        if reverse {
            words.reverse();
        }
        merge_sort(t, Thread::check_stop, words, |a, b| Ok(str_order(text(*a), text(*b)).is_lt()))
    } else {
        return None;
    };
    if reverse {
        words.reverse();
    }
    Some(done)
}

fn float(word: u64) -> f64 {
    Value::from_ref(&word).as_immediate_float().unwrap_or_default()
}

/// The str behind a word of which that is known.
fn text<'a>(word: u64) -> &'a Str {
    // SAFETY: `sort_simple` or `first_order` tested the type; the list keeps the object alive while it is sorted.
    unsafe { &*(word as *const Str) }
}

/// Sorts items of any kind by `<`. Equal ones keep their order, reversed or not.
fn sort_words(t: &Thread, words: &mut [u64], reverse: bool) -> Res<()> {
    if reverse {
        words.reverse();
    }
    let order = first_order(words.iter().map(Value::from_ref));
    let done = merge_sort(t, Thread::poll, words, |a, b| {
        let (a, b) = (Value::from_ref(a), Value::from_ref(b));
        less_by(t, order, a, b)
    });
    if reverse {
        words.reverse();
    }
    done
}

/// Sorts items by what `key` says of them.
fn sort_by_key(t: &Thread, items: &mut [Value], key: &Value, reverse: bool) -> Res<()> {
    let mut keys = Vec::with_capacity(items.len());
    for item in &*items {
        keys.push(call::call1(t, key, item)?);
        t.poll()?;
    }
    if let Some(mut rows) = rows(&keys, items, Value::as_small) {
        sort_rows(t, items, &mut rows, reverse, |a, b| Ok(a.0 < b.0))
    } else if let Some(mut rows) = rows(&keys, items, Value::as_immediate_float) {
        sort_rows(t, items, &mut rows, reverse, |a, b| Ok(a.0 < b.0))
    } else if let Some(mut rows) = rows(&keys, items, |v| v.exact::<Str>()) {
        sort_rows(t, items, &mut rows, reverse, |a, b| Ok(str_order(a.0, b.0).is_lt()))
    } else {
        let order = first_order(keys.iter());
        let mut rows: Vec<_> = keys.iter().zip(items.iter().map(Value::bits)).collect();
        sort_rows(t, items, &mut rows, reverse, |a, b| less_by(t, order, a.0, b.0))
    }
}

/// Every key as a simple value with its item's word, if all are of that kind.
fn rows<'a, T>(keys: &'a [Value], items: &[Value], read: impl Fn(&'a Value) -> Option<T>) -> Option<Vec<(T, u64)>> {
    let mut out = Vec::with_capacity(keys.len());
    for (key, item) in keys.iter().zip(items) {
        out.push((read(key)?, item.bits()));
    }
    Some(out)
}

/// Sorts the rows, and the items as they say; after an error the items are as they were.
fn sort_rows<T: Copy>(
    t: &Thread,
    items: &mut [Value],
    rows: &mut [(T, u64)],
    reverse: bool,
    less: impl FnMut(&(T, u64), &(T, u64)) -> Res<bool>,
) -> Res<()> {
    if reverse {
        rows.reverse();
    }
    merge_sort(t, Thread::poll, rows, less)?;
    if reverse {
        rows.reverse();
    }
    for (word, row) in words_of(items).iter_mut().zip(rows) {
        *word = row.1;
    }
    Ok(())
}

/// Orders texts by code points.
fn str_order(a: &Str, b: &Str) -> Ordering {
    if a.width() == 1 && b.width() == 1 { a.bytes().cmp(b.bytes()) } else { a.units().iter().cmp(b.units().iter()) }
}

/// The order of two tuples' first items, which are of one simple kind.
type FirstOrder = fn(&Value, &Value) -> Ordering;

/// If all values are tuples that begin with items of one simple kind: how those are ordered. Then most comparisons are
/// settled without asking `<` (CPython's `unsafe_tuple_compare`).
fn first_order<'a>(values: impl Iterator<Item = &'a Value> + Clone) -> Option<FirstOrder> {
    let all = |test: fn(&Value) -> bool| values.clone().all(|v| first(v).is_some_and(test));
    let kind = values.clone().next().and_then(first)?;
    if kind.is_small() && all(Value::is_small) {
        Some(|a, b| (a.bits() as i64).cmp(&(b.bits() as i64)))
    } else if kind.is_immediate_float() && all(Value::is_immediate_float) {
        Some(|a, b| float(a.bits()).total_cmp(&float(b.bits())))
    } else if kind.exact::<Str>().is_some() && all(|v| v.exact::<Str>().is_some()) {
        Some(|a, b| str_order(text(a.bits()), text(b.bits())))
    } else {
        None
    }
}

fn first(v: &Value) -> Option<&Value> {
    v.exact::<Tuple>()?.items().first()
}

#[inline]
fn less_by(t: &Thread, order: Option<FirstOrder>, a: &Value, b: &Value) -> Res<bool> {
    if let Some(order) = order
        && let (Some(x), Some(y)) = (first(a), first(b))
    {
        match order(x, y) {
            Ordering::Less => return Ok(true),
            Ordering::Greater => return Ok(false),
            Ordering::Equal => {}
        }
    }
    match (a.exact::<Tuple>(), b.exact::<Tuple>()) {
        (Some(x), Some(y)) => less_tuple(t, (a, x.items()), (b, y.items())),
        _ => less(t, a, b),
    }
}

/// `a < b` of two tuples: settled by the first items that differ, where these are numbers or bools in the word.
#[inline]
fn less_tuple(t: &Thread, (a, x): (&Value, &[Value]), (b, y): (&Value, &[Value])) -> Res<bool> {
    let Some((p, q)) = x.iter().zip(y).take(GLANCE).find(|(p, q)| !p.is(q)) else {
        return if x.len().min(y.len()) <= GLANCE { Ok(x.len() < y.len()) } else { less(t, a, b) };
    };
    if p.is_small() && q.is_small() || p.is_bool() && q.is_bool() {
        // The tags are the same, and change no order.
        Ok((p.bits() as i64) < q.bits() as i64)
    } else if p.is_immediate_float() && q.is_immediate_float() {
        Ok(float(p.bits()) < float(q.bits()))
    } else {
        less(t, a, b)
    }
}

#[inline]
fn less(t: &Thread, a: &Value, b: &Value) -> Res<bool> {
    let r = ops::compare(t, a, b, CompareOp::Lt)?;
    if r.is_bool() { Ok(r.is_true()) } else { ops::truth(t, &r) }
}

/// Runs shorter than this are filled up by insertion.
const MIN_RUN: usize = 32;

struct Run {
    start: usize,
    len: usize,
    power: u32,
}

/// Sorts rows, stably, by a comparison that may fail: then they are a permutation of what they were. `look` is how the
/// breaker is asked.
fn merge_sort<T: Copy>(
    t: &Thread,
    look: fn(&Thread) -> Res<()>,
    v: &mut [T],
    mut less: impl FnMut(&T, &T) -> Res<bool>,
) -> Res<()> {
    let n = v.len();
    let (mut stack, mut spare): (Vec<Run>, Vec<T>) = (Vec::new(), Vec::new());
    let mut start = 0;
    while start < n {
        let mut len = count_run(t, look, &mut v[start..], &mut less)?;
        if len < MIN_RUN {
            let want = MIN_RUN.min(n - start);
            insert_rest(&mut v[start..start + want], len, &mut less)?;
            len = want;
        }
        if let Some(last) = stack.last_mut() {
            last.power = power(last.start, last.len, len, n);
            let limit = last.power;
            while stack.len() > 1 && stack[stack.len() - 2].power > limit {
                merge_top(t, look, v, &mut stack, &mut spare, &mut less)?;
                if let Some(top) = stack.last_mut() {
                    top.power = limit;
                }
            }
        }
        stack.push(Run { start, len, power: 0 });
        start += len;
        look(t)?;
    }
    while stack.len() > 1 {
        merge_top(t, look, v, &mut stack, &mut spare, &mut less)?;
    }
    Ok(())
}

/// How deep the border between two neighbouring runs lies in a balanced tree over `n` items.
fn power(start: usize, left: usize, right: usize, n: usize) -> u32 {
    let (mut a, mut b, n) = (2 * start as u128 + left as u128, 0u128, n as u128);
    b += a + left as u128 + right as u128;
    let mut result = 0;
    loop {
        result += 1;
        if a >= n {
            a -= n;
            b -= n;
        } else if b >= n {
            return result;
        }
        a <<= 1;
        b <<= 1;
    }
}

/// The length of the run at the front; a descending one is turned around.
fn count_run<T: Copy>(
    t: &Thread,
    look: fn(&Thread) -> Res<()>,
    v: &mut [T],
    less: &mut impl FnMut(&T, &T) -> Res<bool>,
) -> Res<usize> {
    if v.len() < 2 {
        return Ok(v.len());
    }
    let down = less(&v[1], &v[0])?;
    let mut len = 2;
    while len < v.len() && less(&v[len], &v[len - 1])? == down {
        len += 1;
        if len % 1024 == 0 {
            look(t)?;
        }
    }
    if down {
        v[..len].reverse();
    }
    Ok(len)
}

/// Inserts the items behind the sorted first `len` ones, each at the place that a binary search finds.
fn insert_rest<T: Copy>(v: &mut [T], len: usize, less: &mut impl FnMut(&T, &T) -> Res<bool>) -> Res<()> {
    for i in len..v.len() {
        let item = v[i];
        let (mut low, mut high) = (0, i);
        while low < high {
            let middle = (low + high) / 2;
            if less(&item, &v[middle])? {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        v.copy_within(low..i, low + 1);
        v[low] = item;
    }
    Ok(())
}

fn merge_top<T: Copy>(
    t: &Thread,
    look: fn(&Thread) -> Res<()>,
    v: &mut [T],
    stack: &mut Vec<Run>,
    spare: &mut Vec<T>,
    less: &mut impl FnMut(&T, &T) -> Res<bool>,
) -> Res<()> {
    if let (Some(right), Some(left)) = (stack.pop(), stack.last_mut()) {
        left.len += right.len;
        merge(t, look, &mut v[left.start..left.start + left.len], right.start - left.start, spare, less)?;
    }
    Ok(())
}

/// Merges two sorted neighbours.
fn merge<T: Copy>(
    t: &Thread,
    look: fn(&Thread) -> Res<()>,
    v: &mut [T],
    middle: usize,
    spare: &mut Vec<T>,
    less: &mut impl FnMut(&T, &T) -> Res<bool>,
) -> Res<()> {
    if !less(&v[middle], &v[middle - 1])? {
        return Ok(());
    }
    spare.clear();
    spare.extend_from_slice(&v[..middle]);
    let (mut left, mut right, mut out) = (0, middle, 0);
    let mut step = || -> Res<()> {
        while left < spare.len() && right < v.len() {
            if less(&v[right], &spare[left])? {
                v[out] = v[right];
                right += 1;
            } else {
                v[out] = spare[left];
                left += 1;
            }
            out += 1;
            if out % 1024 == 0 {
                look(t)?;
            }
        }
        Ok(())
    };
    let done = step();
    // What is left of the first half fills exactly the gap in front of the second's rest, after an error too.
    let rest = spare.len() - left;
    v[out..out + rest].copy_from_slice(&spare[left..]);
    done
}
