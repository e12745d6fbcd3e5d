//! This Python loop must become this IR: what `tests/shapes/NAME.py` is compiled to stands in `NAME.ir`.
//!
//! `TYPHON_BLESS=1 cargo test -p typhon-jit --test all shapes` writes those anew, for a look at the difference.

use crate::harness::run_in;
use std::collections::HashMap;
use std::fmt::Write;
use std::fs;
use std::path::Path;
use typhon_jit::journal::{Fate, Note};
use typhon_jit::{Params, Process};

/// As soon as everything is specialized, and bridges soon after.
const THRESHOLDS: Params = Params { loop_hot: 12, exit_hot: 4, ..Params::DEFAULT };

/// Every recording of a program: what its trace is in the end, or why there is none.
fn recorded(source: &str) -> String {
    let process = Process::watched(THRESHOLDS).expect("this machine has a code generator");
    let ran = run_in(source, Some(process.clone()));
    assert_eq!(ran.printed, "", "{source}");
    let mut text = String::new();
    process.journal().expect("it is watched").each(|note: &Note| {
        let what = if note.bridge { "bridge" } else { "loop" };
        write!(text, "{what} in {}, line {}: ", note.function, note.line).expect("text has room");
        match &note.fate {
            Fate::GivenUp(abort) => writeln!(text, "given up: {}\n", abort.reason.text()),
            Fate::Compiled { variant, .. } => writeln!(text, "{}", variant.executor.tree.trunk),
        }
        .expect("text has room");
    });
    named(&text)
}

/// The text with names instead of addresses: of code, and of objects.
fn named(text: &str) -> String {
    let mut names = HashMap::new();
    let mut out = String::new();
    for (i, part) in text.split(':').enumerate() {
        let hex = part.strip_prefix("0x");
        let (digits, least) = match hex {
            Some(digits) => (digits, 8),
            // Frames are told apart by their code.
            None => (part, 12),
        };
        let end = digits.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(digits.len());
        let (address, rest) = digits.split_at(end);
        if i > 0 {
            out.push(':');
        }
        // Others are words that are no objects.
        if i > 0 && end >= least {
            let count = names.len();
            let name = names.entry(address).or_insert(count);
            write!(out, "#{name}{rest}").expect("text has room");
        } else {
            out.push_str(part);
        }
    }
    out
}

#[test]
fn loops_become_what_the_files_say() {
    let bless = std::env::var_os("TYPHON_BLESS").is_some();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/shapes");
    let (mut wrong, mut seen) = (Vec::new(), 0);
    for entry in fs::read_dir(folder).expect("the folder of cases") {
        let path = entry.expect("an entry of the folder").path();
        if path.extension().is_none_or(|extension| extension != "py") {
            continue;
        }
        seen += 1;
        let now = recorded(&fs::read_to_string(&path).expect("a program"));
        let file = path.with_extension("ir");
        if bless {
            fs::write(&file, now).expect("the case is written");
            continue;
        }
        let then = fs::read_to_string(&file).unwrap_or_default();
        if now != then {
            wrong.push(format!("{}: now\n{now}instead of\n{then}", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(seen >= 30, "{seen} shapes");
}

#[test]
fn functions_with_free_variables_are_taken_along() {
    let text = recorded(
        "
def make(k):
    def add(n):
        return k + n
    return add

def f(n):
    add, s = make(3), 0
    for i in range(n):
        s = add(s)
    return s

f(40)
",
    );
    assert!(text.starts_with("loop in f,") && !text.contains("given up") && !text.contains("call step"), "{text}");
}

#[test]
fn lists_of_a_class_are_lists() {
    let text = recorded(
        "
Row = type('Row', (list,), {})

def f(n):
    row, s = Row((1, 2, 3)), 0
    for i in range(n):
        todo = Row()
        todo.append(i)
        if todo:
            s += row[i & 1] + len(row) + todo[0]
        a, b, c = row
        s += a + b + c
    return s

f(40)
",
    );
    assert!(text.starts_with("loop in f,") && !text.contains("given up") && !text.contains("call step"), "{text}");
}

#[test]
fn the_end_of_a_function_leads_to_its_caller() {
    let text = recorded(
        "
def find(items, wanted):
    for item in items:
        if item == wanted:
            return True
    return False

def f(n):
    items, found = [1, 2, 3, 4, 5, 6, 7, 8], 0
    found += find(items, 9) + find(items, 9) + find(items, 9) + find(items, 9) + find(items, 9) + find(items, 9)
    return found

f(1)
",
    );
    let way = text.split("bridge in find").nth(1).unwrap_or_default();
    assert!(way.contains("call return(") && !way.contains("given up"), "{text}");
}
