//! Threads of one isolate, really at the same time: counts, hand-backs and memory, without an interpreter.
//!
//! Values go from thread to thread through a locked pool, and each is used by whoever took it last; what several threads
//! hold at once are tuples and strs, which nobody changes.

use parking_lot::Mutex;
use typhon_object::breaker::reason;
use typhon_object::list::List;
use typhon_object::thread::{Hooks, Thread};
use typhon_object::tuple::{self, Tuple};
use typhon_object::{Exc, Res, Value, convert, process, strs};

/// Something that another thread may go on with.
struct Handed<T>(T);

// SAFETY: each is used by one thread at a time; the pool's lock, or the start and end of a scope, orders them.
unsafe impl<T> Send for Handed<T> {}

fn hooks() -> Hooks {
    Hooks {
        on_breaker: |t| {
            let asked = t.breaker.take(u32::MAX);
            if asked & reason::MERGE != 0 {
                t.merge();
            }
            if asked & reason::SPARE != 0 {
                t.heap().spare();
            }
            Ok(())
        },
        unraisable: |_, _, _, _| {},
        warn: |_, _, _, _| Ok(()),
        import: |_, _| Err(Exc::stopped()),
        handled: |_| Value::ABSENT,
        super_frame: |_| Err(Exc::stopped()),
        globals: |_| Value::ABSENT,
    }
}

/// A value whose parts say what it must look like.
fn make(t: &Thread, n: usize) -> Res {
    let text = strs::new(t, &"x".repeat(n % 2000))?;
    let inner = tuple::new(t, &[convert::from_usize(n % 2000), text])?;
    List::from_vec(t, vec![inner; n % 50 + 1])
}

fn check(v: &Value) {
    let list = v.expect::<List>();
    for inner in list.to_vec() {
        let [n, text] = inner.expect::<Tuple>().items() else { unreachable!("a pair") };
        assert_eq!(n.as_small(), Some(text.expect::<strs::Str>().len() as i64));
    }
}

fn work(t: &Thread, pool: &Mutex<Vec<Handed<Value>>>, rounds: usize) -> Res<()> {
    let mut own = Vec::new();
    let mut x = usize::from(t.own_tag());
    for i in 0..rounds {
        x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let r = x >> 33;
        let mut pool = pool.lock();
        match r % 4 {
            0 | 1 => {
                drop(pool);
                own.push(make(t, r)?);
            }
            2 if own.len() > 20 => pool.extend(own.drain(..10).map(Handed)),
            _ if !pool.is_empty() => {
                let at = r % pool.len();
                let Handed(v) = pool.swap_remove(at);
                // Somebody else may hold the parts meanwhile.
                let part = v.expect::<List>().get(0).unwrap_or_default();
                pool.push(Handed(List::from_vec(t, vec![part.clone(), part])?));
                drop(pool);
                check(&v);
                own.push(v);
            }
            _ => drop(pool),
        }
        if own.len() > 200 {
            own.drain(..100).for_each(|v| check(&v));
        }
        if i % 8 == 0 {
            t.poll()?;
        }
    }
    Ok(())
}

#[test]
fn values_made_by_one_thread_are_freed_by_others() {
    process::set_up();
    let main = Thread::new(hooks(), 512 << 20);
    let pool = Mutex::new(Vec::new());
    let after = main.attach(4 << 20, |t| {
        let siblings: Vec<_> = (0..3).map(|_| Handed(t.sibling().expect("a tag"))).collect();
        let siblings = std::thread::scope(|scope| {
            let run = |sent: Handed<Box<Thread>>| {
                let pool = &pool;
                scope.spawn(move || {
                    // The whole of it, which may be sent.
                    let sent = sent;
                    assert!(sent.0.attach(1 << 20, |t| work(t, pool, 100_000)).is_ok());
                    sent
                })
            };
            let running: Vec<_> = siblings.into_iter().map(run).collect();
            assert!(work(t, &pool, 100_000).is_ok());
            running.into_iter().map(|r| r.join().expect("no panic")).collect::<Vec<_>>()
        });
        for Handed(sibling) in siblings {
            sibling.attach(1 << 20, |t| t.end(|| ()));
        }
        for Handed(v) in pool.lock().drain(..) {
            check(&v);
        }
        t.merge();
        let mut live = 0;
        t.walk_objects(&mut |h| live += usize::from(!h.is_immortal()));
        t.heap().trim(|| false);
        (live, t.heap().used())
    });
    main.close();
    assert_eq!(after.0, 0, "objects that nobody refers to");
    assert!(after.1 < 4 << 20, "{} bytes are left", after.1);
}
