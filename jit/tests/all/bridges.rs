//! Exits that are taken often go on in traces of their own, and a second isolate finds them all.

use crate::harness::{Ran, run, run_in};
use crate::loops::thresholds;
use typhon_jit::{Mode, Params, Process};

/// Runs a program without traces and with them. What ran at the lowest thresholds.
fn same(source: &str) -> Ran {
    let plain = run(source, None);
    assert!(!plain.printed.contains("Error"), "{}", plain.printed);
    let all = thresholds().map(|params| {
        let ran = run(source, Some(params.clone()));
        assert_eq!(ran.printed, plain.printed, "{params:?}\n{source}");
        ran
    });
    let [first, ..] = all;
    first
}

const ALTERNATING: &str = "def f(n):
    t = i = 0
    while i < n:
        t = (t + i * 3) % 1000003
        if i & 1:
            t += 2
        i += 1
    return t, i
print(f(20000))
";

#[test]
fn branches_that_alternate_stay_in_machine_code() {
    let ran = same(ALTERNATING);
    assert!(ran.counts["jit_bridged"] >= 1 && ran.counts["jit_linked"] > 8000, "{:?}", ran.counts);
    assert!(ran.counts["jit_entered"] < 100, "{:?}", ran.counts);
}

#[test]
fn loops_in_loops_stay_in_machine_code() {
    let ran = same(
        "def f(n, m):
    i = s = 0
    x = 0.5
    while i < n:
        j = 0
        while j < m:
            s = (s + i * j) % 65537
            x = x * 0.5 + j
            j += 1
        i += 1
        s += i
    return s, x, i, j
print(f(500, 7), f(3, 700), f(300, 1), f(200, 0))
def g(n):
    i = s = 0
    while i < n:
        j = 0
        while j < 5:
            k = 0
            while k < j:
                s += i ^ k
                k += 1
            j += 1
        i += 1
    return s
print(g(300))
",
    );
    assert!(ran.counts["jit_linked"] > 100, "{:?}", ran.counts);
}

#[test]
fn an_outer_loop_has_its_turn_before_the_inner_one_leads_back_to_itself() {
    // The inner loop is hot first. Its end leads round the outer one, which is to have a trace that goes through both.
    let source = "def f(n):
    i = s = 0
    while i < n:
        j = 0
        while j < 3:
            s += j ^ i
            j += 1
        i += 1
    return s
print(f(20000))
";
    let params = Params { loop_hot: 40, exit_hot: 8, ..Params::DEFAULT };
    let (plain, ran) = (run(source, None), run(source, Some(params)));
    assert_eq!(ran.printed, plain.printed);
    assert!(ran.counts["jit_abort_outer"] > 0 && ran.counts["jit_linked"] < 2000, "{:?}", ran.counts);
}

#[test]
fn loops_are_recorded_anew_when_the_module_gets_another_name() {
    // What the function's loops know of the module's names holds no more, and never will again.
    let source = "table = [1, 2, 3]
def g(n):
    s = 0
    for i in table * n:
        for x in table:
            s += x ^ i
    return s
print(g(7000))
new = 1
print(g(20000))
newer = 1
print(g(20000))
";
    let params = Params { loop_hot: 40, exit_hot: 8, ..Params::DEFAULT };
    let (plain, ran) = (run(source, None), run(source, Some(params)));
    assert_eq!(ran.printed, plain.printed);
    assert!(ran.counts["jit_retired"] >= 2 && ran.counts["jit_linked"] < 4000, "{:?}", ran.counts);
}

#[test]
fn ways_that_end_where_a_name_is_loaded_stay() {
    let source = "LIMIT = 3
def g(n):
    i = s = 0
    while i < n:
        j = 0
        while LIMIT > j:
            s += j ^ i
            j += 1
            if i & 3 == j:
                s -= 1
        i += 1
        j = 0
        while LIMIT * 5 > j:
            s += j
            j += 1
    return s
print(g(3000))
";
    let params = Params { loop_hot: 40, exit_hot: 8, ..Params::DEFAULT };
    let (plain, ran) = (run(source, None), run(source, Some(params)));
    assert_eq!(ran.printed, plain.printed);
    assert!(ran.counts["jit_retired"] == 0 && ran.counts["jit_bridged"] > 0, "{:?}", ran.counts);
}

#[test]
fn first_rounds_that_are_not_like_the_others_are_ways() {
    // The loop's trace knows a number in `last`; each call comes to it with None there.
    let source = "def find(wanted, table=list(range(0, 24, 3))):
    last = None
    n = 0
    for x in table:
        if last != x:
            last = x + 1
        if last == wanted:
            return n
        n += 1
    return -1
all = [i % 25 for i in range(8000)]
all.sort(key=find)
print(all[:9], all[-9:], len(all))
";
    same(source);
    let params = Params { loop_hot: 60, call_hot: 60, exit_hot: 2, credit: u64::MAX, ..Params::DEFAULT };
    let ran = run(source, Some(params));
    assert!(ran.counts["jit_bridged"] > 0 && ran.counts["jit_linked"] > 100, "{:?}", ran.counts);
}

#[test]
fn every_way_through_an_iteration_has_a_trace() {
    let ran = same(
        "def f(n):
    a = b = c = d = 0
    seed = 12345
    for i in range(n):
        seed = (seed * 1103515245 + 12345) % 2147483648
        r = seed >> 16
        if r % 2:
            if r % 3 == 0:
                a += 1
            else:
                b += r % 7
        elif r % 5 == 1:
            c -= 1
        else:
            d ^= r
    return a, b, c, d
print(f(20000))
",
    );
    assert!(ran.counts["jit_bridged"] >= 4, "{:?}", ran.counts);
}

#[test]
fn exits_with_values_that_fit_no_word() {
    same(
        "def f(n):
    x = 1.0
    i = 0
    while i < n:
        if i & 1:
            x = x * 1e90
        else:
            x = x * 1e-90
        i += 1
    return x
print(f(400))
def g(n):
    x = 0.0
    y = 2.0
    i = 0
    while i < n:
        y = x
        if i % 3 == 0:
            x = -x
        i += 1
    return x, y, x is y
print(g(400))
def h(n):
    s = 1
    i = 0
    while i < n:
        if i & 1:
            s = s * 3
        else:
            s = s - (s >> 1)
        i += 1
    return s
print(h(500))
def types(n):
    x = 0
    for i in range(n):
        if i % 50 == 49:
            x = x + 0.5
        elif i % 70 == 69:
            x = 1
        else:
            x = x + 1
    return x
print(types(1000))
",
    );
}

/// Two bridges at a loop's header, each for another type, are each other's links; then comes a third type, which is for neither.
#[test]
fn bridges_at_a_header_that_send_each_other_nowhere() {
    same(
        "def f(items):
    n = i = 0
    k = items[0]
    while k:
        n += 1
        i += 1
        k = items[i]
    return n
for last in 'text', (1,), None, {}:
    print(f([1, 1, 0.5, 0.5] * 50 + [last] * 9 + [0, 1]))
",
    );
}

#[test]
fn exits_in_callees_go_on() {
    let ran = same(
        "def init(self, x):
    if x & 1:
        self.x = x
    else:
        self.x = -x
def get(self, k):
    if k % 3:
        return self.x + k
    return self.x
def add(self, other):
    if other.x < self.x:
        return P(self.x)
    return other
P = type('P', (), {'__init__': init, 'get': get, '__add__': add})
def step(p, k):
    if k % 5 == 0:
        return p.get(k) * 2
    return p.get(k)
def f(n):
    s = i = 0
    while i < n:
        p = P(i)
        s += step(p, i)
        s ^= (p + P(i + 1)).x
        i += 1
    return s
print(f(20000))
",
    );
    assert!(ran.counts["jit_bridged"] >= 4 && ran.counts["jit_linked"] > 20000, "{:?}", ran.counts);
    assert!(ran.counts["jit_entered"] < 400, "{:?}", ran.counts);
}

#[test]
fn loops_in_callees_go_on() {
    let ran = same(
        "def find(a, k):
    for x in a:
        if x >= k:
            return x
        if x == 3 and k == 5:
            break
    else:
        return -1
    return 0
def deep(a, k):
    s = 0
    while k > 0:
        s += find(a, k)
        k -= 2
    return s
def f(n):
    s = i = 0
    a = [1, 2, 3, 4, 5, 6]
    while i < n:
        s += deep(a, i % 8)
        s ^= find(a, i & 7)
        i += 1
    return s
print(f(20000))
",
    );
    assert!(ran.counts["jit_bridged"] >= 4 && ran.counts["jit_linked"] > 10000, "{:?}", ran.counts);
    assert!(ran.counts["jit_entered"] < 400, "{:?}", ran.counts);
    same(
        "def sum_to(a, k):
    s = 0
    for x in a:
        if x == k:
            raise ValueError(s)
        s += x
    return s
def f(n):
    s = 0
    a = [1, 2, 3, 4, 5]
    for i in range(n):
        try:
            s += sum_to(a, i % 9)
        except ValueError as e:
            s += len(a)
    a.append('x')
    try:
        for i in range(n):
            s += sum_to(a, -1)
    except TypeError:
        s += 1
    return s
print(f(2000))
",
    );
}

#[test]
fn exits_in_callees_raise_and_finalize_as_ever() {
    same(
        "def init(self, log):
    self.log = log
def end(self):
    self.log.append(len(self.log))
D = type('D', (), {'__init__': init, '__del__': end})
def divide(a, b, d):
    d = D(d.log) if b % 7 == 0 else d
    if b % 3:
        return a // b
    x = a + 1
    return x // (b % 11)
def f(n, log):
    s = i = 0
    d = D(log)
    while i < n:
        i += 1
        try:
            s += divide(1000, i, d)
        except ZeroDivisionError as e:
            s += len(e.args)
    return s
log = []
print(f(4000, log), len(log), log[-1])
",
    );
}

#[test]
fn loops_that_follow_each_other_stay_in_machine_code() {
    let ran = same(
        "def f(n):
    s = i = 0
    while i < n:
        for a in range(11):
            s += a
        for b in range(3, 20):
            s ^= b
        j = 12
        while j:
            j -= 1
        i += 1
    return s
print(f(2000))
",
    );
    assert!(ran.counts["jit_linked"] > 5000 && ran.counts["jit_entered"] < 400, "{:?}", ran.counts);
}

/// Whoever asks from inside of machine code is heard before it has gone round twice more, however exits are linked.
#[test]
fn circles_of_links_look_up() {
    let ways = [
        "t = (t + i * 3) % 1000003
        if i & 1:
            t += 2",
        "if i % 3 == 0:
            x = 1
        elif i % 3 == 1:
            x = 0.5
        else:
            x = None",
        "for k in range(i % 3):
            t += k",
        "j = 0
        while j < i % 2:
            j += 1
        t += j",
    ];
    for way in ways {
        let source = format!(
            "def f():
    t = i = 0
    x = 1
    while True:
        {way}
        i += 1
        tick(30000)
f()
"
        );
        let params = Params { loop_hot: 50, exit_hot: 5, ..Params::DEFAULT };
        let ran = run(&source, Some(params));
        assert!((30000..=30002).contains(&ran.ticks), "{} ticks, {}\n{source}", ran.ticks, ran.printed);
        assert!(ran.counts["jit_linked"] > 8000 && ran.counts["jit_entered"] < 500, "{:?}\n{source}", ran.counts);
    }
}

/// Handlers run Python code, which could look for what machine code has in its registers.
#[test]
fn natives_that_are_tame_poll_without_handlers() {
    let source = "def f(n):
    s = 0
    for i in range(n):
        s += ask()
    return s
print(f(300))
";
    assert_eq!(run(source, None).printed, "300\n");
    let ran = run(source, Some(Params { loop_hot: 7, exit_hot: 3, ..Params::DEFAULT }));
    let handled: u64 = ran.printed.trim().parse().expect("a number");
    assert!(ran.counts["jit_entered"] > 0 && handled < 300, "{handled}, {:?}", ran.counts);
}

#[test]
fn the_second_isolate_neither_records_nor_compiles() {
    let params = Params { loop_hot: 50, exit_hot: 5, ..Params::DEFAULT };
    let process = Process::new(Mode::Sync, params).expect("this machine has a code generator");
    let first = run_in(ALTERNATING, Some(process.clone()));
    assert!(first.counts["jit_recorded"] >= 2 && first.counts["jit_compiled"] >= 2, "{:?}", first.counts);
    let second = run_in(ALTERNATING, Some(process));
    assert_eq!(second.printed, first.printed);
    assert_eq!((second.counts["jit_recorded"], second.counts["jit_compiled"]), (0, 0), "{:?}", second.counts);
    assert!(second.counts["jit_found"] >= 2 && second.counts["jit_linked"] > 8000, "{:?}", second.counts);
}

#[test]
fn workers_compile_while_the_program_goes_on() {
    let params = Params { loop_hot: 50, exit_hot: 5, ..Params::DEFAULT };
    let process = Process::new(Mode::Background, params).expect("this machine has a code generator");
    let plain = run(ALTERNATING, None);
    let offered = loop {
        let ran = run_in(ALTERNATING, Some(process.clone()));
        assert_eq!(ran.printed, plain.printed);
        assert_eq!(ran.counts["jit_compiled"], 0);
        if ran.counts["jit_recorded"] == 0 && ran.counts["jit_linked"] > 8000 {
            break process.cache().counts.committed.get();
        }
    };
    assert!(offered >= 2);
}

#[test]
fn a_loop_with_traces_is_entered_however_often_its_last_iteration_was_followed() {
    let source = "def f(n):
    i = s = 0
    t = 1
    while t is not None:
        s += i
        i += 1
        if i == n:
            t = None
    return s
";
    // No loop calls it, which would take it along.
    let source = format!("{source}{}print(f(5))\n", "f(4)\n".repeat(400));
    let ran = run(&source, Some(Params { loop_hot: 1, exit_hot: 1 << 20, credit: u64::MAX, ..Params::DEFAULT }));
    assert_eq!(ran.printed, "10\n");
    assert!(ran.counts["jit_abort_leaves"] > 0, "{:?}", ran.counts);
    assert!(ran.counts["jit_entered"] > 300, "{:?}", ran.counts);
}

#[test]
fn a_loop_that_the_interpreter_carries_out_is_not_compiled() {
    let source = "def f(n):
    for i in range(n):
        {i: i, **{}}
f(3000)
";
    let params = Params { credit: u64::MAX, ..Params::DEFAULT };
    let ran = run(source, Some(params.clone()));
    assert_eq!((ran.traces, ran.counts["jit_abort_worthless"]), (0, 1), "{:?}", ran.counts);
    assert!(run(source, Some(Params { loop_hot: 2, ..params })).traces > 0);
}

/// Their bridges are short ways to the loop, whose rounds are long.
#[test]
fn a_loop_that_branches_at_its_end_is_worth_its_links() {
    let long = "        s += 1; s ^= 3; s += 2; s &= 0xFFFF\n".repeat(4);
    let branches: String =
        [1024, 8192, 65536, 131072].map(|bit| format!("        if x & {bit}:\n            s += {bit} % 7\n")).concat();
    let source = format!(
        "def f(n):\n    x = s = 0\n    for i in range(n):\n        x = (x * 1103 + 12345) & 0xFFFFF\n{long}{branches}    return s\nprint(f(100000))\n"
    );
    let ran = run(&source, Some(Params { credit: u64::MAX, ..Params::DEFAULT }));
    assert_eq!(ran.printed, run(&source, None).printed);
    assert!(ran.counts["jit_linked"] > 100_000 && ran.counts["jit_poor"] == 0, "{:?}", ran.counts);
}
