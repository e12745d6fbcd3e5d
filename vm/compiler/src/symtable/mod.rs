//! The symbol table: what every name means in every scope.
//!
//! [`build`] walks the tree and records how each scope uses each name; `analyze` then decides for every name whether it
//! is local, a cell, free or global, and which comprehensions are inlined (PEP 709). Scopes are found again by the
//! address of their AST node.

mod analyze;
mod build;
mod build_expr;
mod build_types;

pub(crate) use build::{annotated_parameters, has_defaults};

use crate::error::SyntaxError;
use crate::source::SourceMap;
use indexmap::IndexMap;
use ruff_python_ast::{Mod, name::Name};
use ruff_text_size::TextRange;
use rustc_hash::{FxBuildHasher, FxHashMap, FxHashSet};

/// Number of a scope in the table.
pub type ScopeId = usize;
/// Symbols in order of first appearance.
pub type Symbols = IndexMap<Name, Symbol, FxBuildHasher>;

/// How a scope uses a name, with CPython's numbers.
pub mod def {
    /// `global` statement.
    pub const GLOBAL: u32 = 1;
    /// Assignment in this scope.
    pub const LOCAL: u32 = 2;
    /// Parameter.
    pub const PARAM: u32 = 4;
    /// `nonlocal` statement.
    pub const NONLOCAL: u32 = 8;
    /// Use.
    pub const USE: u32 = 16;
    /// Free variable of a method that is also a name of the class scope.
    pub const FREE_CLASS: u32 = 64;
    /// Bound by an import.
    pub const IMPORT: u32 = 128;
    /// Annotated.
    pub const ANNOT: u32 = 256;
    /// Iteration variable of a comprehension.
    pub const COMP_ITER: u32 = 512;
    /// Type parameter.
    pub const TYPE_PARAM: u32 = 1024;
    /// Any binding.
    pub const BOUND: u32 = LOCAL | PARAM | IMPORT | TYPE_PARAM;
}

/// Where a name lives, seen from a scope.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum NameScope {
    /// Not decided yet.
    #[default]
    Unknown,
    /// In this scope.
    Local,
    /// In the globals, by a `global` statement.
    GlobalExplicit,
    /// In the globals or builtins, because nobody else has it.
    GlobalImplicit,
    /// In an enclosing function.
    Free,
    /// In this scope, and inner functions use it.
    Cell,
}

/// One name of one scope.
#[derive(Clone, Copy, Debug, Default)]
pub struct Symbol {
    /// Bits of [`def`].
    pub flags: u32,
    /// Where it lives.
    pub scope: NameScope,
}

/// What a scope belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum ScopeKind {
    /// The module, expression or interactive statement.
    Module,
    /// A class body.
    Class,
    /// A function, lambda or comprehension.
    Function,
    /// The annotations of a function, class or module (PEP 649).
    Annotation,
    /// The bound or default of a type parameter.
    TypeVariable,
    /// The value of a `type` statement.
    TypeAlias,
    /// The type parameters of a generic function, class or alias.
    TypeParameters,
}

/// Which comprehension a function scope is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CompKind {
    /// None.
    No,
    /// `[...]`.
    List,
    /// `{...}`.
    Set,
    /// `{k: v ...}`.
    Dict,
    /// `(...)`.
    Generator,
}

/// Which of a node's scopes is meant.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum Part {
    /// The body.
    Body,
    /// The type parameters.
    TypeParams,
    /// The annotations.
    Annotations,
    /// The bound of a type variable.
    Bound,
    /// The default of a type parameter.
    Default,
}

/// A node's address and the part of it.
pub type Key = (usize, Part);

/// The key of a part of a node.
pub fn key<T>(node: &T, part: Part) -> Key {
    (std::ptr::from_ref(node) as usize, part)
}

/// One scope.
#[derive(Debug)]
pub struct Scope {
    /// Name of the function or class; `top` for the module.
    pub name: Name,
    /// What it belongs to.
    pub kind: ScopeKind,
    /// Enclosing scope.
    pub parent: Option<ScopeId>,
    /// Inner scopes in source order.
    pub children: Vec<ScopeId>,
    /// Names.
    pub symbols: Symbols,
    /// Parameters in order of their registers, mangled.
    pub params: Vec<Name>,
    /// Names of `global` and `nonlocal` statements and where they stand.
    pub directives: Vec<(Name, TextRange)>,
    /// Where the scope begins.
    pub range: TextRange,
    /// Is nested in a function.
    pub nested: bool,
    /// Contains `yield`, or is a generator expression.
    pub generator: bool,
    /// Contains `await` or is an `async def`.
    pub coroutine: bool,
    /// Which comprehension it is.
    pub comprehension: CompKind,
    /// Has `*args`.
    pub varargs: bool,
    /// Has `**kwargs`.
    pub varkeywords: bool,
    /// Contains `return` with a value.
    pub returns_value: bool,
    /// A method needs `__class__`.
    pub needs_class_closure: bool,
    /// An annotation scope needs `__classdict__`.
    pub needs_classdict: bool,
    /// A comprehension that has no frame of its own.
    pub comp_inlined: bool,
    /// An annotation scope right inside a class.
    pub can_see_class_scope: bool,
    /// A function right inside a class.
    pub method: bool,
    /// Its body begins with a docstring.
    pub has_docstring: bool,
    /// Contains annotated names.
    pub annotations_used: bool,
    /// Contains annotations that may not be executed.
    pub has_conditional_annotations: bool,
    /// Contains `:=` that binds here.
    pub has_walrus: bool,
    /// The scope of its annotations.
    pub annotation_block: Option<ScopeId>,
    /// Names that are mangled though the scope is outside the class (type parameters of a class).
    pub mangled_names: Option<FxHashSet<Name>>,
    /// The class whose private names are mangled here.
    pub private: Option<Name>,
    in_conditional_block: bool,
    comp_iter_target: bool,
    comp_iter_expr: u32,
    in_unevaluated_annotation: bool,
    what: &'static str,
}

impl Scope {
    /// Whether its locals live in registers.
    pub fn is_function_like(&self) -> bool {
        !matches!(self.kind, ScopeKind::Module | ScopeKind::Class)
    }

    /// The names with those of the comprehensions that have no frame of their own, which live here.
    pub fn merged<'a>(&'a self, table: &'a SymbolTable) -> Symbols {
        let mut all = self.symbols.clone();
        for child in self.children.iter().map(|&id| table.scope(id)).filter(|c| c.comp_inlined) {
            for (name, symbol) in child.merged(table) {
                if symbol.flags & def::PARAM == 0 {
                    all.entry(name).or_insert(symbol);
                }
            }
        }
        all
    }

    /// The inner scopes that have a frame of their own, in source order.
    pub fn framed(&self, table: &SymbolTable) -> Vec<ScopeId> {
        let mut out = Vec::new();
        for &id in &self.children {
            let child = table.scope(id);
            if child.comp_inlined {
                out.extend(child.framed(table));
            } else {
                out.push(id);
            }
        }
        out
    }

    /// Where `name` lives; `Unknown` when the scope does not know it.
    pub fn lookup(&self, name: &str) -> Symbol {
        self.symbols.get(name).copied().unwrap_or_default()
    }
}

/// Every scope of one source.
#[derive(Debug)]
pub struct SymbolTable {
    scopes: Vec<Scope>,
    keys: FxHashMap<Key, ScopeId>,
}

impl SymbolTable {
    /// The module's scope.
    pub const TOP: ScopeId = 0;

    /// A scope.
    pub fn scope(&self, id: ScopeId) -> &Scope {
        &self.scopes[id]
    }

    /// The scope of a part of a node.
    pub fn find<T>(&self, node: &T, part: Part) -> Option<ScopeId> {
        self.keys.get(&key(node, part)).copied()
    }

    /// Every scope.
    pub fn scopes(&self) -> &[Scope] {
        &self.scopes
    }
}

/// Builds and analyzes the table of a tree.
pub fn build(ast: &Mod, map: &SourceMap, future_annotations: bool) -> Result<SymbolTable, SyntaxError> {
    let mut table = build::run(ast, map, future_annotations)?;
    analyze::run(&mut table, map)?;
    Ok(table)
}

/// `name` with the class's name in front if it is private (`__x` inside `class C` is `_C__x`).
pub fn mangle(private: Option<&Name>, name: &Name) -> Name {
    let Some(class) = private else { return name.clone() };
    if !name.starts_with("__") || name.ends_with("__") || name.contains('.') {
        return name.clone();
    }
    let class = class.trim_start_matches('_');
    if class.is_empty() { name.clone() } else { Name::new(format!("_{class}{name}")) }
}
