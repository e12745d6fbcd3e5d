//! Lru: results of calls in order of use, the oldest to be given up first.

use crate::charge::Charge;
use std::cell::{Cell, RefCell};
use typhon_object::dict::Dict;
use typhon_object::error::Res;
use typhon_object::header::Header;
use typhon_object::store::Slot;
use typhon_object::{Thread, Value, convert};

/// No node.
const NIL: usize = usize::MAX;

/// A result in the ring.
struct Node {
    key: Slot,
    hash: i64,
    result: Slot,
    /// Towards the oldest.
    older: usize,
    /// Towards the newest.
    newer: usize,
}

/// The ring of results; a dict maps keys to places in it.
pub(super) struct Lru {
    nodes: RefCell<Vec<Node>>,
    charge: RefCell<Charge>,
    free: RefCell<Vec<usize>>,
    oldest: Cell<usize>,
    newest: Cell<usize>,
}

impl Lru {
    /// Empty.
    pub(super) fn new() -> Self {
        Self {
            nodes: RefCell::default(),
            charge: RefCell::new(Charge::NONE),
            free: RefCell::default(),
            oldest: Cell::new(NIL),
            newest: Cell::new(NIL),
        }
    }

    /// Shows the values to the collector.
    pub(super) fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        for node in self.nodes.borrow().iter() {
            visit(&node.key.get());
            visit(&node.result.get());
        }
    }

    /// The place that the dict holds for a key.
    fn place(v: &Value) -> usize {
        v.as_small().map_or(NIL, |i| i as usize)
    }

    fn unlink(&self, nodes: &mut [Node], i: usize) {
        let (older, newer) = (nodes[i].older, nodes[i].newer);
        match nodes.get_mut(older) {
            Some(node) => node.newer = newer,
            None => self.oldest.set(newer),
        }
        match nodes.get_mut(newer) {
            Some(node) => node.older = older,
            None => self.newest.set(older),
        }
    }

    fn link_newest(&self, nodes: &mut [Node], i: usize) {
        let newest = self.newest.replace(i);
        nodes[i].older = newest;
        nodes[i].newer = NIL;
        match nodes.get_mut(newest) {
            Some(node) => node.newer = i,
            None => self.oldest.set(i),
        }
    }

    /// The result under a key, which becomes the newest.
    pub(super) fn get(&self, t: &Thread, map: &Dict, key: &Value, hash: i64) -> Res<Option<Value>> {
        let Some(found) = map.get_hashed(t, key, hash)? else { return Ok(None) };
        let i = Self::place(&found);
        let mut nodes = self.nodes.borrow_mut();
        if nodes.get(i).is_none_or(|node| node.key.is_absent()) {
            return Ok(None);
        }
        if self.newest.get() != i {
            self.unlink(&mut nodes, i);
            self.link_newest(&mut nodes, i);
        }
        Ok(Some(nodes[i].result.get()))
    }

    /// Adds a result as the newest.
    pub(super) fn add(&self, t: &Thread, owner: &Header, map: &Dict, key: &Value, hash: i64, result: Value) -> Res<()> {
        let i = self.place_for_one(t)?;
        // Python code may run here; until it has a key the place counts as empty.
        if let Err(e) = map.set_hashed(t, key, hash, convert::from_usize(i)) {
            self.free.borrow_mut().push(i);
            return Err(e);
        }
        let mut nodes = self.nodes.borrow_mut();
        if let Some(node) = nodes.get_mut(i) {
            node.hash = hash;
            node.key.set(owner, key.clone());
            node.result.set(owner, result);
            self.link_newest(&mut nodes, i);
        }
        Ok(())
    }

    fn place_for_one(&self, t: &Thread) -> Res<usize> {
        if let Some(i) = self.free.borrow_mut().pop() {
            return Ok(i);
        }
        self.make_room(t)?;
        let mut nodes = self.nodes.borrow_mut();
        nodes.push(Node { key: Slot::empty(), hash: 0, result: Slot::empty(), older: NIL, newer: NIL });
        Ok(nodes.len() - 1)
    }

    fn make_room(&self, t: &Thread) -> Res<()> {
        let mut nodes = self.nodes.borrow_mut();
        if nodes.len() < nodes.capacity() {
            return Ok(());
        }
        let more = nodes.len().max(8);
        let grown = Charge::new(t, (nodes.len() + more) * size_of::<Node>())?;
        nodes.reserve_exact(more);
        drop(nodes);
        drop(self.charge.replace(grown));
        Ok(())
    }

    /// Gives up the oldest result; its key and result are the caller's to drop.
    pub(super) fn give_up_oldest(&self, t: &Thread, map: &Dict) -> Res<Option<(Value, Value)>> {
        let i = self.oldest.get();
        let (key, hash, result) = {
            let mut nodes = self.nodes.borrow_mut();
            if i >= nodes.len() {
                return Ok(None);
            }
            self.unlink(&mut nodes, i);
            (nodes[i].key.take(), nodes[i].hash, nodes[i].result.take())
        };
        map.remove_hashed(t, &key, hash)?;
        self.free.borrow_mut().push(i);
        Ok(Some((key, result)))
    }

    /// Empties the ring; what it held is the caller's to drop.
    pub(super) fn clear(&self) -> Vec<(Value, Value)> {
        let nodes = std::mem::take(&mut *self.nodes.borrow_mut());
        self.free.borrow_mut().clear();
        self.oldest.set(NIL);
        self.newest.set(NIL);
        drop(self.charge.replace(Charge::NONE));
        nodes.into_iter().map(|node| (node.key.take(), node.result.take())).collect()
    }
}
