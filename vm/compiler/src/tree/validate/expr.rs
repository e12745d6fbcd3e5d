//! Expressions: mostly, whether they are read, bound or deleted as their place asks.

use super::{Check, Validator, field, name, position, refuse, refuse_type};
use crate::tree::table::Class;
use crate::tree::{Field, Node};

impl Validator {
    pub(super) fn load(&mut self, found: &Field) -> Check {
        self.expr(found, Class::Load)
    }

    pub(super) fn loads(&mut self, list: &Field) -> Check {
        self.exprs(list, Class::Load)
    }

    pub(super) fn exprs(&mut self, list: &Field, context: Class) -> Check {
        list.list().iter().try_for_each(|e| match e {
            Field::Absent => refuse("None disallowed in expression list"),
            e => self.expr(e, context),
        })
    }

    /// Elements in which None may stand.
    fn gaps(&mut self, list: &Field) -> Check {
        list.list().iter().try_for_each(|e| self.load(e))
    }

    pub(super) fn expr(&mut self, found: &Field, context: Class) -> Check {
        found.node().map_or(Ok(()), |n| self.deeper(|v| v.expr_inner(n, context)))
    }

    fn expr_inner(&mut self, n: &Node, context: Class) -> Check {
        position(n)?;
        let f = |at| field(n, at);
        let own = match n.class {
            Class::Attribute | Class::Subscript => f(2).class(),
            Class::Starred | Class::Name | Class::List | Class::Tuple => f(1).class(),
            _ if context != Class::Load => {
                let name = context.def().name;
                return refuse(format!("expression which can't be assigned to in {name} context"));
            }
            _ => None,
        };
        if let Some(own) = own.filter(|own| *own != context) {
            let (wanted, has) = (context.def().name, own.def().name);
            return refuse(format!("expression must have {wanted} context but has {has} instead"));
        }
        match n.class {
            Class::BoolOp if f(1).list().len() < 2 => refuse("BoolOp with less than 2 values"),
            Class::BoolOp => self.loads(f(1)),
            Class::BinOp => {
                self.load(f(0))?;
                self.load(f(2))
            }
            Class::UnaryOp => self.load(f(1)),
            Class::Lambda => {
                self.arguments(f(0))?;
                self.load(f(1))
            }
            Class::IfExp | Class::Slice => n.fields.iter().try_for_each(|part| self.load(part)),
            Class::Dict => {
                if f(0).list().len() != f(1).list().len() {
                    return refuse("Dict doesn't have the same number of keys as values");
                }
                self.gaps(f(0))?;
                self.loads(f(1))
            }
            Class::Set | Class::JoinedStr | Class::TemplateStr => self.loads(f(0)),
            Class::ListComp | Class::SetComp | Class::GeneratorExp => {
                self.generators(f(1))?;
                self.load(f(0))
            }
            Class::DictComp => {
                self.generators(f(2))?;
                self.load(f(0))?;
                self.load(f(1))
            }
            Class::Await | Class::Yield | Class::YieldFrom | Class::Attribute => self.load(f(0)),
            Class::Compare => self.compare(n),
            Class::Call => {
                self.load(f(0))?;
                self.loads(f(1))?;
                self.keywords(f(2))
            }
            Class::FormattedValue => {
                self.load(f(0))?;
                self.load(f(2))
            }
            Class::Interpolation => {
                self.load(f(0))?;
                self.load(f(3))
            }
            Class::Subscript => {
                self.load(f(1))?;
                self.load(f(0))
            }
            Class::Starred => self.expr(f(0), context),
            Class::Name => name(f(0)),
            Class::List | Class::Tuple => self.exprs(f(0), context),
            Class::NamedExpr if f(0).class() != Some(Class::Name) => refuse_type("NamedExpr target must be a Name"),
            Class::NamedExpr => self.load(f(1)),
            _ => Ok(()),
        }
    }

    fn compare(&mut self, n: &Node) -> Check {
        let (ops, comparators) = (field(n, 1), field(n, 2));
        if comparators.list().is_empty() {
            return refuse("Compare with no comparators");
        }
        if comparators.list().len() != ops.list().len() {
            return refuse("Compare has a different number of comparators and operands");
        }
        self.loads(comparators)?;
        self.load(field(n, 0))
    }

    fn generators(&mut self, list: &Field) -> Check {
        if list.list().is_empty() {
            return refuse("comprehension with no generators");
        }
        self.each(list, |v, c| {
            v.expr(field(c, 0), Class::Store)?;
            v.load(field(c, 1))?;
            v.loads(field(c, 2))
        })
    }

    pub(super) fn keywords(&mut self, list: &Field) -> Check {
        self.each(list, |v, k| v.load(field(k, 1)))
    }

    pub(super) fn arguments(&mut self, found: &Field) -> Check {
        let Some(n) = found.node() else { return Ok(()) };
        let f = |at| field(n, at);
        let parameter = |v: &mut Self, p: &Node| {
            position(p)?;
            v.load(field(p, 1))
        };
        self.each(f(0), parameter)?;
        self.each(f(1), parameter)?;
        f(2).node().map_or(Ok(()), |p| parameter(self, p))?;
        self.each(f(3), parameter)?;
        f(5).node().map_or(Ok(()), |p| parameter(self, p))?;
        if f(6).list().len() > f(0).list().len() + f(1).list().len() {
            return refuse("more positional defaults than args on arguments");
        }
        if f(4).list().len() != f(3).list().len() {
            return refuse("length of kwonlyargs is not the same as kw_defaults on arguments");
        }
        self.loads(f(6))?;
        self.gaps(f(4))
    }
}
