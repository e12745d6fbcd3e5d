//! `_thread._local`: attributes of a thread's own.
//!
//! The object's dict is the running thread's: an access from another thread first puts that one's in its place.

use super::turns;
use std::cell::{Cell, RefCell};
use typhon_object::dict::Dict;
use typhon_object::header::Header;
use typhon_object::names::{self, n};
use typhon_object::native::getter;
use typhon_object::slots::Slots;
use typhon_object::store::Slot;
use typhon_object::strs;
use typhon_object::ty::{TypeDef, flag};
use typhon_object::{Args, Res, Thread, Value, attr, error, payload, type_of};

/// Attributes of a thread's own.
#[repr(C)]
pub struct Local {
    header: Header,
    dict: Slot,
    /// Whose dict is in place; 0 is nobody's.
    owner: Cell<u64>,
    /// The dicts of the others.
    others: RefCell<Vec<(u64, Slot)>>,
    /// What `__init__` is called with in each thread, keywords last.
    args: RefCell<(Vec<Slot>, Vec<Slot>)>,
}

typhon_object::payload!(Local => LOCAL {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        // SAFETY: the collector's visitor stores nothing.
        unsafe {
            visit(self.dict.peek());
            self.others.borrow().iter().for_each(|(_, d)| visit(d.peek()));
            self.args.borrow().0.iter().for_each(|v| visit(v.peek()));
        }
    }
    fn clear(&self) {
        drop(self.dict.take());
        let others = self.others.take();
        drop(others);
        let args = self.args.take();
        drop(args);
    }
});

/// `_thread._local`.
pub static LOCAL: TypeDef = TypeDef {
    name: "_thread._local",
    doc: "Thread-local data",
    flags: flag::BASETYPE | flag::WEAKREFS,
    dict_offset: std::mem::offset_of!(Local, dict),
    slots: Slots { new: Some(new), getattr: Some(get), setattr: Some(set), ..Slots::NONE },
    getset: &[getter("__dict__", dict, "")],
    ..TypeDef::of::<Local>()
};

/// Every local of the isolate that has dicts of several threads, weakly: what a thread leaves behind goes when it ends.
#[derive(Default)]
struct Shared(RefCell<Vec<usize>>);

fn new(t: &Thread, class: &Value, args: Args<'_>) -> Res {
    let v = payload::new_for(t, class, |header| Local {
        header,
        dict: Slot::empty(),
        owner: Cell::new(0),
        others: RefCell::default(),
        args: RefCell::default(),
    })?;
    let own_init = type_of(&v).slots().init.map(|f| f as usize);
    let base_init = LOCAL.ty().slots().init.map(|f| f as usize);
    if !args.values.is_empty() && own_init == base_init {
        return Err(error::type_error(t, "Initialization arguments are not supported"));
    }
    let local = v.expect::<Local>();
    let kept = |values: &[Value]| -> Vec<Slot> {
        let keep = |v: &Value| {
            let slot = Slot::empty();
            slot.set(&local.header, v.clone());
            slot
        };
        values.iter().map(keep).collect()
    };
    local.args.replace((kept(args.values), kept(args.names)));
    // The thread that makes it gets its `__init__` from `type.__call__`.
    local.owner.set(turns::current());
    Ok(v)
}

/// Puts the running thread's dict in place; in a thread that comes for the first time, `__init__` runs again.
fn select(t: &Thread, v: &Value) -> Res<()> {
    let local = v.expect::<Local>();
    let me = turns::current();
    if local.owner.get() == me {
        return Ok(());
    }
    let ty = type_of(v);
    let old = attr::instance_dict(t, ty, &local.header)?;
    let found = {
        let mut others = local.others.borrow_mut();
        let at = others.iter().position(|(who, _)| *who == me);
        let found = at.map(|i| others.swap_remove(i).1.take());
        let slot = Slot::empty();
        slot.set(&local.header, old);
        others.push((local.owner.get(), slot));
        found
    };
    let fresh = found.is_none();
    let dict = found.unwrap_or_else(|| Dict::create(t));
    attr::set_instance_dict(t, ty, &local.header, dict)?;
    local.owner.set(me);
    if fresh {
        t.state::<Shared>().0.borrow_mut().push(std::ptr::from_ref(local) as usize);
        if let Some(init) = ty.slots().init {
            let (values, names) = {
                let args = local.args.borrow();
                let copy = |slots: &[Slot]| -> Vec<Value> { slots.iter().map(Slot::get).collect() };
                (copy(&args.0), copy(&args.1))
            };
            init(t, v, Args { values: &values, names: &names })?;
            // Others may have run meanwhile. This thread's dict is there now.
            return select(t, v);
        }
    }
    Ok(())
}

impl Drop for Local {
    fn drop(&mut self) {
        if let Some(t) = typhon_object::thread::current() {
            let me = std::ptr::from_ref(self) as usize;
            t.state::<Shared>().0.borrow_mut().retain(|at| *at != me);
        }
    }
}

/// A thread has ended: its attributes go.
pub fn forget(t: &Thread, who: u64) {
    let all: Vec<usize> = t.state::<Shared>().0.borrow().clone();
    for at in all {
        // SAFETY: a local leaves the list when it is dropped, and dropping the dicts below may drop only ones that are
        // looked at again through the list.
        if !t.state::<Shared>().0.borrow().contains(&at) {
            continue;
        }
        // SAFETY: as above.
        let local = unsafe { &*(at as *const Local) };
        let left = {
            let mut others = local.others.borrow_mut();
            let at = others.iter().position(|(other, _)| *other == who);
            at.map(|i| others.swap_remove(i))
        };
        if left.is_none() && local.owner.get() == who {
            // The next thread finds nothing in place.
            local.owner.set(0);
            let ty = local.header.shape().get().ty;
            // SAFETY: a shape's type lives as long as objects of that shape.
            let ty = unsafe { ty.as_ref() };
            drop(attr::set_instance_dict(t, ty, &local.header, Dict::create(t)));
        }
        drop(left);
    }
}

fn get(t: &Thread, v: &Value, name: &Value) -> Res {
    select(t, v)?;
    attr::generic_get(t, v, name)
}

fn dict(t: &Thread, v: &Value) -> Res {
    select(t, v)?;
    attr::instance_dict(t, type_of(v), &v.expect::<Local>().header)
}

fn set(t: &Thread, v: &Value, name: &Value, value: Option<&Value>) -> Res<()> {
    attr::check_name(t, name)?;
    if strs::eq_str(name, "__dict__") {
        let ty = type_of(v).name();
        let name = names::intern(t, n::__dict__());
        return Err(error::attribute_error(
            t,
            v,
            &name,
            format_args!("'{ty}' object attribute '__dict__' is read-only"),
        ));
    }
    select(t, v)?;
    attr::generic_set(t, v, name, value)
}
