//! The rules of buf's STANDARD category that apply to us, held without buf.

use prost::Message;
use prost_types::{DescriptorProto, EnumDescriptorProto, FileDescriptorProto, FileDescriptorSet};

fn ours() -> Vec<FileDescriptorProto> {
    let set = FileDescriptorSet::decode(typhon_proto::FILE_DESCRIPTOR_SET).expect("the descriptor set decodes");
    let files: Vec<_> = set.file.into_iter().filter(|file| file.package() == "typhon.v1").collect();
    assert!(files.len() > 3);
    files
}

#[test]
fn files_live_where_their_package_says() {
    for file in ours() {
        let name = file.name().strip_prefix("typhon/v1/").expect("PACKAGE_DIRECTORY_MATCH");
        assert!(is_lower_snake(name.strip_suffix(".proto").expect("a .proto file")), "FILE_LOWER_SNAKE_CASE: {name}");
        assert_eq!(file.syntax(), "proto3", "{name}");
        assert!(file.public_dependency.is_empty(), "IMPORT_NO_PUBLIC: {name}");
    }
}

#[test]
fn enums_start_unspecified_and_are_prefixed() {
    for file in ours() {
        file.enum_type.iter().for_each(check_enum);
        file.message_type.iter().for_each(check_enums_within);
    }
}

fn check_enums_within(message: &DescriptorProto) {
    message.enum_type.iter().for_each(check_enum);
    message.nested_type.iter().for_each(check_enums_within);
}

fn check_enum(enumeration: &EnumDescriptorProto) {
    let prefix = upper_snake(enumeration.name());
    let zero = enumeration.value.first().expect("an enum has values");
    assert_eq!((zero.number(), zero.name()), (0, format!("{prefix}_UNSPECIFIED").as_str()));
    for value in &enumeration.value {
        assert!(value.name().starts_with(&format!("{prefix}_")), "ENUM_VALUE_PREFIX: {}", value.name());
    }
}

#[test]
fn messages_and_fields_are_named_well() {
    for file in ours() {
        file.message_type.iter().for_each(check_message);
    }
}

fn check_message(message: &DescriptorProto) {
    assert!(is_upper_camel(message.name()), "MESSAGE_PASCAL_CASE: {}", message.name());
    for field in &message.field {
        assert!(is_lower_snake(field.name()), "FIELD_LOWER_SNAKE_CASE: {}.{}", message.name(), field.name());
    }
    for oneof in message.oneof_decl.iter().filter(|oneof| !oneof.name().starts_with('_')) {
        assert!(is_lower_snake(oneof.name()), "ONEOF_LOWER_SNAKE_CASE: {}.{}", message.name(), oneof.name());
    }
    message.nested_type.iter().for_each(check_message);
}

#[test]
fn every_rpc_has_its_own_request_and_response() {
    let mut methods = 0;
    for service in ours().into_iter().flat_map(|file| file.service) {
        assert!(service.name().ends_with("Service"), "SERVICE_SUFFIX: {}", service.name());
        for method in &service.method {
            methods += 1;
            assert!(is_upper_camel(method.name()), "RPC_PASCAL_CASE: {}", method.name());
            assert_eq!(method.input_type(), format!(".typhon.v1.{}Request", method.name()));
            assert_eq!(method.output_type(), format!(".typhon.v1.{}Response", method.name()));
        }
    }
    assert!(methods >= 3);
}

fn is_lower_snake(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        && !name.contains("__")
}

fn is_upper_camel(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_uppercase()) && name.chars().all(|c| c.is_ascii_alphanumeric())
}

fn upper_snake(camel: &str) -> String {
    let mut out = String::new();
    for c in camel.chars() {
        if c.is_ascii_uppercase() && !out.is_empty() {
            out.push('_');
        }
        out.push(c.to_ascii_uppercase());
    }
    out
}
