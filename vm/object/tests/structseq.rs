//! Struct sequences, made and looked at.

use typhon_object::thread::Hooks;
use typhon_object::tuple::Tuple;
use typhon_object::types::structseq;
use typhon_object::{Exc, Res, Thread, Value, attr, call, ops, process, strs, tuple};

typhon_object::structseq! {
    POINT = "geo.point", "A point.", flags 0, visible 3,
    complete |fields| if fields[3].is_none() { fields[3] = Value::small(7) },
    [("x", "first"), ("y", ""), ("", "unnamed"), ("z", "hidden")]
}

fn run(f: impl FnOnce(&Thread) -> Res<()>) {
    process::set_up();
    process::ensure_types(&[POINT.def]);
    let hooks = Hooks {
        on_breaker: |_| Ok(()),
        unraisable: |_, _, _, _| {},
        warn: |_, _, _, _| Ok(()),
        import: |_, _| Err(Exc::stopped()),
        handled: |_| Value::ABSENT,
        super_frame: |_| Err(Exc::stopped()),
        globals: |_| Value::ABSENT,
    };
    let t = Thread::new(hooks, usize::MAX);
    t.attach(1 << 20, |t| f(t).unwrap());
}

fn text(t: &Thread, v: &Value) -> String {
    ops::repr_text(t, v).unwrap()
}

#[test]
fn shows_items_and_hidden_fields() {
    run(|t| {
        let name = strs::new(t, "a name of some length")?;
        let fields = vec![Value::FALSE, Value::NONE, Value::TRUE, name.clone()];
        let p = structseq::new(t, &POINT, fields)?;
        assert_eq!(p.expect::<Tuple>().len(), 3);
        assert_eq!(text(t, &p), "geo.point(x=False, y=None, z=True)");
        assert!(attr::get_text(t, &p, "x")?.is(&Value::FALSE));
        assert!(attr::get_text(t, &p, "z")?.is(&name));
        let before = name.ref_count();
        drop(p);
        assert_eq!(name.ref_count(), before - 1);
        Ok(())
    });
}

#[test]
fn constructs_from_a_sequence() {
    run(|t| {
        let class = POINT.def.ty().value();
        let three = tuple::new(t, &[Value::small(1), Value::small(2), Value::small(3)])?;
        let p = call::call1(t, &class, &three)?;
        assert!(attr::get_text(t, &p, "z")?.is(&Value::small(7)));
        let two = tuple::new(t, &[Value::small(1), Value::small(2)])?;
        let e = call::call1(t, &class, &two).unwrap_err();
        assert_eq!(
            strs::display(&ops::str(t, e.value())?),
            "geo.point() takes an at least 3-sequence (2-sequence given)"
        );
        let e = call::call1(t, &class, &Value::NONE).unwrap_err();
        assert_eq!(strs::display(&ops::str(t, e.value())?), "constructor requires a sequence");
        Ok(())
    });
}
