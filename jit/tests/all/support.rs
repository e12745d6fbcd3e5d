//! Real memory that does what the IR's abstract memory does, so that machine code can be compared with the interpreter.

use std::cell::RefCell;
use typhon_jit::lower::Plan;
use typhon_jit::runtime::Functions;
use typhon_jit::{Executor, Lowerer, Runtime, code_memory::Arena};
use typhon_jit_ir::memory::{FLOAT_SHAPE, Memory};
use typhon_jit_ir::run::{Trap, World, run};
use typhon_jit_ir::{Const, Helper, Trace};

/// Words of real memory: enough for what a trace of [`STEPS`] makes.
const WORDS: usize = 1 << 18;
/// What the interpreter is given: machine code that would run longer is not run.
const STEPS: u64 = 4000;

thread_local! {
    /// The abstract memory that helpers work on, brought up to date before and written back after.
    static WORLD: RefCell<Memory> = RefCell::default();
    /// The real memory.
    static REAL: RefCell<Box<[u64]>> = RefCell::new(vec![0; WORDS].into_boxed_slice());
    static LOWERER: RefCell<Lowerer> = RefCell::new(Lowerer::new().expect("this machine has a code generator"));
}

/// Where the real memory begins.
pub fn start() -> u64 {
    REAL.with_borrow(|real| real.as_ptr() as u64)
}

fn read(memory: &mut Memory) {
    let words: Vec<u64> = memory.words().map(|(at, _)| at).collect();
    for at in words {
        // SAFETY: the abstract memory is laid out over the real one, which lives as long as the thread.
        let word = unsafe { (at as *const u64).read() };
        memory.map(at, &[word]);
    }
}

fn write(memory: &Memory) {
    let real = start()..start() + 8 * WORDS as u64;
    for (at, word) in memory.words() {
        assert!(real.contains(&at), "{at:#x} is not in the test's memory");
        // SAFETY: as in `read`; nobody else uses the memory of this thread's test.
        unsafe { (at as *mut u64).write(word) };
    }
}

fn call(helper: Helper, args: &[Const]) -> u64 {
    WORLD.with_borrow_mut(|memory| {
        read(memory);
        let result = memory.call(helper, args);
        write(memory);
        result.expect("the interpreter has run the same trace without a fault")
    })
}

/// Helpers that work on this thread's memory.
pub fn runtime() -> Runtime {
    use typhon_jit_ir::word::Word;
    extern "C" fn alloc(t: u64, shape: i64, size: i64) -> u64 {
        call(Helper::Alloc, &[Const::Ptr(t), Const::Int(shape), Const::Int(size)])
    }
    extern "C" fn float(t: u64, x: f64) -> u64 {
        call(Helper::Float, &[Const::Ptr(t), Const::flt(x)])
    }
    extern "C" fn retain(v: u64) {
        call(Helper::Retain, &[Const::Val(Word(v))]);
    }
    extern "C" fn release(v: u64) {
        call(Helper::Release, &[Const::Val(Word(v))]);
    }
    extern "C" fn end(v: u64) {
        call(Helper::End, &[Const::Val(Word(v))]);
    }
    extern "C" fn quiet(v: u64) -> bool {
        call(Helper::Quiet, &[Const::Val(Word(v))]) != 0
    }
    extern "C" fn poll(t: u64) -> bool {
        call(Helper::Poll, &[Const::Ptr(t)]) != 0
    }
    fn floats(helper: Helper, a: f64, b: f64) -> f64 {
        f64::from_bits(call(helper, &[Const::flt(a), Const::flt(b)]))
    }
    extern "C" fn float_mod(a: f64, b: f64) -> f64 {
        floats(Helper::FloatMod, a, b)
    }
    extern "C" fn float_floordiv(a: f64, b: f64) -> f64 {
        floats(Helper::FloatFloorDiv, a, b)
    }
    extern "C" fn float_pow(a: f64, b: f64) -> f64 {
        floats(Helper::FloatPow, a, b)
    }
    let functions = Functions {
        Alloc: alloc,
        Float: float,
        Retain: retain,
        Release: release,
        End: end,
        Quiet: quiet,
        Poll: poll,
        FloatMod: float_mod,
        FloatFloorDiv: float_floordiv,
        FloatPow: float_pow,
        // Who wants a VM is called by no trace here.
        ..typhon_jit::vm::RUNTIME.functions
    };
    Runtime { functions, float_shape: FLOAT_SHAPE, tag: None, registers: None, zeros: None, frames: None }
}

/// Machine code for a trace.
pub fn compile(trace: &Trace) -> Executor {
    let compiled =
        LOWERER.with_borrow_mut(|l| Executor::compile(trace.clone(), Plan::NONE, l, &runtime(), &Arena::new(1 << 20)));
    compiled.unwrap_or_else(|e| panic!("{e}\n{trace}"))
}

/// Runs a trace in the interpreter and as machine code, from the same memory with the same inputs, and says how they differ.
/// `None`: the interpreter says that the trace must not be run like this.
pub fn differ(trace: &Trace, memory: &Memory, inputs: &[Const]) -> Option<Result<(), String>> {
    let mut abstracted = memory.clone();
    let oracle = match run(trace, inputs, &mut abstracted, STEPS) {
        Ok(left) => left,
        Err(Trap::Endless | Trap::Memory(_)) => return None,
        Err(trap) => return Some(Err(format!("{trap}\n{trace}"))),
    };
    let executor = compile(trace);
    write(memory);
    WORLD.set(memory.clone());
    let bits: Vec<u64> = inputs.iter().map(|c| c.bits()).collect();
    // SAFETY: the interpreter has run the trace on the same memory and touched nothing that is not there.
    let left = unsafe { executor.enter(&bits) }.expect("an exit of the trace");
    let mut world = WORLD.take();
    read(&mut world);
    if left.snap() != oracle.snap {
        return Some(Err(format!(
            "left by {:?} instead of {:?} at {:?}\n{trace}",
            left.snap(),
            oracle.snap,
            oracle.at
        )));
    }
    for (v, value) in left.exit.values.iter().zip(&left.values) {
        if oracle.values.get(v) != Some(value) {
            return Some(Err(format!("{v:?} is {value:?} instead of {:?}\n{trace}", oracle.values.get(v))));
        }
    }
    if world != abstracted {
        return Some(Err(format!("memory differs\n{world:x?}\ninstead of\n{abstracted:x?}\n{trace}")));
    }
    Some(Ok(()))
}
