//! Patterns.

use super::{Read, Reader, identifier, name};
use crate::tree::Field;
use crate::tree::table::Class;
use ruff_python_ast::{Pattern, Singleton};
use ruff_text_size::Ranged;
use typhon_isa::Const;

impl Reader<'_> {
    pub(super) fn pattern(&mut self, p: &Pattern) -> Read {
        self.deeper(|r| r.pattern_inner(p))
    }

    fn patterns(&mut self, list: &[Pattern]) -> Read {
        self.list(list, Self::pattern)
    }

    fn pattern_inner(&mut self, p: &Pattern) -> Read {
        let (class, fields) = match p {
            Pattern::MatchValue(v) => (Class::MatchValue, vec![self.expr(&v.value)?]),
            Pattern::MatchSingleton(s) => {
                let value = match s.value {
                    Singleton::None => Const::None,
                    Singleton::True => Const::Bool(true),
                    Singleton::False => Const::Bool(false),
                };
                (Class::MatchSingleton, vec![Field::Const(value)])
            }
            Pattern::MatchSequence(s) => (Class::MatchSequence, vec![self.patterns(&s.patterns)?]),
            Pattern::MatchMapping(m) => {
                let fields = vec![self.exprs(&m.keys)?, self.patterns(&m.patterns)?, identifier(m.rest.as_ref())];
                (Class::MatchMapping, fields)
            }
            Pattern::MatchClass(c) => {
                let keywords = &c.arguments.keywords;
                let fields = vec![
                    self.expr(&c.cls)?,
                    self.patterns(&c.arguments.patterns)?,
                    Field::List(keywords.iter().map(|k| name(&k.attr.id)).collect()),
                    self.list(keywords, |r, k| r.pattern(&k.pattern))?,
                ];
                (Class::MatchClass, fields)
            }
            Pattern::MatchStar(s) => (Class::MatchStar, vec![identifier(s.name.as_ref())]),
            Pattern::MatchAs(a) => {
                let inner = self.maybe(a.pattern.as_deref(), Self::pattern)?;
                (Class::MatchAs, vec![inner, identifier(a.name.as_ref())])
            }
            Pattern::MatchOr(o) => (Class::MatchOr, vec![self.patterns(&o.patterns)?]),
        };
        Ok(self.node(class, p.range(), fields))
    }
}
