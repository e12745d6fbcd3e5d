//! A `python`-like process: what the command line asks the engine to be.

use std::ffi::OsString;
use std::path::PathBuf;

/// What to run as `__main__`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Program {
    /// `FILE`: a script, or a folder or zip archive with `__main__`.
    File(PathBuf),
    /// `-c TEXT`.
    Code(String),
    /// `-m MODULE`.
    Module(String),
    /// `-`: the whole of standard input.
    Stdin,
    /// The whole of standard input, which nobody named: it is no terminal.
    Input,
    /// Nothing: the prompt alone.
    Prompt,
}

/// `sys.flags` and what else CPython's options set; each field is named after the option's long meaning.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    /// `-i` / PYTHONINSPECT.
    pub inspect: bool,
    /// `-q`.
    pub quiet: bool,
    /// `-u` / PYTHONUNBUFFERED.
    pub unbuffered: bool,
    /// `-v` / PYTHONVERBOSE, counted.
    pub verbose: u8,
    /// `-O`, `-OO` / PYTHONOPTIMIZE.
    pub optimize: u8,
    /// `-B` / PYTHONDONTWRITEBYTECODE. Typhon writes none anyway; the flag is for `sys.flags`.
    pub dont_write_bytecode: bool,
    /// `-E`: do not read PYTHON* variables.
    pub ignore_environment: bool,
    /// `-I`: `-E`, `-P` and `-s`.
    pub isolated: bool,
    /// `-P`: no unsafe first entry of `sys.path`.
    pub safe_path: bool,
    /// `-S`: do not import `site`.
    pub no_site: bool,
    /// `-s`: no user site directory.
    pub no_user_site: bool,
    /// `-b`, counted.
    pub bytes_warning: u8,
    /// `-d` / PYTHONDEBUG.
    pub debug: bool,
    /// `-W` and PYTHONWARNINGS, in order of increasing weight, as `sys.warnoptions`.
    pub warn_options: Vec<String>,
    /// `-X name[=value]`, as `sys._xoptions`.
    pub x_options: Vec<(String, Option<String>)>,
    /// PYTHONHASHSEED: `None` is random.
    pub hash_seed: Option<u32>,
    /// TYPHON_THREADS=turns: threads run one at a time, not at the same.
    pub turns: bool,
    /// TYPHON_VERIFY=1: after each collection all of memory is looked at, and the process ends if something is wrong.
    pub verify: bool,
    /// `-X int_max_str_digits` / PYTHONINTMAXSTRDIGITS.
    pub int_max_str_digits: Option<u32>,
    /// `-x`: leave out the file's first line.
    pub skip_first_line: bool,
}

/// One run of the `python`-like process.
#[derive(Clone, Debug)]
pub struct Command {
    pub program: Program,
    /// `sys.argv[1:]`.
    pub args: Vec<OsString>,
    pub flags: Flags,
    /// PYTHONPATH's entries.
    pub path: Vec<PathBuf>,
    /// `sys.executable`.
    pub executable: PathBuf,
}

/// How the process must end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    Status(u8),
    /// Die of this signal, as CPython does after an unhandled `KeyboardInterrupt`, so that the parent shell sees it.
    Signal(i32),
}

/// An interactive session: what the prompt needs of the engine.
pub trait Session {
    /// Would `source` be a whole statement? `False` asks for another line. A syntax error counts as whole: running it
    /// reports it.
    fn is_complete(&mut self, source: &str) -> bool;

    /// Runs one whole statement, printing its value or traceback through the host. `Some` ends the session.
    fn run(&mut self, source: &str) -> Option<Exit>;

    /// What the name or dotted name at the end of `text` may become: whole replacements of that name.
    fn complete(&mut self, text: &str) -> Vec<String>;

    /// `sys.ps1` and `sys.ps2`.
    fn prompts(&mut self) -> (String, String);

    /// Flushes, runs `atexit`, closes the isolate.
    fn close(&mut self) -> Exit;
}
