//! The core without an interpreter: set-up, dicts, strs, calls of natives.

use typhon_object::dict::Dict;
use typhon_object::thread::{Hooks, Thread};
use typhon_object::types::{str_, type_};
use typhon_object::{Value, call, names, ops, process, strs, tuple, type_of};

fn with_thread<R>(f: impl FnOnce(&Thread) -> R) -> R {
    process::set_up();
    let hooks = Hooks {
        on_breaker: |_| Ok(()),
        unraisable: |_, _, _, _| {},
        warn: |_, _, _, _| Ok(()),
        import: |t, _| Err(typhon_object::error::system_error(t, "no imports here")),
        handled: |_| Value::ABSENT,
        super_frame: |t| Err(typhon_object::error::runtime_error(t, "super(): no current frame")),
        globals: |_| Value::ABSENT,
    };
    let t = Thread::new(hooks, 64 << 20);
    let out = t.attach(1 << 20, f);
    t.close();
    out
}

#[test]
fn a_dict_keeps_its_order_through_removal_and_growth() {
    with_thread(|t| {
        let d = Dict::create(t);
        let dict = Dict::of(&d);
        for i in 0..1000 {
            dict.set(t, &Value::small(i), &Value::small(i * i)).unwrap();
        }
        for i in (0..1000).step_by(3) {
            assert!(dict.remove(t, &Value::small(i)).unwrap().is_some());
        }
        for i in 1000..1100 {
            dict.set(t, &strs::new(t, &format!("k{i}")).unwrap(), &Value::NONE).unwrap();
        }
        let keys = dict.keys();
        assert_eq!(keys.len(), 1000 - 334 + 100);
        assert_eq!(keys[0].as_small(), Some(1));
        assert!(strs::eq_str(&keys[keys.len() - 1], "k1099"));
        assert_eq!(dict.get(t, &Value::small(500)).unwrap().unwrap().as_small(), Some(250_000));
        assert!(dict.get(t, &Value::small(3)).unwrap().is_none());
    });
}

#[test]
fn a_key_goes_only_with_the_value_that_was_looked_at() {
    with_thread(|t| {
        let d = Dict::create(t);
        let (dict, key) = (Dict::of(&d), Value::small(10));
        let [old, new] = ["old", "new"].map(|text| strs::new(t, text).unwrap());
        dict.set(t, &key, &old).unwrap();
        // What another thread may do between a look at the value and the removal.
        dict.set(t, &key, &new).unwrap();
        assert!(!dict.remove_same(t, &key, &old).unwrap());
        assert!(dict.get(t, &key).unwrap().is_some_and(|now| now.is(&new)));
        assert!(dict.remove_same(t, &key, &new).unwrap());
        assert!(!dict.remove_same(t, &key, &new).unwrap());
        assert_eq!(dict.len(), 0);
    });
}

#[test]
fn types_know_their_mro_and_wrap_their_slots() {
    with_thread(|t| {
        let s = strs::new(t, "grüße").unwrap();
        assert!(std::ptr::eq(type_of(&s), str_::STR.ty()));
        assert!(std::ptr::eq(type_of(&str_::STR.ty().value()), type_::TYPE.ty()));
        let name = names::intern_text(t, "__hash__");
        let f = type_of(&s).lookup(t, &name).unwrap();
        assert_eq!(type_of(&f).name(), "wrapper_descriptor");
        assert!(ops::repr_text(t, &f).unwrap().starts_with("<slot wrapper '__hash__' of 'str' objects>"));
    });
}

#[test]
fn dropping_the_last_reference_frees() {
    with_thread(|t| {
        let before = t.heap().young.get();
        let mut v = tuple::new(t, &[Value::small(1)]).unwrap();
        for _ in 0..100_000 {
            v = tuple::new(t, &[v]).unwrap();
        }
        assert!(t.heap().young.get() >= before + 100_000);
        drop(v);
        assert_eq!(t.heap().young.get(), before);
    });
}

#[test]
fn exceptions_are_made_by_calling_their_types() {
    with_thread(|t| {
        let e = typhon_object::error::type_error(t, "no");
        assert!(e.is(&typhon_object::types::exceptions::TYPE_ERROR));
        assert!(strs::eq_str(&ops::str(t, e.value()).unwrap(), "no"));
        let missing = call::call0(t, &Value::small(1)).unwrap_err();
        assert!(missing.is(&typhon_object::types::exceptions::TYPE_ERROR));
    });
}
