//! From AST to instructions: the walker's state, its units and blocks.

mod annotation;
mod call;
mod class;
mod comprehension;
mod consume;
mod expr;
mod function;
mod import;
mod jump;
mod literal;
mod name;
mod pattern;
mod stmt;
mod strings;
mod target;
mod try_;
mod unwind;
mod with_;

use crate::assemble::assemble;
use crate::deep;
use crate::emit::{Cover, Emitter, Label, Loc};
use crate::error::{SyntaxError, Warning};
use crate::mode::{Mode, ModuleResult, Options, flag};
use crate::source::SourceMap;
use crate::symtable::{NameScope, Scope, ScopeId, ScopeKind, SymbolTable, def};
use ruff_python_ast::{Expr, Mod, Stmt, name::Name};
use ruff_text_size::{Ranged, TextRange, TextSize};
use rustc_hash::{FxHashMap, FxHashSet};
use std::sync::Arc;
use typhon_isa::code::{CodeFlags, Local};
use typhon_isa::{Code, Const, LocalKind, Opcode};

pub(crate) type Done = Result<(), SyntaxError>;

/// CPython's limit on blocks inside one another.
const BLOCKS_MAX: usize = 21;

/// Lowers a whole tree.
pub(crate) fn lower(
    ast: &Mod,
    map: &SourceMap,
    table: &SymbolTable,
    options: &Options,
    future: u32,
) -> Result<(Arc<Code>, Vec<Warning>), SyntaxError> {
    let mut compiler = Compiler {
        map,
        table,
        options,
        future,
        units: Vec::new(),
        warnings: Vec::new(),
        depth: 0,
        interactive: false,
        generator_parens: None,
    };
    let code = compiler.module(ast)?;
    Ok((code, compiler.warnings))
}

/// What a unit's code is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum UnitKind {
    Module,
    Class,
    Function,
    AsyncFunction,
    Lambda,
    /// A generator expression.
    Comprehension,
    /// Annotations, type parameters, bounds and aliases.
    Annotation,
}

/// An annotated name whose annotation is evaluated lazily.
pub(crate) struct Deferred<'a> {
    pub(crate) name: Name,
    pub(crate) annotation: &'a Expr,
    /// Number of the annotation among the conditional ones.
    pub(crate) condition: Option<u32>,
    pub(crate) loc: Loc,
}

/// One code object's worth of state.
pub(crate) struct Unit<'a> {
    pub(crate) emit: Emitter,
    pub(crate) kind: UnitKind,
    pub(crate) scope: ScopeId,
    /// The innermost inlined comprehension, or `scope`.
    pub(crate) cur: ScopeId,
    pub(crate) name: Name,
    pub(crate) qualname: String,
    pub(crate) first_line: u32,
    pub(crate) blocks: Vec<Block<'a>>,
    pub(crate) static_attributes: Vec<Name>,
    seen_attributes: FxHashSet<Name>,
    pub(crate) deferred: Vec<Deferred<'a>>,
    pub(crate) conditions: u32,
    pub(crate) in_conditional: bool,
    pub(crate) has_docstring: bool,
    pub(crate) arg_counts: (u16, u16, u16),
    /// The constant of a module's `__annotate__`.
    pub(crate) annotate_slot: Option<u32>,
    /// Where the block begins.
    pub(crate) entry: Loc,
    /// The handler that turns StopIteration into RuntimeError in a generator.
    stop_iteration: Option<(Label, Cover)>,
}

/// A construct that break, continue and return must leave in order.
#[derive(Clone, Copy)]
pub(crate) struct Block<'a> {
    pub(crate) kind: BlockKind<'a>,
    /// The handler in force outside the block.
    pub(crate) outer: Cover,
    pub(crate) loc: Loc,
}

#[derive(Clone, Copy)]
pub(crate) enum BlockKind<'a> {
    While {
        start: Label,
        end: Label,
    },
    /// A loop with an iterator in a register.
    For {
        start: Label,
        end: Label,
        iter: u16,
    },
    /// The body of a `try` with handlers.
    TryExcept,
    /// The body of a `try` with `finally`.
    FinallyTry {
        body: &'a [Stmt],
    },
    /// The exceptional copy of a `finally` body; the exception is in the register.
    FinallyEnd {
        exc: u16,
    },
    With {
        exit: u16,
        is_async: bool,
    },
    /// The handlers of a `try`.
    Handler,
    /// The body of one handler, and the name it binds.
    HandlerCleanup {
        exc: u16,
        name: Option<&'a Name>,
    },
    /// The handlers of a `try ... except*`.
    GroupHandler,
    /// A value that waits for its use above the block.
    Kept {
        reg: u16,
    },
}

/// The walker.
pub(crate) struct Compiler<'a> {
    pub(crate) map: &'a SourceMap,
    pub(crate) table: &'a SymbolTable,
    pub(crate) options: &'a Options,
    /// Future features in force.
    pub(crate) future: u32,
    pub(crate) units: Vec<Unit<'a>>,
    pub(crate) warnings: Vec<Warning>,
    pub(crate) depth: u32,
    pub(crate) interactive: bool,
    /// The range of the parentheses of a call whose only argument is a generator expression: they are its own.
    pub(crate) generator_parens: Option<TextRange>,
}

impl<'a> Compiler<'a> {
    pub(crate) fn future_annotations(&self) -> bool {
        self.future & flag::FUTURE_ANNOTATIONS != 0
    }

    /// The unit being compiled. There is one from the first `enter_unit` to the last `leave_unit`.
    pub(crate) fn unit(&mut self) -> &mut Unit<'a> {
        let last = self.units.len() - 1;
        &mut self.units[last]
    }

    pub(crate) fn unit_ref(&self) -> &Unit<'a> {
        &self.units[self.units.len() - 1]
    }

    /// The emitter of the unit being compiled.
    pub(crate) fn e(&mut self) -> &mut Emitter {
        &mut self.unit().emit
    }

    pub(crate) fn top(&self) -> u16 {
        self.unit_ref().emit.top
    }

    pub(crate) fn set_top(&mut self, top: u16) {
        self.e().set_top(top);
    }

    /// The scope of the unit.
    pub(crate) fn scope(&self) -> &'a Scope {
        self.table.scope(self.unit_ref().scope)
    }

    /// Sets the source range of the instructions that follow; returns the one before.
    pub(crate) fn at(&mut self, range: impl Into<Loc>) -> Loc {
        std::mem::replace(&mut self.e().loc, range.into())
    }

    pub(crate) fn error(&self, range: TextRange, message: impl Into<String>) -> SyntaxError {
        self.map.error(range, message)
    }

    /// Runs `f` one level deeper.
    pub(crate) fn deeper<T>(&mut self, f: impl FnOnce(&mut Self) -> Result<T, SyntaxError>) -> Result<T, SyntaxError> {
        deep::enter(&mut self.depth)?;
        let done = deep::grow(|| f(self));
        self.depth -= 1;
        done
    }

    fn module(&mut self, ast: &'a Mod) -> Result<Arc<Code>, SyntaxError> {
        self.interactive = self.options.mode == Mode::Single;
        self.enter_unit(SymbolTable::TOP, UnitKind::Module, Name::new_static("<module>"), 1);
        self.at(TextRange::default());
        self.prologue();
        match ast {
            Mod::Module(module) => {
                if let Some(first) = module.body.first() {
                    self.unit().entry = first.range().into();
                    self.at(first.range());
                }
                self.module_annotations_setup()?;
                if self.options.result == ModuleResult::LastExpression
                    && let Some((Stmt::Expr(last), body)) = module.body.split_last()
                {
                    self.body_with_docstring(body)?;
                    self.module_annotations_finish()?;
                    self.at(last.range);
                    let value = self.operand(&last.value)?;
                    self.at(last.range);
                    self.e().use1(Opcode::Return, value);
                    return self.leave_unit();
                }
                self.body_with_docstring(&module.body)?;
                self.module_annotations_finish()?;
                self.at(Loc::NONE);
                let none = self.e().consts.add(Const::None);
                self.e().push(Opcode::ReturnConst, 0, 0, 0, 0).set_bc(none);
            }
            Mod::Expression(expression) => {
                let value = self.operand(&expression.body)?;
                self.at(expression.body.range());
                self.e().use1(Opcode::Return, value);
            }
        }
        self.leave_unit()
    }

    /// Statements of a module or class, with the docstring stored first.
    pub(crate) fn body_with_docstring(&mut self, body: &'a [Stmt]) -> Done {
        let mut rest = body;
        if (!self.interactive || self.unit_ref().kind != UnitKind::Module)
            && let Some((doc, tail)) = self.docstring(body)
            && let Some(first) = body.first()
        {
            rest = tail;
            if let Some(doc) = doc {
                self.at(first.range());
                let reg = self.e().alloc();
                self.e().load_const(reg, doc);
                self.store_name(&Name::new_static("__doc__"), crate::emit::Val::temp(reg))?;
                self.set_top(reg);
            }
        }
        self.stmts(rest)
    }

    // --- units

    pub(crate) fn enter_unit(&mut self, scope: ScopeId, kind: UnitKind, name: Name, first_line: u32) {
        let (locals, regs) = self.registers(scope);
        let qualname = self.qualname(scope, &name);
        let bound: Vec<u16> = locals
            .iter()
            .enumerate()
            .filter(|(_, l)| l.is_arg || l.kind == LocalKind::Free || l.kind == LocalKind::Cell)
            .map(|(i, _)| i as u16)
            .collect();
        let mut emit = Emitter::new(locals, regs);
        emit.bound_on_entry = bound;
        self.units.push(Unit {
            emit,
            kind,
            scope,
            cur: scope,
            name,
            qualname,
            first_line,
            blocks: Vec::new(),
            static_attributes: Vec::new(),
            seen_attributes: FxHashSet::default(),
            deferred: Vec::new(),
            conditions: 0,
            in_conditional: false,
            has_docstring: false,
            arg_counts: (0, 0, 0),
            annotate_slot: None,
            entry: Loc { start: TextSize::new(0), end: TextSize::new(0) },
            stop_iteration: None,
        });
    }

    /// Named registers: parameters, locals, locals of inlined comprehensions, cells, free variables.
    fn registers(&self, id: ScopeId) -> (Vec<Local>, FxHashMap<(ScopeId, Name), u16>) {
        let scope = self.table.scope(id);
        let mut locals = Vec::new();
        let mut regs = FxHashMap::default();
        let mut add = |name: &Name, owner: ScopeId, kind: LocalKind, is_arg: bool| {
            regs.insert((owner, name.clone()), locals.len() as u16);
            let shown = if name == ".format" && scope.kind == ScopeKind::Annotation { "format" } else { name.as_str() };
            locals.push(Local { name: shown.into(), kind, is_arg });
        };
        let function = scope.is_function_like();
        if function {
            for name in &scope.params {
                let is_cell = scope.lookup(name).scope == NameScope::Cell;
                add(name, id, if is_cell { LocalKind::Cell } else { LocalKind::Local }, true);
            }
            for (name, symbol) in &scope.symbols {
                if symbol.scope == NameScope::Local && symbol.flags & def::PARAM == 0 {
                    add(name, id, LocalKind::Local, false);
                }
            }
        }
        let mut comps = Vec::new();
        self.inlined(id, &mut comps);
        for &comp in &comps {
            for (name, symbol) in &self.table.scope(comp).symbols {
                match symbol.scope {
                    _ if symbol.flags & def::PARAM != 0 => {}
                    NameScope::Local => add(name, comp, LocalKind::Hidden, false),
                    NameScope::Cell => add(name, comp, LocalKind::Cell, false),
                    _ => {}
                }
            }
        }
        if function {
            let mut cells: Vec<&Name> = scope
                .symbols
                .iter()
                .filter(|(_, s)| s.scope == NameScope::Cell && s.flags & def::PARAM == 0)
                .map(|(n, _)| n)
                .collect();
            cells.sort();
            cells.into_iter().for_each(|name| add(name, id, LocalKind::Cell, false));
        } else if scope.kind == ScopeKind::Class {
            let wanted = [
                (scope.needs_class_closure, "__class__"),
                (scope.needs_classdict, "__classdict__"),
                (scope.has_conditional_annotations, "__conditional_annotations__"),
            ];
            for (is_wanted, name) in wanted {
                if is_wanted {
                    add(&Name::new_static(name), id, LocalKind::Cell, false);
                }
            }
        }
        for name in free_variables(scope) {
            add(&name, id, LocalKind::Free, false);
        }
        (locals, regs)
    }

    /// The inlined comprehensions of a scope, inner ones after outer ones.
    fn inlined(&self, id: ScopeId, out: &mut Vec<ScopeId>) {
        for &child in &self.table.scope(id).children {
            if self.table.scope(child).comp_inlined {
                out.push(child);
                self.inlined(child, out);
            }
        }
    }

    fn qualname(&self, scope: ScopeId, name: &Name) -> String {
        let Some(mut parent) = self.units.last() else { return name.to_string() };
        if self.units.len() == 1 {
            return name.to_string();
        }
        if self.table.scope(parent.scope).kind == ScopeKind::TypeParameters {
            // The parent's parent is the module: the name stands alone.
            match self.units.len() {
                2 => return name.to_string(),
                n => parent = &self.units[n - 2],
            }
            if self.units.len() == 2 || parent.kind == UnitKind::Module {
                return name.to_string();
            }
        }
        let is_definition = matches!(self.table.scope(scope).kind, ScopeKind::Function | ScopeKind::Class);
        if is_definition {
            let mangled = crate::symtable::mangle(self.table.scope(parent.scope).private.as_ref(), name);
            if self.table.scope(parent.scope).lookup(&mangled).scope == NameScope::GlobalExplicit {
                return name.to_string();
            }
        }
        let locals = match parent.kind {
            UnitKind::Function | UnitKind::AsyncFunction | UnitKind::Lambda => ".<locals>",
            _ => "",
        };
        format!("{}{locals}.{name}", parent.qualname)
    }

    /// Closure, cells, generator creation and the first Resume.
    pub(crate) fn prologue(&mut self) {
        let unit = self.unit();
        let before = std::mem::replace(&mut unit.emit.loc, Loc::NONE);
        let free: Vec<u16> = registers_of(&unit.emit.locals, LocalKind::Free);
        if let Some(&first) = free.first() {
            unit.emit.push(Opcode::CopyFreeVars, 0, first, 0, free.len() as u16);
        }
        let scope = unit.scope;
        let own: Vec<u16> = unit.emit.regs.iter().filter(|((s, _), _)| *s == scope).map(|(_, &r)| r).collect();
        for reg in registers_of(&unit.emit.locals, LocalKind::Cell) {
            if own.contains(&reg) {
                unit.emit.op1(Opcode::MakeCell, reg);
            }
        }
        unit.emit.loc = before;
        let entry = self.table.scope(scope);
        let generator = (entry.generator || entry.coroutine) && entry.is_function_like();
        if generator || self.is_top_level_coroutine() {
            let e = self.e();
            e.push(Opcode::ReturnGenerator, 0, 0, 0, 0);
            let target = e.label();
            let depth = e.top;
            let row = e.row(target, depth);
            e.cover = row;
            self.unit().stop_iteration = Some((target, row));
        }
        self.e().push(Opcode::Resume, 0, 0, 0, 0);
    }

    /// A module with top-level await (asyncio's console).
    fn is_top_level_coroutine(&self) -> bool {
        let scope = self.scope();
        self.options.flags & flag::ALLOW_TOP_LEVEL_AWAIT != 0 && scope.kind == ScopeKind::Module && scope.coroutine
    }

    pub(crate) fn leave_unit(&mut self) -> Result<Arc<Code>, SyntaxError> {
        if let Some((target, _)) = self.unit().stop_iteration {
            let e = self.e();
            e.cover = Cover::NONE;
            e.loc = Loc::NONE;
            e.bind(target);
            e.top = e.locals.len() as u16;
            let reg = e.alloc();
            let value = crate::emit::Val::temp(reg);
            let kind = typhon_isa::opcode::Intrinsic1Kind::StopIterationError as u8;
            e.op2(Opcode::Intrinsic1, kind, reg, value, 0);
            e.use1(Opcode::Reraise, value);
        }
        let flags = self.code_flags();
        let Some(mut unit) = self.units.pop() else {
            return Err(self.error(TextRange::default(), "no code"));
        };
        unit.emit.check_limits()?;
        let parts = assemble(&mut unit.emit, self.map);
        let (arg_count, posonly_count, kwonly_count) = unit.arg_counts;
        let emit = unit.emit;
        let code = Code {
            name: unit.name.as_str().into(),
            qualname: unit.qualname.as_str().into(),
            filename: self.options.filename.clone(),
            first_line: unit.first_line,
            flags,
            arg_count,
            posonly_count,
            kwonly_count,
            register_count: emit.register_count(),
            locals: emit.locals.into(),
            words: parts.words,
            consts: emit.consts.list.into(),
            names: emit.names.into_iter().collect(),
            handlers: parts.handlers,
            positions: parts.positions,
        };
        #[cfg(debug_assertions)]
        if let Err(problem) = crate::verify::verify(&code) {
            let text = format!("internal compiler error: {problem}\n{}", typhon_isa::text::disassemble(&code));
            return Err(SyntaxError::bare(crate::error::ErrorKind::System, text));
        }
        Ok(Arc::new(code))
    }

    fn code_flags(&self) -> u32 {
        let unit = self.unit_ref();
        let scope = self.scope();
        let mut flags = self.future & flag::FUTURE_MASK;
        if scope.is_function_like() {
            flags |= CodeFlags::NEWLOCALS | CodeFlags::OPTIMIZED;
            if scope.nested {
                flags |= CodeFlags::NESTED;
            }
            flags |= match (scope.generator, scope.coroutine) {
                (true, true) => CodeFlags::ASYNC_GENERATOR,
                (true, false) => CodeFlags::GENERATOR,
                (false, true) => CodeFlags::COROUTINE,
                (false, false) => 0,
            };
            if scope.varargs {
                flags |= CodeFlags::VARARGS;
            }
            if scope.varkeywords {
                flags |= CodeFlags::VARKEYWORDS;
            }
            if scope.method {
                flags |= CodeFlags::METHOD;
            }
            if unit.has_docstring {
                flags |= CodeFlags::HAS_DOCSTRING;
            }
        }
        if self.is_top_level_coroutine() {
            flags |= CodeFlags::COROUTINE;
        }
        flags
    }

    // --- blocks

    pub(crate) fn push_block(&mut self, kind: BlockKind<'a>) -> Done {
        let outer = self.e().cover;
        self.push_block_in(kind, outer)
    }

    /// As [`Compiler::push_block`], with the handler in force outside named.
    pub(crate) fn push_block_in(&mut self, kind: BlockKind<'a>, outer: Cover) -> Done {
        let unit = self.unit();
        if unit.blocks.len() >= BLOCKS_MAX && !matches!(kind, BlockKind::Kept { .. }) {
            let loc = unit.emit.loc;
            let range = if loc == Loc::NONE { TextRange::default() } else { TextRange::new(loc.start, loc.end) };
            return Err(self.error(range, "too many statically nested blocks"));
        }
        let loc = unit.emit.loc;
        unit.blocks.push(Block { kind, outer, loc });
        Ok(())
    }

    /// Ends a block; the handler outside it is in force again.
    pub(crate) fn pop_block(&mut self) {
        if let Some(block) = self.unit().blocks.pop() {
            self.e().cover = block.outer;
        }
    }

    /// A new handler at `target` is in force; it finds the exception in register `depth`.
    pub(crate) fn protect(&mut self, target: Label, depth: u16) {
        let e = self.e();
        e.cover = e.row(target, depth);
    }

    /// Notes `self.name = ...` for `__static_attributes__` of the class around.
    pub(crate) fn note_static_attribute(&mut self, object: &Expr, attr: &Name) {
        if object.as_name_expr().is_none_or(|n| n.id != "self") {
            return;
        }
        if let Some(class) = self.units.iter_mut().rev().find(|u| u.kind == UnitKind::Class)
            && class.seen_attributes.insert(attr.clone())
        {
            class.static_attributes.push(attr.clone());
        }
    }
}

fn registers_of(locals: &[Local], kind: LocalKind) -> Vec<u16> {
    locals.iter().enumerate().filter(|(_, l)| l.kind == kind).map(|(i, _)| i as u16).collect()
}

/// Free variables of a scope in the order of its closure.
pub(crate) fn free_variables(scope: &Scope) -> Vec<Name> {
    let mut names: Vec<Name> = scope
        .symbols
        .iter()
        .filter(|(_, s)| s.scope == NameScope::Free || s.flags & def::FREE_CLASS != 0)
        .map(|(n, _)| n.clone())
        .collect();
    names.sort();
    names
}
