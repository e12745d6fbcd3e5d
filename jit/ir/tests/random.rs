//! Random traces mean the same after every pass, and their text is the trace.

use proptest::prelude::*;
use std::collections::BTreeMap;
use typhon_jit_ir::memory::Memory;
use typhon_jit_ir::opt::{self, PASSES};
use typhon_jit_ir::run::{Left, Trap, rebuild, run};
use typhon_jit_ir::{Op, Place, Slot, Trace, parse, sample};

const STEPS: u64 = 20_000;
const AT: u64 = 0x10_000;

/// Where the interpreter goes on, with what in its registers, and what memory looks like then.
type Seen = (Vec<Place>, Vec<Slot>, Vec<(u64, Vec<u64>)>);

/// What is seen, how many objects there are that nobody refers to, and how the trace was left.
fn outcome(trace: &Trace, numbers: [i64; 3]) -> Result<(Seen, usize, Left), Trap> {
    let (mut memory, inputs) = sample::memory(AT, numbers);
    let left = run(trace, &inputs, &mut memory, STEPS)?;
    let regs: BTreeMap<_, _> = rebuild(trace, left.snap, |arg| left.value(arg), &mut memory)?;
    // The registers are the frame now.
    let mut frame = memory.clone();
    for (slot, word) in &regs {
        frame.map(AT + 0x100 + 8 * u64::from(slot.reg), &[word.0]);
    }
    let (picture, reached) = Memory::picture(&frame, &[]);
    let lost = frame.population() - reached;
    Ok(((trace.snap(left.snap).frames.clone(), regs.into_keys().collect(), picture), lost, left))
}

/// Whether the trace was left because a result could not be represented: then a better trace may be left later.
fn left_for_want_of_a_word(trace: &Trace, left: &Left) -> bool {
    left.at.is_some_and(|at| trace.inst(at).op != Op::Guard)
}

fn same(before: &Trace, after: &Trace, numbers: [i64; 3], what: &str) -> Result<(), TestCaseError> {
    let (first, lost, left) = match outcome(before, numbers) {
        Ok(outcome) => outcome,
        Err(Trap::Endless) => return Ok(()),
        Err(trap) => return Err(TestCaseError::fail(format!("{trap} in\n{before}"))),
    };
    let second = outcome(after, numbers);
    if left_for_want_of_a_word(before, &left) {
        return Ok(());
    }
    match second {
        Ok((second, more, _)) if first == second && more <= lost => Ok(()),
        second => Err(TestCaseError::fail(format!(
            "{what} changed\n{before}\ninto\n{after}\nleft at {:?}\n{first:x?}\n{:x?}",
            left.at,
            second.map(|(seen, more, left)| (seen, more, lost, left.at))
        ))),
    }
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 3..90)
}

fn numbers() -> impl Strategy<Value = [i64; 3]> {
    let small = prop_oneof![-5_i64..20, -10_000_i64..10_000, Just((1 << 61) - 1)];
    [small.clone(), small.clone(), small]
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn text_is_the_trace(bytes in bytes()) {
        let trace = sample::trace(&bytes);
        let text = trace.to_string();
        let again = parse::parse(&text).map_err(|e| TestCaseError::fail(format!("{e}\n{text}")))?;
        prop_assert_eq!(again.to_string(), text);
    }

    #[test]
    fn each_pass_keeps_the_meaning(bytes in bytes(), numbers in numbers()) {
        let trace = sample::trace(&bytes);
        for pass in PASSES {
            same(&trace, &pass.run(&trace), numbers, pass.name)?;
        }
    }

    #[test]
    fn the_pipeline_keeps_the_meaning(bytes in bytes(), numbers in numbers()) {
        let trace = sample::trace(&bytes);
        let mut steps = vec![("the sample", trace.clone())];
        let mut names = Vec::new();
        opt::optimize_watched(&trace, |name, after| names.push((name.to_string(), after.clone())));
        for (name, after) in &names {
            let before = steps.last().map_or(&trace, |(_, before)| before);
            same(before, after, numbers, name)?;
            steps.push(("", after.clone()));
        }
    }
}

/// `PROPTEST_CASES` asks for more.
fn config() -> ProptestConfig {
    let config = ProptestConfig::default();
    ProptestConfig { cases: config.cases.max(400), failure_persistence: None, ..config }
}
