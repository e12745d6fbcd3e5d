//! `Interact`: both directions of a program that calls back.

use tonic::{Status, Streaming};
use typhon_proto::v1;
use typhon_proto::v1::interact_request::Message;
use typhon_proto::v1::interact_response::Event as Wire;
use typhon_proto::v1::stream_execute_response::Event as Plain;
use typhon_vm::{CancelReason, HostAnswer, HostCall, Value};

use super::request::known;
use super::stream::{Stamp, encode};
use super::value;
use crate::admission::Line;
use crate::error::Refusal;
use crate::events::Event;

/// The first message, which must be `start`.
pub async fn start(inbound: &mut Streaming<v1::InteractRequest>) -> Result<v1::ExecuteRequest, Status> {
    match inbound.message().await?.and_then(|first| first.message) {
        Some(Message::Start(start)) => Ok(*start),
        _ => Err(Refusal::invalid("start", "must be the first message").into()),
    }
}

/// Hears the client until it has nothing more to say. A message that is wrong ends the program and the stream.
pub async fn listen(mut inbound: Streaming<v1::InteractRequest>, line: Line) {
    // Until the client has closed its side; or it is gone, and so will be its stream of events.
    while let Ok(Some(request)) = inbound.message().await {
        if let Err(refusal) = hear(request, &line) {
            line.events.push(Event::Ended(Err(refusal)));
            line.cancel.cancel(CancelReason::CancelledByClient);
            break;
        }
    }
    line.calls.close();
    line.stdin.push(&[], true);
}

fn hear(request: v1::InteractRequest, line: &Line) -> Result<(), Refusal> {
    match request.message {
        None => Err(Refusal::invalid("message", "one of start, host_result, stdin and interrupt is required")),
        Some(Message::Start(_)) => Err(Refusal::invalid("start", "was there already")),
        Some(Message::HostResult(result)) => {
            let (number, answer) = answer(*result)?;
            line.calls.answer(number, answer);
            Ok(())
        }
        Some(Message::Stdin(chunk)) => {
            if line.stdin.push(&chunk.data, chunk.eof) > line.stdin_max {
                return Err(Refusal::PayloadTooLarge { max_bytes: line.stdin_max as u64 });
            }
            Ok(())
        }
        Some(Message::Interrupt(interrupt)) => {
            use v1::interrupt::Mode;
            line.cancel.cancel(match known(interrupt.mode, "interrupt.mode")? {
                Mode::Unspecified | Mode::Raise => CancelReason::Interrupt,
                Mode::Stop => CancelReason::CancelledByClient,
            });
            Ok(())
        }
    }
}

pub fn answer(result: v1::HostResult) -> Result<(u64, HostAnswer), Refusal> {
    use v1::host_result::Result as Wire;
    let number = u64::try_from(result.call_id).ok().filter(|number| *number > 0);
    let number = number.ok_or_else(|| Refusal::invalid("host_result.call_id", "is not positive"))?;
    let answer = match result.result {
        Some(Wire::Value(value)) => HostAnswer::Value(value::decode(value, "host_result.value")?),
        Some(Wire::Exception(v1::HostException { r#type, message })) => HostAnswer::Raised { kind: r#type, message },
        // As a value that is absent: None.
        None => HostAnswer::Value(Value::None),
    };
    Ok((number, answer))
}

/// As a client sends it.
pub fn host_result(number: u64, answer: HostAnswer) -> v1::HostResult {
    use v1::host_result::Result as Wire;
    let result = match answer {
        HostAnswer::Value(value) => Wire::Value(value::Encoder::new(usize::MAX).value(value)),
        HostAnswer::Raised { kind, message } => Wire::Exception(v1::HostException { r#type: kind, message }),
    };
    v1::HostResult { call_id: signed(number), result: Some(result) }
}

/// As Interact sends it.
pub fn event(stamp: Stamp, event: Option<Event>) -> Result<v1::InteractResponse, Status> {
    let wire = match event {
        Some(Event::HostCall(call)) => Wire::HostCall(call),
        Some(Event::HostCallCancelled { number }) => {
            Wire::HostCallCancelled(v1::HostCallCancelled { call_id: signed(number) })
        }
        event => match encode(event)? {
            Plain::Accepted(accepted) => Wire::Accepted(accepted),
            Plain::Started(started) => Wire::Started(started),
            Plain::Output(output) => Wire::Output(output),
            Plain::Display(display) => Wire::Display(display),
            Plain::Progress(progress) => Wire::Progress(progress),
            Plain::Keepalive(keepalive) => Wire::Keepalive(keepalive),
            Plain::Finished(finished) => Wire::Finished(finished),
        },
    };
    Ok(v1::InteractResponse { sequence: stamp.sequence, emit_time: Some(stamp.at.into()), event: Some(wire) })
}

/// One call's arguments on the wire.
const CALL_BYTES: usize = 4 << 20;

pub fn host_call(number: u64, call: HostCall) -> v1::HostCall {
    let mut encoder = value::Encoder::new(CALL_BYTES);
    v1::HostCall {
        call_id: signed(number),
        name: call.name,
        args: call.args.into_iter().map(|arg| encoder.value(arg)).collect(),
        kwargs: call.kwargs.into_iter().map(|(name, arg)| (name, encoder.value(arg))).collect(),
    }
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
