//! The syntax tree as Python sees it: plain nodes of the classes in [`table`].
//!
//! [`read`] makes it of the parser's tree, [`make`] makes the parser's tree of it. Whoever has Python objects turns
//! them to nodes and back by the table alone.

pub mod make;
pub mod optimize;
pub mod read;
pub mod table;
pub mod validate;

use std::sync::Arc;
use table::Class;
use typhon_isa::Const;

/// Where a node stands: lines from 1, columns from 0 in bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Span {
    /// `lineno`.
    pub line: i32,
    /// `col_offset`.
    pub col: i32,
    /// `end_lineno`.
    pub end_line: i32,
    /// `end_col_offset`.
    pub end_col: i32,
}

/// A node.
#[derive(Debug)]
pub struct Node {
    /// Its class.
    pub class: Class,
    /// Where it stands, if its class says so.
    pub span: Span,
    /// Its fields, as many as the class has.
    pub fields: Vec<Field>,
}

/// What a field, or an element of one, holds.
#[derive(Debug, Default)]
pub enum Field {
    /// None.
    #[default]
    Absent,
    /// A node.
    Node(Box<Node>),
    /// A node without fields and place.
    Unit(Class),
    /// A list.
    List(Vec<Field>),
    /// A name or text, in generalized UTF-8.
    Text(Arc<[u8]>),
    /// A number.
    Int(i32),
    /// A constant.
    Const(Const),
}

impl Field {
    /// The node.
    pub fn node(&self) -> Option<&Node> {
        if let Field::Node(node) = self { Some(node) } else { None }
    }

    /// The list; empty when it is none.
    pub fn list(&self) -> &[Field] {
        if let Field::List(list) = self { list } else { &[] }
    }

    /// Text.
    pub fn text(&self) -> Option<&Arc<[u8]>> {
        if let Field::Text(text) = self { Some(text) } else { None }
    }

    /// The class of the node.
    pub fn class(&self) -> Option<Class> {
        match self {
            Field::Node(node) => Some(node.class),
            Field::Unit(class) => Some(*class),
            _ => None,
        }
    }

    /// Whether it holds nothing.
    pub fn is_absent(&self) -> bool {
        matches!(self, Field::Absent)
    }
}

impl Drop for Node {
    /// Trees can be deep: nodes are dropped one by one.
    fn drop(&mut self) {
        let mut rest = std::mem::take(&mut self.fields);
        while let Some(field) = rest.pop() {
            match field {
                Field::Node(mut node) => rest.append(&mut node.fields),
                Field::List(mut list) => rest.append(&mut list),
                _ => {}
            }
        }
    }
}
