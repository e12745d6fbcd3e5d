//! Python literals and calls over them, for tables of CPython's answers.

use typhon_object::args::Args;
use typhon_object::dict::Dict;
use typhon_object::list::List;
use typhon_object::thread::{Hooks, Thread};
use typhon_object::types::{bytearray, bytes, slice};
use typhon_object::{Exc, Res, Value, attr, call, names, ops, strs, tuple, type_of};

pub fn hooks() -> Hooks {
    Hooks {
        on_breaker: |_| Ok(()),
        unraisable: |_, _, _, _| {},
        warn: |_, _, _, _| Ok(()),
        import: |t, _| Err(typhon_object::error::system_error(t, "no imports here")),
        handled: |_| Value::ABSENT,
        super_frame: |t| Err(typhon_object::error::runtime_error(t, "super(): no current frame")),
        globals: |_| Value::ABSENT,
    }
}

/// Reads literals: str, bytes, int, float, tuple, list, dict, names, `slice(...)`, `bytearray(...)`.
pub struct Reader<'a> {
    pub t: &'a Thread,
    pub text: Vec<char>,
    pub at: usize,
}

impl Reader<'_> {
    fn skip(&mut self) {
        while self.peek() == ' ' {
            self.at += 1;
        }
    }

    fn peek(&self) -> char {
        self.text.get(self.at).copied().unwrap_or('\0')
    }

    pub fn take(&mut self, c: char) -> bool {
        self.skip();
        let found = self.peek() == c;
        self.at += usize::from(found);
        found
    }

    fn value(&mut self) -> Value {
        self.skip();
        match self.peek() {
            '\'' | '"' => self.text_literal(),
            'b' if matches!(self.text.get(self.at + 1), Some('\'' | '"')) => {
                self.at += 1;
                let s = self.text_literal();
                let data: Vec<u8> = s.expect::<strs::Str>().units().iter().map(|c| c as u8).collect();
                bytes::new(self.t, &data).unwrap()
            }
            '(' => {
                self.at += 1;
                let items = self.items(')');
                tuple::new(self.t, &items).unwrap()
            }
            '[' => {
                self.at += 1;
                let items = self.items(']');
                List::from_vec(self.t, items).unwrap()
            }
            '{' => self.dict(),
            '-' | '0'..='9' => self.number(),
            _ => self.word(),
        }
    }

    fn items(&mut self, end: char) -> Vec<Value> {
        let mut out = Vec::new();
        while !self.take(end) {
            out.push(self.value());
            self.take(',');
        }
        out
    }

    fn dict(&mut self) -> Value {
        self.at += 1;
        let made = Dict::create(self.t);
        while !self.take('}') {
            let key = self.value();
            assert!(self.take(':'));
            let value = self.value();
            Dict::of(&made).set(self.t, &key, &value).unwrap();
            self.take(',');
        }
        made
    }

    fn number(&mut self) -> Value {
        let from = self.at;
        self.at += 1;
        while matches!(self.peek(), '0'..='9' | '.' | 'e') || self.peek() == '+' {
            self.at += 1;
        }
        let text: String = self.text[from..self.at].iter().collect();
        if text.contains('.') {
            return typhon_object::convert::from_f64(self.t, text.parse().unwrap()).unwrap();
        }
        typhon_object::types::int::from_big(self.t, text.parse().unwrap()).unwrap()
    }

    pub fn identifier(&mut self) -> String {
        let from = self.at;
        while self.peek().is_alphanumeric() || self.peek() == '_' {
            self.at += 1;
        }
        self.text[from..self.at].iter().collect()
    }

    fn word(&mut self) -> Value {
        match self.identifier().as_str() {
            "None" => Value::NONE,
            "True" => Value::TRUE,
            "False" => Value::FALSE,
            "str" => typhon_object::types::str_::STR.ty().value(),
            "bytes" => bytes::BYTES.ty().value(),
            "bytearray" if self.peek() == '(' => {
                self.at += 1;
                let items = self.items(')');
                bytearray::new(self.t, items.first().and_then(bytes::peek).unwrap_or(&[])).unwrap()
            }
            "bytearray" => bytearray::BYTEARRAY.ty().value(),
            "slice" => {
                self.at += 1;
                let mut i = self.items(')').into_iter();
                let mut next = || i.next().unwrap_or(Value::NONE);
                let (a, b, c) = (next(), next(), next());
                slice::new(self.t, a, b, c).unwrap()
            }
            other => panic!("unknown word {other}"),
        }
    }

    fn text_literal(&mut self) -> Value {
        let quote = self.peek();
        self.at += 1;
        let mut out = strs::StrBuilder::new();
        loop {
            let c = self.peek();
            self.at += 1;
            match c {
                _ if c == quote => return out.finish(self.t).unwrap(),
                '\\' => {
                    let e = self.peek();
                    self.at += 1;
                    let digits = match e {
                        'x' => 2,
                        'u' => 4,
                        'U' => 8,
                        _ => 0,
                    };
                    let hex: String = self.text[self.at..self.at + digits].iter().collect();
                    self.at += digits;
                    out.push(match e {
                        'n' => 10,
                        'r' => 13,
                        't' => 9,
                        '\\' | '\'' | '"' => e as u32,
                        _ => u32::from_str_radix(&hex, 16).unwrap(),
                    });
                }
                _ => out.push(c as u32),
            }
        }
    }

    /// `receiver.method(arguments)`
    pub fn call(&mut self) -> Res {
        let receiver = self.value();
        assert!(self.take('.'));
        let name = self.identifier();
        let (values, keys) = self.arguments();
        let f = attr::get_text(self.t, &receiver, &name)?;
        let result = call::call_args(self.t, &f, Args { values: &values, names: &keys })?;
        // What changes its receiver is asked for the receiver.
        if result.is_none() && receiver.downcast::<bytearray::ByteArray>().is_some() {
            Ok(receiver)
        } else {
            Ok(result)
        }
    }

    /// `(arguments)`: values and the names of the last ones.
    pub fn arguments(&mut self) -> (Vec<Value>, Vec<Value>) {
        assert!(self.take('('));
        let (mut values, mut keys) = (Vec::new(), Vec::new());
        while !self.take(')') {
            self.skip();
            let mark = self.at;
            let word = self.identifier();
            if !word.is_empty() && self.peek() == '=' {
                self.at += 1;
                keys.push(names::intern_text(self.t, &word));
            } else {
                self.at = mark;
            }
            values.push(self.value());
            self.take(',');
        }
        (values, keys)
    }
}

/// `ascii(v)`, of containers item by item.
pub fn show(t: &Thread, v: &Value) -> String {
    let all = |items: &[Value]| items.iter().map(|v| show(t, v)).collect::<Vec<_>>().join(", ");
    if v.is_bool() || v.is_none() || v.is_not_implemented() {
        return format!("{v:?}");
    }
    if let Some(i) = typhon_object::types::int::to_big(v) {
        return i.to_string();
    }
    if let Some(items) = v.downcast::<tuple::Tuple>() {
        let comma = if items.len() == 1 { "," } else { "" };
        return format!("({}{comma})", all(items.items()));
    }
    if let Some(list) = v.downcast::<List>() {
        return format!("[{}]", all(&list.to_vec()));
    }
    if let Some(dict) = v.downcast::<Dict>() {
        let items: Vec<_> = dict.items().iter().map(|(k, v)| format!("{}: {}", show(t, k), show(t, v))).collect();
        return format!("{{{}}}", items.join(", "));
    }
    if let Some(ty) = v.downcast::<typhon_object::TypeObject>() {
        return format!("<class '{}'>", ty.name());
    }
    strs::display(&typhon_object::types::str_::ascii_of(t, v).unwrap())
}

/// An exception as `Type: text`, the text of codec errors put together from their parts.
pub fn shown(t: &Thread, e: &Exc) -> String {
    let name = type_of(e.value()).short_name();
    let args = typhon_object::error::args_of(e);
    let text = match &args[..] {
        [encoding, object, start, end, reason] => {
            let number = |v: &Value| v.as_small().unwrap() as usize;
            let (start, end) = (number(start), number(end));
            let (verb, one) = match object.downcast::<strs::Str>() {
                Some(s) if s.at(start) < 256 => ("encode", format!("character '\\x{:02x}'", s.at(start))),
                Some(s) => ("encode", format!("character {}", show(t, &strs::from_char(t, s.at(start)).unwrap()))),
                None => ("decode", format!("byte 0x{:02x}", bytes::peek(object).unwrap()[start])),
            };
            let many = if verb == "encode" { "characters" } else { "bytes" };
            let place = if end == start + 1 {
                format!("{one} in position {start}")
            } else {
                format!("{many} in position {start}-{}", end - 1)
            };
            format!("'{}' codec can't {verb} {place}: {}", strs::display(encoding), strs::display(reason))
        }
        [only] if name == "KeyError" => show(t, only),
        _ => strs::display(&ops::str(t, e.value()).unwrap()),
    };
    format!("{name}: {text}")
}
