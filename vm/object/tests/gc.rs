//! The collector without an interpreter: cycles of instances, classes and containers.

use std::cell::Cell;
use typhon_object::dict::Dict;
use typhon_object::error::Res;
use typhon_object::list::List;
use typhon_object::native::{self, MethodDef};
use typhon_object::thread::{Hooks, Thread};
use typhon_object::types::{type_, weakref};
use typhon_object::{TypeObject, Value, attr, call, gc, names, process, strs, tuple};

thread_local! {
    static CALLS: Cell<u32> = const { Cell::new(0) };
}

static COUNT: MethodDef = native::raw(
    "count",
    "",
    |_, _| {
        CALLS.set(CALLS.get() + 1);
        Ok(Value::NONE)
    },
    "",
);

fn with_thread<R>(f: impl FnOnce(&Thread) -> R) -> R {
    process::set_up();
    let hooks = Hooks {
        on_breaker: |t| {
            if t.breaker.take(typhon_object::breaker::reason::GC) != 0 {
                gc::on_request(t)?;
            }
            Ok(())
        },
        unraisable: |_, _, _, _| {},
        warn: |_, _, _, _| Ok(()),
        import: |t, _| Err(typhon_object::error::system_error(t, "no imports here")),
        handled: |_| Value::ABSENT,
        super_frame: |t| Err(typhon_object::error::runtime_error(t, "super(): no current frame")),
        globals: |_| Value::ABSENT,
    };
    let t = Thread::new(hooks, 64 << 20);
    t.verify_collections(|_, _| {});
    let out = t.attach(4 << 20, f);
    t.close();
    out
}

fn name(t: &Thread, text: &str) -> Value {
    names::intern_text(t, text)
}

fn class(t: &Thread, ns: &[(&str, Value)]) -> Res {
    let dict = Dict::create(t);
    for (key, value) in ns {
        Dict::of(&dict).set_str(t, &name(t, key), value.clone())?;
    }
    call::call(t, &type_::TYPE.ty().value(), &[strs::new(t, "C")?, tuple::new(t, &[])?, dict])
}

/// Two instances that refer to each other.
fn pair(t: &Thread, class: &Value) -> (Value, Value) {
    let (a, b) = (call::call0(t, class).unwrap(), call::call0(t, class).unwrap());
    attr::set(t, &a, &name(t, "other"), Some(&b)).unwrap();
    attr::set(t, &b, &name(t, "other"), Some(&a)).unwrap();
    (a, b)
}

#[test]
fn a_cycle_goes_once_nothing_outside_refers_to_it() {
    with_thread(|t| {
        let c = class(t, &[]).unwrap();
        gc::collect(t, 2).unwrap();
        let (a, b) = pair(t, &c);
        drop(b);
        assert_eq!(gc::collect(t, 2).unwrap(), 0, "one of them is still held");
        let other = attr::get_text(t, &a, "other").unwrap();
        assert!(attr::get_text(t, &other, "other").unwrap().is(&a));
        drop(other);
        let weak = weakref::make(t, weakref::WEAKREF.ty(), &a, None).unwrap();
        drop(a);
        assert!(!call::call0(t, &weak).unwrap().is_none());
        assert_eq!(gc::collect(t, 2).unwrap(), 2);
        assert!(call::call0(t, &weak).unwrap().is_none());
        assert_eq!(gc::collect(t, 2).unwrap(), 0);
    });
}

#[test]
fn a_class_is_garbage_too() {
    with_thread(|t| {
        let base = class(t, &[]).unwrap();
        let dict = Dict::create(t);
        let bases = tuple::new(t, std::slice::from_ref(&base)).unwrap();
        let sub = call::call(t, &type_::TYPE.ty().value(), &[strs::new(t, "S").unwrap(), bases, dict]).unwrap();
        let o = call::call0(t, &sub).unwrap();
        attr::set(t, &sub, &name(t, "instance"), Some(&o)).unwrap();
        let ty = base.downcast::<TypeObject>().unwrap();
        assert_eq!(ty.subclasses(t).len(), 1);
        drop((o, sub));
        assert!(gc::collect(t, 2).unwrap() >= 2);
        assert!(ty.subclasses(t).is_empty(), "a dead class must leave its base's list");
    });
}

#[test]
fn finalizers_run_once() {
    with_thread(|t| {
        CALLS.set(0);
        let f = native::new_function(t, &COUNT, Value::ABSENT, Value::NONE).unwrap();
        let c = class(t, &[("__del__", f)]).unwrap();
        let (a, b) = pair(t, &c);
        drop((a, b));
        assert_eq!(CALLS.get(), 0);
        gc::collect(t, 2).unwrap();
        assert_eq!(CALLS.get(), 2);
        let alone = call::call0(t, &c).unwrap();
        drop(alone);
        assert_eq!(CALLS.get(), 3, "without a cycle it runs at once");
    });
}

#[test]
fn callbacks_of_outside_weakrefs_run_and_inside_ones_do_not() {
    with_thread(|t| {
        CALLS.set(0);
        let c = class(t, &[]).unwrap();
        let f = native::new_function(t, &COUNT, Value::ABSENT, Value::NONE).unwrap();
        let (a, b) = pair(t, &c);
        let outside = weakref::make(t, weakref::WEAKREF.ty(), &a, Some(&f)).unwrap();
        let inside = weakref::make(t, weakref::WEAKREF.ty(), &b, Some(&f)).unwrap();
        attr::set(t, &a, &name(t, "weak"), Some(&inside)).unwrap();
        drop((a, b, inside));
        gc::collect(t, 2).unwrap();
        assert_eq!(CALLS.get(), 1);
        assert!(call::call0(t, &outside).unwrap().is_none());
    });
}

#[test]
fn containers_in_cycles_go_and_memory_comes_back() {
    with_thread(|t| {
        gc::collect(t, 2).unwrap();
        let count = || gc::objects(t).len();
        let before = count();
        for i in 0..100 {
            let list = List::create(t).unwrap();
            let dict = Dict::create(t);
            Dict::of(&dict).set(t, &Value::small(i), &list).unwrap();
            list.expect::<List>().push(t, dict).unwrap();
        }
        assert_eq!(count(), before + 200);
        assert_eq!(gc::collect(t, 2).unwrap(), 200);
        assert_eq!(count(), before);
    });
}

#[test]
fn young_objects_start_a_collection() {
    with_thread(|t| {
        let stats = || gc::Gc::of(t).stats().iter().map(|s| s.collections).sum::<usize>();
        let cycle = || {
            let list = List::create(t).unwrap();
            let me = list.clone();
            list.expect::<List>().push(t, me).unwrap();
        };
        // Garbage does not make room for more garbage.
        for _ in 0..50_000 {
            cycle();
            t.poll().unwrap();
        }
        assert!(stats() >= 5);
        assert!(gc::objects(t).len() < 9000);
        gc::Gc::of(t).set_thresholds(t, [500, 10, 0]);
        let seen = stats();
        for _ in 0..5000 {
            cycle();
            t.poll().unwrap();
        }
        assert!(stats() >= seen + 2);
        gc::Gc::of(t).set_enabled(t, false);
        let (seen, held) = (stats(), gc::objects(t).len());
        for _ in 0..5000 {
            cycle();
            t.poll().unwrap();
        }
        assert_eq!((stats(), gc::objects(t).len()), (seen, held + 5000));
    });
}

#[test]
fn saved_garbage_is_kept_whole() {
    with_thread(|t| {
        let c = class(t, &[]).unwrap();
        let collector = gc::Gc::of(t);
        gc::collect(t, 2).unwrap();
        collector.set_debug(gc::DEBUG_SAVEALL);
        drop(pair(t, &c));
        assert_eq!(gc::collect(t, 2).unwrap(), 2);
        collector.set_debug(0);
        let garbage = collector.garbage(t).unwrap();
        let saved = garbage.expect::<List>().to_vec();
        assert_eq!(saved.len(), 2);
        assert!(attr::get_text(t, &saved[0], "other").unwrap().is(&saved[1]));
        assert_eq!(gc::referrers(t, &saved[..1]).iter().filter(|r| r.is(&saved[1])).count(), 1);
        assert!(gc::referents(&saved[..1]).iter().any(|r| r.is(&saved[1])));
    });
}
