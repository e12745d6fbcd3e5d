//! Snapshots as they leave the server: sealed, so that nobody without the key reads or changes them; versioned, and whose they are.

use std::fmt::Write as _;
use std::io::Read;
use std::sync::LazyLock;
use std::time::SystemTime;

use prost::Message;
use ring::{aead, digest, hmac};
use typhon_proto::v1;
use typhon_vm::CodeKey;

use crate::error::Refusal;
use crate::handover::Parcel;
use crate::server::BoxError;

/// What there is to be told of a format; the first bytes of what is exported say it.
pub const FORMAT: &str = "typhon-2";
const MAGIC: &[u8; 12] = b"TYPHON-SNAP\x02";
const SALT: usize = 32;
/// A header holds names and what was left out.
const HEADER_MAX: usize = 1 << 20;
/// What is around an image.
pub const AROUND: usize = HEADER_MAX + 64;

/// The version of the engine, and which build of it: code means something to that one only.
pub static ENGINE: LazyLock<String> = LazyLock::new(|| {
    let build = build().unwrap_or_else(|| {
        tracing::warn!("the program cannot be read: its snapshots are of no use to any other process");
        let mut random = [0; 8];
        // Without entropy no other build has this name either.
        let _filled = getrandom::fill(&mut random);
        hex(&random)
    });
    format!("{}+{build}", env!("CARGO_PKG_VERSION"))
});

/// The digest of this program.
fn build() -> Option<String> {
    let mut program = std::fs::File::open("/proc/self/exe").ok()?;
    let (mut context, mut piece) = (digest::Context::new(&digest::SHA256), vec![0; 1 << 20]);
    loop {
        match program.read(&mut piece).ok()? {
            0 => break Some(hex(&context.finish().as_ref()[..8])),
            n => context.update(&piece[..n]),
        }
    }
}

/// Seals snapshots, and the code in them.
pub struct Key {
    seal: hmac::Key,
    code: hmac::Key,
}

impl Key {
    /// From a file of 32 bytes in hexadecimal digits; a random one where there is no file.
    pub fn load(file: &str) -> Result<Key, BoxError> {
        let mut key = [0; 32];
        if file.is_empty() {
            getrandom::fill(&mut key)?;
            tracing::info!("snapshot_key_file is not set: what this server exports, no other server takes");
        } else {
            let text = std::fs::read_to_string(file).map_err(|e| format!("snapshot_key_file {file}: {e}"))?;
            key =
                unhex(text.trim()).ok_or_else(|| format!("snapshot_key_file {file}: is not 64 hexadecimal digits"))?;
        }
        Ok(Key::of(&key))
    }

    pub fn of(key: &[u8; 32]) -> Key {
        let master = hmac::Key::new(hmac::HMAC_SHA256, key);
        let derived = |what: &[u8]| hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&master, what).as_ref());
        Key { seal: derived(b"seal"), code: derived(b"code") }
    }

    /// What seals code for one tenant and this build of the engine.
    pub fn code(&self, tenant: &str) -> CodeKey {
        let mut context = hmac::Context::with_key(&self.code);
        for part in [ENGINE.as_str(), tenant] {
            context.update(&(part.len() as u64).to_le_bytes());
            context.update(part.as_bytes());
        }
        let mut key = [0; 32];
        key.copy_from_slice(context.sign().as_ref());
        CodeKey(key)
    }

    /// An image with its header: what it is, a salt, and all else encrypted with AES-256-GCM by a key that the salt makes.
    pub fn seal(&self, header: &Header, image: &[u8]) -> Result<Vec<u8>, Unsealed> {
        let mut salt = [0; SALT];
        getrandom::fill(&mut salt).map_err(|_| Unsealed)?;
        let header = header.encode_to_vec();
        let mut bytes = Vec::with_capacity(image.len() + header.len() + AROUND - HEADER_MAX);
        bytes.extend(u32::try_from(header.len()).map_err(|_| Unsealed)?.to_le_bytes());
        bytes.extend(header);
        bytes.extend_from_slice(image);
        let tag = self
            .once(&salt)
            .and_then(|key| key.seal_in_place_separate_tag(nonce(), aead::Aad::from(MAGIC), &mut bytes));
        let tag = tag.map_err(|_| Unsealed)?;
        bytes.extend_from_slice(tag.as_ref());
        bytes.splice(..0, MAGIC.iter().chain(&salt).copied());
        Ok(bytes)
    }

    /// The key of this salt, by which one thing is sealed.
    fn once(&self, salt: &[u8]) -> Result<aead::LessSafeKey, ring::error::Unspecified> {
        let key = hmac::sign(&self.seal, salt);
        aead::UnboundKey::new(&aead::AES_256_GCM, key.as_ref()).map(aead::LessSafeKey::new)
    }

    /// The header and the image in what was sealed.
    pub fn open(&self, bytes: &[u8], tenant: &str) -> Result<(Header, Vec<u8>), Broken> {
        let Some((magic, rest)) = bytes.split_at_checked(MAGIC.len()) else { return Err(Broken::Invalid(SHORT)) };
        if magic != MAGIC {
            let ours = magic.starts_with(&MAGIC[..MAGIC.len() - 1]);
            return Err(if ours { Broken::Format } else { Broken::Invalid("is no snapshot") });
        }
        let (salt, sealed) = rest.split_at_checked(SALT).ok_or(Broken::Invalid(SHORT))?;
        let mut sealed = sealed.to_vec();
        // Nothing in it counts before this.
        let opened = self
            .once(salt)
            .and_then(|key| key.open_in_place(nonce(), aead::Aad::from(MAGIC), &mut sealed).map(|plain| plain.len()));
        sealed.truncate(opened.map_err(|_| Broken::Invalid("was changed, or was sealed with another key"))?);
        let (length, rest) = sealed.split_first_chunk().ok_or(Broken::Invalid(SHORT))?;
        let length = usize::try_from(u32::from_le_bytes(*length)).unwrap_or(usize::MAX);
        let header = rest.get(..length).ok_or(Broken::Invalid(SHORT))?;
        let header = Header::decode(header).map_err(|_| Broken::Invalid("has a header that cannot be read"))?;
        sealed.drain(..length + size_of::<u32>());
        match () {
            () if header.engine != *ENGINE => Err(Broken::Engine(header.engine)),
            () if header.tenant != tenant => Err(Broken::Invalid("is another tenant's")),
            () => Ok((header, sealed)),
        }
    }
}

/// A key seals one thing, so this may be the same each time.
fn nonce() -> aead::Nonce {
    aead::Nonce::assume_unique_for_key([0; aead::NONCE_LEN])
}

const SHORT: &str = "is cut short";

/// It could not be sealed: there is no entropy, or it is too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unsealed;

impl From<Unsealed> for Refusal {
    fn from(_: Unsealed) -> Refusal {
        Refusal::Internal { what: "it cannot be sealed: there is no entropy, or it is too long".into() }
    }
}

/// Why what was sealed cannot be opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Broken {
    Invalid(&'static str),
    /// Another format than [`FORMAT`].
    Format,
    /// Another engine made it.
    Engine(String),
}

/// What goes with an image.
#[derive(Clone, PartialEq, Message)]
pub struct Header {
    #[prost(string, tag = "1")]
    pub engine: String,
    #[prost(string, tag = "2")]
    pub tenant: String,
    /// Whose it was.
    #[prost(string, tag = "3")]
    pub session: String,
    #[prost(message, repeated, tag = "4")]
    pub left_out: Vec<v1::LeftOut>,
    /// Since the epoch.
    #[prost(uint64, tag = "5")]
    pub made: u64,
    /// What is sealed is in the store, and this is what it is there for.
    #[prost(message, optional, tag = "6")]
    pub parcel: Option<Parcel>,
}

impl Header {
    pub fn new(tenant: &str, session: &str, left_out: Vec<v1::LeftOut>) -> Header {
        let made = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
        let (tenant, session) = (tenant.to_owned(), session.to_owned());
        Header { engine: ENGINE.clone(), tenant, session, left_out, made, parcel: None }
    }
}

/// The SHA-256 of an image, in hexadecimal digits.
pub fn digest_of(image: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, image).as_ref())
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        let _written = write!(text, "{byte:02x}");
    }
    text
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (byte, at) in bytes.iter_mut().zip((0..64).step_by(2)) {
        *byte = u8::from_str_radix(text.get(at..at + 2)?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealed(key: &Key, header: &Header, image: &[u8]) -> Vec<u8> {
        key.seal(header, image).expect("entropy")
    }

    #[test]
    fn what_was_sealed_opens_whole_for_its_tenant_only() {
        let (key, image) = (Key::of(&[7; 32]), b"image".repeat(100));
        let header = Header::new("a", "sessions/1", vec![v1::LeftOut { path: "x".into(), problem: "y".into() }]);
        let bytes = sealed(&key, &header, &image);
        assert_eq!(key.open(&bytes, "a"), Ok((header.clone(), image.clone())));
        assert!(bytes.len() <= image.len() + header.encode_to_vec().len() + AROUND - HEADER_MAX);
        // Nobody reads it, and nobody sees that two are the same.
        for word in [&b"image"[..], b"sessions/1"] {
            assert!(!bytes.windows(word.len()).any(|part| part == word), "{word:?}");
        }
        assert_ne!(sealed(&key, &header, &image), bytes);
        assert_eq!(key.open(&bytes, "b"), Err(Broken::Invalid("is another tenant's")));
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            assert!(key.open(&changed, "a").is_err(), "byte {at}");
            assert!(key.open(&bytes[..at], "a").is_err(), "cut at {at}");
        }
        assert!(key.open(&[&bytes[..], b"\0"].concat(), "a").is_err());
        assert!(Key::of(&[8; 32]).open(&bytes, "a").is_err());
    }

    #[test]
    fn other_formats_and_engines_are_told_apart() {
        let key = Key::of(&[7; 32]);
        let foreign = Header { engine: "9.9+0".into(), ..Header::new("a", "", Vec::new()) };
        assert_eq!(key.open(&sealed(&key, &foreign, b""), "a"), Err(Broken::Engine("9.9+0".into())));
        let mut later = sealed(&key, &Header::new("a", "", Vec::new()), b"");
        later[MAGIC.len() - 1] = 3;
        assert_eq!(key.open(&later, "a"), Err(Broken::Format));
    }

    #[test]
    fn code_is_sealed_for_one_tenant_with_one_key() {
        let (one, other) = (Key::of(&[7; 32]), Key::of(&[8; 32]));
        assert_eq!(one.code("a"), Key::of(&[7; 32]).code("a"));
        assert_ne!(one.code("a"), one.code("b"));
        assert_ne!(one.code("a"), other.code("a"));
    }
}
