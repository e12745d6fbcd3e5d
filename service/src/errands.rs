//! Errands: work with what a session holds, done where its isolate lives, while nothing runs in it.

use std::time::Duration;

use typhon_proto::v1;
use typhon_vm::{FileAnswer, FileWork, Limits, Request, Work, Worked};

use crate::error::Refusal;
use crate::execution::Execution;
use crate::job::{Done, Job, Room};
use crate::place::{Places, Unrun};
use crate::session::Session;

/// No errand with files takes longer.
const FILES: Duration = Duration::from_secs(10);

/// An errand that was run.
pub struct Ran {
    /// What came of it, unless it did not come to its end.
    pub worked: Option<Worked>,
    pub outcome: v1::Outcome,
    pub usage: v1::Usage,
}

/// Runs an errand in a session at rest; and who waits for that now.
pub fn run(
    places: &Places,
    session: &Session,
    work: Work,
    time: Duration,
) -> (Result<Ran, Refusal>, Option<Box<Execution>>) {
    let home = match session.lend() {
        Ok(home) => home,
        Err(refusal) => return (Err(refusal), None),
    };
    let terms = &session.terms;
    let request = Request {
        filename: "<errand>".into(),
        env: terms.env.clone(),
        limits: Limits { wall: Some(time), cpu: Some(time), instructions: None, ..terms.limits.clone() },
        deterministic: terms.kept.world().deterministic,
        work: Some(work),
        ..Request::default()
    };
    match places.run(Job::quiet(request, terms.kept.clone()), Room::Resident(home), &terms.place) {
        Ok(Done { after, worked, response, .. }) => {
            let (_, next) = session.settle(after);
            let (outcome, usage) = (response.outcome.unwrap_or_default(), response.usage.unwrap_or_default());
            (Ok(Ran { worked, outcome, usage }), next)
        }
        Err(Unrun::Refused(refusal)) => (Err(refusal), session.leave()),
        Err(Unrun::Lost(why)) => {
            let next = session.fail(why.clone());
            (Err(Refusal::SessionFailed { name: session.name.clone(), why }), next)
        }
    }
}

/// An errand with files.
pub fn files(
    places: &Places,
    session: &Session,
    work: FileWork,
) -> (Result<FileAnswer, Refusal>, Option<Box<Execution>>) {
    let path = path_of(&work);
    let (ran, next) = run(places, session, Work::Files(work), FILES);
    let answer = ran.and_then(|ran| match ran.worked {
        Some(Worked::Files(answer)) => answer.map_err(|errno| refuse(path, errno, session.terms.limits.file_bytes)),
        _ => Err(unended(session)),
    });
    (answer, next)
}

/// What is to be said of an errand that did not come to its end.
pub fn unended(session: &Session) -> Refusal {
    match session.refusal() {
        Some(refusal) => refusal,
        None => Refusal::Internal { what: "the session's isolate did not answer".into() },
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
