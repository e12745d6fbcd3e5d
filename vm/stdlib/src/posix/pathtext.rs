//! Paths as text: what `posixpath` has done natively.

use crate::world;
use typhon_object::strs::{self, Str};
use typhon_object::tuple;
use typhon_object::types::bytes::{self, Bytes};
use typhon_object::{Res, Thread, Value, error, type_of};

/// The units of a path, and how to make a path of the same kind.
fn units(t: &Thread, v: &Value) -> Res<(Vec<u32>, bool)> {
    let v = world::fspath(t, v)?;
    if let Some(b) = v.downcast::<Bytes>() {
        return Ok((b.as_slice().iter().map(|&c| u32::from(c)).collect(), true));
    }
    match v.downcast::<Str>() {
        Some(s) => Ok((s.units().iter().collect(), false)),
        None => Err(error::type_error(t, format_args!("expected str or bytes, not {}", type_of(&v).name()))),
    }
}

fn make(t: &Thread, units: &[u32], is_bytes: bool) -> Res {
    if !is_bytes {
        return strs::from_ucs4(t, units);
    }
    bytes::from_vec(t, units.iter().map(|&c| c as u8).collect())
}

const SLASH: u32 = 0x2f;
const DOT: u32 = 0x2e;

/// How many slashes begin a path, as far as they count: exactly two are their own root.
fn root_len(path: &[u32]) -> usize {
    match path.iter().take_while(|&&c| c == SLASH).count() {
        0 => 0,
        2 => 2,
        _ => 1,
    }
}

/// `_path_normpath(path)`.
pub fn normpath(t: &Thread, a: &[Value]) -> Res {
    let (path, is_bytes) = units(t, &a[0])?;
    if path.is_empty() {
        return make(t, &[DOT], is_bytes);
    }
    let root = root_len(&path);
    let mut parts: Vec<&[u32]> = Vec::new();
    for part in path.split(|&c| c == SLASH) {
        match part {
            [] | [DOT] => {}
            [DOT, DOT] => match parts.last() {
                Some([DOT, DOT]) => parts.push(part),
                Some(_) => {
                    parts.pop();
                }
                None if root == 0 => parts.push(part),
                None => {}
            },
            _ => parts.push(part),
        }
    }
    let mut out = vec![SLASH; root];
    out.extend(parts.join(&SLASH));
    if out.is_empty() {
        out.push(DOT);
    }
    make(t, &out, is_bytes)
}

/// `_path_splitroot_ex(path)`: drive, root, tail.
pub fn splitroot(t: &Thread, a: &[Value]) -> Res {
    let (path, is_bytes) = units(t, &a[0])?;
    let root = root_len(&path);
    let parts = [make(t, &[], is_bytes)?, make(t, &path[..root], is_bytes)?, make(t, &path[root..], is_bytes)?];
    tuple::from_array(t, parts)
}
