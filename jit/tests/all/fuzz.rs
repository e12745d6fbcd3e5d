//! Random programs do the same with traces and without them.
//!
//! The short run is part of the tests. A long one: `TYPHON_JIT_FUZZ=SEEDS cargo test -p typhon-jit --test all fuzz`.

use crate::harness::run;
use std::fmt::Write;
use typhon_jit::Params;

/// Programs of the short run.
const SHORT: u64 = 40;

/// A program in the making, from a seed.
struct Maker {
    state: u64,
    text: String,
    indent: usize,
    /// Inner loops so far: each has a counter of its own.
    loops: usize,
    /// Whether it is a generator that a loop goes through.
    yields: bool,
}

impl Maker {
    fn new(seed: u64) -> Self {
        Self {
            state: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
            text: String::new(),
            indent: 0,
            loops: 0,
            yields: false,
        }
    }

    fn below(&mut self, n: u64) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        (self.state >> 11) % n
    }

    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len() as u64) as usize]
    }

    fn line(&mut self, text: &str) {
        let indent = 4 * self.indent;
        writeln!(self.text, "{:indent$}{text}", "").expect("text has room");
    }

    fn program(mut self) -> String {
        self.yields = self.below(3) == 0;
        for line in
            ["def h(k):", "    yield k", "    if k % 3 == 0:", "        return 5", "    yield k + 1", "    return 7"]
        {
            self.line(line);
        }
        self.line(if self.yields { "def g(n, a, b, x):" } else { "def f(n, a, b, x):" });
        self.indent += 1;
        self.line("c = d = 0");
        self.line("y = 1.5");
        self.line("p = True");
        let counted = self.below(2) == 0;
        if counted {
            self.line("for i in range(n):");
        } else {
            self.line("i = 0");
            self.line("while i < n:");
        }
        self.indent += 1;
        if !counted {
            self.line("i += 1");
        }
        for _ in 0..2 + self.below(4) {
            self.statement(0, counted);
        }
        if self.yields {
            self.line("yield i");
        }
        self.indent -= 1;
        if self.yields {
            self.line("yield a, b, c, d, x, y, p, i");
            self.indent = 0;
            self.consumer();
        } else {
            self.line("return a, b, c, d, x, y, p, i");
        }
        self.indent = 0;
        for arguments in ["300, 1, 2, 0.5", "40, -7, 1 << 59, 1e70", "150, 3, 0, -0.25"] {
            self.line("try:");
            self.line(&format!("    print(f({arguments}))"));
            self.line("except ZeroDivisionError as e:");
            self.line("    print('ZeroDivisionError', e.args)");
        }
        self.text
    }

    fn consumer(&mut self) {
        self.line("def f(n, a, b, x):");
        self.indent += 1;
        self.line("k, kept = 0, []");
        self.line("it = g(n, a, b, x)");
        self.line("for v in it:");
        self.indent += 1;
        self.line("k += 1");
        let often = 3 + self.below(60);
        self.line(&format!("if k % {often} == 0:"));
        let act = self.one(&[
            "kept.append(v)",
            "kept.append(next(it, None))",
            "kept.append([w for w in h(k)])",
            "for w in h(k): a = w",
            "k += 2",
            "a = v",
        ]);
        self.line(&format!("    {act}"));
        self.indent -= 1;
        self.line("return k, a, v, kept");
        self.indent -= 1;
    }

    fn statement(&mut self, depth: usize, counted: bool) {
        if self.yields && self.below(6) == 0 {
            let yields = self.one(&[
                "yield c",
                "yield x",
                "yield a + 1",
                "d = yield y",
                "yield p",
                "d = yield from h(i)",
                "for v in h(c): a += 1",
                "c = len([c, (yield d)])",
            ]);
            self.line(yields);
        }
        match self.below(if depth < 2 { 12 } else { 8 }) {
            0..=2 => {
                let (to, value) = (self.one(&["a", "b", "c", "d"]), self.int(2));
                self.line(&format!("{to} = ({value}) % 1000003"));
            }
            3 => {
                let (to, value) = (self.one(&["a", "b", "c", "d"]), self.int(1));
                self.line(&format!("{to} = {to} + {value} if p else {value}"));
            }
            4 | 5 => {
                let (to, value) = (self.one(&["x", "y"]), self.float(2));
                self.line(&format!("{to} = {value}"));
            }
            6 => {
                let condition = self.condition();
                self.line(&format!("p = {condition}"));
            }
            7 => match self.below(4) {
                0 => self.line("a, b = b, a"),
                1 => self.line("x, y = y, x"),
                2 => {
                    // A register whose type changes now and then.
                    let often = 20 + self.below(80);
                    self.line(&format!("if i % {often} == {often} - 1:"));
                    let flip = self.one(&["d = x", "d = p", "d = c", "y = 0.0", "y = x * 1e200", "c = 1 << 61"]);
                    self.line(&format!("    {flip}"));
                }
                _ => self.line("c += 1"),
            },
            8..=10 => {
                let condition = self.condition();
                self.line(&format!("if {condition}:"));
                self.block(depth, counted);
                if self.below(2) == 0 {
                    self.line("else:");
                    self.block(depth, counted);
                }
            }
            _ => {
                self.loops += 1;
                let (j, rounds) = (format!("j{}", self.loops), 1 + self.below(6));
                self.line(&format!("{j} = 0"));
                self.line(&format!("while {j} < {rounds}:"));
                self.indent += 1;
                self.line(&format!("{j} += 1"));
                self.indent -= 1;
                self.block(depth, true);
            }
        }
    }

    fn block(&mut self, depth: usize, may_go_on: bool) {
        self.indent += 1;
        for _ in 0..1 + self.below(2) {
            self.statement(depth + 1, may_go_on);
        }
        if self.below(12) == 0 {
            self.line("continue");
        } else if self.below(30) == 0 {
            self.line("break");
        }
        self.indent -= 1;
    }

    fn int(&mut self, depth: usize) -> String {
        let leaf = depth == 0 || self.below(3) == 0;
        if leaf {
            let constant = self.below(200) as i64 - 100;
            return match self.below(3) {
                0 => format!("({constant})"),
                _ => self.one(&["a", "b", "c", "i"]).to_owned(),
            };
        }
        let (left, right) = (self.int(depth - 1), self.int(depth - 1));
        match self.below(10) {
            0 | 1 => format!("({left} + {right})"),
            2 | 3 => format!("({left} - {right})"),
            4 => format!("({left} % 1009 * {right})"),
            5 => format!("({left} // 7)"),
            6 => format!("({left} % {})", self.one(&["5", "-3", "64", "(i + 1)"])),
            7 => format!("({left} {} {})", self.one(&["&", "|", "^"]), self.one(&["12", "5", "i"])),
            8 => format!("({left} {} {})", self.one(&["<<", ">>"]), self.below(5)),
            _ => format!("({}{left})", self.one(&["-", "~"])),
        }
    }

    fn float(&mut self, depth: usize) -> String {
        if depth == 0 {
            return self.one(&["x", "y", "0.5", "1e-3", "-2.0", "i", "3"]).to_owned();
        }
        let (left, right) = (self.float(depth - 1), self.float(depth - 1));
        match self.below(8) {
            0 | 1 => format!("(x + {left})"),
            2 | 3 => format!("(y - {right})"),
            4 | 5 => format!("(x * {left})"),
            6 => format!("(y / {})", self.one(&["3", "-0.7", "(i + 2)", "(x * x + 1.0)"])),
            _ => format!("(-(y * {right}))"),
        }
    }

    fn condition(&mut self) -> String {
        let compare = self.one(&["<", "<=", "==", "!=", ">", ">="]);
        match self.below(6) {
            0 => format!("i & {}", self.one(&["1", "3", "5"])),
            1 => format!("i % {} == 0", self.one(&["2", "3", "7"])),
            2 => format!("{} {compare} {}", self.int(1), self.int(1)),
            3 => format!("{} {compare} {}", self.float(1), self.float(0)),
            4 => self.one(&["p", "not p", "a", "c"]).to_owned(),
            _ => format!("{} {compare} {}", self.one(&["x", "y"]), self.one(&["0.0", "1", "a"])),
        }
    }
}

#[test]
fn random_programs_do_the_same() {
    let seeds = std::env::var("TYPHON_JIT_FUZZ").ok().and_then(|text| text.parse().ok()).unwrap_or(SHORT);
    let mut traces = 0;
    for seed in 1..=seeds {
        let source = Maker::new(seed).program();
        let plain = run(&source, None);
        for (loop_hot, exit_hot, tree_hot) in [(1, 0, 0), (5, 2, 3)] {
            let ran = run(&source, Some(Params { loop_hot, exit_hot, tree_hot, credit: u64::MAX, ..Params::DEFAULT }));
            assert_eq!(ran.printed, plain.printed, "seed {seed}, thresholds {loop_hot} and {exit_hot}\n{source}");
            traces += ran.traces;
        }
    }
    assert!(traces > seeds, "{traces} traces of {seeds} programs");
}
