//! Prints the disassembly of source files, or checks that they compile (`--check`).

use std::process::ExitCode;
use typhon_compiler::{Mode, Options, compile, verify};
use typhon_isa::{Code, Const, text::disassemble};

fn check(code: &Code) -> Result<(), String> {
    verify::verify(code).map_err(|e| format!("{}: {e}", code.qualname))?;
    code.consts.iter().try_for_each(|c| if let Const::Code(inner) = c { check(inner) } else { Ok(()) })
}

fn main() -> ExitCode {
    let mut args: Vec<String> = std::env::args().skip(1).collect();
    let quiet = args.first().is_some_and(|a| a == "--check");
    if quiet {
        args.remove(0);
    }
    let mut failed = 0;
    for path in &args {
        let bytes = match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) => {
                eprintln!("{path}: {error}");
                return ExitCode::FAILURE;
            }
        };
        let Ok(source) = String::from_utf8(bytes) else {
            println!("{path}: not UTF-8");
            continue;
        };
        match compile(&source, &Options::new(Mode::Exec, path.as_str())) {
            Ok(done) => {
                if let Err(problem) = check(&done.code) {
                    println!("{path}: {problem}");
                    failed += 1;
                } else if !quiet {
                    print!("{}", disassemble(&done.code));
                }
            }
            Err(error) => {
                println!("{path}: {error}");
                failed += 1;
            }
        }
    }
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
