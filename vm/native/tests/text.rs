//! Functions of _codecs, _string, binascii and unicodedata against a table of CPython 3.14's answers
//! (`text_cases.txt`): `module.function(arguments)`, tab, what `ascii()` gave or the exception.

#[path = "../../object/tests/literal/mod.rs"]
#[expect(dead_code, reason = "shared with the tests of typhon-object, which call methods")]
mod literal;

use literal::{Reader, hooks, show, shown};
use typhon_object::args::Args;
use typhon_object::list::List;
use typhon_object::thread::Thread;
use typhon_object::types::bytes;
use typhon_object::{Value, attr, call, native, ops, process, strs, tuple, type_of};

#[test]
fn text_modules_answer_as_cpython() {
    process::set_up();
    let modules = ["_codecs", "_string", "binascii", "unicodedata"];
    for module in typhon_native::MODULES.iter().filter(|m| modules.contains(&m.name)) {
        process::ensure_types(&module.types.iter().map(|(_, def)| *def).collect::<Vec<_>>());
    }
    let t = Thread::new(hooks(), 256 << 20);
    t.attach(1 << 20, |t| {
        let (mut wrong, mut cases) = (Vec::new(), 0);
        for line in include_str!("text_cases.txt").lines() {
            let Some((expression, expected)) = line.split_once('\t') else { continue };
            cases += 1;
            let mut reader = Reader { t, text: expression.chars().collect(), at: 0 };
            let module = reader.identifier();
            assert!(reader.take('.'));
            let name = reader.identifier();
            let (values, names) = reader.arguments();
            let module = typhon_native::MODULES.iter().find(|m| m.name == module).expect("a known module");
            let def = module.functions.iter().find(|f| f.name == name).expect("a known function");
            let f = native::new_function(t, def, Value::ABSENT, Value::ABSENT).unwrap();
            let made = call::call_args(t, &f, Args { values: &values, names: &names });
            // Iterators are shown as the list of their items.
            let made = made.and_then(|v| match type_of(&v).short_name().ends_with("iterator") {
                true => List::from_vec(t, ops::collect(t, &v)?),
                false => Ok(v),
            });
            let got = match made {
                Ok(v) => show(t, &v),
                Err(e) => shown(t, &e),
            };
            if got != expected {
                wrong.push(format!("{expression}\n    expected {expected}\n    got      {got}"));
            }
        }
        assert!(wrong.is_empty(), "{} of {cases} cases differ:\n{}", wrong.len(), wrong.join("\n"));
    });
    t.close();
}

/// Module, codec, what `encode("\u3042A\u4e00\uac00\u30a2", "replace")` gives, and `decode` of those bytes and FF 81.
const EAST_ASIA: &[(&str, &str, &str, &str)] = &[
    (
        "_codecs_cn",
        "gb18030",
        r#"(b'\xa4\xa2A\xd2\xbb\x827\xcf5\xa5\xa2', 5)"#,
        r#"('\u3042A\u4e00\uac00\u30a2\ufffd\ufffd', 13)"#,
    ),
    ("_codecs_cn", "gb2312", r#"(b'\xa4\xa2A\xd2\xbb?\xa5\xa2', 5)"#, r#"('\u3042A\u4e00?\u30a2\ufffd\ufffd', 10)"#),
    ("_codecs_cn", "gbk", r#"(b'\xa4\xa2A\xd2\xbb?\xa5\xa2', 5)"#, r#"('\u3042A\u4e00?\u30a2\ufffd\ufffd', 10)"#),
    ("_codecs_cn", "hz", r#"(b'~{$"~}A~{R;~}?~{%"~}', 5)"#, r#"('\u3042A\u4e00?\u30a2\ufffd\ufffd', 22)"#),
    ("_codecs_jp", "cp932", r#"(b'\x82\xa0A\x88\xea?\x83A', 5)"#, r#"('\u3042A\u4e00?\u30a2\uf8f3\ufffd', 10)"#),
    ("_codecs_jp", "euc_jp", r#"(b'\xa4\xa2A\xb0\xec?\xa5\xa2', 5)"#, r#"('\u3042A\u4e00?\u30a2\ufffd\ufffd', 10)"#),
    ("_codecs_jp", "shift_jis", r#"(b'\x82\xa0A\x88\xea?\x83A', 5)"#, r#"('\u3042A\u4e00?\u30a2\ufffd\ufffd', 10)"#),
    (
        "_codecs_kr",
        "cp949",
        r#"(b'\xaa\xa2A\xec\xe9\xb0\xa1\xab\xa2', 5)"#,
        r#"('\u3042A\u4e00\uac00\u30a2\ufffd\ufffd', 11)"#,
    ),
    (
        "_codecs_kr",
        "euc_kr",
        r#"(b'\xaa\xa2A\xec\xe9\xb0\xa1\xab\xa2', 5)"#,
        r#"('\u3042A\u4e00\uac00\u30a2\ufffd\ufffd', 11)"#,
    ),
    ("_codecs_tw", "big5", r#"(b'\xc6\xa6A\xa4@?\xc6\xf9', 5)"#, r#"('\u3042A\u4e00?\u30a2\ufffd\ufffd', 10)"#),
    ("_codecs_tw", "cp950", r#"(b'\xc6\xa6A\xa4@?\xc6\xf9', 5)"#, r#"('\u3042A\u4e00?\u30a2\ufffd\ufffd', 10)"#),
    (
        "_codecs_iso2022",
        "iso2022_jp",
        r#"(b'\x1b$B$"\x1b(BA\x1b$B0l\x1b(B?\x1b$B%"\x1b(B', 5)"#,
        r#"('\u3042A\u4e00?\u30a2\ufffd\ufffd', 28)"#,
    ),
];

#[test]
fn east_asian_codecs_answer_as_cpython() {
    process::set_up();
    for module in typhon_native::MODULES.iter().filter(|m| m.name.starts_with("_codecs_")) {
        process::ensure_types(&module.types.iter().map(|(_, def)| *def).collect::<Vec<_>>());
    }
    let t = Thread::new(hooks(), 256 << 20);
    t.attach(1 << 20, |t| {
        let text = |s: &str| strs::new(t, s).unwrap();
        let run = |v: &Value, name: &str, args: &[Value]| {
            let f = attr::get_text(t, v, name)?;
            call::call(t, &f, args)
        };
        for &(module, name, encoded, decoded) in EAST_ASIA {
            let module = typhon_native::MODULES.iter().find(|m| m.name == module).expect("a known module");
            let f = native::new_function(t, &module.functions[0], Value::ABSENT, Value::ABSENT).unwrap();
            let codec = call::call1(t, &f, &text(name)).unwrap();
            let made = run(&codec, "encode", &[text("\u{3042}A\u{4e00}\u{ac00}\u{30a2}"), text("replace")]).unwrap();
            assert_eq!(show(t, &made), encoded, "{name}");
            let first = made.expect::<tuple::Tuple>().items()[0].clone();
            let mut data = bytes::peek(&first).unwrap().to_vec();
            data.extend([0xff, 0x81]);
            let data = bytes::new(t, &data).unwrap();
            let made = run(&codec, "decode", &[data, text("replace")]).unwrap();
            assert_eq!(show(t, &made), decoded, "{name}");
        }
    });
    t.close();
}
