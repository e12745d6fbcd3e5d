//! The verifier finds what is seeded, and nothing where nothing is wrong.

use std::mem::ManuallyDrop;
use typhon_object::dict::Dict;
use typhon_object::error::Res;
use typhon_object::list::List;
use typhon_object::thread::{Hooks, Thread};
use typhon_object::types::{type_, weakref};
use typhon_object::verify::Roots;
use typhon_object::{Value, attr, call, convert, gc, names, process, strs, tuple};

fn with_roots<R>(roots: Roots, f: impl FnOnce(&Thread) -> R) -> R {
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
    t.verify_collections(roots);
    let out = t.attach(4 << 20, f);
    t.close();
    out
}

fn with_thread<R>(f: impl FnOnce(&Thread) -> R) -> R {
    with_roots(|_, _| {}, f)
}

/// Gives a reference up that is not there.
fn release_once_too_often(v: &Value) {
    // SAFETY: it is not; the count is put right before anybody believes it.
    drop(unsafe { Value::from_raw(v.bits()) });
}

fn put_right(v: &Value) {
    let _missing = ManuallyDrop::new(v.clone());
}

fn fault(t: &Thread) -> String {
    t.examine().expect_err("something is wrong")
}

#[test]
fn a_count_that_is_too_low_is_found() -> Res<()> {
    with_thread(|t| {
        let item = tuple::new(t, &[convert::from_usize(1)])?;
        let list = List::from_vec(t, vec![item.clone(), item.clone()])?;
        assert_eq!(t.examine(), Ok(()));
        // One reference is ours, which nobody sees: the list's two are one too many only if two are missing.
        release_once_too_often(&item);
        assert_eq!(t.examine(), Ok(()));
        release_once_too_often(&item);
        let text = fault(t);
        put_right(&item);
        put_right(&item);
        assert!(text.starts_with("the tuple at 0x") && text.contains("has 1 references"), "{text}");
        assert!(text.contains("the list at 0x") && text.ends_with("in all 2, refer to it"), "{text}");
        assert_eq!(t.examine(), Ok(()));
        drop(list);
        Ok(())
    })
}

#[test]
fn what_frames_hold_counts() -> Res<()> {
    thread_local! {
        static HELD: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
    }
    with_roots(
        |_, f| f(Value::from_ref(&HELD.get())),
        |t| {
            let item = strs::new(t, "held")?;
            HELD.set(item.bits());
            assert_eq!(t.examine(), Ok(()));
            let list = List::from_vec(t, vec![item.clone()])?;
            release_once_too_often(&item);
            let text = fault(t);
            put_right(&item);
            HELD.set(0);
            assert!(text.starts_with("the str at 0x") && text.contains("a frame of thread"), "{text}");
            drop(list);
            Ok(())
        },
    )
}

#[test]
fn a_word_that_refers_to_a_free_block_is_found() -> Res<()> {
    with_thread(|t| {
        let list = List::from_vec(t, vec![Value::NONE])?;
        let gone = tuple::new(t, &[convert::from_usize(1), convert::from_usize(2)])?;
        let bits = gone.bits();
        drop(gone);
        // SAFETY: it is not a value; it is taken out again before anybody uses it.
        drop(list.expect::<List>().exchange_at(0, unsafe { Value::from_raw(bits) }));
        let text = fault(t);
        std::mem::forget(list.expect::<List>().exchange_at(0, Value::NONE));
        assert!(text.starts_with("the list at 0x") && text.contains("a free block"), "{text}");
        assert_eq!(t.examine(), Ok(()));
        Ok(())
    })
}

#[test]
fn a_block_that_is_freed_twice_is_found() -> Res<()> {
    with_thread(|t| {
        let Ok(block) = t.heap().alloc_raw(48) else { return Err(t.memory_error()) };
        // SAFETY: it is freed once too often, and taken twice afterwards.
        unsafe {
            t.heap().free_raw(block, 48);
            t.heap().free_raw(block, 48);
        }
        let text = fault(t);
        assert!(text.contains("48 bytes"), "{text}");
        Ok(())
    })
}

#[test]
fn a_busy_isolate_is_in_order() -> Res<()> {
    with_thread(|t| {
        let namespace = Dict::create(t);
        let class = call::call(t, &type_::TYPE.ty().value(), &[strs::new(t, "C")?, tuple::new(t, &[])?, namespace])?;
        let (name, mut kept) = (names::intern_text(t, "other"), Vec::new());
        for i in 0..3000 {
            let one = call::call(t, &class, &[])?;
            attr::set(t, &one, &name, Some(&one))?;
            let dict = Dict::create(t);
            Dict::of(&dict).set(t, &convert::from_usize(i), &one)?;
            Dict::of(&dict).set(t, &strs::new(t, &i.to_string())?, &one)?;
            Dict::of(&dict).remove(t, &convert::from_usize(i))?;
            kept.push(weakref::make(t, weakref::WEAKREF.ty(), &one, None)?);
            kept.push(dict);
            if i % 3 == 0 {
                kept.truncate(kept.len() / 2);
            }
        }
        assert_eq!(t.examine(), Ok(()));
        gc::collect(t, 2)?;
        assert_eq!(t.examine(), Ok(()));
        kept.clear();
        gc::collect(t, 2)?;
        assert_eq!(t.examine(), Ok(()));
        Ok(())
    })
}
