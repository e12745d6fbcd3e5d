//! Syntax trees as Python objects: nodes of the compiler to instances of `_ast`'s classes and back, by its table.

mod read;
mod scopes;
mod show;

pub use read::{check, read};
pub use show::show;

use crate::text;
use typhon_compiler::tree::table::{ALL, CLASSES, Class, ClassDef, FAMILIES, Many, Placed, Ty};
use typhon_object::error::{self, Res};
use typhon_object::list::List;
use typhon_object::native::{ModuleDef, def};
use typhon_object::{Thread, Value, attr, ops, strs, tuple};

/// _asdl: what `_ast.py` makes its classes of.
pub static MODULE: ModuleDef = ModuleDef {
    name: "_asdl",
    doc: "The table of the syntax tree's classes.",
    functions: &[
        def("families", "()", families, "(name, docstring, attributes, required, is_product) of each family."),
        def(
            "classes",
            "()",
            classes,
            "(name, family, docstring, fields) of each class; a field is (name, type, many).",
        ),
        def(
            "scopes",
            "(source, filename, mode, /)",
            scopes::scopes,
            "(id, name, type, lineno, nested, symbols, varnames, children) of the outermost scope.",
        ),
    ],
    types: &[],
    init: None,
};

/// The attributes that say where a node stands.
const PLACE: [&str; 4] = ["lineno", "col_offset", "end_lineno", "end_col_offset"];

fn list_of<T>(t: &Thread, rows: impl Iterator<Item = T>, row: impl Fn(T) -> Res) -> Res {
    let rows = rows.map(row).collect::<Res<Vec<_>>>()?;
    List::from_vec(t, rows)
}

fn families(t: &Thread, _: &[Value]) -> Res {
    list_of(t, FAMILIES.iter(), |&(ty, _, placed, is_product)| {
        tuple::from_vec(
            t,
            vec![
                strs::new(t, ty.name())?,
                strs::new(t, &ty.signature())?,
                Value::bool(placed != Placed::No),
                Value::bool(placed == Placed::Whole),
                Value::bool(is_product),
            ],
        )
    })
}

fn classes(t: &Thread, _: &[Value]) -> Res {
    list_of(t, ALL.iter(), |class| {
        let ClassDef { name, family, fields } = class.def();
        let fields = list_of(t, fields.iter(), |f| {
            let many = match f.many {
                Many::One => "",
                Many::Maybe => "?",
                Many::List | Many::Gaps => "*",
            };
            tuple::from_vec(t, vec![text::name(t, f.name), strs::new(t, f.ty.name())?, strs::new(t, many)?])
        })?;
        let (name, family) = (text::name(t, name), strs::new(t, family.name())?);
        tuple::from_vec(t, vec![name, family, strs::new(t, &class.signature())?, fields])
    })
}

/// `_ast`'s classes, looked up once an isolate.
struct Classes {
    base: Value,
    by_class: Vec<Value>,
    by_family: Vec<(Ty, Value)>,
    /// The only instances that the parser makes of classes without fields.
    units: Vec<Value>,
    names: Vec<Vec<Value>>,
    place: [Value; 4],
}

fn loaded(t: &Thread) -> Res<&Classes> {
    if let Some(classes) = t.get_state::<Classes>() {
        return Ok(classes);
    }
    let module = (t.hooks.import)(t, "_ast")?;
    let get = |name: &str| attr::get_text(t, &module, name);
    let by_class = CLASSES.iter().map(|c| get(c.name)).collect::<Res<Vec<_>>>()?;
    let by_family = FAMILIES.iter().map(|f| Ok((f.0, get(f.0.name())?))).collect::<Res<Vec<_>>>()?;
    let units = get("_units")?;
    let unit = |c: &ClassDef| {
        let key = text::name(t, c.name);
        typhon_object::dict::Dict::of(&units).get(t, &key).map(Option::unwrap_or_default)
    };
    let units = CLASSES.iter().map(unit).collect::<Res<Vec<_>>>()?;
    let names = CLASSES.iter().map(|c| c.fields.iter().map(|f| text::name(t, f.name)).collect()).collect();
    let place = PLACE.map(|name| text::name(t, name));
    t.set_state(Classes { base: get("AST")?, by_class, by_family, units, names, place });
    t.get_state::<Classes>().ok_or_else(|| error::system_error(t, "the classes of _ast are gone"))
}

impl Classes {
    fn family(&self, ty: Ty) -> Option<&Value> {
        self.by_family.iter().find(|(family, _)| *family == ty).map(|(_, class)| class)
    }

    /// The class of `family` that `v` is an instance of.
    fn class_of(&self, t: &Thread, v: &Value, family: Ty) -> Res<Option<Class>> {
        let exact = typhon_object::type_of(v).value();
        let own = family.classes().find(|c| self.by_class[*c as usize].is(&exact));
        if own.is_some() {
            return Ok(own);
        }
        for class in family.classes() {
            if ops::isinstance(t, v, &self.by_class[class as usize])? {
                return Ok(Some(class));
            }
        }
        Ok(None)
    }
}

/// Whether `v` is a node of a syntax tree.
pub fn is_node(t: &Thread, v: &Value) -> Res<bool> {
    // Nobody has a node before `_ast` is there.
    if t.get_state::<Classes>().is_none() && text::loaded(t, "_ast").is_none() {
        return Ok(false);
    }
    ops::isinstance(t, v, &loaded(t)?.base)
}
