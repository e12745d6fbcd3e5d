//! Traces that are of no use any more: what they ask will not be so again.
//!
//! A version of a namespace's keys that has gone never comes back. A trace that is left for that would be left in every round, and a
//! bridge that leads back to it would come to the same exit again. So it goes, and its place is recorded anew.

use crate::counts::Count;
use crate::site::{Instance, Known};
use crate::tier::Part;
use std::rc::Rc;

impl Part {
    /// Lets an instance go, if it was left where it always will be from now on: nothing leads to it any more. Its code may be running.
    pub(crate) fn retire(&self, known: &Known, instance: &Rc<Instance>, number: usize) -> bool {
        let executor = &instance.variant.executor;
        let exit = &executor.exits()[number];
        // Where a way ends nothing is asked.
        if executor.ends(exit) || !known.is_lasting(exit.place) {
            return false;
        }
        let Some(place) = known.place_of(instance) else { return false };
        place.instances.borrow_mut().retain(|other| !Rc::ptr_eq(other, instance));
        let mut unlinked = self.unlinked.borrow_mut();
        for known in self.known.borrow().values() {
            known.each(|other| unlinked.extend(other.forget(instance)));
        }
        unlinked.extend(instance.let_go());
        unlinked.push(instance.clone());
        self.counts.add(Count::Retired);
        known.traces.set(known.traces.get().saturating_sub(1));
        true
    }
}
