//! Patterns.

use super::{Check, Validator, field, name, position, refuse};
use crate::tree::table::Class;
use crate::tree::{Field, Node};
use typhon_isa::Const;

impl Validator {
    fn patterns(&mut self, list: &Field, star: bool) -> Check {
        list.list().iter().try_for_each(|p| self.pattern(p, star))
    }

    pub(super) fn pattern(&mut self, found: &Field, star: bool) -> Check {
        match found.node() {
            Some(n) => self.deeper(|v| v.pattern_inner(n, star)),
            None => refuse("None disallowed in pattern list"),
        }
    }

    fn pattern_inner(&mut self, n: &Node, star: bool) -> Check {
        position(n)?;
        let f = |at| field(n, at);
        match n.class {
            Class::MatchValue => self.literal(f(0)),
            Class::MatchSingleton => match f(0) {
                Field::Const(Const::None | Const::Bool(_)) => Ok(()),
                _ => refuse("MatchSingleton can only contain True, False and None"),
            },
            Class::MatchSequence => self.patterns(f(0), true),
            Class::MatchMapping => {
                if f(0).list().len() != f(1).list().len() {
                    return refuse("MatchMapping doesn't have the same number of keys as patterns");
                }
                capture(f(2))?;
                for key in f(0).list() {
                    if !is_singleton(key) {
                        self.literal(key)?;
                    }
                }
                self.patterns(f(1), false)
            }
            Class::MatchClass => self.class(n),
            Class::MatchStar if !star => refuse("can't use MatchStar here"),
            Class::MatchStar => capture(f(0)),
            Class::MatchAs => {
                capture(f(1))?;
                match (f(0), f(1)) {
                    (Field::Absent, _) => Ok(()),
                    (_, Field::Absent) => refuse("MatchAs must specify a target name if a pattern is given"),
                    (pattern, _) => self.pattern(pattern, false),
                }
            }
            Class::MatchOr if f(0).list().len() < 2 => refuse("MatchOr requires at least 2 patterns"),
            _ => self.patterns(f(0), false),
        }
    }

    fn class(&mut self, n: &Node) -> Check {
        let f = |at| field(n, at);
        if f(2).list().len() != f(3).list().len() {
            return refuse("MatchClass doesn't have the same number of keyword attributes as patterns");
        }
        self.load(f(0))?;
        let mut cls = f(0).node();
        while let Some(attribute) = cls.filter(|n| n.class == Class::Attribute) {
            cls = field(attribute, 0).node();
        }
        if cls.is_none_or(|n| n.class != Class::Name) {
            return refuse("MatchClass cls field can only contain Name or Attribute nodes.");
        }
        f(2).list().iter().try_for_each(name)?;
        self.patterns(f(1), false)?;
        self.patterns(f(3), false)
    }

    /// A value that a pattern may compare with.
    fn literal(&mut self, found: &Field) -> Check {
        self.load(found)?;
        let Some(n) = found.node() else { return Ok(()) };
        let operator = |at| field(n, at).class();
        match n.class {
            Class::Constant => match field(n, 0) {
                Field::Const(
                    Const::Int(_)
                    | Const::BigInt { .. }
                    | Const::Float(_)
                    | Const::Complex(..)
                    | Const::Bytes(_)
                    | Const::Str(_),
                ) => Ok(()),
                _ => refuse("unexpected constant inside of a literal pattern"),
            },
            Class::Attribute | Class::JoinedStr | Class::TemplateStr => Ok(()),
            Class::UnaryOp if operator(0) == Some(Class::USub) => Ok(()),
            Class::BinOp if matches!(operator(1), Some(Class::Add | Class::Sub)) => Ok(()),
            _ => refuse("patterns may only match literals and attribute lookups"),
        }
    }
}

fn is_singleton(found: &Field) -> bool {
    found.node().is_some_and(|n| {
        n.class == Class::Constant && matches!(field(n, 0), Field::Const(Const::None | Const::Bool(_)))
    })
}

/// A name that a pattern binds.
fn capture(found: &Field) -> Check {
    if found.text().is_some_and(|text| &**text == b"_") {
        return refuse("can't capture name '_' in patterns");
    }
    name(found)
}
