//! What clients rely on stays: the rules of buf's WIRE_JSON category that apply to us, held against `wire.txt` without buf.
//!
//! `wire.txt` has a line for each method, field and enum value there ever was. Lines are added where the protocol has grown,
//! by `TYPHON_REGENERATE=1 cargo test -p typhon-proto --test breaking`; none may change or go.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use prost::Message;
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorSet};

/// The protocol, a line for each thing that has a number or a name on the wire.
fn lines() -> BTreeSet<String> {
    let set = FileDescriptorSet::decode(typhon_proto::FILE_DESCRIPTOR_SET).expect("the descriptor set decodes");
    let mut lines = BTreeSet::new();
    for file in set.file.iter().filter(|file| file.package() == "typhon.v1") {
        for service in &file.service {
            for method in &service.method {
                let stream = |streams: bool| if streams { "stream " } else { "" };
                lines.insert(format!(
                    "{}/{}: {}{} -> {}{}",
                    service.name(),
                    method.name(),
                    stream(method.client_streaming()),
                    method.input_type(),
                    stream(method.server_streaming()),
                    method.output_type()
                ));
            }
        }
        file.message_type.iter().for_each(|message| of_message(".typhon.v1", message, &mut lines));
        file.enum_type.iter().for_each(|of| of_enum(".typhon.v1", of, &mut lines));
    }
    lines
}

fn of_message(outer: &str, message: &DescriptorProto, lines: &mut BTreeSet<String>) {
    let name = format!("{outer}.{}", message.name());
    for field in &message.field {
        lines.insert(format!("{name}.{} = {}: {}", field.name(), field.number(), kind(message, field)));
    }
    message.nested_type.iter().for_each(|inner| of_message(&name, inner, lines));
    message.enum_type.iter().for_each(|of| of_enum(&name, of, lines));
}

fn of_enum(outer: &str, of: &EnumDescriptorProto, lines: &mut BTreeSet<String>) {
    for value in &of.value {
        lines.insert(format!("{outer}.{}.{} = {}", of.name(), value.name(), value.number()));
    }
}

/// The type of a field, as far as anybody who speaks an older protocol notices.
fn kind(message: &DescriptorProto, field: &FieldDescriptorProto) -> String {
    let label = match field.label() {
        Label::Repeated => "repeated ",
        _ if field.proto3_optional() => "optional ",
        _ => "",
    };
    let one_of = field.oneof_index.filter(|_| !field.proto3_optional());
    let one_of = one_of.and_then(|index| message.oneof_decl.get(usize::try_from(index).ok()?));
    let one_of = one_of.map(|of| format!(" of {}", of.name())).unwrap_or_default();
    match field.r#type() {
        Type::Message | Type::Enum => format!("{label}{}{one_of}", field.type_name()),
        plain => format!("{label}{}{one_of}", plain.as_str_name().trim_start_matches("TYPE_").to_ascii_lowercase()),
    }
}

#[test]
fn nothing_that_was_on_the_wire_changes() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/wire.txt");
    let known = fs::read_to_string(&path).unwrap_or_default();
    let known: BTreeSet<String> = known.lines().map(str::to_owned).collect();
    let now = lines();
    let gone: Vec<_> = known.difference(&now).cloned().collect();
    assert!(gone.is_empty(), "clients of older versions rely on this:\n{}", gone.join("\n"));
    if std::env::var_os("TYPHON_REGENERATE").is_some() {
        let all: Vec<_> = now.iter().map(|line| format!("{line}\n")).collect();
        return fs::write(&path, all.concat()).expect("wire.txt is written");
    }
    let new: Vec<_> = now.difference(&known).cloned().collect();
    assert!(new.is_empty(), "wire.txt lacks what is there for ever once it has shipped:\n{}", new.join("\n"));
}
