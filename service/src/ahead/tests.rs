//! What is made ahead, and what is not.

use typhon_vm::{Cancel, Host, Response, Run};

use super::*;

/// Isolates with a heap of 1 cannot begin, and one of 2 panics.
struct Script;

struct Empty(Option<u64>);

impl Engine for Script {
    fn execute(&self, _: &Request, _: &dyn Host, _: &Cancel) -> Response {
        unreachable!("nothing is run here")
    }

    fn open(&self, request: &Request) -> Box<dyn Isolate> {
        Box::new(Empty(request.limits.heap_bytes))
    }
}

impl Isolate for Empty {
    fn execute(&mut self, _: &Request, _: Arc<dyn Host>, _: &Cancel) -> Run {
        unreachable!("nothing is run here")
    }

    fn prepare(&mut self) -> bool {
        assert_ne!(self.0, Some(2), "the test wants a panic");
        self.0 != Some(1)
    }
}

fn of(heap: u64) -> Request {
    Request { limits: Limits { heap_bytes: Some(heap), ..Limits::default() }, ..Request::default() }
}

fn ahead(most: usize) -> Ahead {
    Ahead::new(Arc::new(Script), most)
}

/// Makes as many as it will.
fn fill(ahead: &Ahead) -> usize {
    (0..100).take_while(|_| ahead.make() == ControlFlow::Continue(true)).count()
}

#[test]
fn what_is_wanted_twice_is_made_ahead() {
    let ahead = ahead(2);
    assert_eq!(fill(&ahead), 0);
    assert!(ahead.take(&of(10)).is_none());
    assert_eq!(fill(&ahead), 0);
    assert!(ahead.take(&of(10)).is_none());
    assert_eq!((fill(&ahead), ahead.ready()), (2, 2));
    assert!(ahead.take(&of(10)).is_some());
    assert_eq!(ahead.ready(), 1);
    // Another kind is none of those.
    assert!(ahead.take(&of(11)).is_none());
    assert_eq!(fill(&ahead), 1);
}

#[test]
fn the_kind_wanted_last_has_the_room() {
    let ahead = ahead(2);
    for heap in [10, 10, 11, 11] {
        ahead.take(&of(heap));
        fill(&ahead);
    }
    assert_eq!(ahead.ready(), 2);
    assert!(ahead.take(&of(11)).is_some() && ahead.take(&of(11)).is_some());
    assert!(ahead.take(&of(10)).is_none());
}

#[test]
fn what_somebody_has_given_is_not_made_ahead() {
    let ahead = ahead(2);
    let env = Request { env: vec![("A".into(), "secret".into())], ..of(10) };
    let argv = Request { argv: vec!["a".into()], ..of(10) };
    for request in [env, argv, Request { deterministic: true, ..of(10) }] {
        assert!(ahead.take(&request).is_none() && ahead.take(&request).is_none());
    }
    assert_eq!(fill(&ahead), 0);
}

#[test]
fn what_cannot_begin_is_not_tried_for_ever() {
    let ahead = ahead(2);
    assert!(ahead.take(&of(1)).is_none() && ahead.take(&of(1)).is_none());
    assert_eq!((fill(&ahead), ahead.ready()), (1, 0));
}

#[test]
fn a_panic_and_a_close_end_it() {
    let panicking = ahead(2);
    assert!(panicking.take(&of(2)).is_none() && panicking.take(&of(2)).is_none());
    assert_eq!(panicking.make(), ControlFlow::Break(()));
    assert_eq!(panicking.make(), ControlFlow::Continue(false));
    let closed = ahead(2);
    assert!(closed.take(&of(10)).is_none() && closed.take(&of(10)).is_none());
    assert_eq!(fill(&closed), 2);
    closed.close();
    assert_eq!((fill(&closed), closed.ready()), (0, 0));
    assert!(ahead(0).take(&of(10)).is_none());
}
