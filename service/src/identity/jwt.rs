//! JWTs: signed by a key of a JWKS file, checked with ring.

use std::str::FromStr;

use jsonwebtoken::crypto::{CryptoProvider, JwkUtils, JwtVerifier};
use jsonwebtoken::errors::{Error, ErrorKind};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::signature::{self, Verifier};
use jsonwebtoken::{Algorithm, DecodingKey, DecodingKeyKind, Validation, decode, decode_header};
use ring::signature::{self as ring_signature, RsaPublicKeyComponents, UnparsedPublicKey};
use serde_json::{Map, Value};

use crate::config::Config;

/// The keys that may sign, and what a token must claim.
pub struct Keys {
    keys: Vec<Key>,
    validation: Validation,
    tenant_claim: String,
}

struct Key {
    id: Option<String>,
    algorithms: Vec<Algorithm>,
    key: DecodingKey,
}

/// What a good token says.
pub struct Claims {
    pub tenant: String,
    pub subject: String,
}

/// Longer than this is no token.
const TOKEN_BYTES: usize = 16 << 10;

impl Keys {
    pub fn read(text: &str, config: &Config) -> Result<Keys, String> {
        // The only one there is; another server of this process has set it already.
        let _ours = CryptoProvider::install_default(&PROVIDER);
        let document: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let listed = document.get("keys").and_then(Value::as_array).ok_or("it has no list `keys`")?;
        let keys = listed.iter().map(key).collect::<Result<Vec<_>, _>>()?;
        let keys: Vec<Key> = keys.into_iter().flatten().collect();
        if keys.is_empty() {
            return Err("it has no key that can sign tokens: RSA, P-256, P-384 or Ed25519".to_owned());
        }
        if config.jwt_audience.is_empty() {
            return Err("jwt_audience must say whom the tokens are for".to_owned());
        }
        // The algorithms are those of the key, each time.
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.validate_nbf = true;
        validation.leeway = 30;
        validation.set_audience(&[&config.jwt_audience]);
        let mut required = vec!["exp", "aud"];
        if !config.jwt_issuer.is_empty() {
            validation.set_issuer(&[&config.jwt_issuer]);
            required.push("iss");
        }
        validation.set_required_spec_claims(&required);
        Ok(Keys { keys, validation, tenant_claim: config.jwt_tenant_claim.clone() })
    }

    /// What the token says, or what is wrong with it.
    pub fn check(&self, token: &str) -> Result<Claims, &'static str> {
        if token.len() > TOKEN_BYTES {
            return Err("token too long");
        }
        let header = decode_header(token).map_err(|_| "not a token")?;
        let fits = |key: &&Key| {
            key.algorithms.contains(&header.alg) && (header.kid.is_none() || key.id.is_none() || key.id == header.kid)
        };
        let mut problem = "signed by no key that is known";
        for key in self.keys.iter().filter(fits) {
            let mut validation = self.validation.clone();
            validation.algorithms = key.algorithms.clone();
            match decode::<Map<String, Value>>(token, &key.key, &validation) {
                Ok(token) => return self.claims(&token.claims),
                Err(error) => problem = explain(&error),
            }
        }
        Err(problem)
    }

    fn claims(&self, claims: &Map<String, Value>) -> Result<Claims, &'static str> {
        let text = |name: &str| claims.get(name).and_then(Value::as_str);
        let tenant = text(&self.tenant_claim).ok_or("token without its tenant's claim")?.to_owned();
        let subject = text("sub").unwrap_or("jwt").to_owned();
        Ok(Claims { tenant, subject })
    }
}

/// A key that can sign; none where it is for something else or of a kind unknown, as the standard wants such read over.
fn key(value: &Value) -> Result<Option<Key>, String> {
    let text = |name: &str| value.get(name).and_then(Value::as_str);
    if text("use").is_some_and(|usage| usage != "sig") {
        return Ok(None);
    }
    let algorithms = match (text("kty"), text("crv")) {
        (Some("RSA"), _) => {
            use Algorithm::{PS256, PS384, PS512, RS256, RS384, RS512};
            vec![RS256, RS384, RS512, PS256, PS384, PS512]
        }
        (Some("EC"), Some("P-256")) => vec![Algorithm::ES256],
        (Some("EC"), Some("P-384")) => vec![Algorithm::ES384],
        (Some("OKP"), Some("Ed25519")) => vec![Algorithm::EdDSA],
        (Some("oct"), _) => return Err("a shared secret cannot tell who signed".to_owned()),
        _ => return Ok(None),
    };
    let algorithms = match text("alg").map(Algorithm::from_str) {
        None => algorithms,
        Some(Ok(only)) if algorithms.contains(&only) => vec![only],
        Some(_) => return Ok(None),
    };
    let id = text("kid").map(str::to_owned);
    let wrong = |error: String| format!("key {:?}: {error}", id.as_deref().unwrap_or(""));
    let jwk: Jwk = serde_json::from_value(value.clone()).map_err(|error| wrong(error.to_string()))?;
    let key = DecodingKey::from_jwk(&jwk).map_err(|error| wrong(error.to_string()))?;
    Ok(Some(Key { algorithms, key, id }))
}

fn explain(error: &Error) -> &'static str {
    match error.kind() {
        ErrorKind::ExpiredSignature => "token expired",
        ErrorKind::ImmatureSignature => "token not valid yet",
        ErrorKind::InvalidAudience => "token for another audience",
        ErrorKind::InvalidIssuer => "token of another issuer",
        ErrorKind::InvalidSignature => "signature wrong",
        ErrorKind::MissingRequiredClaim(_) => "token lacks a claim",
        _ => "not a token",
    }
}

/// ring, for jsonwebtoken. It verifies and does not sign.
static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: |_, _| Err(ErrorKind::InvalidAlgorithm.into()),
    verifier_factory: |algorithm, key| Ok(Box::new(RingVerifier { algorithm: *algorithm, key: key.clone() })),
    jwk_utils: JwkUtils::new_unimplemented(),
};

struct RingVerifier {
    algorithm: Algorithm,
    key: DecodingKey,
}

impl JwtVerifier for RingVerifier {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

impl Verifier<Vec<u8>> for RingVerifier {
    fn verify(&self, message: &[u8], signed: &Vec<u8>) -> Result<(), signature::Error> {
        let rsa = match self.algorithm {
            Algorithm::RS256 => &ring_signature::RSA_PKCS1_2048_8192_SHA256,
            Algorithm::RS384 => &ring_signature::RSA_PKCS1_2048_8192_SHA384,
            Algorithm::RS512 => &ring_signature::RSA_PKCS1_2048_8192_SHA512,
            Algorithm::PS256 => &ring_signature::RSA_PSS_2048_8192_SHA256,
            Algorithm::PS384 => &ring_signature::RSA_PSS_2048_8192_SHA384,
            Algorithm::PS512 => &ring_signature::RSA_PSS_2048_8192_SHA512,
            other => return self.verify_point(other, message, signed),
        };
        let DecodingKeyKind::RsaModulusExponent { n, e } = self.key.kind() else { return Err(signature::Error::new()) };
        RsaPublicKeyComponents { n, e }.verify(rsa, message, signed).map_err(|_| signature::Error::new())
    }
}

impl RingVerifier {
    fn verify_point(&self, algorithm: Algorithm, message: &[u8], signed: &[u8]) -> Result<(), signature::Error> {
        let how: &'static dyn ring_signature::VerificationAlgorithm = match algorithm {
            Algorithm::ES256 => &ring_signature::ECDSA_P256_SHA256_FIXED,
            Algorithm::ES384 => &ring_signature::ECDSA_P384_SHA384_FIXED,
            Algorithm::EdDSA => &ring_signature::ED25519,
            _ => return Err(signature::Error::new()),
        };
        let DecodingKeyKind::SecretOrDer(point) = self.key.kind() else { return Err(signature::Error::new()) };
        UnparsedPublicKey::new(how, point).verify(message, signed).map_err(|_| signature::Error::new())
    }
}
