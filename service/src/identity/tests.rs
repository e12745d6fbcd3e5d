//! Credentials, without a server.

use std::io::Write;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair};
use serde_json::{Value, json};

use super::*;

/// A key set of two keys, and what signs with each.
struct Issuer {
    file: tempfile::NamedTempFile,
    edwards: Ed25519KeyPair,
    curve: EcdsaKeyPair,
}

impl Issuer {
    fn new() -> Issuer {
        let random = SystemRandom::new();
        let document = Ed25519KeyPair::generate_pkcs8(&random).expect("a key");
        let edwards = Ed25519KeyPair::from_pkcs8(document.as_ref()).expect("a key");
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).expect("a key");
        let curve =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref(), &random).expect("a key");
        let point = curve.public_key().as_ref();
        let keys = json!({"keys": [
            {"kty": "OKP", "crv": "Ed25519", "kid": "ed", "use": "sig", "x": encoded(edwards.public_key().as_ref())},
            {"kty": "EC", "crv": "P-256", "kid": "ec", "alg": "ES256", "x": encoded(&point[1..33]), "y": encoded(&point[33..])},
            {"kty": "RSA", "kid": "other", "use": "enc", "n": "AQAB", "e": "AQAB"},
            {"kty": "of the future"},
        ]});
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        write!(file, "{keys}").expect("written");
        Issuer { file, edwards, curve }
    }

    fn token(&self, header: &Value, claims: &Value) -> String {
        let message = format!("{}.{}", encoded(header.to_string().as_bytes()), encoded(claims.to_string().as_bytes()));
        let signature = match header["alg"].as_str() {
            Some("ES256") => {
                self.curve.sign(&SystemRandom::new(), message.as_bytes()).expect("signed").as_ref().to_vec()
            }
            _ => self.edwards.sign(message.as_bytes()).as_ref().to_vec(),
        };
        format!("{message}.{}", encoded(&signature))
    }
}

fn encoded(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn config(settings: &[(&str, &str)]) -> Arc<Config> {
    let chosen = |name: &str| settings.iter().find(|(of, _)| *of == name).map(|(_, value)| (*value).to_owned());
    Arc::new(Config::from_source(|row| chosen(row.name)).expect("good settings"))
}

fn now() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_secs()
}

fn identify(identities: &Identities, token: &str) -> Result<(String, String), Refusal> {
    let header = format!("Bearer {token}");
    let caller = identities.identify(Some(header.as_bytes()), &Peer::default())?;
    Ok((caller.tenant.name.to_string(), caller.subject.to_string()))
}

#[test]
fn a_jwt_is_good_only_as_a_whole() {
    let issuer = Issuer::new();
    let path = issuer.file.path().to_str().expect("a path");
    let settings = [("jwks_file", path), ("jwt_audience", "typhon"), ("jwt_issuer", "https://issuer")];
    let identities = Identities::load(config(&settings)).expect("a key set");
    let claims =
        json!({"aud": ["x", "typhon"], "iss": "https://issuer", "exp": now() + 600, "tenant": "acme", "sub": "ann"});
    let but = |name: &str, value: Value| {
        let mut claims = claims.clone();
        match value {
            Value::Null => claims.as_object_mut().expect("an object").remove(name),
            value => claims.as_object_mut().expect("an object").insert(name.to_owned(), value),
        };
        claims
    };
    let eddsa = json!({"alg": "EdDSA", "kid": "ed"});
    for header in [&eddsa, &json!({"alg": "ES256", "kid": "ec"}), &json!({"alg": "ES256"}), &json!({"alg": "EdDSA"})] {
        let known = identify(&identities, &issuer.token(header, &claims));
        assert_eq!(known, Ok(("acme".to_owned(), "ann".to_owned())), "{header}");
    }
    let whole = issuer.token(&eddsa, &claims);
    let (message, signature) = whole.rsplit_once('.').expect("a token");
    let forged = format!(
        "{}.{}",
        issuer.token(&eddsa, &but("tenant", json!("other"))).rsplit_once('.').expect("a token").0,
        signature
    );
    let unsigned = format!("{}.{}.", encoded(br#"{"alg":"none"}"#), message.rsplit_once('.').expect("claims").1);
    for (token, problem) in [
        (issuer.token(&eddsa, &but("exp", json!(now() - 600))), "token expired"),
        (issuer.token(&eddsa, &but("nbf", json!(now() + 600))), "token not valid yet"),
        (issuer.token(&eddsa, &but("aud", json!("else"))), "token for another audience"),
        (issuer.token(&eddsa, &but("iss", json!("https://else"))), "token of another issuer"),
        (issuer.token(&eddsa, &but("exp", Value::Null)), "token lacks a claim"),
        (issuer.token(&eddsa, &but("aud", Value::Null)), "token lacks a claim"),
        (issuer.token(&eddsa, &but("tenant", Value::Null)), "token without its tenant's claim"),
        (issuer.token(&eddsa, &but("tenant", json!(7))), "token without its tenant's claim"),
        (issuer.token(&json!({"alg": "EdDSA", "kid": "ec"}), &claims), "signed by no key that is known"),
        (issuer.token(&json!({"alg": "HS256", "kid": "ed"}), &claims), "signed by no key that is known"),
        (issuer.token(&json!({"alg": "EdDSA", "kid": "gone"}), &claims), "signed by no key that is known"),
        (forged, "signature wrong"),
        (unsigned, "not a token"),
        ("a.b.c".to_owned(), "not a token"),
        ("x".repeat(100_000), "token too long"),
    ] {
        assert_eq!(identify(&identities, &token), Err(Refusal::CredentialsInvalid { problem }), "{token:.200}");
    }
    let nameless = issuer.token(&eddsa, &but("tenant", json!("A tenant!")));
    assert_eq!(identify(&identities, &nameless), Err(Refusal::TenantUnknown { tenant: "A tenant!".to_owned() }));
}

#[test]
fn a_key_set_that_cannot_be_used_is_refused() {
    for (text, problem) in [
        ("{", "EOF"),
        ("{}", "no list"),
        (r#"{"keys": []}"#, "no key that can sign"),
        (r#"{"keys": [{"kty": "oct", "k": "AQAB"}]}"#, "shared secret"),
        (r#"{"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "k"}]}"#, "key \"k\""),
    ] {
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        write!(file, "{text}").expect("written");
        let path = file.path().to_str().expect("a path");
        let loaded = Identities::load(config(&[("jwks_file", path), ("jwt_audience", "typhon")]));
        let error = loaded.err().expect(text).to_string();
        assert!(error.contains(problem), "{error}");
    }
    let issuer = Issuer::new();
    let path = issuer.file.path().to_str().expect("a path");
    assert!(
        Identities::load(config(&[("jwks_file", path)])).err().expect("no audience").to_string().contains("audience")
    );
}

#[test]
fn a_tenants_file_that_is_wrong_is_refused() {
    let hash = "0".repeat(64);
    for (text, problem) in [
        ("[tenants.A]".to_owned(), "a name is"),
        ("[tenants.a]\ntokens = [\"secret\"]".to_owned(), "sha256:"),
        (format!("[tenants.a]\ntokens = [\"sha256:{hash}\"]\n[tenants.b]\ntokens = [\"sha256:{hash}\"]"), "twice"),
        ("[tenants.a]\nspiffe = [\"http://x\"]".to_owned(), "SPIFFE"),
        ("[tenants.a]\nnonsense = 1".to_owned(), "nonsense"),
        ("[tenants.a.quota]\nweight = 0".to_owned(), "at least 1"),
        ("[defaults]\nnonsense = 1".to_owned(), "nonsense"),
    ] {
        let problem_found = Tenants::default().read(&text).err().expect(&text);
        assert!(problem_found.contains(problem), "{problem_found}");
    }
}

#[test]
fn quotas_come_from_the_tenant_then_the_defaults() {
    let tenants = Tenants::default();
    let text = "[defaults]\nweight = 2\nsessions = 5\n[tenants.a]\nadmin = true\n[tenants.a.quota]\nsessions = 7\n";
    tenants.read(text).expect("a file");
    let of = |name: &str| tenants.named(name).map(|tenant| (tenant.quota().weight, tenant.quota().sessions));
    assert_eq!((of("a"), of("other"), of("default")), (Some((2, 7)), Some((2, 5)), Some((2, 5))));
    assert!(tenants.named("a").is_some_and(|tenant| tenant.is_admin() && tenant.is_listed()));
    tenants.read("").expect("an empty file");
    assert_eq!((of("a"), of("other")), (Some((1, u32::MAX)), Some((1, u32::MAX))));
    assert!(tenants.named("a").is_some_and(|tenant| !tenant.is_admin() && !tenant.is_listed()));
}

#[test]
fn tenants_that_only_a_credential_named_are_forgotten() {
    let tenants = Tenants::default();
    tenants.read("[tenants.listed]\n").expect("a file");
    let names = |tenants: &Tenants| tenants.all().iter().map(|tenant| tenant.name.to_string()).collect::<Vec<_>>();
    let held = tenants.named("held");
    drop(tenants.named("seen"));
    assert_eq!(names(&tenants), ["default", "held", "listed", "seen"]);
    tenants.sweep();
    assert_eq!(names(&tenants), ["default", "held", "listed"]);
    drop(held);
    tenants.read("[defaults]\nrate = 0.001\n").expect("a file");
    tenants.named("spent").expect("a name").begin().expect("within the burst");
    tenants.sweep();
    assert_eq!(names(&tenants), ["default", "spent"]);
}

#[test]
fn only_bearer_tokens_are_heard() {
    assert_eq!(bearer(b"bearer abc"), Ok("abc"));
    for bad in [&b"Basic abc"[..], b"Bearer", b"Bearer ", b"\xff", b""] {
        assert!(matches!(bearer(bad), Err(Refusal::CredentialsInvalid { .. })), "{bad:?}");
    }
}
