//! blake2b and blake2s: parameters.

use super::state::State;
use super::{absorb, initial, make};
use crate::ctor::bind;
use typhon_object::args::Args;
use typhon_object::buffer;
use typhon_object::error::{self, Res};
use typhon_object::native::{MethodDef, def};
use typhon_object::types::int;
use typhon_object::{Thread, Value, convert, ops};

const SIGNATURE: &str = "($type, data=b'', *, digest_size=None, key=b'', salt=b'', person=b'', fanout=1, depth=1, leaf_size=0, node_offset=0, node_depth=0, inner_size=0, last_node=False, usedforsecurity=True, string=None)";

static NEW_B: MethodDef = def("blake2b", SIGNATURE, |t, a| start(t, a, true), "");
static NEW_S: MethodDef = def("blake2s", SIGNATURE, |t, a| start(t, a, false), "");

pub(super) fn new_b(t: &Thread, class: &Value, args: Args<'_>) -> Res {
    bind(t, &NEW_B, class, args)
}

pub(super) fn new_s(t: &Thread, class: &Value, args: Args<'_>) -> Res {
    bind(t, &NEW_S, class, args)
}

/// Bytes of at most `max` length.
fn short(t: &Thread, v: &Value, what: &str, max: usize) -> Res<Vec<u8>> {
    let Some(v) = v.opt() else { return Ok(Vec::new()) };
    let lent = buffer::get(t, v, buffer::SIMPLE)?;
    if lent.len > max {
        return Err(error::value_error(t, format_args!("maximum {what} length is {max} bytes")));
    }
    Ok(lent.as_slice().to_vec())
}

fn small(t: &Thread, v: &Value, default: u8, low: i32, text: &str, high: i32) -> Res<u8> {
    let Some(v) = v.opt() else { return Ok(default) };
    let i = convert::to_i32(t, v)?;
    if (low..=high).contains(&i) { Ok(i as u8) } else { Err(error::value_error(t, text)) }
}

fn unsigned(t: &Thread, v: &Value, name: &str, max: u64, c_type: &str) -> Res<u64> {
    let Some(v) = v.opt() else { return Ok(0) };
    let i = convert::to_index(t, v)?;
    if int::is_negative(&i) {
        return Err(error::value_error(t, "Cannot convert negative int"));
    }
    match int::to_u64(&i) {
        None => Err(error::overflow_error(t, format_args!("Python int too large for C {c_type}"))),
        Some(i) if i > max => Err(error::overflow_error(t, format_args!("{name} is too large"))),
        Some(i) => Ok(i),
    }
}

fn start(t: &Thread, a: &[Value], wide: bool) -> Res {
    let (name, max, side) = if wide { ("b", 64, 16) } else { ("s", 32, 8) };
    let data = initial(t, &a[1], &a[14])?;
    let size = a[2].non_none().map_or(Ok(max as i32), |v| convert::to_i32(t, v))?;
    if size < 1 || size > max as i32 {
        let text = format!("digest_size for Blake2{name} must be between 1 and {max} bytes, here it is {size}");
        return Err(error::value_error(t, text));
    }
    let size = size as usize;
    let salt = short(t, &a[4], "salt", side)?;
    let person = short(t, &a[5], "person", side)?;
    let fanout = small(t, &a[6], 1, 0, "fanout must be between 0 and 255", 255)?;
    let depth = small(t, &a[7], 1, 1, "depth must be between 1 and 255", 255)?;
    let leaf = unsigned(t, &a[8], "leaf_size", u64::from(u32::MAX), "unsigned long")? as u32;
    let offset_max = if wide { u64::MAX } else { (1 << 48) - 1 };
    let offset = unsigned(t, &a[9], "node_offset", offset_max, "unsigned long long")?;
    let node_depth = small(t, &a[10], 0, 0, "node_depth must be between 0 and 255", 255)?;
    let inner_text = format!("inner_size must be between 0 and is {max}");
    let inner = usize::from(small(t, &a[11], 0, 0, &inner_text, max as i32)?);
    let key = short(t, &a[3], "key", max)?;
    let last = a[12].opt().map_or(Ok(false), |v| ops::truth(t, v))?;
    macro_rules! state {
        ($lib:ident) => {{
            let mut params = $lib::Params::new();
            params.hash_length(size).key(&key).fanout(fanout).max_depth(depth).max_leaf_length(leaf);
            params.node_offset(offset).node_depth(node_depth).inner_hash_length(inner).last_node(last);
            params.salt(&salt).personal(&person);
            params.to_state()
        }};
    }
    let mut state =
        if wide { State::Blake2b(state!(blake2b_simd), size) } else { State::Blake2s(state!(blake2s_simd), size) };
    if let Some(data) = data {
        absorb(t, &mut state, data)?;
    }
    if wide { make::<12>(t, state) } else { make::<13>(t, state) }
}
