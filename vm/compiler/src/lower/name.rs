//! Names: which register, cell or namespace each one is.

use super::{Compiler, Done};
use crate::emit::Val;
use crate::symtable::{NameScope, ScopeId, ScopeKind, Symbol, def, mangle};
use ruff_python_ast::name::Name;
use typhon_isa::Opcode;

/// How a name is reached.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Place {
    /// A register.
    Fast(u16),
    /// The cell in a register.
    Deref(u16),
    /// Globals, then builtins.
    Global,
    /// The locals namespace, then globals, then builtins.
    Name,
}

impl<'a> Compiler<'a> {
    /// `name` with the private prefix of the class around it.
    pub(crate) fn mangled(&self, name: &Name) -> Name {
        let scope = self.scope();
        if scope.mangled_names.as_ref().is_some_and(|names| !names.contains(name)) {
            return name.clone();
        }
        mangle(scope.private.as_ref(), name)
    }

    /// Where a mangled name lives.
    pub(crate) fn resolve(&self, name: &Name) -> Place {
        let unit = self.unit_ref();
        let mut id = unit.cur;
        loop {
            let scope = self.table.scope(id);
            let symbol = scope.lookup(name);
            match symbol.scope {
                NameScope::Local | NameScope::Cell => return self.own(id, name, symbol),
                NameScope::Free if id == unit.scope => return self.closure(name),
                NameScope::Free => {
                    let Some(parent) = scope.parent else { return Place::Name };
                    id = parent;
                    if id == unit.scope && self.table.scope(id).kind == ScopeKind::Class {
                        return self.closure(name);
                    }
                }
                NameScope::GlobalExplicit => return Place::Global,
                NameScope::GlobalImplicit | NameScope::Unknown => {
                    let own = self.table.scope(unit.scope);
                    let in_class_comp = own.kind == ScopeKind::Class && unit.cur != unit.scope;
                    return if own.is_function_like() || in_class_comp { Place::Global } else { Place::Name };
                }
            }
        }
    }

    fn own(&self, id: ScopeId, name: &Name, symbol: Symbol) -> Place {
        if !self.table.scope(id).is_function_like() {
            return Place::Name;
        }
        match self.unit_ref().emit.regs.get(&(id, name.clone())) {
            Some(&reg) if symbol.scope == NameScope::Cell => Place::Deref(reg),
            Some(&reg) => Place::Fast(reg),
            None => Place::Name,
        }
    }

    /// The cell of a name that an enclosing function owns, or of a class's own cell.
    pub(crate) fn closure(&self, name: &Name) -> Place {
        let unit = self.unit_ref();
        match unit.emit.regs.get(&(unit.scope, name.clone())) {
            Some(&reg) => Place::Deref(reg),
            None => Place::Name,
        }
    }

    /// The register that holds the cell of `name` for an inner function's closure.
    pub(crate) fn cell_register(&self, name: &Name) -> Option<u16> {
        let unit = self.unit_ref();
        let mut id = unit.cur;
        loop {
            let scope = self.table.scope(id);
            let symbol = scope.lookup(name);
            let here = matches!(symbol.scope, NameScope::Cell | NameScope::Free) || symbol.flags & def::FREE_CLASS != 0;
            let reg = unit.emit.regs.get(&(id, name.clone())).copied();
            if id == unit.scope {
                return reg;
            }
            if here && symbol.scope == NameScope::Cell && reg.is_some() {
                return reg;
            }
            id = scope.parent?;
        }
    }

    /// The local register of a name, if it is a plain local.
    pub(crate) fn fast(&self, name: &Name) -> Option<u16> {
        match self.resolve(&self.mangled(name)) {
            Place::Fast(reg) => Some(reg),
            _ => None,
        }
    }

    /// Loads a name into `to`.
    pub(crate) fn load_name_to(&mut self, name: &Name, to: u16) -> Done {
        let name = self.mangled(name);
        self.load_mangled_to(&name, to);
        Ok(())
    }

    /// As [`Compiler::load_name_to`], with the name as the scope spells it.
    pub(crate) fn load_mangled_to(&mut self, name: &Name, to: u16) {
        match self.resolve(name) {
            Place::Fast(reg) => {
                self.e().op1(Opcode::CheckBound, reg);
                self.e().move_(to, Val::kept(reg));
            }
            Place::Deref(reg) => self.load_deref(name, reg, to),
            Place::Global => {
                let index = self.e().name(name);
                match self.classdict() {
                    Some(dict) if self.scope().lookup(name).scope != NameScope::GlobalExplicit => {
                        let reg = self.scratch(to);
                        self.e().op2(Opcode::LoadDeref, 0, reg, Val::kept(dict), 0);
                        self.e().op2(Opcode::LoadFromDictOrGlobals, 0, to, Val::temp(reg), index);
                    }
                    _ => {
                        self.e().push(Opcode::LoadGlobal, 0, to, 0, index);
                    }
                }
            }
            Place::Name => {
                let index = self.e().name(name);
                self.e().push(Opcode::LoadName, 0, to, 0, index);
            }
        }
    }

    /// A temporary that may coincide with `to`.
    fn scratch(&mut self, to: u16) -> u16 {
        let e = self.e();
        if usize::from(to) >= e.locals.len() {
            return to;
        }
        let reg = e.alloc();
        e.top = reg;
        reg
    }

    /// The cell of `__classdict__` in an annotation scope right inside a class.
    fn classdict(&self) -> Option<u16> {
        if !self.scope().can_see_class_scope || self.unit_ref().cur != self.unit_ref().scope {
            return None;
        }
        match self.closure(&Name::new_static("__classdict__")) {
            Place::Deref(reg) => Some(reg),
            _ => None,
        }
    }

    fn load_deref(&mut self, name: &Name, cell: u16, to: u16) {
        let in_class = self.scope().kind == ScopeKind::Class && self.unit_ref().cur == self.unit_ref().scope;
        let dict = self.classdict().filter(|_| name != "__classdict__");
        if in_class || dict.is_some() {
            let reg = self.scratch(to);
            match dict {
                Some(dict) => self.e().op2(Opcode::LoadDeref, 0, reg, Val::kept(dict), 0),
                None => self.e().op1(Opcode::LoadLocals, reg),
            };
            self.e().op2(Opcode::LoadClassDeref, 0, to, Val::temp(reg), cell);
            return;
        }
        self.e().op2(Opcode::LoadDeref, 0, to, Val::kept(cell), 0);
    }

    /// Stores a value under a name.
    pub(crate) fn store_name(&mut self, name: &Name, value: Val) -> Done {
        let name = self.mangled(name);
        match self.resolve(&name) {
            Place::Fast(reg) => self.e().move_(reg, value),
            Place::Deref(reg) => {
                self.e().op2(Opcode::StoreDeref, 0, reg, value, 0);
            }
            place => {
                let index = self.e().name(&name);
                let op = if place == Place::Global { Opcode::StoreGlobal } else { Opcode::StoreName };
                self.e().op2(op, 0, 0, value, index);
            }
        }
        Ok(())
    }

    /// `del name`.
    pub(crate) fn delete_name(&mut self, name: &Name) -> Done {
        let name = self.mangled(name);
        match self.resolve(&name) {
            Place::Fast(reg) => self.e().op1(Opcode::DeleteFast, reg),
            Place::Deref(reg) => self.e().op1(Opcode::DeleteDeref, reg),
            place => {
                let index = self.e().name(&name);
                let op = if place == Place::Global { Opcode::DeleteGlobal } else { Opcode::DeleteName };
                self.e().push(op, 0, 0, 0, index)
            }
        };
        Ok(())
    }

    /// Gives a mangled attribute name its index.
    pub(crate) fn attribute_index(&mut self, name: &Name) -> u16 {
        let name = self.mangled(name);
        self.e().name(&name)
    }
}
