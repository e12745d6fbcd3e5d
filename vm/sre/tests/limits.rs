//! Limits: hopeless matches stop, memory is charged and given back, bad words are refused.

use std::ops::ControlFlow;

use typhon_sre::{Budget, MatchError, Matcher, Program, Subject, Unlimited};

/// Stops after a number of steps or bytes.
#[derive(Default)]
struct Meter {
    steps: u64,
    steps_max: u64,
    bytes: usize,
    bytes_max: usize,
    peak: usize,
    longest: u32,
}

impl Meter {
    fn new(steps_max: u64, bytes_max: usize) -> Self {
        Self { steps_max, bytes_max, ..Self::default() }
    }
}

impl Budget for Meter {
    fn poll(&mut self, steps: u32) -> ControlFlow<()> {
        self.steps += u64::from(steps);
        self.longest = self.longest.max(steps);
        if self.steps > self.steps_max { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn charge(&mut self, bytes: usize) -> ControlFlow<()> {
        if self.bytes + bytes > self.bytes_max {
            return ControlFlow::Break(());
        }
        self.bytes += bytes;
        self.peak = self.peak.max(self.bytes);
        ControlFlow::Continue(())
    }

    fn release(&mut self, bytes: usize) {
        self.bytes -= bytes;
    }
}

/// The first pattern of the table with this title, as its test would find it.
fn program(title: &str) -> Program {
    let mut lines = include_str!("table.txt").lines();
    lines.find(|line| line.strip_prefix("# ").is_some_and(|rest| rest == title)).expect("the pattern is in the table");
    let words = lines.next().and_then(|line| line.strip_prefix("P ")).expect("a pattern");
    let (groups, words) = words.split_once(' ').expect("words");
    let words: Vec<u32> = words.split(' ').map(|w| u32::from_str_radix(w, 16).expect("hex")).collect();
    Program::new(&words, groups.parse().expect("groups")).expect("good words")
}

#[test]
fn catastrophic_patterns_stop() {
    for (title, text) in [("'(a+)+$' 0", "a".repeat(60) + "b"), ("'(?:a?){60}a{60}' 0", "a".repeat(60))] {
        let program = program(title);
        let mut meter = Meter::new(1_000_000, usize::MAX);
        let result = Matcher::new(&program).search(Subject::One(text.as_bytes()), 0, text.len(), false, &mut meter);
        assert_eq!(result, Err(MatchError::Interrupted), "{title}");
        assert!(meter.longest < 8192, "{title}: {} steps without a poll", meter.longest);
        assert_eq!(meter.bytes, 0, "{title}: not released");
    }
}

#[test]
fn memory_is_charged_and_released() {
    let program = program("'(?:a|b)*?c' 0");
    let text = "ab".repeat(100_000);
    let subject = Subject::One(text.as_bytes());
    let program2 = self::program("'(?:(a)|b)*' 0");
    for program in [&program, &program2] {
        let mut meter = Meter::new(u64::MAX, usize::MAX);
        let _ = Matcher::new(program).match_(subject, 0, text.len(), false, &mut meter).expect("no limit");
        assert_eq!(meter.bytes, 0);
        if program.groups() == 1 {
            assert!(meter.peak > 1 << 20, "{}", meter.peak);
            let mut small = Meter::new(u64::MAX, 1 << 16);
            let mut matcher = Matcher::new(program);
            assert_eq!(matcher.match_(subject, 0, text.len(), false, &mut small), Err(MatchError::Memory));
            assert_eq!(small.bytes, 0);
            // The matcher is as good as new.
            assert_eq!(matcher.match_(Subject::One(b"ab"), 0, 2, false, &mut small), Ok(true));
            assert_eq!(matcher.marks().end, 2);
        }
    }
}

#[test]
fn long_scans_are_polled() {
    let text = vec![b'x'; 4 << 20];
    for title in ["'[^,]*,' 0", "'abc' 0", "'[abc]' 0", "'(?s).*?d' 0", "'.*' 0", "'\\\\w+' 0", "'(?m)^a' 0"] {
        let program = program(title);
        for wide in [false, true] {
            let units: Vec<u16> = text.iter().map(|&b| u16::from(b)).collect();
            let subject = if wide { Subject::Two(&units) } else { Subject::One(&text) };
            let mut meter = Meter::new(u64::MAX, usize::MAX);
            Matcher::new(&program).search(subject, 0, text.len(), false, &mut meter).expect("no limit");
            assert!(meter.steps > 1 << 18, "{title}: {} steps", meter.steps);
            assert!(meter.longest < 8192, "{title}: {} steps without a poll", meter.longest);
        }
    }
}

#[test]
fn leading_runs_are_searched_once() {
    let program = program("'\\\\w+@\\\\w+\\\\.com' 0");
    let text = "x".repeat(1 << 20);
    let mut meter = Meter::new(1 << 20, usize::MAX);
    assert_eq!(
        Matcher::new(&program).search(Subject::One(text.as_bytes()), 0, text.len(), false, &mut meter),
        Ok(false)
    );
}

#[test]
fn bad_words_are_refused() {
    let bad: &[&[u32]] = &[
        &[],
        &[0],
        &[16],
        &[16, 97],
        &[99, 1],
        &[25, 1],
        &[17, 2, 1],
        &[11, 1, 1],
        &[13, 5, 0, 1],
        &[13, 2, 16, 1],
        &[14, 3, 0, 0, 1],
        &[14, 4, 8, 0, 0, 1],
        &[15, 1, 1],
        &[24, 6, 2, 1, 2, 1, 1],
        &[24, 6, 0, 1, 23, 1, 1],
        &[23, 3, 0, 1, 1],
        &[23, 4, 0, 1, 2, 19],
        &[7, 0, 1],
        &[7, 4, 2, 15, 9, 0, 1],
        &[12, 0, 9, 1],
        &[4, 3, 0, 2, 1],
        &[6, 12, 1],
        &[8, 18, 1],
        &[10, 1, 1, 1],
        &[u32::MAX, u32::MAX, 1],
        &[13, u32::MAX, 0, 1],
    ];
    for words in bad {
        assert!(Program::new(words, 1).is_err(), "{words:?}");
    }
}

/// Every single-word change of every pattern of the table is refused or runs within its budget.
#[test]
fn changed_words_do_no_harm() {
    let values = [0, 1, 2, 5, 7, 15, 17, 18, 23, 24, 27, 28, 255, 1 << 20, u32::MAX];
    let text = b"abcab\naB_1 aab";
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    let patterns = include_str!("table.txt").lines().filter_map(|line| line.strip_prefix("P "));
    let (mut refused, mut ran) = (0, 0);
    for pattern in patterns.step_by(3) {
        let (groups, words) = pattern.split_once(' ').expect("words");
        let words: Vec<u32> = words.split(' ').map(|w| u32::from_str_radix(w, 16).expect("hex")).collect();
        if words.len() > 120 {
            continue;
        }
        for at in 0..words.len() {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            let mut words = words.clone();
            words[at] = values[(random % values.len() as u64) as usize];
            let Ok(program) = Program::new(&words, groups.parse().expect("groups")) else {
                refused += 1;
                continue;
            };
            ran += 1;
            let mut matcher = Matcher::new(&program);
            for pos in [0, 3, 14, 20] {
                let mut meter = Meter::new(20_000, 1 << 20);
                let _ = matcher.search(Subject::One(text), pos, 12, true, &mut meter);
                let _ = matcher.match_(Subject::One(text), pos, 14, false, &mut meter);
                let _ = matcher.fullmatch(Subject::One(text), pos, 13, &mut meter);
            }
        }
    }
    assert!(refused > 1000 && ran > 1000, "{refused} refused, {ran} ran");
}

#[test]
fn deep_nesting_costs_no_native_stack() {
    // One lookahead in another, 100,000 deep.
    let depth = 100_000_u32;
    let mut words = Vec::new();
    for level in 0..depth {
        let inner = depth - level - 1;
        // The skip counts from itself to behind its SUCCESS.
        words.extend([4, 2 + 3 * inner + 2 + inner + 1, 0]);
    }
    words.extend([16, 97]);
    words.extend(std::iter::repeat_n(1, depth as usize));
    words.push(1);
    let program = Program::new(&words, 0).expect("good words");
    let found = Matcher::new(&program).match_(Subject::One(b"a"), 0, 1, false, &mut Unlimited);
    assert_eq!(found, Ok(true));
}
