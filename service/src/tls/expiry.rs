//! When a certificate ends, which is all that we read of one ourselves.

use prost_types::Timestamp;

const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// The end of the validity of a certificate in DER, in seconds since the epoch.
pub fn expiry(certificate: &[u8]) -> Option<i64> {
    let (body, _) = element(certificate, SEQUENCE)?;
    let (mut signed, _) = element(body, SEQUENCE)?;
    if signed.first() == Some(&VERSION) {
        signed = any(signed)?.2;
    }
    // Serial number, signature, issuer.
    for _ in 0..3 {
        signed = any(signed)?.2;
    }
    let (validity, _) = element(signed, SEQUENCE)?;
    let (tag, end, _) = any(any(validity)?.2)?;
    let text = std::str::from_utf8(end).ok()?;
    let (year, rest) = match tag {
        // Two digits stand for 1950 to 2049.
        UTC_TIME => {
            let (year, rest) = text.split_at_checked(2)?;
            let century = if year.parse::<u32>().ok()? < 50 { "20" } else { "19" };
            (format!("{century}{year}"), rest)
        }
        GENERALIZED_TIME => {
            let (year, rest) = text.split_at_checked(4)?;
            (year.to_owned(), rest)
        }
        _ => return None,
    };
    let digits = rest.strip_suffix('Z').filter(|digits| digits.len() == 10 && digits.is_ascii())?;
    let part = |at: usize| digits.get(at..at + 2).unwrap_or_default();
    let text = format!("{year}-{}-{}T{}:{}:{}Z", part(0), part(2), part(4), part(6), part(8));
    text.parse::<Timestamp>().ok().map(|time| time.seconds)
}

/// What the first element holds, if it is of this kind, and what comes after it.
fn element(bytes: &[u8], wanted: u8) -> Option<(&[u8], &[u8])> {
    let (tag, content, rest) = any(bytes)?;
    (tag == wanted).then_some((content, rest))
}

fn any(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&[tag, first], rest) = bytes.split_first_chunk()?;
    let (length, rest) = match first {
        0x80.. => {
            let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f)).filter(|(n, _)| n.len() <= 4)?;
            (digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit)), rest)
        }
        short => (usize::from(short), rest),
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_certificate_is_read_and_nothing_else_is_taken_for_one() {
        let key = rcgen::KeyPair::generate().expect("a key");
        let mut wanted = rcgen::CertificateParams::new(vec!["a.example".into()]).expect("names");
        // Before 2050 and after, which are written in two ways.
        for (year, seconds) in [(2041, 2_240_611_200), (2061, 2_871_763_200)] {
            wanted.not_after = rcgen::date_time_ymd(year, 1, 1);
            let certificate = wanted.self_signed(&key).expect("a certificate");
            assert_eq!(expiry(certificate.der()), Some(seconds));
            for cut in 0..certificate.der().len() {
                assert_eq!(expiry(&certificate.der()[..cut]), None);
            }
        }
        assert_eq!(expiry(b""), None);
        assert_eq!(expiry(&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff]), None);
    }
}
