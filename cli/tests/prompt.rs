//! The prompt, through a terminal.

use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Child, Command};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

/// A `typhon` at a terminal of its own.
struct Terminal {
    child: Child,
    master: std::fs::File,
    shown: Receiver<Vec<u8>>,
    /// What it showed and no test has asked for yet.
    rest: String,
}

/// Nothing takes as long as this unless it hangs.
const PATIENCE: Duration = Duration::from_secs(120);

impl Terminal {
    fn open(home: &Path, args: &[&str]) -> Terminal {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
        grantpt(&master).and_then(|()| unlockpt(&master)).expect("a terminal");
        let name = ptsname(&master, Vec::new()).expect("a name").into_string().expect("UTF-8");
        let side = || {
            let file = std::fs::OpenOptions::new().read(true).write(true).open(&name);
            OwnedFd::from(file.expect("the terminal's other side"))
        };
        let child = Command::new(env!("CARGO_BIN_EXE_typhon"))
            .args(args)
            .env_clear()
            .env("HOME", home)
            .env("TERM", "xterm")
            .stdin(side())
            .stdout(side())
            .stderr(side())
            .spawn()
            .expect("the program starts");
        let master = std::fs::File::from(master);
        let (told, shown) = channel();
        let mut reader = master.try_clone().expect("a copy");
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            // An error is the program's end.
            while let Ok(count @ 1..) = reader.read(&mut buffer) {
                if told.send(buffer[..count].to_vec()).is_err() {
                    return;
                }
            }
        });
        Terminal { child, master, shown, rest: String::new() }
    }

    fn type_in(&mut self, text: &str) {
        self.master.write_all(text.as_bytes()).expect("the terminal takes it");
    }

    /// Waits until the program shows `text`; gives what it showed up to there.
    fn wait_for(&mut self, text: &str) -> String {
        loop {
            if let Some(at) = self.rest.find(text) {
                let after = self.rest.split_off(at + text.len());
                return std::mem::replace(&mut self.rest, after);
            }
            match self.shown.recv_timeout(PATIENCE) {
                Ok(bytes) => self.rest.push_str(&String::from_utf8_lossy(&bytes)),
                Err(_) => panic!("no {text:?} in {:?}", self.rest),
            }
        }
    }

    fn line(&mut self, text: &str) {
        self.wait_for(">>> ");
        self.type_in(text);
        self.type_in("\r");
    }

    fn end(mut self) -> Option<i32> {
        self.child.wait().expect("it ends").code()
    }
}

#[test]
fn statements_blocks_history_completion_and_tracebacks() {
    let home = tempfile::tempdir().expect("a folder");
    let mut terminal = Terminal::open(home.path(), &["-I"]);
    terminal.wait_for("Python 3.14");
    terminal.line("6 * 7");
    terminal.wait_for("\n42\r\n");
    terminal.line("def f(x):");
    terminal.wait_for("... ");
    // The prompt has indented the line.
    terminal.type_in("return x + 42\r");
    terminal.wait_for("... ");
    terminal.type_in("\x15\r");
    terminal.line("f(100)");
    terminal.wait_for("\n142\r\n");
    terminal.line("import string");
    terminal.line("string.ascii_low\t");
    terminal.wait_for("'abcdefghijklmnopqrstuvwxyz'");
    // Up three times: the line before the last two.
    terminal.line("\x1b[A\x1b[A\x1b[A");
    terminal.wait_for("\n142\r\n");
    terminal.line("1 / 0");
    terminal.wait_for("division by zero");
    terminal.line("x = (");
    terminal.wait_for("... ");
    terminal.type_in("\x03");
    terminal.wait_for("KeyboardInterrupt");
    terminal.line("if :");
    // In colours.
    terminal.wait_for("\x1b[1;35mSyntaxError");
    terminal.line("exit(3)");
    assert_eq!(terminal.end(), Some(3));

    let mut again = Terminal::open(home.path(), &["-q"]);
    again.line("\x1b[A\x1b[A\x1b[A");
    again.wait_for("1 / 0");
    again.wait_for("ZeroDivisionError");
    again.wait_for(">>> ");
    again.type_in("\x04");
    assert_eq!(again.end(), Some(0));
}

#[test]
fn a_program_is_followed_by_the_prompt_where_that_is_asked_for() {
    let home = tempfile::tempdir().expect("a folder");
    let mut terminal = Terminal::open(home.path(), &["-i", "-c", "x = 41"]);
    terminal.line("x + 1");
    terminal.wait_for("\n42\r\n");
    terminal.line("\x04");
    assert_eq!(terminal.end(), Some(0));
}
