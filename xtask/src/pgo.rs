//! Profile-guided build: `typhon` compiled twice, the second time knowing which branches the first one took.
//!
//! CPython's distributors build it so, and a run loop gains more than most programs. It needs what comes with rustup's
//! component `llvm-tools`.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail, ensure};

/// What the first binary runs: one loop a construct, and the whole library's import.
const TRAINING: [&[&str]; 3] =
    [&["bench/micro.py"], &["tests/py/import_all.py"], &["-c", "import json, re, dataclasses, typing, asyncio"]];

/// Builds the binary and returns where it lies.
///
/// # Errors
/// If a tool is missing or a step fails.
pub fn build(root: &Path) -> anyhow::Result<PathBuf> {
    let tools = Tools::find()?;
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from).join("pgo");
    let raw = target.join("raw");
    if raw.exists() {
        std::fs::remove_dir_all(&raw)?;
    }
    println!("1/3 building the binary that counts");
    let counting = cargo(root, &tools, &target.join("counting"), &format!("-Cprofile-generate={}", raw.display()))?;
    println!("2/3 running {} training programs", TRAINING.len());
    for words in TRAINING {
        let status = Command::new(&counting)
            .arg("run")
            .args(words)
            .current_dir(root)
            .env("LLVM_PROFILE_FILE", raw.join("%m-%p.profraw"))
            .stdout(std::process::Stdio::null())
            .status()
            .with_context(|| counting.display().to_string())?;
        ensure!(status.success(), "training by {words:?}: {status}");
    }
    let profile = target.join("typhon.profdata");
    let status = Command::new(&tools.profdata).arg("merge").arg("-o").arg(&profile).arg(&raw).status()?;
    ensure!(status.success(), "llvm-profdata: {status}");
    println!("3/3 building the binary that knows");
    let built = target.join("built");
    // Cargo compares the flags, not the profile they name: crates compiled under another one do not link with these.
    if built.exists() {
        std::fs::remove_dir_all(&built)?;
    }
    cargo(root, &tools, &built, &format!("-Cprofile-use={}", profile.display()))
}

fn cargo(root: &Path, tools: &Tools, target: &Path, flags: &str) -> anyhow::Result<PathBuf> {
    // With a target named, the flags are not for build scripts.
    let status = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--release", "--package", "typhon", "--target", &tools.host, "--target-dir"])
        .arg(target)
        .env("RUSTFLAGS", flags)
        .current_dir(root)
        .status()
        .context("cargo build")?;
    ensure!(status.success(), "cargo build: {status}");
    Ok(target.join(&tools.host).join("release/typhon"))
}

struct Tools {
    host: String,
    profdata: PathBuf,
}

impl Tools {
    fn find() -> anyhow::Result<Self> {
        let version = output("rustc", &["-vV"])?;
        let host =
            version.lines().find_map(|l| l.strip_prefix("host: ")).context("rustc -vV names no host")?.to_owned();
        let libdir = PathBuf::from(output("rustc", &["--print", "target-libdir"])?.trim());
        let profdata = libdir.parent().context("rustc's target-libdir")?.join("bin/llvm-profdata");
        if !profdata.exists() {
            let status = Command::new("rustup").args(["component", "add", "llvm-tools"]).status();
            if !status.is_ok_and(|s| s.success()) || !profdata.exists() {
                bail!("llvm-profdata is missing: rustup component add llvm-tools");
            }
        }
        Ok(Self { host, profdata })
    }
}

fn output(program: &str, args: &[&str]) -> anyhow::Result<String> {
    let out = Command::new(program).args(args).output().with_context(|| program.to_owned())?;
    ensure!(out.status.success(), "{program}: {}", out.status);
    Ok(String::from_utf8(out.stdout)?)
}
