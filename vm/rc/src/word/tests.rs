//! Every transition of the shared word, over every state and every count that can make a difference.

use super::*;

const STATES: [State; 4] = [State::Biased, State::Weak, State::Queued, State::Merged];

/// All small counts, and all near an end of the range.
fn counts() -> impl Iterator<Item = i32> {
    let near = |at: i32| (at - 3..=at + 3).collect::<Vec<_>>();
    let ends = [-(1 << 29) + 3, -SATURATED, 0, SATURATED, (1 << 29) - 4];
    (-40..=40).chain(ends.into_iter().flat_map(near))
}

fn words() -> impl Iterator<Item = Shared> {
    counts().flat_map(|count| STATES.map(|state| Shared::pack(count, state)))
}

#[test]
fn pack_and_read_are_inverse() {
    for count in counts() {
        for state in STATES {
            let word = Shared::pack(count, state);
            assert_eq!((word.count(), word.state()), (count, state));
            assert_eq!(Shared::from_bits(word.bits()), word);
        }
    }
    assert_eq!(Shared::FRESH.bits(), 0, "the owner's fast death compares with zero");
    assert_eq!(Shared::from_bits(Shared::FRESH.bits().wrapping_add(ONE)).count(), 1, "a retain adds ONE");
}

#[test]
fn a_release_takes_one_or_asks() {
    for word in words() {
        let (count, state) = (word.count(), word.state());
        match word.release() {
            Drop::Stuck => assert!(word.is_saturated()),
            Drop::Ask(next) => {
                assert!(count == 0 && state < State::Queued, "{word:?}");
                assert_eq!((next.count(), next.state()), (0, State::Queued), "the reference goes to the queue");
            }
            Drop::Last(next) => {
                assert!(count == 1 && state == State::Merged, "{word:?}");
                assert!(next.is_dead());
            }
            Drop::Less(next) => {
                assert_eq!(next.state(), state);
                assert!(next.count() == count - 1 || next.is_saturated() && count <= -SATURATED + 1, "{word:?}");
                assert!(!next.is_dead(), "{word:?} died unnoticed");
            }
        }
    }
}

#[test]
fn many_releases_are_as_one_after_the_other() {
    let near = words().filter(|word| word.count().abs() < SATURATED / 2);
    // Only an object that waits in its owner's queue has given up more than was counted.
    for word in near.filter(|word| word.count() >= 0 || word.state() == State::Queued) {
        let (count, state) = (word.count(), word.state());
        // What is released has been counted here.
        let most = if state == State::Merged { count.max(0) } else { 40 };
        for n in 1..=most.min(40) as u32 {
            let (mut one, mut outcome) = (word, 0);
            for _ in 0..n {
                one = match one.release() {
                    Drop::Less(next) => next,
                    Drop::Last(next) => (next, outcome = 1).0,
                    Drop::Ask(next) => (next, outcome = 2).0,
                    Drop::Stuck => unreachable!("far from the ends"),
                };
            }
            let (many, got) = match word.release_many(n) {
                Drop::Less(next) => (next, 0),
                Drop::Last(next) => (next, 1),
                Drop::Ask(next) => (next, 2),
                Drop::Stuck => unreachable!("far from the ends"),
            };
            assert_eq!((many, got), (one, outcome), "{word:?} less {n}");
        }
    }
    assert_eq!(Shared::pack(SATURATED, State::Merged).release_many(7), Drop::Stuck);
}

#[test]
fn an_object_is_asked_for_once() {
    for word in words() {
        if let Drop::Ask(queued) = word.release() {
            assert!(matches!(queued.release(), Drop::Less(_)), "a queued object is never queued again");
        }
    }
}

#[test]
fn states_only_go_up() {
    for word in words() {
        let mut nexts = vec![word.merge(3, 0).next, word.retain_many(2), word.saturate()];
        nexts.extend(word.mark_weak());
        match word.release() {
            Drop::Less(next) | Drop::Last(next) | Drop::Ask(next) => nexts.push(next),
            Drop::Stuck => {}
        }
        if let Revive::More(next) = word.try_retain() {
            nexts.push(next);
        }
        for next in nexts {
            assert!(next.state() >= word.state(), "{word:?} to {next:?}");
        }
    }
}

#[test]
fn a_try_retain_succeeds_only_where_a_reference_is_certain() {
    for word in words() {
        let (count, state) = (word.count(), word.state());
        match word.try_retain() {
            Revive::Unknown => assert!(count == 0 && state == State::Biased),
            Revive::Dead => assert!(word.is_dead()),
            Revive::Stuck => assert!(word.is_saturated()),
            Revive::More(next) => assert_eq!((next.count(), next.state()), (count + 1, state)),
        }
    }
}

#[test]
fn a_merge_adds_up() {
    for word in words() {
        for local in [0, 1, 2, 7, u32::MAX - 1, u32::MAX] {
            for settled in [0, 1, 2] {
                let merge = word.merge(local, settled);
                let sum = i64::from(word.count()) + i64::from(local) - i64::from(settled);
                assert_eq!(merge.next.state(), State::Merged);
                assert_eq!(merge.dead, merge.next.is_dead());
                if word.is_saturated() || sum.abs() >= i64::from(SATURATED) {
                    assert!(merge.next.is_saturated() && !merge.dead, "{word:?} + {local} - {settled}");
                } else {
                    assert_eq!(i64::from(merge.next.count()), sum);
                    assert_eq!(merge.dead, sum == 0);
                }
            }
        }
    }
}

#[test]
fn saturation_is_for_ever() {
    for state in STATES {
        for above in 0..1 << 16 {
            // Retains in flight may push the count up by one each before they take it back.
            let word = Shared::pack(SATURATED + above, state);
            assert_eq!(word.release(), Drop::Stuck);
            assert_eq!(word.try_retain(), Revive::Stuck);
            assert!(word.merge(0, 5).next.is_saturated());
        }
    }
}

#[test]
fn a_weak_mark_changes_the_state_alone() {
    for word in words() {
        match word.mark_weak() {
            Some(next) => {
                assert_eq!((next.count(), next.state()), (word.count(), State::Weak));
                assert_eq!(word.state(), State::Biased);
            }
            None => assert_ne!(word.state(), State::Biased),
        }
    }
}

/// Plays every sequence of releases and merges of `references` references, of which the owner holds some, and checks
/// that death is announced exactly once, to the last.
#[test]
fn every_interleaving_announces_one_death() {
    #[derive(Clone, Copy)]
    struct World {
        local: u32,
        shared: Shared,
        /// Held by the owner, and by others; waiting in the queue.
        owner: u32,
        others: u32,
        queued: u32,
        owned: bool,
    }

    fn check_dead(world: World) {
        assert_eq!((world.owner, world.others, world.queued), (0, 0, 0), "died with references left");
    }

    fn play(world: World, moves: u32, deaths: &mut u64) {
        assert!(world.owner + world.others + world.queued > 0, "nobody noticed that it died");
        if moves == 0 {
            return;
        }
        if world.owner > 0 {
            let mut next = World { owner: world.owner - 1, ..world };
            if world.owned {
                next.local -= 1;
                if next.local > 0 {
                    play(next, moves - 1, deaths);
                } else if next.shared == Shared::FRESH {
                    check_dead(next);
                    *deaths += 1;
                } else {
                    let merge = next.shared.merge(0, 0);
                    (next.shared, next.owned) = (merge.next, false);
                    end(next, merge.dead, moves, deaths);
                }
            } else {
                release_shared(next, moves, deaths);
            }
            // The owner gives one reference to another thread; nothing is counted.
            play(World { owner: world.owner - 1, others: world.others + 1, ..world }, moves - 1, deaths);
        }
        if world.others > 0 {
            release_shared(World { others: world.others - 1, ..world }, moves, deaths);
            // Another thread retains, and gives its reference to the owner.
            let shared = Shared::from_bits(world.shared.bits().wrapping_add(ONE));
            play(World { owner: world.owner + 1, shared, ..world }, moves - 1, deaths);
        }
        if world.queued > 0 {
            let mut next = World { queued: world.queued - 1, ..world };
            if world.owned {
                let merge = next.shared.merge(next.local, 1);
                (next.shared, next.local, next.owned) = (merge.next, 0, false);
                end(next, merge.dead, moves, deaths);
            } else {
                release_shared(next, moves, deaths);
            }
        }
    }

    fn release_shared(mut world: World, moves: u32, deaths: &mut u64) {
        let dead = match world.shared.release() {
            Drop::Less(next) => {
                world.shared = next;
                false
            }
            Drop::Last(next) => {
                world.shared = next;
                true
            }
            Drop::Ask(next) => {
                assert!(world.owned, "a merged object was queued");
                world.shared = next;
                world.queued += 1;
                false
            }
            Drop::Stuck => unreachable!("small counts do not saturate"),
        };
        end(world, dead, moves, deaths);
    }

    fn end(world: World, dead: bool, moves: u32, deaths: &mut u64) {
        if dead {
            check_dead(world);
            *deaths += 1;
        } else {
            play(world, moves - 1, deaths);
        }
    }

    for weak in [false, true] {
        let mut deaths = 0;
        let shared = if weak { Shared::WEAK } else { Shared::FRESH };
        play(World { local: 3, shared, owner: 2, others: 1, queued: 0, owned: true }, 10, &mut deaths);
        assert!(deaths > 1000, "only {deaths} games ended");
    }
}
