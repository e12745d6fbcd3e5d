//! The API reference: docs/api.md, made from the protocol's own comments.

use std::collections::HashMap;
use std::fmt::Write;
use std::fs;
use std::path::Path;

use anyhow::Context;
use prost::Message;
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{
    DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorProto, FileDescriptorSet,
    ServiceDescriptorProto,
};

/// Where it lies.
pub const PAGE: &str = "docs/api.md";
const SET: &str = "proto/src/gen/typhon.v1.bin";

/// The reference as it should be.
pub fn page(root: &Path) -> anyhow::Result<String> {
    let bytes = fs::read(root.join(SET)).with_context(|| SET.to_owned())?;
    let set = FileDescriptorSet::decode(&bytes[..]).context("the descriptors")?;
    let mut page = String::from(HEAD);
    let mut ours: Vec<&FileDescriptorProto> = set.file.iter().filter(|file| file.package() == "typhon.v1").collect();
    ours.sort_by_key(|file| file.name().to_owned());
    for file in &ours {
        let comments = Comments::of(file);
        for (at, service) in file.service.iter().enumerate() {
            describe_service(&mut page, service, &comments, at as i32)?;
        }
    }
    for file in &ours {
        let comments = Comments::of(file);
        writeln!(page, "\n## {}", file.name())?;
        for (at, message) in file.message_type.iter().enumerate() {
            describe_message(&mut page, message, &comments, vec![4, at as i32], "")?;
        }
        for (at, of) in file.enum_type.iter().enumerate() {
            describe_enum(&mut page, of, &comments, &[5, at as i32], "")?;
        }
    }
    Ok(page)
}

/// Writes it.
pub fn write(root: &Path) -> anyhow::Result<()> {
    fs::write(root.join(PAGE), page(root)?).context(PAGE)
}

const HEAD: &str = "\
# The API

`typhon.v1`, made from `proto/typhon/v1/*.proto` by `cargo xtask api`; do not edit it. [service.md](service.md) tells how it is meant, and has the
table of refusals; [http.md](http.md) the paths of HTTP/JSON.
";

/// What a file's comments say, by the path of what they stand before.
struct Comments(HashMap<Vec<i32>, String>);

impl Comments {
    fn of(file: &FileDescriptorProto) -> Comments {
        let locations = file.source_code_info.iter().flat_map(|info| &info.location);
        let text = |comment: &str| comment.split_whitespace().collect::<Vec<_>>().join(" ");
        Comments(locations.map(|at| (at.path.clone(), text(at.leading_comments()))).collect())
    }

    fn at(&self, path: &[i32]) -> &str {
        self.0.get(path).map(String::as_str).unwrap_or_default()
    }
}

fn describe_service(
    page: &mut String,
    service: &ServiceDescriptorProto,
    comments: &Comments,
    at: i32,
) -> anyhow::Result<()> {
    writeln!(page, "\n## {}\n\n{}\n", service.name(), comments.at(&[6, at]))?;
    writeln!(page, "| method | takes | gives | |\n| --- | --- | --- | --- |")?;
    for (number, method) in service.method.iter().enumerate() {
        let many = |yes: bool| if yes { "stream of " } else { "" };
        let (takes, gives) = (link(method.input_type()), link(method.output_type()));
        let (takes, gives) =
            (many(method.client_streaming()).to_owned() + &takes, many(method.server_streaming()).to_owned() + &gives);
        let comment = cell(comments.at(&[6, at, 2, number as i32]));
        writeln!(page, "| `{}` | {takes} | {gives} | {comment} |", method.name())?;
    }
    Ok(())
}

fn describe_message(
    page: &mut String,
    message: &DescriptorProto,
    comments: &Comments,
    path: Vec<i32>,
    outer: &str,
) -> anyhow::Result<()> {
    let name = format!("{outer}{}", message.name());
    let below = |kind: i32, at: usize| [path.as_slice(), &[kind, at as i32]].concat();
    writeln!(page, "\n### {name}\n")?;
    let comment = comments.at(&path);
    if !comment.is_empty() {
        writeln!(page, "{comment}\n")?;
    }
    if message.field.is_empty() {
        writeln!(page, "No fields.")?;
    } else {
        writeln!(page, "| field | type | |\n| --- | --- | --- |")?;
    }
    for (at, field) in message.field.iter().enumerate() {
        let one_of =
            field.oneof_index.filter(|_| !field.proto3_optional()).and_then(|at| message.oneof_decl.get(at as usize));
        let one_of = one_of.map(|of| format!("One of `{}`. ", of.name())).unwrap_or_default();
        let comment = cell(comments.at(&below(2, at)));
        writeln!(page, "| `{}` | {} | {one_of}{comment} |", field.name(), type_of(field, message))?;
    }
    let outer = format!("{name}.");
    for (at, inner) in message.nested_type.iter().enumerate() {
        // A map's entries are told where the map is.
        if !inner.options.as_ref().is_some_and(|options| options.map_entry()) {
            describe_message(page, inner, comments, below(3, at), &outer)?;
        }
    }
    for (at, inner) in message.enum_type.iter().enumerate() {
        describe_enum(page, inner, comments, &below(4, at), &outer)?;
    }
    Ok(())
}

fn describe_enum(
    page: &mut String,
    of: &EnumDescriptorProto,
    comments: &Comments,
    path: &[i32],
    outer: &str,
) -> anyhow::Result<()> {
    writeln!(page, "\n### {outer}{}\n", of.name())?;
    let comment = comments.at(path);
    if !comment.is_empty() {
        writeln!(page, "{comment}\n")?;
    }
    writeln!(page, "| value | number | |\n| --- | --- | --- |")?;
    for (at, value) in of.value.iter().enumerate() {
        let comment = cell(comments.at(&[path, &[2, at as i32]].concat()));
        writeln!(page, "| `{}` | {} | {comment} |", value.name(), value.number())?;
    }
    Ok(())
}

fn type_of(field: &FieldDescriptorProto, message: &DescriptorProto) -> String {
    let map = message.nested_type.iter().find(|inner| {
        inner.options.as_ref().is_some_and(|options| options.map_entry())
            && field.type_name().ends_with(&format!(".{}.{}", message.name(), inner.name()))
    });
    if let Some([key, value]) = map.map(|entry| entry.field.as_slice()) {
        return format!("map of {} to {}", plain(key), plain(value));
    }
    let many = if field.label() == Label::Repeated { "repeated " } else { "" };
    let maybe = if field.proto3_optional() { "optional " } else { "" };
    format!("{many}{maybe}{}", plain(field))
}

fn plain(field: &FieldDescriptorProto) -> String {
    match field.r#type() {
        Type::Message | Type::Enum => link(field.type_name()),
        other => other.as_str_name().trim_start_matches("TYPE_").to_ascii_lowercase(),
    }
}

/// A type of ours, as a link to where it is told; any other by its name.
fn link(name: &str) -> String {
    match name.strip_prefix(".typhon.v1.") {
        // As most renderers make headings' anchors.
        Some(own) => format!("[{own}](#{})", own.to_ascii_lowercase().replace('.', "")),
        None => name.trim_start_matches('.').rsplit('.').next().unwrap_or(name).to_owned(),
    }
}

fn cell(comment: &str) -> String {
    comment.replace('|', "\\|")
}
