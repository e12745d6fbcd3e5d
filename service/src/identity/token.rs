//! Static tokens: only their hashes are known here.

use std::collections::HashMap;
use std::sync::Arc;

use ring::digest::{SHA256, digest};
use subtle::ConstantTimeEq;

use super::Tenant;

/// Every token's hash and tenant, by the first bytes of the hash: these tell whoever times us part of a hash, from which
/// no token can be made. The rest is compared in constant time.
#[derive(Default)]
pub struct Tokens(HashMap<[u8; 4], Vec<(Hash, Arc<Tenant>)>>);

type Hash = [u8; 32];

impl Tokens {
    /// `text` is `sha256:` and 64 hexadecimal digits.
    pub fn add(&mut self, text: &str, tenant: &Arc<Tenant>) -> Result<(), String> {
        let hash = text.strip_prefix("sha256:").and_then(parse);
        let hash = hash.ok_or("a token is `sha256:` and the 64 hexadecimal digits of its hash")?;
        let place = self.0.entry(prefix(&hash)).or_default();
        if place.iter().any(|(known, _)| *known == hash) {
            return Err("a token is there twice".to_owned());
        }
        place.push((hash, tenant.clone()));
        Ok(())
    }

    pub fn find(&self, token: &str) -> Option<&Arc<Tenant>> {
        let hash: Hash = digest(&SHA256, token.as_bytes()).as_ref().try_into().ok()?;
        let place = self.0.get(&prefix(&hash))?;
        place.iter().find(|(known, _)| bool::from(known.ct_eq(&hash))).map(|(_, tenant)| tenant)
    }
}

fn prefix(hash: &Hash) -> [u8; 4] {
    [hash[0], hash[1], hash[2], hash[3]]
}

fn parse(digits: &str) -> Option<Hash> {
    let mut hash = [0; 32];
    if digits.len() != 64 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    for (byte, at) in hash.iter_mut().zip((0..64).step_by(2)) {
        *byte = u8::from_str_radix(&digits[at..at + 2], 16).ok()?;
    }
    Some(hash)
}
