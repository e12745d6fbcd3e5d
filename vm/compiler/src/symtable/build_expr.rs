//! The first pass, expressions.

use super::build::{Builder, Done};
use super::{CompKind, Part, ScopeKind, SymbolTable, def, key};
use crate::deep;
use ruff_python_ast::{self as ast, Expr, ExprContext, InterpolatedStringElement, name::Name};
use ruff_text_size::{Ranged, TextRange};

impl Builder<'_> {
    pub(super) fn exprs<'e>(&mut self, all: impl IntoIterator<Item = &'e Expr>) -> Done {
        all.into_iter().try_for_each(|e| self.expr(e))
    }

    pub(super) fn expr(&mut self, e: &Expr) -> Done {
        deep::enter(&mut self.depth)?;
        let done = deep::grow(|| self.expr_inner(e));
        self.depth -= 1;
        done
    }

    fn expr_inner(&mut self, e: &Expr) -> Done {
        match e {
            Expr::BoolOp(b) => self.exprs(&b.values),
            Expr::Named(n) => self.named(n),
            Expr::BinOp(b) => {
                self.expr(&b.left)?;
                self.expr(&b.right)
            }
            Expr::UnaryOp(u) => self.expr(&u.operand),
            Expr::Lambda(l) => self.lambda(l),
            Expr::If(i) => {
                self.expr(&i.test)?;
                self.expr(&i.body)?;
                self.expr(&i.orelse)
            }
            Expr::Dict(d) => d.items.iter().try_for_each(|item| {
                item.key.iter().try_for_each(|k| self.expr(k))?;
                self.expr(&item.value)
            }),
            Expr::Set(s) => self.exprs(&s.elts),
            Expr::ListComp(c) => self.comprehension(e, "<listcomp>", CompKind::List, &c.generators, &c.elt, None),
            Expr::SetComp(c) => self.comprehension(e, "<setcomp>", CompKind::Set, &c.generators, &c.elt, None),
            Expr::DictComp(c) => {
                self.comprehension(e, "<dictcomp>", CompKind::Dict, &c.generators, &c.value, c.key.as_deref())
            }
            Expr::Generator(c) => self.comprehension(e, "<genexpr>", CompKind::Generator, &c.generators, &c.elt, None),
            Expr::Await(a) => {
                self.refuse_in_annotation("await expression", e.range())?;
                self.cur().coroutine = true;
                self.expr(&a.value)
            }
            Expr::Yield(y) => {
                self.yield_(e.range())?;
                y.value.iter().try_for_each(|v| self.expr(v))
            }
            Expr::YieldFrom(y) => {
                self.yield_(e.range())?;
                self.expr(&y.value)
            }
            Expr::Compare(c) => {
                self.expr(&c.left)?;
                self.exprs(&c.comparators)
            }
            Expr::Call(c) => {
                self.expr(&c.func)?;
                self.arguments(&c.arguments)
            }
            Expr::FString(f) => f.value.elements().try_for_each(|e| self.element(e)),
            Expr::TString(t) => t.value.elements().try_for_each(|e| self.element(e)),
            Expr::Attribute(a) => {
                if a.attr.as_str() == "__debug__" {
                    self.refuse_debug(a.ctx, a.range)?;
                }
                self.expr(&a.value)
            }
            Expr::Subscript(s) => {
                self.expr(&s.value)?;
                self.expr(&s.slice)
            }
            Expr::Starred(s) => self.expr(&s.value),
            Expr::Name(n) => self.name(n),
            Expr::List(l) => self.exprs(&l.elts),
            Expr::Tuple(t) => self.exprs(&t.elts),
            Expr::Slice(s) => [&s.lower, &s.upper, &s.step].into_iter().flatten().try_for_each(|e| self.expr(e)),
            Expr::StringLiteral(_)
            | Expr::BytesLiteral(_)
            | Expr::NumberLiteral(_)
            | Expr::BooleanLiteral(_)
            | Expr::NoneLiteral(_)
            | Expr::EllipsisLiteral(_)
            | Expr::IpyEscapeCommand(_) => Ok(()),
        }
    }

    fn refuse_debug(&mut self, ctx: ExprContext, range: TextRange) -> Done {
        match ctx {
            ExprContext::Store => Err(self.error(range, "cannot assign to __debug__")),
            ExprContext::Del => Err(self.error(range, "cannot delete __debug__")),
            _ => Ok(()),
        }
    }

    fn name(&mut self, n: &ast::ExprName) -> Done {
        if n.id == "__debug__" {
            self.refuse_debug(n.ctx, n.range)?;
        }
        if self.cur().in_unevaluated_annotation {
            return Ok(());
        }
        let load = n.ctx == ExprContext::Load;
        self.add(&n.id, if load { def::USE } else { def::LOCAL }, n.range)?;
        if load && n.id == "super" && self.cur().is_function_like() {
            self.add(&Name::new_static("__class__"), def::USE, n.range)?;
        }
        Ok(())
    }

    fn element(&mut self, e: &InterpolatedStringElement) -> Done {
        let InterpolatedStringElement::Interpolation(field) = e else { return Ok(()) };
        self.expr(&field.expression)?;
        field.format_spec.iter().try_for_each(|spec| spec.elements.iter().try_for_each(|e| self.element(e)))
    }

    pub(super) fn arguments(&mut self, a: &ast::Arguments) -> Done {
        self.exprs(a.args.iter())?;
        for k in &a.keywords {
            if k.arg.as_ref().is_some_and(|n| n.as_str() == "__debug__") {
                return Err(self.error(k.range, "cannot assign to __debug__"));
            }
            self.expr(&k.value)?;
        }
        Ok(())
    }

    fn lambda(&mut self, l: &ast::ExprLambda) -> Done {
        if let Some(p) = &l.parameters {
            self.defaults(p)?;
        }
        self.enter(Name::new_static("<lambda>"), ScopeKind::Function, key(l, Part::Body), l.range);
        if let Some(p) = &l.parameters {
            self.parameters(p)?;
        }
        self.expr(&l.body)?;
        self.leave();
        Ok(())
    }

    fn refuse_in_annotation(&mut self, what: &str, range: TextRange) -> Done {
        let scope = self.cur();
        let text = match scope.kind {
            ScopeKind::Annotation => format!("{what} cannot be used within an annotation"),
            ScopeKind::TypeVariable | ScopeKind::TypeAlias | ScopeKind::TypeParameters => {
                format!("{what} cannot be used within {}", scope.what)
            }
            _ => return Ok(()),
        };
        Err(self.error(range, text))
    }

    fn yield_(&mut self, range: TextRange) -> Done {
        self.refuse_in_annotation("yield expression", range)?;
        let what = match self.cur().comprehension {
            CompKind::No => {
                self.cur().generator = true;
                return Ok(());
            }
            CompKind::List => "list comprehension",
            CompKind::Set => "set comprehension",
            CompKind::Dict => "dict comprehension",
            CompKind::Generator => "generator expression",
        };
        Err(self.error(range, format!("'yield' inside {what}")))
    }

    fn named(&mut self, n: &ast::ExprNamed) -> Done {
        self.refuse_in_annotation("named expression", n.range)?;
        if self.cur().comp_iter_expr > 0 {
            let text = "assignment expression cannot be used in a comprehension iterable expression";
            return Err(self.error(n.range, text));
        }
        if self.cur().comprehension != CompKind::No
            && let Expr::Name(target) = n.target.as_ref()
        {
            self.extend_named(target)?;
        }
        for &id in self.stack.iter().rev() {
            self.table.scopes[id].has_walrus = true;
            if self.table.scopes[id].comprehension == CompKind::No {
                break;
            }
        }
        self.expr(&n.value)?;
        self.expr(&n.target)
    }

    /// `:=` in a comprehension binds in the scope around it.
    fn extend_named(&mut self, target: &ast::ExprName) -> Done {
        let (name, range) = (&target.id, target.range);
        let mangled = self.mangled(name);
        for id in self.stack.clone().into_iter().rev() {
            let scope = self.table.scope(id);
            let flags = scope.lookup(&mangled).flags;
            if scope.comprehension != CompKind::No {
                if flags & def::COMP_ITER != 0 && flags & def::LOCAL != 0 {
                    let text = format!("assignment expression cannot rebind comprehension iteration variable '{name}'");
                    return Err(self.error(range, text));
                }
                continue;
            }
            let text = match scope.kind {
                ScopeKind::Function => {
                    let flag = if flags & def::GLOBAL != 0 { def::GLOBAL } else { def::NONLOCAL };
                    self.add(name, flag, range)?;
                    self.cur().directives.push((mangled, range));
                    return self.add_to(id, name, def::LOCAL, range);
                }
                ScopeKind::Module => {
                    self.add(name, def::GLOBAL, range)?;
                    self.cur().directives.push((mangled, range));
                    return self.add_to(SymbolTable::TOP, name, def::GLOBAL, range);
                }
                ScopeKind::Class => "assignment expression within a comprehension cannot be used in a class body",
                ScopeKind::TypeVariable => {
                    "assignment expression within a comprehension cannot be used in a TypeVar bound"
                }
                ScopeKind::TypeAlias => "assignment expression within a comprehension cannot be used in a type alias",
                ScopeKind::TypeParameters => {
                    "assignment expression within a comprehension cannot be used within the definition of a generic"
                }
                ScopeKind::Annotation => "named expression cannot be used within an annotation",
            };
            return Err(self.error(range, text));
        }
        Ok(())
    }

    fn comprehension(
        &mut self,
        e: &Expr,
        name: &'static str,
        kind: CompKind,
        generators: &[ast::Comprehension],
        elt: &Expr,
        dict_key: Option<&Expr>,
    ) -> Done {
        let Some((outermost, rest)) = generators.split_first() else { return Ok(()) };
        self.cur().comp_iter_expr += 1;
        self.expr(&outermost.iter)?;
        self.cur().comp_iter_expr -= 1;
        self.enter(Name::new_static(name), ScopeKind::Function, key(e, Part::Body), e.range());
        self.cur().comprehension = kind;
        self.cur().coroutine = outermost.is_async;
        self.add(&Name::new_static(".0"), def::PARAM, e.range())?;
        self.comp_target(&outermost.target)?;
        self.exprs(&outermost.ifs)?;
        for generator in rest {
            self.comp_target(&generator.target)?;
            self.cur().comp_iter_expr += 1;
            self.expr(&generator.iter)?;
            self.cur().comp_iter_expr -= 1;
            self.exprs(&generator.ifs)?;
            self.cur().coroutine |= generator.is_async;
        }
        dict_key.iter().try_for_each(|k| self.expr(k))?;
        self.expr(elt)?;
        let is_generator = kind == CompKind::Generator;
        self.cur().generator = is_generator;
        let is_async = self.cur().coroutine && !is_generator;
        self.leave();
        if is_async && self.cur().in_unevaluated_annotation {
            let text = "asynchronous comprehension outside of an asynchronous function";
            return Err(self.error(e.range(), text));
        }
        self.cur().coroutine |= is_async;
        Ok(())
    }

    fn comp_target(&mut self, target: &Expr) -> Done {
        self.cur().comp_iter_target = true;
        self.expr(target)?;
        self.cur().comp_iter_target = false;
        Ok(())
    }
}
