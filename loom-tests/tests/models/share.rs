//! Share on publication: what another thread can reach is shared, all the way down, and initialized.

use loom::thread;
use typhon_loom_tests::{Object, breaks, caught, check};
use typhon_qsbr::{Slot, mutant::Mutant, sync::Arc};
use typhon_rc::RcHeader;

const EPOCH: u8 = 1;
const TAG: u16 = 1;

/// A parent that refers to a child, both local to the thread that makes them.
struct Graph {
    parent: Arc<Object>,
    child: Arc<Object>,
}

impl Graph {
    fn new() -> Self {
        let graph = Self { parent: Object::new(TAG), child: Object::new(TAG) };
        for object in [&graph.parent, &graph.child] {
            object.header.put_flags_alone(0b11, EPOCH);
            object.body.write(7);
        }
        graph
    }

    fn share(&self) {
        for object in [&self.child, &self.parent] {
            object.header.share();
        }
    }
}

fn is_shared(header: &RcHeader) -> bool {
    !header.is_local(EPOCH)
}

/// Whoever reaches the graph uses it.
fn reach(shared: &Slot<Graph>) {
    if let Some(graph) = shared.get() {
        for object in [&graph.parent, &graph.child] {
            assert!(is_shared(&object.header), "reached a local object of another thread");
            object.touch();
        }
    }
}

fn published() {
    let place = Arc::new(Slot::new());
    let reader = {
        let place = place.clone();
        thread::spawn(move || reach(&place))
    };
    let graph = Graph::new();
    assert!(graph.parent.header.is_local(EPOCH) && graph.child.header.is_local(EPOCH));
    graph.share();
    assert!(place.set(Box::new(graph)).is_ok());
    reader.join().unwrap();
}

fn published_too_early(before: fn(&Graph), after: fn(&Graph)) {
    let place = Arc::new(Slot::new());
    let reader = {
        let place = place.clone();
        thread::spawn(move || reach(&place))
    };
    let graph = Graph::new();
    before(&graph);
    if let Ok(graph) = place.set(Box::new(graph)) {
        after(graph);
    }
    reader.join().unwrap();
}

/// A new epoch shares everything that was born in the old one, without touching it.
fn new_epoch() {
    let graph = Arc::new(Graph::new());
    let epoch = EPOCH + 1;
    let other = {
        let graph = graph.clone();
        thread::spawn(move || assert!(!graph.parent.header.is_local(epoch)))
    };
    assert!(!graph.child.header.is_local(epoch));
    let young = Object::new(TAG);
    young.header.put_flags_alone(0b11, epoch);
    assert!(young.header.is_local(epoch));
    other.join().unwrap();
}

#[test]
fn shared_before_published() {
    check(published);
}

#[test]
fn an_epoch_shares_all() {
    check(new_epoch);
}

#[test]
fn publishing_is_a_release() {
    caught(Mutant::PublishRelaxed, published);
}

#[test]
fn publishing_first_is_found() {
    breaks(|| published_too_early(|_| {}, Graph::share));
}

#[test]
fn sharing_the_parent_alone_is_found() {
    breaks(|| published_too_early(|graph| graph.parent.header.share(), |_| {}));
}
