//! A store in a folder: a file for each thing that is kept, written beside its place and moved there whole.
//!
//! `{kind}/of-{tenant}/{id}`. A file begins with a mark and with when it may be forgotten. Who claims one holds its lock, which
//! the kernel takes back from whoever dies.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;
use rustix::fs::{FlockOperation, flock};

use super::{Claim, Claimed, Fault, Key, Kind, Store};

pub struct Folder(Arc<Place>);

struct Place {
    root: PathBuf,
    bytes_max: u64,
    /// What the files hold, as far as we know: other servers may use the folder, too.
    held: Mutex<u64>,
}

/// What a file begins with, before the time in seconds since the epoch.
const MARK: &[u8; 8] = b"typhon\0\x01";
const BEFORE: usize = MARK.len() + 8;
/// What is being written.
const UNFINISHED: &str = "unfinished";
/// Nobody writes for so long.
const ABANDONED: Duration = Duration::from_secs(3600);

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Fault {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Fault::Full,
            _ => Fault::Away(error.to_string()),
        }
    }
}

impl Folder {
    pub fn open(root: &Path, bytes_max: u64) -> io::Result<Folder> {
        let place = Place { root: root.to_owned(), bytes_max, held: Mutex::default() };
        for part in Kind::ALL.iter().map(|kind| kind.plural()).chain([UNFINISHED]) {
            make(&place.root.join(part))?;
        }
        // Whether it can be written to is better known now.
        place.write(&[b""])?.1.close()?;
        place.sweep()?;
        Ok(Folder(Arc::new(place)))
    }

    /// Disks make one wait.
    async fn aside<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Place) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Fault> {
        let place = self.0.clone();
        tokio::task::spawn_blocking(move || work(&place)).await.map_err(|error| Fault::Away(error.to_string()))?
    }
}

fn make(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// What is being written, and goes when it is not finished.
struct Unfinished(PathBuf);

impl Unfinished {
    fn close(self) -> io::Result<()> {
        fs::remove_file(&self.0)
    }
}

impl Place {
    fn of(&self, kind: Kind, tenant: &str) -> PathBuf {
        self.root.join(kind.plural()).join(format!("of-{tenant}"))
    }

    fn path(&self, key: &Key) -> PathBuf {
        self.of(key.kind, &key.tenant).join(&key.id)
    }

    fn write(&self, parts: &[&[u8]]) -> io::Result<(File, Unfinished)> {
        let path = self.root.join(UNFINISHED).join(format!("{:016x}", getrandom::u64().map_err(io::Error::from)?));
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        let unfinished = Unfinished(path);
        match parts.iter().try_for_each(|part| file.write_all(part)) {
            Ok(()) => Ok((file, unfinished)),
            Err(error) => {
                // There is no more to be done where not even this can be.
                let _gone = unfinished.close();
                Err(error)
            }
        }
    }

    fn put(&self, key: &Key, bytes: &[u8], until: SystemTime) -> Result<(), Fault> {
        let size = bytes.len() as u64;
        if self.held.lock().saturating_add(size) > self.bytes_max && size > ALWAYS {
            return Err(Fault::Full);
        }
        let (path, folder) = (self.path(key), self.of(key.kind, &key.tenant));
        make(&folder)?;
        let until = until.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs().to_le_bytes();
        let (file, unfinished) = self.write(&[MARK, &until, bytes])?;
        let moved = (|| {
            file.sync_all()?;
            fs::rename(&unfinished.0, &path)?;
            // So that the name outlives us, too.
            File::open(&folder)?.sync_all()
        })();
        if let Err(error) = moved {
            let _gone = unfinished.close();
            return Err(error.into());
        }
        *self.held.lock() += size;
        Ok(())
    }

    fn claim(&self, key: &Key) -> Result<Claimed, Fault> {
        let path = self.path(key);
        let mut file = match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Claimed::Absent),
            other => other?,
        };
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Err(rustix::io::Errno::WOULDBLOCK) => return Ok(Claimed::Taken),
            other => other.map_err(io::Error::from)?,
        }
        // Whoever had it before may have been done with it meanwhile.
        match fs::metadata(&path) {
            Ok(now) if now.ino() == file.metadata()?.ino() => {}
            Ok(_) => return Ok(Claimed::Taken),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Claimed::Absent),
            Err(error) => return Err(error.into()),
        }
        let bytes = content(&mut file)?;
        Ok(Claimed::Mine(bytes, Box::new(Locked { path, file })))
    }

    fn remove(&self, path: &Path) -> Result<(), Fault> {
        let size = fs::metadata(path).map_or(0, |file| file.len());
        match fs::remove_file(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error.into()),
            Ok(()) => {
                let mut held = self.held.lock();
                *held = held.saturating_sub(size);
                Ok(())
            }
        }
    }

    /// Forgets what is over, and counts what is left.
    fn sweep(&self) -> io::Result<()> {
        let (now, mut held) = (SystemTime::now(), 0);
        let old = now.checked_sub(ABANDONED).unwrap_or(now);
        for file in entries(&self.root.join(UNFINISHED))? {
            if modified(&file).is_some_and(|at| at < old) {
                let _gone = fs::remove_file(file);
            }
        }
        for kind in Kind::ALL {
            for folder in entries(&self.root.join(kind.plural()))? {
                for file in entries(&folder)? {
                    if until(&file).is_some_and(|until| until < now) {
                        // Somebody else may have been faster.
                        let _gone = fs::remove_file(file);
                    } else {
                        held += fs::metadata(&file).map_or(0, |file| file.len());
                    }
                }
            }
        }
        *self.held.lock() = held;
        Ok(())
    }
}

/// What holds no more than this is kept in any case: it says what became of something else.
const ALWAYS: u64 = 4096;

fn entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        entries => entries?.map(|entry| entry.map(|entry| entry.path())).collect(),
    }
}

/// What was put there.
fn content(file: &mut File) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(BEFORE as u64))?;
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// When a file may be forgotten, if it says so.
fn until(file: &Path) -> Option<SystemTime> {
    let (mut mark, mut seconds) = ([0; MARK.len()], [0; 8]);
    let mut file = File::open(file).ok()?;
    file.read_exact(&mut mark).and_then(|()| file.read_exact(&mut seconds)).ok()?;
    (mark == *MARK).then(|| UNIX_EPOCH.checked_add(Duration::from_secs(u64::from_le_bytes(seconds))))?
}

fn modified(file: &Path) -> Option<SystemTime> {
    fs::metadata(file).ok()?.modified().ok()
}

#[tonic::async_trait]
impl Store for Folder {
    async fn put(&self, key: &Key, bytes: Vec<u8>, until: SystemTime) -> Result<(), Fault> {
        let key = key.clone();
        self.aside(move |place| place.put(&key, &bytes, until)).await
    }

    async fn get(&self, key: &Key) -> Result<Option<Vec<u8>>, Fault> {
        let key = key.clone();
        let read = move |place: &Place| match File::open(place.path(&key)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            other => Ok(Some(content(&mut other?)?)),
        };
        self.aside(read).await
    }

    async fn claim(&self, key: &Key) -> Result<Claimed, Fault> {
        let key = key.clone();
        self.aside(move |place| place.claim(&key)).await
    }

    async fn delete(&self, key: &Key) -> Result<(), Fault> {
        let key = key.clone();
        self.aside(move |place| place.remove(&place.path(&key))).await
    }

    async fn list(&self, kind: Kind, tenant: &str) -> Result<Vec<Key>, Fault> {
        let tenant = tenant.to_owned();
        let list = move |place: &Place| {
            let files = entries(&place.of(kind, &tenant))?;
            let ids = files.iter().filter_map(|file| file.file_name()?.to_str());
            let names = ids.map(|id| format!("{}/{id}", kind.plural()));
            let mut keys: Vec<_> = names.filter_map(|name| Key::of(kind, &tenant, &name)).collect();
            keys.sort_unstable_by(|a, b| a.id.cmp(&b.id));
            Ok(keys)
        };
        self.aside(list).await
    }

    async fn sweep(&self) -> Result<(), Fault> {
        self.aside(|place| Ok(place.sweep()?)).await
    }
}

/// A file that we hold the lock of, as long as it is open.
struct Locked {
    path: PathBuf,
    file: File,
}

#[tonic::async_trait]
impl Claim for Locked {
    async fn done(self: Box<Self>) -> Result<(), Fault> {
        let remove = move || -> io::Result<()> {
            fs::remove_file(&self.path)?;
            drop(self.file);
            Ok(())
        };
        Ok(tokio::task::spawn_blocking(remove).await.map_err(|error| Fault::Away(error.to_string()))??)
    }

    async fn put_back(self: Box<Self>) -> Result<(), Fault> {
        Ok(())
    }
}
