//! The store in a folder.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::folder::Folder;
use super::*;

fn key(kind: Kind, tenant: &str, digit: char) -> Key {
    let name = format!("{}/{}", kind.plural(), String::from(digit).repeat(32));
    Key::of(kind, tenant, &name).expect("a name")
}

fn later() -> SystemTime {
    SystemTime::now() + Duration::from_secs(60)
}

fn files(folder: &Path) -> usize {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    entries.map(|path| if path.is_dir() { files(&path) } else { 1 }).sum()
}

async fn claimed(store: &Folder, key: &Key) -> Result<(Vec<u8>, Box<dyn Claim>), &'static str> {
    match store.claim(key).await.expect("an answer") {
        Claimed::Absent => Err("absent"),
        Claimed::Taken => Err("taken"),
        Claimed::Mine(bytes, claim) => Ok((bytes, claim)),
    }
}

#[test]
fn only_names_of_ours_are_keys() {
    let good = format!("sessions/{}", "a".repeat(32));
    assert_eq!(Key::of(Kind::Session, "x", &good).map(|key| key.name()), Some(good.clone()));
    assert_eq!(Key::of(Kind::Snapshot, "x", &good), None);
    for bad in ["", "sessions/", "sessions/a", "sessions/../../../../etc/passwd"] {
        assert_eq!(Key::of(Kind::Session, "x", bad), None, "{bad}");
    }
    assert_eq!(Key::of(Kind::Session, "x", &format!("sessions/{}", "A".repeat(32))), None);
}

#[tokio::test]
async fn what_is_put_is_there_for_its_tenant_and_for_nobody_elses_eyes() {
    let root = tempfile::tempdir().expect("a folder");
    let store = Folder::open(root.path(), 1 << 20).expect("a store");
    let (one, other) = (key(Kind::Snapshot, "ann", 'a'), key(Kind::Snapshot, "..", 'b'));
    assert_eq!(store.get(&one).await, Ok(None));
    store.put(&one, b"first".to_vec(), later()).await.expect("kept");
    store.put(&one, b"second".to_vec(), later()).await.expect("kept");
    store.put(&other, b"another".to_vec(), later()).await.expect("kept");
    assert_eq!(store.get(&one).await, Ok(Some(b"second".to_vec())));
    assert_eq!(store.get(&key(Kind::Snapshot, "bob", 'a')).await, Ok(None));
    assert_eq!(store.list(Kind::Snapshot, "ann").await, Ok(vec![one.clone()]));
    assert_eq!(store.list(Kind::Session, "ann").await, Ok(vec![]));
    // Nothing is left of the writing, and nobody else may read.
    assert_eq!(files(root.path()), 2);
    let path = root.path().join("snapshots/of-ann").join("a".repeat(32));
    assert_eq!(fs::metadata(path).expect("there").permissions().mode() & 0o777, 0o600);
    // Another server sees the same.
    let again = Folder::open(root.path(), 1 << 20).expect("a store");
    assert_eq!(again.get(&other).await, Ok(Some(b"another".to_vec())));
    store.delete(&one).await.expect("gone");
    store.delete(&one).await.expect("no fault");
    assert_eq!(again.get(&one).await, Ok(None));
}

#[tokio::test]
async fn of_two_that_claim_it_one_gets_it() {
    let root = tempfile::tempdir().expect("a folder");
    let (one, two) = (Folder::open(root.path(), 99), Folder::open(root.path(), 99));
    let (one, two) = (one.expect("a store"), two.expect("a store"));
    let key = key(Kind::Session, "ann", 'a');
    assert_eq!(claimed(&one, &key).await.err(), Some("absent"));
    one.put(&key, b"x".to_vec(), later()).await.expect("kept");
    let (bytes, claim) = claimed(&one, &key).await.expect("the first");
    assert_eq!(bytes, b"x");
    assert_eq!(claimed(&two, &key).await.err(), Some("taken"));
    assert_eq!(claimed(&one, &key).await.err(), Some("taken"));
    claim.put_back().await.expect("there again");
    // Whoever dies puts it back.
    drop(claimed(&two, &key).await.expect("free"));
    let (_, claim) = claimed(&one, &key).await.expect("free");
    claim.done().await.expect("gone");
    assert_eq!(claimed(&two, &key).await.err(), Some("absent"));
}

#[tokio::test]
async fn what_is_over_goes_and_makes_room() {
    let root = tempfile::tempdir().expect("a folder");
    let store = Folder::open(root.path(), 10_000).expect("a store");
    let (old, new) = (key(Kind::Session, "ann", 'a'), key(Kind::Session, "ann", 'b'));
    store.put(&old, vec![1; 8000], SystemTime::now() - Duration::from_secs(1)).await.expect("kept");
    assert_eq!(store.put(&new, vec![2; 8000], later()).await, Err(Fault::Full));
    // What says what became of something has room in any case.
    store.put(&new, vec![2; 3000], later()).await.expect("kept");
    store.sweep().await.expect("swept");
    assert_eq!(store.list(Kind::Session, "ann").await, Ok(vec![new.clone()]));
    store.put(&old, vec![1; 6000], later()).await.expect("there is room");
    store.delete(&old).await.expect("gone");
    store.put(&old, vec![1; 6000], later()).await.expect("there is room again");
}

#[tokio::test]
async fn a_folder_that_cannot_be_used_says_so_at_once() {
    let root = tempfile::tempdir().expect("a folder");
    let file = root.path().join("file");
    fs::write(&file, "").expect("a file");
    assert!(Folder::open(&file, 1).is_err());
    let store = Folder::open(root.path(), 99).expect("a store");
    fs::remove_dir_all(root.path()).expect("gone");
    let put = store.put(&key(Kind::Session, "ann", 'a'), vec![1], later()).await;
    assert!(matches!(put, Err(Fault::Away(_))), "{put:?}");
}
