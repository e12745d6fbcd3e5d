//! Hostile sources: each gives CPython's error or a limit, never a crash, and none takes the native stack.

use typhon_compiler::syntax::decode::decode;
use typhon_compiler::{ErrorKind, Mode, Options, compile, parse};

/// What compiling gives: "ok", or the class of the error.
fn outcome(source: &str) -> &'static str {
    let options = Options::new(Mode::Exec, "hostile.py");
    match compile(source, &options) {
        Ok(_) => "ok",
        Err(e) => e.kind.class_name(),
    }
}

/// As [`outcome`], for bytes.
fn of_bytes(source: &[u8]) -> Result<&'static str, String> {
    decode(source, Some("hostile.py"), &|_, _| None).map(|text| outcome(&text)).map_err(|e| e.message)
}

#[test]
fn bytes_that_are_no_text() {
    let refusal = of_bytes(b"x = '\xff'").expect_err("not UTF-8");
    assert!(refusal.starts_with("Non-UTF-8 code starting with '\\xff' in file hostile.py on line 1"), "{refusal}");
    assert_eq!(of_bytes(b"# coding: nonsense\nx = 1"), Err("unknown encoding: nonsense".to_owned()));
    assert_eq!(of_bytes(b"# coding: latin-1\nx = '\xe9'"), Ok("ok"));
    let refusal = of_bytes(b"\xef\xbb\xbf# coding: latin-1\n").expect_err("two encodings");
    assert_eq!(refusal, "encoding problem: iso-8859-1 with BOM");
    assert_eq!(outcome("x = 1\0"), "SyntaxError");
}

#[test]
fn long_lines() {
    assert_eq!(outcome(&format!("x = '{}'", "a".repeat(10_000_000))), "ok");
    assert_eq!(outcome(&format!("#{}", "a".repeat(10_000_000))), "ok");
    assert_eq!(outcome(&format!("{} = 1", "x".repeat(10_000_000))), "ok");
    assert_eq!(outcome(&"1".repeat(1_000_000)), "SyntaxError");
    assert_eq!(outcome(&format!("{}x = 1", "\\\n".repeat(1_000_000))), "ok");
}

#[test]
fn brackets() {
    for (open, close) in [("(", ")"), ("[", "]"), ("{", "}"), ("f(", ")"), ("(a := ", ")")] {
        let nested = format!("{}1{}", open.repeat(100_000), close.repeat(100_000));
        assert_eq!(outcome(&nested), "SyntaxError", "{open}");
        assert_eq!(outcome(&open.repeat(100_000)), "SyntaxError", "{open} alone");
    }
    let fields = format!("{}a{}", "f'{".repeat(200), "}'".repeat(200));
    assert_eq!(outcome(&fields), "SyntaxError");
}

#[test]
fn big_literals() {
    for (open, item, close) in
        [("[", "1,", "]"), ("(", "a,", ")"), ("{", "a,", "}"), ("{", "1:2,", "}"), ("f(", "a,", ")")]
    {
        assert_eq!(outcome(&format!("x = {open}{}{close}", item.repeat(1_000_000))), "ok", "{open}{item}");
    }
    assert_eq!(outcome(&"'a' ".repeat(1_000_000)), "ok");
    assert_eq!(outcome(&format!("f'{}'", "{a}".repeat(200_000))), "ok");
    assert_eq!(outcome(&"f'{a}' ".repeat(100_000)), "ok");
}

#[test]
fn chains() {
    let cases: &[(&str, &str, &str, &str)] = &[
        ("if a: pass\n", "elif a: pass\n", "", "ok"),
        ("", "-", "1", "MemoryError"),
        ("", "~", "1", "MemoryError"),
        ("", "not ", "1", "MemoryError"),
        ("", "lambda: ", "1", "MemoryError"),
        ("", "a if a else ", "1", "MemoryError"),
        ("a", "**a", "", "MemoryError"),
        ("a", ".b", "", "RecursionError"),
        ("a", "()", "", "RecursionError"),
        ("a", "[0]", "", "RecursionError"),
        ("a", "+a", "", "RecursionError"),
        ("a", " and a", "", "ok"),
        ("", "@a\n", "def f(): pass", "MemoryError"),
        ("", "x;", "", "ok"),
    ];
    for (before, part, after, expected) in cases {
        let source = format!("{before}{}{after}", part.repeat(100_000));
        assert_eq!(outcome(&source), *expected, "{before}{part}{after}");
    }
}

#[test]
fn blocks() {
    let deep = |head: &str, depth: usize| {
        let mut source: String = (0..depth).map(|i| format!("{}{head}\n", " ".repeat(i))).collect();
        source.push_str(&format!("{}pass", " ".repeat(depth)));
        outcome(&source)
    };
    assert_eq!(deep("if a:", 99), "ok");
    assert_eq!(deep("if a:", 150), "IndentationError");
    assert_eq!(deep("def f():", 90), "ok");
    assert_eq!(deep("while a:", 30), "SyntaxError");
}

#[test]
fn many_names() {
    let list = |format: fn(usize) -> String| (0..100_000).map(format).collect::<Vec<_>>().join(",");
    assert_eq!(outcome(&format!("def f({}): pass", list(|i| format!("a{i}")))), "MemoryError");
    assert_eq!(outcome(&format!("def f():\n global {}", list(|i| format!("a{i}")))), "ok");
    assert_eq!(outcome(&format!("f({})", list(|i| format!("a{i}=1")))), "ok");
}

#[test]
fn trees() {
    let options = Options::new(Mode::Exec, "hostile.py");
    let kind = |source: &str| parse(source, &options).err().map(|e| e.kind);
    assert_eq!(kind(&format!("a{}", "+a".repeat(100_000))), Some(ErrorKind::Recursion));
    assert_eq!(kind(&format!("a{}", "+a".repeat(10_000))), None);
    assert_eq!(kind(&format!("if a: pass\n{}", "elif a: pass\n".repeat(5_000))), None);
    assert_eq!(kind(&format!("x = [{}]", "1,".repeat(300_000))), None);
}
