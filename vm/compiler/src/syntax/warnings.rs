//! Warnings about source that compiles, in the order in which CPython finds them: the parser's while it reads tokens,
//! then jumps out of `finally`, then what the compiler notices.

use super::literal::{BadEscape, first_bad_escape};
use crate::error::{Warning, WarningCategory};
use crate::source::SourceMap;
use ruff_python_ast::token::{TokenKind, Tokens};
use ruff_python_ast::visitor::{self, Visitor};
use ruff_python_ast::{CmpOp, Expr, ExprContext, InterpolatedStringElement, Mod, Number, Stmt};
use ruff_text_size::{Ranged, TextRange, TextSize};

/// Brackets and blocks that CPython's scanner lets nest.
const MAX_BRACKETS: i32 = 200;
const MAX_BLOCKS: i32 = 100;
/// Formatted strings that it lets nest.
const MAX_STRINGS: usize = 148;

/// What a walk over a tree finds.
pub struct Findings {
    /// Warnings, in CPython's order.
    pub warnings: Vec<Warning>,
    /// How many of them are the parser's; they come first.
    pub of_parser: usize,
    /// Whether brackets, blocks or replacement fields nest deeper than CPython's scanner allows.
    pub scanner_refuses: bool,
    /// How deep the tree is.
    pub depth: usize,
    /// Whether something nests deeper on its right than CPython's parser allows.
    pub too_complex: bool,
}

/// Walks a tree and its tokens.
pub fn find(ast: &Mod, tokens: &Tokens, map: &SourceMap) -> Findings {
    let (mut warnings, nests_too_deep) = of_tokens(tokens, map);
    let of_parser = warnings.len();
    let mut walk = walk(ast, map);
    let (fields, right) = walk.worst;
    warnings.append(&mut walk.jumps);
    warnings.append(&mut walk.compiler);
    Findings {
        warnings,
        of_parser,
        scanner_refuses: fields > 3 || nests_too_deep,
        too_complex: right > 5_500,
        depth: walk.deepest,
    }
}

/// The parser's warnings up to a line.
pub(crate) fn before(tokens: &Tokens, map: &SourceMap, line: u32) -> Vec<Warning> {
    let (mut found, _) = of_tokens(tokens, map);
    found.retain(|w| w.line <= line);
    found
}

/// The warnings about a tree that has no text.
pub(crate) fn of_tree(ast: &Mod, map: &SourceMap) -> Vec<Warning> {
    let mut walk = walk(ast, map);
    walk.jumps.append(&mut walk.compiler);
    walk.jumps
}

fn walk<'a>(ast: &Mod, map: &'a SourceMap) -> Walk<'a> {
    let mut walk = Walk {
        map,
        jumps: Vec::new(),
        compiler: Vec::new(),
        context: Context::default(),
        fields: 0,
        right: 0,
        worst: (0, 0),
        depth: 0,
        deepest: 0,
    };
    match ast {
        Mod::Module(module) => walk.visit_body(&module.body),
        Mod::Expression(expression) => walk.visit_expr(&expression.body),
    }
    walk
}

fn warning(map: &SourceMap, range: TextRange, message: String) -> Warning {
    let (start, end) = (map.place(range.start()), map.place(range.end()));
    Warning {
        category: WarningCategory::Syntax,
        message,
        line: start.line,
        col: start.chars + 1,
        end_line: end.line,
        end_col: end.chars + 1,
    }
}

fn escape_message(bad: &BadEscape) -> String {
    let (shown, octal) = match bad {
        BadEscape::Unknown(c) => (c.to_string(), ""),
        BadEscape::Octal(digits) => (digits.clone(), "octal "),
    };
    format!(
        "\"\\{shown}\" is an invalid {octal}escape sequence. Such sequences will not work in the future. \
         Did you mean \"\\\\{shown}\"? A raw string is also an option."
    )
}

/// The parser's warnings: numbers that touch a keyword, escapes without a meaning.
fn of_tokens(tokens: &Tokens, map: &SourceMap) -> (Vec<Warning>, bool) {
    let mut out = Vec::new();
    let (mut brackets, mut blocks, mut worst) = (0i32, 0i32, (0, 0, 0));
    // Texts of open f-strings: they are decoded when the string ends.
    let mut open: Vec<Vec<(TextRange, bool)>> = Vec::new();
    for token in tokens {
        let (range, kind) = (token.range(), token.kind());
        match kind {
            TokenKind::Int | TokenKind::Float | TokenKind::Complex => number(map, range, kind, &mut out),
            TokenKind::String => string(map, range, &mut out),
            TokenKind::Lpar | TokenKind::Lsqb | TokenKind::Lbrace => {
                brackets += 1;
                worst.0 = worst.0.max(brackets);
            }
            TokenKind::Rpar | TokenKind::Rsqb | TokenKind::Rbrace => brackets -= 1,
            TokenKind::Indent => {
                blocks += 1;
                worst.1 = worst.1.max(blocks);
            }
            TokenKind::Dedent => blocks -= 1,
            TokenKind::FStringStart | TokenKind::TStringStart => {
                open.push(Vec::new());
                worst.2 = worst.2.max(open.len());
            }
            TokenKind::FStringMiddle | TokenKind::TStringMiddle => {
                let raw = token.string_flags().is_some_and(|f| f.is_raw_string());
                if !raw {
                    brace_escapes(map, range, &mut out);
                }
                match open.last_mut() {
                    Some(texts) => texts.push((range, raw)),
                    None => continue,
                }
            }
            TokenKind::FStringEnd | TokenKind::TStringEnd => {
                for (text, raw) in open.pop().unwrap_or_default() {
                    if !raw {
                        quoted(map, text, range, &mut out);
                    }
                }
            }
            _ => {}
        }
    }
    (out, worst.0 > MAX_BRACKETS || worst.1 >= MAX_BLOCKS || worst.2 > MAX_STRINGS)
}

fn number(map: &SourceMap, range: TextRange, kind: TokenKind, out: &mut Vec<Warning>) {
    let next = map.text().as_bytes().get(range.end().to_usize()).copied().unwrap_or(0);
    if !next.is_ascii_alphabetic() {
        return;
    }
    let text = map.slice(range).as_bytes();
    let name = match (kind, text.get(1).map(u8::to_ascii_lowercase)) {
        (TokenKind::Complex, _) => "imaginary",
        (TokenKind::Int, Some(b'x')) => "hexadecimal",
        (TokenKind::Int, Some(b'o')) => "octal",
        (TokenKind::Int, Some(b'b')) => "binary",
        _ => "decimal",
    };
    out.push(warning(map, range, format!("invalid {name} literal")));
}

fn string(map: &SourceMap, range: TextRange, out: &mut Vec<Warning>) {
    let text = map.slice(range);
    if !text.contains('\\') {
        return;
    }
    let parts = super::literal::Parts::of(text);
    if parts.raw {
        return;
    }
    if let Some((at, bad)) = first_bad_escape(parts.body, parts.is_bytes) {
        let mut found = warning(map, range, escape_message(&bad));
        found.line += newlines(&parts.body[..at]);
        out.push(found);
    }
}

/// `\{` and `\}` in an f-string: the scanner notices them itself.
fn brace_escapes(map: &SourceMap, range: TextRange, out: &mut Vec<Warning>) {
    let text = map.slice(range);
    let mut at = 0;
    while let Some(offset) = text[at..].find('\\') {
        let start = at + offset;
        let next = text[start + 1..].chars().next().or_else(|| {
            let after = map.text().get(range.end().to_usize()..)?;
            after.chars().next()
        });
        if let Some(brace @ ('{' | '}')) = next {
            let begin = range.start() + TextSize::from(start as u32);
            let place = TextRange::at(begin, TextSize::from(1));
            out.push(warning(map, place, escape_message(&BadEscape::Unknown(brace))));
        }
        at = start + 1 + next.map_or(0, char::len_utf8);
        if text.get(at..).is_none() {
            break;
        }
    }
}

/// Text of an f-string: CPython counts its lines from the string's end.
fn quoted(map: &SourceMap, text: TextRange, end: TextRange, out: &mut Vec<Warning>) {
    let body = map.slice(text);
    if let Some((at, bad)) = first_bad_escape(body, false)
        && !matches!(bad, BadEscape::Unknown('{' | '}'))
    {
        let mut found = warning(map, text, escape_message(&bad));
        found.line = map.place(end.start()).line + newlines(&body[..at]);
        out.push(found);
    }
}

fn newlines(text: &str) -> u32 {
    text.bytes().filter(|&b| b == b'\n').count() as u32
}

#[derive(Clone, Copy, Default)]
struct Context {
    in_finally: bool,
    in_loop: bool,
}

struct Walk<'m> {
    map: &'m SourceMap,
    jumps: Vec<Warning>,
    compiler: Vec<Warning>,
    context: Context,
    fields: u32,
    right: u32,
    worst: (u32, u32),
    depth: usize,
    deepest: usize,
}

impl Walk<'_> {
    fn within(&mut self, context: Context, walk: impl FnOnce(&mut Self)) {
        let outer = std::mem::replace(&mut self.context, context);
        walk(self);
        self.context = outer;
    }

    fn deeper(&mut self, walk: impl FnOnce(&mut Self)) {
        self.depth += 1;
        self.deepest = self.deepest.max(self.depth);
        stacker::maybe_grow(64 * 1024, 4 * 1024 * 1024, || walk(self));
        self.depth -= 1;
    }

    fn jump(&mut self, range: TextRange, word: &str, leaves: bool) {
        if self.context.in_finally && leaves {
            self.jumps.push(warning(self.map, range, format!("'{word}' in a 'finally' block")));
        }
    }

    fn note(&mut self, range: TextRange, message: String) {
        self.compiler.push(warning(self.map, range, message));
    }

    fn statement(&mut self, stmt: &Stmt) {
        let here = self.context;
        match stmt {
            Stmt::Return(s) => self.jump(s.range(), "return", !here.in_loop),
            Stmt::Break(s) => self.jump(s.range(), "break", !here.in_loop),
            Stmt::Continue(s) => self.jump(s.range(), "continue", !here.in_loop),
            Stmt::Assert(s) if s.test.as_tuple_expr().is_some_and(|t| !t.elts.is_empty()) => {
                self.note(s.range(), "assertion is always true, perhaps remove parentheses?".to_owned());
            }
            Stmt::FunctionDef(_) | Stmt::ClassDef(_) => {
                return self.within(Context::default(), |w| visitor::walk_stmt(w, stmt));
            }
            Stmt::For(s) => {
                self.visit_expr(&s.iter);
                self.visit_expr(&s.target);
                self.within(Context { in_loop: true, ..here }, |w| w.visit_body(&s.body));
                return self.visit_body(&s.orelse);
            }
            Stmt::While(s) => {
                self.visit_expr(&s.test);
                self.within(Context { in_loop: true, ..here }, |w| w.visit_body(&s.body));
                return self.visit_body(&s.orelse);
            }
            Stmt::Try(s) => {
                self.visit_body(&s.body);
                for handler in &s.handlers {
                    self.visit_except_handler(handler);
                }
                self.visit_body(&s.orelse);
                let inner = Context { in_finally: true, in_loop: false };
                return self.within(inner, |w| w.visit_body(&s.finalbody));
            }
            _ => {}
        }
        visitor::walk_stmt(self, stmt);
    }

    fn expression(&mut self, expr: &Expr) {
        match expr {
            Expr::Compare(e) => self.comparison(e),
            Expr::Call(e) => {
                if let Some(name) = callee_type(&e.func) {
                    let message = format!("'{name}' object is not callable; perhaps you missed a comma?");
                    self.note(e.range(), message);
                }
            }
            Expr::Subscript(e) if e.ctx == ExprContext::Load => self.subscript(e),
            _ => {}
        }
        visitor::walk_expr(self, expr);
    }

    fn comparison(&mut self, e: &ruff_python_ast::ExprCompare) {
        let mut left: &Expr = &e.left;
        for (op, right) in e.ops.iter().zip(&e.comparators) {
            if matches!(op, CmpOp::Is | CmpOp::IsNot)
                && let Some(name) = identity_literal(left).or_else(|| identity_literal(right))
            {
                let (is, equals) = if *op == CmpOp::Is { ("is", "==") } else { ("is not", "!=") };
                let message = format!("\"{is}\" with '{name}' literal. Did you mean \"{equals}\"?");
                return self.note(e.range(), message);
            }
            left = right;
        }
    }

    fn subscript(&mut self, e: &ruff_python_ast::ExprSubscript) {
        let indexable = match &*e.value {
            Expr::Tuple(_) => Some("tuple"),
            Expr::List(_) | Expr::ListComp(_) => Some("list"),
            Expr::FString(_) | Expr::StringLiteral(_) => Some("str"),
            Expr::BytesLiteral(_) => Some("bytes"),
            _ => None,
        };
        if let Some(name) = indexable {
            let index = type_of(&e.slice).filter(|t| !matches!(*t, "int" | "bool"));
            if let Some(index) = index {
                let message =
                    format!("{name} indices must be integers or slices, not {index}; perhaps you missed a comma?");
                self.note(e.range(), message);
            }
            return;
        }
        let name = match &*e.value {
            Expr::Dict(_) | Expr::DictComp(_) => None,
            value => type_of(value),
        };
        if let Some(name) = name {
            self.note(e.range(), format!("'{name}' object is not subscriptable; perhaps you missed a comma?"));
        }
    }
}

impl<'a> Visitor<'a> for Walk<'_> {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        self.deeper(|w| w.statement(stmt));
    }

    fn visit_expr(&mut self, expr: &'a Expr) {
        let deepens = matches!(expr, Expr::UnaryOp(_) | Expr::Lambda(_) | Expr::If(_))
            || expr.as_bin_op_expr().is_some_and(|b| b.op == ruff_python_ast::Operator::Pow);
        let outer = self.right;
        self.right = match (deepens, expr) {
            (true, Expr::Lambda(_)) => outer + 2,
            (true, Expr::BinOp(_)) => outer + 2,
            (true, _) => outer + 1,
            (false, _) => 0,
        };
        self.worst.1 = self.worst.1.max(self.right);
        self.deeper(|w| w.expression(expr));
        self.right = outer;
    }

    fn visit_interpolated_string_element(&mut self, element: &'a InterpolatedStringElement) {
        let InterpolatedStringElement::Interpolation(field) = element else { return };
        let outer = std::mem::replace(&mut self.fields, 0);
        self.visit_expr(&field.expression);
        self.fields = outer + 1;
        self.worst.0 = self.worst.0.max(self.fields);
        if let Some(spec) = &field.format_spec {
            for element in &spec.elements {
                self.visit_interpolated_string_element(element);
            }
        }
        self.fields = outer;
    }
}

/// The type that a literal has, as a warning names it.
fn type_of(expr: &Expr) -> Option<&'static str> {
    Some(match expr {
        Expr::Tuple(_) => "tuple",
        Expr::List(_) | Expr::ListComp(_) => "list",
        Expr::Dict(_) | Expr::DictComp(_) => "dict",
        Expr::Set(_) | Expr::SetComp(_) => "set",
        Expr::Generator(_) => "generator",
        Expr::Lambda(_) => "function",
        Expr::FString(_) | Expr::StringLiteral(_) => "str",
        Expr::TString(_) => "string.templatelib.Template",
        Expr::BytesLiteral(_) => "bytes",
        Expr::NumberLiteral(n) => match n.value {
            Number::Int(_) => "int",
            Number::Float(_) => "float",
            Number::Complex { .. } => "complex",
        },
        Expr::BooleanLiteral(_) => "bool",
        Expr::NoneLiteral(_) => "NoneType",
        Expr::EllipsisLiteral(_) => "ellipsis",
        _ => return None,
    })
}

fn callee_type(expr: &Expr) -> Option<&'static str> {
    if matches!(expr, Expr::Lambda(_)) { None } else { type_of(expr) }
}

/// The type of a constant that `is` should not be used with.
fn identity_literal(expr: &Expr) -> Option<&'static str> {
    match expr {
        Expr::NumberLiteral(_) | Expr::StringLiteral(_) | Expr::BytesLiteral(_) => type_of(expr),
        Expr::Tuple(tuple) => tuple.elts.iter().all(is_constant).then_some("tuple"),
        _ => None,
    }
}

fn is_constant(expr: &Expr) -> bool {
    matches!(
        expr,
        Expr::NumberLiteral(_)
            | Expr::StringLiteral(_)
            | Expr::BytesLiteral(_)
            | Expr::BooleanLiteral(_)
            | Expr::NoneLiteral(_)
            | Expr::EllipsisLiteral(_)
    )
}
