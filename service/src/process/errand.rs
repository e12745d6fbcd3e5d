//! Work with an isolate in a worker process, as it crosses the socket.

use std::time::Duration;

use typhon_proto::v1;
use typhon_vm::{CodeKey, FileAnswer, FileEntry, FileWork, LeftOut, Saved, Work, Worked};

use super::wire::{self, Deed, Entry};

pub fn order(work: &Work) -> wire::Work {
    let on = |deed: Deed, path: &str| wire::Work { deed: deed.into(), path: path.to_owned(), ..wire::Work::default() };
    match work {
        Work::Files(FileWork::Write { path, content }) => {
            wire::Work { content: content.clone(), ..on(Deed::Write, path) }
        }
        Work::Files(FileWork::Read { path, at, most }) => wire::Work { at: *at, most: *most, ..on(Deed::Read, path) },
        Work::Files(FileWork::Stat { path }) => on(Deed::Stat, path),
        Work::Files(FileWork::List { path }) => on(Deed::List, path),
        Work::Files(FileWork::Delete { path }) => on(Deed::Delete, path),
        Work::Save { leave_out, most, key } => {
            wire::Work { leave_out: *leave_out, most: *most, key: key.0.to_vec(), ..on(Deed::Save, "") }
        }
        Work::Restore { image, key } => {
            wire::Work { content: image.to_vec(), key: key.0.to_vec(), ..on(Deed::Restore, "") }
        }
    }
}

pub fn work(order: wire::Work) -> Work {
    let deed = order.deed();
    let wire::Work { path, content, at, most, leave_out, key, .. } = order;
    // Of any other length it is nobody's.
    let key = CodeKey(key.try_into().unwrap_or_default());
    match deed {
        Deed::Stat => Work::Files(FileWork::Stat { path }),
        Deed::Read => Work::Files(FileWork::Read { path, at, most }),
        Deed::List => Work::Files(FileWork::List { path }),
        Deed::Delete => Work::Files(FileWork::Delete { path }),
        Deed::Write => Work::Files(FileWork::Write { path, content }),
        Deed::Save => Work::Save { leave_out, most, key },
        Deed::Restore => Work::Restore { image: content.into(), key },
    }
}

pub fn told(worked: Worked) -> wire::Worked {
    match worked {
        Worked::Files(Err(errno)) => wire::Worked { errno, ..wire::Worked::default() },
        Worked::Files(Ok(FileAnswer { data, entries })) => {
            let entry = |FileEntry { name, folder, size, modified }: FileEntry| Entry {
                name,
                folder,
                size,
                seconds: modified.as_secs(),
                nanos: modified.subsec_nanos(),
            };
            wire::Worked { data, entries: entries.into_iter().map(entry).collect(), ..wire::Worked::default() }
        }
        Worked::Saved(saved) => {
            let saved = match saved {
                Saved::Image { data, left_out } => {
                    let left_out = left_out.into_iter().map(shown).collect();
                    wire::Saved { data, left_out, ..wire::Saved::default() }
                }
                Saved::Unstorable(what) => wire::Saved { unstorable: Some(shown(what)), ..wire::Saved::default() },
                Saved::TooLarge => wire::Saved { too_large: true, ..wire::Saved::default() },
            };
            wire::Worked { saved: Some(saved), ..wire::Worked::default() }
        }
        Worked::Restored => wire::Worked { restored: true, ..wire::Worked::default() },
    }
}

pub fn heard(worked: wire::Worked) -> Worked {
    let wire::Worked { errno, data, entries, saved, restored } = worked;
    if restored {
        return Worked::Restored;
    }
    if let Some(wire::Saved { data, left_out, unstorable, too_large }) = saved {
        return Worked::Saved(match unstorable {
            Some(what) => Saved::Unstorable(read(what)),
            None if too_large => Saved::TooLarge,
            None => Saved::Image { data, left_out: left_out.into_iter().map(read).collect() },
        });
    }
    if errno != 0 {
        return Worked::Files(Err(errno));
    }
    let entry = |Entry { name, folder, size, seconds, nanos }: Entry| {
        // Nothing that a worker process says is out of range here.
        FileEntry { name, folder, size, modified: Duration::new(seconds.min(1 << 40), nanos.min(999_999_999)) }
    };
    Worked::Files(Ok(FileAnswer { data, entries: entries.into_iter().map(entry).collect() }))
}

pub fn shown(LeftOut { path, problem }: LeftOut) -> v1::LeftOut {
    v1::LeftOut { path, problem }
}

pub fn read(v1::LeftOut { path, problem }: v1::LeftOut) -> LeftOut {
    LeftOut { path, problem }
}
