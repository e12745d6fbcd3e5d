//! Random messages of a given type, and damage to them.

use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor, Value};

use crate::random::Random;

/// Deeper messages than this are empty.
const DEPTH: usize = 7;

const TEXTS: &[&str] = &[
    "",
    "x",
    "name",
    "sessions/none",
    "executions/none",
    "executions/q-none",
    "programs/00",
    "templates/0",
    "\0",
    "é",
    "\u{10ffff}",
    "00000000-0000-0000-0000-000000000001",
    "00000000-0000-0000-0000-000000000002",
    "a b",
    "../../etc/passwd",
    "<string>",
];

const PROGRAMS: &[&str] = &[
    "1 + 1",
    "print('x' * 1000)",
    "while True: pass",
    "import json\njson.dumps([1])",
    "input()",
    "raise ValueError(name)",
    "def f(: pass",
    "x",
    "import time\ntime.sleep(9)",
    "[0] * 10**9",
    "f()",
    "\u{feff}1",
    "# coding: nonsense\n1",
    "(",
    "exit(3)",
    "name.begin(1)",
];

/// Any of the fields may be there, with any value.
pub fn random(random: &mut Random, of: &MessageDescriptor, known: &[String], depth: usize) -> DynamicMessage {
    let mut message = DynamicMessage::new(of.clone());
    for field in of.fields() {
        // Deep down there is less and less, so that messages end.
        let there = match field.name() {
            "name" | "source" | "text" | "request" | "session" | "setup" | "start" => !random.one_in(5),
            _ => random.one_in(2 + depth),
        };
        if there && depth < DEPTH {
            let value = whole(random, &field, known, depth);
            message.set_field(&field, value);
        }
    }
    message
}

fn whole(random: &mut Random, field: &FieldDescriptor, known: &[String], depth: usize) -> Value {
    if field.is_map() {
        let Kind::Message(entry) = field.kind() else { return Value::Map(Default::default()) };
        let (key, value) = (entry.map_entry_key_field(), entry.map_entry_value_field());
        let entries = (0..random.below(4)).map(|_| {
            let key = match one(random, &key, known, depth) {
                Value::String(text) => MapKey::String(text),
                Value::I64(number) => MapKey::I64(number),
                _ => MapKey::String("x".into()),
            };
            (key, one(random, &value, known, depth))
        });
        Value::Map(entries.collect())
    } else if field.is_list() {
        let length = if random.one_in(50) { 2000 } else { random.below(4) };
        Value::List((0..length).map(|_| one(random, field, known, depth.max(3))).collect())
    } else {
        one(random, field, known, depth)
    }
}

fn one(random: &mut Random, field: &FieldDescriptor, known: &[String], depth: usize) -> Value {
    let number = match random.below(6) {
        0 => 0,
        1 => 1,
        2 => i64::MAX,
        3 => i64::MIN,
        4 => -1,
        _ => random.next() as i64 >> random.below(64),
    };
    match field.kind() {
        Kind::Double => Value::F64(*random.pick(&[0.0, -0.0, 1.5, f64::NAN, f64::INFINITY, f64::MIN_POSITIVE])),
        Kind::Float => Value::F32(1.5),
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => Value::I32(number as i32),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => Value::I64(number),
        Kind::Uint32 | Kind::Fixed32 => Value::U32(number as u32),
        Kind::Uint64 | Kind::Fixed64 => Value::U64(number as u64),
        Kind::Bool => Value::Bool(number & 1 == 0),
        Kind::String => Value::String(text(random, field, known)),
        Kind::Bytes => {
            let program = field.name() == "text" && !random.one_in(10);
            let bytes = if program { random.pick(PROGRAMS).as_bytes().to_vec() } else { noise(random) };
            Value::Bytes(bytes.into())
        }
        Kind::Enum(of) => {
            let known: Vec<i32> = of.values().map(|value| value.number()).collect();
            Value::EnumNumber(if random.one_in(10) { number as i32 } else { *random.pick(&known) })
        }
        Kind::Message(of) => Value::Message(self::random(random, &of, known, depth + 1)),
    }
}

fn text(random: &mut Random, field: &FieldDescriptor, known: &[String]) -> String {
    let names = matches!(field.name(), "name" | "session" | "template" | "program");
    if names && !known.is_empty() && !random.one_in(4) {
        return random.pick(known).clone();
    }
    match random.below(30) {
        0 => "x".repeat(random.below(100_000)),
        _ => (*random.pick(TEXTS)).to_owned(),
    }
}

fn noise(random: &mut Random) -> Vec<u8> {
    let length = if random.one_in(40) { 200_000 } else { random.below(64) };
    random.bytes(length)
}

/// Changes, adds, takes away and repeats some bytes.
pub fn damage(random: &mut Random, bytes: &mut Vec<u8>) {
    for _ in 0..=random.below(4) {
        let at = random.below(bytes.len() + 1);
        match random.below(5) {
            0 => bytes.truncate(at),
            1 => bytes.insert(at, random.next() as u8),
            2 if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
            3 if at < bytes.len() => drop(bytes.remove(at)),
            _ => bytes.extend_from_within(at..(at + random.below(50)).min(bytes.len())),
        }
    }
}
