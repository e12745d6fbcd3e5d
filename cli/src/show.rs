//! Values and exceptions of the protocol, as Python would print them.

use typhon_proto::v1;
use typhon_proto::v1::value::Kind;

/// A JSON document as the value Python's json module would make of it.
pub fn from_json(json: serde_json::Value) -> v1::Value {
    use serde_json::Value as Json;
    let kind = match json {
        Json::Null => Kind::None(v1::NoneValue {}),
        Json::Bool(value) => Kind::BoolValue(value),
        Json::Number(number) => match number.as_i64() {
            Some(int) => Kind::IntValue(int),
            None if number.is_f64() => Kind::FloatValue(number.as_f64().unwrap_or(f64::NAN)),
            // Past 63 bits: the guest's own json module reads it exactly.
            None => Kind::JsonValue(number.to_string()),
        },
        Json::String(text) => Kind::StrValue(text),
        Json::Array(items) => Kind::ListValue(v1::ValueList { items: items.into_iter().map(from_json).collect() }),
        Json::Object(fields) => {
            let entry = |(name, value)| v1::DictEntry {
                key: Some(v1::Value { kind: Some(Kind::StrValue(name)) }),
                value: Some(from_json(value)),
            };
            Kind::DictValue(v1::Dict { entries: fields.into_iter().map(entry).collect() })
        }
    };
    v1::Value { kind: Some(kind) }
}

pub fn is_none(value: &v1::Value) -> bool {
    matches!(value.kind, None | Some(Kind::None(_)))
}

/// Close to `repr(value)`; exact for what people print most.
pub fn repr(value: &v1::Value) -> String {
    let Some(kind) = &value.kind else { return "None".into() };
    match kind {
        Kind::None(_) => "None".into(),
        Kind::EllipsisValue(_) => "Ellipsis".into(),
        Kind::BoolValue(value) => if *value { "True" } else { "False" }.into(),
        Kind::IntValue(value) => value.to_string(),
        Kind::BigintValue(value) => {
            format!("{}{}", if value.negative { "-" } else { "" }, natural(&value.magnitude))
        }
        Kind::FloatValue(value) => float(*value),
        Kind::ComplexValue(value) => format!("({}{:+}j)", float(value.real), value.imag),
        Kind::StrValue(text) => quoted(text),
        Kind::SurrogateStrValue(bytes) => quoted(&String::from_utf8_lossy(bytes)),
        Kind::BytesValue(bytes) => format!("b'{}'", bytes.escape_ascii()),
        Kind::ListValue(list) => format!("[{}]", items(list)),
        Kind::TupleValue(list) if list.items.len() == 1 => format!("({},)", items(list)),
        Kind::TupleValue(list) => format!("({})", items(list)),
        Kind::SetValue(list) if list.items.is_empty() => "set()".into(),
        Kind::SetValue(list) => format!("{{{}}}", items(list)),
        Kind::FrozensetValue(list) if list.items.is_empty() => "frozenset()".into(),
        Kind::FrozensetValue(list) => format!("frozenset({{{}}})", items(list)),
        Kind::DictValue(dict) => {
            let part = |part: &Option<v1::Value>| part.as_ref().map_or("None".into(), repr);
            let entries = dict.entries.iter().map(|entry| format!("{}: {}", part(&entry.key), part(&entry.value)));
            format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
        }
        Kind::DateValue(date) => format!("datetime.date({}, {}, {})", date.year, date.month, date.day),
        Kind::TimeValue(time) => format!("datetime.time({})", time_arguments(time)),
        Kind::DatetimeValue(value) => {
            let (date, time) = (value.date.unwrap_or_default(), value.time.clone().unwrap_or_default());
            let v1::Date { year, month, day } = date;
            format!("datetime.datetime({year}, {month}, {day}, {})", time_arguments(&time))
        }
        Kind::TimedeltaValue(delta) => format!(
            "datetime.timedelta(days={}, seconds={}, microseconds={})",
            delta.days, delta.seconds, delta.microseconds
        ),
        Kind::DecimalValue(text) => format!("Decimal('{text}')"),
        Kind::UuidValue(bytes) => format!("UUID('{}')", uuid(bytes)),
        Kind::PathValue(path) => format!("PosixPath({})", quoted(path)),
        Kind::JsonValue(text) => text.clone(),
        Kind::ReprValue(repr) => repr.text.clone(),
        Kind::TypeValue(name) => format!("<class '{}'>", type_name(name)),
        Kind::InstanceValue(instance) => {
            format!("<{} object>", instance.r#type.as_ref().map(type_name).unwrap_or_default())
        }
        Kind::ExceptionValue(exception) => one_line(exception),
        Kind::CycleValue(_) => "...".into(),
        Kind::CappedValue(capped) => format!("<left out: {}>", capped.cap().as_str_name()),
        other => format!("<{other:?}>"),
    }
}

/// The value as JSON, where there is a form for it: what has none becomes the text Python would print.
pub fn to_json(value: &v1::Value) -> serde_json::Value {
    use serde_json::Value as Json;
    let array = |list: &v1::ValueList| Json::Array(list.items.iter().map(to_json).collect());
    let Some(kind) = &value.kind else { return Json::Null };
    match kind {
        Kind::None(_) => Json::Null,
        Kind::BoolValue(value) => Json::Bool(*value),
        Kind::IntValue(value) => Json::from(*value),
        Kind::FloatValue(number) if number.is_finite() => Json::from(*number),
        Kind::StrValue(text) | Kind::DecimalValue(text) | Kind::PathValue(text) => Json::from(text.clone()),
        Kind::ListValue(list) | Kind::TupleValue(list) | Kind::SetValue(list) | Kind::FrozensetValue(list) => {
            array(list)
        }
        Kind::DictValue(dict) => dict_to_json(dict),
        Kind::DateValue(date) => Json::from(iso_date(date)),
        Kind::TimeValue(time) => Json::from(iso_time(time)),
        Kind::DatetimeValue(value) => {
            let (date, time) = (value.date.unwrap_or_default(), value.time.clone().unwrap_or_default());
            Json::from(format!("{}T{}", iso_date(&date), iso_time(&time)))
        }
        Kind::UuidValue(bytes) => Json::from(uuid(bytes)),
        Kind::InstanceValue(instance) => {
            let of = |attribute: &v1::Attribute| {
                (attribute.name.clone(), attribute.value.as_ref().map_or(Json::Null, to_json))
            };
            Json::Object(instance.attributes.iter().map(of).collect())
        }
        _ => Json::from(repr(value)),
    }
}

/// An object when all keys are strings, else an array of pairs.
fn dict_to_json(dict: &v1::Dict) -> serde_json::Value {
    use serde_json::Value as Json;
    let half = |half: &Option<v1::Value>| half.as_ref().map_or(Json::Null, to_json);
    let text = |entry: &v1::DictEntry| match entry.key.as_ref().and_then(|key| key.kind.as_ref()) {
        Some(Kind::StrValue(text)) => Some((text.clone(), half(&entry.value))),
        _ => None,
    };
    match dict.entries.iter().map(text).collect::<Option<serde_json::Map<_, _>>>() {
        Some(object) => Json::Object(object),
        None => dict.entries.iter().map(|entry| Json::Array(vec![half(&entry.key), half(&entry.value)])).collect(),
    }
}

fn iso_date(date: &v1::Date) -> String {
    format!("{:04}-{:02}-{:02}", date.year, date.month, date.day)
}

fn iso_time(time: &v1::Time) -> String {
    let v1::Time { hour, minute, second, microsecond, .. } = time;
    let mut text = format!("{hour:02}:{minute:02}:{second:02}");
    if *microsecond != 0 {
        text += &format!(".{microsecond:06}");
    }
    if let Some(offset) = time.utc_offset_microseconds {
        let seconds = offset.unsigned_abs() / 1_000_000;
        let sign = if offset < 0 { '-' } else { '+' };
        text += &format!("{sign}{:02}:{:02}", seconds / 3600, seconds / 60 % 60);
        if seconds % 60 != 0 {
            text += &format!(":{:02}", seconds % 60);
        }
    }
    text
}

fn time_arguments(time: &v1::Time) -> String {
    let v1::Time { hour, minute, second, microsecond, .. } = time;
    let mut text = format!("{hour}, {minute}");
    if (*second, *microsecond) != (0, 0) {
        text += &format!(", {second}");
    }
    if *microsecond != 0 {
        text += &format!(", {microsecond}");
    }
    if time.fold {
        text += ", fold=1";
    }
    match time.utc_offset_microseconds {
        None => text,
        Some(_) if !time.zone.is_empty() => text + &format!(", tzinfo=zoneinfo.ZoneInfo(key={})", quoted(&time.zone)),
        Some(0) => text + ", tzinfo=datetime.timezone.utc",
        Some(offset) => {
            let days = offset.div_euclid(86_400_000_000);
            let (seconds, micros) = (offset.rem_euclid(86_400_000_000) / 1_000_000, offset.rem_euclid(1_000_000));
            let parts = [("days", days), ("seconds", seconds), ("microseconds", micros)];
            let said = parts.iter().filter(|(_, count)| *count != 0).map(|(name, count)| format!("{name}={count}"));
            let said = said.collect::<Vec<_>>().join(", ");
            text + &format!(", tzinfo=datetime.timezone(datetime.timedelta({said}))")
        }
    }
}

fn uuid(bytes: &[u8]) -> String {
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    match (hex.get(..8), hex.get(8..12), hex.get(12..16), hex.get(16..20), hex.get(20..)) {
        (Some(a), Some(b), Some(c), Some(d), Some(e)) => format!("{a}-{b}-{c}-{d}-{e}"),
        _ => hex,
    }
}

/// Python itself prints no int of more digits than this; larger ones are shown as it would by `hex`.
const DIGITS_MAX: usize = 4300;

/// A number from its big-endian bytes.
fn natural(magnitude: &[u8]) -> String {
    // The largest power of ten that fits, so that a step keeps within u128.
    const BASE: u64 = 10_u64.pow(19);
    let mut limbs: Vec<u64> = Vec::new();
    for byte in magnitude {
        let mut carry = u128::from(*byte);
        for limb in &mut limbs {
            let sum = u128::from(*limb) * 256 + carry;
            *limb = (sum % u128::from(BASE)) as u64;
            carry = sum / u128::from(BASE);
        }
        if carry != 0 {
            limbs.push(carry as u64);
        }
        if limbs.len() * 19 > DIGITS_MAX + 19 {
            return magnitude.iter().fold(String::from("0x"), |text, byte| text + &format!("{byte:02x}"));
        }
    }
    let mut limbs = limbs.iter().rev();
    let first = limbs.next().map_or("0".into(), u64::to_string);
    limbs.fold(first, |text, limb| text + &format!("{limb:019}"))
}

fn items(list: &v1::ValueList) -> String {
    list.items.iter().map(repr).collect::<Vec<_>>().join(", ")
}

fn float(value: f64) -> String {
    if value.is_nan() {
        return "nan".into();
    }
    if value.is_infinite() {
        return if value > 0.0 { "inf" } else { "-inf" }.into();
    }
    let magnitude = value.abs();
    if magnitude != 0.0 && !(1e-4..1e16).contains(&magnitude) {
        let text = format!("{value:e}");
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let (sign, exponent) = exponent.strip_prefix('-').map_or(("+", exponent), |exponent| ("-", exponent));
        return format!("{digits}e{sign}{exponent:0>2}");
    }
    format!("{value:?}")
}

fn quoted(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut out = String::from(quote);
    for c in text.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\\' => out.push_str("\\\\"),
            c if c == quote => out.extend(['\\', c]),
            c if c.is_ascii_control() => out.push_str(&format!("\\x{:02x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push(quote);
    out
}

/// The traceback as the server printed it, or its last line when there is none.
pub fn exception(exception: &v1::PyException) -> String {
    if exception.traceback_text.is_empty() { one_line(exception) } else { exception.traceback_text.clone() }
}

fn one_line(exception: &v1::PyException) -> String {
    let name = exception.r#type.as_ref().map(type_name).unwrap_or_default();
    if exception.message.is_empty() { name } else { format!("{name}: {}", exception.message) }
}

pub fn type_name(name: &v1::TypeRef) -> String {
    match name.module.as_str() {
        "" | "builtins" | "__main__" => name.qualname.clone(),
        module => format!("{module}.{}", name.qualname),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_print_as_python_prints_them() {
        let show = |json: &str| repr(&from_json(serde_json::from_str(json).expect("JSON")));
        assert_eq!(show("[1, -2.0, null, true, \"it's\"]"), "[1, -2.0, None, True, \"it's\"]");
        assert_eq!(show("{\"a\": {\"b\": []}}"), "{'a': {'b': []}}");
        assert_eq!(
            show("[1e16, 1e-5, 0.0001, 1.5e300, 123456789.125]"),
            "[1e+16, 1e-05, 0.0001, 1.5e+300, 123456789.125]"
        );
        assert_eq!(show("\"a\\n\\u0001\\\\\""), "'a\\n\\x01\\\\'");
        let one = v1::ValueList { items: vec![from_json(serde_json::Value::Bool(false))] };
        assert_eq!(repr(&v1::Value { kind: Some(Kind::TupleValue(one)) }), "(False,)");
        let show = |kind| repr(&v1::Value { kind: Some(kind) });
        let big = |negative, magnitude: &[u8]| Kind::BigintValue(v1::BigInt { negative, magnitude: magnitude.into() });
        assert_eq!(show(big(true, &[1, 0, 0, 0, 0, 0, 0, 0, 0])), "-18446744073709551616");
        assert_eq!(show(big(false, &[0x80; 16])), "170808403787765189503184116671632670848");
        assert!(show(big(false, &[1; 4000])).starts_with("0x0101"));
        assert_eq!(show(Kind::UuidValue((0..16).collect())), "UUID('00010203-0405-0607-0809-0a0b0c0d0e0f')");
    }

    #[test]
    fn times_print_as_python_prints_them_and_as_iso() {
        let time =
            v1::Time { hour: 7, minute: 5, utc_offset_microseconds: Some(-5_400_000_000), ..v1::Time::default() };
        let date = Some(v1::Date { year: 2026, month: 1, day: 2 });
        let value = v1::DateTime { date, time: Some(time) };
        let value = v1::Value { kind: Some(Kind::DatetimeValue(Box::new(value))) };
        let zone = "datetime.timezone(datetime.timedelta(days=-1, seconds=81000))";
        assert_eq!(repr(&value), format!("datetime.datetime(2026, 1, 2, 7, 5, tzinfo={zone})"));
        assert_eq!(to_json(&value), "2026-01-02T07:05:00-01:30");
    }

    #[test]
    fn json_comes_back_as_it_went() {
        let json = serde_json::json!({"a": [1, 2.5, null, true], "b": {"c": "d"}});
        assert_eq!(to_json(&from_json(json.clone())), json);
        let key = from_json(serde_json::json!(1));
        let dict = v1::Dict { entries: vec![v1::DictEntry { value: Some(key.clone()), key: Some(key) }] };
        assert_eq!(to_json(&v1::Value { kind: Some(Kind::DictValue(dict)) }), serde_json::json!([[1, 1]]));
    }
}
