//! Errors of names, blocks and patterns: `scope_errors.txt` holds sources, each under a line with what CPython 3.14 says
//! of it: class, text, line, offset, end line, end offset.

use typhon_compiler::{Mode, Options, compile};

fn number(n: Option<impl ToString>) -> String {
    n.map_or("None".to_owned(), |n| n.to_string())
}

fn verdict(source: &str) -> String {
    match compile(source, &Options::new(Mode::Exec, "f")) {
        Ok(_) => "OK".to_owned(),
        Err(e) => {
            let (col, end_line, end_col) = (number(e.col), number(e.end_line), number(e.end_col));
            format!("{}: {}|{},{col},{end_line},{end_col}", e.kind.class_name(), e.message, e.line)
        }
    }
}

#[test]
fn agree_with_cpython() {
    let cases = include_str!("scope_errors.txt").split("### ").skip(1);
    let wrong: Vec<String> = cases
        .filter_map(|case| {
            let (expected, source) = case.split_once('\n')?;
            let found = verdict(source);
            (found != expected).then(|| format!("{source}expected {expected}\nfound    {found}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn nesting_is_refused_not_overflown() {
    for source in [
        format!("x = {}y\n", "-".repeat(100_000)),
        format!("x = {}b\n", "a + ".repeat(100_000)),
        format!("x = a{}\n", ".b".repeat(100_000)),
        format!("x = {}b\n", "lambda: ".repeat(100_000)),
    ] {
        let error = compile(&source, &Options::new(Mode::Exec, "f")).map(|_| ()).expect_err("too deep");
        assert!(["RecursionError", "MemoryError"].contains(&error.kind.class_name()), "{error}");
    }
}

#[test]
fn long_sources_compile() {
    let elif = format!("if a: pass\n{}", "elif b: pass\n".repeat(20_000));
    let list = format!("x = [{}]\n", "a, ".repeat(50_000));
    for source in [elif, list] {
        assert!(compile(&source, &Options::new(Mode::Exec, "f")).is_ok());
    }
}
