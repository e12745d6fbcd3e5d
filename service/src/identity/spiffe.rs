//! SPIFFE ids: the name in a client's certificate, and patterns over such names.

use std::sync::Arc;

use rustls::pki_types::CertificateDer;

/// What a verified client certificate says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certified(Option<Arc<str>>);

impl Certified {
    /// Of a certificate whose chain the handshake has verified.
    pub fn new(certificate: &CertificateDer<'_>) -> Certified {
        let Ok(certificate) = webpki::EndEntityCert::try_from(certificate) else { return Certified(None) };
        let mut names = certificate.valid_uri_names();
        // A SPIFFE certificate has exactly one URI.
        Certified(match (names.next(), names.next()) {
            (Some(id), None) if is_id(id) => Some(id.into()),
            _ => None,
        })
    }

    pub fn spiffe(&self) -> Option<&Arc<str>> {
        self.0.as_ref()
    }
}

/// An id, or all ids below a path: `spiffe://example.org/team/*`.
pub struct Pattern {
    start: String,
    below: bool,
}

impl Pattern {
    pub fn parse(text: &str) -> Result<Pattern, String> {
        let (start, below) = text.strip_suffix('*').map_or((text, false), |start| (start, true));
        let whole = start.strip_suffix('/').unwrap_or(start);
        if !is_id(whole) || start.contains('*') || (below && !start.ends_with('/')) {
            return Err(format!("{text:?} is neither a SPIFFE id nor one that ends in /*"));
        }
        Ok(Pattern { start: start.to_owned(), below })
    }

    pub fn matches(&self, id: &str) -> bool {
        if self.below { id.starts_with(&self.start) } else { id == self.start }
    }
}

fn is_id(text: &str) -> bool {
    let Some(rest) = text.strip_prefix("spiffe://") else { return false };
    let (domain, path) = rest.split_once('/').map_or((rest, None), |(domain, path)| (domain, Some(path)));
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let segment = |segment: &str| !matches!(segment, "" | "." | "..") && segment.chars().all(plain);
    text.len() <= 2048
        && !domain.is_empty()
        && domain.chars().all(|c| plain(c) && !c.is_ascii_uppercase())
        && path.is_none_or(|path| path.split('/').all(segment))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_whole_segments() {
        let below = Pattern::parse("spiffe://a.org/team/*").expect("a pattern");
        assert!(below.matches("spiffe://a.org/team/x") && below.matches("spiffe://a.org/team/x/y"));
        assert!(!below.matches("spiffe://a.org/team") && !below.matches("spiffe://a.org/teams/x"));
        let exact = Pattern::parse("spiffe://a.org/one").expect("a pattern");
        assert!(exact.matches("spiffe://a.org/one") && !exact.matches("spiffe://a.org/one/x"));
        for bad in
            ["", "https://a.org/x", "spiffe://", "spiffe://A/x", "spiffe://a/*/x", "spiffe://a/x*", "spiffe://a//x"]
        {
            assert!(Pattern::parse(bad).is_err(), "{bad:?}");
        }
    }
}
