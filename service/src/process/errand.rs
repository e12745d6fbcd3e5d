//! Work with files of an isolate in a worker process, as it crosses the socket.

use std::time::Duration;

use typhon_vm::{FileAnswer, FileEntry, FileWork};

use super::wire::{Deed, Entry, Work, Worked};

pub fn order(work: &FileWork) -> Work {
    let on = |deed: Deed, path: &str| Work { deed: deed.into(), path: path.to_owned(), ..Work::default() };
    match work {
        FileWork::Write { path, content } => Work { content: content.clone(), ..on(Deed::Write, path) },
        FileWork::Read { path, at, most } => Work { at: *at, most: *most, ..on(Deed::Read, path) },
        FileWork::Stat { path } => on(Deed::Stat, path),
        FileWork::List { path } => on(Deed::List, path),
        FileWork::Delete { path } => on(Deed::Delete, path),
    }
}

pub fn work(order: Work) -> FileWork {
    let deed = order.deed();
    let Work { path, content, at, most, .. } = order;
    match deed {
        Deed::Stat => FileWork::Stat { path },
        Deed::Read => FileWork::Read { path, at, most },
        Deed::List => FileWork::List { path },
        Deed::Delete => FileWork::Delete { path },
        Deed::Write => FileWork::Write { path, content },
    }
}

pub fn told(answer: Result<FileAnswer, i32>) -> Worked {
    match answer {
        Err(errno) => Worked { errno, ..Worked::default() },
        Ok(FileAnswer { data, entries }) => {
            let entry = |FileEntry { name, folder, size, modified }: FileEntry| Entry {
                name,
                folder,
                size,
                seconds: modified.as_secs(),
                nanos: modified.subsec_nanos(),
            };
            Worked { errno: 0, data, entries: entries.into_iter().map(entry).collect() }
        }
    }
}

pub fn heard(worked: Worked) -> Result<FileAnswer, i32> {
    let Worked { errno, data, entries } = worked;
    if errno != 0 {
        return Err(errno);
    }
    let entry = |Entry { name, folder, size, seconds, nanos }: Entry| {
        // Nothing that a worker process says is out of range here.
        FileEntry { name, folder, size, modified: Duration::new(seconds.min(1 << 40), nanos.min(999_999_999)) }
    };
    Ok(FileAnswer { data, entries: entries.into_iter().map(entry).collect() })
}
