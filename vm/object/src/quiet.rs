//! Quiet ends: whether giving up a reference would run code that somebody else has written.
//!
//! Machine code keeps values in registers where nobody else can look for them. Before it gives up what may be the last
//! reference to an object it asks here: if the end of the object, and of what would die with it, has no finalizer and no
//! weak reference's callback, nobody looks.

use crate::gc::edges;
use crate::header::{Header, flag};
use crate::ids;
use crate::list::List;
use crate::tuple::Tuple;
use crate::types::set_;
use crate::types::slice::Slice;
use crate::value::Value;
use smallvec::SmallVec;

/// So many references are followed; what takes more is taken for loud.
const EDGES_MAX: usize = 200;

/// Whether giving up what an object refers to runs no code.
pub fn refers_quietly(v: &Value) -> bool {
    let mut quiet = true;
    if let Some(header) = v.header() {
        edges(header, &mut |v| quiet = quiet && ends_quietly(v));
    }
    quiet
}

/// Whether one reference less to `v` runs no code.
pub fn ends_quietly(v: &Value) -> bool {
    let Some(header) = v.header() else { return true };
    if header.count() > 1 {
        return true;
    }
    // Most of what dies refers to no objects.
    if ends_alone(v) {
        return !header.has(flag::WEAKREFS);
    }
    // References to each object found, that would be given up.
    let mut found: SmallVec<[(*const Header, u32); 16]> = SmallVec::new();
    let mut dying: SmallVec<[*const Header; 16]> = SmallVec::new();
    let mut left = EDGES_MAX;
    dying.push(header);
    while let Some(at) = dying.pop() {
        // SAFETY: the object is alive: references to it are followed, not given up.
        let header = unsafe { &*at };
        // SAFETY: a shape's type lives as long as objects of that shape.
        let finalizes = unsafe { header.shape().get().ty.as_ref() }.has_finalizer() && !header.has(flag::FINALIZED);
        if finalizes || header.has(flag::WEAKREFS) {
            return false;
        }
        let mut loud = false;
        edges(header, &mut |v| {
            let Some(to) = v.header() else { return };
            if left == 0 {
                loud = true;
                return;
            }
            left -= 1;
            if to.is_immortal() {
                return;
            }
            let count = to.count();
            // So many are not given up here.
            if count as usize > EDGES_MAX {
                return;
            }
            let times = match found.iter_mut().find(|(other, _)| std::ptr::eq(*other, to)) {
                Some((_, times)) => {
                    *times += 1;
                    *times
                }
                None => {
                    // Seldom more than a few: most have other references, and then it does not matter.
                    found.push((to, 1));
                    1
                }
            };
            if times == count {
                dying.push(to);
            }
        });
        if loud {
            return false;
        }
    }
    true
}

/// Whether an object of a core type refers to no other.
pub fn ends_alone(v: &Value) -> bool {
    let plain = |items: &[Value]| items.len() <= EDGES_MAX && items.iter().all(|item| !item.is_object());
    match v.header().map_or(0, |h| h.shape().0) {
        ids::STR | ids::INT | ids::FLOAT | ids::BYTES | ids::RANGE_ITER => true,
        // SAFETY: nothing is changed while the items are looked at.
        ids::LIST => plain(unsafe { v.expect::<List>().items() }),
        ids::TUPLE => plain(v.expect::<Tuple>().items()),
        // SAFETY: as above.
        ids::SLICE => v.exact::<Slice>().is_some_and(|s| unsafe {
            [s.start.peek(), s.stop.peek(), s.step.peek()].iter().all(|part| !part.is_object())
        }),
        ids::SET | ids::FROZENSET => set_::exactly(v).is_some_and(|set| set.holds_words(EDGES_MAX)),
        _ => false,
    }
}
