//! Packs the Python part of the standard library: a zstd frame for each file's text and, in a release, one for its code;
//! one blob, one sorted index.

mod code;
mod edits;
#[path = "../src/place.rs"]
mod place;

use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

use edits::{EDITS, LEFT_OUT};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=build");
    println!("cargo:rerun-if-changed=overlay");
    println!("cargo:rerun-if-changed=src/place.rs");
    println!("cargo:rerun-if-changed=newer");
    let library = Path::new(rustpython_pylib::LIB_PATH);
    let mut paths = Vec::new();
    walk(library, &mut paths)?;

    let mut files: Vec<(String, Vec<u8>)> = Vec::new();
    for path in paths {
        let name = path.strip_prefix(library)?.to_str().ok_or("a file name that is not UTF-8")?.to_owned();
        let text = fs::read(&path)?;
        files.push((name, text));
    }
    edit(&mut files)?;
    files.extend(overlay()?);
    replace(&mut files)?;
    files.sort();
    if let Some(pair) = files.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        return Err(format!("{} is packed twice", pair[0].0).into());
    }
    write(&files, Path::new(&env::var("OUT_DIR")?))
}

fn walk(folder: &Path, out: &mut Vec<PathBuf>) -> Result<(), Box<dyn Error>> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).ok_or("a file name that is not UTF-8")?;
        if LEFT_OUT.contains(&name) {
            continue;
        }
        if path.is_dir() {
            walk(&path, out)?;
        } else if name.ends_with(".py") {
            out.push(path);
        }
    }
    Ok(())
}

fn edit(files: &mut [(String, Vec<u8>)]) -> Result<(), Box<dyn Error>> {
    for edit in EDITS {
        let (_, text) = files.iter_mut().find(|(name, _)| name == edit.file).ok_or("an edit of an absent file")?;
        let source = std::str::from_utf8(text)?;
        let lines: Vec<&str> = source.split_inclusive('\n').collect();
        let at = lines.iter().position(|line| line.trim() == edit.line);
        let at = at.ok_or_else(|| format!("{}: no line {:?}", edit.file, edit.line))?;
        let (head, tail) = (&lines[..at], lines.get(at + edit.count..).ok_or("an edit past the end of its file")?);
        *text = [head.concat(), edit.put.to_owned(), tail.concat()].concat().into_bytes();
    }
    for (name, text) in files {
        let clean = !String::from_utf8_lossy(text).to_lowercase().contains("rustpython");
        // Generated: only its first comment differs from CPython's.
        if !clean && name != "_opcode_metadata.py" {
            return Err(format!("{name} still names RustPython").into());
        }
    }
    Ok(())
}

/// Our own additions. `_sysconfigdata.py` is packed under the name that `sysconfig` computes for this platform.
fn overlay() -> Result<Vec<(String, Vec<u8>)>, Box<dyn Error>> {
    let arch = env::var("CARGO_CFG_TARGET_ARCH")?;
    let text = fs::read("overlay/_sysconfigdata.py")?;
    let names = ["", "t"].map(|abi| format!("_sysconfigdata_{abi}_linux_{arch}-linux-gnu.py"));
    let mut files: Vec<(String, Vec<u8>)> = names.into_iter().map(|name| (name, text.clone())).collect();
    const NAMES: [&str; 11] = [
        "_ast.py",
        "_ctypes.py",
        "_interpqueues.py",
        "_interpreters.py",
        "_opcode.py",
        "_symtable.py",
        "_testcapi.py",
        "_testmultiphase.py",
        "_typhon_kinds.py",
        "_typhon_snapshot.py",
        "cProfile.py",
    ];
    for name in NAMES {
        files.push((name.to_owned(), fs::read(Path::new("overlay").join(name))?));
    }
    Ok(files)
}

/// Files of a later CPython 3.14 than the crate's take the place of those.
fn replace(files: &mut [(String, Vec<u8>)]) -> Result<(), Box<dyn Error>> {
    let newer = Path::new("newer");
    let mut paths = Vec::new();
    walk(newer, &mut paths)?;
    for path in paths {
        let name = path.strip_prefix(newer)?.to_str().ok_or("a file name that is not UTF-8")?;
        let (_, text) = files.iter_mut().find(|(file, _)| file == name).ok_or("a newer file of an absent one")?;
        *text = fs::read(&path)?;
    }
    Ok(())
}

fn write(files: &[(String, Vec<u8>)], out: &Path) -> Result<(), Box<dyn Error>> {
    // Slow compression and the library's code are what ships; whoever edits the VM does not wait for them.
    let release = env::var("PROFILE")? == "release";
    let level = if release { 19 } else { 6 };
    let codes = if release { code::compile(files)? } else { vec![Vec::new(); files.len()] };
    let (mut blob, mut index, mut paths) = (Vec::new(), String::from("&[\n"), String::new());
    for ((name, text), code) in files.iter().zip(codes) {
        let mut place = |bytes: &[u8], level| -> Result<String, Box<dyn Error>> {
            let packed = if bytes.is_empty() { Vec::new() } else { zstd::bulk::compress(bytes, level)? };
            let place = format!("Frame {{ offset: {}, packed: {}, size: {} }}", blob.len(), packed.len(), bytes.len());
            blob.extend(packed);
            Ok(place)
        };
        let (text, code) = (place(text, level)?, place(&code, level.min(12))?);
        let path = (paths.len(), u8::try_from(name.len())?);
        writeln!(index, "Row {{ path: {path:?}, text: {text}, code: {code} }},")?;
        paths.push_str(name);
    }
    index.push(']');
    fs::write(out.join("library.bin"), blob)?;
    fs::write(out.join("library.rs"), index)?;
    fs::write(out.join("library.txt"), paths)?;
    Ok(())
}
