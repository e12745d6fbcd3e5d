//! The perf map: traces' addresses and names, in the file in which `perf report` looks for those of code that a process has made.

use crate::executor::Executor;
use std::fs::OpenOptions;
use std::io::{self, Write};

/// Adds a trace to this process's map. A trace that is known already gets another line, which does no harm.
pub(crate) fn add(executor: &Executor, name: &str) -> io::Result<()> {
    let path = format!("/tmp/perf-{}.map", std::process::id());
    let mut file = OpenOptions::new().create(true).append(true).open(path)?;
    file.write_all(line(executor.code(), name).as_bytes())
}

/// Address, size and name. A function's name may be anything, and a line has one.
fn line(code: &[u8], name: &str) -> String {
    let name = name.replace(|c: char| c.is_control(), "?");
    format!("{:x} {:x} {name}\n", code.as_ptr() as usize, code.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_one_line() {
        let code = [0_u8; 16];
        let text = line(&code, "py:f\n0 0 g:3");
        assert_eq!(text, format!("{:x} 10 py:f?0 0 g:3\n", code.as_ptr() as usize));
    }
}
