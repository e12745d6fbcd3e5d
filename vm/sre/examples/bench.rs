//! The engine's half of `bench.py`: runs the workloads of a file and prints the best time of each in seconds.

use std::time::Instant;

use typhon_sre::{Matcher, Program, Subject, Unlimited};

#[derive(Default)]
struct Work {
    name: String,
    programs: Vec<Program>,
    subjects: Vec<Text>,
    calls: Vec<(char, usize, usize)>,
}

enum Text {
    One(Vec<u8>),
    Two(Vec<u16>),
    Four(Vec<u32>),
}

impl Text {
    fn new(width: u32, codes: &[u32]) -> Self {
        match width {
            1 => Self::One(codes.iter().map(|&c| c as u8).collect()),
            2 => Self::Two(codes.iter().map(|&c| c as u16).collect()),
            _ => Self::Four(codes.to_vec()),
        }
    }

    fn subject(&self) -> Subject<'_> {
        match self {
            Self::One(s) => Subject::One(s),
            Self::Two(s) => Subject::Two(s),
            Self::Four(s) => Subject::Four(s),
        }
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let file = std::fs::read_to_string(args.next().ok_or("no file")?)?;
    let rounds: u32 = args.next().ok_or("no rounds")?.parse()?;
    for work in &read(&file)? {
        let mut best = f64::INFINITY;
        for _ in 0..rounds {
            let begin = Instant::now();
            run(work)?;
            best = best.min(begin.elapsed().as_secs_f64());
        }
        println!("{} {best}", work.name);
    }
    Ok(())
}

fn read(file: &str) -> Result<Vec<Work>, Box<dyn std::error::Error>> {
    let mut works: Vec<Work> = Vec::new();
    for line in file.lines() {
        let (kind, rest) = line.split_once(' ').ok_or("bad line")?;
        if kind == "W" {
            works.push(Work { name: rest.to_owned(), ..Work::default() });
            continue;
        }
        let work = works.last_mut().ok_or("no workload")?;
        let numbers = |text: &str| text.split(' ').skip(1).map(str::parse).collect::<Result<Vec<u32>, _>>();
        match kind {
            "P" => {
                let words = numbers(line)?;
                let (&groups, words) = words.split_first().ok_or("no groups")?;
                work.programs.push(Program::new(words, groups as usize)?);
            }
            "S" => {
                let codes = numbers(line)?;
                let (&width, codes) = codes.split_first().ok_or("no width")?;
                work.subjects.push(Text::new(width, codes));
            }
            _ => {
                let op = rest.chars().next().ok_or("no op")?;
                let call = numbers(rest)?;
                let [program, subject] = call[..] else { return Err("bad call".into()) };
                work.calls.push((op, program as usize, subject as usize));
            }
        }
    }
    Ok(works)
}

fn run(work: &Work) -> Result<(), Box<dyn std::error::Error>> {
    let budget = &mut Unlimited;
    for &(op, program, subject) in &work.calls {
        let subject = work.subjects[subject].subject();
        let mut matcher = Matcher::new(&work.programs[program]);
        let end = subject.len();
        match op {
            's' => _ = matcher.search(subject, 0, end, false, budget)?,
            'm' => _ = matcher.match_(subject, 0, end, false, budget)?,
            _ => {
                let (mut pos, mut advance) = (0, false);
                while matcher.search(subject, pos, end, advance, budget)? {
                    let marks = matcher.marks();
                    advance = marks.start == marks.end;
                    pos = marks.end;
                }
            }
        }
    }
    Ok(())
}
