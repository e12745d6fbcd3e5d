//! The symbol table as Python sees it: nested rows of plain data, which `_symtable.py` wraps.

use typhon_compiler::symtable::{Scope, ScopeId, ScopeKind, SymbolTable};
use typhon_compiler::{Mode, Scopes};
use typhon_object::dict::Dict;
use typhon_object::error::{self, Res};
use typhon_object::list::List;
use typhon_object::strs::{self, Str};
use typhon_object::{Thread, Value, convert, tuple};

/// Bits that a symbol's place is shifted by (`SCOPE_OFF`).
const SCOPE_OFF: u32 = 12;

pub(super) fn scopes(t: &Thread, a: &[Value]) -> Res {
    let filename = crate::builtins::code::path_text(t, &a[1])?;
    let mut flags = 0;
    let text = crate::builtins::code::source(t, &a[0], "symtable", "string or bytes", &filename, &mut flags)?;
    let mut options = crate::compile::module_options(t, &filename);
    options.mode = match a[2].downcast::<Str>().map(Str::to_lossy).as_deref() {
        Some("exec") => Mode::Exec,
        Some("eval") => Mode::Eval,
        Some("single") => Mode::Single,
        _ => return Err(error::value_error(t, "symtable() arg 3 must be 'exec' or 'eval' or 'single'")),
    };
    match crate::compile::aside_if_long(t, &text, &options, typhon_compiler::scopes)? {
        Ok(found) => row(t, &found, SymbolTable::TOP),
        Err(e) => crate::compile::refused(t, &e, &filename),
    }
}

fn kind(scope: &Scope) -> i64 {
    match scope.kind {
        ScopeKind::Function => 0,
        ScopeKind::Class => 1,
        ScopeKind::Module => 2,
        ScopeKind::Annotation => 3,
        ScopeKind::TypeAlias => 4,
        ScopeKind::TypeParameters => 5,
        ScopeKind::TypeVariable => 6,
    }
}

fn row(t: &Thread, found: &Scopes, id: ScopeId) -> Res {
    t.poll()?;
    t.check_stack("in symtable()")?;
    let scope = found.table.scope(id);
    let symbols = Dict::create(t);
    for (name, symbol) in scope.merged(&found.table) {
        let bits = symbol.flags | (symbol.scope as u32) << SCOPE_OFF;
        Dict::of(&symbols).set(t, &strs::new(t, &name)?, &Value::small(i64::from(bits)))?;
    }
    let params = scope.params.iter().map(|name| strs::new(t, name)).collect::<Res<Vec<_>>>()?;
    let inner = scope.framed(&found.table).into_iter().map(|id| row(t, found, id)).collect::<Res<Vec<_>>>()?;
    let line = if id == SymbolTable::TOP { 0 } else { found.map.line_byte(scope.range.start()).0 };
    tuple::from_vec(
        t,
        vec![
            convert::from_usize(id),
            strs::new(t, &scope.name)?,
            Value::small(kind(scope)),
            Value::small(i64::from(line)),
            Value::small(i64::from(scope.nested)),
            symbols,
            List::from_vec(t, params)?,
            List::from_vec(t, inner)?,
        ],
    )
}
