//! Who calls: the tenant that a credential stands for, or why it stands for none.
//!
//! A bearer token decides where there is one: a static one, whose hash the tenants' file has, or a JWT, which a key of
//! the JWKS file signed. Else the certificate of the connection does, by its SPIFFE id. Where none of these is set up,
//! everybody is the one tenant `default`.

mod jwt;
pub mod layer;
mod spiffe;
mod tenant;
mod token;

use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::config::Config;
use crate::error::Refusal;
use crate::server::BoxError;
use jwt::Keys;
pub use spiffe::Certified;
use tenant::Book;
pub use tenant::{Tenant, Tenants};

/// An authenticated caller.
#[derive(Clone)]
pub struct Caller {
    pub tenant: Arc<Tenant>,
    /// Who of the tenant, as far as the credential says.
    pub subject: Arc<str>,
    /// May use AdminService.
    pub admin: bool,
}

impl Caller {
    pub fn new(tenant: Arc<Tenant>, subject: Arc<str>) -> Caller {
        let admin = tenant.is_admin();
        Caller { tenant, subject, admin }
    }
}

/// Everything that credentials are checked against.
pub struct Identities {
    config: Arc<Config>,
    tenants: Arc<Tenants>,
    known: ArcSwap<Known>,
    /// Where nobody is asked who they are.
    anybody: Caller,
    /// Who has a static token.
    bearer: Arc<str>,
}

struct Known {
    book: Option<Book>,
    keys: Option<Keys>,
    /// What the above was read from.
    texts: [String; 2],
}

/// Whom a connection belongs to, as its handshake showed.
#[derive(Clone, Debug, Default)]
pub struct Peer {
    pub certified: Option<Certified>,
}

impl Identities {
    pub fn load(config: Arc<Config>) -> Result<Identities, BoxError> {
        let tenants = Arc::new(Tenants::default());
        let known = ArcSwap::from_pointee(Known::read(&config, &tenants)?);
        let anybody = Caller { admin: true, ..Caller::new(tenants.default_one(), "anonymous".into()) };
        Ok(Identities { config, tenants, known, anybody, bearer: "token".into() })
    }

    pub fn tenants(&self) -> &Arc<Tenants> {
        &self.tenants
    }

    /// Reads the files again. What cannot be read changes nothing. The settings whose files have changed.
    pub fn reload(&self) -> Result<Vec<&'static str>, BoxError> {
        let fresh = Known::read(&self.config, &self.tenants)?;
        let known = self.known.load();
        let settings = ["tenants_file", "jwks_file"].into_iter().zip(fresh.texts.iter().zip(&known.texts));
        let changed: Vec<_> = settings.filter(|(_, (new, old))| new != old).map(|(name, _)| name).collect();
        if !changed.is_empty() {
            self.known.store(Arc::new(fresh));
        }
        Ok(changed)
    }

    /// Nobody is asked who they are.
    fn is_open(&self, known: &Known) -> bool {
        known.book.is_none() && known.keys.is_none() && self.config.tls_client_ca.is_empty()
    }

    /// The caller with these credentials.
    pub fn identify(&self, authorization: Option<&[u8]>, peer: &Peer) -> Result<Caller, Refusal> {
        let known = self.known.load();
        if self.is_open(&known) {
            return Ok(self.anybody.clone());
        }
        let caller = match (authorization, &peer.certified) {
            (Some(header), _) => self.by_token(&known, bearer(header)?)?,
            (None, Some(certified)) => self.by_certificate(&known, certified)?,
            (None, None) => return Err(Refusal::CredentialsMissing),
        };
        if caller.tenant.is_suspended() {
            return Err(Refusal::TenantSuspended { tenant: caller.tenant.name.to_string() });
        }
        Ok(caller)
    }

    fn by_token(&self, known: &Known, token: &str) -> Result<Caller, Refusal> {
        // Three parts make a JWT; our own tokens are free to have dots as well.
        if let Some(tenant) = known.book.as_ref().and_then(|book| book.tokens.find(token)) {
            return Ok(Caller::new(tenant.clone(), self.bearer.clone()));
        }
        let Some(keys) = &known.keys else { return Err(Refusal::CredentialsInvalid { problem: "unknown token" }) };
        let claims = keys.check(token).map_err(|problem| Refusal::CredentialsInvalid { problem })?;
        let tenant = self.tenants.named(&claims.tenant);
        let tenant = tenant.ok_or(Refusal::TenantUnknown { tenant: claims.tenant })?;
        Ok(Caller::new(tenant, claims.subject.into()))
    }

    fn by_certificate(&self, known: &Known, certified: &Certified) -> Result<Caller, Refusal> {
        let Some(id) = certified.spiffe() else {
            return Err(Refusal::CredentialsInvalid { problem: "certificate without a SPIFFE id" });
        };
        let tenant = match &known.book {
            // The authority signs for us alone.
            None => self.tenants.default_one(),
            Some(book) => book
                .spiffe
                .iter()
                .find(|(pattern, _)| pattern.matches(id))
                .map(|(_, tenant)| tenant.clone())
                .ok_or_else(|| Refusal::TenantUnknown { tenant: id.to_string() })?,
        };
        Ok(Caller::new(tenant, id.clone()))
    }
}

impl Known {
    fn read(config: &Config, tenants: &Tenants) -> Result<Known, BoxError> {
        let text = |path: &str| match path {
            "" => Ok(String::new()),
            path => std::fs::read_to_string(path).map_err(|error| BoxError::from(format!("{path}: {error}"))),
        };
        let texts = [text(&config.tenants_file)?, text(&config.jwks_file)?];
        let at = |path: &str| {
            let path = path.to_owned();
            move |problem: String| BoxError::from(format!("{path}: {problem}"))
        };
        let keys = match config.jwks_file.as_str() {
            "" => None,
            path => Some(Keys::read(&texts[1], config).map_err(at(path))?),
        };
        let book = match config.tenants_file.as_str() {
            "" => None,
            path => Some(tenants.read(&texts[0]).map_err(at(path))?),
        };
        Ok(Known { book, keys, texts })
    }
}

fn bearer(header: &[u8]) -> Result<&str, Refusal> {
    let malformed = Refusal::CredentialsInvalid { problem: "authorization is not `Bearer` and a token" };
    let Ok(header) = std::str::from_utf8(header) else { return Err(malformed) };
    match header.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") && !token.trim().is_empty() => Ok(token.trim()),
        _ => Err(malformed),
    }
}

#[cfg(test)]
mod tests;
