//! Style as a test: who may import whom, who may name what, and how long a file may be.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;

/// What each crate may depend on of the workspace's own crates. A crate that is not here fails the check.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("qsbr", &[]),
    ("vm/rc", &["qsbr"]),
    ("vm/isa", &[]),
    ("vm/unicode", &[]),
    ("vm/num", &["unicode"]),
    ("vm/sre", &["unicode"]),
    ("vm/pylib", &["compiler", "isa"]),
    ("vm/compiler", &["isa", "unicode", "num"]),
    ("vm/object", &["rc", "qsbr", "unicode", "num"]),
    ("vm/interp", &["isa", "object", "rc", "qsbr", "num", "unicode"]),
    ("vm/native", &["object", "unicode", "num", "sre"]),
    ("vm/stdlib", &["interp", "native", "object", "compiler", "isa", "pylib", "unicode", "num", "sre", "rc", "qsbr"]),
    (
        "vm",
        &["interp", "object", "stdlib", "native", "compiler", "isa", "rc", "qsbr", "pylib", "unicode", "num", "sre"],
    ),
    ("jit/ir", &["isa"]),
    ("jit", &["jit-ir", "isa", "object", "interp", "rc", "qsbr"]),
    ("proto", &[]),
    ("service", &["proto", "vm", "jit"]),
    ("clients/rust", &["proto"]),
    ("cli", &["vm", "jit", "service", "proto", "client", "compiler", "isa"]),
    ("bench", &["vm", "jit"]),
    ("loom-tests", &["qsbr", "rc"]),
    ("xtask", &[]),
];

/// Names of other people's crates, and the only rooms that may depend on them. Tests may use what they like.
const ONLY: &[(&str, &[&str])] = &[
    ("ruff_", &["vm/compiler"]),
    ("cranelift", &["jit"]),
    ("loom", &["loom-tests", "qsbr", "vm/rc"]),
    ("tokio", &["service", "cli", "clients/rust"]),
    ("tonic", &["service", "cli", "proto", "clients/rust"]),
    ("async-nats", &["service"]),
    ("opentelemetry", &["service"]),
    ("hyper", &["service"]),
    ("axum", &["service"]),
    ("tower", &["service"]),
    ("dashmap", &["service", "jit"]),
    ("rustyline", &["cli"]),
    ("clap", &["cli"]),
    ("rustpython-pylib", &["vm/pylib"]),
    ("rustpython-sre_engine", &["vm/sre"]),
];

/// Crates whose root says `#![forbid(unsafe_code)]`.
const SAFE: &[&str] = &[
    "proto",
    "vm/isa",
    "vm/compiler",
    "vm/num",
    "vm/unicode",
    "vm/pylib",
    "jit/ir",
    "service",
    "cli",
    "clients/rust",
    "xtask",
];

/// A source line that holds one of these is only right below one of those folders.
const WORDS: &[(&str, &[&str])] = &[
    ("sync::atomic", &["qsbr/", "vm/rc/", "loom-tests/", "xtask/"]),
    ("Ordering::SeqCst", &["qsbr/", "vm/rc/", "loom-tests/", "xtask/"]),
    ("Ordering::AcqRel", &["qsbr/", "vm/rc/", "loom-tests/", "xtask/"]),
    ("Ordering::Relaxed", &["qsbr/", "vm/rc/", "loom-tests/", "xtask/"]),
    ("loom::", &["qsbr/src/sync.rs", "vm/rc/src/", "loom-tests/", "xtask/"]),
    ("#[allow(", &["proto/src/gen/", "xtask/"]),
    ("#![allow(", &["proto/src/gen/", "xtask/"]),
    ("todo!(", &["xtask/"]),
    ("unimplemented!(", &["xtask/"]),
    ("dbg!(", &["xtask/"]),
];

/// Past this many lines a file has more than one noun.
const LINES_MAX: usize = 600;

/// Files past the line, each with the length it may not grow beyond.
const RATCHET: &str = "xtask/ratchet.txt";

const REQUIRED: &[&str] = &[
    "README.md",
    "ARCHITECTURE.md",
    "STYLE.md",
    "CONTRIBUTING.md",
    "LICENSE-MIT",
    "LICENSE-APACHE",
    "NOTICE",
    "deny.toml",
    "docs/differences.md",
    "docs/testing.md",
    ".ci/run",
];

/// Every broken rule, one line each.
pub fn check(root: &Path) -> anyhow::Result<Vec<String>> {
    let mut broken = Vec::new();
    for file in REQUIRED.iter().filter(|file| !root.join(file).is_file()) {
        broken.push(format!("{file}: is missing"));
    }
    let (untested, unread) = check_manifests(root, &mut broken)?;
    let ratchet = read_ratchet(root)?;
    for file in sources(root)? {
        let text = fs::read_to_string(root.join(&file)).with_context(|| file.clone())?;
        check_source(&file, &text, &ratchet, &mut broken);
        check_tests(&file, &text, &untested, &mut broken);
        check_examples(&file, &text, &unread, &mut broken);
    }
    for krate in SAFE {
        let main = format!("{krate}/src/main.rs");
        let lib = format!("{krate}/src/lib.rs");
        let entry = if root.join(&lib).is_file() { lib } else { main };
        if !fs::read_to_string(root.join(&entry)).with_context(|| entry.clone())?.contains("#![forbid(unsafe_code)]") {
            broken.push(format!("{entry}: must forbid unsafe code"));
        }
    }
    Ok(broken)
}

/// The folders of sources that are not compiled once more with tests of their own, and those whose examples are not run.
fn check_manifests(root: &Path, broken: &mut Vec<String>) -> anyhow::Result<(Vec<String>, Vec<String>)> {
    let (mut untested, mut unread) = (Vec::new(), Vec::new());
    let workspace = fs::read_to_string(root.join("Cargo.toml"))?;
    for room in members(&workspace) {
        let manifest = fs::read_to_string(root.join(&room).join("Cargo.toml")).with_context(|| room.clone())?;
        let Some((_, allowed)) = MAY_IMPORT.iter().find(|(name, _)| *name == room) else {
            broken.push(format!("{room}: is not in tidy's table of who may import whom"));
            continue;
        };
        for (word, folders) in [("test = false", &mut untested), ("doctest = false", &mut unread)] {
            if manifest.lines().any(|line| line == word) {
                folders.push(format!("{room}/src/"));
            }
        }
        for dependency in dependencies(&manifest) {
            if let Some(own) = dependency.name.strip_prefix("typhon-") {
                if !allowed.contains(&own) && !dependency.dev {
                    broken.push(format!("{room}: may not depend on typhon-{own}"));
                }
                continue;
            }
            for (prefix, rooms) in ONLY {
                let theirs = dependency.name == *prefix
                    || dependency.name.strip_prefix(prefix).is_some_and(|rest| rest.starts_with(['-', '_']))
                    || (prefix.ends_with('_') && dependency.name.starts_with(prefix));
                if theirs && !dependency.dev && !rooms.contains(&room.as_str()) {
                    broken.push(format!("{room}: only {} may depend on {}", rooms.join(", "), dependency.name));
                }
            }
        }
    }
    Ok((untested, unread))
}

struct Dependency<'a> {
    name: &'a str,
    dev: bool,
}

/// The names below `[dependencies]` and its kin. Our manifests write one dependency a line.
fn dependencies(manifest: &str) -> Vec<Dependency<'_>> {
    let (mut found, mut section) = (Vec::new(), "");
    for line in manifest.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('[') {
            section = name.trim_end_matches(']');
        } else if section.ends_with("dependencies")
            && let Some((name, _)) = line.split_once(['=', '.'])
        {
            let dev = section.ends_with("dev-dependencies") || section.ends_with("build-dependencies");
            found.push(Dependency { name: name.trim().trim_matches('"'), dev });
        }
    }
    found
}

fn members(workspace: &str) -> Vec<String> {
    let list = workspace.split_once("members = [").and_then(|(_, rest)| rest.split_once(']'));
    let names = list.map_or("", |(names, _)| names).split(',').map(|name| name.trim().trim_matches('"'));
    names.filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

fn check_source(file: &str, text: &str, ratchet: &BTreeMap<String, usize>, broken: &mut Vec<String>) {
    let generated = file.contains("/gen/");
    if !text.starts_with("//!") && !generated {
        broken.push(format!("{file}:1: opens with a //! line that says what it is"));
    }
    let lines = text.lines().count();
    let most = ratchet.get(file).copied().unwrap_or(LINES_MAX);
    if lines > most && !generated {
        broken.push(format!("{file}: {lines} lines, at most {most}: split it by noun"));
    }
    for (number, line) in text.lines().enumerate() {
        let code = line.split("//").next().unwrap_or_default();
        for (word, folders) in WORDS {
            if code.contains(word) && !folders.iter().any(|folder| file.starts_with(folder)) {
                broken.push(format!("{file}:{}: {word} belongs to {}", number + 1, folders.join(", ")));
            }
        }
    }
}

/// A test where none is compiled would pass whatever it says.
fn check_tests(file: &str, text: &str, untested: &[String], broken: &mut Vec<String>) {
    if untested.iter().any(|folder| file.starts_with(folder)) {
        let tests = text.lines().enumerate().filter(|(_, line)| matches!(line.trim(), "#[test]" | "#[cfg(test)]"));
        broken.extend(tests.map(|(number, _)| format!("{file}:{}: tests of this crate stand in tests/", number + 1)));
    }
}

/// So would an example that nobody runs. What is no Rust names its language.
fn check_examples(file: &str, text: &str, unread: &[String], broken: &mut Vec<String>) {
    if !unread.iter().any(|folder| file.starts_with(folder)) {
        return;
    }
    let fence = |line: &str| {
        Some(line.trim().strip_prefix("//")?.strip_prefix(['!', '/'])?.trim().strip_prefix("```")?.to_owned())
    };
    let fences = text.lines().enumerate().filter_map(|(number, line)| Some((number, fence(line)?)));
    // Each second one closes what the one before has opened.
    for (number, _) in fences.step_by(2).filter(|(_, language)| !matches!(&**language, "text" | "sh")) {
        broken.push(format!("{file}:{}: examples of this crate are not run", number + 1));
    }
}

/// Every Rust file of the workspace, relative to its root, sorted.
fn sources(root: &Path) -> anyhow::Result<Vec<String>> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(root.join(&folder))? {
            let entry = entry?;
            let path = folder.join(entry.file_name());
            let name = entry.file_name().to_string_lossy().into_owned();
            if entry.file_type()?.is_dir() {
                // `target` and hidden folders are not ours; the fuzzers' crate is outside the workspace.
                if name != "target" && name != "fuzz" && !name.starts_with('.') {
                    folders.push(path);
                }
            } else if name.ends_with(".rs") {
                found.push(path.to_string_lossy().into_owned());
            }
        }
    }
    found.sort();
    Ok(found)
}

fn read_ratchet(root: &Path) -> anyhow::Result<BTreeMap<String, usize>> {
    let text = fs::read_to_string(root.join(RATCHET)).context(RATCHET)?;
    let mut ratchet = BTreeMap::new();
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (length, file) = line.split_once(' ').with_context(|| format!("{RATCHET}: {line}"))?;
        ratchet.insert(file.to_owned(), length.parse().with_context(|| format!("{RATCHET}: {line}"))?);
    }
    Ok(ratchet)
}

/// Writes the present lengths of the files past the line. For shrinking the list; growing it is a decision.
pub fn write_ratchet(root: &Path) -> anyhow::Result<()> {
    let mut text = String::from(
        "# Files past the red line, with the length they may not grow beyond. `cargo xtask ratchet` writes this.\n",
    );
    for file in sources(root)?.into_iter().filter(|file| !file.contains("/gen/")) {
        let lines = fs::read_to_string(root.join(&file))?.lines().count();
        if lines > LINES_MAX {
            text += &format!("{lines} {file}\n");
        }
    }
    Ok(fs::write(root.join(RATCHET), text)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broken(file: &str, text: &str) -> Vec<String> {
        let mut broken = Vec::new();
        check_source(file, text, &BTreeMap::from([("long.rs".to_owned(), 700)]), &mut broken);
        broken
    }

    #[test]
    fn a_source_file_is_held_to_the_rules() {
        assert!(broken("vm/a.rs", "//! A.\nuse std::sync::Arc; // sync::atomic is elsewhere\n").is_empty());
        assert_eq!(broken("vm/a.rs", "use std::sync::atomic::AtomicU8;\n").len(), 2);
        assert!(broken("qsbr/src/a.rs", "//! A.\nuse std::sync::atomic::AtomicU8;\n").is_empty());
        assert_eq!(broken("vm/a.rs", "//! A.\n#[allow(dead_code)]\n").len(), 1);
        let long = "//! A.\n".repeat(650);
        assert_eq!(broken("vm/a.rs", &long).len(), 1);
        assert!(broken("long.rs", &long).is_empty());
        assert_eq!(broken("long.rs", &"//! A.\n".repeat(701)).len(), 1);
    }

    #[test]
    fn no_test_stands_where_none_is_compiled() {
        let (mut broken, untested) = (Vec::new(), ["vm/a/src/".to_owned()]);
        let text = "//! A.\n#[cfg(test)]\nmod tests {\n    #[test]\n    fn a() {}\n}\n";
        check_tests("vm/a/src/lib.rs", text, &untested, &mut broken);
        assert_eq!(broken.len(), 2);
        check_tests("vm/a/tests/a.rs", text, &untested, &mut broken);
        check_tests("vm/b/src/lib.rs", text, &untested, &mut broken);
        assert_eq!(broken.len(), 2);
    }

    #[test]
    fn manifests_are_read() {
        let manifest = "[package]\nname = \"x\"\n[dependencies]\na = \"1\"\nb.workspace = true\n[dev-dependencies]\nc = { path = \"..\" }\n";
        let names: Vec<_> = dependencies(manifest).into_iter().map(|found| (found.name, found.dev)).collect();
        assert_eq!(names, [("a", false), ("b", false), ("c", true)]);
        assert_eq!(members("members = [\n \"a\", \"b/c\",\n]"), ["a", "b/c"]);
    }
}
