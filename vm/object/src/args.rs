//! Arguments of a call, and the binder from a signature to a flat array.

use crate::dict::Dict;
use crate::error::{self, Res};
use crate::names;
use crate::strs;
use crate::suggest;
use crate::thread::Thread;
use crate::tuple;
use crate::ty::{TypeObject, type_of};
use crate::value::Value;
use smallvec::SmallVec;
use std::mem::MaybeUninit;

/// Positional arguments, then the values of keyword arguments; `names` are the keywords (interned strs) of the last
/// `names.len()` values. Borrowed from the caller.
#[derive(Clone, Copy)]
pub struct Args<'a> {
    /// Values.
    pub values: &'a [Value],
    /// Keywords of the last values.
    pub names: &'a [Value],
}

impl<'a> Args<'a> {
    /// No arguments.
    pub const NONE: Args<'static> = Args { values: &[], names: &[] };

    /// Positional arguments only.
    #[inline(always)]
    pub fn pos(values: &'a [Value]) -> Self {
        Self { values, names: &[] }
    }

    /// The positional part.
    #[inline(always)]
    pub fn positional(&self) -> &'a [Value] {
        &self.values[..self.values.len() - self.names.len()]
    }

    /// (keyword, value) pairs.
    pub fn keywords(&self) -> impl Iterator<Item = (&'a Value, &'a Value)> {
        self.names.iter().zip(&self.values[self.values.len() - self.names.len()..])
    }

    /// The value of a keyword given as text.
    pub fn keyword(&self, name: &str) -> Option<&'a Value> {
        self.keywords().find(|(k, _)| strs::eq_str(k, name)).map(|(_, v)| v)
    }

    /// Whether any keyword argument was given.
    #[inline(always)]
    pub fn has_keywords(&self) -> bool {
        !self.names.is_empty()
    }

    /// TypeError unless there are no keyword arguments.
    pub fn no_keywords(&self, t: &Thread, function: &str) -> Res<()> {
        if self.names.is_empty() {
            return Ok(());
        }
        Err(error::type_error(t, format_args!("{function}() takes no keyword arguments")))
    }

    /// TypeError unless there are between `min` and `max` positional arguments and no keywords; texts as CPython's
    /// `PyArg_UnpackTuple`.
    #[inline]
    pub fn expect_positional(&self, t: &Thread, function: &str, min: usize, max: usize) -> Res<&'a [Value]> {
        if self.names.is_empty() && (min..=max).contains(&self.values.len()) {
            return Ok(self.values);
        }
        Err(self.unexpected_count(t, function, min, max))
    }

    #[cold]
    fn unexpected_count(&self, t: &Thread, function: &str, min: usize, max: usize) -> error::Exc {
        if let Err(e) = self.no_keywords(t, function) {
            return e;
        }
        let n = self.values.len();
        let (limit, bound) = if n < min { (min, "at least ") } else { (max, "at most ") };
        let (bound, s) = (if min == max { "" } else { bound }, if limit == 1 { "" } else { "s" });
        error::type_error(t, format_args!("{function} expected {bound}{limit} argument{s}, got {n}"))
    }

    /// Calls `f` with the same arguments and one more in front.
    #[inline]
    pub fn with_first<R>(&self, first: &Value, f: impl FnOnce(Args<'_>) -> R) -> R {
        const FEW: usize = 6;
        let n = self.values.len() + 1;
        let (mut few, mut many) = ([0; FEW], Vec::new());
        let words = match few.get_mut(..n) {
            Some(words) => words,
            None => {
                many.resize(n, 0);
                &mut many[..]
            }
        };
        words[0] = first.bits();
        for (word, v) in words[1..].iter_mut().zip(self.values) {
            *word = v.bits();
        }
        // SAFETY: the words are those of values that are borrowed for longer than the slice lives.
        f(Args { values: unsafe { Value::slice(words.as_ptr(), n) }, names: self.names })
    }

    /// The same arguments without the first.
    pub fn rest(&self) -> Args<'a> {
        Args { values: &self.values[1..], names: self.names }
    }
}

/// Room for arguments.
pub type ArgBuffer = SmallVec<[Value; 8]>;

/// What a parameter takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ParamKind {
    /// Position only.
    Positional,
    /// Position or keyword.
    Both,
    /// Keyword only.
    Keyword,
    /// The rest of the positional arguments, as a tuple.
    VarArgs,
    /// The rest of the keyword arguments, as a dict (absent when empty).
    VarKeywords,
}

/// One parameter of a native function.
#[derive(Debug)]
pub struct Param {
    /// Its name, interned.
    pub name: Value,
    /// What it takes.
    pub kind: ParamKind,
    /// Whether it may be missing.
    pub optional: bool,
}

/// The parameters of a native function, from its text signature.
#[derive(Debug)]
pub struct Signature {
    /// Parameters in order; the native gets one value for each.
    pub params: Vec<Param>,
    /// Positional parameters without a default.
    pub min: usize,
    /// Positional parameters.
    pub max: usize,
    /// Only positional-only parameters and no `*`, `**`: the quick path applies.
    pub simple: bool,
    /// A call without keywords needs nothing but the missing optional ones filled in.
    pub plain: bool,
    /// The first parameter is `$self` or `$type`: messages do not count it.
    pub has_self: bool,
}

impl Signature {
    /// Parses a text signature: `($self, x, /, y=1, *args, key=None, **kwargs)`. `$self`, `$module` and `$type` count
    /// as parameters only if `keep_self`. Signatures are ours, so a malformed one is a bug and panics at start-up.
    pub fn parse(text: &str, keep_self: bool) -> Self {
        let inner = text.strip_prefix('(').and_then(|s| s.strip_suffix(')')).expect("a signature is parenthesized");
        let mut params: Vec<Param> = Vec::new();
        let mut kind = ParamKind::Both;
        for part in split_top(inner) {
            let part = part.trim();
            match part {
                "" => continue,
                "/" => params.iter_mut().for_each(|p| p.kind = ParamKind::Positional),
                "*" => kind = ParamKind::Keyword,
                _ => {
                    if part.starts_with('$') && !keep_self {
                        continue;
                    }
                    let (head, default) = match part.split_once('=') {
                        Some((head, _)) => (head.trim(), true),
                        None => (part, false),
                    };
                    let (name, k) = if let Some(n) = head.strip_prefix("**") {
                        (n, ParamKind::VarKeywords)
                    } else if let Some(n) = head.strip_prefix('*') {
                        (n, ParamKind::VarArgs)
                    } else {
                        (head.trim_start_matches('$'), kind)
                    };
                    if k == ParamKind::VarArgs {
                        kind = ParamKind::Keyword;
                    }
                    params.push(Param { name: names::intern_static(name), kind: k, optional: default });
                }
            }
        }
        let positional = |p: &&Param| matches!(p.kind, ParamKind::Positional | ParamKind::Both);
        let max = params.iter().filter(positional).count();
        let min = params.iter().filter(positional).filter(|p| !p.optional).count();
        let simple = params.iter().all(|p| p.kind == ParamKind::Positional);
        let plain = params.len() <= BORROWED
            && params.iter().all(|p| match p.kind {
                ParamKind::Positional | ParamKind::Both => true,
                ParamKind::Keyword => p.optional,
                ParamKind::VarArgs | ParamKind::VarKeywords => false,
            });
        let has_self = keep_self && inner.starts_with('$');
        Self { params, min, max, simple, plain, has_self }
    }

    /// Arranges `args` into one value a parameter and calls `f`.
    #[inline]
    pub fn bind<R>(&self, t: &Thread, name: &str, args: Args<'_>, f: impl FnOnce(&[Value]) -> Res<R>) -> Res<R> {
        let n = args.values.len();
        if args.names.is_empty() && n == self.params.len() && n == self.max {
            return f(args.values);
        }
        if self.plain && args.names.is_empty() && n >= self.min && n <= self.max {
            // Borrowed words, absent ones behind: no reference is taken.
            let mut words = [const { MaybeUninit::<u64>::uninit() }; BORROWED];
            for (i, word) in words.iter_mut().take(self.params.len()).enumerate() {
                word.write(args.values.get(i).map_or(0, Value::bits));
            }
            // SAFETY: a word a parameter was written; the caller's arguments outlive the call, and nothing drops the words.
            return f(unsafe { Value::slice(words.as_ptr().cast(), self.params.len()) });
        }
        let mut out: ArgBuffer = SmallVec::with_capacity(self.params.len());
        self.arrange(t, name, args, &mut out)?;
        f(&out)
    }

    #[cold]
    fn arrange(&self, t: &Thread, name: &str, args: Args<'_>, out: &mut ArgBuffer) -> Res<()> {
        if !args.names.is_empty() {
            self.check_keywords(t, name, args)?;
        }
        let positional = args.positional();
        let varargs = self.params.iter().position(|p| p.kind == ParamKind::VarArgs);
        let varkw = self.params.iter().position(|p| p.kind == ParamKind::VarKeywords);
        out.resize_with(self.params.len(), || Value::ABSENT);
        if positional.len() > self.max && varargs.is_none() {
            return Err(self.too_many(t, name, args));
        }
        for (slot, value) in out.iter_mut().zip(positional.iter().take(self.max)) {
            *slot = value.clone();
        }
        if let Some(at) = varargs {
            let rest = positional.get(self.max..).unwrap_or(&[]);
            out[at] = tuple::new(t, rest)?;
        }
        let mut unexpected = None;
        for (key, value) in args.keywords() {
            let found = self.params.iter().position(|p| {
                matches!(p.kind, ParamKind::Both | ParamKind::Keyword) && (p.name.is(key) || strs::eq(&p.name, key))
            });
            match found {
                Some(i) if out[i].is_absent() => out[i] = value.clone(),
                Some(i) => {
                    return Err(error::type_error(
                        t,
                        format_args!(
                            "argument for {name}() given by name ('{}') and position ({})",
                            strs::display(key),
                            i + 1 - usize::from(self.has_self)
                        ),
                    ));
                }
                None => {
                    let Some(at) = varkw else {
                        unexpected = unexpected.or(Some(key));
                        continue;
                    };
                    if out[at].is_absent() {
                        out[at] = Dict::create(t);
                    }
                    Dict::of(&out[at]).set(t, key, value)?;
                }
            }
        }
        for (i, param) in self.params.iter().enumerate() {
            let needed = !param.optional && !matches!(param.kind, ParamKind::VarArgs | ParamKind::VarKeywords);
            if needed && out[i].is_absent() {
                return Err(self.missing(t, name, args, i));
            }
        }
        unexpected.map_or(Ok(()), |key| Err(self.unexpected(t, name, key)))
    }

    /// What is said of keywords before anybody looks at which they are.
    fn check_keywords(&self, t: &Thread, name: &str, args: Args<'_>) -> Res<()> {
        let mut kinds = self.params.iter().map(|p| p.kind);
        if kinds.clone().all(|kind| matches!(kind, ParamKind::Positional | ParamKind::VarArgs)) {
            let owner = self.owner(args);
            return Err(error::type_error(t, format_args!("{owner}{name}() takes no keyword arguments")));
        }
        let most = self.params.len() - usize::from(self.has_self);
        let given = args.values.len().saturating_sub(usize::from(self.has_self));
        if given <= most || kinds.any(|kind| matches!(kind, ParamKind::VarArgs | ParamKind::VarKeywords)) {
            return Ok(());
        }
        let (what, s) = (if given == args.names.len() { "keyword " } else { "" }, if most == 1 { "" } else { "s" });
        Err(error::type_error(t, format_args!("{name}() takes at most {most} {what}argument{s} ({given} given)")))
    }

    fn too_many(&self, t: &Thread, name: &str, args: Args<'_>) -> error::Exc {
        if self.simple || self.params.is_empty() {
            return self.count_error(t, name, args);
        }
        let skip = usize::from(self.has_self);
        let (given, max, min) = (args.positional().len() - skip, self.max - skip, self.min.saturating_sub(skip));
        let keyword_only = self.params.len() > self.max;
        let s = if max == 1 { "" } else { "s" };
        let bound = if min == max && !keyword_only { "exactly" } else { "at most" };
        if max == 0 {
            return error::type_error(t, format_args!("{name}() takes no positional arguments"));
        }
        let what = if keyword_only { " positional" } else { "" };
        error::type_error(t, format_args!("{name}() takes {bound} {max}{what} argument{s} ({given} given)"))
    }

    fn count_error(&self, t: &Thread, name: &str, args: Args<'_>) -> error::Exc {
        let skip = usize::from(self.has_self);
        let n = args.values.len().saturating_sub(skip);
        let (min, max) = (self.min.saturating_sub(skip), self.max - skip);
        if max == 0 || (min == max && max == 1) {
            let owner = self.owner(args);
            let what = if max == 0 { "no arguments" } else { "exactly one argument" };
            return error::type_error(t, format_args!("{owner}{name}() takes {what} ({n} given)"));
        }
        let (bound, limit) = if min == max {
            ("", max)
        } else if n < min {
            ("at least ", min)
        } else {
            ("at most ", max)
        };
        let s = if limit == 1 { "" } else { "s" };
        error::type_error(t, format_args!("{name} expected {bound}{limit} argument{s}, got {n}"))
    }

    fn missing(&self, t: &Thread, name: &str, args: Args<'_>, i: usize) -> error::Exc {
        let skip = usize::from(self.has_self);
        if self.params[i].kind == ParamKind::Positional {
            if self.simple {
                return self.count_error(t, name, args);
            }
            let bound = if self.min < self.max { "at least" } else { "exactly" };
            let (min, n) = (self.min.saturating_sub(skip), args.positional().len().saturating_sub(skip));
            let s = if min == 1 { "" } else { "s" };
            return error::type_error(
                t,
                format_args!("{name}() takes {bound} {min} positional argument{s} ({n} given)"),
            );
        }
        let param = strs::display(&self.params[i].name);
        if self.params[i].kind == ParamKind::Keyword {
            return error::type_error(t, format_args!("{name}() missing required keyword-only argument: '{param}'"));
        }
        error::type_error(t, format_args!("{name}() missing required argument '{param}' (pos {})", i + 1 - skip))
    }

    /// The type of a method, which CPython names where it knows nothing but the function.
    fn owner(&self, args: Args<'_>) -> String {
        match args.values.first() {
            Some(this) if self.has_self => {
                let ty = this.downcast::<TypeObject>().unwrap_or_else(|| type_of(this));
                format!("{}.", ty.def().short_name())
            }
            _ => String::new(),
        }
    }

    fn unexpected(&self, t: &Thread, name: &str, key: &Value) -> error::Exc {
        let names: Vec<String> = self
            .params
            .iter()
            .filter(|p| matches!(p.kind, ParamKind::Both | ParamKind::Keyword))
            .map(|p| strs::display(&p.name))
            .collect();
        suggest::unexpected_keyword(t, name, key, names.iter().map(String::as_str))
    }
}

/// Up to so many parameters are passed as borrowed words.
const BORROWED: usize = 8;

/// Splits at top-level commas.
fn split_top(text: &str) -> Vec<&str> {
    let (mut out, mut depth, mut from, mut quote) = (Vec::new(), 0, 0, None);
    for (i, c) in text.char_indices() {
        match c {
            _ if quote == Some(c) => quote = None,
            _ if quote.is_some() => {}
            '\'' | '"' => quote = Some(c),
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            ',' if depth == 0 => {
                out.push(&text[from..i]);
                from = i + 1;
            }
            _ => {}
        }
    }
    out.push(&text[from..]);
    out
}
