//! The prompt: history, several lines, completion. What a line means is the engine's business.

use std::borrow::Cow;
use std::cell::RefCell;
use std::path::PathBuf;

use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::DefaultHistory;
use rustyline::validate::Validator;
use rustyline::{CompletionType, Config, Context, Editor, Helper};
use typhon_vm::{Cancel, Command, Exit, Session};

use crate::host::ProcessHost;
use crate::python::VERSION;

pub fn main(command: &Command, host: &ProcessHost) -> Exit {
    let session = match typhon_vm::open_session(command, host, &Cancel::new()) {
        Ok(session) => session,
        Err(problem) => {
            eprintln!("typhon: {problem}");
            return Exit::Status(1);
        }
    };
    if !command.flags.quiet {
        println!("{VERSION} on {}", std::env::consts::OS);
        println!("Type \"help\", \"copyright\", \"credits\" or \"license\" for more information.");
    }
    match talk(session) {
        Ok(exit) => exit,
        Err(error) => {
            eprintln!("typhon: {error}");
            Exit::Status(1)
        }
    }
}

fn talk(session: Box<dyn Session + '_>) -> Result<Exit, ReadlineError> {
    let session = RefCell::new(session);
    let config = Config::builder().completion_type(CompletionType::List).auto_add_history(false).build();
    let mut editor: Editor<Front<'_, '_>, DefaultHistory> = Editor::with_config(config)?;
    editor.set_helper(Some(Front { session: &session }));
    let history = history_file();
    if let Some(file) = &history
        && file.exists()
    {
        editor.load_history(file)?;
    }
    let exit = loop {
        match statement(&mut editor, &session)? {
            Typed::Statement(source) => {
                editor.add_history_entry(source.trim_end())?;
                let ended = session.borrow_mut().run(&source);
                if let Some(exit) = ended {
                    // As CPython, a failure to end well outweighs what the program asked for.
                    break match session.borrow_mut().close() {
                        Exit::Status(0) => exit,
                        worse => worse,
                    };
                }
            }
            Typed::Interrupted => println!("\nKeyboardInterrupt"),
            Typed::End => {
                println!();
                break session.borrow_mut().close();
            }
        }
    };
    if let Some(file) = &history {
        // A history that cannot be kept is no reason to change how the session ended.
        if let Err(error) = editor.save_history(file) {
            eprintln!("typhon: cannot write {}: {error}", file.display());
        }
    }
    Ok(exit)
}

enum Typed {
    Statement(String),
    Interrupted,
    End,
}

/// Reads lines until they are a whole statement.
fn statement<'s, 'h>(
    editor: &mut Editor<Front<'s, 'h>, DefaultHistory>,
    session: &RefCell<Box<dyn Session + 'h>>,
) -> Result<Typed, ReadlineError> {
    let (first, more) = session.borrow_mut().prompts();
    let mut source = String::new();
    loop {
        let prompt = if source.is_empty() { &first } else { &more };
        match editor.readline_with_initial(prompt.as_str(), (&indentation(&source), "")) {
            Ok(line) => {
                source.push_str(&line);
                source.push('\n');
            }
            Err(ReadlineError::Interrupted) => return Ok(Typed::Interrupted),
            Err(ReadlineError::Eof) if source.is_empty() => return Ok(Typed::End),
            // The end of input ends the statement, too.
            Err(ReadlineError::Eof) => return Ok(Typed::Statement(source)),
            Err(error) => return Err(error),
        }
        if source.trim().is_empty() {
            source.clear();
        } else if session.borrow_mut().is_complete(&source) {
            return Ok(Typed::Statement(source));
        }
    }
}

/// What the next line begins with: the last line's indentation, and one step more after a colon.
fn indentation(source: &str) -> String {
    let Some(last) = source.lines().last() else { return String::new() };
    let spaces: String = last.chars().take_while(|c| matches!(c, ' ' | '\t')).collect();
    if last.trim().is_empty() {
        String::new()
    } else if last.trim_end().ends_with(':') {
        spaces + "    "
    } else {
        spaces
    }
}

fn history_file() -> Option<PathBuf> {
    let chosen = std::env::var_os("PYTHON_HISTORY").map(PathBuf::from);
    chosen.or_else(|| std::env::home_dir().map(|home| home.join(".typhon_history")))
}

/// rustyline's hooks: only completion is ours.
struct Front<'s, 'h> {
    session: &'s RefCell<Box<dyn Session + 'h>>,
}

impl Completer for Front<'_, '_> {
    type Candidate = String;

    fn complete(&self, line: &str, at: usize, _: &Context<'_>) -> Result<(usize, Vec<String>), ReadlineError> {
        let typed = line.get(..at).unwrap_or(line);
        let start = typed.rfind(|c: char| !(c.is_alphanumeric() || c == '_' || c == '.'));
        let start = start.map_or(0, |at| at + typed[at..].chars().next().map_or(1, char::len_utf8));
        if start == typed.len() {
            // Nothing to complete: Tab indents.
            return Ok((at, vec!["    ".into()]));
        }
        Ok((start, self.session.borrow_mut().complete(&typed[start..])))
    }
}

impl Hinter for Front<'_, '_> {
    type Hint = String;
}

impl Highlighter for Front<'_, '_> {
    fn highlight_hint<'h>(&self, hint: &'h str) -> Cow<'h, str> {
        Cow::Borrowed(hint)
    }
}

impl Validator for Front<'_, '_> {}
impl Helper for Front<'_, '_> {}

#[cfg(test)]
mod tests {
    use super::indentation;

    #[test]
    fn a_block_is_indented_and_a_blank_line_ends_it() {
        assert_eq!(indentation(""), "");
        assert_eq!(indentation("if x:\n"), "    ");
        assert_eq!(indentation("if x:\n  y\n"), "  ");
        assert_eq!(indentation("if x:\n\tfor y in z:  \n"), "\t    ");
        assert_eq!(indentation("if x:\n  y\n\n"), "");
    }
}
