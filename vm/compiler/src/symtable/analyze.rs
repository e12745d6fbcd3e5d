//! The second pass: decides where every name lives.
//!
//! Top down it carries the names bound by enclosing functions, bottom up the names that inner scopes need from outside.

use super::{CompKind, NameScope, ScopeId, ScopeKind, SymbolTable, def};
use crate::deep;
use crate::error::SyntaxError;
use crate::source::SourceMap;
use indexmap::{IndexMap, IndexSet};
use ruff_python_ast::name::Name;
use ruff_text_size::TextRange;
use rustc_hash::FxBuildHasher;

type Names = IndexSet<Name, FxBuildHasher>;
type Scopes = IndexMap<Name, NameScope, FxBuildHasher>;

/// Names that a class body provides to the functions inside it by cells of its own.
const CLASS_CELLS: [&str; 3] = ["__class__", "__classdict__", "__conditional_annotations__"];

pub(super) fn run(table: &mut SymbolTable, map: &SourceMap) -> Result<(), SyntaxError> {
    let mut pass = Analyzer { table, map, depth: 0 };
    let (mut free, mut global, mut type_params) = (Names::default(), Names::default(), Names::default());
    pass.block(SymbolTable::TOP, None, &mut free, &mut global, &mut type_params, None)
}

struct Analyzer<'a> {
    table: &'a mut SymbolTable,
    map: &'a SourceMap,
    depth: u32,
}

impl Analyzer<'_> {
    fn block(
        &mut self,
        id: ScopeId,
        mut bound: Option<Names>,
        free: &mut Names,
        global: &mut Names,
        type_params: &mut Names,
        class: Option<ScopeId>,
    ) -> Result<(), SyntaxError> {
        let is_class = self.table.scope(id).kind == ScopeKind::Class;
        let (mut new_bound, mut new_global, mut new_free) = (Names::default(), Names::default(), Names::default());
        if is_class {
            new_global.extend(global.iter().cloned());
            new_bound.extend(bound.iter().flatten().cloned());
        }
        let mut scopes = Scopes::default();
        let mut local = Names::default();
        for i in 0..self.table.scope(id).symbols.len() {
            self.name(id, i, &mut scopes, &mut bound, &mut local, free, global, type_params, class)?;
        }
        if is_class {
            new_bound.extend(CLASS_CELLS.map(Name::new_static));
        } else {
            if self.table.scope(id).is_function_like() {
                new_bound.extend(local);
            }
            new_bound.extend(bound.iter().flatten().cloned());
            new_global.extend(global.iter().cloned());
        }
        for child in self.table.scope(id).children.clone() {
            let child_free = self.child(id, child, &new_bound, &new_global, type_params, class)?;
            new_free.extend(child_free);
        }
        let scope = &mut self.table.scopes[id];
        if scope.is_function_like() {
            for (name, place) in &mut scopes {
                if *place == NameScope::Local && new_free.swap_remove(name) {
                    *place = NameScope::Cell;
                }
            }
        } else if is_class {
            scope.needs_class_closure |= new_free.swap_remove("__class__");
            scope.needs_classdict |= new_free.swap_remove("__classdict__");
            scope.has_conditional_annotations |= new_free.swap_remove("__conditional_annotations__");
        }
        self.update(id, &scopes, bound.as_ref(), &new_free);
        free.extend(new_free);
        Ok(())
    }

    /// Analyzes an inner scope and tells the names it needs from outside.
    fn child(
        &mut self,
        id: ScopeId,
        child: ScopeId,
        bound: &Names,
        global: &Names,
        type_params: &Names,
        class: Option<ScopeId>,
    ) -> Result<Names, SyntaxError> {
        let scope = self.table.scope(id);
        let entry = self.table.scope(child);
        let class = match (entry.can_see_class_scope, scope.kind) {
            (true, ScopeKind::Class) => Some(id),
            (true, _) => class,
            _ => None,
        };
        let inline = !matches!(entry.comprehension, CompKind::No | CompKind::Generator) && !scope.can_see_class_scope;
        let mut free = Names::default();
        let (mut global, mut type_params) = (global.clone(), type_params.clone());
        let bound = Some(bound.clone());
        deep::enter(&mut self.depth)?;
        let done = deep::grow(|| self.block(child, bound, &mut free, &mut global, &mut type_params, class));
        self.depth -= 1;
        done?;
        if inline {
            self.inline(id, child, &mut free);
        }
        Ok(free)
    }

    /// Makes a comprehension part of its scope: what it takes from that scope need not be a cell.
    fn inline(&mut self, id: ScopeId, comp: ScopeId, free: &mut Names) {
        self.table.scopes[comp].comp_inlined = true;
        let is_class = self.table.scope(id).kind == ScopeKind::Class;
        for i in 0..self.table.scope(comp).symbols.len() {
            let (name, symbol) =
                self.table.scope(comp).symbols.get_index(i).map(|(n, s)| (n.clone(), *s)).unwrap_or_default();
            if symbol.flags & def::PARAM != 0 {
                continue;
            }
            if is_class {
                if symbol.scope == NameScope::Free && CLASS_CELLS.contains(&name.as_str()) {
                    self.table.scopes[comp].symbols[i].scope = NameScope::GlobalImplicit;
                    if !self.free_in_children(comp, &name) {
                        free.swap_remove(&name);
                    }
                }
            } else if self.table.scope(id).lookup(&name).flags & def::BOUND != 0 && !self.free_in_children(comp, &name)
            {
                free.swap_remove(&name);
            }
        }
    }

    fn free_in_children(&self, id: ScopeId, name: &Name) -> bool {
        self.table.scope(id).children.iter().any(|&child| {
            let scope = self.table.scope(child);
            if scope.comp_inlined {
                self.free_in_children(child, name)
            } else {
                scope.lookup(name).scope == NameScope::Free
            }
        })
    }

    fn update(&mut self, id: ScopeId, scopes: &Scopes, bound: Option<&Names>, free: &Names) {
        let scope = &mut self.table.scopes[id];
        let class_flag = scope.kind == ScopeKind::Class || scope.can_see_class_scope;
        for (name, place) in scopes {
            if let Some(symbol) = scope.symbols.get_mut(name) {
                symbol.scope = *place;
            }
        }
        for name in free {
            if let Some(symbol) = scope.symbols.get_mut(name) {
                if class_flag {
                    symbol.flags |= def::FREE_CLASS;
                }
            } else if bound.is_none_or(|b| b.contains(name)) {
                scope.symbols.insert(name.clone(), super::Symbol { flags: 0, scope: NameScope::Free });
            }
        }
    }

    fn name(
        &self,
        id: ScopeId,
        index: usize,
        scopes: &mut Scopes,
        bound: &mut Option<Names>,
        local: &mut Names,
        free: &mut Names,
        global: &mut Names,
        type_params: &mut Names,
        class: Option<ScopeId>,
    ) -> Result<(), SyntaxError> {
        let Some((name, symbol)) = self.table.scope(id).symbols.get_index(index) else { return Ok(()) };
        let flags = symbol.flags;
        let place = if flags & def::GLOBAL != 0 {
            if flags & def::NONLOCAL != 0 {
                return Err(self.directive_error(id, name, format!("name '{name}' is nonlocal and global")));
            }
            global.insert(name.clone());
            if let Some(bound) = bound {
                bound.swap_remove(name);
            }
            NameScope::GlobalExplicit
        } else if flags & def::NONLOCAL != 0 {
            let Some(bound) = bound else {
                return Err(self.directive_error(id, name, "nonlocal declaration not allowed at module level".into()));
            };
            if !bound.contains(name) {
                return Err(self.directive_error(id, name, format!("no binding for nonlocal '{name}' found")));
            }
            if type_params.contains(name) {
                let text = format!("nonlocal binding not allowed for type parameter '{name}'");
                return Err(self.directive_error(id, name, text));
            }
            free.insert(name.clone());
            NameScope::Free
        } else if flags & def::BOUND != 0 {
            local.insert(name.clone());
            global.swap_remove(name);
            if flags & def::TYPE_PARAM != 0 {
                type_params.insert(name.clone());
            } else {
                type_params.swap_remove(name);
            }
            NameScope::Local
        } else {
            let class_flags = class.map_or(0, |c| self.table.scope(c).lookup(name).flags);
            if class_flags & def::GLOBAL != 0 {
                NameScope::GlobalExplicit
            } else if class_flags & def::BOUND != 0 && class_flags & def::NONLOCAL == 0 {
                NameScope::GlobalImplicit
            } else if bound.as_ref().is_some_and(|b| b.contains(name)) {
                free.insert(name.clone());
                NameScope::Free
            } else {
                NameScope::GlobalImplicit
            }
        };
        scopes.insert(name.clone(), place);
        Ok(())
    }

    fn directive_error(&self, id: ScopeId, name: &Name, message: String) -> SyntaxError {
        let found = self.table.scope(id).directives.iter().find(|(n, _)| n == name);
        self.map.error(found.map_or(TextRange::default(), |(_, range)| *range), message)
    }
}
