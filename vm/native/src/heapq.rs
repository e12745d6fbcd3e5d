//! _heapq.

use typhon_object::error::{self, Res};
use typhon_object::list::List;
use typhon_object::native::{MethodDef, ModuleDef, def};
use typhon_object::ops::{self, CompareOp};
use typhon_object::{Thread, Value, type_of};

/// _heapq.
pub static MODULE: ModuleDef = ModuleDef {
    name: "_heapq",
    doc: "Heap queue algorithm (a.k.a. priority queue).\n",
    functions: FUNCTIONS,
    types: &[],
    init: None,
};

const FUNCTIONS: &[MethodDef] = &[
    def(
        "heappush",
        "($module, heap, item, /)",
        |t, a| push(t, a, Order::Min),
        "Push item onto heap, maintaining the heap invariant.",
    ),
    def(
        "heappushpop",
        "($module, heap, item, /)",
        |t, a| push_pop(t, a, Order::Min),
        "Push item on the heap, then pop and return the smallest item from the heap.\n\nThe combined action runs more efficiently than heappush() followed by\na separate call to heappop().",
    ),
    def(
        "heappop",
        "($module, heap, /)",
        |t, a| pop(t, a, Order::Min),
        "Pop the smallest item off the heap, maintaining the heap invariant.",
    ),
    def(
        "heapreplace",
        "($module, heap, item, /)",
        |t, a| replace(t, a, Order::Min),
        "Pop and return the current smallest value, and add the new item.\n\nThis is more efficient than heappop() followed by heappush(), and can be\nmore appropriate when using a fixed-size heap.  Note that the value\nreturned may be larger than item!  That constrains reasonable uses of\nthis routine unless written as part of a conditional replacement:\n\n    if item > heap[0]:\n        item = heapreplace(heap, item)",
    ),
    def(
        "heapify",
        "($module, heap, /)",
        |t, a| heapify(t, a, Order::Min),
        "Transform list into a heap, in-place, in O(len(heap)) time.",
    ),
    def(
        "heappush_max",
        "($module, heap, item, /)",
        |t, a| push(t, a, Order::Max),
        "Push item onto max heap, maintaining the heap invariant.",
    ),
    def(
        "heappushpop_max",
        "($module, heap, item, /)",
        |t, a| push_pop(t, a, Order::Max),
        "Maxheap variant of heappushpop.\n\nThe combined action runs more efficiently than heappush_max() followed by\na separate call to heappop_max().",
    ),
    def("heappop_max", "($module, heap, /)", |t, a| pop(t, a, Order::Max), "Maxheap variant of heappop."),
    def(
        "heapreplace_max",
        "($module, heap, item, /)",
        |t, a| replace(t, a, Order::Max),
        "Maxheap variant of heapreplace.",
    ),
    def("heapify_max", "($module, heap, /)", |t, a| heapify(t, a, Order::Max), "Maxheap variant of heapify."),
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    Min,
    Max,
}

fn list<'a>(t: &Thread, a: &'a [Value], function: &str) -> Res<&'a List> {
    a[0].downcast::<List>().ok_or_else(|| {
        let name = type_of(&a[0]).name();
        if a.len() > 1 {
            error::type_error(t, format_args!("{function}() argument 1 must be list, not {name}"))
        } else {
            error::type_error(t, format_args!("{function}() argument must be list, not {name}"))
        }
    })
}

fn named(order: Order, min: &'static str, max: &'static str) -> &'static str {
    if order == Order::Min { min } else { max }
}

/// Whether `x` belongs nearer the top than `y`.
#[inline]
fn above(t: &Thread, order: Order, x: &Value, y: &Value) -> Res<bool> {
    let (x, y) = if order == Order::Min { (x, y) } else { (y, x) };
    ops::truth(t, &ops::compare(t, x, y, CompareOp::Lt)?)
}

fn item(t: &Thread, heap: &List, i: usize) -> Res {
    heap.get(i).ok_or_else(|| error::index_error(t, "index out of range"))
}

fn swap(t: &Thread, heap: &List, i: usize, j: usize) -> Res<()> {
    let (x, y) = (item(t, heap, i)?, item(t, heap, j)?);
    heap.set(i, y);
    heap.set(j, x);
    Ok(())
}

/// RuntimeError if a comparison has changed the list's size.
fn unchanged(t: &Thread, heap: &List, len: usize) -> Res<()> {
    if heap.len() == len {
        return Ok(());
    }
    Err(error::runtime_error(t, "list changed size during iteration"))
}

/// Moves the item at `i` up to its place, not above `top`.
fn rise(t: &Thread, heap: &List, top: usize, mut i: usize, order: Order) -> Res<()> {
    let len = heap.len();
    while i > top {
        let parent = (i - 1) / 2;
        let (x, y) = (item(t, heap, i)?, item(t, heap, parent)?);
        let up = above(t, order, &x, &y)?;
        unchanged(t, heap, len)?;
        if !up {
            break;
        }
        swap(t, heap, i, parent)?;
        i = parent;
    }
    Ok(())
}

/// Moves the item at `i` down to a leaf along the better children, then up to its place.
fn sink(t: &Thread, heap: &List, mut i: usize, order: Order) -> Res<()> {
    let (top, len) = (i, heap.len());
    while 2 * i + 1 < len {
        let mut child = 2 * i + 1;
        if child + 1 < len {
            let (x, y) = (item(t, heap, child)?, item(t, heap, child + 1)?);
            let left = above(t, order, &x, &y)?;
            unchanged(t, heap, len)?;
            child += usize::from(!left);
        }
        swap(t, heap, child, i)?;
        i = child;
    }
    t.poll()?;
    rise(t, heap, top, i, order)
}

fn push(t: &Thread, a: &[Value], order: Order) -> Res {
    let heap = list(t, a, named(order, "heappush", "heappush_max"))?;
    heap.push(t, a[1].clone())?;
    rise(t, heap, 0, heap.len() - 1, order)?;
    Ok(Value::NONE)
}

fn pop(t: &Thread, a: &[Value], order: Order) -> Res {
    let heap = list(t, a, named(order, "heappop", "heappop_max"))?;
    let Some(last) = heap.pop() else { return Err(error::index_error(t, "index out of range")) };
    let Some(first) = heap.get(0) else { return Ok(last) };
    heap.set(0, last);
    sink(t, heap, 0, order)?;
    Ok(first)
}

fn replace(t: &Thread, a: &[Value], order: Order) -> Res {
    let heap = list(t, a, named(order, "heapreplace", "heapreplace_max"))?;
    let first = item(t, heap, 0)?;
    heap.set(0, a[1].clone());
    sink(t, heap, 0, order)?;
    Ok(first)
}

fn push_pop(t: &Thread, a: &[Value], order: Order) -> Res {
    let heap = list(t, a, named(order, "heappushpop", "heappushpop_max"))?;
    let Some(first) = heap.get(0) else { return Ok(a[1].clone()) };
    if !above(t, order, &first, &a[1])? {
        return Ok(a[1].clone());
    }
    let first = item(t, heap, 0)?;
    heap.set(0, a[1].clone());
    sink(t, heap, 0, order)?;
    Ok(first)
}

fn heapify(t: &Thread, a: &[Value], order: Order) -> Res {
    let heap = list(t, a, named(order, "heapify", "heapify_max"))?;
    for i in (0..heap.len() / 2).rev() {
        sink(t, heap, i, order)?;
    }
    Ok(Value::NONE)
}
