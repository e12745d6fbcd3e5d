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
            let digits: String = value.magnitude.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("{}0x{digits}", if value.negative { "-" } else { "" })
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
        Kind::TimedeltaValue(delta) => format!(
            "datetime.timedelta(days={}, seconds={}, microseconds={})",
            delta.days, delta.seconds, delta.microseconds
        ),
        Kind::DecimalValue(text) => format!("Decimal('{text}')"),
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

fn type_name(name: &v1::TypeRef) -> String {
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
    }
}
