//! Containers that several threads use at the same time, without turns and without an interpreter.
//!
//! Every value says what it must look like, so a word that was read torn, stale or freed is noticed; and in the end nothing is
//! left over.

use std::sync::mpsc;
use typhon_object::breaker::reason;
use typhon_object::dict::Dict;
use typhon_object::list::List;
use typhon_object::thread::{Hooks, Thread};
use typhon_object::tuple::{self, Tuple};
use typhon_object::types::cell::Cell;
use typhon_object::types::weakref::{self, WeakRef};
use typhon_object::types::{set_, type_};
use typhon_object::{Exc, Res, Value, attr, call, convert, names, process, strs};

/// What one thread hands to another.
struct Handed<T>(T);

// SAFETY: threads of an isolate may run on any OS thread, one at a time; what is shared is the containers', which is tested.
unsafe impl<T> Send for Handed<T> {}
// SAFETY: as above.
unsafe impl<T> Sync for Handed<T> {}

fn hooks() -> Hooks {
    Hooks {
        on_breaker: |t| {
            let asked = t.breaker.take(u32::MAX);
            if asked & reason::MERGE != 0 {
                t.merge();
            }
            t.checkpoint(asked);
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

/// Before the thread waits for the others. Who has run solo until here has the native lock.
fn wait(t: &Thread) {
    t.offline();
    t.out_of_native();
}

/// A source of numbers.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) % n as u64) as usize
    }
}

/// `(n, a text of length n % 50)`.
fn make(t: &Thread, n: usize) -> Res {
    tuple::new(t, &[convert::from_usize(n), strs::new(t, &"x".repeat(n % 50))?])
}

fn number(v: &Value) -> usize {
    let [n, text] = v.expect::<Tuple>().items() else { unreachable!("a pair") };
    let n = n.as_small().expect("a number") as usize;
    assert_eq!(n % 50, text.expect::<strs::Str>().len());
    n
}

fn look(v: &Value) {
    assert!(number(v) < 1_000_000);
}

/// A key for a number: every fourth is a text, so that tables of both kinds are met.
fn key(t: &Thread, n: usize) -> Res {
    if n.is_multiple_of(4) { strs::new(t, &format!("key{n}")) } else { Ok(convert::from_usize(n)) }
}

fn on_list(t: &Thread, list: &List, dice: &mut Dice) -> Res<()> {
    let (n, at) = (dice.roll(10_000), dice.roll(100));
    match dice.roll(20) {
        0..=5 => list.push(t, make(t, n)?)?,
        6 | 7 => list.insert(t, at, make(t, n)?)?,
        8 | 9 => list.pop().iter().for_each(look),
        10 => list.remove(at).iter().for_each(look),
        11 => drop(list.set(at, make(t, n)?)),
        12 => list.reverse(),
        13 => list.extend_from_slice(t, &[make(t, n)?, make(t, n + 1)?])?,
        14 => list.to_vec().iter().for_each(look),
        15 => drop(list.splice(t, at, at + 5, vec![make(t, n)?])?),
        16 if n < 200 => list.clear_items(),
        17 => list.remove_strided(at.min(list.len()), 2, 0).iter().for_each(look),
        // SAFETY: nothing is changed by this thread meanwhile, and it does not poll.
        18 => unsafe { list.items() }.iter().for_each(|v| look(&v.clone())),
        _ => list.get(at).iter().for_each(look),
    }
    if list.len() > 300 {
        list.clear_items();
    }
    Ok(())
}

fn on_dict(t: &Thread, dict: &Dict, keys: usize, dice: &mut Dice) -> Res<()> {
    let n = dice.roll(keys);
    let k = key(t, n)?;
    match dice.roll(20) {
        0..=5 => dict.set(t, &k, &make(t, n)?)?,
        6..=8 => dict.remove(t, &k)?.iter().for_each(|v| assert_eq!(number(v), n)),
        9 => assert_eq!(number(&dict.set_default(t, &k, &make(t, n)?)?), n),
        10 => drop(dict.pop_last()),
        11 => drop(dict.pop_first()),
        12 => {
            let copy = dict.copy(t)?;
            let (mut at, mut count) = (0, 0);
            while let Some((k, v)) = Dict::of(&copy).next(&mut at) {
                assert!(Dict::of(&copy).get(t, &k)?.is_some_and(|found| found.is(&v)));
                count += 1;
            }
            assert_eq!(count, Dict::of(&copy).len());
        }
        13 => {
            let mut at = 0;
            while let Some((k, v)) = dict.next(&mut at) {
                assert!(typhon_object::ops::eq(t, &k, &key(t, number(&v))?)?);
            }
        }
        14 if n < 4 => dict.clear_entries(),
        15 => drop(dict.move_to_end(t, &k, n.is_multiple_of(2))?),
        16 => dict.reserve(t, 10)?,
        _ => dict.get(t, &k)?.iter().for_each(|v| assert_eq!(number(v), n)),
    }
    Ok(())
}

fn on_set(t: &Thread, v: &Value, dice: &mut Dice) -> Res<()> {
    let (set, n) = (set_::expect(v), dice.roll(200));
    let k = key(t, n)?;
    match dice.roll(16) {
        0..=5 => set_::add(t, set, &k)?,
        6..=8 => drop(set.remove(t, &k, typhon_object::ops::hash(t, &k)?)?),
        9 => drop(set.pop()),
        10 => {
            let copy = set_::create(t)?;
            set_::expect(&copy).merge(t, set)?;
            let (mut at, mut count) = (0, 0);
            while set_::expect(&copy).next(&mut at).is_some() {
                count += 1;
            }
            assert_eq!(count, set_::expect(&copy).len());
        }
        11 if n < 4 => set.clear_all(),
        12 => {
            let mut at = 0;
            while let Some((k, hash)) = set.next(&mut at) {
                assert_eq!(typhon_object::ops::hash(t, &k)?, hash);
            }
        }
        _ => drop(set_::contains(t, set, &k)?),
    }
    Ok(())
}

fn on_attributes(t: &Thread, list: &List, class: &Value, dice: &mut Dice) -> Res<()> {
    let at = dice.roll(list.len());
    let object = list.get(at).expect("within the list");
    let n = dice.roll(9);
    let name = names::intern_text(t, ["a", "b", "c", "d", "e", "f", "g", "h", "i"][n]);
    match dice.roll(40) {
        0..=11 => attr::set(t, &object, &name, Some(&make(t, n)?))?,
        12 => drop(attr::set(t, &object, &name, None)),
        13 => {
            let dict = attr::get_text(t, &object, "__dict__")?;
            Dict::of(&dict).get(t, &name)?.iter().for_each(|v| assert_eq!(number(v), n));
        }
        14 | 15 => drop(list.set(at, call::call0(t, class)?)),
        _ => attr::get_opt(t, &object, &name)?.iter().for_each(|v| assert_eq!(number(v), n)),
    }
    Ok(())
}

fn on_weakrefs(t: &Thread, refs: &List, objects: &List, dice: &mut Dice) -> Res<()> {
    let at = dice.roll(8);
    if dice.roll(3) == 0 {
        let object = objects.get(dice.roll(objects.len())).expect("within the list");
        let r = weakref::make(t, weakref::WEAKREF.ty(), &object, None)?;
        assert!(r.expect::<WeakRef>().target().is_some_and(|v| v.is(&object)));
        refs.set(at, r);
    } else if let Some(object) = refs.get(at).and_then(|r| r.downcast::<WeakRef>()?.target()) {
        attr::get_opt(t, &object, &names::intern_text(t, "a"))?.iter().for_each(look);
    }
    Ok(())
}

/// Garbage that only the collector finds.
fn cycle(t: &Thread, n: usize) -> Res<()> {
    let list = List::create(t)?;
    list.expect::<List>().extend_from_slice(t, &[make(t, n)?, list.clone()])
}

/// What the threads work on.
struct World {
    list: Value,
    small: Value,
    large: Value,
    set: Value,
    cell: Value,
    objects: Value,
    refs: Value,
    class: Value,
}

impl World {
    fn new(t: &Thread) -> Res<Self> {
        let dict = Dict::create(t);
        let class = call::call(t, &type_::TYPE.ty().value(), &[strs::new(t, "C")?, tuple::new(t, &[])?, dict])?;
        let objects = (0..4).map(|_| call::call0(t, &class)).collect::<Res<Vec<_>>>()?;
        Ok(Self {
            list: List::create(t)?,
            small: Dict::create(t),
            large: Dict::create(t),
            set: set_::create(t)?,
            cell: Cell::create(t, make(t, 1)?)?,
            objects: List::from_vec(t, objects)?,
            refs: List::from_vec(t, vec![Value::NONE; 8])?,
            class,
        })
    }

    fn work(&self, t: &Thread, seed: u64, rounds: usize) -> Res<()> {
        let mut dice = Dice(seed);
        for i in 0..rounds {
            match dice.roll(10) {
                0 | 1 => on_list(t, self.list.expect::<List>(), &mut dice)?,
                2 => on_dict(t, Dict::of(&self.small), 12, &mut dice)?,
                3 => on_dict(t, Dict::of(&self.large), 600, &mut dice)?,
                4 => on_set(t, &self.set, &mut dice)?,
                5 => self.cell.expect::<Cell>().set(make(t, i)?),
                8 => on_weakrefs(t, self.refs.expect::<List>(), self.objects.expect::<List>(), &mut dice)?,
                9 if i % 5 == 0 => cycle(t, i)?,
                9 if dice.roll(3000) == 0 => assert!(typhon_object::gc::collect(t, 2)? < 100_000),
                6 => look(&self.cell.expect::<Cell>().get()),
                _ => on_attributes(t, self.objects.expect::<List>(), &self.class, &mut dice)?,
            }
            if i % 8 == 0 {
                t.poll()?;
            }
        }
        Ok(())
    }
}

#[test]
fn containers_stay_whole_under_several_threads() {
    process::set_up();
    let main = Thread::new(hooks(), 512 << 20);
    main.verify_collections(|_, _| {});
    let rounds = std::env::var("TYPHON_STRESS_ROUNDS").ok().and_then(|n| n.parse().ok()).unwrap_or(60_000);
    let seed = std::env::var("TYPHON_STRESS_SEED").ok().and_then(|n| n.parse().ok()).unwrap_or(7);
    let after = main.attach(4 << 20, |t| {
        let before = live(t);
        let world = Handed(World::new(t).expect("room"));
        let siblings: Vec<_> = (0..3).map(|_| Handed(t.sibling().expect("a tag"))).collect();
        std::thread::scope(|scope| {
            for (i, sent) in siblings.into_iter().enumerate() {
                let world = &world;
                scope.spawn(move || {
                    // The whole of it, which may be sent.
                    let (sent, world) = (sent, world);
                    let seed = seed + 1000 * (i as u64 + 1);
                    sent.0.attach(1 << 20, |t| {
                        assert!(world.0.work(t, seed, rounds).is_ok());
                        t.end(|| ());
                    });
                });
            }
            assert!(world.0.work(t, seed, rounds).is_ok());
            // The others need no reports from here on.
            wait(t);
        });
        t.online();
        drop(world);
        assert!(t.poll().is_ok());
        assert!(!t.is_shared(), "alone again");
        assert!(typhon_object::gc::collect(t, 2).is_ok());
        t.heap().trim(|| false);
        (before, live(t), t.heap().used())
    });
    main.close();
    assert!(after.1 <= after.0 + NAMES, "{} objects at first, {} in the end", after.0, after.1);
    assert!(after.2 < 4 << 20, "{} bytes are left", after.2);
}

#[test]
fn natives_run_one_at_a_time() {
    process::set_up();
    let main = Thread::new(hooks(), 512 << 20);
    main.run_free();
    let count = Handed(std::cell::Cell::new(0));
    let natives = |t: &Thread, count: &Handed<std::cell::Cell<usize>>| {
        for i in 0..ROUNDS {
            let was_in = t.enter_native();
            assert!(t.enter_native(), "in the middle of one already");
            count.0.set(count.0.get() + 1);
            if i % 500 == 0 {
                t.alone(|| count.0.set(count.0.get()));
            }
            if i % 7 == 0 {
                t.offer_native();
            }
            t.leave_native(was_in);
            assert!(i % 8 != 0 || t.poll().is_ok());
        }
    };
    main.attach(4 << 20, |t| {
        let siblings: Vec<_> = (0..3).map(|_| Handed(t.sibling().expect("a tag"))).collect();
        assert!(t.is_parallel() && t.out_of_native(), "whoever starts threads is in a native");
        std::thread::scope(|scope| {
            for sent in siblings {
                let count = &count;
                scope.spawn(move || {
                    // The whole of it, which may be sent.
                    let (sent, count) = (sent, count);
                    sent.0.attach(1 << 20, |t| {
                        natives(t, count);
                        t.end(|| ());
                    });
                });
            }
            natives(t, &count);
            wait(t);
        });
        t.online();
        assert!(t.poll().is_ok());
        assert!(!t.is_parallel(), "alone again");
    });
    main.close();
    assert_eq!(count.0.get(), 4 * ROUNDS);
}

const ROUNDS: usize = 20_000;

/// Interned names, and what the first use of a class makes, stay.
const NAMES: usize = 60;

fn live(t: &Thread) -> usize {
    let mut live = 0;
    t.walk_objects(&mut |h| live += usize::from(!h.is_immortal()));
    live
}

#[test]
fn what_is_in_stock_is_given_back() {
    process::set_up();
    let main = Thread::new(hooks(), 512 << 20);
    main.run_free();
    main.attach(4 << 20, |t| {
        let objects: Vec<Value> = (0..64).map(|n| make(t, n).expect("room")).collect();
        let counts = |t: &Thread| {
            assert!(t.poll().is_ok());
            objects.iter().map(Value::ref_count).collect::<Vec<_>>()
        };
        let before = counts(t);
        let objects = &Handed(&objects);
        let siblings: Vec<_> = (0..3).map(|_| Handed(t.sibling().expect("a tag"))).collect();
        assert!(t.out_of_native(), "whoever starts threads is in a native");
        std::thread::scope(|scope| {
            for sent in siblings {
                scope.spawn(move || {
                    // The whole of it, which may be sent.
                    let (sent, objects) = (sent, objects);
                    sent.0.attach(1 << 20, |t| {
                        for i in 0..ROUNDS {
                            // Held for a while, so that some are released when the stock has been given back.
                            let held: Vec<Value> = objects.0.to_vec();
                            assert!(i % 8 != 0 || t.poll().is_ok());
                            held.iter().for_each(look);
                        }
                        t.end(|| ());
                    });
                });
            }
            wait(t);
        });
        t.online();
        assert_eq!(counts(t), before);
        assert!(!t.is_shared(), "alone again");
    });
    main.close();
}

#[test]
fn while_the_others_wait_nothing_is_shared() {
    process::set_up();
    let main = Thread::new(hooks(), 512 << 20);
    main.run_free();
    main.attach(4 << 20, |t| {
        let list = Handed(List::create(t).expect("room"));
        let push = |t: &Thread, list: &Handed<Value>| {
            let was_in = t.enter_native();
            assert!(list.0.expect::<List>().push(t, Value::small(1)).is_ok());
            t.leave_native(was_in);
        };
        let sibling = Handed(t.sibling().expect("a tag"));
        assert!(t.out_of_native(), "whoever starts threads is in a native");
        let ((go, told), (done, over)) = (mpsc::channel::<()>(), mpsc::channel::<()>());
        std::thread::scope(|scope| {
            let list = &list;
            scope.spawn(move || {
                // The whole of it, which may be sent.
                let sent = sibling;
                sent.0.attach(1 << 20, |t| {
                    loop {
                        wait(t);
                        t.leave_alone();
                        let more = told.recv().is_ok();
                        t.online();
                        assert!(t.is_parallel() && !t.is_solo());
                        if !more {
                            break;
                        }
                        push(t, list);
                        assert!(done.send(()).is_ok());
                    }
                    t.end(|| ());
                });
            });
            for _ in 0..50 {
                while !t.is_solo() {
                    assert!(t.poll().is_ok());
                    std::thread::yield_now();
                }
                assert!(!t.is_shared() && !t.is_parallel() && t.has_siblings());
                push(t, list);
                assert!(go.send(()).is_ok());
                while over.try_recv().is_err() {
                    assert!(t.poll().is_ok());
                    t.out_of_native();
                    std::thread::yield_now();
                }
            }
            drop(go);
            wait(t);
        });
        t.online();
        assert!(t.poll().is_ok());
        assert!(!t.has_siblings(), "alone again");
        assert_eq!(list.0.expect::<List>().len(), 100);
    });
    main.close();
}
