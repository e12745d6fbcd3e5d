//! Values survive the border, and what must not cross it does not.

use prost::Message;

use super::*;

fn wire(kind: Kind) -> v1::Value {
    v1::Value { kind: Some(kind) }
}

fn list(items: Vec<v1::Value>) -> v1::Value {
    wire(Kind::ListValue(v1::ValueList { items }))
}

fn round_trip(value: &Value) -> Value {
    let sent = Encoder::new(1 << 20).value(value.clone());
    let bytes = sent.encode_to_vec();
    decode(v1::Value::decode(&*bytes).expect("the bytes decode"), "x").expect("the value is an input")
}

#[test]
fn plain_data_comes_back_as_it_went() {
    let values = [
        Value::None,
        Value::Ellipsis,
        Value::Bool(true),
        Value::Int(i64::MIN),
        Value::BigInt(BigInt { negative: true, magnitude: vec![1; 9] }),
        Value::Float(-0.0),
        Value::Complex { real: 1.5, imag: f64::INFINITY },
        Value::Str("é\0".into()),
        Value::SurrogateStr(b"a\xed\xa0\x80b".to_vec()),
        Value::Bytes(vec![0, 255]),
        Value::Dict(vec![(Value::Tuple(vec![Value::Int(1)]), Value::List(vec![Value::None]))]),
        Value::Set(vec![Value::Int(1)]),
        Value::FrozenSet(vec![]),
        Value::Date(Date { year: 2024, month: 2, day: 29 }),
        Value::TimeDelta { days: -1, seconds: 86_399, microseconds: 999_999 },
        Value::Decimal("-1.5E+3".into()),
        Value::Uuid([7; 16]),
        Value::Path("/tmp".into()),
        Value::Json("[1]".into()),
    ];
    for value in values {
        assert_eq!(round_trip(&value), value);
    }
}

#[test]
fn each_number_has_one_form() {
    let bigint = |negative, magnitude: &[u8]| {
        decode(wire(Kind::BigintValue(v1::BigInt { negative, magnitude: magnitude.to_vec() })), "x").expect("a number")
    };
    assert_eq!(bigint(true, &[]), Value::Int(0));
    assert_eq!(bigint(true, &[0, 0, 7]), Value::Int(-7));
    assert_eq!(bigint(true, &[0x80, 0, 0, 0, 0, 0, 0, 0]), Value::Int(i64::MIN));
    assert!(matches!(bigint(false, &[0x80, 0, 0, 0, 0, 0, 0, 0]), Value::BigInt(_)));
}

#[test]
fn bad_inputs_are_refused_with_their_path() {
    let time = v1::Time { hour: 24, ..v1::Time::default() };
    let bad = [
        wire(Kind::DateValue(v1::Date { year: 2023, month: 2, day: 29 })),
        wire(Kind::DateValue(v1::Date { year: 2023, month: -1, day: 1 })),
        wire(Kind::TimeValue(Box::new(time))),
        wire(Kind::TimedeltaValue(v1::TimeDelta { days: i32::MIN + 1, seconds: 0, microseconds: 0 })),
        wire(Kind::UuidValue(vec![1; 15])),
        wire(Kind::PathValue("a\0b".into())),
        wire(Kind::DecimalValue("1; drop".into())),
        wire(Kind::SurrogateStrValue(b"\xff".to_vec())),
        wire(Kind::SurrogateStrValue(b"\xed\xa0\x80\xed\xb0\x80".to_vec())),
        wire(Kind::BigintValue(v1::BigInt { negative: false, magnitude: vec![1; MAGNITUDE_MAX + 1] })),
        wire(Kind::SetValue(v1::ValueList { items: vec![list(vec![])] })),
        wire(Kind::DictValue(v1::Dict { entries: vec![v1::DictEntry { key: Some(list(vec![])), value: None }] })),
        wire(Kind::CycleValue(v1::Cycle { levels_up: 1 })),
    ];
    for value in bad {
        match decode(value.clone(), "inputs[\"x\"]") {
            Err(Refusal::Invalid(violations)) => assert_eq!(violations[0].0, "inputs[\"x\"]"),
            other => panic!("{value:?}: {other:?}"),
        }
    }
}

#[test]
fn nesting_is_bounded_in_both_directions() {
    let deep_in = |levels| (0..levels).fold(wire(Kind::IntValue(1)), |inner, _| list(vec![inner]));
    assert!(decode(deep_in(Value::DEPTH_MAX), "x").is_ok());
    assert!(decode(deep_in(Value::DEPTH_MAX + 1), "x").is_err());

    let nest = |inner, _| Value::Dict(vec![(Value::Int(1), inner)]);
    let deep_out = (0..1000).fold(Value::Int(1), nest);
    let response = v1::StreamExecuteResponse {
        event: Some(v1::stream_execute_response::Event::Finished(Box::new(v1::Finished {
            response: Some(v1::ExecuteResponse {
                result: Some(Encoder::new(1 << 20).value(deep_out)),
                ..v1::ExecuteResponse::default()
            }),
        }))),
        ..v1::StreamExecuteResponse::default()
    };
    v1::StreamExecuteResponse::decode(&*response.encode_to_vec()).expect("a receiver with the usual bound reads it");
}

#[test]
fn deep_exceptions_are_readable_too() {
    let link = |inner: PyException, _| PyException {
        cause: Some(Box::new(inner)),
        args: vec![(0..100).fold(Value::Int(1), |inner, _| Value::Dict(vec![(Value::Int(1), inner)]))],
        ..PyException::default()
    };
    let chain = (0..500).fold(PyException::default(), link);
    let outcome = v1::Outcome {
        detail: Some(v1::outcome::Detail::Exception(Box::new(Encoder::new(1 << 20).exception(chain)))),
        ..v1::Outcome::default()
    };
    let response = v1::StreamExecuteResponse {
        event: Some(v1::stream_execute_response::Event::Finished(Box::new(v1::Finished {
            response: Some(v1::ExecuteResponse { outcome: Some(outcome), ..v1::ExecuteResponse::default() }),
        }))),
        ..v1::StreamExecuteResponse::default()
    };
    v1::StreamExecuteResponse::decode(&*response.encode_to_vec()).expect("a receiver with the usual bound reads it");
}

#[test]
fn sizes_are_bounded_and_the_cap_is_told() {
    let big = Value::List(vec![Value::Str("x".repeat(600)), Value::Str("y".repeat(600)), Value::Int(1)]);
    let sent = Encoder::new(1000).value(big);
    let Some(Kind::ListValue(list)) = sent.kind else { panic!("a list") };
    assert!(matches!(list.items[0].kind, Some(Kind::StrValue(_))));
    assert_eq!(list.items[1], capped(Cap::Size));

    let many = Value::List(vec![Value::None; 100_000]);
    let Some(Kind::ListValue(list)) = Encoder::new(1000).value(many).kind else { panic!("a list") };
    assert!(list.items.len() < 200 && list.items.last() == Some(&capped(Cap::Size)));

    let exception = PyException { message: "é".repeat(10_000), ..PyException::default() };
    assert!(Encoder::new(1001).exception(exception).message.len() < 1010);
}
