//! The cache and the workers: one executor for everybody, within a budget, and nothing after the end.

use crate::support::{compile, runtime};
use std::sync::Arc;
use std::sync::mpsc::channel;
use typhon_jit::cache::{CodeHash, Entry, Key, Kind, LiveIn, NotCached, Variant};
use typhon_jit::code_memory::Arena;
use typhon_jit::lower::Plan;
use typhon_jit::worker::{Job, NoVariant, Outcome, Work};
use typhon_jit::{Cache, Compiler, Executor, Lowerer, Params, Workers};
use typhon_jit_ir::Trace;
use typhon_jit_ir::parse::parse;
use typhon_qsbr::{Bits, Domain, Participant, Requests, Site, Stage};

fn key(code: u8) -> Key {
    Key { code: CodeHash([code; 32]), offset: 4, entry: Entry::Loop, parallel: false }
}

fn live_in(kind: Kind) -> LiveIn {
    Box::new([(0, kind)])
}

/// Adds `n` to its input, often.
fn adder(n: i64) -> Trace {
    let text = format!(
        "trace (%x: int) {{\nsnap s0 @0:1\n%y: int = iadd.ov %x, {n} else s0\nsnap s1 @0:2 r0=%y\nleave s1\n}}"
    );
    parse(&text).expect("a trace")
}

fn added(executor: &Executor, x: i64) -> i64 {
    // SAFETY: the trace touches no memory.
    let left = unsafe { executor.enter(&[x.cast_unsigned()]) }.expect("an exit");
    left.values[0].bits().cast_signed()
}

fn commit(cache: &Arc<Cache>, key: Key, kind: Kind, n: i64) -> Result<Arc<Variant>, NotCached> {
    cache.claim(key, live_in(kind), 0, false).expect("nobody else compiles").commit(compile(&adder(n)))
}

#[test]
fn the_second_request_starts_hot() {
    let cache = Cache::new(&Params::DEFAULT);
    assert!(cache.find(&key(1), |_| true).is_none());
    let first = commit(&cache, key(1), Kind::Int, 5).expect("room");
    let found = cache.find(&key(1), |v| v.live_in[..] == [(0, Kind::Int)]).expect("what was committed");
    assert!(Arc::ptr_eq(&first, &found));
    assert_eq!(added(&found.executor, 37), 42);
    assert!(cache.find(&key(1), |v| v.live_in[..] == [(0, Kind::Float)]).is_none());
    assert!(cache.find(&key(2), |_| true).is_none());
    assert_eq!((cache.counts.hits.get(), cache.counts.misses.get()), (1, 3));
}

#[test]
fn losers_get_the_winner() {
    let cache = Cache::new(&Params::DEFAULT);
    let claim = cache.claim(key(1), live_in(Kind::Int), 0, false).expect("the first");
    assert!(cache.claim(key(1), live_in(Kind::Int), 0, false).is_none());
    assert!(cache.claim(key(1), live_in(Kind::Float), 0, false).is_some());
    let first = claim.commit(compile(&adder(1))).expect("room");
    let second = commit(&cache, key(1), Kind::Int, 2).expect("the first one's");
    assert!(Arc::ptr_eq(&first, &second));
    assert_eq!((cache.counts.committed.get(), cache.counts.lost.get()), (1, 1));
}

#[test]
fn a_place_has_few_variants() {
    let cache = Cache::new(&Params::DEFAULT);
    for shape in 0..Params::DEFAULT.variants_max as u32 {
        assert!(commit(&cache, key(1), Kind::Shape(shape), 1).is_ok());
    }
    assert_eq!(commit(&cache, key(1), Kind::Shape(99), 1).err(), Some(NotCached::Megamorphic));
}

#[test]
fn the_budget_holds_and_the_used_stay() {
    let one = compile(&adder(1)).bytes() as u64;
    let params = Params { cache_bytes: 10 * one, ..Params::DEFAULT };
    let cache = Cache::new(&params);
    let kept = commit(&cache, key(0), Kind::Int, 1).expect("room");
    for code in 1..=60 {
        // Somebody looks the first one up all the time.
        assert!(cache.find(&key(0), |_| true).is_some(), "evicted after {code}");
        commit(&cache, key(code), Kind::Int, 1).expect("room is made");
        assert!(cache.bytes() <= params.cache_bytes);
    }
    assert!(!kept.is_evicted());
    assert_eq!(cache.counts.evicted.get() + cache.len() as u64, 61);
    let tiny = Cache::new(&Params { cache_bytes: one / 2, ..Params::DEFAULT });
    assert_eq!(commit(&tiny, key(0), Kind::Int, 1).err(), Some(NotCached::TooBig { bytes: one }));
}

#[test]
fn what_is_evicted_can_still_be_run() {
    let one = compile(&adder(1)).bytes() as u64;
    let cache = Cache::new(&Params { cache_bytes: 2 * one, ..Params::DEFAULT });
    let arena = Arena::new(1 << 16);
    let mut lowerer = Lowerer::new().expect("a code generator");
    // The doors stay as long as the lowerer.
    lowerer.doors_in(&arena, &runtime()).expect("room");
    let before = arena.used();
    let executor = Executor::compile(adder(3), Plan::NONE, &mut lowerer, &runtime(), &arena).expect("room");
    let mine = cache.claim(key(0), live_in(Kind::Int), 0, false).expect("nobody else").commit(executor).expect("room");
    for code in 1..8 {
        commit(&cache, key(code), Kind::Int, 1).expect("room is made");
    }
    assert!(mine.is_evicted());
    assert_eq!(added(&mine.executor, 4), 7);
    drop(mine);
    // The shelf's list, which held it too, is freed by epochs: sooner or later, when others come by.
    for code in 0..200 {
        commit(&cache, key(code), Kind::Int, 1).expect("room is made");
        if arena.used() == before {
            return;
        }
    }
    panic!("the code is never freed");
}

/// What an isolate has of a variant.
struct Instance(Arc<Variant>);

fn compiler() -> Arc<Compiler> {
    Arc::new(Compiler { cache: Cache::new(&Params::DEFAULT), arena: Arena::new(1 << 20), runtime: runtime() })
}

fn job(compiler: &Compiler, code: u8, wanted: bool, done: impl FnOnce(Outcome) + Send + 'static) -> Job {
    let claim = compiler.cache.claim(key(code), live_in(Kind::Int), 0, false).expect("nobody else compiles");
    let (bill, wanted, done) = (Arc::default(), Box::new(move || wanted), Box::new(done));
    Job {
        work: Work { tree: adder(code.into()).into(), optimized: 0, way: None, plan: Plan::NONE },
        claim,
        bill,
        wanted,
        done,
    }
}

#[test]
fn a_worker_commits_to_a_site_unless_it_is_closed() {
    let domain = Arc::new(Domain::new(Requests::default()));
    let compiler = compiler();
    let workers = Workers::start(&compiler, &Params::DEFAULT).expect("threads");
    let sites = [(); 2].map(|()| Arc::new(Site::new(domain.clone())));
    let told = channel();
    sites[1].close();
    for (code, site) in sites.iter().enumerate() {
        let (site, tell) = (site.clone(), told.0.clone());
        site.claim();
        let commit = move |outcome: Outcome| {
            let took = outcome.is_ok_and(|variant| site.commit(Box::new(Instance(variant))).is_ok());
            tell.send((code, took)).expect("the test waits");
        };
        assert!(workers.offer(job(&compiler, code as u8 + 7, true, commit)).is_ok());
    }
    let mut outcomes: Vec<_> = told.1.iter().take(2).collect();
    outcomes.sort_unstable();
    assert_eq!(outcomes, [(0, true), (1, false)]);
    assert_eq!(sites[1].stage(), Stage::Closed);
    let mut me = Participant::join(&domain, Arc::new(Bits::new()));
    me.online();
    let guard = me.guard().expect("online");
    let instance = sites[0].get(&guard).expect("committed");
    assert_eq!(added(&instance.0.executor, 1), 8);
    // The closed isolate's work is not lost: the next one finds it.
    assert!(compiler.cache.find(&key(8), |_| true).is_some());
    me.offline();
    workers.stop();
}

#[test]
fn every_job_is_told() {
    let compiler = compiler();
    let workers = Workers::start(&compiler, &Params { queue_max: 2, ..Params::DEFAULT }).expect("a thread");
    let (tell, told) = channel();
    let (begin, begun) = channel();
    let (go_on, wait) = channel::<()>();
    let job = |code: u8, wanted: bool| {
        let tell = tell.clone();
        job(&compiler, code, wanted, move |outcome| tell.send(outcome.err()).expect("the test waits"))
    };
    let mut first = job(0, true);
    first.wanted = Box::new(move || {
        begin.send(()).expect("the test waits");
        wait.recv().is_err()
    });
    assert!(workers.offer(first).is_ok());
    begun.recv().expect("the worker is busy");
    assert!(workers.offer(job(1, true)).is_ok() && workers.offer(job(2, true)).is_ok());
    let mut full = workers.offer(job(3, true)).expect_err("the queue is full");
    // Who cannot wait compiles by itself.
    let mut lowerer = Lowerer::new().expect("a code generator");
    full.wanted = Box::new(|| true);
    compiler.compile(&mut lowerer, *full);
    assert!(told.recv().expect("told").is_none());
    compiler.compile(&mut lowerer, job(4, false));
    assert!(matches!(told.recv(), Ok(Some(NoVariant::Unwanted))));
    assert!(compiler.cache.claim(key(4), live_in(Kind::Int), 0, false).is_some(), "the claim was given back");
    drop(go_on);
    workers.stop();
    // The one that was begun is finished; the others are, or are told that they are not.
    let outcomes: Vec<_> = told.try_iter().collect();
    assert_eq!(outcomes.len(), 3);
    assert!(outcomes.iter().all(|outcome| matches!(outcome, None | Some(NoVariant::Stopped))));
}

#[test]
fn threads_that_race_agree_on_one_executor() {
    let cache = Cache::new(&Params::DEFAULT);
    let winners: Vec<Arc<Variant>> = std::thread::scope(|scope| {
        let race = || {
            loop {
                if let Some(variant) = cache.find(&key(9), |_| true) {
                    return variant;
                }
                if let Some(claim) = cache.claim(key(9), live_in(Kind::Int), 0, false) {
                    return claim.commit(compile(&adder(9))).expect("room");
                }
                std::thread::yield_now();
            }
        };
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(race)).collect();
        threads.into_iter().map(|thread| thread.join().expect("a winner")).collect()
    });
    assert!(winners.iter().all(|winner| Arc::ptr_eq(winner, &winners[0])));
    assert_eq!(cache.counts.committed.get(), 1);
}

/// What `/proc` says of a thread of this process that has the name.
#[cfg(target_os = "linux")]
fn status_of(name: &str) -> Option<String> {
    let tasks = std::fs::read_dir("/proc/self/task").ok()?;
    let statuses = tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("status")).ok());
    statuses.into_iter().find(|status| status.starts_with(&format!("Name:\t{name}\n")))
}

#[cfg(target_os = "linux")]
#[test]
fn workers_leave_signals_to_other_threads() {
    let compiler = compiler();
    let workers = Workers::start(&compiler, &Params::DEFAULT).expect("threads");
    // Who has done something has its name by then.
    let (tell, told) = channel();
    let done = move |_| tell.send(()).expect("the test waits");
    assert!(workers.offer(job(&compiler, 7, true, done)).is_ok());
    told.recv().expect("it was told");
    let status = status_of("typhon-jit-0").expect("a worker");
    let blocked = status.lines().find_map(|line| line.strip_prefix("SigBlk:\t")).expect("a mask");
    let blocked = u64::from_str_radix(blocked, 16).expect("hexadecimal");
    for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGUSR1, libc::SIGUSR2, libc::SIGALRM, libc::SIGCHLD] {
        assert_ne!(blocked >> (signal - 1) & 1, 0, "signal {signal}");
    }
    workers.stop();
}
