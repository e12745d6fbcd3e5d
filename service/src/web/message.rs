//! JSON to messages and back, by protobuf's own mapping; and gRPC's frames around them.

use prost::Message;
use prost_reflect::{DynamicMessage, MessageDescriptor};
use serde_json::{Map, Value};
use tonic::codegen::Bytes;

use super::reply::Failure;
use super::routes::Whole;

/// The message that a request's parts make.
pub fn read(
    kind: MessageDescriptor,
    body: &[u8],
    part: Whole,
    name: Option<String>,
    fields: Vec<(String, String)>,
) -> Result<Vec<u8>, Failure> {
    let bad = |error: serde_json::Error| Failure::BadBody(error.to_string());
    let json = if body.iter().all(u8::is_ascii_whitespace) {
        Value::Object(Map::new())
    } else {
        serde_json::from_slice(body).map_err(bad)?
    };
    let mut whole = match (part, json) {
        (Whole::Message, Value::Object(fields)) => fields,
        (Whole::Message, _) => return Err(Failure::BadBody("expected an object".into())),
        (Whole::Field(field), json) => Map::from_iter([(field.to_owned(), json)]),
        (Whole::Nothing, Value::Object(fields)) if fields.is_empty() => fields,
        (Whole::Nothing, _) => return Err(Failure::BadBody("expected no body".into())),
    };
    for (name, value) in fields.into_iter().chain(name.map(|name| ("name".to_owned(), name))) {
        // The path's word stands over the body's, and a field of the body's own is not for the query.
        if matches!(part, Whole::Field(field) if field == name) {
            return Err(Failure::BadBody(format!("{name} is the body")));
        }
        whole.insert(name, Value::String(value));
    }
    let message = DynamicMessage::deserialize(kind, Value::Object(whole)).map_err(bad)?;
    Ok(message.encode_to_vec())
}

/// The message as JSON, on one line.
pub fn write(kind: MessageDescriptor, message: &[u8]) -> Result<String, Failure> {
    let broken = |problem: String| Failure::BadAnswer(problem);
    let message = DynamicMessage::decode(kind, message).map_err(|error| broken(error.to_string()))?;
    serde_json::to_string(&message).map_err(|error| broken(error.to_string()))
}

/// One uncompressed message as gRPC frames it.
pub fn frame(message: &[u8]) -> Result<Bytes, Failure> {
    let length = u32::try_from(message.len()).map_err(|_| Failure::BadBody("too large".into()))?;
    let mut framed = Vec::with_capacity(HEAD + message.len());
    framed.push(0);
    framed.extend_from_slice(&length.to_be_bytes());
    framed.extend_from_slice(message);
    Ok(framed.into())
}

/// A flag for compression and a length.
const HEAD: usize = 5;

/// Takes the first whole message off a buffer.
pub fn unframe(buffer: &mut Vec<u8>) -> Result<Option<Vec<u8>>, Failure> {
    let Some((&[flag, a, b, c, d], rest)) = buffer.split_first_chunk() else { return Ok(None) };
    if flag != 0 {
        // Nobody asked for it.
        return Err(Failure::BadAnswer("a compressed message".into()));
    }
    let length = u32::from_be_bytes([a, b, c, d]) as usize;
    if rest.len() < length {
        return Ok(None);
    }
    let message = buffer[HEAD..HEAD + length].to_vec();
    buffer.drain(..HEAD + length);
    Ok(Some(message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_apart_wherever_they_are_cut() {
        let messages: [&[u8]; 3] = [b"abc", b"", b"defgh"];
        let whole: Vec<u8> = messages.iter().flat_map(|message| frame(message).expect("small").to_vec()).collect();
        for step in 1..=whole.len() {
            let (mut buffer, mut found) = (Vec::new(), Vec::new());
            for part in whole.chunks(step) {
                buffer.extend_from_slice(part);
                while let Some(message) = unframe(&mut buffer).expect("good frames") {
                    found.push(message);
                }
            }
            assert_eq!(found, messages, "{step}");
            assert!(buffer.is_empty());
        }
        assert!(unframe(&mut vec![1, 0, 0, 0, 0]).is_err());
    }
}
