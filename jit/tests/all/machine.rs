//! Machine code does what the interpreter of traces does: on random traces, and on every case of the optimizer's tests.

use crate::support::{compile, differ, runtime, start};
use proptest::prelude::*;
use std::fs;
use std::path::Path;
use typhon_jit_ir::memory::Memory;
use typhon_jit_ir::parse::parse;
use typhon_jit_ir::word::Word;
use typhon_jit_ir::{Const, Op, Trace, Ty, opt, sample};

proptest! {
    #![proptest_config(config())]

    #[test]
    fn random_traces(bytes in prop::collection::vec(any::<u8>(), 3..90), numbers in prop::array::uniform3(number())) {
        let trace = sample::trace(&bytes);
        let (memory, inputs) = sample::memory(start(), numbers);
        for trace in [&trace, &opt::optimize(&trace)] {
            if let Some(Err(difference)) = differ(trace, &memory, &inputs) {
                return Err(TestCaseError::fail(difference));
            }
        }
    }

    #[test]
    fn every_operation_on_numbers(a in number(), b in number(), x in any::<f64>(), y in any::<f64>()) {
        let (memory, _) = sample::memory(start(), [0; 3]);
        for op in Op::ALL.iter().filter(|op| !op.wants().is_empty() && op.ty().is_some()) {
            if let Some(trace) = alone(*op) {
                let inputs: Vec<Const> = trace.inputs.iter().enumerate().map(|(i, v)| match trace.inst(*v).ty {
                    Ty::Int => Const::Int(if i == 0 { a } else { b }),
                    Ty::Flt => Const::flt(if i == 0 { x } else { y }),
                    Ty::Bool => Const::Bool((a ^ i as i64) & 1 == 1),
                    Ty::Ptr => Const::Ptr(if i == 0 { start() } else { 0 }),
                    Ty::Val | Ty::Unit => Const::Val(Word::int(a).or(Word::flt(x)).unwrap_or(Word::TRUE)),
                }).collect();
                if let Some(Err(difference)) = differ(&trace, &memory, &inputs) {
                    return Err(TestCaseError::fail(format!("{difference} {inputs:?}")));
                }
            }
        }
    }
}

/// `PROPTEST_CASES` asks for more.
fn config() -> ProptestConfig {
    let config = ProptestConfig::default();
    ProptestConfig { cases: config.cases.max(150), failure_persistence: None, ..config }
}

fn number() -> impl Strategy<Value = i64> {
    prop_oneof![
        -5_i64..70,
        -10_000_i64..10_000,
        any::<i64>(),
        Just(i64::MIN),
        Just(i64::MAX),
        Just((1 << 61) - 1),
        Just(-1)
    ]
}

/// A trace of one operation of the first two sections of the table.
fn alone(op: Op) -> Option<Trace> {
    let types: Vec<Ty> =
        op.wants().iter().map(|want| Ty::ALL.into_iter().find(|ty| want.takes(*ty))).collect::<Option<_>>()?;
    let ty = op.ty().filter(|ty| *ty != Ty::Unit)?;
    let inputs: Vec<String> = types.iter().enumerate().map(|(i, ty)| format!("%{i}: {}", ty.name())).collect();
    let args: Vec<String> = (0..types.len()).map(|i| format!("%{i}")).collect();
    let exit = if op.exits() { " else s0" } else { "" };
    let (inputs, args) = (inputs.join(", "), args.join(", "));
    let text = format!(
        "trace ({inputs}) {{\nsnap s0 @0:1\n%r: {} = {} {args}{exit}\nsnap s1 @0:2 r0=%r\nleave s1\n}}",
        ty.name(),
        op.name()
    );
    parse(&text).ok()
}

#[test]
fn every_case_of_the_optimizer() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("ir/tests/opt");
    let (mut compared, mut files) = (0, 0);
    for entry in fs::read_dir(folder).expect("the folder of cases") {
        let text = fs::read_to_string(entry.expect("an entry of the folder").path()).expect("a case");
        files += 1;
        for part in text.split("----\n") {
            let trace = parse(part).expect("a trace");
            for seed in 0..60 {
                let (memory, inputs) = inputs(&trace, seed);
                match differ(&trace, &memory, &inputs) {
                    Some(Err(difference)) => panic!("{difference}"),
                    Some(Ok(())) => compared += 1,
                    None => {}
                }
            }
        }
    }
    assert!(files > 10 && compared > files * 20, "{compared} runs of {files} files");
}

/// Memory and inputs that a case may be run with: objects with ints in them, words of every kind, small numbers.
fn inputs(trace: &Trace, seed: u64) -> (Memory, Vec<Const>) {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut random = |n: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % n
    };
    let mut memory = Memory::new(start() + 0x1000);
    let int = |i: u64| Word::int(i as i64 - 3).unwrap_or(Word::NONE);
    let word = |memory: &mut Memory, n: u64| match n {
        0 | 1 => int(seed),
        2 | 3 => Word::flt(seed as f64 / 4.0 + 0.25).unwrap_or(Word::NONE),
        4 => memory.object(1, 24, &[0]),
        5 => Word::TRUE,
        _ => memory.object(77, 64, &[int(seed).0, int(1).0, int(2).0, int(3).0]),
    };
    let mut inputs = Vec::new();
    for (i, v) in trace.inputs.iter().enumerate() {
        let at = start() + 0x100 * i as u64;
        inputs.push(match trace.inst(*v).ty {
            Ty::Val => Const::Val(word(&mut memory, random(8))),
            Ty::Int => Const::Int(random(12) as i64),
            Ty::Flt => Const::flt(random(9) as f64 / 2.0),
            Ty::Bool => Const::Bool(random(2) == 1),
            Ty::Ptr | Ty::Unit => {
                let kinds = [random(4), random(4), random(4)].map(|n| word(&mut memory, n).0);
                memory.map(at, &kinds);
                memory.map(at + 24, &[0; 9]);
                Const::Ptr(at)
            }
        });
    }
    (memory, inputs)
}

#[test]
fn a_loop_sees_what_another_thread_writes() {
    use std::sync::Arc;
    let trace = parse(
        "trace (%word: ptr) {
         loop ()
           snap s0 @0:1
           %0: int = load32 thread %word+0
           %1: bool = ieq %0, 0
           guard %1 else s0
           again
         }",
    );
    let bits = Arc::new(typhon_qsbr::Bits::new());
    let executor = compile(&opt::optimize(&trace.expect("a trace")));
    let other = std::thread::spawn({
        let bits = bits.clone();
        move || bits.set(1)
    });
    // SAFETY: the trace loads from the word only.
    let left = unsafe { executor.enter(&[bits.as_ptr() as u64]) };
    assert!(left.is_some());
    assert!(other.join().is_ok());
}

#[test]
fn loops_become_tight() {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("ir/tests/opt/float_sum.ir"));
    let text = text.expect("a case");
    let (before, after) = text.split_once("----\n").expect("two traces");
    let sizes = [before, after].map(|text| compile(&parse(text).expect("a trace")).code().len());
    // One iteration is peeled, and yet the code is smaller.
    assert!(sizes[1] < sizes[0], "{sizes:?}");
    assert_eq!(runtime().float_shape, 1);
}
