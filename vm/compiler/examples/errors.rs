//! Prints the error of each source file with its whole range, for comparison with CPython.

use typhon_compiler::{Mode, Options, compile};

fn number(n: Option<impl ToString>) -> String {
    n.map_or("None".to_owned(), |n| n.to_string())
}

fn main() {
    for path in std::env::args().skip(1) {
        let Ok(source) = std::fs::read_to_string(&path) else { continue };
        match compile(&source, &Options::new(Mode::Exec, "f")) {
            Ok(_) => println!("OK"),
            Err(e) => {
                let (col, end_line, end_col) = (number(e.col), number(e.end_line), number(e.end_col));
                println!("{}: {}|{},{col},{end_line},{end_col}", e.kind.class_name(), e.message, e.line);
            }
        }
    }
}
