//! A trial: which objects of a set can be reached from outside the set.
//!
//! While it lasts, a bit of the header says that an object is in the set and not yet known to be reached: most references
//! are to texts and other things that are not, and a look at the header is all they cost.
//!
//! The scratch is one number a possible place of an object, in tables of 16 KiB of address space each. Objects lie
//! densely in their pages, so a reference finds its number by a look at a small index (most often the last answer) and
//! an offset; a hash table over objects would miss the cache at every reference.

use super::pile::Pile;
use super::{STRIDE, edges};
use crate::error::{Exc, Res};
use crate::header::{Header, flag::IN_TRIAL};
use crate::thread::Thread;
use crate::value::Value;

/// Address bits of a stretch, and of an object's alignment.
const STRETCH: u32 = 14;
const GRAIN: u32 = 4;
/// Places in a stretch.
const PLACES: usize = 1 << (STRETCH - GRAIN);

/// A candidate with so many references that they are not counted: some are believed to come from outside.
const MANY: i32 = i32::MIN;
/// References that are too many to count, and the number below which none falls: a payload that shows references which
/// it does not own is believed, too.
const LIMIT: i32 = 1 << 30;

/// A number for each place, where there are candidates.
struct Scratch {
    /// Open addressing from a stretch's number, plus one, to where its numbers begin; a power of two of entries.
    index: Vec<(usize, u32)>,
    numbers: Vec<[i32; PLACES]>,
    /// The stretch asked for last, and what was found.
    last: (usize, u32),
    /// The address asked for last, and what was found: neighbouring references often are to the same object
    /// (`[x] * n`, columns of equal values).
    same: (usize, (u32, u32)),
}

impl Scratch {
    /// For about so many objects: where they are few to a stretch the numbers have to move once or twice.
    fn new(objects: usize) -> Self {
        let numbers = Vec::with_capacity(objects / 128 + 1);
        Self { index: vec![(0, 0); 64], numbers, last: (usize::MAX, 0), same: (0, (0, 0)) }
    }

    /// Where a stretch's entry is or belongs.
    fn entry(&self, stretch: usize) -> usize {
        let mask = self.index.len() - 1;
        // Fibonacci hashing: neighbouring stretches spread over the index.
        let mut i = (stretch.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32) & mask;
        while self.index[i].0 != 0 && self.index[i].0 != stretch + 1 {
            i = (i + 1) & mask;
        }
        i
    }

    /// The numbers of a stretch, made if need be.
    fn begin(&mut self, stretch: usize) -> u32 {
        let mut at = self.entry(stretch);
        if self.index[at].0 == 0 {
            if self.numbers.len() * 2 >= self.index.len() {
                self.grow();
                at = self.entry(stretch);
            }
            self.index[at] = (stretch + 1, self.numbers.len() as u32);
            self.numbers.push([0; PLACES]);
        }
        self.index[at].1
    }

    fn grow(&mut self) {
        let larger = vec![(0, 0); self.index.len() * 2];
        for entry in std::mem::replace(&mut self.index, larger).into_iter().filter(|&(key, _)| key != 0) {
            let to = self.entry(entry.0 - 1);
            self.index[to] = entry;
        }
    }

    /// Puts an object into the set.
    fn add(&mut self, at: usize, n: i32) {
        let stretch = at >> STRETCH;
        if self.last.0 != stretch {
            self.last = (stretch, self.begin(stretch));
        }
        self.numbers[self.last.1 as usize][place(at)] = n;
    }

    /// The number of an object that was put in.
    #[inline(always)]
    fn at(&mut self, at: usize) -> &mut i32 {
        let (table, place) = if self.same.0 == at { self.same.1 } else { self.find(at) };
        &mut self.numbers[table as usize][place as usize]
    }

    #[inline(never)]
    fn find(&mut self, at: usize) -> (u32, u32) {
        let stretch = at >> STRETCH;
        if self.last.0 != stretch {
            self.last = (stretch, self.index[self.entry(stretch)].1);
        }
        self.same = (at, (self.last.1, place(at) as u32));
        self.same.1
    }
}

#[inline]
fn place(at: usize) -> usize {
    (at >> GRAIN) & (PLACES - 1)
}

/// An object that a value refers to, if it is in a set and not known to be reached.
#[inline(always)]
fn unreached(v: &Value) -> Option<&Header> {
    v.header().filter(|header| header.has(IN_TRIAL))
}

/// A set of objects, and how many references to each come from outside the set.
pub struct Trial {
    objects: Pile,
    outside: Scratch,
}

impl Trial {
    /// `held` references to each object are the collector's own. No other thread runs until the trial's end.
    ///
    /// # Errors
    /// If the isolate is stopped.
    pub fn new(t: &Thread, objects: Pile, held: i32) -> Res<Self> {
        let outside = Scratch::new(objects.len());
        let mut trial = Self { objects, outside };
        match trial.count(t, held) {
            Ok(()) => Ok(trial),
            Err(e) => {
                trial.forget();
                Err(e)
            }
        }
    }

    fn count(&mut self, t: &Thread, held: i32) -> Res<()> {
        let Self { objects, outside } = self;
        for (i, at) in objects.iter().enumerate() {
            look_up(t, i)?;
            // SAFETY: a live object; nothing runs between the walk and the end of the trial.
            let header = unsafe { &*at };
            let count = header.whole_count();
            outside.add(at as usize, if count < LIMIT as u32 { count as i32 - held } else { MANY });
            header.put_alone(IN_TRIAL, true);
        }
        for (i, at) in objects.iter().enumerate() {
            look_up(t, i)?;
            // SAFETY: as above.
            edges(unsafe { &*at }, &mut |v| {
                if let Some(header) = unreached(v) {
                    let n = outside.at(std::ptr::from_ref(header) as usize);
                    if *n > -LIMIT {
                        *n -= 1;
                    }
                }
            });
        }
        whole(t)
    }

    /// The objects that cannot be reached from outside.
    ///
    /// # Errors
    /// If the isolate is stopped.
    pub fn unreachable(mut self, t: &Thread) -> Res<Vec<*const Header>> {
        if let Err(e) = self.reach(t) {
            self.forget();
            return Err(e);
        }
        Ok(self.objects.filter(|at| {
            // SAFETY: as in `count`.
            let header = unsafe { &*at };
            let dead = header.has(IN_TRIAL);
            if dead {
                header.put_alone(IN_TRIAL, false);
            }
            dead
        }))
    }

    fn reach(&mut self, t: &Thread) -> Res<()> {
        let Self { objects, outside } = self;
        let (mut work, mut seen) = (Pile::default(), 0);
        for root in objects.iter() {
            // SAFETY: as in `count`.
            let header = unsafe { &*root };
            if !header.has(IN_TRIAL) || *outside.at(root as usize) == 0 {
                continue;
            }
            // Depth first from each root: what it reaches is looked at while it is near.
            header.put_alone(IN_TRIAL, false);
            work.push(root);
            while let Some(at) = work.pop() {
                seen += 1;
                look_up(t, seen)?;
                // SAFETY: as in `count`.
                edges(unsafe { &*at }, &mut |v| {
                    if let Some(header) = unreached(v) {
                        header.put_alone(IN_TRIAL, false);
                        work.push(header);
                    }
                });
            }
        }
        whole(t)
    }

    /// Given up halfway: the isolate may be used again (a session's).
    fn forget(&self) {
        // SAFETY: as in `count`.
        self.objects.iter().for_each(|at| unsafe { &*at }.put_alone(IN_TRIAL, false));
    }
}

/// A stopped isolate's objects do not all show what they hold (see `gc::each`).
fn whole(t: &Thread) -> Res<()> {
    if t.breaker.stopped() { Err(Exc::stopped()) } else { Ok(()) }
}

/// Now and then: whether the isolate is being stopped.
#[inline]
fn look_up(t: &Thread, i: usize) -> Res<()> {
    if i % STRIDE == STRIDE - 1 && t.breaker.stopped() { Err(Exc::stopped()) } else { Ok(()) }
}
