//! Tenants: who shares the server, and the file that says so.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Instant;

use arc_swap::ArcSwap;
use dashmap::DashMap;
use parking_lot::Mutex;
use serde::Deserialize;

use super::spiffe::Pattern;
use super::token::Tokens;
use crate::error::Refusal;
use crate::metrics::Used;
use crate::quota::{Bucket, Quota, QuotaName, refuse};

/// One of those who share the server. Whatever becomes of the file, it lives as long as it has anything here.
pub struct Tenant {
    pub name: Arc<str>,
    terms: ArcSwap<Terms>,
    bucket: Mutex<Bucket>,
    used: Mutex<Used>,
}

/// What the file says of a tenant, besides its credentials.
#[derive(Clone, Debug, Default)]
pub struct Terms {
    suspended: bool,
    /// May use AdminService.
    admin: bool,
    /// The file names it.
    listed: bool,
    quota: Arc<Quota>,
}

impl Tenant {
    pub fn new(name: &str) -> Arc<Tenant> {
        let bucket = Mutex::new(Bucket::full(&Quota::default()));
        Arc::new(Tenant { name: name.into(), terms: ArcSwap::default(), bucket, used: Mutex::default() })
    }

    pub fn is_suspended(&self) -> bool {
        self.terms.load().suspended
    }

    pub fn is_admin(&self) -> bool {
        self.terms.load().admin
    }

    pub fn is_listed(&self) -> bool {
        self.terms.load().listed
    }

    pub fn quota(&self) -> Arc<Quota> {
        self.terms.load().quota.clone()
    }

    /// Counts an execution or a session that is about to begin, if the tenant's rate allows it.
    pub fn begin(&self) -> Result<(), Refusal> {
        let terms = self.terms.load();
        if terms.quota.rate.is_infinite() {
            return Ok(());
        }
        let taken = self.bucket.lock().take(&terms.quota, Instant::now());
        taken.map_err(|wait| refuse(&self.name, QuotaName::Rate, terms.quota.rate.ceil() as u64, wait))
    }

    /// Looks at what it has used, or adds to it.
    pub fn used<R>(&self, look: impl FnOnce(&mut Used) -> R) -> R {
        look(&mut self.used.lock())
    }

    fn set(&self, terms: Terms) {
        if terms.quota != self.terms.load().quota {
            *self.bucket.lock() = Bucket::full(&terms.quota);
        }
        self.terms.store(Arc::new(terms));
    }

    #[cfg(test)]
    pub fn set_quota(&self, quota: Quota) {
        self.set(Terms { quota: Arc::new(quota), ..Terms::default() });
    }
}

/// Every tenant that the file names, or that was seen lately.
pub struct Tenants {
    all: DashMap<Arc<str>, Arc<Tenant>>,
    default: Arc<Tenant>,
    /// Of tenants that the file does not name.
    default_quota: Mutex<Arc<Quota>>,
}

impl Default for Tenants {
    fn default() -> Tenants {
        let default = Tenant::new("default");
        let all = DashMap::new();
        all.insert(default.name.clone(), default.clone());
        Tenants { all, default, default_quota: Mutex::default() }
    }
}

/// What the tenants' file says: whose tokens and ids there are.
#[derive(Default)]
pub struct Book {
    pub tokens: Tokens,
    pub spiffe: Vec<(Pattern, Arc<Tenant>)>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// The quota of tenants as far as they say nothing else.
    #[serde(default)]
    defaults: toml::Table,
    #[serde(default)]
    tenants: BTreeMap<String, Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    /// Hashes of its static tokens.
    #[serde(default)]
    tokens: Vec<String>,
    /// Patterns of the ids in its certificates.
    #[serde(default)]
    spiffe: Vec<String>,
    /// Known, and refused.
    #[serde(default)]
    suspended: bool,
    /// May use AdminService.
    #[serde(default)]
    admin: bool,
    #[serde(default)]
    quota: toml::Table,
}

impl Tenants {
    /// The tenant of a server where nobody is asked who they are.
    pub fn default_one(&self) -> Arc<Tenant> {
        self.default.clone()
    }

    /// The tenant of this name, which a credential vouches for; none when it is no name.
    pub fn named(&self, name: &str) -> Option<Arc<Tenant>> {
        if let Some(tenant) = self.all.get(name) {
            return Some(tenant.clone());
        }
        let make = || {
            let tenant = Tenant::new(name);
            tenant.set(Terms { quota: self.default_quota.lock().clone(), ..Terms::default() });
            tenant
        };
        is_name(name).then(|| self.all.entry(name.into()).or_insert_with(make).clone())
    }

    /// Forgets those whom no file names, who have nothing here, and whose rate would not know the difference.
    pub fn sweep(&self) {
        let idle = |tenant: &Arc<Tenant>| {
            Arc::strong_count(tenant) == 1 && !tenant.is_listed() && tenant.bucket.lock().is_full(&tenant.quota())
        };
        self.all.retain(|_, tenant| !idle(tenant));
    }

    /// All of them, by name.
    pub fn all(&self) -> Vec<Arc<Tenant>> {
        let mut all: Vec<_> = self.all.iter().map(|at| at.value().clone()).collect();
        all.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        all
    }

    /// Reads the tenants' file. What it says of tenants holds from now on; its credentials are the caller's to use.
    pub fn read(&self, text: &str) -> Result<Book, String> {
        let file: File = toml::from_str(text).map_err(|error| error.to_string())?;
        let default =
            Arc::new(Quota::deserialize(file.defaults.clone()).map_err(|error| format!("defaults: {error}"))?);
        let mut book = Book::default();
        let mut terms = Vec::new();
        for (name, entry) in file.tenants {
            let within = |problem| format!("tenant {name:?}: {problem}");
            let tenant = self.named(&name).ok_or_else(|| within(NAME.to_owned()))?;
            for token in &entry.tokens {
                book.tokens.add(token, &tenant).map_err(within)?;
            }
            for pattern in &entry.spiffe {
                book.spiffe.push((Pattern::parse(pattern).map_err(within)?, tenant.clone()));
            }
            let mut quota = file.defaults.clone();
            quota.extend(entry.quota);
            let quota = Arc::new(Quota::deserialize(quota).map_err(|error| within(format!("quota: {error}")))?);
            terms.push((tenant, Terms { suspended: entry.suspended, admin: entry.admin, listed: true, quota }));
        }
        // All of it was good.
        let listed: HashSet<_> = terms.iter().map(|(tenant, _)| tenant.name.clone()).collect();
        *self.default_quota.lock() = default.clone();
        let unlisted = self.all.iter().filter(|at| !listed.contains(at.key()));
        unlisted.for_each(|at| at.set(Terms { quota: default.clone(), ..Terms::default() }));
        terms.into_iter().for_each(|(tenant, terms)| tenant.set(terms));
        Ok(book)
    }
}

const NAME: &str = "a name is up to 64 of a-z, 0-9, - . and _";

fn is_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.' | '_');
    (1..=64).contains(&name.len()) && name.chars().all(plain)
}
