//! The library's code, compiled when the program is built, so that an import costs no parsing.

use std::error::Error;
use std::thread;

use parking_lot::Mutex;
use typhon_compiler::{Mode, Options};

/// The packed code of every file, in order; empty for a file whose code is made when it is asked for.
pub fn compile(files: &[(String, Vec<u8>)]) -> Result<Vec<Vec<u8>>, Box<dyn Error>> {
    let mut packed = vec![Vec::new(); files.len()];
    let work = Mutex::new(files.iter().zip(&mut packed));
    let next = || work.lock().next();
    let threads = thread::available_parallelism()?.get();
    thread::scope(|scope| {
        let body = || {
            while let Some(((path, text), slot)) = next() {
                *slot = code(path, text);
            }
        };
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(body)).collect();
        running.into_iter().try_for_each(|thread| thread.join().map_err(|_| "a compiling thread panicked".into()))
    })
    .map(|()| packed)
}

/// A file that is no program, such as a template, has no code: importing it says why.
fn code(path: &str, text: &[u8]) -> Vec<u8> {
    let Ok(text) = std::str::from_utf8(text) else { return Vec::new() };
    let options = Options::new(Mode::Exec, crate::place::filename(path));
    match typhon_compiler::compile(text, &options) {
        Ok(compiled) if compiled.warnings.is_empty() => typhon_isa::pack::pack(&compiled.code),
        // A warning is for whoever imports the file.
        Ok(_) | Err(_) => Vec::new(),
    }
}
