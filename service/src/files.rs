//! Errands: work with a session's files, done where its isolate lives, while nothing runs in it.

use std::time::{Duration, Instant};

use typhon_vm::{Cancel, FileAnswer, FileWork, Limits, Request};

use crate::error::Refusal;
use crate::execution::Execution;
use crate::host::Stdin;
use crate::job::{Done, Job, Room};
use crate::output::{OutputMode, OutputPlan, Overflow};
use crate::place::{Places, Unrun};
use crate::session::Session;

/// No errand takes longer.
const TIME: Duration = Duration::from_secs(10);

/// Runs an errand in a session at rest; and who waits for that now.
pub fn run(places: &Places, session: &Session, work: FileWork) -> (Result<FileAnswer, Refusal>, Option<Execution>) {
    let home = match session.lend() {
        Ok(home) => home,
        Err(refusal) => return (Err(refusal), None),
    };
    let (terms, path) = (&session.terms, path_of(&work));
    let request = Request {
        filename: "<files>".into(),
        env: terms.env.clone(),
        limits: Limits { wall: Some(TIME), cpu: Some(TIME), instructions: None, ..terms.limits.clone() },
        deterministic: terms.kept.world().deterministic,
        work: Some(work),
        ..Request::default()
    };
    let plan = OutputPlan { mode: OutputMode::Discard, overflow: Overflow::TruncateTail, merge_stderr: false };
    let job = Job {
        request,
        plan,
        kept: terms.kept.clone(),
        stdin: Stdin::new(Vec::new(), false),
        calls: None,
        events: None,
        cancel: Cancel::new(),
        queue: Duration::ZERO,
        began: Instant::now(),
    };
    match places.run(job, Room::Resident(home), &terms.place) {
        Ok(Done { after, files, .. }) => {
            let failed = || match session.refusal() {
                Some(refusal) => refusal,
                None => Refusal::Internal { what: "the session's isolate did not answer".into() },
            };
            let (_, next) = session.settle(after);
            let answer = files
                .unwrap_or(Err(0))
                .map_err(|errno| if errno == 0 { failed() } else { refuse(path, errno, terms.limits.file_bytes) });
            (answer, next)
        }
        Err(Unrun::Refused(refusal)) => (Err(refusal), session.leave()),
        Err(Unrun::Lost(why)) => {
            let next = session.fail(why.clone());
            (Err(Refusal::SessionFailed { name: session.name.clone(), why }), next)
        }
    }
}

fn path_of(work: &FileWork) -> String {
    match work {
        FileWork::Write { path, .. }
        | FileWork::Read { path, .. }
        | FileWork::Stat { path }
        | FileWork::List { path }
        | FileWork::Delete { path } => path.clone(),
    }
}

/// What an errno is to a client.
fn refuse(path: String, errno: i32, max: Option<u64>) -> Refusal {
    let error = rustix::io::Errno::from_raw_os_error(errno);
    let why = match error {
        rustix::io::Errno::NOENT => return Refusal::FileNotFound { path },
        rustix::io::Errno::NOSPC => return Refusal::FilesFull { path, max_bytes: max.unwrap_or(u64::MAX) },
        rustix::io::Errno::ISDIR => "it is a folder",
        rustix::io::Errno::NOTDIR => "it is no folder, or leads through what is none",
        rustix::io::Errno::NOTEMPTY => "the folder is not empty",
        rustix::io::Errno::BUSY => "it is a folder in use",
        _ => "it cannot be done",
    };
    Refusal::FileUnusable { path, why }
}
