//! Critical sections: no deadlock whatever the order of objects, and one thread at a time while nobody blocks.

use loom::thread;
use typhon_loom_tests::{Object, Payload, breaks, check, check_bounded, dies};
use typhon_qsbr::{mutant::Mutant, sync::Arc};
use typhon_rc::{Sections, TAG_FOREIGN};

/// What loom says of those who wait for each other, and look again all the time.
const ENDLESS: &str = "exceeded maximum number of branches";

struct World {
    objects: [Arc<Object>; 2],
    sums: [Payload; 2],
}

fn world() -> Arc<World> {
    let objects = [Object::new(TAG_FOREIGN), Object::new(TAG_FOREIGN)];
    Arc::new(World { objects, sums: [Payload::new(0), Payload::new(0)] })
}

impl World {
    fn begin(&self, sections: &mut Sections, at: usize) {
        // SAFETY: the world keeps the objects, and every model ends its sections in reverse order.
        unsafe { sections.begin(&mut (), self.objects[at].pointer()) };
    }

    fn end(&self, sections: &mut Sections) {
        sections.end(&mut ());
    }

    /// A section over both objects, named in either order.
    fn pair(&self, one: usize, other: usize) {
        let mut sections = Sections::new();
        let (first, second) = (self.objects[one].pointer(), self.objects[other].pointer());
        // SAFETY: as in `begin`.
        unsafe { sections.begin_two(&mut (), first, second) };
        self.sums.iter().for_each(|sum| sum.add(1));
        self.end(&mut sections);
    }

    /// A section within a section. The outer one may be suspended by opening the inner one.
    fn nested(&self, outer: usize, inner: usize) {
        let mut sections = Sections::new();
        self.begin(&mut sections, outer);
        self.sums[outer].add(1);
        self.begin(&mut sections, inner);
        self.sums[inner].add(1);
        self.end(&mut sections);
        self.sums[outer].add(1);
        self.end(&mut sections);
    }
}

/// Two threads do `work`; the world is free and its sums are right afterwards.
fn both(work: fn(&World, usize), sum: u64) {
    let world = world();
    let other = {
        let world = world.clone();
        thread::spawn(move || work(&world, 1))
    };
    work(&world, 0);
    other.join().unwrap();
    assert_eq!((world.sums[0].read(), world.sums[1].read()), (sum, sum));
    assert!(world.objects.iter().all(|object| !object.header.lock().is_locked()), "a lock was left");
}

fn pairs() {
    both(|world, me| world.pair(me, 1 - me), 2);
}

fn nests() {
    both(|world, me| world.nested(me, 1 - me), 3);
}

/// One thread gives its section up, as before going offline, and takes it again.
fn suspended() {
    let world = world();
    let other = {
        let world = world.clone();
        thread::spawn(move || {
            let mut sections = Sections::new();
            world.begin(&mut sections, 0);
            world.sums[0].add(1);
            world.end(&mut sections);
        })
    };
    let mut sections = Sections::new();
    world.begin(&mut sections, 0);
    world.sums[0].add(1);
    sections.suspend();
    other.join().unwrap();
    sections.resume(&mut ());
    world.sums[0].add(1);
    world.end(&mut sections);
    assert_eq!(world.sums[0].read(), 3);
}

/// The same object twice, and a pair that is one object.
fn repeated() {
    let world = world();
    let mut sections = Sections::new();
    world.begin(&mut sections, 0);
    world.begin(&mut sections, 0);
    let same = world.objects[0].pointer();
    // SAFETY: as in `begin`.
    unsafe { sections.begin_two(&mut (), same, same) };
    assert_eq!(sections.depth(), 3);
    for _ in 0..3 {
        assert!(world.objects[0].header.lock().is_locked());
        world.end(&mut sections);
    }
    assert!(!world.objects[0].header.lock().is_locked());
    // An outer section, not the innermost, has the object: it lets go, and gets it back.
    world.begin(&mut sections, 0);
    world.begin(&mut sections, 1);
    world.begin(&mut sections, 0);
    for held in [(true, false), (false, true), (true, false)] {
        let is = |at: usize| world.objects[at].header.lock().is_locked();
        assert_eq!((is(0), is(1)), held);
        world.end(&mut sections);
    }
}

#[test]
fn two_objects_in_either_order() {
    check(pairs);
}

#[test]
fn sections_within_sections() {
    check_bounded(2, nests);
}

#[test]
fn a_section_is_given_up_and_taken_again() {
    check(suspended);
}

#[test]
fn an_object_twice() {
    check(repeated);
}

#[test]
fn pairs_are_ordered() {
    dies(Mutant::PairUnordered, ENDLESS, "rc_sections::pairs_are_ordered", usize::MAX, pairs);
}

#[test]
fn who_blocks_lets_go() {
    dies(Mutant::BlockHoldingSections, ENDLESS, "rc_sections::who_blocks_lets_go", usize::MAX, nests);
}

#[test]
fn a_suspended_section_protects_nothing() {
    breaks(|| {
        both(
            |world, me| {
                let mut sections = Sections::new();
                world.begin(&mut sections, 0);
                sections.suspend();
                world.sums[0].add(1);
                world.sums[1].add(u64::from(me == 0));
                world.end(&mut sections);
            },
            2,
        );
    });
}
