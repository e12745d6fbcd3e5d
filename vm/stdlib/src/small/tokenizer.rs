//! _tokenize: the scanner of the compiler, for the library's tokenize.

use std::cell::RefCell;
use typhon_compiler::syntax::tokenize::TokenizerIter;
use typhon_object::args::Args;
use typhon_object::error::{self, Exc, Res};
use typhon_object::header::Header;
use typhon_object::native::ModuleDef;
use typhon_object::slots::Slots;
use typhon_object::store::Slot;
use typhon_object::strs::{self, Str};
use typhon_object::ty::TypeDef;
use typhon_object::types::exceptions as exc;
use typhon_object::types::iters::same;
use typhon_object::{Thread, Value, call, codec, payload, tuple, type_of};

/// The iterator: five-tuples of kind, text, start, end, line.
#[repr(C)]
pub struct Tokenizer {
    header: Header,
    readline: Slot,
    encoding: Slot,
    scanner: RefCell<Option<TokenizerIter>>,
}

typhon_object::payload!(Tokenizer => TOKENIZER {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        // SAFETY: the collector's visitor stores nothing.
        visit(unsafe { self.readline.peek() });
    }
});

/// _tokenize.TokenizerIter.
pub static TOKENIZER: TypeDef = TypeDef {
    name: "_tokenize.TokenizerIter",
    slots: Slots { new: Some(new), iter: Some(same), next: Some(next), ..Slots::NONE },
    ..TypeDef::of::<Tokenizer>()
};

/// _tokenize.
pub static MODULE: ModuleDef =
    ModuleDef { name: "_tokenize", doc: "", functions: &[], types: &[("TokenizerIter", &TOKENIZER)], init: None };

fn new(t: &Thread, _class: &Value, args: Args<'_>) -> Res {
    let Some(readline) = args.positional().first() else {
        return Err(error::type_error(t, "tokenizeriter() missing required argument 'readline' (pos 1)"));
    };
    let extra = match args.keyword("extra_tokens") {
        Some(v) => typhon_object::ops::truth(t, v)?,
        None => return Err(error::type_error(t, "tokenizeriter() missing required argument 'extra_tokens' (pos 2)")),
    };
    let encoding = args.keyword("encoding").filter(|v| !v.is_none()).cloned().unwrap_or_default();
    payload::new(t, |header| Tokenizer {
        header,
        readline: Slot::new(readline.clone()),
        encoding: Slot::new(encoding),
        scanner: RefCell::new(Some(TokenizerIter::new(extra))),
    })
}

/// The next line, decoded; `None` at the end.
fn line(t: &Thread, me: &Tokenizer) -> Res<Option<String>> {
    let line = match call::call0(t, &me.readline.get()) {
        Ok(line) => line,
        Err(e) if e.is(&exc::STOP_ITERATION) => return Ok(None),
        Err(e) => return Err(e),
    };
    let encoding = me.encoding.get();
    let text = if encoding.is_absent() {
        if line.downcast::<Str>().is_none() {
            let name = type_of(&line).name();
            return Err(error::type_error(t, format_args!("readline() returned a non-string object ({name})")));
        }
        line
    } else {
        codec::decode_object(t, &line, Some(&strs::display(&encoding)), None)?
    };
    let text = text.expect::<Str>().to_lossy();
    Ok(if text.is_empty() { None } else { Some(text) })
}

fn next(t: &Thread, v: &Value) -> Res {
    let me = v.expect::<Tokenizer>();
    // Taken out while readline() runs: a readline that asks this iterator for a token finds it exhausted.
    let Some(mut scanner) = me.scanner.borrow_mut().take() else { return Ok(Value::ABSENT) };
    let mut failed: Option<Exc> = None;
    let token = scanner.next(&mut || match line(t, me) {
        Ok(line) => line,
        Err(e) => {
            failed = Some(e);
            None
        }
    });
    *me.scanner.borrow_mut() = Some(scanner);
    if let Some(e) = failed {
        return Err(e);
    }
    match token {
        None => Ok(Value::ABSENT),
        Some(Err(e)) => Err(crate::compile::raise(t, &e, "<string>")),
        Some(Ok(token)) => {
            let place = |(line, col): (u32, i32)| {
                tuple::from_array(t, [Value::small(i64::from(line)), Value::small(i64::from(col))])
            };
            tuple::from_array(
                t,
                [
                    Value::small(i64::from(token.kind)),
                    strs::new(t, &token.text)?,
                    place(token.start)?,
                    place(token.end)?,
                    strs::new(t, &token.line)?,
                ],
            )
        }
    }
}
