//! The conformance ratchet: what passes today passes tomorrow.
//!
//! `tests/py/*.py` are our own programs; beside each stands `NAME.out`, the output CPython 3.14 gave. `expected.txt`
//! names the test methods of CPython's own suite that pass; that suite is not in the repository, so they are run only
//! when TYPHON_LIBTEST names the folder that holds its `test` package.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use parking_lot::Mutex;

const PROGRAMS: &str = "tests/py";
/// Programs that do not pass yet, one name a line. It may only shrink.
const PENDING: &str = "tests/py/pending.txt";
/// `module test` a line.
const EXPECTED: &str = "tests/conformance/expected.txt";
const DRIVER: &str = "tests/conformance/driver.py";
/// The modules of CPython's suite that `--update` runs, one a line.
const MODULES: &str = "tests/conformance/modules.txt";
/// A module's process may map 6 GB, so that a runaway test takes nobody else with it.
const LIMITED: &str = "ulimit -v 6000000; exec \"$@\"";

/// One program, or one module of CPython's suite, may take this long before it counts as hung.
const PATIENCE: Duration = Duration::from_secs(120);
/// How many differences are shown in full: where every program fails, all do for one reason.
const SHOWN: usize = 12;

#[derive(Debug, Default)]
pub struct Report {
    pub passed: usize,
    pub pending: usize,
    /// What should have passed.
    pub lost: Vec<String>,
    /// What is listed as pending, but passes: the list is stale.
    pub gained: Vec<String>,
    /// Where programs that should have passed left what was wanted.
    pub differences: Vec<String>,
}

impl Report {
    pub fn holds(&self) -> bool {
        self.lost.is_empty() && self.gained.is_empty()
    }

    pub fn closing_line(&self) -> String {
        let mut text = String::new();
        for (what, names) in [("no longer passes", &self.lost), ("passes now: take it off the list", &self.gained)] {
            names.iter().for_each(|name| text += &format!("{name}: {what}\n"));
        }
        // Behind the names: whoever sees only the end of a long log sees why.
        self.differences.iter().take(SHOWN).for_each(|difference| text += &format!("{difference}\n"));
        match self.differences.len().saturating_sub(SHOWN) {
            0 => {}
            more => text += &format!("(and {more} more programs)\n"),
        }
        let verdict = if self.holds() { "ok" } else { "FAILED" };
        let Report { passed, pending, lost, .. } = self;
        text + &format!("conformance: {verdict}. {passed} passed; {} failed; {pending} pending", lost.len())
    }
}

/// Runs everything with the binary `typhon`. `update` rewrites the lists instead of comparing.
pub fn run(root: &Path, typhon: &Path, update: bool) -> anyhow::Result<Report> {
    let mut report = Report::default();
    programs(root, typhon, update, &mut report)?;
    if let Some(libtest) = std::env::var_os("TYPHON_LIBTEST") {
        suite(root, typhon, &PathBuf::from(libtest), update, &mut report)?;
    }
    Ok(report)
}

/// What one of our programs should have printed, what it printed if it ended, and what it said on standard error.
struct Ran {
    name: String,
    wanted: Vec<u8>,
    printed: Option<Vec<u8>>,
    said: Vec<u8>,
}

fn programs(root: &Path, typhon: &Path, update: bool, report: &mut Report) -> anyhow::Result<()> {
    let pending: BTreeSet<String> = lines(&root.join(PENDING))?.into_iter().collect();
    let mut still = Vec::new();
    let mut names: Vec<PathBuf> =
        fs::read_dir(root.join(PROGRAMS))?.map(|entry| Ok(entry?.path())).collect::<anyhow::Result<_>>()?;
    names.retain(|path| path.extension().is_some_and(|extension| extension == "py"));
    names.sort();
    let all = side_by_side(&names, cores(), |program| {
        let name = program.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let wanted = fs::read(program.with_extension("out")).with_context(|| format!("{name}: no .out beside it"))?;
        // Run from the root, so that the paths in tracebacks are the same everywhere.
        let mut command = Command::new("env");
        command.args(interruptible()).arg(typhon).arg(format!("{PROGRAMS}/{name}")).current_dir(root);
        let (printed, said) = finish(&mut command)?;
        Ok(Ran { name, wanted, printed, said })
    })?;
    for Ran { name, wanted, printed, said } in all {
        match (printed.as_deref() == Some(&*wanted), pending.contains(&name)) {
            (true, false) => report.passed += 1,
            (false, true) => {
                report.pending += 1;
                still.push(name);
            }
            (false, false) => {
                report.differences.push(difference(&name, &wanted, printed.as_deref(), &said));
                report.lost.push(name);
            }
            (true, true) => report.gained.push(name),
        }
    }
    if update {
        let text: String = still.iter().map(|name| format!("{name}\n")).collect();
        fs::write(root.join(PENDING), text)?;
        report.passed += report.gained.len();
        report.gained.clear();
    }
    Ok(())
}

/// What `env` is to be told so that programs can be interrupted: a job in the background ignores SIGINT, and so would what it starts.
/// Not every `env` knows the word (coreutils' does since 8.31); one that does not would run nothing, and a job in the foreground needs
/// none.
fn interruptible() -> Option<&'static str> {
    static WORD: OnceLock<Option<&str>> = OnceLock::new();
    *WORD.get_or_init(|| {
        let word = "--default-signal=INT";
        let mut asked = Command::new("env");
        let known = asked.args([word, "true"]).stderr(Stdio::null()).status().is_ok_and(|status| status.success());
        known.then_some(word)
    })
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Does `one` to every item, so many at a time, and returns what came of each in the items' order.
fn side_by_side<T: Sync, R: Send>(
    items: &[T],
    workers: usize,
    one: impl Fn(&T) -> anyhow::Result<R> + Sync,
) -> anyhow::Result<Vec<R>> {
    let queue = Mutex::new(items.iter().enumerate());
    let take = || queue.lock().next();
    let work = || -> anyhow::Result<Vec<(usize, R)>> {
        let mut done = Vec::new();
        while let Some((place, item)) = take() {
            done.push((place, one(item)?));
        }
        Ok(done)
    };
    let parts = std::thread::scope(|scope| -> anyhow::Result<Vec<_>> {
        let threads: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap_or_else(|_| bail!("a worker panicked"))).collect()
    });
    let mut all: Vec<(usize, R)> = parts?.into_iter().flatten().collect();
    all.sort_by_key(|(place, _)| *place);
    Ok(all.into_iter().map(|(_, result)| result).collect())
}

/// Where a program's output leaves what was wanted, and the end of what it said on standard error: enough to begin with,
/// where it cannot be run again (a thread's fault seldom shows twice).
fn difference(name: &str, wanted: &[u8], ran: Option<&[u8]>, said: &[u8]) -> String {
    let Some(ran) = ran else { return format!("{name}: did not end within {} s", PATIENCE.as_secs()) };
    let [wanted, ran, said] = [wanted, ran, said].map(String::from_utf8_lossy);
    let (mut want, mut got) = (wanted.lines(), ran.lines());
    let mut text = String::new();
    for number in 1.. {
        let (want, got) = (want.next(), got.next());
        if want != got || want.is_none() {
            let show = |line: Option<&str>| line.map_or("nothing".to_owned(), |line| line.chars().take(300).collect());
            text = format!("{name}, line {number}: wanted {}\n  printed {}", show(want), show(got));
            break;
        }
    }
    let said: Vec<&str> = said.lines().collect();
    said.iter().skip(said.len().saturating_sub(12)).for_each(|line| text += &format!("\n  | {line}"));
    text
}

/// What one module of the suite printed: the tests it has, and those of them that passed.
#[derive(Debug, Default)]
struct Marks {
    has: BTreeSet<String>,
    passed: BTreeSet<String>,
    finished: bool,
}

/// Runs the modules of `expected.txt`, or with `update` those of `modules.txt`, on every core.
fn suite(root: &Path, typhon: &Path, libtest: &Path, update: bool, report: &mut Report) -> anyhow::Result<()> {
    let mut expected: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in lines(&root.join(EXPECTED))? {
        let (module, test) = line.split_once(' ').with_context(|| format!("{EXPECTED}: {line}"))?;
        expected.entry(module.to_owned()).or_default().insert(test.to_owned());
    }
    let modules = if update { lines(&root.join(MODULES))? } else { expected.keys().cloned().collect() };
    let mut all = run_modules(root, typhon, libtest, &modules, cores())?;
    // Some of CPython's tests compare times. As CPython's own runs do (`--rerun`), what failed beside others is run once
    // more, alone.
    let failed = |(module, marks): (&String, &Marks)| {
        let tests = expected.get(module)?;
        tests.difference(&marks.passed).next().map(|_| module.clone())
    };
    let again: Vec<String> = all.iter().filter_map(failed).collect();
    for (module, marks) in run_modules(root, typhon, libtest, &again, 1)? {
        let first = all.entry(module).or_default();
        first.passed.extend(marks.passed);
        first.finished |= marks.finished;
    }
    let mut text = String::new();
    for (module, marks) in all {
        let tests = expected.remove(&module).unwrap_or_default();
        // A later release of CPython may have dropped a test; a module that stopped early has lost what it did not reach.
        let lost = tests.iter().filter(|test| !marks.passed.contains(*test));
        let lost: Vec<&String> = lost.filter(|test| !marks.finished || marks.has.contains(*test)).collect();
        report.lost.extend(lost.iter().map(|test| format!("{module} {test}")));
        report.passed += tests.intersection(&marks.passed).count();
        let kept = tests.difference(&marks.passed).filter(|_| !update);
        marks.passed.iter().chain(kept).for_each(|test| text += &format!("{module} {test}\n"));
    }
    if update {
        let head = fs::read_to_string(root.join(EXPECTED))?;
        let head: String =
            head.lines().take_while(|line| line.starts_with('#')).map(|line| format!("{line}\n")).collect();
        fs::write(root.join(EXPECTED), head + &text)?;
    }
    Ok(())
}

/// Every module in a process and a folder of its own, so many at a time; sorted by module.
fn run_modules(
    root: &Path,
    typhon: &Path,
    libtest: &Path,
    modules: &[String],
    workers: usize,
) -> anyhow::Result<BTreeMap<String, Marks>> {
    let typhon = &typhon.canonicalize()?;
    let scratch = &std::env::temp_dir().join(format!("typhon-conform-{}", std::process::id()));
    let all = side_by_side(modules, workers, |module| {
        let folder = scratch.join(module);
        fs::create_dir_all(&folder)?;
        let mut command = Command::new("sh");
        command.args(["-c", LIMITED, "sh", "env"]).args(interruptible());
        command.arg(typhon).arg(root.join(DRIVER)).arg(module);
        command.current_dir(&folder).env("PYTHONPATH", libtest);
        let marks = marks(&String::from_utf8_lossy(&finish(&mut command)?.0.unwrap_or_default()));
        let early = if marks.finished { "" } else { ", stopped early" };
        eprintln!("{module}: {} of {}{early}", marks.passed.len(), marks.has.len());
        Ok((module.clone(), marks))
    });
    fs::remove_dir_all(scratch).ok();
    Ok(all?.into_iter().collect())
}

/// The driver writes `\x01KIND NAME`, amid whatever the tests print. A failed subtest fails its test.
fn marks(output: &str) -> Marks {
    let marks: Vec<&str> = output.lines().filter_map(|line| Some(line.split_once('\u{1}')?.1)).collect();
    let named = |kind: &str| -> BTreeSet<String> {
        marks.iter().filter_map(|mark| mark.strip_prefix(kind)).map(str::to_owned).collect()
    };
    Marks { has: named("has "), passed: &named("ok ") - &named("fail "), finished: marks.contains(&"done") }
}

/// Standard output and the exit status as bytes, `None` when it hung; and standard error.
fn finish(command: &mut Command) -> anyhow::Result<(Option<Vec<u8>>, Vec<u8>)> {
    fn all(mut pipe: impl Read) -> std::io::Result<Vec<u8>> {
        let mut text = Vec::new();
        pipe.read_to_end(&mut text).map(|_| text)
    }
    command.process_group(0);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let (Some(output), Some(said)) = (child.stdout.take(), child.stderr.take()) else { bail!("no pipe") };
    let readers = (std::thread::spawn(|| all(output)), std::thread::spawn(|| all(said)));
    let started = Instant::now();
    let status = loop {
        match child.try_wait()? {
            Some(status) => break Some(status),
            None if started.elapsed() > PATIENCE => {
                // With all that it has started, which may hold the pipes.
                Command::new("kill").args(["-KILL", "--", &format!("-{}", child.id())]).status()?;
                child.wait()?;
                break None;
            }
            None => std::thread::sleep(Duration::from_millis(2)),
        }
    };
    let (Ok(output), Ok(said)) = (readers.0.join(), readers.1.join()) else { bail!("a reader panicked") };
    let (mut output, said) = (output?, said?);
    let output = status.map(|status| {
        if !status.success() {
            output.extend(format!("[{status}]\n").bytes());
        }
        output
    });
    Ok((output, said))
}

fn lines(file: &Path) -> anyhow::Result<Vec<String>> {
    let text = fs::read_to_string(file).with_context(|| file.display().to_string())?;
    Ok(text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::{Report, SHOWN, difference, marks, side_by_side};

    #[test]
    fn results_come_in_the_order_of_the_items_and_none_is_lost() {
        let items: Vec<u64> = (0..40).collect();
        for workers in [1, 3] {
            // Those that begin first end last.
            let late = |item: &u64| {
                std::thread::sleep(std::time::Duration::from_micros(200 * (40 - item)));
                Ok(item * 2)
            };
            let all = side_by_side(&items, workers, late).expect("nothing fails");
            assert_eq!(all, items.iter().map(|item| item * 2).collect::<Vec<_>>());
        }
        let fails = side_by_side(&items, 2, |item| if *item == 7 { anyhow::bail!("seven") } else { Ok(()) });
        assert_eq!(fails.expect_err("one failed").to_string(), "seven");
    }

    #[test]
    fn the_first_line_that_differs_is_shown() {
        let told = difference("a.py", b"1\n2\n3\n", Some(b"1\n4\n"), b"Traceback\nError: x\n");
        assert_eq!(told, "a.py, line 2: wanted 2\n  printed 4\n  | Traceback\n  | Error: x");
        assert_eq!(difference("a.py", b"1\n", Some(b""), b""), "a.py, line 1: wanted 1\n  printed nothing");
        assert_eq!(difference("a.py", b"1\n", None, b""), "a.py: did not end within 120 s");
    }

    #[test]
    fn a_report_ends_with_why_programs_failed() {
        let names = |from: usize, to: usize| (from..to).map(|i| format!("p{i}.py")).collect();
        let report = |failed| Report { lost: names(0, failed), differences: names(0, failed), ..Report::default() };
        let text = report(1).closing_line();
        assert_eq!(text, "p0.py: no longer passes\np0.py\nconformance: FAILED. 0 passed; 1 failed; 0 pending");
        let text = report(SHOWN + 2).closing_line();
        let last: Vec<&str> = text.lines().rev().take(3).collect();
        assert_eq!(last[1..], ["(and 2 more programs)", "p11.py"]);
        assert_eq!(Report::default().closing_line(), "conformance: ok. 0 passed; 0 failed; 0 pending");
    }

    #[test]
    fn marks_are_found_amid_noise() {
        let output = "\u{1}has test_a\nnoise\n\u{1}ok test_a\nmore \u{1}ok test_b\n\u{1}ok test_c\n\u{1}fail test_c\n";
        let found = marks(output);
        assert_eq!(found.passed.iter().collect::<Vec<_>>(), ["test_a", "test_b"]);
        assert_eq!(found.has.iter().collect::<Vec<_>>(), ["test_a"]);
        assert!(!found.finished);
        assert!(marks("\u{1}done\n").finished);
    }
}
