//! Source and the code it must become, side by side in `tests/golden`. `TYPHON_BLESS=1` writes the expectations.

use std::path::Path;
use typhon_compiler::{Mode, Options, compile};
use typhon_isa::text::disassemble;

#[test]
fn golden() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let bless = std::env::var_os("TYPHON_BLESS").is_some();
    let mut names: Vec<_> = std::fs::read_dir(&folder)
        .expect("golden folder")
        .flatten()
        .map(|e| e.path())
        .filter(|p| p.extension().is_some_and(|e| e == "py"))
        .collect();
    names.sort();
    assert!(names.len() >= 30, "only {} golden files", names.len());
    let mut wrong = Vec::new();
    for path in names {
        let source = std::fs::read_to_string(&path).expect("readable");
        let found = match compile(&source, &Options::new(Mode::Exec, "g.py")) {
            Ok(done) => disassemble(&done.code),
            Err(error) => format!("{error}\n"),
        };
        let expected = path.with_extension("dis");
        if bless {
            std::fs::write(&expected, &found).expect("writable");
        } else if std::fs::read_to_string(&expected).unwrap_or_default() != found {
            wrong.push(format!("--- {}\n{found}", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
