//! Python objects to nodes, with CPython's complaints about what does not fit.

use super::Classes;
use typhon_compiler::tree::table::{Class, FieldDef, Many, Placed, Ty};
use typhon_compiler::tree::{Field, Node, Span};
use typhon_isa::Const;
use typhon_object::error::{self, Res};
use typhon_object::list::List;
use typhon_object::strs::Str;
use typhon_object::ty::TypeDef;
use typhon_object::types::bool_::BOOL;
use typhon_object::types::bytes::{self, BYTES};
use typhon_object::types::complex::{self, COMPLEX};
use typhon_object::types::float::FLOAT;
use typhon_object::types::int::{self, INT};
use typhon_object::types::set_::FROZENSET;
use typhon_object::{Thread, Value, attr, convert, ops, tuple, type_of};

/// The node of a Python object, which must be an instance of `class`.
pub fn read(t: &Thread, v: &Value, class: Class) -> Res<Node> {
    check(t, v, class)?;
    Reader { t, classes: super::loaded(t)? }.fields(v, class, Span::default())
}

/// Refuses what is no instance of `class`.
pub fn check(t: &Thread, v: &Value, class: Class) -> Res<()> {
    if ops::isinstance(t, v, &super::loaded(t)?.by_class[class as usize])? {
        return Ok(());
    }
    let (wanted, is) = (class.def().name, type_of(v).name());
    Err(error::type_error(t, format_args!("expected {wanted} node, got {is}")))
}

struct Reader<'a> {
    t: &'a Thread,
    classes: &'a Classes,
}

impl Reader<'_> {
    fn node(&self, v: &Value, family: Ty) -> Res<Field> {
        let t = self.t;
        if v.is_none() {
            return Ok(Field::Absent);
        }
        t.poll()?;
        t.check_stack(&format!("while traversing '{}' node", family.name()))?;
        if family.is_product() {
            let Some(class) = family.classes().next() else { return Ok(Field::Absent) };
            let fields = self.fields(v, class, Span::default())?;
            let span = self.span(v, family)?;
            return Ok(Field::Node(Box::new(with_span(fields, span))));
        }
        let unknown = || {
            let shown = ops::repr_text(t, v)?;
            Err(error::type_error(t, format_args!("expected some sort of {}, but got {shown}", family.name())))
        };
        let span = self.span(v, family)?;
        if let Some(base) = self.classes.family(family)
            && !ops::isinstance(t, v, base)?
        {
            return unknown();
        }
        match self.classes.class_of(t, v, family)? {
            None => unknown(),
            Some(class) if class.def().fields.is_empty() && class.placed() == Placed::No => Ok(Field::Unit(class)),
            Some(class) => Ok(Field::Node(Box::new(self.fields(v, class, span)?))),
        }
    }

    /// Where a node says it stands; the end is the beginning where it is left out.
    fn span(&self, v: &Value, family: Ty) -> Res<Span> {
        if family.placed() == Placed::No {
            return Ok(Span::default());
        }
        let mut found = [0i32; 4];
        for (i, name) in self.classes.place.iter().enumerate() {
            let value = attr::get_opt(self.t, v, name)?;
            let optional = i >= 2 && family.placed() == Placed::Yes;
            found[i] = match value {
                Some(v) if !(optional && v.is_none()) => self.int(&v)?,
                _ if optional => found[i - 2],
                _ => return Err(self.missing(super::PLACE[i], family.name())),
            };
        }
        Ok(Span { line: found[0], col: found[1], end_line: found[2], end_col: found[3] })
    }

    fn missing(&self, name: &str, owner: &str) -> error::Exc {
        error::type_error(self.t, format_args!("required field \"{name}\" missing from {owner}"))
    }

    fn fields(&self, v: &Value, class: Class, span: Span) -> Res<Node> {
        let t = self.t;
        let owner = class.def().name;
        let mut fields = Vec::with_capacity(class.def().fields.len());
        for (def, name) in class.def().fields.iter().zip(&self.classes.names[class as usize]) {
            let value = attr::get_opt(t, v, name)?;
            let field = match (value, def.many) {
                (None, Many::List | Many::Gaps) => Field::List(Vec::new()),
                (None, Many::Maybe) => Field::Absent,
                (None, Many::One) => return Err(self.missing(def.name, owner)),
                (Some(value), Many::List | Many::Gaps) => self.list(&value, def, owner)?,
                (Some(value), Many::Maybe) if value.is_none() => Field::Absent,
                (Some(value), _) => self.one(&value, def.ty)?,
            };
            if field.is_absent() && def.many == Many::One {
                let text = format!("field '{}' is required for {owner}", def.name);
                return Err(error::value_error(t, text));
            }
            fields.push(field);
        }
        Ok(Node { class, span, fields })
    }

    fn list(&self, v: &Value, def: &FieldDef, owner: &str) -> Res<Field> {
        let t = self.t;
        let Some(list) = v.downcast::<List>() else {
            let (name, is) = (def.name, type_of(v).name());
            return Err(error::type_error(t, format_args!("{owner} field \"{name}\" must be a list, not a {is}")));
        };
        let items = list.to_vec();
        let mut out = Vec::with_capacity(items.len());
        for item in &items {
            out.push(self.one(item, def.ty)?);
            if list.len() != items.len() {
                let text = format!("{owner} field \"{}\" changed size during iteration", def.name);
                return Err(error::runtime_error(t, text));
            }
        }
        Ok(Field::List(out))
    }

    fn one(&self, v: &Value, ty: Ty) -> Res<Field> {
        match ty {
            Ty::identifier | Ty::string => match v.exact::<Str>() {
                Some(s) => Ok(Field::Text(s.to_wtf8().into())),
                None if v.is_none() => Ok(Field::Absent),
                None => {
                    let what = ty.name();
                    Err(error::type_error(self.t, format_args!("AST {what} must be of type str")))
                }
            },
            Ty::int => self.int(v).map(Field::Int),
            Ty::constant => self.constant(v).map(Field::Const),
            family => self.node(v, family),
        }
    }

    fn int(&self, v: &Value) -> Res<i32> {
        if !int::is_int(v) {
            let shown = ops::repr_text(self.t, v)?;
            return Err(error::value_error(self.t, format_args!("invalid integer value: {shown}")));
        }
        convert::to_i32(self.t, v)
    }

    /// A constant: only exact instances of the built-in types count.
    fn constant(&self, v: &Value) -> Res<Const> {
        let t = self.t;
        t.check_stack("during compilation")?;
        let all = |items: &[Value]| items.iter().map(|item| self.constant(item)).collect::<Res<Vec<_>>>();
        let is = |def: &'static TypeDef| std::ptr::eq(type_of(v), def.ty());
        Ok(if v.is_none() {
            Const::None
        } else if v.is(&Value::ELLIPSIS) {
            Const::Ellipsis
        } else if is(&BOOL) {
            Const::Bool(v.is(&Value::TRUE))
        } else if is(&INT) {
            int::to_i64(v).map_or_else(|| big(v), Const::Int)
        } else if is(&FLOAT) {
            Const::Float(convert::to_f64(t, v)?)
        } else if is(&COMPLEX) {
            let (re, im) = complex::parts(v).unwrap_or_default();
            Const::Complex(re, im)
        } else if let Some(s) = v.exact::<Str>() {
            Const::Str(s.to_wtf8().into())
        } else if is(&BYTES) {
            Const::Bytes(bytes::peek(v).unwrap_or_default().into())
        } else if let Some(items) = v.exact::<tuple::Tuple>() {
            Const::Tuple(all(items.items())?.into())
        } else if is(&FROZENSET) {
            Const::FrozenSet(all(&ops::collect(t, v)?)?.into())
        } else {
            let name = type_of(v).name();
            return Err(error::type_error(t, format_args!("got an invalid type in Constant: {name}")));
        })
    }
}

fn big(v: &Value) -> Const {
    let negative = int::is_negative(v);
    let magnitude = int::to_big(v).map(|big| {
        let (_, magnitude) = big.into_parts();
        magnitude.to_le_bytes()
    });
    Const::BigInt { negative, magnitude: magnitude.unwrap_or_default() }
}

fn with_span(mut node: Node, span: Span) -> Node {
    node.span = span;
    node
}
