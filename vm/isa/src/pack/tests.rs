//! What is packed comes back, and damage is noticed.

use super::*;

fn code(consts: Vec<Const>) -> Code {
    Code {
        name: "f".into(),
        qualname: "A.f".into(),
        filename: "größe.py".into(),
        first_line: 7,
        flags: 0x0400_0003,
        arg_count: 2,
        posonly_count: 1,
        kwonly_count: 0,
        locals: [(LocalKind::Local, true), (LocalKind::Cell, false), (LocalKind::Free, false)]
            .map(|(kind, is_arg)| Local { name: "x".into(), kind, is_arg })
            .into(),
        register_count: 9,
        words: [Word(u64::MAX), Word(0), Word(0x0102_0304_0506_0708)].into(),
        consts: consts.into(),
        names: ["x".into(), "f".into()].into(),
        handlers: [Handler { start: 1, end: 300, target: 70_000, depth: 3 }].into(),
        positions: [
            Position { start: 0, line: 0, end_line: 0, col: u32::MAX, end_col: u32::MAX },
            Position { start: 2, line: 9, end_line: 11, col: 4, end_col: 2 },
            Position { start: 300, line: 8, end_line: 8, col: 0, end_col: 200 },
        ]
        .into(),
    }
}

fn every_constant() -> Vec<Const> {
    let plain = vec![
        Const::None,
        Const::Ellipsis,
        Const::Bool(true),
        Const::Bool(false),
        Const::Int(0),
        Const::Int(i64::MIN),
        Const::Int(i64::MAX),
        Const::BigInt { negative: true, magnitude: [1, 2, 3].into() },
        Const::Float(-0.0),
        Const::Float(f64::NAN),
        Const::Complex(1.5, -2.5),
        Const::str("x"),
        Const::Str(b"\xed\xa0\x80".as_slice().into()),
        Const::Bytes(b"\0\xff".as_slice().into()),
    ];
    let mut all = plain.clone();
    all.push(Const::Tuple(plain.clone().into()));
    all.push(Const::FrozenSet(plain.into()));
    all.push(Const::Slice(Arc::new([Const::None, Const::Int(1), Const::Int(-1)])));
    all
}

#[test]
fn all_of_a_code_object_comes_back() {
    let whole = code(every_constant());
    assert_eq!(*unpack(&pack(&whole)).expect("good bytes"), whole);

    let outer = code(vec![Const::Code(Arc::new(whole.clone()))]);
    let back = unpack(&pack(&outer)).expect("good bytes");
    let [Const::Code(inner)] = &*back.consts else { panic!("{:?}", back.consts) };
    assert_eq!(**inner, whole);
    assert!(Arc::ptr_eq(&back.name, &inner.name), "a text is read once");
}

#[test]
fn damage_is_an_error() {
    let bytes = pack(&code(every_constant()));
    for length in 0..bytes.len() {
        assert!(unpack(&bytes[..length]).is_err(), "{length}");
    }
    let mut more = bytes.clone();
    more.push(0);
    assert!(unpack(&more).is_err());
    // Any single byte changed: an error or another code object, but nothing worse.
    for at in 0..bytes.len() {
        for flip in [1, 0x80, 0xff] {
            let mut bad = bytes.clone();
            bad[at] ^= flip;
            match unpack(&bad) {
                Ok(_) | Err(Damaged) => {}
            }
        }
    }
}
