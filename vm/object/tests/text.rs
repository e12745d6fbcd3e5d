//! Methods of str, bytes and bytearray against a table of CPython 3.14's answers (`text_cases.txt`).
//!
//! A line is `expression`, tab, `expected`: the expression is `receiver.method(arguments)` over literals, the expected
//! side what CPython's `repr` gave, or the exception's type and text.

mod literal;

use literal::{Reader, hooks, show, shown};
use typhon_object::list::List;
use typhon_object::thread::Thread;
use typhon_object::types::{bytearray, slice};
use typhon_object::{Value, attr, call, ops, process, strs, tuple};

#[test]
fn text_methods_answer_as_cpython() {
    process::set_up();
    let t = Thread::new(hooks(), 256 << 20);
    t.attach(1 << 20, |t| {
        let (mut wrong, mut cases) = (Vec::new(), 0);
        for line in include_str!("text_cases.txt").lines() {
            let Some((expression, expected)) = line.split_once('\t') else { continue };
            cases += 1;
            let mut reader = Reader { t, text: expression.chars().collect(), at: 0 };
            let got = match reader.call() {
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

#[test]
fn memoryviews_cast_slice_and_lock_their_exporter() {
    process::set_up();
    let t = Thread::new(hooks(), 64 << 20);
    t.attach(1 << 20, |t| {
        let run = |v: &Value, name: &str, args: &[Value]| {
            let f = attr::get_text(t, v, name)?;
            call::call(t, &f, args)
        };
        let text = |s: &str| strs::new(t, s).unwrap();
        let array = bytearray::new(t, b"abcdefgh").unwrap();
        let m = typhon_object::types::memoryview::new(t, &array).unwrap();
        let e = run(&array, "append", &[Value::small(1)]).unwrap_err();
        assert_eq!(shown(t, &e), "BufferError: Existing exports of data: object cannot be re-sized");
        let grid = List::from_vec(t, vec![Value::small(2), Value::small(4)]).unwrap();
        let square = run(&m, "cast", &[text("B"), grid]).unwrap();
        assert_eq!(show(t, &run(&square, "tolist", &[]).unwrap()), "[[97, 98, 99, 100], [101, 102, 103, 104]]");
        let place = tuple::new(t, &[Value::small(1), Value::small(-1)]).unwrap();
        assert_eq!(show(t, &ops::getitem(t, &square, &place).unwrap()), "104");
        assert_eq!(show(t, &run(&square, "tobytes", &[text("F")]).unwrap()), "b'aebfcgdh'");
        let back = slice::new(t, Value::NONE, Value::NONE, Value::small(-3)).unwrap();
        let part = ops::getitem(t, &m, &back).unwrap();
        assert_eq!(show(t, &run(&part, "tobytes", &[]).unwrap()), "b'heb'");
        ops::setitem(t, &part, &Value::small(0), &Value::small(90)).unwrap();
        assert_eq!(show(t, &array), "bytearray(b'abcdefgZ')");
        let words = run(&m, "cast", &[text("h")]).unwrap();
        assert_eq!(show(t, &ops::getitem(t, &words, &Value::small(0)).unwrap()), "25185");
        let e = run(&words, "cast", &[text("i")]).unwrap_err();
        assert_eq!(shown(t, &e), "TypeError: memoryview: cannot cast between two non-byte formats");
        for v in [&m, &square, &part, &words] {
            run(v, "release", &[]).unwrap();
        }
        let e = run(&m, "tolist", &[]).unwrap_err();
        assert_eq!(shown(t, &e), "ValueError: operation forbidden on released memoryview object");
        run(&array, "append", &[Value::small(1)]).unwrap();
    });
    t.close();
}

#[test]
fn a_str_that_nobody_else_has_grows_in_place() {
    process::set_up();
    let t = Thread::new(hooks(), 64 << 20);
    t.attach(1 << 20, |t| {
        let piece = strs::new(t, "ab\u{e9}").unwrap();
        let piece = piece.expect::<strs::Str>();
        let before = t.heap().used();
        let mut s = strs::new(t, "start").unwrap();
        let mut moves = 0;
        for _ in 0..100_000 {
            let was = s.bits();
            s = strs::append_in_place(t, s, piece).unwrap();
            moves += usize::from(s.bits() != was);
        }
        let text = s.expect::<strs::Str>();
        assert_eq!(text.len(), 300_005);
        assert_eq!((text.at(4), text.at(5), text.at(300_004)), (116, 97, 0xe9));
        assert!(!text.is_ascii());
        assert!(moves < 1_000, "moved {moves} times");
        // With a second reference, or a wider piece, a new str is made.
        let other = s.clone();
        let hash = text.hash();
        let longer = strs::append_in_place(t, s, piece).unwrap();
        assert_eq!(other.expect::<strs::Str>().len(), 300_005);
        assert_ne!(longer.expect::<strs::Str>().hash(), hash);
        let wide = strs::new(t, "\u{101}").unwrap();
        let wide = strs::append_in_place(t, longer, wide.expect::<strs::Str>()).unwrap();
        assert_eq!(wide.expect::<strs::Str>().width(), 2);
        drop((other, wide));
        // A few blocks stay with the thread until memory is short.
        t.heap().trim(|| false);
        assert!(t.heap().used() < before + (1 << 20), "memory came back");
    });
    t.close();
}
