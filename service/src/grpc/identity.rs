//! What makes two requests the same: all that they ask for, whatever the order of their maps.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher, RandomState};

use prost::Message;
use typhon_proto::v1;

use crate::executions::Identity;
use crate::identity::Tenant;

/// Tells requests apart, for one server's life.
#[derive(Clone, Default)]
pub struct Fingerprints(RandomState);

impl Fingerprints {
    /// The identity of a request that has an id, for the method that it came by.
    pub fn execute(&self, tenant: &Tenant, method: &str, request: &v1::ExecuteRequest) -> Option<Identity> {
        let request_id = request.request_id.clone();
        if request_id.is_empty() {
            return None;
        }
        let mut hasher = self.0.build_hasher();
        canonical(method, request, |bytes| hasher.write(bytes));
        Some(Identity { key: (tenant.name.clone(), request_id), fingerprint: hasher.finish() })
    }

    pub fn session(&self, tenant: &Tenant, request: &v1::CreateSessionRequest) -> Option<Identity> {
        let request_id = request.request_id.clone();
        if request_id.is_empty() {
            return None;
        }
        let mut hasher = self.0.build_hasher();
        let mut add = |bytes: &[u8]| hasher.write(bytes);
        let mut rest = request.clone().session.unwrap_or_default();
        sorted(&mut add, std::mem::take(&mut rest.env), String::into_bytes);
        sorted(&mut add, std::mem::take(&mut rest.labels), String::into_bytes);
        add(&rest.encode_to_vec());
        Some(Identity { key: (tenant.name.clone(), request_id), fingerprint: hasher.finish() })
    }
}

impl Fingerprints {
    pub fn snapshot(&self, tenant: &Tenant, request: &v1::CreateSnapshotRequest) -> Option<Identity> {
        let request_id = request.request_id.clone();
        if request_id.is_empty() {
            return None;
        }
        let mut hasher = self.0.build_hasher();
        let mut add = |bytes: &[u8]| hasher.write(bytes);
        let mut rest = request.clone();
        let labels = rest.snapshot.as_mut().map(|snapshot| std::mem::take(&mut snapshot.labels));
        sorted(&mut add, labels.unwrap_or_default(), String::into_bytes);
        add(&rest.encode_to_vec());
        Some(Identity { key: (tenant.name.clone(), request_id), fingerprint: hasher.finish() })
    }
}

/// Tells requests apart, the same on all servers.
pub fn fingerprint(method: &str, request: &v1::ExecuteRequest) -> Vec<u8> {
    let mut digest = ring::digest::Context::new(&ring::digest::SHA256);
    canonical(method, request, |bytes| digest.update(bytes));
    digest.finish().as_ref().to_vec()
}

/// All that a request says, in an order of ours.
fn canonical(method: &str, request: &v1::ExecuteRequest, mut add: impl FnMut(&[u8])) {
    add(method.as_bytes());
    let mut rest = request.clone();
    sorted(&mut add, std::mem::take(&mut rest.inputs), |value| value.encode_to_vec());
    sorted(&mut add, std::mem::take(&mut rest.env), String::into_bytes);
    sorted(&mut add, std::mem::take(&mut rest.labels), String::into_bytes);
    add(&rest.encode_to_vec());
}

fn sorted<T>(add: &mut impl FnMut(&[u8]), map: HashMap<String, T>, bytes: impl Fn(T) -> Vec<u8>) {
    let mut entries: Vec<(String, Vec<u8>)> = map.into_iter().map(|(name, value)| (name, bytes(value))).collect();
    entries.sort_unstable();
    add(&entries.len().to_le_bytes());
    for (name, value) in entries {
        for text in [name.as_bytes(), &value] {
            add(&text.len().to_le_bytes());
            add(text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_means_nothing_and_everything_else_does() {
        let fingerprints = Fingerprints::default();
        let tenant = Tenant::new("a");
        let request = |names: &[&str], stdin: &[u8]| {
            let labels = names.iter().map(|name| ((*name).to_owned(), "x".to_owned())).collect();
            let request_id = "00000000-0000-0000-0000-000000000000".to_owned();
            v1::ExecuteRequest { request_id, labels, stdin: stdin.to_vec(), ..v1::ExecuteRequest::default() }
        };
        let of = |request| fingerprints.execute(&tenant, "Execute", &request).map(|identity| identity.fingerprint);
        assert_eq!(of(request(&["a", "b", "c"], b"")), of(request(&["c", "a", "b"], b"")));
        assert_ne!(of(request(&["a", "b"], b"")), of(request(&["a"], b"")));
        assert_ne!(of(request(&["a"], b"")), of(request(&["a"], b"1")));
        assert_ne!(
            of(request(&[], b"")),
            fingerprints.execute(&tenant, "Start", &request(&[], b"")).map(|i| i.fingerprint)
        );
        assert_eq!(
            fingerprints.execute(&tenant, "Execute", &v1::ExecuteRequest::default()).map(|i| i.fingerprint),
            None
        );
    }
}
