//! Compile workers: recorded traces wait in a bounded queue, and threads of their own optimize, lower and commit them.
//!
//! A worker touches no isolate: it has the trace, and a closure that is told the outcome. That closure commits to a
//! [`typhon_qsbr::Site`], which hands an instance back when its isolate is gone.

use crate::bill::Bill;
use crate::cache::{Cache, Claim, NotCached, Variant};
use crate::code_memory::{Arena, descent};
use crate::executor::{Executor, NoExecutor};
use crate::graft::{Tree, Way};
use crate::lower::{LowerError, Lowerer, Plan};
use crate::params::Params;
use crate::runtime::Runtime;
use crossbeam::channel::{Receiver, Sender, TrySendError, bounded};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};
use std::time::Instant;
use typhon_jit_ir::opt;
use typhon_object::crossing;
use typhon_qsbr::Flag;

/// What becomes of a job.
pub type Outcome = Result<Arc<Variant>, NoVariant>;

/// Why a trace was compiled in vain, or not at all.
#[derive(Debug, thiserror::Error)]
pub enum NoVariant {
    /// There is no machine code for it.
    #[error(transparent)]
    Executor(#[from] NoExecutor),
    /// The cache did not want it.
    #[error(transparent)]
    Cache(#[from] NotCached),
    /// Nobody wants it any more: its isolate is closed.
    #[error("nobody wants the trace any more")]
    Unwanted,
    /// The workers stop.
    #[error("the compile workers stop")]
    Stopped,
    /// A fault of ours. The trace is not tried again.
    #[error("the compiler failed")]
    Fault,
}

/// What is to be compiled.
pub struct Work {
    /// As it was recorded, or with limbs.
    pub tree: Tree,
    /// How many parts of it have been optimized.
    pub optimized: usize,
    /// The way with which it begins, as it was recorded, or all of it if it is no bridge: what becomes a limb.
    pub way: Option<Arc<Way>>,
    /// What lowering must know of it.
    pub plan: Plan,
}

/// A trace to compile.
pub struct Job {
    /// What it is.
    pub work: Work,
    /// The right to compile it.
    pub claim: Claim,
    /// Who pays for it.
    pub bill: Arc<Bill>,
    /// Whether the result is still of use to whoever recorded it.
    pub wanted: Box<dyn Fn() -> bool + Send>,
    /// Told the outcome, once.
    pub done: Box<dyn FnOnce(Outcome) + Send>,
}

/// What every worker needs.
pub struct Compiler {
    /// Where executors are published.
    pub cache: Arc<Cache>,
    /// Where their code lies.
    pub arena: Arc<Arena>,
    /// Whom it calls.
    pub runtime: Runtime,
}

impl Compiler {
    /// Compiles a job's trace on this thread and tells the outcome.
    pub fn compile(&self, lowerer: &mut Lowerer, job: Job) {
        let Job { work, claim, bill, wanted, done } = job;
        if !wanted() {
            drop(claim);
            return done(Err(NoVariant::Unwanted));
        }
        let outcome = catch_unwind(AssertUnwindSafe(|| self.publish(lowerer, work, claim, &bill)));
        // A panic is a fault of ours that must not end the program; its report has been printed.
        done(outcome.unwrap_or_else(|_| {
            lowerer.reset();
            Err(NoVariant::Fault)
        }));
    }

    /// Compiles a trace on this thread.
    pub(crate) fn publish(&self, lowerer: &mut Lowerer, work: Work, claim: Claim, bill: &Bill) -> Outcome {
        let began = Instant::now();
        let Work { mut tree, optimized, way, plan } = work;
        if optimized == 0 {
            tree.trunk = opt::optimize(&tree.trunk);
        }
        for limb in tree.limbs.iter_mut().skip(optimized.saturating_sub(1)) {
            limb.trace = opt::optimize(&limb.trace);
        }
        let executor = Executor::compile(tree, plan, lowerer, &self.runtime, &self.arena);
        bill.add(began.elapsed(), executor.as_ref().map_or(0, |executor| executor.code().len()));
        let mut executor = executor?;
        executor.way = way;
        Ok(claim.commit(executor)?)
    }
}

/// Threads that compile.
pub struct Workers {
    queue: Option<Sender<Job>>,
    stopping: Arc<Flag>,
    threads: Vec<JoinHandle<()>>,
    /// In which of the processes that were copied from each other they run.
    descent: u64,
}

impl Workers {
    /// Starts threads.
    pub fn start(compiler: &Arc<Compiler>, params: &Params) -> Result<Self, LowerError> {
        let room = usize::try_from(params.queue_max).unwrap_or(usize::MAX);
        let (queue, jobs) = bounded(room);
        let stopping = Arc::new(Flag::new(false));
        let mut workers =
            Self { queue: Some(queue), stopping: stopping.clone(), threads: Vec::new(), descent: descent() };
        for i in 0..params.workers {
            let (compiler, jobs, stopping, lowerer) =
                (compiler.clone(), jobs.clone(), stopping.clone(), Lowerer::new()?);
            let work = move || work(&compiler, lowerer, &jobs, &stopping);
            let name = Builder::new().name(format!("typhon-jit-{i}"));
            let thread = without_signals(|| crossing::spawn(name, work));
            workers.threads.push(thread.map_err(|e| LowerError::Machine(e.to_string()))?);
        }
        Ok(workers)
    }

    /// Puts a job into the queue. Hands it back when the queue is full: the place will be hot again.
    pub fn offer(&self, job: Job) -> Result<(), Box<Job>> {
        let Some(queue) = &self.queue else { return Err(Box::new(job)) };
        queue.try_send(job).map_err(|e| match e {
            TrySendError::Full(job) | TrySendError::Disconnected(job) => Box::new(job),
        })
    }

    /// Waits for the threads to end. Jobs that wait are not begun; whoever offered them is told.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        if self.descent != descent() {
            // A copy of the process has no such threads to wait for, and the queue as one of them may have left it.
            std::mem::forget((self.queue.take(), std::mem::take(&mut self.threads)));
            return;
        }
        self.stopping.set();
        self.queue = None;
        for thread in self.threads.drain(..) {
            // Jobs' panics are caught; nothing else in a worker panics.
            let ended = thread.join();
            debug_assert!(ended.is_ok(), "a worker ends by itself");
        }
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.end();
    }
}

/// Does something with all signals blocked, as a thread has them from then on that it starts: a signal of the process's must go to a
/// thread that waits for it, or to one that runs Python code.
fn without_signals<T>(f: impl FnOnce() -> T) -> T {
    // SAFETY: both sets are filled before they are looked at, and the thread's own is put back.
    unsafe {
        let [mut all, mut old] = [std::mem::zeroed::<libc::sigset_t>(); 2];
        libc::sigfillset(&raw mut all);
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const all, &raw mut old);
        let done = f();
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const old, std::ptr::null_mut());
        done
    }
}

fn work(compiler: &Compiler, mut lowerer: Lowerer, jobs: &Receiver<Job>, stopping: &Flag) {
    for job in jobs {
        if stopping.get() {
            drop(job.claim);
            (job.done)(Err(NoVariant::Stopped));
        } else {
            compiler.compile(&mut lowerer, job);
        }
    }
}
