//! Nodes to Python objects.

use super::Classes;
use typhon_compiler::tree::table::{Class, Placed};
use typhon_compiler::tree::{Field, Node};
use typhon_interp::unit::constant;
use typhon_object::error::{self, Res};
use typhon_object::list::List;
use typhon_object::ty::TypeObject;
use typhon_object::{Thread, Value, attr, convert, names, payload, strs};

/// The Python object of a node, with all that hangs on it.
pub fn show(t: &Thread, node: &Node) -> Res {
    Shower { t, classes: super::loaded(t)? }.node(node)
}

struct Shower<'a> {
    t: &'a Thread,
    classes: &'a Classes,
}

impl Shower<'_> {
    fn node(&self, node: &Node) -> Res {
        let t = self.t;
        t.poll()?;
        t.check_stack("during ast construction")?;
        let class = &self.classes.by_class[node.class as usize];
        let Some(ty) = class.downcast::<TypeObject>() else {
            return Err(error::type_error(t, "a class of _ast is no class"));
        };
        let made = payload::new_plain(t, ty)?;
        for (name, field) in self.classes.names[node.class as usize].iter().zip(&node.fields) {
            attr::set(t, &made, name, Some(&self.field(field)?))?;
        }
        if node.class.placed() != Placed::No {
            let s = node.span;
            for (name, n) in self.classes.place.iter().zip([s.line, s.col, s.end_line, s.end_col]) {
                attr::set(t, &made, name, Some(&Value::small(i64::from(n))))?;
            }
        }
        Ok(made)
    }

    fn field(&self, field: &Field) -> Res {
        let t = self.t;
        match field {
            Field::Absent => Ok(Value::NONE),
            Field::Node(node) => self.node(node),
            Field::Unit(class) => Ok(self.unit(*class)),
            Field::List(items) => {
                let items = items.iter().map(|item| self.field(item)).collect::<Res<Vec<_>>>()?;
                List::from_vec(t, items)
            }
            Field::Text(text) => Ok(names::intern(t, &strs::from_wtf8(t, text)?)),
            Field::Int(n) => convert::from_i64(t, i64::from(*n)),
            Field::Const(value) => constant(t, value),
        }
    }

    fn unit(&self, class: Class) -> Value {
        self.classes.units[class as usize].clone()
    }
}
