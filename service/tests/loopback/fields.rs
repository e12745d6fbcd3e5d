//! Every number, enum, duration, text, map and list that a request may hold, made wrong one at a time: each is refused by its own
//! name, or is in a table that says what becomes of it.
//!
//! The fields are those of the protocol itself, so a new one is here before anybody thinks of it.

use std::collections::BTreeSet;

use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor, Value};
use tonic::Code;
use tonic_types::StatusExt;
use typhon_proto::v1;

use crate::refusals::{Row, call};
use crate::support::{check_refusal, source, start};

/// A method, a request that is right, and what stands before the fields' names that refusals leave out.
struct Base {
    method: &'static str,
    input: &'static str,
    request: Vec<u8>,
    unnamed: &'static str,
}

fn bases() -> Vec<Base> {
    let base = |method, input, request, unnamed| Base { method, input, request, unnamed };
    let streamed = v1::StreamExecuteRequest { request: Some(source("")) };
    let started = v1::StartExecutionRequest { request: Some(source("")) };
    let first = v1::interact_request::Message::Start(Box::new(source("")));
    let talked = v1::InteractRequest { message: Some(first) };
    let setup = v1::BatchSetup { request: Some(source("")), ..v1::BatchSetup::default() };
    let setup = v1::batch_execute_request::Message::Setup(Box::new(setup));
    let batch = v1::BatchExecuteRequest { message: Some(setup) };
    let session =
        v1::CreateSessionRequest { session: Some(v1::Session::default()), ..v1::CreateSessionRequest::default() };
    let code = Some(v1::Source { text: b"1".to_vec(), filename: String::new() });
    let template = v1::CreateTemplateRequest { template: Some(v1::Template::default()), source: code };
    let missing = "sessions/00000000000000000000000000000000".to_owned();
    let snapshot = v1::CreateSnapshotRequest {
        session: missing,
        snapshot: Some(v1::Snapshot::default()),
        ..v1::CreateSnapshotRequest::default()
    };
    vec![
        base("ExecutionService/Execute", "ExecuteRequest", source("").encode_to_vec(), ""),
        base("ExecutionService/StreamExecute", "StreamExecuteRequest", streamed.encode_to_vec(), "request."),
        base("ExecutionService/StartExecution", "StartExecutionRequest", started.encode_to_vec(), "request."),
        base("ExecutionService/Interact", "InteractRequest", talked.encode_to_vec(), "start."),
        base("ExecutionService/BatchExecute", "BatchExecuteRequest", batch.encode_to_vec(), ""),
        base("SessionService/CreateSession", "CreateSessionRequest", session.encode_to_vec(), ""),
        base("TemplateService/CreateTemplate", "CreateTemplateRequest", template.encode_to_vec(), ""),
        base("SnapshotService/CreateSnapshot", "CreateSnapshotRequest", snapshot.encode_to_vec(), ""),
    ]
}

/// What the server says of itself in these messages: what a client says there is nothing to it.
const OUTPUT_ONLY: [&str; 9] = [
    "typhon.v1.Session.state",
    "typhon.v1.Session.execution_count",
    "typhon.v1.Session.waiting_executions",
    "typhon.v1.Session.heap_bytes",
    "typhon.v1.Session.threads",
    "typhon.v1.Session.generation",
    "typhon.v1.Session.isolation",
    "typhon.v1.Template.heap_bytes",
    "typhon.v1.Template.use_count",
];
const SIZE: &str = "typhon.v1.Snapshot.size_bytes";
/// May be any number.
const PRIORITY: &str = "typhon.v1.ExecuteRequest.priority";

/// The ways to what can be wrong in a message, and what is.
fn leaves(message: &MessageDescriptor, way: &[FieldDescriptor], found: &mut Vec<(Vec<FieldDescriptor>, Value)>) {
    for field in message.fields().filter(|field| !field.is_list() && !field.is_map()) {
        let name = field.full_name();
        if OUTPUT_ONLY.contains(&name) || [SIZE, PRIORITY].contains(&name) {
            continue;
        }
        let way: Vec<_> = way.iter().cloned().chain([field.clone()]).collect();
        let wrong = match field.kind() {
            Kind::Enum(_) => Value::EnumNumber(99),
            Kind::Int32 => Value::I32(-1),
            Kind::Int64 => Value::I64(-1),
            Kind::Message(inner) if inner.full_name() == "google.protobuf.Duration" => {
                let mut minus = DynamicMessage::new(inner.clone());
                minus.set_field_by_name("seconds", Value::I64(-1));
                Value::Message(minus)
            }
            // Timestamps are the server's; of what else could begin a conversation or a batch, one does.
            Kind::Message(inner)
                if !["google.protobuf.Timestamp", "typhon.v1.BatchCase"].contains(&inner.full_name()) =>
            {
                let begins = way.len() > 1 || field.containing_oneof().is_none();
                if begins || ["start", "setup"].contains(&field.name()) {
                    leaves(&inner, &way, found);
                }
                continue;
            }
            _ => continue,
        };
        found.push((way, wrong));
    }
}

fn put(message: &mut DynamicMessage, way: &[FieldDescriptor], wrong: Value) {
    match way {
        [] => {}
        [last] => message.set_field(last, wrong),
        [first, rest @ ..] => match message.get_field_mut(first) {
            Value::Message(inner) => put(inner, rest, wrong),
            other => panic!("{other:?} is no message"),
        },
    }
}

#[tokio::test]
async fn what_is_wrong_is_named_wherever_it_stands() {
    let pool = DescriptorPool::decode(typhon_proto::FILE_DESCRIPTOR_SET).expect("descriptors");
    let fixture = start(&[]).await;
    let (mut seen, mut missed) = (0, Vec::new());
    for Base { method, input, request, unnamed } in bases() {
        let descriptor = pool.get_message_by_name(&format!("typhon.v1.{input}")).expect("a message");
        let mut found = Vec::new();
        leaves(&descriptor, &[], &mut found);
        for (way, wrong) in found {
            let names: Vec<&str> = way.iter().map(FieldDescriptor::name).collect();
            let path = names.join(".");
            let mut message = DynamicMessage::decode(descriptor.clone(), &*request).expect("a request");
            put(&mut message, &way, wrong);
            let row =
                Row { method, request: message.encode_to_vec(), code: Code::InvalidArgument, reason: "", field: "" };
            let expected = path.strip_prefix(unnamed).unwrap_or(&path);
            seen += 1;
            match call(&fixture, &row).await {
                Err(status) if status.code() == Code::InvalidArgument => {
                    let fields = check_refusal(&status, Code::InvalidArgument, "INVALID_REQUEST");
                    if fields != [expected] {
                        missed.push(format!("{method}: {path}: {fields:?}"));
                    }
                }
                Err(status) => missed.push(format!("{method}: {path}: {status:?}")),
                Ok(_) => missed.push(format!("{method}: {path} is taken")),
            }
        }
    }
    assert!(missed.is_empty(), "of {seen}, {} not named:\n{}", missed.len(), missed.join("\n"));
    assert!(seen > 150, "{seen}");
}

/// No name, and nothing that a system takes.
const NUL: &str = "a\0b";

/// What of text is wrong in a message: the ways to it, what is to be put there, and how a refusal goes on behind the field's name.
fn texts(message: &MessageDescriptor, way: &[FieldDescriptor], found: &mut Vec<(Vec<FieldDescriptor>, Value, String)>) {
    let text = || Value::String(NUL.to_owned());
    for field in message.fields() {
        let way: Vec<_> = way.iter().cloned().chain([field.clone()]).collect();
        let (wrong, behind) = match field.kind() {
            Kind::Message(entry) if field.is_map() => {
                let value = Value::default_value(&entry.map_entry_value_field().kind());
                (Value::Map([(MapKey::String(NUL.to_owned()), value)].into()), format!("[{NUL:?}]"))
            }
            Kind::Message(inner) if field.is_list() => {
                let mut element = DynamicMessage::new(inner.clone());
                let named = inner.fields().find(|field| field.kind() == Kind::String && !field.is_list());
                let behind = named.as_ref().map(|field| format!(".{}", field.name())).unwrap_or_default();
                if let Some(field) = named {
                    element.set_field(&field, text());
                }
                (Value::List(vec![Value::Message(element)]), format!("[0]{behind}"))
            }
            Kind::String if field.is_list() => (Value::List(vec![text()]), "[0]".to_owned()),
            Kind::String => (text(), String::new()),
            Kind::Message(inner) if inner.full_name().starts_with("typhon.v1.") => {
                let begins = way.len() > 1 || field.containing_oneof().is_none();
                if begins || ["start", "setup"].contains(&field.name()) {
                    texts(&inner, &way, found);
                }
                continue;
            }
            _ => continue,
        };
        found.push((way, wrong, behind));
    }
}

/// What becomes of a field that is not refused by its own name.
const OTHERWISE: &[(&str, &str)] = &[
    // Names of what is not there. A batch runs in none of them.
    ("typhon.v1.ExecuteRequest.session", "SESSION_NOT_FOUND"),
    ("typhon.v1.ExecuteRequest.session", "INVALID_REQUEST setup.request.target"),
    ("typhon.v1.ExecuteRequest.snapshot", "SNAPSHOT_NOT_FOUND"),
    ("typhon.v1.ExecuteRequest.snapshot", "INVALID_REQUEST setup.request.target"),
    ("typhon.v1.ExecuteRequest.template", "TEMPLATE_NOT_FOUND"),
    ("typhon.v1.ExecuteRequest.template", "INVALID_REQUEST setup.request.target"),
    // Whatever is in them, they are too many.
    ("typhon.v1.NetworkPolicy.rules", "INVALID_REQUEST policy.network.rules"),
    ("typhon.v1.NetworkPolicy.rules", "INVALID_REQUEST session.policy.network.rules"),
    ("typhon.v1.NetworkPolicy.rules", "INVALID_REQUEST setup.request.policy.network.rules"),
    ("typhon.v1.NetworkPolicy.rules", "INVALID_REQUEST template.policy.network.rules"),
    // Any text is a label. These requests are right, and get as far as a right one does here.
    ("typhon.v1.ExecuteRequest.labels", "taken"),
    ("typhon.v1.Session.labels", "taken"),
    ("typhon.v1.Snapshot.labels", "SESSION_NOT_FOUND"),
    ("typhon.v1.Template.labels", "FEATURE_UNSUPPORTED"),
    // The server's to say: what a client says there is nothing to it.
    ("typhon.v1.Session.failure", "taken"),
    ("typhon.v1.Session.name", "taken"),
    ("typhon.v1.Session.running_execution", "taken"),
    ("typhon.v1.Snapshot.digest", "SESSION_NOT_FOUND"),
    ("typhon.v1.Snapshot.engine_version", "SESSION_NOT_FOUND"),
    ("typhon.v1.Snapshot.format", "SESSION_NOT_FOUND"),
    ("typhon.v1.Snapshot.left_out", "SESSION_NOT_FOUND"),
    ("typhon.v1.Snapshot.name", "SESSION_NOT_FOUND"),
    ("typhon.v1.Snapshot.session", "SESSION_NOT_FOUND"),
    ("typhon.v1.Template.failure", "FEATURE_UNSUPPORTED"),
    ("typhon.v1.Template.name", "FEATURE_UNSUPPORTED"),
];

#[tokio::test]
async fn what_is_wrong_in_text_is_named_or_known() {
    let pool = DescriptorPool::decode(typhon_proto::FILE_DESCRIPTOR_SET).expect("descriptors");
    let fixture = start(&[]).await;
    let (mut seen, mut otherwise) = (0, BTreeSet::new());
    for Base { method, input, request, unnamed } in bases() {
        let descriptor = pool.get_message_by_name(&format!("typhon.v1.{input}")).expect("a message");
        let mut found = Vec::new();
        texts(&descriptor, &[], &mut found);
        for (way, wrong, behind) in found {
            let names: Vec<&str> = way.iter().map(FieldDescriptor::name).collect();
            let path = format!("{}{behind}", names.join("."));
            let mut message = DynamicMessage::decode(descriptor.clone(), &*request).expect("a request");
            put(&mut message, &way, wrong);
            let row = Row { method, request: message.encode_to_vec(), code: Code::Ok, reason: "", field: "" };
            let expected = path.strip_prefix(unnamed).unwrap_or(&path);
            seen += 1;
            let became = match call(&fixture, &row).await {
                Err(status) => {
                    let reason = status.get_details_error_info().map(|info| info.reason).unwrap_or_default();
                    let fields = check_refusal(&status, status.code(), &reason);
                    if reason == "INVALID_REQUEST" && fields == [expected] {
                        continue;
                    }
                    format!("{reason} {}", fields.join(", ")).trim_end().to_owned()
                }
                Ok(_) => "taken".to_owned(),
            };
            let field = way.last().map(|field| field.full_name().to_owned()).unwrap_or_default();
            otherwise.insert((field, became));
        }
    }
    let known: BTreeSet<_> =
        OTHERWISE.iter().map(|(field, became)| ((*field).to_owned(), (*became).to_owned())).collect();
    assert_eq!(otherwise, known, "of {seen}");
    assert!(seen > 100, "{seen}");
}
