//! The first pass, statements: records which names each scope binds and uses.

use super::{CompKind, Key, Part, Scope, ScopeId, ScopeKind, Symbol, SymbolTable, def, key, mangle};
use crate::deep;
use crate::error::SyntaxError;
use crate::source::SourceMap;
use ruff_python_ast::{self as ast, ExceptHandler, Expr, Mod, Pattern, Stmt, name::Name};
use ruff_text_size::{Ranged, TextRange};
use rustc_hash::{FxHashMap, FxHashSet};

pub(super) type Done = Result<(), SyntaxError>;

pub(super) fn run(ast: &Mod, map: &SourceMap, future_annotations: bool) -> Result<SymbolTable, SyntaxError> {
    let mut b = Builder {
        table: SymbolTable { scopes: Vec::new(), keys: FxHashMap::default() },
        stack: Vec::new(),
        private: None,
        map,
        future_annotations,
        depth: 0,
    };
    b.enter(Name::new_static("top"), ScopeKind::Module, key(ast, Part::Body), TextRange::default());
    match ast {
        Mod::Module(module) => b.stmts(&module.body)?,
        Mod::Expression(expression) => b.expr(&expression.body)?,
    }
    b.leave();
    Ok(b.table)
}

pub(super) struct Builder<'a> {
    pub(super) table: SymbolTable,
    pub(super) stack: Vec<ScopeId>,
    pub(super) private: Option<Name>,
    pub(super) map: &'a SourceMap,
    pub(super) future_annotations: bool,
    pub(super) depth: u32,
}

impl Builder<'_> {
    pub(super) fn cur(&mut self) -> &mut Scope {
        let id = self.stack.last().copied().unwrap_or(SymbolTable::TOP);
        &mut self.table.scopes[id]
    }

    pub(super) fn error(&self, range: TextRange, message: impl Into<String>) -> SyntaxError {
        self.map.error(range, message)
    }

    pub(super) fn enter(&mut self, name: Name, kind: ScopeKind, key: Key, range: TextRange) -> ScopeId {
        let id = self.table.scopes.len();
        let parent = self.stack.last().copied();
        let (nested, method) = parent.map_or((false, false), |p| {
            let p = &self.table.scopes[p];
            (p.nested || p.is_function_like(), p.kind == ScopeKind::Class && kind == ScopeKind::Function)
        });
        // What lies in an iterable lies in it as well; the bases of a generic class are outside the class.
        let outer = parent.map(|p| &self.table.scopes[p]);
        let comp_iter_expr = outer.map_or(0, |p| p.comp_iter_expr);
        let mangled_names = outer.filter(|_| kind != ScopeKind::Class).and_then(|p| p.mangled_names.clone());
        self.table.scopes.push(Scope {
            name,
            kind,
            parent,
            children: Vec::new(),
            symbols: Default::default(),
            params: Vec::new(),
            directives: Vec::new(),
            range,
            nested,
            generator: false,
            coroutine: false,
            comprehension: CompKind::No,
            varargs: false,
            varkeywords: false,
            returns_value: false,
            needs_class_closure: false,
            needs_classdict: false,
            comp_inlined: false,
            can_see_class_scope: false,
            method,
            has_docstring: false,
            annotations_used: false,
            has_conditional_annotations: false,
            has_walrus: false,
            annotation_block: None,
            mangled_names,
            private: self.private.clone(),
            in_conditional_block: false,
            comp_iter_target: false,
            comp_iter_expr,
            in_unevaluated_annotation: false,
            what: "",
        });
        if let Some(parent) = parent {
            self.table.scopes[parent].children.push(id);
        }
        self.table.keys.insert(key, id);
        self.stack.push(id);
        if matches!(kind, ScopeKind::Annotation | ScopeKind::TypeVariable | ScopeKind::TypeAlias) {
            let name = Name::new_static(".format");
            let scope = self.cur();
            scope.params.push(name.clone());
            scope.symbols.insert(name, Symbol { flags: def::PARAM | def::USE, ..Default::default() });
        }
        id
    }

    pub(super) fn leave(&mut self) {
        self.stack.pop();
    }

    /// `name` as this scope spells it.
    pub(super) fn mangled(&mut self, name: &Name) -> Name {
        let private = self.private.clone();
        if self.cur().mangled_names.as_ref().is_some_and(|names| !names.contains(name)) {
            return name.clone();
        }
        mangle(private.as_ref(), name)
    }

    fn lookup(&mut self, name: &Name) -> u32 {
        let name = self.mangled(name);
        self.cur().lookup(&name).flags
    }

    pub(super) fn add(&mut self, name: &Name, flags: u32, range: TextRange) -> Done {
        if flags & def::TYPE_PARAM != 0
            && let Some(names) = &mut self.cur().mangled_names
        {
            names.insert(name.clone());
        }
        let id = self.stack.last().copied().unwrap_or(SymbolTable::TOP);
        self.add_to(id, name, flags, range)
    }

    pub(super) fn add_to(&mut self, id: ScopeId, name: &Name, flags: u32, range: TextRange) -> Done {
        let mangled = self.mangled(name);
        let scope = &mut self.table.scopes[id];
        let old = scope.lookup(&mangled).flags;
        if flags & old & def::PARAM != 0 {
            return Err(self.error(range, format!("duplicate argument '{name}' in function definition")));
        }
        if flags & old & def::TYPE_PARAM != 0 {
            return Err(self.error(range, format!("duplicate type parameter '{name}'")));
        }
        let mut new = old | flags;
        if scope.comp_iter_target {
            if new & (def::GLOBAL | def::NONLOCAL) != 0 {
                let text = format!("comprehension inner loop cannot rebind assignment expression target '{name}'");
                return Err(self.error(range, text));
            }
            new |= def::COMP_ITER;
        }
        if flags & def::PARAM != 0 {
            scope.params.push(mangled.clone());
        }
        scope.symbols.entry(mangled.clone()).or_default().flags = new;
        if flags & def::GLOBAL != 0 && id != SymbolTable::TOP {
            self.table.scopes[SymbolTable::TOP].symbols.entry(mangled).or_default().flags |= flags;
        }
        Ok(())
    }

    /// Binds a name: as [`Builder::add`], but `__debug__` may not be bound.
    pub(super) fn bind(&mut self, name: &Name, flags: u32, range: TextRange) -> Done {
        if name == "__debug__" {
            return Err(self.error(range, "cannot assign to __debug__"));
        }
        self.add(name, flags, range)
    }

    pub(super) fn stmts(&mut self, body: &[Stmt]) -> Done {
        body.iter().try_for_each(|s| self.stmt(s))
    }

    fn stmt(&mut self, s: &Stmt) -> Done {
        deep::enter(&mut self.depth)?;
        let done = deep::grow(|| self.stmt_inner(s));
        self.depth -= 1;
        done
    }

    fn stmt_inner(&mut self, s: &Stmt) -> Done {
        match s {
            Stmt::FunctionDef(f) => self.function(f),
            Stmt::ClassDef(c) => self.class(c),
            Stmt::TypeAlias(t) => self.type_alias(t),
            Stmt::Return(r) => {
                if let Some(value) = &r.value {
                    self.expr(value)?;
                    self.cur().returns_value = true;
                }
                Ok(())
            }
            Stmt::Delete(d) => self.exprs(&d.targets),
            Stmt::Assign(a) => {
                self.exprs(&a.targets)?;
                self.expr(&a.value)
            }
            Stmt::AugAssign(a) => {
                self.expr(&a.target)?;
                self.expr(&a.value)
            }
            Stmt::AnnAssign(a) => self.ann_assign(a),
            Stmt::For(f) => {
                self.expr(&f.target)?;
                self.expr(&f.iter)?;
                self.conditional(|b| {
                    b.stmts(&f.body)?;
                    b.stmts(&f.orelse)
                })
            }
            Stmt::While(w) => {
                self.expr(&w.test)?;
                self.conditional(|b| {
                    b.stmts(&w.body)?;
                    b.stmts(&w.orelse)
                })
            }
            Stmt::If(i) => {
                self.expr(&i.test)?;
                self.conditional(|b| {
                    b.stmts(&i.body)?;
                    i.elif_else_clauses.iter().try_for_each(|clause| {
                        clause.test.iter().try_for_each(|t| b.expr(t))?;
                        b.stmts(&clause.body)
                    })
                })
            }
            Stmt::With(w) => self.conditional(|b| {
                for item in &w.items {
                    b.expr(&item.context_expr)?;
                    item.optional_vars.iter().try_for_each(|v| b.expr(v))?;
                }
                b.stmts(&w.body)
            }),
            Stmt::Match(m) => {
                self.expr(&m.subject)?;
                self.conditional(|b| {
                    m.cases.iter().try_for_each(|case| {
                        b.pattern(&case.pattern)?;
                        case.guard.iter().try_for_each(|g| b.expr(g))?;
                        b.stmts(&case.body)
                    })
                })
            }
            Stmt::Raise(r) => {
                r.exc.iter().try_for_each(|e| self.expr(e))?;
                r.cause.iter().try_for_each(|e| self.expr(e))
            }
            Stmt::Try(t) => self.conditional(|b| b.try_(t)),
            Stmt::Assert(a) => {
                self.expr(&a.test)?;
                a.msg.iter().try_for_each(|e| self.expr(e))
            }
            Stmt::Import(i) => i.names.iter().try_for_each(|a| self.alias(a)),
            Stmt::ImportFrom(i) => i.names.iter().try_for_each(|a| self.alias(a)),
            Stmt::Global(g) => g.names.iter().try_for_each(|n| self.directive(&n.id, def::GLOBAL, g.range)),
            Stmt::Nonlocal(n) => n.names.iter().try_for_each(|x| self.directive(&x.id, def::NONLOCAL, n.range)),
            Stmt::Expr(e) => self.expr(&e.value),
            Stmt::Pass(_) | Stmt::Break(_) | Stmt::Continue(_) | Stmt::IpyEscapeCommand(_) => Ok(()),
        }
    }

    fn conditional(&mut self, f: impl FnOnce(&mut Self) -> Done) -> Done {
        let before = std::mem::replace(&mut self.cur().in_conditional_block, true);
        f(self)?;
        self.cur().in_conditional_block = before;
        Ok(())
    }

    fn try_(&mut self, t: &ast::StmtTry) -> Done {
        self.stmts(&t.body)?;
        for ExceptHandler::ExceptHandler(h) in &t.handlers {
            h.type_.iter().try_for_each(|e| self.expr(e))?;
            if let Some(name) = &h.name {
                self.bind(&name.id, def::LOCAL, h.range)?;
            }
            self.stmts(&h.body)?;
        }
        self.stmts(&t.orelse)?;
        self.stmts(&t.finalbody)
    }

    fn alias(&mut self, alias: &ast::Alias) -> Done {
        let range = alias.range;
        match &alias.asname {
            Some(name) => self.bind(&name.id, def::IMPORT, range),
            None if alias.name.as_str() == "*" => {
                if self.cur().kind != ScopeKind::Module {
                    return Err(self.error(range, "import * only allowed at module level"));
                }
                Ok(())
            }
            None => {
                let first = alias.name.as_str().split('.').next().unwrap_or_default();
                self.bind(&Name::new(first), def::IMPORT, range)
            }
        }
    }

    fn directive(&mut self, name: &Name, flag: u32, range: TextRange) -> Done {
        let word = if flag == def::GLOBAL { "global" } else { "nonlocal" };
        let flags = self.lookup(name);
        let text = if flags & def::PARAM != 0 {
            format!("name '{name}' is parameter and {word}")
        } else if flags & def::USE != 0 {
            format!("name '{name}' is used prior to {word} declaration")
        } else if flags & def::ANNOT != 0 {
            format!("annotated name '{name}' can't be {word}")
        } else if flags & def::LOCAL != 0 {
            format!("name '{name}' is assigned to before {word} declaration")
        } else {
            self.add(name, flag, range)?;
            let name = self.mangled(name);
            self.cur().directives.push((name, range));
            return Ok(());
        };
        Err(self.error(range, text))
    }

    fn function(&mut self, f: &ast::StmtFunctionDef) -> Done {
        let range = f.range;
        self.bind(&f.name.id, def::LOCAL, f.name.range)?;
        self.defaults(&f.parameters)?;
        f.decorator_list.iter().try_for_each(|d| self.expr(&d.expression))?;
        if let Some(params) = &f.type_params {
            let (defaults, kwdefaults) = has_defaults(&f.parameters);
            self.enter_type_params(&f.name.id, key(f, Part::TypeParams), range);
            if defaults {
                self.add(&Name::new_static(".defaults"), def::PARAM, range)?;
            }
            if kwdefaults {
                self.add(&Name::new_static(".kwdefaults"), def::PARAM, range)?;
            }
            self.type_params(params)?;
        }
        self.function_annotations(f)?;
        self.enter(f.name.id.clone(), ScopeKind::Function, key(f, Part::Body), range);
        self.cur().coroutine = f.is_async;
        self.cur().has_docstring = has_docstring(&f.body);
        self.parameters(&f.parameters)?;
        self.stmts(&f.body)?;
        self.leave();
        if f.type_params.is_some() {
            self.leave();
        }
        Ok(())
    }

    fn function_annotations(&mut self, f: &ast::StmtFunctionDef) -> Done {
        let in_class = self.cur().kind == ScopeKind::Class || self.cur().can_see_class_scope;
        self.enter(Name::new_static("__annotate__"), ScopeKind::Annotation, key(f, Part::Annotations), f.range);
        if in_class && !self.future_annotations {
            self.cur().can_see_class_scope = true;
            self.add(&Name::new_static("__classdict__"), def::USE, f.range)?;
        }
        self.cur().what = "an annotation";
        let unevaluated = self.future_annotations;
        self.cur().in_unevaluated_annotation = unevaluated;
        for parameter in annotated_parameters(&f.parameters) {
            if let Some(annotation) = &parameter.annotation {
                self.expr(annotation)?;
            }
        }
        if let Some(returns) = &f.returns {
            self.expr(returns)?;
        }
        self.leave();
        Ok(())
    }

    pub(super) fn defaults(&mut self, p: &ast::Parameters) -> Done {
        let mut all = p.posonlyargs.iter().chain(&p.args).chain(&p.kwonlyargs);
        all.try_for_each(|a| a.default.iter().try_for_each(|d| self.expr(d)))
    }

    pub(super) fn parameters(&mut self, p: &ast::Parameters) -> Done {
        for a in p.posonlyargs.iter().chain(&p.args).chain(&p.kwonlyargs) {
            self.bind(&a.parameter.name.id, def::PARAM, a.parameter.range)?;
        }
        if let Some(a) = &p.vararg {
            self.bind(&a.name.id, def::PARAM, a.range)?;
            self.cur().varargs = true;
        }
        if let Some(a) = &p.kwarg {
            self.bind(&a.name.id, def::PARAM, a.range)?;
            self.cur().varkeywords = true;
        }
        Ok(())
    }

    fn class(&mut self, c: &ast::StmtClassDef) -> Done {
        let outer = self.private.clone();
        self.bind(&c.name.id, def::LOCAL, c.name.range)?;
        c.decorator_list.iter().try_for_each(|d| self.expr(&d.expression))?;
        if let Some(params) = &c.type_params {
            self.enter_type_params(&c.name.id, key(c, Part::TypeParams), c.range);
            for name in [".type_params", ".generic_base"] {
                self.add(&Name::new_static(name), def::LOCAL | def::USE, c.range)?;
            }
            self.private = Some(c.name.id.clone());
            let private = self.private.clone();
            self.cur().private = private;
            self.cur().mangled_names = Some(FxHashSet::default());
            self.type_params(params)?;
        }
        if let Some(arguments) = &c.arguments {
            self.arguments(arguments)?;
        }
        self.private = Some(c.name.id.clone());
        self.enter(c.name.id.clone(), ScopeKind::Class, key(c, Part::Body), c.range);
        if c.type_params.is_some() {
            self.add(&Name::new_static("__type_params__"), def::LOCAL, c.range)?;
            self.add(&Name::new_static(".type_params"), def::USE, c.range)?;
        }
        self.cur().has_docstring = has_docstring(&c.body);
        self.stmts(&c.body)?;
        self.leave();
        if c.type_params.is_some() {
            self.leave();
        }
        self.private = outer;
        Ok(())
    }

    fn ann_assign(&mut self, a: &ast::StmtAnnAssign) -> Done {
        self.cur().annotations_used = true;
        match a.target.as_ref() {
            Expr::Name(name) => {
                let flags = self.lookup(&name.id);
                if flags & (def::GLOBAL | def::NONLOCAL) != 0 && self.stack.len() > 1 && a.simple {
                    let word = if flags & def::GLOBAL != 0 { "global" } else { "nonlocal" };
                    return Err(self.error(a.range, format!("annotated name '{}' can't be {word}", name.id)));
                }
                if a.simple {
                    self.bind(&name.id, def::ANNOT | def::LOCAL, name.range)?;
                } else if a.value.is_some() {
                    self.bind(&name.id, def::LOCAL, name.range)?;
                }
            }
            other => self.expr(other)?,
        }
        self.annotation(&a.annotation)?;
        a.value.iter().try_for_each(|v| self.expr(v))
    }

    fn annotation(&mut self, annotation: &Expr) -> Done {
        let future = self.future_annotations;
        let scope = self.cur();
        let (kind, conditional) = (scope.kind, scope.in_conditional_block);
        if (kind == ScopeKind::Module || (kind == ScopeKind::Class && conditional))
            && !scope.has_conditional_annotations
        {
            scope.has_conditional_annotations = true;
        }
        let conditional = scope.has_conditional_annotations;
        let parent = self.stack.last().copied().unwrap_or(SymbolTable::TOP);
        match self.cur().annotation_block {
            Some(block) => self.stack.push(block),
            None => {
                let node = (annotation as *const Expr as usize, Part::Annotations);
                let id = self.enter(Name::new_static("__annotate__"), ScopeKind::Annotation, node, annotation.range());
                self.table.scopes[parent].annotation_block = Some(id);
                self.cur().what = "an annotation";
                if kind == ScopeKind::Class && !future {
                    self.cur().can_see_class_scope = true;
                    self.add(&Name::new_static("__classdict__"), def::USE, annotation.range())?;
                }
            }
        }
        if conditional && !future {
            self.add(&Name::new_static("__conditional_annotations__"), def::USE, annotation.range())?;
        }
        let unevaluated = kind == ScopeKind::Function || future;
        self.cur().in_unevaluated_annotation = unevaluated;
        self.expr(annotation)?;
        self.cur().in_unevaluated_annotation = false;
        self.leave();
        Ok(())
    }

    fn pattern(&mut self, p: &Pattern) -> Done {
        deep::enter(&mut self.depth)?;
        let done = deep::grow(|| self.pattern_inner(p));
        self.depth -= 1;
        done
    }

    fn pattern_inner(&mut self, p: &Pattern) -> Done {
        match p {
            Pattern::MatchValue(v) => self.expr(&v.value),
            Pattern::MatchSingleton(_) => Ok(()),
            Pattern::MatchSequence(s) => s.patterns.iter().try_for_each(|p| self.pattern(p)),
            Pattern::MatchMapping(m) => {
                self.exprs(&m.keys)?;
                m.patterns.iter().try_for_each(|p| self.pattern(p))?;
                m.rest.iter().try_for_each(|r| self.bind(&r.id, def::LOCAL, r.range))
            }
            Pattern::MatchClass(c) => {
                self.expr(&c.cls)?;
                c.arguments.patterns.iter().try_for_each(|p| self.pattern(p))?;
                c.arguments.keywords.iter().try_for_each(|k| {
                    if k.attr.as_str() == "__debug__" {
                        return Err(self.error(k.range, "cannot assign to __debug__"));
                    }
                    self.pattern(&k.pattern)
                })
            }
            Pattern::MatchStar(s) => s.name.iter().try_for_each(|n| self.bind(&n.id, def::LOCAL, s.range)),
            Pattern::MatchAs(a) => {
                a.pattern.iter().try_for_each(|p| self.pattern(p))?;
                a.name.iter().try_for_each(|n| self.bind(&n.id, def::LOCAL, a.range))
            }
            Pattern::MatchOr(o) => o.patterns.iter().try_for_each(|p| self.pattern(p)),
        }
    }
}

/// The parameters in the order in which `__annotate__` evaluates their annotations.
pub(crate) fn annotated_parameters(p: &ast::Parameters) -> impl Iterator<Item = &ast::Parameter> {
    p.posonlyargs
        .iter()
        .chain(&p.args)
        .map(|a| &a.parameter)
        .chain(p.vararg.as_deref())
        .chain(p.kwonlyargs.iter().map(|a| &a.parameter))
        .chain(p.kwarg.as_deref())
}

/// Whether parameters have positional and keyword-only defaults.
pub(crate) fn has_defaults(p: &ast::Parameters) -> (bool, bool) {
    let positional = p.posonlyargs.iter().chain(&p.args).any(|a| a.default.is_some());
    (positional, p.kwonlyargs.iter().any(|a| a.default.is_some()))
}

fn has_docstring(body: &[Stmt]) -> bool {
    matches!(body.first(), Some(Stmt::Expr(e)) if e.value.is_string_literal_expr())
}
