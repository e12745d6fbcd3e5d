//! The table: what CPython 3.14 finds, for every row, on text of each width that can hold the subject.
//!
//! `make_table.py` makes it. `TYPHON_SRE_TABLE` names another file of the same form instead.

use typhon_sre::{Marks, MatchError, Matcher, Program, Subject, Unlimited};

#[derive(Clone, Copy)]
struct Row<'a> {
    op: &'a str,
    pos: usize,
    endpos: usize,
}

#[test]
fn finds_what_cpython_finds() {
    let other = std::env::var("TYPHON_SRE_TABLE").ok().map(|path| std::fs::read_to_string(path).expect("the table"));
    let table = other.as_deref().unwrap_or(include_str!("table.txt"));
    let mut program = None;
    let mut title = "";
    let (mut rows, mut wrong) = (0, Vec::new());
    for line in table.lines() {
        if let Some(text) = line.strip_prefix("# ") {
            title = text;
        } else if let Some(words) = line.strip_prefix("P ") {
            let (groups, words) = words.split_once(' ').expect("words");
            let words: Vec<u32> = words.split(' ').map(hex).collect();
            program =
                Some(Program::new(&words, groups.parse().expect("groups")).unwrap_or_else(|e| panic!("{title}: {e}")));
        } else if let Some(row) = line.strip_prefix("R ") {
            rows += 1;
            let fields: Vec<&str> = row.split(' ').collect();
            let [op, pos, endpos, subject, expected] = fields[..] else { panic!("bad row {row}") };
            let row = Row { op, pos: pos.parse().expect("pos"), endpos: endpos.parse().expect("endpos") };
            let text: Vec<u32> = if subject == "-" { Vec::new() } else { subject.split('.').map(hex).collect() };
            for (width, got) in run_all(program.as_ref().expect("a pattern first"), row, &text) {
                if got != expected {
                    wrong.push(format!("{title}: {op} {pos} {endpos} {subject} width {width}: {got}, not {expected}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} wrong of {rows}:\n{}", wrong.len(), wrong[..wrong.len().min(40)].join("\n"));
    assert!(rows > 2000 || other.is_some(), "only {rows} rows");
}

fn hex(word: &str) -> u32 {
    u32::from_str_radix(word, 16).expect("hex")
}

fn run_all(program: &Program, row: Row<'_>, text: &[u32]) -> Vec<(u32, String)> {
    let one: Option<Vec<u8>> = text.iter().map(|&c| u8::try_from(c).ok()).collect();
    let two: Option<Vec<u16>> = text.iter().map(|&c| u16::try_from(c).ok()).collect();
    let mut results = vec![(4, run(program, row, Subject::Four(text)))];
    results.extend(two.map(|text| (2, run(program, row, Subject::Two(&text)))));
    results.extend(one.map(|text| (1, run(program, row, Subject::One(&text)))));
    results
}

fn run(program: &Program, row: Row<'_>, subject: Subject<'_>) -> String {
    let mut matcher = Matcher::new(program);
    match step(&mut matcher, row, subject) {
        Ok(found) => found,
        Err(error) => error.to_string(),
    }
}

fn step(matcher: &mut Matcher<'_>, row: Row<'_>, subject: Subject<'_>) -> Result<String, MatchError> {
    let Row { op, mut pos, endpos } = row;
    let budget = &mut Unlimited;
    let found = match op {
        "s" => matcher.search(subject, pos, endpos, false, budget)?,
        "m" => matcher.match_(subject, pos, endpos, false, budget)?,
        "f" => matcher.fullmatch(subject, pos, endpos, budget)?,
        _ => {
            let mut all = Vec::new();
            let mut advance = false;
            loop {
                let found = match op {
                    "a" => matcher.search(subject, pos, endpos, advance, budget)?,
                    _ => matcher.match_(subject, pos, endpos, advance, budget)?,
                };
                if !found {
                    return Ok(if all.is_empty() { "-".to_owned() } else { all.join(";") });
                }
                let marks = matcher.marks();
                all.push(show(marks));
                advance = marks.start == marks.end;
                pos = marks.end;
            }
        }
    };
    Ok(if found { show(matcher.marks()) } else { "-".to_owned() })
}

fn show(marks: &Marks) -> String {
    let mut out = format!("{},{},{}", marks.start, marks.end, marks.lastindex.unwrap_or(0));
    for group in &marks.groups {
        match group {
            Some((start, end)) => out.push_str(&format!(",{start},{end}")),
            None => out.push_str(",-1,-1"),
        }
    }
    out
}
