//! Tail calls: that the run loop's opcode functions end in jumps.
//!
//! `vm/interp/src/eval/dispatch.rs` makes each opcode a function that calls the next one's in tail position. Rust promises no
//! jump there; the optimizer makes one if nothing is left to do behind the call and no local's address was handed out. If an
//! edit spoils that for one opcode, a program's native stack grows with each execution of it. So the machine code is read.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};

/// Opcodes that never go on to another instruction.
const FINAL: [&str; 3] = ["Breakpoint", "Raise", "Reraise"];

/// What the names of second parts begin with here. Some only raise.
const SLOW: &str = "the rest of ";

/// Compiles the interpreter to assembler text, optimized, and returns a line for each function that is not as it should be,
/// and how many were looked at.
///
/// # Errors
/// If cargo fails, or leaves no text with such functions.
pub fn check(root: &Path) -> anyhow::Result<(usize, Vec<String>)> {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from).join("tails");
    let status = Command::new(env!("CARGO"))
        .args(["rustc", "--quiet", "--release", "--package", "typhon-interp", "--lib", "--target-dir"])
        .arg(&target)
        .args(["--", "--emit", "asm", "-C", "codegen-units=1"])
        .current_dir(root)
        .status()
        .context("cargo rustc")?;
    if !status.success() {
        bail!("the interpreter does not compile");
    }
    let text = newest_assembler(&target.join("release/deps"))?;
    let (seen, broken) = judge(&std::fs::read_to_string(&text).with_context(|| text.display().to_string())?);
    if seen == 0 {
        bail!("{} has no opcode functions: is this target one of those that vm/interp/build.rs names?", text.display());
    }
    Ok((seen, broken))
}

fn newest_assembler(dir: &Path) -> anyhow::Result<PathBuf> {
    let mut found: Vec<_> = std::fs::read_dir(dir)?
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .filter(|path| {
            let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
            name.starts_with("typhon_interp-") && name.ends_with(".s")
        })
        .collect();
    found.sort_by_key(|path| path.metadata().and_then(|m| m.modified()).ok());
    found.pop().with_context(|| format!("no assembler text in {}", dir.display()))
}

/// Looks at the opcode functions in assembler text of x86-64 or aarch64.
fn judge(text: &str) -> (usize, Vec<String>) {
    let (mut seen, mut broken) = (0, Vec::new());
    let mut current: Option<(String, bool)> = None;
    for line in text.lines() {
        if let Some(symbol) = line.strip_suffix(':').filter(|l| !l.starts_with(['.', '\t', ' '])) {
            current = opcode_of(symbol).map(|name| (name, false));
            seen += usize::from(current.is_some());
            continue;
        }
        let Some((name, jumps)) = &mut current else { continue };
        let code = line.trim();
        if code.starts_with(".cfi_endproc") {
            if !*jumps && !name.starts_with(SLOW) && !FINAL.contains(&name.as_str()) {
                broken.push(format!("{name}: never jumps to the next instruction's function"));
            }
            current = None;
        } else if is_table_call(code) {
            broken.push(format!("{name}: calls the next instruction's function: `{code}`"));
            *jumps = true;
        } else if code.starts_with("jmpq\t*") || code.starts_with("br\t") {
            *jumps = true;
        }
    }
    (seen, broken)
}

/// An indirect call through memory without a displacement: the table of the functions is read so, a struct's field is not.
fn is_table_call(code: &str) -> bool {
    code.starts_with("callq\t*(%")
}

/// The opcode's name, if a mangled symbol is one of the functions.
fn opcode_of(symbol: &str) -> Option<String> {
    let first = symbol.split_once("8dispatch8threaded7handler").map(|(_, rest)| ("", rest));
    let (part, rest) = first.or_else(|| symbol.split_once("8dispatch8threaded4slow").map(|(_, rest)| (SLOW, rest)))?;
    let digits = rest.find(|c: char| !c.is_ascii_digit())?;
    let len: usize = rest[..digits].parse().ok()?;
    let name = rest.get(digits..digits + len)?;
    // What follows is the hash; another name is a function inside this one.
    rest.get(digits + len..)?.starts_with("17h").then(|| format!("{part}{name}"))
}

#[cfg(test)]
mod tests {
    use super::judge;

    const START: &str = "_ZN13typhon_interp4eval8dispatch8threaded7handler3Nop17h0123456789abcdefE:\n";

    #[test]
    fn a_jump_passes() {
        let text = format!("{START}\t.cfi_startproc\n\tjmpq\t*(%r11,%rax,8)\n\t.cfi_endproc\n");
        assert_eq!(judge(&text), (1, Vec::new()));
    }

    #[test]
    fn a_call_is_found() {
        let text = format!("{START}\tcallq\t*(%r11,%rax,8)\n\tretq\n\t.cfi_endproc\n");
        assert_eq!(judge(&text).1.len(), 1);
    }

    #[test]
    fn a_function_that_only_returns_is_found() {
        let text = format!("{START}\tretq\n\t.cfi_endproc\n");
        assert_eq!(judge(&text).1.len(), 1);
    }

    #[test]
    fn bodies_are_no_opcodes() {
        let text =
            "_ZN13typhon_interp4eval8dispatch8threaded7handler3Nop4body17h0123456789abcdefE:\n\tretq\n\t.cfi_endproc\n";
        assert_eq!(judge(text), (0, Vec::new()));
    }
}
