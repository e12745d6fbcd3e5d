//! The interactive session.

use typhon_compiler::{Mode, flag};
use typhon_interp::host::Host;
use typhon_object::error::Res;
use typhon_object::{Thread, Value, attr, ops, strs};
use typhon_stdlib::isolate::{self, Live, Options};
use typhon_stdlib::sys::streams;
use typhon_stdlib::{compile, report, text};

use crate::cancel::{Attachment, Cancel};
use crate::command::{Command, Exit, Session};
use crate::engine;

/// Opens an interactive session, in which `command.program` has run if there is one (`-i`).
pub fn open_session<'h>(
    command: &Command,
    host: &'h dyn Host,
    cancel: &Cancel,
) -> Result<Box<dyn Session + 'h>, String> {
    let options = Options { config: crate::run::config(command), stack: engine::stack_left(), ..Options::default() };
    let live = Live::new(&options, host);
    let attachment = engine::attach(live.thread(), cancel);
    let main = live.enter(engine::stack_left(), |t| {
        let main = crate::run::prepare(t, command).map_err(|e| {
            report::text(t, e.value(), None).unwrap_or_else(|_| "the isolate could not be started".to_owned())
        })?;
        after_program(t, &main, command);
        Ok::<_, String>(main)
    })?;
    Ok(Box::new(Prompt { main: Some(main), live, _attachment: attachment }))
}

/// However the program ends, SystemExit included, the prompt follows.
fn after_program(t: &Thread, main: &Value, command: &Command) {
    let told = match crate::run::run_program(t, main, command) {
        Ok(()) => Ok(()),
        Err(e) if e.is_stopped() => Err(e),
        Err(e) => report::print(t, e.value()),
    };
    if let Err(e) = told.and_then(|()| streams::flush(t, "stdout")) {
        typhon_stdlib::sys::unraisable(t, e, "Exception ignored before the prompt", None);
    }
}

struct Prompt<'h> {
    main: Option<Value>,
    live: Live<'h>,
    _attachment: Attachment,
}

impl Prompt<'_> {
    fn enter<R>(&self, f: impl FnOnce(&Thread, &Value) -> R) -> R {
        self.live.enter(engine::stack_left(), |t| match &self.main {
            Some(main) => f(t, main),
            None => f(t, &Value::NONE),
        })
    }
}

impl Session for Prompt<'_> {
    fn is_complete(&mut self, source: &str) -> bool {
        let mut options = typhon_compiler::Options::new(Mode::Single, "<stdin>");
        options.flags = flag::ALLOW_INCOMPLETE_INPUT | flag::DONT_IMPLY_DEDENT;
        match typhon_compiler::compile(source, &options) {
            Ok(_) => source.ends_with("\n\n") || !is_open_block(source),
            Err(e) => !e.incomplete,
        }
    }

    fn run(&mut self, source: &str) -> Option<Exit> {
        self.enter(|t, main| {
            let done = statement(t, main, source);
            let exit = match done {
                Err(e) if e.is(&typhon_object::types::exceptions::SYSTEM_EXIT) => Some(engine::exit_of(t, Err(e))),
                Err(e) if e.is_stopped() => Some(Exit::Status(1)),
                Err(e) => report::print(t, e.value()).err().map(|second| engine::exit_of(t, Err(second))),
                Ok(()) => None,
            };
            for name in ["stdout", "stderr"] {
                if let Err(e) = streams::flush(t, name) {
                    typhon_stdlib::sys::unraisable(t, e, "Exception ignored while flushing", None);
                }
            }
            exit
        })
    }

    fn complete(&mut self, text: &str) -> Vec<String> {
        self.enter(|t, main| completions(t, main, text).unwrap_or_default())
    }

    fn prompts(&mut self) -> (String, String) {
        self.enter(|t, _| {
            let prompt = |name: &str, default: &str| {
                let sys = text::loaded(t, "sys")?;
                let v = text::entry(t, &sys, name)?;
                Some(ops::str(t, &v).map_or_else(|_| default.to_owned(), |s| strs::display(&s)))
            };
            (prompt("ps1", ">>> ").unwrap_or(">>> ".to_owned()), prompt("ps2", "... ").unwrap_or("... ".to_owned()))
        })
    }

    fn close(&mut self) -> Exit {
        let main = self.main.take();
        let ended = self.live.enter(engine::stack_left(), |t| {
            drop(main);
            isolate::finalize(t)
        });
        if ended.is_ok() { Exit::Status(0) } else { Exit::Status(120) }
    }
}

impl Drop for Prompt<'_> {
    fn drop(&mut self) {
        // References are given back by the thread that owns them.
        let main = self.main.take();
        self.live.enter(engine::stack_left(), |_| drop(main));
    }
}

/// A compound statement goes on until an empty line says that it does not.
fn is_open_block(source: &str) -> bool {
    const WORDS: &[&str] =
        &["if", "for", "while", "def", "class", "with", "try", "async", "else", "elif", "except", "finally"];
    let first = source.trim_start();
    let word = first.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default();
    let indented = source.lines().last().is_some_and(|line| line.starts_with([' ', '\t']));
    WORDS.contains(&word) || first.starts_with('@') || indented && source.lines().any(|line| line.ends_with(':'))
}

fn statement(t: &Thread, main: &Value, source: &str) -> Res<()> {
    let mut options = compile::module_options(t, "<stdin>");
    options.mode = Mode::Single;
    report::keep_source(t, "<stdin>", source);
    let code = compile::text(t, source, &options)?;
    report::keep_code(t, &code);
    compile::run(t, &code, main, main).map(drop)
}

fn completions(t: &Thread, main: &Value, text_: &str) -> Res<Vec<String>> {
    let word = text_.rsplit(|c: char| !(c.is_alphanumeric() || c == '_' || c == '.')).next().unwrap_or_default();
    let mut parts: Vec<&str> = word.split('.').collect();
    let Some(last) = parts.pop() else { return Ok(Vec::new()) };
    let mut names = Vec::new();
    if parts.is_empty() {
        for space in [main.clone(), t.builtins().get()] {
            names.extend(ops::collect(t, &space)?.iter().map(strs::display));
        }
    } else {
        let mut at = match text::get(t, main, parts[0]).or_else(|| text::get(t, &t.builtins().get(), parts[0])) {
            Some(v) => v,
            None => return Ok(Vec::new()),
        };
        for part in parts.iter().skip(1) {
            at = attr::get_text(t, &at, part)?;
        }
        let dir = attr::get_text(t, &t_builtins(t)?, "dir")?;
        names.extend(ops::collect(t, &typhon_object::call::call1(t, &dir, &at)?)?.iter().map(strs::display));
    }
    names.retain(|name| name.starts_with(last));
    names.sort();
    names.dedup();
    let prefix = if parts.is_empty() { String::new() } else { format!("{}.", parts.join(".")) };
    Ok(names.into_iter().map(|name| format!("{prefix}{name}")).collect())
}

fn t_builtins(t: &Thread) -> Res {
    typhon_stdlib::import::builtins_module(t)
}
