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
use crate::value::Value;
use std::cmp::Ordering;

/// Sorts a list in place. The list is empty while Python code may look at it.
pub fn sort(t: &Thread, list: &List, key: Option<&Value>, reverse: bool) -> Res<()> {
    t.check_alloc(list.len() * 40)?;
    // The array goes to a list that nobody else sees; an array that the list has afterwards tells of a change.
    let aside = List::create(t)?;
    let aside = aside.expect::<List>();
    list.swap(aside);
    let items = aside.take();
    let order = keys_of(t, &items, key).and_then(|keys| order(t, keys.as_deref().unwrap_or(&items), reverse));
    let modified = list.capacity() > 0;
    let mut failed = None;
    let sorted = match order {
        Ok(order) => permute(items, &order),
        Err(e) => {
            failed = Some(e);
            items
        }
    };
    aside.replace(t, sorted)?;
    list.swap(aside);
    match failed {
        Some(e) => Err(e),
        None if modified => Err(error::value_error(t, "list modified during sort")),
        None => Ok(()),
    }
}

fn keys_of(t: &Thread, items: &[Value], key: Option<&Value>) -> Res<Option<Vec<Value>>> {
    let Some(key) = key else { return Ok(None) };
    let mut keys = Vec::with_capacity(items.len());
    for item in items {
        keys.push(call::call1(t, key, item)?);
        t.poll()?;
    }
    Ok(Some(keys))
}

/// The items in the given order.
fn permute(items: Vec<Value>, order: &[u32]) -> Vec<Value> {
    let mut items: Vec<Option<Value>> = items.into_iter().map(Some).collect();
    order.iter().filter_map(|&i| items[i as usize].take()).collect()
}

/// Positions of the keys in sorted order. Equal keys keep their order, reversed or not.
fn order(t: &Thread, keys: &[Value], reverse: bool) -> Res<Vec<u32>> {
    if u32::try_from(keys.len()).is_err() {
        return Err(t.memory_error());
    }
    let mut out = if let Some(mut row) = rows(keys, reverse, Value::as_small) {
        merge_sort(t, &mut row, |a, b| Ok(a.0 < b.0))?;
        positions(&row)
    } else if let Some(mut row) = rows(keys, reverse, Value::as_immediate_float) {
        merge_sort(t, &mut row, |a, b| Ok(a.0 < b.0))?;
        positions(&row)
    } else if let Some(mut row) = rows(keys, reverse, |v| v.exact::<Str>()) {
        merge_sort(t, &mut row, |a, b| Ok(str_order(a.0, b.0).is_lt()))?;
        positions(&row)
    } else {
        let Some(mut row) = rows(keys, reverse, Some) else { return Ok(Vec::new()) };
        merge_sort(t, &mut row, |a, b| less(t, a.0, b.0))?;
        positions(&row)
    };
    if reverse {
        out.reverse();
    }
    Ok(out)
}

/// Every key as a simple value with its position, if all are of that kind; back to front for a reversed sort.
fn rows<'a, T>(keys: &'a [Value], reverse: bool, read: impl Fn(&'a Value) -> Option<T>) -> Option<Vec<(T, u32)>> {
    let mut out = Vec::with_capacity(keys.len());
    for (i, key) in keys.iter().enumerate() {
        out.push((read(key)?, i as u32));
    }
    if reverse {
        out.reverse();
    }
    Some(out)
}

fn positions<T>(rows: &[(T, u32)]) -> Vec<u32> {
    rows.iter().map(|r| r.1).collect()
}

/// Orders texts by code points.
fn str_order(a: &Str, b: &Str) -> Ordering {
    if a.width() == 1 && b.width() == 1 { a.bytes().cmp(b.bytes()) } else { a.units().iter().cmp(b.units().iter()) }
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

/// Sorts rows, stably, by a comparison that may fail.
fn merge_sort<T: Copy>(t: &Thread, v: &mut [T], mut less: impl FnMut(&T, &T) -> Res<bool>) -> Res<()> {
    let n = v.len();
    let (mut stack, mut spare): (Vec<Run>, Vec<T>) = (Vec::new(), Vec::new());
    let mut start = 0;
    while start < n {
        let mut len = count_run(t, &mut v[start..], &mut less)?;
        if len < MIN_RUN {
            let want = MIN_RUN.min(n - start);
            insert_rest(&mut v[start..start + want], len, &mut less)?;
            len = want;
        }
        if let Some(last) = stack.last_mut() {
            last.power = power(last.start, last.len, len, n);
            let limit = last.power;
            while stack.len() > 1 && stack[stack.len() - 2].power > limit {
                merge_top(t, v, &mut stack, &mut spare, &mut less)?;
                if let Some(top) = stack.last_mut() {
                    top.power = limit;
                }
            }
        }
        stack.push(Run { start, len, power: 0 });
        start += len;
        t.poll()?;
    }
    while stack.len() > 1 {
        merge_top(t, v, &mut stack, &mut spare, &mut less)?;
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
fn count_run<T: Copy>(t: &Thread, v: &mut [T], less: &mut impl FnMut(&T, &T) -> Res<bool>) -> Res<usize> {
    if v.len() < 2 {
        return Ok(v.len());
    }
    let down = less(&v[1], &v[0])?;
    let mut len = 2;
    while len < v.len() && less(&v[len], &v[len - 1])? == down {
        len += 1;
        if len % 1024 == 0 {
            t.poll()?;
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
    v: &mut [T],
    stack: &mut Vec<Run>,
    spare: &mut Vec<T>,
    less: &mut impl FnMut(&T, &T) -> Res<bool>,
) -> Res<()> {
    if let (Some(right), Some(left)) = (stack.pop(), stack.last_mut()) {
        left.len += right.len;
        merge(t, &mut v[left.start..left.start + left.len], right.start - left.start, spare, less)?;
    }
    Ok(())
}

/// Merges two sorted neighbours.
fn merge<T: Copy>(
    t: &Thread,
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
            t.poll()?;
        }
    }
    let rest = spare.len() - left;
    v[out..out + rest].copy_from_slice(&spare[left..]);
    Ok(())
}
