//! _uuid: time-based UUIDs.
//!
//! As libuuid without its daemon: the version is 1, the node is random with the multicast bit set (RFC 9562, 6.10), and two
//! processes are told apart by that alone, which is what "not safe" says.

use crate::world;
use std::cell::Cell;
use typhon_object::dict::Dict;
use typhon_object::error::Res;
use typhon_object::names;
use typhon_object::native::{ModuleDef, def};
use typhon_object::types::{bytes, module};
use typhon_object::{Thread, Value, tuple};

/// _uuid.
pub static MODULE: ModuleDef = ModuleDef {
    name: "_uuid",
    doc: "",
    functions: &[def("generate_time_safe", "($module, /)", generate, "")],
    types: &[],
    init: Some(|t, this| {
        let dict = module::dict_of(t, this);
        for (name, n) in [("has_uuid_generate_time_safe", 1), ("has_stable_extractable_node", 0)] {
            Dict::of(&dict).set_str(t, &names::intern_text(t, name), Value::small(n))?;
        }
        Ok(())
    }),
};

/// 100-nanosecond steps from 15 October 1582 to 1 January 1970.
const GREGORIAN: u64 = 0x01b2_1dd2_1381_4000;

/// An isolate's node and clock sequence, and the last time given out.
#[derive(Default)]
struct Node {
    random: Cell<Option<[u8; 8]>>,
    last: Cell<u64>,
}

fn generate(t: &Thread, _: &[Value]) -> Res {
    let node = t.state::<Node>();
    let random = match node.random.get() {
        Some(random) => random,
        None => {
            let mut random = [0; 8];
            world::host(t)?.entropy(&mut random).map_err(|e| world::host_error(t, e, None))?;
            node.random.set(Some(random));
            random
        }
    };
    let now = world::host(t)?.wall_clock();
    let ticks = u64::try_from(now.as_nanos() / 100).unwrap_or(0).wrapping_add(GREGORIAN).max(node.last.get() + 1);
    node.last.set(ticks);
    let mut out = [0; 16];
    out[..4].copy_from_slice(&(ticks as u32).to_be_bytes());
    out[4..6].copy_from_slice(&((ticks >> 32) as u16).to_be_bytes());
    out[6..8].copy_from_slice(&((ticks >> 48) as u16 & 0x0fff | 0x1000).to_be_bytes());
    out[8..].copy_from_slice(&random);
    out[8] = out[8] & 0x3f | 0x80;
    out[10] |= 1;
    tuple::from_array(t, [bytes::new(t, &out)?, Value::small(-1)])
}
