//! The entry points that reach the engine.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use typhon_compiler::{Mode, Options as Compile};
use typhon_interp::host::{Host, Stream};
use typhon_object::error::{Exc, Res};
use typhon_object::types::int;
use typhon_object::{Thread, Value, attr, call, strs};
use typhon_stdlib::isolate::{self, Options};
use typhon_stdlib::sys::{Config, Flags as SysFlags};
use typhon_stdlib::{compile, import, report, signal, site_builtins, text};

use crate::cancel::Cancel;
use crate::command::{Command, Exit, Flags, Program};
use crate::engine;
use crate::site;

/// Is this process a Python? Runs `command` as `python` would, traceback on standard error included.
pub fn run(command: &Command, host: &dyn Host, cancel: &Cancel) -> Exit {
    if let Some(seed) = command.flags.hash_seed {
        typhon_object::process::set_hash_seed(Some(seed));
    }
    let options = Options {
        config: config(command),
        memory: engine::physical_memory(),
        stack: engine::stack_left(),
        turns: command.flags.turns,
        verify: command.flags.verify,
        ..Options::default()
    };
    engine::with(&options, host, cancel, |t| {
        let exit = engine::exit_of(t, program(t, command));
        match isolate::finalize(t) {
            Ok(()) => exit,
            Err(_) => Exit::Status(120),
        }
    })
}

/// What `sys` shows of the command line.
pub(crate) fn config(command: &Command) -> Config {
    let f = &command.flags;
    let first = match &command.program {
        Program::File(file) => file.as_os_str().as_bytes().to_vec(),
        Program::Code(_) => b"-c".to_vec(),
        Program::Module(_) => b"-m".to_vec(),
        Program::Stdin => b"-".to_vec(),
        Program::Input | Program::Prompt => Vec::new(),
    };
    let path = command.path.iter().map(|p| p.as_os_str().as_bytes().to_vec()).collect();
    let mut argv = vec![first];
    argv.extend(command.args.iter().map(|a| a.as_bytes().to_vec()));
    Config {
        argv: argv.clone(),
        path,
        executable: command.executable.as_os_str().as_bytes().to_vec(),
        orig_argv: std::env::args_os().map(|a| OsStr::as_bytes(&a).to_vec()).collect(),
        warn_options: f.warn_options.clone(),
        x_options: f.x_options.clone(),
        flags: sys_flags(f, command.program == Program::Prompt),
    }
}

/// Where the program's own imports are looked for first.
fn own_folder(command: &Command) -> Vec<u8> {
    let bytes = |path: &Path| path.as_os_str().as_bytes().to_vec();
    match &command.program {
        Program::File(file) if file.is_dir() => bytes(&absolute(file)),
        Program::File(file) => {
            let real = std::fs::canonicalize(file).unwrap_or_else(|_| absolute(file));
            if is_archive(file) { bytes(&absolute(file)) } else { bytes(real.parent().unwrap_or(Path::new(""))) }
        }
        Program::Module(_) => bytes(&std::env::current_dir().unwrap_or_default()),
        Program::Code(_) | Program::Stdin | Program::Input | Program::Prompt => Vec::new(),
    }
}

/// As CPython makes a script's name absolute: nothing within it is resolved.
fn absolute(file: &Path) -> std::path::PathBuf {
    std::env::current_dir().map_or_else(|_| file.to_owned(), |here| here.join(file))
}

/// Whether it is one that programs are imported from. What is no regular file can be read only once, and is a script.
fn is_archive(file: &Path) -> bool {
    if !file.is_file() {
        return false;
    }
    let mut front = [0; 4];
    let read = std::fs::File::open(file).and_then(|mut f| std::io::Read::read_exact(&mut f, &mut front));
    read.is_ok() && front == *b"PK\x03\x04"
}

fn sys_flags(f: &Flags, prompt: bool) -> SysFlags {
    SysFlags {
        debug: u8::from(f.debug),
        inspect: u8::from(f.inspect),
        interactive: u8::from(f.inspect || prompt),
        optimize: f.optimize,
        no_user_site: u8::from(f.no_user_site || f.isolated),
        no_site: u8::from(f.no_site),
        ignore_environment: u8::from(f.ignore_environment || f.isolated),
        verbose: f.verbose,
        bytes_warning: f.bytes_warning,
        quiet: u8::from(f.quiet),
        hash_randomization: u8::from(f.hash_seed != Some(0)),
        isolated: u8::from(f.isolated),
        dev_mode: f.x_options.iter().any(|(name, _)| name == "dev"),
        safe_path: f.safe_path || f.isolated,
        unbuffered: f.unbuffered,
    }
}

/// Fills the isolate of a `python`-like process: modules, warning filters, `site`, the first entry of `sys.path`.
pub(crate) fn prepare(t: &Thread, command: &Command) -> Res {
    let flags = &command.flags;
    if let Some(digits) = flags.int_max_str_digits {
        int::set_digits_max(t, digits);
    }
    let main = isolate::populate(t)?;
    signal::take_over(t)?;
    if !flags.warn_options.is_empty() {
        import::module_named(t, "warnings")?;
    }
    if !flags.no_site && site::has_work(command) {
        import::module_named(t, "site")?;
    } else if !flags.no_site {
        site_builtins::offer(t);
    }
    if !flags.safe_path && !flags.isolated {
        let path = attr::get_text(t, &import::module_named(t, "sys")?, "path")?;
        let folder = text::from_os(t, &own_folder(command))?;
        call::method(t, &path, &text::name(t, "insert"), &[Value::small(0), folder])?;
    }
    Ok(main)
}

fn program(t: &Thread, command: &Command) -> Res<()> {
    let main = prepare(t, command)?;
    run_program(t, &main, command)
}

/// Runs the program itself, in an isolate that is prepared for it.
pub(crate) fn run_program(t: &Thread, main: &Value, command: &Command) -> Res<()> {
    match &command.program {
        Program::Code(source) => run_text(t, main, source, "<string>"),
        Program::Module(name) => run_module(t, name, true),
        Program::Stdin | Program::Input => {
            let source = read_stdin(t)?;
            let source = compile::decode(t, &source, "<stdin>")?;
            text::put(t, main, "__file__", strs::new(t, "<stdin>")?)?;
            run_text(t, main, &source, "<stdin>")
        }
        Program::File(file) => run_file(t, main, file, command.flags.skip_first_line),
        Program::Prompt => Ok(()),
    }
}

fn read_stdin(t: &Thread) -> Res<Vec<u8>> {
    let mut out = Vec::new();
    let mut buffer = [0; 8192];
    let Some(host) = typhon_interp::host::of(t) else { return Ok(out) };
    loop {
        let n = typhon_stdlib::sys::streams::host_result(t, host.read_stdin(&mut buffer))?;
        let Some(piece) = buffer.get(..n).filter(|p| !p.is_empty()) else { return Ok(out) };
        t.check_alloc(out.len() + n)?;
        out.extend_from_slice(piece);
    }
}

/// Runs text as `__main__`; its lines are kept for tracebacks.
pub(crate) fn run_text(t: &Thread, main: &Value, source: &str, filename: &str) -> Res<()> {
    report::keep_source(t, filename, source);
    let mut options = compile::module_options(t, filename);
    options.mode = Mode::Exec;
    let code = compile::text(t, source, &options)?;
    report::keep_code(t, &code);
    text::put(t, main, "__spec__", Value::NONE)?;
    run_main(t, main, &code)
}

fn run_main(t: &Thread, main: &Value, code: &Value) -> Res<()> {
    compile::run(t, code, main, main).map(drop)
}

fn run_module(t: &Thread, name: &str, alter_argv: bool) -> Res<()> {
    let runpy = import::module_named(t, "runpy")?;
    let run = attr::get_text(t, &runpy, "_run_module_as_main")?;
    call::call(t, &run, &[strs::new(t, name)?, Value::bool(alter_argv)]).map(drop)
}

fn run_file(t: &Thread, main: &Value, file: &Path, skip_first_line: bool) -> Res<()> {
    let file = &absolute(file);
    if file.is_dir() || is_archive(file) {
        return run_module(t, "__main__", false);
    }
    let name = text::from_os(t, file.as_os_str().as_bytes())?;
    let shown = strs::display(&name);
    let mut bytes = match std::fs::read(file) {
        Ok(bytes) => bytes,
        Err(e) => return Err(cannot_open(t, file, &e)),
    };
    if skip_first_line {
        // Its newline stays, so that the other lines keep their numbers.
        let end = bytes.iter().position(|b| *b == b'\n').unwrap_or(bytes.len());
        bytes.drain(..end);
    }
    text::put(t, main, "__file__", name)?;
    text::put(t, main, "__cached__", Value::NONE)?;
    let source = compile::decode(t, &bytes, &shown)?;
    let options: Compile = compile::module_options(t, &shown);
    let code = compile::text(t, &source, &options)?;
    text::put(t, main, "__spec__", Value::NONE)?;
    run_main(t, main, &code)
}

/// CPython's words for a script that is not there, and its status 2.
fn cannot_open(t: &Thread, file: &Path, e: &std::io::Error) -> Exc {
    let errno = e.raw_os_error().unwrap_or(libc::EIO);
    let reason = std::io::Error::from_raw_os_error(errno).to_string();
    let reason = reason.split(" (os error").next().unwrap_or_default().to_owned();
    let program = std::env::args_os().next().unwrap_or_default();
    let line = format!(
        "{}: can't open file {:?}: [Errno {errno}] {reason}\n",
        Path::new(&program).display(),
        std::path::absolute(file).unwrap_or_else(|_| file.to_owned()).display().to_string()
    )
    .replace('"', "'");
    if let Some(host) = typhon_interp::host::of(t) {
        // A host that cannot take the message has nobody left to tell; the status still says it.
        match host.write(Stream::Stderr, line.as_bytes()) {
            Ok(()) | Err(_) => {}
        }
    }
    typhon_object::error::with_args(t, typhon_object::types::exceptions::SYSTEM_EXIT.ty(), &[Value::small(2)])
}
