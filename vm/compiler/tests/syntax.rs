//! The grammar against CPython 3.14: what is refused, in which words and where, and what draws a warning.
//!
//! `data/syntax.tsv` holds CPython's answers, one per line, fields parted by tabs and escaped with backslashes:
//! `P mode flags source class message "line offset end_line end_offset" text` where the parser refuses;
//! `C ...` alike where only the compiler refuses, so the parser must not;
//! `W mode flags source (message line)*` for warnings; `A mode flags source` where there is nothing to say.
//! The text is `n` (the line with its end), `l` (the line), `-` (none) or `=` and the text itself.

use typhon_compiler::syntax::decode::decode;
use typhon_compiler::syntax::tokenize::TokenizerIter;
use typhon_compiler::{ErrorKind, Mode, Options, SyntaxError, syntax};

fn unescape(text: &str) -> String {
    let mut out = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (c, c == '\\') {
            (_, true) => out.push(match chars.next() {
                Some('n') => '\n',
                Some('t') => '\t',
                Some('r') => '\r',
                _ => '\\',
            }),
            (c, false) => out.push(c),
        }
    }
    out
}

fn number(value: Option<i64>) -> String {
    value.map_or_else(|| "None".to_owned(), |v| v.to_string())
}

fn place(error: &SyntaxError) -> String {
    let (col, end_col) = (error.col.map(i64::from), error.end_col.map(i64::from));
    format!("{} {} {} {}", error.line, number(col), number(error.end_line.map(i64::from)), number(end_col))
}

fn class(error: &SyntaxError) -> &'static str {
    if error.incomplete { "_IncompleteInputError" } else { error.kind.class_name() }
}

/// The text that an expectation stands for.
fn expected_text(mark: &str, source: &str, place: &str) -> Option<String> {
    let line: usize = place.split(' ').next()?.parse().ok()?;
    let text = source.replace("\r\n", "\n").replace('\r', "\n");
    let line = text.split('\n').nth(line.wrapping_sub(1)).map(str::to_owned);
    match mark {
        "n" => line.map(|l| l + "\n"),
        "l" => line,
        "-" => None,
        other => other.strip_prefix('=').map(unescape),
    }
}

/// What differs between an answer and the expectation; empty when nothing does.
fn difference(fields: &[&str], source: &str, options: &Options) -> Option<String> {
    let answer = syntax::parse(source, options);
    match (fields, answer) {
        (["A" | "C", ..], Ok(_)) => None,
        (["W", _, _, _, wanted @ ..], Ok(parsed)) => {
            let found: Vec<String> =
                parsed.warnings.iter().flat_map(|w| [w.message.clone(), w.line.to_string()]).collect();
            let wanted: Vec<String> = wanted.iter().map(|w| unescape(w)).collect();
            (found != wanted).then(|| format!("wanted {wanted:?}, found {found:?}"))
        }
        (["P", _, _, _, wanted_class, message, rest @ ..], Err(error)) => {
            let mut wanted = vec![(*wanted_class).to_owned(), unescape(message)];
            let mut found = vec![class(&error).to_owned(), error.message.clone()];
            if let [wanted_place, mark] = rest {
                wanted.push((*wanted_place).to_owned());
                wanted.push(format!("{:?}", expected_text(mark, source, wanted_place)));
                found.push(place(&error));
                found.push(format!("{:?}", error.text));
            }
            (found != wanted).then(|| format!("wanted {wanted:?}, found {found:?}"))
        }
        (_, Ok(_)) => Some("accepted".to_owned()),
        (_, Err(error)) => Some(format!("refused: {error}")),
    }
}

#[test]
fn answers_are_cpythons() {
    let mut faults = Vec::new();
    let rows = include_str!("data/syntax.tsv");
    for row in rows.lines() {
        let fields: Vec<&str> = row.split('\t').collect();
        let [_, mode, flags, source, ..] = fields.as_slice() else { panic!("a short row: {row}") };
        let mode = match *mode {
            "exec" => Mode::Exec,
            "eval" => Mode::Eval,
            "single" => Mode::Single,
            _ => Mode::FuncType,
        };
        let source = unescape(source);
        let mut options = Options::new(mode, "<s>");
        options.flags = flags.parse().unwrap();
        if let Some(fault) = difference(&fields, &source, &options) {
            faults.push(format!("{source:?}\n    {fault}"));
        }
    }
    assert!(faults.is_empty(), "{} of {}:\n{}", faults.len(), rows.lines().count(), faults.join("\n"));
}

#[test]
fn sources_decode_as_in_cpython() {
    let codecs =
        |name: &str, bytes: &[u8]| (name == "iso-8859-15").then(|| Ok(String::from_utf8_lossy(bytes).into_owned()));
    for row in include_str!("data/decode.tsv").lines() {
        let (hex, wanted) = row.split_once('\t').unwrap();
        let bytes: Vec<u8> =
            (0..hex.len() / 2).map(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).unwrap()).collect();
        let found = match decode(&bytes, None, &codecs) {
            Ok(_) => "ok".to_owned(),
            Err(error) => {
                let text = error.text.clone().unwrap_or_else(|| "None".to_owned());
                format!("{}\t{}\t{text}", error.message.replace('\\', "\\\\"), place(&error))
            }
        };
        assert_eq!(found, wanted, "{:?}", String::from_utf8_lossy(&bytes));
    }
}

#[test]
fn tokens_of_the_library_are_cpythons() {
    for row in include_str!("data/tokens.tsv").lines() {
        let [name, count, hash] = row.split('\t').collect::<Vec<_>>()[..] else { panic!("a short row: {row}") };
        let text = std::fs::read_to_string(format!("{}/{name}", rustpython_pylib::LIB_PATH)).unwrap();
        let mut lines = text.split_inclusive('\n').map(str::to_owned);
        let mut tokens = TokenizerIter::new(true);
        let (mut found, mut sum) = (0u64, 0xcbf2_9ce4_8422_2325_u64);
        while let Some(token) = tokens.next(&mut || lines.next()) {
            let t = token.unwrap();
            let shown = format!("{} {} {}:{} {}:{} {}", t.kind, t.text, t.start.0, t.start.1, t.end.0, t.end.1, t.line);
            sum = shown.bytes().fold(sum, |sum, b| (sum ^ u64::from(b)).wrapping_mul(0x0000_0100_0000_01b3));
            found += 1;
        }
        assert_eq!((found.to_string().as_str(), format!("{sum:016x}").as_str()), (count, hash), "{name}");
    }
}

/// Runs on a stack as small as a worker's may be.
fn on_a_small_stack(run: fn()) {
    std::thread::Builder::new().stack_size(1 << 20).spawn(run).unwrap().join().unwrap();
}

#[test]
fn deep_sources_are_refused_not_fatal() {
    on_a_small_stack(|| {
        let options = Options::new(Mode::Exec, "<s>");
        for part in ["-", "not ", "lambda: ", "a**", "a if b else ", "(", "[", "f'{", "await ", "{1:", "x."] {
            let most = if part.len() == 1 { 200_000 } else { 29_000 };
            for count in [1_000, 5_000, most] {
                let source = part.repeat(count) + "a";
                if let Err(error) = syntax::parse(&source, &options) {
                    assert!(
                        matches!(error.kind, ErrorKind::Syntax | ErrorKind::Memory | ErrorKind::Recursion),
                        "{part} {error}"
                    );
                }
            }
        }
        for part in [".b", "()", "[0]", "+b", " and b", " if b else c", "<b"] {
            let most = if part == ".b" { 200_000 } else { 29_000 };
            for count in [1_000, most] {
                let source = "a".to_owned() + &part.repeat(count);
                if let Err(error) = syntax::parse(&source, &options) {
                    assert!(matches!(error.kind, ErrorKind::Memory | ErrorKind::Recursion), "{part} {error}");
                }
            }
        }
    });
}

#[test]
fn brackets_nest_two_hundred_deep() {
    let options = Options::new(Mode::Exec, "<s>");
    let nest = |n: usize| "[".repeat(n) + &"]".repeat(n);
    assert!(syntax::parse(&nest(200), &options).is_ok());
    let error = syntax::parse(&nest(201), &options).unwrap_err();
    assert_eq!((error.message.as_str(), error.col), ("too many nested parentheses", Some(201)));
}

#[test]
fn a_function_type_is_a_list_and_an_expression() {
    let parsed = syntax::parse("(a, *b) -> c", &Options::new(Mode::FuncType, "<s>")).unwrap();
    let shown = format!("{:?}", *parsed.ast);
    assert!(shown.contains("List") && shown.matches("Name(").count() >= 3, "{shown}");
    assert!(syntax::parse("a -> b", &Options::new(Mode::FuncType, "<s>")).is_err());
}

#[test]
fn a_late_error_in_a_big_source_keeps_its_line() {
    let options = Options::new(Mode::Exec, "<s>");
    let source = "def f():\n    return 1\n".repeat(5_000) + "if x:\n    y z\n";
    let error = syntax::parse(&source, &options).unwrap_err();
    assert_eq!((error.message.as_str(), error.line, error.col), ("invalid syntax", 10_002, Some(7)));
    assert_eq!(error.metadata.map(|(line, col, _)| (line, col)), Some((9_999, 0)));
}
