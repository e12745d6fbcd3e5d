//! The `typhon` program from the outside: what needs no engine.

use std::io::Write;
use std::process::{Command, Output, Stdio};

fn typhon(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_typhon")).args(args).stdin(Stdio::null()).output().expect("the program starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn help_and_version_go_to_standard_output() {
    for args in [["--help"], ["-h"], ["help"]] {
        let out = typhon(&args);
        assert!(out.status.success() && text(&out.stdout).contains("typhon eval FILE"), "{args:?}");
    }
    let out = typhon(&["-V"]);
    assert!(out.status.success() && text(&out.stdout).starts_with("Python 3.14"));
}

#[test]
fn misuse_ends_with_two_as_cpythons_does() {
    let cases: [(&[&str], &str); 4] = [
        (&["-z"], "Unknown option: -z\nusage: typhon"),
        (&["-c"], "Argument expected for the -c option\nusage: typhon"),
        (&["/nothing/here.py"], "typhon: can't open file '/nothing/here.py': [Errno 2] No such file or directory\n"),
        (&["eval"], "error: the following required arguments were not provided"),
    ];
    for (args, message) in cases {
        let out = typhon(args);
        assert_eq!(out.status.code(), Some(2), "{args:?}");
        assert!(text(&out.stderr).starts_with(message), "{args:?}: {}", text(&out.stderr));
    }
}

#[test]
fn a_program_may_come_through_a_pipe() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_typhon"));
    command.arg("/dev/stdin").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program starts");
    // What was looked at is gone from a pipe: the program is read once.
    child.stdin.take().expect("a pipe").write_all(b"import sys\nprint(len(sys.argv))\n").expect("written");
    let out = child.wait_with_output().expect("it ends");
    assert_eq!((text(&out.stdout), text(&out.stderr)), ("1\n".to_owned(), String::new()));
}

#[test]
fn settings_come_from_flags_then_the_environment_then_a_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("typhon.conf");
    std::fs::write(&file, "queue_depth = 7\nsessions_max = 8\nworkers = 9\n").expect("written");
    let check = |more: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_typhon"));
        command.args(["config", "check", "--config"]).arg(&file).args(more);
        command.env("TYPHON_WORKERS", "3").env("TYPHON_QUEUE_DEPTH", "4").output().expect("the program starts")
    };
    let out = check(&["--queue-depth", "5"]);
    assert!(out.status.success(), "{}", text(&out.stderr));
    let shown = text(&out.stdout);
    for line in
        ["queue_depth = 5  # flag", "workers = 3  # environment", "sessions_max = 8  # file", "log = info  # default"]
    {
        assert!(shown.lines().any(|shown| shown == line), "{line}: {shown}");
    }
    let out = check(&["--queue-depth", "many"]);
    assert!(!out.status.success() && text(&out.stderr).contains("--queue-depth is \"many\", expected a number"));
    std::fs::write(&file, "queue_deep = 7\n").expect("written");
    let out = check(&[]);
    assert!(!out.status.success() && text(&out.stderr).contains("typhon.conf:1: there is no setting \"queue_deep\""));
}

#[test]
fn serve_lists_every_setting_and_names_a_bad_one() {
    let out = typhon(&["serve", "--help"]);
    let help = text(&out.stdout);
    assert!(help.contains("--queue-depth") && help.contains("TYPHON_QUEUE_DEPTH"), "{help}");
    let out = typhon(&["serve", "--drain-grace", "soon"]);
    assert_eq!(out.status.code(), Some(1));
    assert!(text(&out.stderr).contains("--drain-grace is \"soon\""), "{}", text(&out.stderr));
}

#[test]
fn eval_starts_a_server_of_its_own_and_reports_an_outcome() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("broken.py");
    std::fs::write(&file, "def (:\n").expect("the file is written");
    let out = typhon(&["eval", file.to_str().expect("UTF-8"), "--input", "n=[1, 2]"]);
    assert_eq!(out.status.code(), Some(1));
    assert!(text(&out.stderr).contains("SyntaxError"), "{}", text(&out.stderr));

    let out = typhon(&["eval", file.to_str().expect("UTF-8"), "--input", "1=2"]);
    assert!(text(&out.stderr).contains("(INVALID_REQUEST)"), "{}", text(&out.stderr));
    let out = typhon(&["eval", file.to_str().expect("UTF-8"), "--input", "n={"]);
    assert!(text(&out.stderr).starts_with("typhon: --input n: "), "{}", text(&out.stderr));
    let out = typhon(&["eval", file.to_str().expect("UTF-8"), "--server", "http://127.0.0.1:1"]);
    assert!(text(&out.stderr).contains("cannot reach http://127.0.0.1:1"), "{}", text(&out.stderr));
}

#[test]
fn serve_drains_on_sigterm() {
    use std::io::{BufRead, BufReader};
    let mut server = Command::new(env!("CARGO_BIN_EXE_typhon"))
        .args(["serve", "--listen", "127.0.0.1:0", "--log", "warn"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("the server starts");
    let mut line = String::new();
    BufReader::new(server.stdout.take().expect("a pipe")).read_line(&mut line).expect("a line");
    assert!(line.starts_with("typhon: serving typhon.v1 on http://127.0.0.1:"), "{line}");
    let id = server.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &id]).status().expect("kill starts").success());
    assert_eq!(server.wait().expect("the server ends").code(), Some(0));
}

#[test]
fn dis_shows_code_or_the_line_that_is_wrong() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("a.py");
    let name = file.to_str().expect("UTF-8");
    std::fs::write(&file, "x = 1\n").expect("the file is written");
    let out = typhon(&["dis", name]);
    assert!(out.status.success() && text(&out.stdout).starts_with("code <module>"), "{}", text(&out.stderr));
    std::fs::write(&file, "x = 1\ndef (:\n").expect("the file is written");
    let out = typhon(&["dis", name]);
    assert_eq!(out.status.code(), Some(1));
    assert!(text(&out.stderr).starts_with(&format!("{name}:2: ")), "{}", text(&out.stderr));
}
