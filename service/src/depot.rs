//! The depot: those snapshots that are in the store, so that every node has them and none takes them along.
//!
//! Each is there twice: whole, and as a card that only describes it, so that looking and listing moves no images.

use std::sync::Arc;
use std::time::SystemTime;

use typhon_proto::v1;

use crate::error::{Refusal, SnapshotRefusal};
use crate::grpc::snapshots::wire;
use crate::handover::{Parcel, What};
use crate::identity::Tenant;
use crate::quota::{QuotaName, refuse};
use crate::seal::{Broken, ENGINE, FORMAT, Header, Key as Seal};
use crate::snapshots::{RETRY, Snapshot};
use crate::store::{Fault, Key, Kind, Store};

pub struct Depot {
    store: Arc<dyn Store>,
    /// It may hold so much.
    bytes_max: u64,
}

impl Depot {
    pub fn new(store: Arc<dyn Store>, bytes_max: u64) -> Depot {
        Depot { store, bytes_max }
    }

    /// Keeps it, within what its tenant may have.
    pub async fn put(&self, seal: &Seal, snapshot: &Arc<Snapshot>) -> Result<(), Refusal> {
        let tenant = &snapshot.tenant;
        let (Some(whole), Some(card)) =
            (key(Kind::Snapshot, tenant, &snapshot.name), key(Kind::Card, tenant, &snapshot.name))
        else {
            return Err(Refusal::Internal { what: format!("{} is no name", snapshot.name) });
        };
        let quota = tenant.quota().snapshots;
        if quota != u64::MAX {
            let all = self.list(seal, tenant, "", usize::MAX).await?.0;
            let own: u64 = all.iter().filter_map(|one| u64::try_from(one.size_bytes).ok()).sum();
            if own.saturating_add(snapshot.image.len() as u64) > quota {
                return Err(refuse(&tenant.name, QuotaName::Snapshots, quota, RETRY));
            }
        }
        let until = snapshot.expires();
        let parcel = Some(Parcel { what: Some(What::Snapshot(Box::new(wire(snapshot)))) });
        let header = Header { parcel, ..snapshot.header() };
        let full = |fault| match fault {
            Fault::Full => SnapshotRefusal::Full { max_bytes: self.bytes_max }.into(),
            fault => Refusal::from(fault),
        };
        self.store.put(&whole, seal.seal(&header, &snapshot.image)?, until).await.map_err(full)?;
        self.store.put(&card, seal.seal(&header, &[])?, until).await.map_err(full)
    }

    /// What there is to be told of it.
    pub async fn card(&self, seal: &Seal, tenant: &Tenant, name: &str) -> Result<v1::Snapshot, Refusal> {
        let key = key(Kind::Card, tenant, name).ok_or_else(|| not_found(name))?;
        let bytes = self.store.get(&key).await?.ok_or_else(|| not_found(name))?;
        open(seal, tenant, name, &bytes).map(|(card, _)| card)
    }

    /// The whole of it.
    pub async fn get(&self, seal: &Seal, tenant: &Arc<Tenant>, name: &str) -> Result<Snapshot, Refusal> {
        let key = key(Kind::Snapshot, tenant, name).ok_or_else(|| not_found(name))?;
        let bytes = self.store.get(&key).await?.ok_or_else(|| not_found(name))?;
        let (card, image) = open(seal, tenant, name, &bytes)?;
        let ttl = card.ttl.and_then(|ttl| ttl.try_into().ok()).unwrap_or_default();
        let created = card.create_time.and_then(|at| SystemTime::try_from(at).ok()).unwrap_or(SystemTime::UNIX_EPOCH);
        let mut labels: Vec<_> = card.labels.into_iter().collect();
        labels.sort_unstable();
        Ok(Snapshot {
            name: name.to_owned(),
            tenant: tenant.clone(),
            labels,
            ttl,
            created,
            digest: card.digest,
            session: card.session,
            left_out: card.left_out,
            image: image.into(),
            key: seal.code(&tenant.name),
        })
    }

    pub async fn delete(&self, tenant: &Tenant, name: &str) -> Result<(), Refusal> {
        // Without its card it is not there.
        for kind in [Kind::Card, Kind::Snapshot] {
            if let Some(key) = key(kind, tenant, name) {
                self.store.delete(&key).await?;
            }
        }
        Ok(())
    }

    /// At most `most` of the tenant's snapshots whose names come after `after`, and whether there are more.
    pub async fn list(
        &self,
        seal: &Seal,
        tenant: &Tenant,
        after: &str,
        most: usize,
    ) -> Result<(Vec<v1::Snapshot>, bool), Refusal> {
        let names = self.store.list(Kind::Card, &tenant.name).await?;
        let names = names.iter().map(|key| format!("{}/{}", Kind::Snapshot.plural(), key.id));
        let mut names = names.filter(|name| **name > *after);
        let mut page = Vec::new();
        for name in names.by_ref().take(most) {
            match self.card(seal, tenant, &name).await {
                Ok(card) => page.push(card),
                // Forgotten since, or of no use here.
                Err(Refusal::Snapshot(_)) => {}
                Err(refusal) => return Err(refusal),
            }
        }
        Ok((page, names.next().is_some()))
    }
}

fn key(kind: Kind, tenant: &Tenant, name: &str) -> Option<Key> {
    let key = Key::of(Kind::Snapshot, &tenant.name, name)?;
    Some(Key { kind, ..key })
}

fn not_found(name: &str) -> Refusal {
    SnapshotRefusal::NotFound { name: name.to_owned() }.into()
}

/// What was sealed under this name, and its image.
fn open(seal: &Seal, tenant: &Tenant, name: &str, bytes: &[u8]) -> Result<(v1::Snapshot, Vec<u8>), Refusal> {
    let damaged = |problem: &str| {
        tracing::error!(snapshot = name, problem, "what was kept of a snapshot cannot be used");
        SnapshotRefusal::Unusable { name: name.to_owned(), why: format!("what was kept of it {problem}") }.into()
    };
    let version = |theirs: String, ours: &str| SnapshotRefusal::Version { theirs, ours: ours.to_owned() }.into();
    let (header, image) = seal.open(bytes, &tenant.name).map_err(|broken| match broken {
        Broken::Invalid(problem) => damaged(problem),
        Broken::Format => version("another format".to_owned(), FORMAT),
        Broken::Engine(theirs) => version(theirs, &ENGINE),
    })?;
    match header.parcel.and_then(|parcel| parcel.what) {
        Some(What::Snapshot(card)) if card.name == name => {
            let expires = card.expire_time.and_then(|at| SystemTime::try_from(at).ok());
            match expires {
                Some(at) if at > SystemTime::now() => Ok((*card, image)),
                _ => Err(not_found(name)),
            }
        }
        _ => Err(damaged("is something else")),
    }
}
