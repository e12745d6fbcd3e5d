//! Codecs, error handlers and `repr`, compared with what CPython 3.14 answered (gen/codecs_data.py).

use typhon_unicode::codec::bytes_escape::{EscapeError, Policy};
use typhon_unicode::codec::handlers::{self, Standard};
use typhon_unicode::codec::unicode_escape::BadEscape;
use typhon_unicode::codec::*;
use typhon_unicode::{ascii_str, repr_bytes, repr_str};

const CASES: &str = include_str!("data/codecs.txt");
const TABLE_TAIL: &str = "€\u{fffe}é\u{1f600}é\0\u{abcd}\u{fffe}€zz";

fn points(s: &[u32]) -> String {
    s.iter().map(|c| format!("{c:x}")).collect::<Vec<_>>().join(" ")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn parse_points(text: &str) -> Vec<u32> {
    text.split_whitespace().map(|c| u32::from_str_radix(c, 16).unwrap()).collect()
}

fn parse_hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect()
}

fn table() -> Vec<u32> {
    (0..128).chain(TABLE_TAIL.chars().map(u32::from)).collect()
}

/// The decoding table without what only a dict can invert.
fn encoding_table() -> Vec<u32> {
    let simple = |(i, c)| match c {
        0 if i > 0 => 1,
        0x1F600 => 0xD800,
        c => c,
    };
    table().into_iter().enumerate().map(simple).collect()
}

fn shown(error: &CodecError) -> String {
    format!("{}-{}:{}", error.start, error.end, error.reason)
}

/// What decoders and encoders remember besides their output.
#[derive(Default)]
struct Memory {
    bad: Option<BadEscape>,
    jp: stateful::Iso2022Jp,
    hz: stateful::Hz,
}

/// One call of a decoder, by name.
fn decode_step(
    name: &str,
    input: &[u8],
    from: usize,
    last: bool,
    sink: &mut Vec<u32>,
    memory: &mut Memory,
) -> Outcome<usize> {
    use ByteOrder::{Big, Little};
    let after = |(order, skip): (Option<ByteOrder>, usize)| (order.unwrap_or(Little), from.max(skip));
    match name {
        "ascii" => ascii::decode(input, from, sink),
        "utf8" => utf8::decode(input, from, last, sink),
        "utf16le" => utf16::decode(input, from, last, Little, sink),
        "utf16be" => utf16::decode(input, from, last, Big, sink),
        "utf16" => {
            let (order, from) = after(utf16::sniff(input));
            utf16::decode(input, from, last, order, sink)
        }
        "utf32le" => utf32::decode(input, from, last, Little, sink),
        "utf32be" => utf32::decode(input, from, last, Big, sink),
        "utf32" => {
            let (order, from) = after(utf32::sniff(input));
            utf32::decode(input, from, last, order, sink)
        }
        "utf7" => utf7::decode(input, from, last, sink),
        "unicode_escape" => unicode_escape::decode(input, from, last, sink, &mut memory.bad),
        "iso2022_jp" => memory.jp.decode(input, from, last, sink),
        "hz" => memory.hz.decode(input, from, last, sink),
        "raw_unicode_escape" => raw_unicode_escape::decode(input, from, last, sink),
        "charmap" => charmap::decode(input, from, &table(), sink),
        _ => cjk::decode(cjk::Charset::from_name(name).unwrap(), input, from, last, sink),
    }
}

/// One call of an encoder, by name, over any kind of unit.
fn encode_step<U: Unit>(name: &str, s: &[U], from: usize, out: &mut Vec<u8>, memory: &mut Memory) -> Outcome<()> {
    use ByteOrder::{Big, Little};
    match name {
        "ascii" => ascii::encode(s, from, out),
        "latin1" => latin1::encode(s, from, out),
        "utf8" => utf8::encode(s, from, out),
        "utf16le" => utf16::encode(s, from, Little, out),
        "utf16be" => utf16::encode(s, from, Big, out),
        "utf32le" => utf32::encode(s, from, Little, out),
        "utf32be" => utf32::encode(s, from, Big, out),
        "utf7" => {
            utf7::encode(s, out);
            Ok(())
        }
        "unicode_escape" => {
            unicode_escape::encode(s, out);
            Ok(())
        }
        "raw_unicode_escape" => {
            raw_unicode_escape::encode(s, out);
            Ok(())
        }
        "charmap" => charmap::encode(s, from, &charmap::EncodeMap::new(&encoding_table()).unwrap(), out),
        "iso2022_jp" => memory.jp.encode(s, from, out),
        "hz" => memory.hz.encode(s, from, out),
        _ => cjk::encode(cjk::Charset::from_name(name).unwrap(), s, from, out),
    }
}

/// Output, consumed length, errors, warning.
type Answer = [String; 4];

fn decode(arguments: &str, input: &str) -> Answer {
    let (name, last) = arguments.split_once(' ').unwrap();
    let input = parse_hex(input);
    let (mut sink, mut errors, mut from, mut memory) = (Vec::new(), Vec::new(), 0, Memory::default());
    let used = loop {
        match decode_step(name, &input, from, last == "1", &mut sink, &mut memory) {
            Ok(used) => break used,
            Err(error) => {
                errors.push(shown(&error));
                sink.push(0xFFFD);
                from = error.end;
            }
        }
    };
    let warning = memory.bad.map(|bad| bad.warning().replace('\r', "\\r")).unwrap_or_default();
    [points(&sink), used.to_string(), errors.join(";"), warning]
}

fn encode_units<U: Unit>(name: &str, s: &[U]) -> Answer {
    let (mut out, mut errors, mut from, mut memory) = (Vec::new(), Vec::new(), 0, Memory::default());
    while let Err(error) = encode_step(name, s, from, &mut out, &mut memory) {
        errors.push(shown(&error));
        encode_step(name, b"?", 0, &mut out, &mut memory).unwrap();
        from = error.end;
    }
    memory.jp.finish(&mut out);
    memory.hz.finish(&mut out);
    [hex(&out), s.len().to_string(), errors.join(";"), String::new()]
}

/// Encodes from every kind of unit that can hold the text, which must agree.
fn encode(name: &str, input: &str) -> Answer {
    let wide = parse_points(input);
    let answer = encode_units(name, &wide);
    if let Ok(narrow) = wide.iter().map(|&c| u16::try_from(c)).collect::<Result<Vec<u16>, _>>() {
        assert_eq!(encode_units(name, &narrow), answer);
    }
    if let Ok(bytes) = wide.iter().map(|&c| u8::try_from(c)).collect::<Result<Vec<u8>, _>>() {
        assert_eq!(encode_units(name, &bytes), answer);
    }
    answer
}

fn plain_name(encoding: &str) -> String {
    encoding.replace(['-', '_'], "")
}

fn decode_with(arguments: &str, input: &str) -> Answer {
    let (encoding, handler) = arguments.split_once(' ').unwrap();
    let (name, standard) = (plain_name(encoding), Standard::from_name(encoding).unwrap());
    let input = parse_hex(input);
    let (mut sink, mut from, mut memory) = (Vec::new(), 0, Memory::default());
    while let Err(error) = decode_step(&name, &input, from, true, &mut sink, &mut memory) {
        let bad = &input[error.start..error.end];
        let taken = match handler {
            "surrogateescape" => handlers::surrogate_escape_decode(bad, &mut sink),
            "surrogatepass" => {
                handlers::surrogate_pass_decode(standard, &input[error.start..]).map_or(0, |(c, len)| {
                    sink.push(c);
                    len
                })
            }
            _ => {
                handlers::backslash_replace(bad, &mut sink);
                bad.len()
            }
        };
        if taken == 0 {
            return [format!("!{}", shown(&error)), String::new(), String::new(), String::new()];
        }
        from = error.start + taken;
    }
    [points(&sink), String::new(), String::new(), String::new()]
}

fn encode_with(arguments: &str, input: &str) -> Answer {
    let (encoding, handler) = arguments.split_once(' ').unwrap();
    let (name, standard) = (plain_name(encoding), Standard::from_name(encoding));
    let input = parse_points(input);
    let (mut out, mut from) = (Vec::new(), 0);
    // CPython handles surrogateescape inline in the narrow encoders, so that the error covers only what is left.
    let width = if name.starts_with("utf16") {
        2
    } else if name.starts_with("utf32") {
        4
    } else {
        1
    };
    while let Err(mut error) = encode_step(&name, &input, from, &mut out, &mut Memory::default()) {
        let bad = &input[error.start..error.end];
        let mut text: Vec<u32> = Vec::new();
        let bytes = match handler {
            "surrogateescape" => {
                let mut bytes = Vec::new();
                let escaped = handlers::surrogate_escape_encode(bad, &mut bytes);
                if width == 1 {
                    error.start += escaped;
                }
                Some(bytes).filter(|_| escaped == bad.len())
            }
            "surrogatepass" => standard.and_then(|standard| handlers::surrogate_pass_encode(standard, bad)),
            _ => {
                match handler {
                    "backslashreplace" => handlers::backslash_replace(bad, &mut text),
                    "xmlcharrefreplace" => handlers::xml_char_ref_replace(bad, &mut text),
                    _ => handlers::name_replace(bad, &mut text),
                }
                let mut bytes = Vec::new();
                encode_step(&name, &text, 0, &mut bytes, &mut Memory::default()).unwrap();
                Some(bytes)
            }
        };
        // Bytes that do not fill whole units are refused.
        match bytes.filter(|bytes| bytes.len().is_multiple_of(width)) {
            Some(bytes) => out.extend(bytes),
            None => return [format!("!{}", shown(&error)), String::new(), String::new(), String::new()],
        }
        from = error.end;
    }
    [hex(&out), String::new(), String::new(), String::new()]
}

fn bytes_decode(policy: &str, input: &str) -> Answer {
    let policy = match policy {
        "strict" => Policy::Strict,
        "replace" => Policy::Replace,
        _ => Policy::Ignore,
    };
    let (mut out, mut bad) = (Vec::new(), None);
    let shown = match bytes_escape::decode(&parse_hex(input), policy, &mut out, &mut bad) {
        Ok(()) => hex(&out),
        Err(EscapeError::TrailingBackslash) => "!Trailing \\ in string".to_owned(),
        Err(EscapeError::InvalidHex { position }) => format!("!invalid \\x escape at position {position}"),
    };
    let warning = bad.filter(|_| !shown.starts_with('!')).map(|bad| bad.bytes_warning().replace('\r', "\\r"));
    [shown, String::new(), String::new(), warning.unwrap_or_default()]
}

fn answer(operation: &str, arguments: &str, input: &str) -> Answer {
    let text = |f: fn(&[u32], &mut Vec<u32>)| {
        let mut out = Vec::new();
        f(&parse_points(input), &mut out);
        [points(&out), String::new(), String::new(), String::new()]
    };
    let bytes = |f: fn(&[u8], &mut Vec<u8>)| {
        let mut out = Vec::new();
        f(&parse_hex(input), &mut out);
        [hex(&out), String::new(), String::new(), String::new()]
    };
    match operation {
        "decode" => decode(arguments, input),
        "encode" => encode(arguments, input),
        "decode_with" => decode_with(arguments, input),
        "encode_with" => encode_with(arguments, input),
        "repr" => text(repr_str),
        "ascii" => text(ascii_str),
        "bytes_repr" => bytes(repr_bytes),
        "bytes_encode" => bytes(bytes_escape::encode),
        "bytes_decode" => bytes_decode(arguments, input),
        _ => panic!("no operation {operation}"),
    }
}

#[test]
fn everything_is_as_cpython_answered() {
    let mut wrong = Vec::new();
    for line in CASES.lines() {
        let fields: Vec<&str> = line.split('\t').collect();
        let expected: Vec<&str> = (3..7).map(|i| fields.get(i).copied().unwrap_or("")).collect();
        let got = answer(fields[0], fields[1], fields[2]);
        if got[..] != expected[..] {
            wrong.push(format!("{line}\n  got {got:?}"));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} differ:\n{}",
        wrong.len(),
        wrong.iter().take(20).cloned().collect::<Vec<_>>().join("\n")
    );
}

#[test]
fn pieces_decode_like_the_whole() {
    for line in CASES.lines().filter(|line| line.starts_with("decode\t")) {
        let fields: Vec<&str> = line.split('\t').collect();
        let (name, last) = fields[1].split_once(' ').unwrap();
        // A byte order mark is looked for once, by the caller.
        if last != "1" || !fields[5].is_empty() || ["utf16", "utf32", "ascii", "charmap"].contains(&name) {
            continue;
        }
        let input = parse_hex(fields[2]);
        // As in CPython, an octal escape ends with its piece.
        if name == "unicode_escape" && input.windows(2).any(|pair| matches!(pair, [b'\\', b'0'..=b'7'])) {
            continue;
        }
        let (mut sink, mut pending, mut memory) = (Vec::new(), Vec::new(), Memory::default());
        for &byte in &input {
            pending.push(byte);
            let used = decode_step(name, &pending, 0, false, &mut sink, &mut memory).unwrap();
            pending.drain(..used);
        }
        assert_eq!(decode_step(name, &pending, 0, true, &mut sink, &mut memory), Ok(pending.len()), "{line}");
        assert_eq!(points(&sink), fields[3], "{line}");
    }
}

#[test]
fn positions_past_the_end_are_the_end() {
    let (mut sink, mut memory) = (Vec::new(), Memory::default());
    for name in
        ["ascii", "utf8", "utf16le", "utf32be", "utf7", "unicode_escape", "raw_unicode_escape", "charmap", "gbk", "hz"]
    {
        assert_eq!(decode_step(name, b"abc", 9, true, &mut sink, &mut memory), Ok(9), "{name}");
        assert_eq!(encode_step(name, b"", 9, &mut Vec::new(), &mut memory), Ok(()), "{name}");
    }
    assert!(sink.is_empty());
}

#[test]
fn tables_that_need_a_dict_are_refused() {
    assert!(charmap::EncodeMap::new::<u32>(&[]).is_none());
    assert!(charmap::EncodeMap::new(b"a").is_none());
    assert!(charmap::EncodeMap::new(b"\0\0").is_none());
    assert!(charmap::EncodeMap::new(&[0, 0x1F600u32]).is_none());
    let map = charmap::EncodeMap::new(&[0, 0x20ACu32, 0xE9, 0x20AC, 0xE9, charmap::UNDEFINED]).unwrap();
    assert_eq!([0x20AC, 0xE9, 0, 1, charmap::UNDEFINED].map(|c| map.get(c)), [Some(3), Some(4), Some(0), None, None]);
}

#[test]
fn measuring_tells_length_and_kind() {
    assert_eq!(utf8::measure(b""), Some((0, 0x7F)));
    assert_eq!(utf8::measure(b"abc"), Some((3, 0x7F)));
    assert_eq!(utf8::measure("aÿ".as_bytes()), Some((2, 0xFF)));
    assert_eq!(utf8::measure("éĀ".as_bytes()), Some((2, 0xFFFF)));
    assert_eq!(utf8::measure("é😀€".as_bytes()), Some((3, 0x10_FFFF)));
    assert_eq!(utf8::measure(b"\xED\xA0\x80"), None);
    assert_eq!(utf8::encoded_len(&[0x41u32, 0xE9, 0x20AC, 0xD800, 0x1F600]), 1 + 2 + 3 + 3 + 4);
}

#[test]
fn names_of_surrogate_encodings() {
    use ByteOrder::{Big, Little};
    for (name, expected) in [
        ("utf-8", Some(Standard::Utf8)),
        ("UTF8", Some(Standard::Utf8)),
        ("utf_16", Some(Standard::Utf16(Little))),
        ("utf-16-be", Some(Standard::Utf16(Big))),
        ("UTF32LE", Some(Standard::Utf32(Little))),
        ("cp65001", Some(Standard::Utf8)),
        ("utf-16-", None),
        ("utf-7", None),
        ("utf-é", None),
        ("ascii", None),
        ("", None),
    ] {
        assert_eq!(Standard::from_name(name), expected, "{name}");
    }
}

/// A hostile input ends in bounded output, and every error moves forward inside the input.
#[test]
fn random_bytes_come_to_an_end() {
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let names = CASES.lines().filter_map(|line| line.strip_prefix("decode\t")?.split(' ').next());
    let names: std::collections::BTreeSet<&str> = names.collect();
    assert_eq!(names.len(), 24);
    for round in 0..4000 {
        let special = b"\\+~{}\x1b$(BNuUx0";
        let mut byte = || match next() {
            n if n % 3 == 0 => special[(n >> 8) as usize % special.len()],
            n => (n >> 8) as u8,
        };
        let input: Vec<u8> = (0..round % 24).map(|_| byte()).collect();
        for name in &names {
            let (mut sink, mut from, mut memory) = (Vec::new(), 0, Memory::default());
            while let Err(error) = decode_step(name, &input, from, round % 2 == 0, &mut sink, &mut memory) {
                let forward = from <= error.start && error.start < error.end && error.end <= input.len();
                assert!(forward, "{name} {input:?} {error:?}");
                from = error.end;
            }
            assert!(sink.len() <= input.len(), "{name} {input:?}");
        }
    }
}
