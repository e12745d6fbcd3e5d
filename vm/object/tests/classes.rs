//! Classes made without an interpreter: layout, MRO, slots, attributes.

use typhon_object::args::Args;
use typhon_object::dict::Dict;
use typhon_object::error::Res;
use typhon_object::thread::{Hooks, Thread};
use typhon_object::types::{list_, object, tuple_, type_};
use typhon_object::{TypeObject, Value, attr, call, names, ops, process, strs, tuple, type_of};

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
    let out = t.attach(4 << 20, f);
    t.close();
    out
}

fn name(t: &Thread, text: &str) -> Value {
    names::intern_text(t, text)
}

fn class(t: &Thread, called: &str, bases: &[&Value], ns: &[(&str, Value)]) -> Res {
    let dict = Dict::create(t);
    for (key, value) in ns {
        Dict::of(&dict).set_str(t, &name(t, key), value.clone())?;
    }
    let bases: Vec<Value> = bases.iter().map(|b| (*b).clone()).collect();
    call::call(t, &type_::TYPE.ty().value(), &[strs::new(t, called)?, tuple::new(t, &bases)?, dict])
}

fn text_of(t: &Thread, r: Res) -> String {
    match r {
        Ok(_) => "no error".to_string(),
        Err(e) => strs::display(&ops::str(t, e.value()).unwrap()),
    }
}

fn mro_names(class: &Value) -> String {
    class.downcast::<TypeObject>().unwrap().mro_types().map(TypeObject::name).collect::<Vec<_>>().join(" ")
}

#[test]
fn instances_keep_attributes_in_slots_then_in_a_dict() {
    with_thread(|t| {
        let c = class(t, "C", &[], &[("x", Value::small(1))]).unwrap();
        let o = call::call0(t, &c).unwrap();
        for i in 0..40 {
            attr::set(t, &o, &name(t, &format!("a{i}")), Some(&Value::small(i))).unwrap();
        }
        for i in 0..40 {
            assert_eq!(attr::get_text(t, &o, &format!("a{i}")).unwrap().as_small(), Some(i));
        }
        assert_eq!(attr::get_text(t, &o, "x").unwrap().as_small(), Some(1));
        let dict = attr::get_text(t, &o, "__dict__").unwrap();
        assert_eq!(Dict::of(&dict).len(), 40);
        let missing = text_of(t, attr::get_text(t, &o, "nope"));
        assert_eq!(missing, "'C' object has no attribute 'nope'");
    });
}

/// However few versions are left, no cache takes a changed class for what it was.
#[test]
fn a_class_without_versions_is_not_cached() {
    for left in 0..12 {
        with_thread(|t| {
            t.spend_versions(left);
            let c = class(t, "C", &[], &[("x", Value::small(0))]).unwrap();
            let o = call::call0(t, &c).unwrap();
            for i in 1..20 {
                attr::set(t, &c, &name(t, "x"), Some(&Value::small(i))).unwrap();
                for _ in 0..3 {
                    assert_eq!(attr::get_text(t, &o, "x").unwrap().as_small(), Some(i));
                    assert_eq!(attr::get_text(t, &c, "x").unwrap().as_small(), Some(i));
                    attr::set(t, &o, &name(t, "y"), Some(&Value::small(i))).unwrap();
                }
            }
            assert_eq!(c.downcast::<TypeObject>().unwrap().version.get(), 0);
            assert_eq!(t.next_keys_version(), u32::wrapping_neg(left));
        });
    }
}

#[test]
fn linearization_is_c3() {
    with_thread(|t| {
        let a = class(t, "A", &[], &[]).unwrap();
        let b = class(t, "B", &[&a], &[]).unwrap();
        let c = class(t, "C", &[&a], &[]).unwrap();
        let d = class(t, "D", &[&b, &c], &[]).unwrap();
        assert_eq!(mro_names(&d), "D B C A object");
        assert_eq!(
            text_of(t, class(t, "E", &[&a, &b], &[])),
            "Cannot create a consistent method resolution order (MRO) for bases A, B"
        );
        assert_eq!(text_of(t, class(t, "E", &[&a, &a], &[])), "duplicate base class A");
    });
}

#[test]
fn slots_are_laid_out_and_guarded() {
    with_thread(|t| {
        let slots = tuple::new(t, &[strs::new(t, "x").unwrap(), strs::new(t, "__y").unwrap()]).unwrap();
        let c = class(t, "C", &[], &[("__slots__", slots.clone())]).unwrap();
        let o = call::call0(t, &c).unwrap();
        attr::set(t, &o, &name(t, "x"), Some(&Value::small(3))).unwrap();
        attr::set(t, &o, &name(t, "_C__y"), Some(&Value::small(4))).unwrap();
        assert_eq!(attr::get_text(t, &o, "x").unwrap().as_small(), Some(3));
        assert_eq!(attr::get_text(t, &o, "_C__y").unwrap().as_small(), Some(4));
        let refused = attr::set(t, &o, &name(t, "z"), Some(&Value::NONE)).map(|()| Value::NONE);
        assert_eq!(text_of(t, refused), "'C' object has no attribute 'z' and no __dict__ for setting new attributes");
        let d = class(t, "D", &[], &[("__slots__", slots.clone())]).unwrap();
        assert_eq!(text_of(t, class(t, "E", &[&c, &d], &[])), "multiple bases have instance lay-out conflict");
        let tuple = tuple_::TUPLE.ty().value();
        assert_eq!(
            text_of(t, class(t, "T", &[&tuple], &[("__slots__", slots)])),
            "nonempty __slots__ not supported for subtype of 'tuple'"
        );
        let list = list_::LIST.ty().value();
        assert_eq!(text_of(t, class(t, "F", &[&list, &tuple], &[])), "multiple bases have instance lay-out conflict");
    });
}

#[test]
fn a_class_can_be_changed_for_one_of_another_size() {
    with_thread(|t| {
        let many: Vec<Value> = (0..12).map(|i| name(t, &format!("f{i}"))).collect();
        let many = tuple::new(t, &many).unwrap();
        let small = class(t, "Small", &[], &[]).unwrap();
        let large = class(t, "Large", &[], &[("__static_attributes__", many)]).unwrap();
        let sizes = [&small, &large].map(|c| c.downcast::<TypeObject>().unwrap().basic_size());
        assert!(sizes[0] < sizes[1], "the classes must differ for this test to test anything");
        for (from, to) in [(&small, &large), (&large, &small)] {
            let o = call::call0(t, from).unwrap();
            attr::set(t, &o, &name(t, "a"), Some(&Value::small(7))).unwrap();
            attr::set(t, &o, &name(t, "__class__"), Some(to)).unwrap();
            assert!(type_of(&o).value().is(to));
            for i in 0..20 {
                attr::set(t, &o, &name(t, &format!("b{i}")), Some(&Value::small(i))).unwrap();
            }
            assert_eq!(attr::get_text(t, &o, "a").unwrap().as_small(), Some(7));
            assert_eq!(attr::get_text(t, &o, "b19").unwrap().as_small(), Some(19));
            let again = call::call0(t, from).unwrap();
            drop(o);
            drop(again);
        }
        let plain = call::call0(t, &object::OBJECT.ty().value()).unwrap();
        let refused = attr::set(t, &plain, &name(t, "__class__"), Some(&small)).map(|()| Value::NONE);
        assert_eq!(
            text_of(t, refused),
            "__class__ assignment only supported for mutable types or ModuleType subclasses"
        );
    });
}

#[test]
fn changing_a_class_changes_its_slots() {
    with_thread(|t| {
        let c = class(t, "C", &[], &[]).unwrap();
        let d = class(t, "D", &[&c], &[]).unwrap();
        let o = call::call0(t, &d).unwrap();
        assert_eq!(text_of(t, ops::len(t, &o).map(|_| Value::NONE)), "object of type 'D' has no len()");
        let f = attr::get_text(t, &c, "mro").unwrap();
        attr::set(t, &c, &name(t, "__repr__"), Some(&f)).unwrap();
        assert_eq!(text_of(t, ops::repr(t, &o)), "__repr__ returned non-string (type list)");
        attr::set(t, &c, &name(t, "__repr__"), None).unwrap();
        assert!(ops::repr_text(t, &o).unwrap().starts_with("<D object at 0x"));
    });
}

#[test]
fn type_new_checks_its_arguments() {
    with_thread(|t| {
        let ty = type_::TYPE.ty().value();
        let empty = tuple::new(t, &[]).unwrap();
        let r = call::call(t, &ty, &[Value::small(1), empty.clone(), Dict::create(t)]);
        assert_eq!(text_of(t, r), "type.__new__() argument 1 must be str, not int");
        let r = call::call(t, &ty, &[strs::new(t, "C").unwrap(), empty]);
        assert_eq!(text_of(t, r), "type() takes 1 or 3 arguments");
        let none = type_of(&Value::NONE).value();
        assert_eq!(text_of(t, class(t, "N", &[&none], &[])), "type 'NoneType' is not an acceptable base type");
        let r = call::call_args(t, &object::OBJECT.ty().value(), Args { values: &[Value::NONE], names: &[] });
        assert_eq!(text_of(t, r), "object() takes no arguments");
    });
}
