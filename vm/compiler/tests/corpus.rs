//! Every file of the standard library compiles, and its code verifies.

use std::path::{Path, PathBuf};
use typhon_compiler::{Mode, Options, compile, verify};
use typhon_isa::{Code, Const};

fn verify_all(code: &Code) -> Result<(), String> {
    verify::verify(code).map_err(|e| format!("{}: {e}", code.qualname))?;
    code.consts.iter().try_for_each(|c| if let Const::Code(inner) = c { verify_all(inner) } else { Ok(()) })
}

fn sources(folder: &Path, out: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            sources(&path, out);
        } else if path.extension().is_some_and(|e| e == "py") {
            out.push(path);
        }
    }
}

fn faults(files: &[PathBuf]) -> Vec<String> {
    let mut faults = Vec::new();
    for path in files {
        let Ok(source) = std::fs::read_to_string(path) else { continue };
        let name = path.display().to_string();
        match compile(&source, &Options::new(Mode::Exec, name.as_str())) {
            Ok(done) => faults.extend(verify_all(&done.code).err().map(|e| format!("{name}: {e}"))),
            Err(error) => faults.push(format!("{name}: {error}")),
        }
    }
    faults
}

#[test]
fn standard_library() {
    let mut files = Vec::new();
    sources(Path::new(rustpython_pylib::LIB_PATH), &mut files);
    assert!(files.len() > 500, "the library was not found");
    assert_eq!(faults(&files), Vec::<String>::new());
}

/// CPython's own tests, where somebody has put them (`TYPHON_CPYTHON_TESTS` names the folder): but for the files that
/// are wrong on purpose they compile.
#[test]
fn cpython_tests() {
    let Some(folder) = std::env::var_os("TYPHON_CPYTHON_TESTS") else { return };
    let mut files = Vec::new();
    sources(Path::new(&folder), &mut files);
    files.retain(|f| !["badsyntax", "bad_coding"].iter().any(|bad| f.display().to_string().contains(bad)));
    assert_eq!(faults(&files), Vec::<String>::new());
}

#[test]
fn output_is_deterministic() {
    let source = "class A[T]:\n    x: int\n    def f(self, a=1): return [a for b in (lambda: self)()]\n";
    let text = || {
        let done = compile(source, &Options::new(Mode::Exec, "d.py")).expect("compiles");
        typhon_isa::text::disassemble(&done.code)
    };
    assert_eq!(text(), text());
}
