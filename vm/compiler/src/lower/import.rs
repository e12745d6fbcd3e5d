//! Imports.

use super::expr::Want;
use super::{Compiler, Done};
use crate::emit::Val;
use ruff_python_ast::{self as ast, name::Name};
use typhon_isa::{Const, Opcode};

impl<'a> Compiler<'a> {
    /// `__import__(name)` into the first free temporary.
    fn import_call(&mut self, name: &str, level: u32, names: Const) -> Val {
        let base = self.top();
        self.constant(Const::Int(i64::from(level)), Want::Top);
        self.constant(names, Want::Top);
        let out = self.out(base, Want::Top);
        let index = self.e().name(name);
        self.e().push(Opcode::ImportName, 0, out.reg, base, index);
        out
    }

    pub(crate) fn import(&mut self, i: &'a ast::StmtImport) -> Done {
        for alias in &i.names {
            let base = self.top();
            self.at(i.range);
            let full = alias.name.as_str();
            let module = self.import_call(full, 0, Const::None);
            let mut parts = full.split('.');
            let first = parts.next().unwrap_or_default();
            match &alias.asname {
                Some(name) => {
                    // The submodule is reached from the package by its path.
                    let mut value = module;
                    for part in parts {
                        let index = self.e().name(part);
                        let next = self.e().alloc();
                        self.e().op2(Opcode::ImportFrom, 0, next, value.keep(), index);
                        self.e().clear(value.reg);
                        self.e().move_(value.reg, Val::temp(next));
                        self.set_top(next);
                        value = Val::temp(value.reg);
                    }
                    self.store_name(&name.id, value)?;
                }
                None => self.store_name(&Name::new(first), module)?,
            }
            self.set_top(base);
        }
        Ok(())
    }

    pub(crate) fn import_from(&mut self, i: &'a ast::StmtImportFrom) -> Done {
        let base = self.top();
        self.at(i.range);
        let names: Vec<Const> = i.names.iter().map(|a| Const::str(&a.name.id)).collect();
        let module_name = i.module.as_ref().map_or("", |m| m.as_str());
        let module = self.import_call(module_name, i.level, Const::Tuple(names.into()));
        if let [only] = &i.names[..]
            && only.name.as_str() == "*"
        {
            self.e().op2(Opcode::ImportStar, 0, 0, module, 0);
            self.set_top(base);
            return Ok(());
        }
        for alias in &i.names {
            let index = self.e().name(&alias.name.id);
            let stored = alias.asname.as_ref().unwrap_or(&alias.name);
            if let Some(reg) = self.fast(&stored.id) {
                self.e().op2(Opcode::ImportFrom, 0, reg, module.keep(), index);
                continue;
            }
            let value = Val::temp(self.e().alloc());
            self.e().op2(Opcode::ImportFrom, 0, value.reg, module.keep(), index);
            self.store_name(&stored.id, value)?;
            self.set_top(value.reg);
        }
        self.e().clear(module.reg);
        self.set_top(base);
        Ok(())
    }
}
