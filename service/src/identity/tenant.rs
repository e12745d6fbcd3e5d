//! Tenants: who shares the server, and the file that says so.

use std::collections::BTreeMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use dashmap::DashMap;
use serde::Deserialize;

use super::spiffe::Pattern;
use super::token::Tokens;

/// One of those who share the server. It lives as long as the server, whatever becomes of the file.
pub struct Tenant {
    pub name: Arc<str>,
    terms: ArcSwap<Terms>,
}

/// What the file says of a tenant, besides its credentials.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Terms {
    suspended: bool,
}

impl Tenant {
    pub fn new(name: &str) -> Arc<Tenant> {
        Arc::new(Tenant { name: name.into(), terms: ArcSwap::default() })
    }

    pub fn is_suspended(&self) -> bool {
        self.terms.load().suspended
    }
}

/// Every tenant that was ever named.
pub struct Tenants {
    all: DashMap<Arc<str>, Arc<Tenant>>,
    default: Arc<Tenant>,
}

impl Default for Tenants {
    fn default() -> Tenants {
        let default = Tenant::new("default");
        let all = DashMap::new();
        all.insert(default.name.clone(), default.clone());
        Tenants { all, default }
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
        is_name(name).then(|| self.all.entry(name.into()).or_insert_with(|| Tenant::new(name)).clone())
    }

    /// Reads the tenants' file. What it says of tenants holds from now on; its credentials are the caller's to use.
    pub fn read(&self, text: &str) -> Result<Book, String> {
        let file: File = toml::from_str(text).map_err(|error| error.to_string())?;
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
            terms.push((tenant, Terms { suspended: entry.suspended }));
        }
        // All of it was good.
        let listed: Vec<_> = terms.iter().map(|(tenant, _)| tenant.name.clone()).collect();
        self.all.iter().filter(|at| !listed.contains(at.key())).for_each(|at| at.terms.store(Arc::default()));
        terms.into_iter().for_each(|(tenant, terms)| tenant.terms.store(Arc::new(terms)));
        Ok(book)
    }
}

const NAME: &str = "a name is up to 64 of a-z, 0-9, - . and _";

fn is_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.' | '_');
    (1..=64).contains(&name.len()) && name.chars().all(plain)
}
