//! Sites: one claimant, one publication, nothing after the close.

use loom::thread;
use std::sync::Arc as StdArc;
use typhon_loom_tests::{Payload, caught, check};
use typhon_qsbr::{Bits, Domain, Participant, Requests, Site, Stage, mutant::Mutant, sync::Arc};

/// An executor's instance, as far as loom is concerned: its destructor frees the machine code.
struct Instance(Payload, StdArc<()>);

impl Instance {
    fn boxed() -> Box<Self> {
        Self::counted(&StdArc::default())
    }

    /// One of those that `count` counts.
    fn counted(count: &StdArc<()>) -> Box<Self> {
        let fresh = Self(Payload::new(0), count.clone());
        fresh.0.write(7);
        Box::new(fresh)
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.0.free();
        }
    }
}

fn site() -> (Arc<Domain>, Arc<Site<Instance>>) {
    let domain = Arc::new(Domain::new(Requests::default()));
    (domain.clone(), Arc::new(Site::new(domain)))
}

/// A thread enters what is there; another takes it away.
fn entered_and_withdrawn() {
    let (domain, site) = site();
    assert!(site.claim());
    let reader = {
        let (domain, site) = (domain.clone(), site.clone());
        thread::spawn(move || {
            let mut me = Participant::join(&domain, Arc::new(Bits::new()));
            me.online();
            let guard = me.guard().expect("online");
            if let Some(instance) = site.get(&guard) {
                assert_eq!(instance.0.read(), 7, "entered before it was there");
            }
        })
    };
    assert!(site.commit(Instance::boxed()).is_ok());
    let mut me = Participant::join(&domain, Arc::new(Bits::new()));
    me.online();
    let guard = me.guard().expect("online");
    if let Some(seen) = site.get(&guard) {
        assert!(site.withdraw(seen));
    }
    me.offline();
    site.collect();
    reader.join().unwrap();
}

/// A worker commits while the isolate shuts down.
fn committed_and_closed() {
    let (_domain, site) = site();
    assert!(site.claim());
    let count = StdArc::default();
    let worker = {
        let (site, instance) = (site.clone(), Instance::counted(&count));
        thread::spawn(move || drop(site.commit(instance)))
    };
    site.close();
    worker.join().unwrap();
    assert_eq!(site.stage(), Stage::Closed, "something is there after the close");
    site.collect();
    assert_eq!(StdArc::strong_count(&count), 1, "freed, by the worker or by the site");
}

/// Two threads find the site empty.
fn claimed_by_two() {
    let (_domain, site) = site();
    let other = {
        let site = site.clone();
        thread::spawn(move || site.claim())
    };
    let mine = site.claim();
    assert!(mine ^ other.join().unwrap(), "one of two records");
}

/// Two threads take the same value away.
fn withdrawn_by_two() {
    let (domain, site) = site();
    assert!(site.claim());
    assert!(site.commit(Instance::boxed()).is_ok());
    let withdraw = |domain: &Arc<Domain>, site: &Site<Instance>| {
        let mut me = Participant::join(domain, Arc::new(Bits::new()));
        me.online();
        let guard = me.guard().expect("online");
        site.get(&guard).is_some_and(|seen| site.withdraw(seen))
    };
    let other = {
        let (domain, site) = (domain.clone(), site.clone());
        thread::spawn(move || withdraw(&domain, &site))
    };
    let mine = withdraw(&domain, &site);
    assert!(mine ^ other.join().unwrap(), "one of two invalidates");
}

#[test]
fn a_thread_keeps_what_it_entered() {
    check(entered_and_withdrawn);
}

#[test]
fn a_close_is_the_last_word() {
    check(committed_and_closed);
}

#[test]
fn there_is_one_recorder() {
    check(claimed_by_two);
}

#[test]
fn a_value_is_withdrawn_once() {
    check(withdrawn_by_two);
}

#[test]
fn committing_is_a_release() {
    caught(Mutant::PublishRelaxed, entered_and_withdrawn);
}

#[test]
fn what_is_withdrawn_is_not_freed_at_once() {
    caught(Mutant::FreeAtOnce, entered_and_withdrawn);
}

#[test]
fn a_commit_looks_for_the_close() {
    caught(Mutant::CommitBlind, committed_and_closed);
}

#[test]
fn a_claim_is_one_step() {
    caught(Mutant::ClaimBlind, claimed_by_two);
}
