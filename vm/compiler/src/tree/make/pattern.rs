//! Patterns.

use super::{Make, Maker, field, inner, name, unexpected};
use crate::tree::table::Class;
use crate::tree::{Field, Node};
use ruff_python_ast::{self as ast, Identifier, Pattern, Singleton};
use typhon_isa::Const;

impl Maker {
    pub(super) fn pattern(&mut self, found: &Field) -> Make<Pattern> {
        self.deeper(|m| m.pattern_inner(inner(found)?))
    }

    fn patterns(&mut self, list: &Field) -> Make<Vec<Pattern>> {
        self.list(list, Self::pattern)
    }

    fn pattern_inner(&mut self, n: &Node) -> Make<Pattern> {
        let (range, node_index) = (self.range(n.span)?, Default::default());
        let f = |at| field(n, at);
        Ok(match n.class {
            Class::MatchValue => ast::PatternMatchValue { node_index, range, value: self.boxed(f(0))? }.into(),
            Class::MatchSingleton => {
                let value = match f(0) {
                    Field::Const(Const::Bool(true)) => Singleton::True,
                    Field::Const(Const::Bool(false)) => Singleton::False,
                    _ => Singleton::None,
                };
                ast::PatternMatchSingleton { node_index, range, value }.into()
            }
            Class::MatchSequence => {
                ast::PatternMatchSequence { node_index, range, patterns: self.patterns(f(0))? }.into()
            }
            Class::MatchMapping => {
                let (keys, patterns) = (self.exprs(f(0))?.into(), self.patterns(f(1))?.into());
                let rest = self.maybe_identifier(f(2), n.span)?;
                ast::PatternMatchMapping { node_index, range, keys, patterns, rest }.into()
            }
            Class::MatchClass => {
                let (cls, arguments) = (self.boxed(f(0))?, self.pattern_arguments(n)?);
                ast::PatternMatchClass { node_index, range, cls, arguments }.into()
            }
            Class::MatchStar => {
                ast::PatternMatchStar { node_index, range, name: self.maybe_identifier(f(0), n.span)? }.into()
            }
            Class::MatchAs => {
                let pattern = self.maybe(f(0), |m, found| m.pattern(found).map(Box::new))?;
                ast::PatternMatchAs { node_index, range, pattern, name: self.maybe_identifier(f(1), n.span)? }.into()
            }
            Class::MatchOr => ast::PatternMatchOr { node_index, range, patterns: self.patterns(f(0))? }.into(),
            _ => return Err(unexpected(n)),
        })
    }

    fn pattern_arguments(&mut self, n: &Node) -> Make<ast::PatternArguments> {
        let patterns = self.patterns(field(n, 1))?.into();
        let mut keywords = Vec::new();
        for (attr, found) in field(n, 2).list().iter().zip(field(n, 3).list()) {
            let range = self.range(inner(found)?.span)?;
            let attr = Identifier { id: name(attr)?, range, node_index: Default::default() };
            let pattern = self.pattern(found)?;
            keywords.push(ast::PatternKeyword { range, node_index: Default::default(), attr, pattern });
        }
        let range = self.range(n.span)?;
        Ok(ast::PatternArguments { range, node_index: Default::default(), patterns, keywords })
    }
}
