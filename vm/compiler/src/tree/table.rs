//! The classes of the syntax tree as Python sees them: the one table of nodes, their fields and what those hold.

use std::fmt::Write;

/// How many things a field holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Many {
    /// One.
    One,
    /// One or None.
    Maybe,
    /// A list.
    List,
    /// A list in which None may stand.
    Gaps,
}

/// A field of a class.
#[derive(Clone, Copy, Debug)]
pub struct FieldDef {
    /// Name.
    pub name: &'static str,
    /// What it holds.
    pub ty: Ty,
    /// How many.
    pub many: Many,
}

/// A class.
#[derive(Debug)]
pub struct ClassDef {
    /// Name.
    pub name: &'static str,
    /// The family it belongs to.
    pub family: Ty,
    /// Fields, in order.
    pub fields: &'static [FieldDef],
}

/// Whether the nodes of a family say where they stand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Placed {
    /// No.
    No,
    /// Yes; the end may be left out.
    Yes,
    /// Yes, all of it.
    Whole,
}

macro_rules! many {
    () => {
        Many::One
    };
    (?) => {
        Many::Maybe
    };
    (*) => {
        Many::List
    };
    (-) => {
        Many::Gaps
    };
}

macro_rules! classes {
    ($( $family:ident $placed:ident $form:ident { $( $class:ident ( $( $ty:ident $([$q:tt])? $field:ident ),* ) )* } )*) => {
        /// A class that has instances.
        #[expect(non_camel_case_types, reason = "classes have their Python names")]
        #[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
        #[repr(u8)]
        pub enum Class { $($( #[doc = stringify!($class)] $class, )*)* }

        /// What a field holds: something plain, or a node of a family.
        #[expect(non_camel_case_types, reason = "families have their Python names")]
        #[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
        #[repr(u8)]
        pub enum Ty {
            /// A name.
            identifier,
            /// Text.
            string,
            /// An int of C's size.
            int,
            /// Any constant.
            constant,
            $( #[doc = stringify!($family)] $family, )*
        }

        /// Every class, in the order of [`Class`].
        pub static CLASSES: &[ClassDef] = &[$($( ClassDef {
            name: stringify!($class),
            family: Ty::$family,
            fields: &[$( FieldDef { name: stringify!($field), ty: Ty::$ty, many: many!($($q)?) } ),*],
        }, )*)*];

        /// Every class, by number.
        pub static ALL: &[Class] = &[$($( Class::$class, )*)*];

        /// Every family, whether its nodes have places, and whether it is the only class of its name.
        pub static FAMILIES: &[(Ty, &str, Placed, bool)] =
            &[$( (Ty::$family, stringify!($family), Placed::$placed, is_product!($form)) ),*];
    };
}

macro_rules! is_product {
    (sum) => {
        false
    };
    (product) => {
        true
    };
}

classes! {
    mod_ No sum {
        Module(stmt[*] body, type_ignore[*] type_ignores)
        Interactive(stmt[*] body)
        Expression(expr body)
        FunctionType(expr[*] argtypes, expr returns)
    }
    stmt Yes sum {
        FunctionDef(identifier name, arguments args, stmt[*] body, expr[*] decorator_list, expr[?] returns,
            string[?] type_comment, type_param[*] type_params)
        AsyncFunctionDef(identifier name, arguments args, stmt[*] body, expr[*] decorator_list, expr[?] returns,
            string[?] type_comment, type_param[*] type_params)
        ClassDef(identifier name, expr[*] bases, keyword[*] keywords, stmt[*] body, expr[*] decorator_list,
            type_param[*] type_params)
        Return(expr[?] value)
        Delete(expr[*] targets)
        Assign(expr[*] targets, expr value, string[?] type_comment)
        TypeAlias(expr name, type_param[*] type_params, expr value)
        AugAssign(expr target, operator op, expr value)
        AnnAssign(expr target, expr annotation, expr[?] value, int simple)
        For(expr target, expr iter, stmt[*] body, stmt[*] orelse, string[?] type_comment)
        AsyncFor(expr target, expr iter, stmt[*] body, stmt[*] orelse, string[?] type_comment)
        While(expr test, stmt[*] body, stmt[*] orelse)
        If(expr test, stmt[*] body, stmt[*] orelse)
        With(withitem[*] items, stmt[*] body, string[?] type_comment)
        AsyncWith(withitem[*] items, stmt[*] body, string[?] type_comment)
        Match(expr subject, match_case[*] cases)
        Raise(expr[?] exc, expr[?] cause)
        Try(stmt[*] body, excepthandler[*] handlers, stmt[*] orelse, stmt[*] finalbody)
        TryStar(stmt[*] body, excepthandler[*] handlers, stmt[*] orelse, stmt[*] finalbody)
        Assert(expr test, expr[?] msg)
        Import(alias[*] names)
        ImportFrom(identifier[?] module, alias[*] names, int[?] level)
        Global(identifier[*] names)
        Nonlocal(identifier[*] names)
        Expr(expr value)
        Pass()
        Break()
        Continue()
    }
    expr Yes sum {
        BoolOp(boolop op, expr[*] values)
        NamedExpr(expr target, expr value)
        BinOp(expr left, operator op, expr right)
        UnaryOp(unaryop op, expr operand)
        Lambda(arguments args, expr body)
        IfExp(expr test, expr body, expr orelse)
        Dict(expr[-] keys, expr[*] values)
        Set(expr[*] elts)
        ListComp(expr elt, comprehension[*] generators)
        SetComp(expr elt, comprehension[*] generators)
        DictComp(expr key, expr value, comprehension[*] generators)
        GeneratorExp(expr elt, comprehension[*] generators)
        Await(expr value)
        Yield(expr[?] value)
        YieldFrom(expr value)
        Compare(expr left, cmpop[*] ops, expr[*] comparators)
        Call(expr func, expr[*] args, keyword[*] keywords)
        FormattedValue(expr value, int conversion, expr[?] format_spec)
        Interpolation(expr value, constant str, int conversion, expr[?] format_spec)
        JoinedStr(expr[*] values)
        TemplateStr(expr[*] values)
        Constant(constant value, string[?] kind)
        Attribute(expr value, identifier attr, expr_context ctx)
        Subscript(expr value, expr slice, expr_context ctx)
        Starred(expr value, expr_context ctx)
        Name(identifier id, expr_context ctx)
        List(expr[*] elts, expr_context ctx)
        Tuple(expr[*] elts, expr_context ctx)
        Slice(expr[?] lower, expr[?] upper, expr[?] step)
    }
    expr_context No sum { Load() Store() Del() }
    boolop No sum { And() Or() }
    operator No sum {
        Add() Sub() Mult() MatMult() Div() Mod() Pow() LShift() RShift() BitOr() BitXor() BitAnd() FloorDiv()
    }
    unaryop No sum { Invert() Not() UAdd() USub() }
    cmpop No sum { Eq() NotEq() Lt() LtE() Gt() GtE() Is() IsNot() In() NotIn() }
    comprehension No product { comprehension(expr target, expr iter, expr[*] ifs, int is_async) }
    excepthandler Yes sum { ExceptHandler(expr[?] type, identifier[?] name, stmt[*] body) }
    arguments No product {
        arguments(arg[*] posonlyargs, arg[*] args, arg[?] vararg, arg[*] kwonlyargs, expr[-] kw_defaults, arg[?] kwarg,
            expr[*] defaults)
    }
    arg Yes product { arg(identifier arg, expr[?] annotation, string[?] type_comment) }
    keyword Yes product { keyword(identifier[?] arg, expr value) }
    alias Yes product { alias(identifier name, identifier[?] asname) }
    withitem No product { withitem(expr context_expr, expr[?] optional_vars) }
    match_case No product { match_case(pattern pattern, expr[?] guard, stmt[*] body) }
    pattern Whole sum {
        MatchValue(expr value)
        MatchSingleton(constant value)
        MatchSequence(pattern[*] patterns)
        MatchMapping(expr[*] keys, pattern[*] patterns, identifier[?] rest)
        MatchClass(expr cls, pattern[*] patterns, identifier[*] kwd_attrs, pattern[*] kwd_patterns)
        MatchStar(identifier[?] name)
        MatchAs(pattern[?] pattern, identifier[?] name)
        MatchOr(pattern[*] patterns)
    }
    type_ignore No sum { TypeIgnore(int lineno, string tag) }
    type_param Whole sum {
        TypeVar(identifier name, expr[?] bound, expr[?] default_value)
        ParamSpec(identifier name, expr[?] default_value)
        TypeVarTuple(identifier name, expr[?] default_value)
    }
}

impl Class {
    /// Its row of the table.
    pub fn def(self) -> &'static ClassDef {
        &CLASSES[self as usize]
    }

    /// Whether its nodes say where they stand.
    pub fn placed(self) -> Placed {
        self.def().family.placed()
    }

    /// The place of a field.
    pub fn index(self, field: &str) -> Option<usize> {
        self.def().fields.iter().position(|f| f.name == field)
    }

    /// `Name(expr value, ...)`.
    pub fn signature(self) -> String {
        let def = self.def();
        let mut out = def.name.to_owned();
        if def.fields.is_empty() {
            return out;
        }
        for (i, field) in def.fields.iter().enumerate() {
            let mark = match field.many {
                Many::One => "",
                Many::Maybe => "?",
                Many::List => "*",
                Many::Gaps => "?*",
            };
            let _ = write!(out, "{}{}{mark} {}", if i == 0 { "(" } else { ", " }, field.ty.name(), field.name);
        }
        out + ")"
    }
}

impl Ty {
    const PLAIN: [&'static str; 4] = ["identifier", "string", "int", "constant"];

    /// Whether it is no node.
    pub fn is_plain(self) -> bool {
        (self as usize) < Self::PLAIN.len()
    }

    fn family(self) -> Option<&'static (Ty, &'static str, Placed, bool)> {
        FAMILIES.get((self as usize).checked_sub(Self::PLAIN.len())?)
    }

    /// Its Python name.
    pub fn name(self) -> &'static str {
        match self.family() {
            Some((_, name, ..)) => name.trim_end_matches('_'),
            None => Self::PLAIN[self as usize],
        }
    }

    /// Whether its nodes say where they stand.
    pub fn placed(self) -> Placed {
        self.family().map_or(Placed::No, |f| f.2)
    }

    /// Whether it is the only class of its name.
    pub fn is_product(self) -> bool {
        self.family().is_some_and(|f| f.3)
    }

    /// Its classes.
    pub fn classes(self) -> impl Iterator<Item = Class> {
        ALL.iter().copied().filter(move |c| c.def().family == self)
    }

    /// `family = First(...) | Second(...)`, as its docstring has it.
    pub fn signature(self) -> String {
        let name = self.name();
        let list: Vec<String> = self.classes().map(Class::signature).collect();
        if list.iter().all(|s| !s.ends_with(')')) {
            return format!("{name} = {}", list.join(" | "));
        }
        format!("{name} = {}", list.join(&format!("\n{:width$} | ", "", width = name.len())))
    }
}
