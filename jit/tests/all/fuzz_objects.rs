//! Random programs over objects do the same with traces and without them: containers, attributes, calls, methods of operators,
//! and exceptions out of frames that have no records yet.
//!
//! `TYPHON_JIT_FUZZ=SEEDS cargo test -p typhon-jit --test all fuzz` makes a long run of it, as of `fuzz`.

use crate::harness::run;
use std::fmt::Write;
use typhon_jit::Params;

/// Programs of the short run.
const SHORT: u64 = 40;

/// What all programs begin with.
const PRELUDE: &str = "def init(self, u, v=2):
    self.u = u
    self.v = v
def add(self, by):
    self.u = (self.u + by) % 1009
    return self.u
def plus(self, other):
    return P(self.u + other.u, self.v) if other is not self else NotImplementedError
def item(self, i):
    return self.u + i
def put(self, i, v):
    self.u = i
    self.w = v
def half(self):
    return self.u // 2
def fail(self, n):
    if n % 23 == 7:
        raise ValueError(n)
    return deep(self, n) + 1
def deep(self, n):
    if n % 41 == 5:
        raise KeyError(n)
    return self.add(n)
def same(self, other):
    return self.u == other
def count(self):
    return self.u % 3
P = type('P', (), {'__init__': init, 'add': add, '__add__': plus, '__getitem__': item, '__setitem__': put,
                   'half': property(half), 'fail': fail})
Q = type('Q', (P,), {'add': deep, '__eq__': same, '__hash__': count, '__len__': count})
def two(a, b=3, c=None):
    return a + b if c is None else a - c
def nested(a, b):
    return two(a, two(b)) + two(b, 1, a)
def pair(a, b):
    return (b, a)
def called(self, a, b=4):
    return self.u - a * b
P.__call__ = called
def upto(n):
    for i in range(n):
        yield i
";

struct Maker {
    state: u64,
    text: String,
}

impl Maker {
    fn below(&mut self, n: u64) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        (self.state >> 11) % n
    }

    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len() as u64) as usize]
    }

    fn line(&mut self, indent: usize, text: &str) {
        writeln!(self.text, "{:1$}{text}", "", 4 * indent).expect("text has room");
    }

    fn value(&mut self) -> &'static str {
        self.one(&[
            "a",
            "b",
            "i",
            "i % 7",
            "l[i % 5]",
            "o.u",
            "o.v",
            "k.u",
            "m.get(i % 13, 4)",
            "t[1]",
            "o[i % 5]",
            "o.half",
            "len(l)",
            "two(a)",
            "two(b, i % 9)",
            "nested(i % 7, b)",
            "q[0]",
            "-3",
            "two(b=i % 5, a=2)",
            "two(i, c=b)",
            "two(1, b=a)",
            "o(i % 3)",
            "k(2, b=i % 5)",
            "add(1)",
            "h % 100",
            "(h >> 3 & 255)",
        ])
    }

    fn statement(&mut self, indent: usize, depth: usize) {
        let v = self.value();
        let text = match self.below(if depth < 2 { 36 } else { 31 }) {
            0 | 1 => format!("a = ({v} + b) % 1009"),
            2 => format!("b = ({v} * 3 + a) % 997"),
            3 => format!("l[i % 5] = {v}"),
            4 => format!("m[i % 11] = {v}"),
            5 => format!("m[{}] = {v}", self.one(&["'k'", "(i % 3, 'x')", "2.0", "str(i % 4)"])),
            6 => format!("o.u = {v}"),
            7 => format!("o[i % 3] = {v}"),
            8 => format!("a = o.add({v} % 50)"),
            9 => format!("a = k.add({v} % 50)"),
            10 => format!("o = P({v}, {})", self.one(&["a", "0.5", "'s'"])),
            11 => format!("o = {}({v})", self.one(&["P", "Q"])),
            12 => "o = o + P(1)".into(),
            13 => format!("t = ({v}, i, a)"),
            14 => "b, a, _ = t".into(),
            15 => format!("q = pair({v}, a)"),
            16 => format!("l.append({v}); l.pop({})", self.one(&["", "0", "i % 5"])),
            17 => format!("l = l[{}:] + l[:{}]", self.one(&["1", "2", "i % 5"]), self.one(&["1", "2", "i % 5"])),
            18 => format!("s.add({v} % 20)"),
            19 => format!("a = a + 1 if {v} in {} else b", self.one(&["m", "s", "l", "t"])),
            20 => format!(
                "b = b + 1 if {} else a",
                self.one(&["l", "k", "o", "s", "q", "o == a", "k == a", "n1 == 'ab'", "t[2] == a"])
            ),
            21 => format!("a = k.fail({v} % 60) if i % 5 else a"),
            22 => format!("b = o.fail(i) + {v} if i % 3 else b"),
            23 => "n1 = n2[i % 3] + 'b'".into(),
            24 => format!("l[0:2] = [{v}, 1]"),
            25 => format!("h = (h * 31 + {v}) & 0xffffffffffffffffff"),
            26 => {
                format!("d = d + 1 if {} else i", self.one(&["h < 1 << 64", "n1 < 'b'", "n1 >= n2", "h > a", "h != 0"]))
            }
            27 => format!("add = {}.add", self.one(&["o", "k"])),
            28 => format!("o = {}(u=a, v={v})", self.one(&["P", "Q"])),
            29 => format!("a = add(by={v} % 50)"),
            30 => format!("n1 = n1 + {} if len(n1) < 40 else 'a'", self.one(&["'b'", "n2", "n1"])),
            31 => {
                let head = self.one(&[
                    "for e in l:",
                    "for j, e in enumerate(l):",
                    "for e, g in zip(l, t):",
                    "for e in m:",
                    "for e in s:",
                    "for e, g in m.items():",
                    "for e in range(i % 4):",
                    "for e in (1, 2, a):",
                    "for e in 'xyz':",
                    "for e in upto(i % 5):",
                ]);
                self.line(indent, head);
                let inner = self.one(&["b = (b * 3 + 1) % 211", "a = (a + len(l)) % 77", "q = (a, b)", "d += 1"]);
                self.line(indent + 1, inner);
                return self.statement_if(indent + 1, depth + 1);
            }
            32 | 33 => {
                let condition = self.one(&["i % 3 == 0", "a < b", "i % 50 == 49", "b % 2", "i & 1", "q"]);
                self.line(indent, &format!("if {condition}:"));
                return self.statement(indent + 1, depth + 1);
            }
            34 => {
                self.line(indent, "try:");
                self.statement(indent + 1, depth + 1);
                "except (TypeError, AttributeError): d += 1".into()
            }
            _ => format!("d = {}", self.one(&["i", "d + 1", "two(d)"])),
        };
        self.line(indent, &text);
    }

    fn statement_if(&mut self, indent: usize, depth: usize) {
        if self.below(2) == 0 {
            self.statement(indent, depth);
        }
    }

    fn program(mut self) -> String {
        self.text.push_str(PRELUDE);
        self.line(0, "def f(n, a, b):");
        for text in [
            "l = [1, 2, 3, 4, 5]",
            "m = {}",
            "s = set()",
            "t = (1, 2, 3)",
            "q = (0, 1)",
            "d = 0",
            "h = 1",
            "n1 = 'a'",
            "n2 = 'abc'",
        ] {
            self.line(1, text);
        }
        self.line(1, "o, k = P(1), Q(2)");
        self.line(1, "add = o.add");
        self.line(1, "try:");
        self.line(2, "for i in range(n):");
        for _ in 0..2 + self.below(5) {
            self.statement(3, 0);
        }
        self.line(1, "except Exception as e:");
        self.line(2, "return type(e).__name__, e.args, i, a, b, d, l, t, q, o.u, k.u");
        self.line(1, "return a, b, d, h, l, m, list(s), t, q, o.u, o.v, k.u, n1");
        for arguments in ["300, 1, 2", "40, -7, 5", "150, 3, 0"] {
            self.line(0, &format!("print(f({arguments}))"));
        }
        self.text
    }
}

#[test]
fn random_programs_over_objects_do_the_same() {
    let seeds = std::env::var("TYPHON_JIT_FUZZ").ok().and_then(|text| text.parse().ok()).unwrap_or(SHORT);
    let mut traces = 0;
    for seed in 1..=seeds {
        let source = Maker { state: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1, text: String::new() }.program();
        let plain = run(&source, None);
        for (loop_hot, exit_hot, tree_hot) in [(1, 0, 0), (5, 2, 3)] {
            let ran = run(&source, Some(Params { loop_hot, exit_hot, tree_hot, credit: u64::MAX, ..Params::DEFAULT }));
            assert_eq!(ran.printed, plain.printed, "seed {seed}, thresholds {loop_hot} and {exit_hot}\n{source}");
            traces += ran.traces;
        }
    }
    assert!(traces > seeds, "{traces} traces of {seeds} programs");
}
