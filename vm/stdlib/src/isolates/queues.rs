//! Queues that isolates of one program share: packed items, which belong to none of them.

use std::collections::{BTreeMap, VecDeque};

/// What becomes of an item when the isolate goes away that put it in: it goes, too. Otherwise its contents go.
const REMOVE: i64 = 1;

/// All queues.
#[derive(Default)]
pub(super) struct Queues {
    by_number: BTreeMap<i64, Queue>,
    made: i64,
}

/// What one looks at: how many items there are, how many there may be (0: any number), and what is done with items of
/// isolates that have gone.
pub(super) type Look = (usize, i64, i64);

struct Queue {
    items: VecDeque<Item>,
    most: i64,
    unbound: i64,
    users: i64,
}

/// An item: absent once its isolate has gone.
struct Item {
    data: Option<Vec<u8>>,
    from: i64,
    unbound: i64,
}

impl Queues {
    pub(super) fn create(&mut self, most: i64, unbound: i64) -> i64 {
        self.made += 1;
        self.by_number.insert(self.made, Queue { items: VecDeque::new(), most, unbound, users: 0 });
        self.made
    }

    pub(super) fn destroy(&mut self, number: i64) -> Option<()> {
        self.by_number.remove(&number).map(drop)
    }

    pub(super) fn numbers(&self) -> Vec<i64> {
        self.by_number.keys().copied().collect()
    }

    pub(super) fn look(&self, number: i64) -> Option<Look> {
        self.by_number.get(&number).map(|q| (q.items.len(), q.most, q.unbound))
    }

    /// One user more or less; a queue whose last user has gone goes.
    pub(super) fn count(&mut self, number: i64, more: i64) -> Option<()> {
        let queue = self.by_number.get_mut(&number)?;
        queue.users += more;
        if queue.users <= 0 && more < 0 {
            self.by_number.remove(&number);
        }
        Some(())
    }

    /// False if the queue is full.
    pub(super) fn put(&mut self, number: i64, data: Vec<u8>, from: i64, unbound: i64) -> Option<bool> {
        let queue = self.by_number.get_mut(&number)?;
        let room = queue.most <= 0 || (queue.items.len() as i64) < queue.most;
        if room {
            let unbound = if unbound < 0 { queue.unbound } else { unbound };
            queue.items.push_back(Item { data: Some(data), from, unbound });
        }
        Some(room)
    }

    /// The first item, `None` within if there is none.
    pub(super) fn get(&mut self, number: i64) -> Option<Option<(Option<Vec<u8>>, i64)>> {
        let queue = self.by_number.get_mut(&number)?;
        Some(queue.items.pop_front().map(|item| (item.data, item.unbound)))
    }

    /// An isolate goes away.
    pub(super) fn unbind(&mut self, from: i64) {
        for queue in self.by_number.values_mut() {
            queue.items.retain(|item| item.from != from || item.unbound != REMOVE);
            queue.items.iter_mut().filter(|item| item.from == from).for_each(|item| item.data = None);
        }
    }
}
