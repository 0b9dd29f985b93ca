use super::certificate::may_certify;
use super::*;

const HELLO: &[u8] = b"hello\n";
const ECDSA: &[u8] = include_bytes!("../../fixtures/stamps/ecdsa.tsr");
const RSA_SHA1: &[u8] = include_bytes!("../../fixtures/stamps/rsa.tsr");
const OTHER: &[u8] = include_bytes!("../../fixtures/stamps/other.tsr");
const REFUSED: &[u8] = include_bytes!("../../fixtures/stamps/refused.tsr");
const SERVER: &[u8] = include_bytes!("../../fixtures/stamps/server.tsr");
const SHA1_OF_HELLO: &[u8] = include_bytes!("../../fixtures/stamps/sha1.tsr");
const LEAF: &[u8] = include_bytes!("../../fixtures/stamps/leaf.tsr");
const REQUEST: &[u8] = include_bytes!("../../fixtures/stamps/nonce.tsq");
const NONCE: u64 = 0x0102_0304_0506_0708;

fn root() -> Vec<Authority> {
    Authority::parse_all(include_bytes!("../../fixtures/stamps/root.pem")).unwrap()
}

fn stranger() -> Vec<Authority> {
    Authority::parse_all(include_bytes!("../../fixtures/stamps/other.pem")).unwrap()
}

#[test]
fn a_request_is_what_openssl_takes() {
    assert_eq!(stamp_request(HELLO, Some(NONCE)).unwrap(), REQUEST);
}

#[test]
fn a_stamp_of_an_authority_that_is_trusted_holds() {
    let stamp = Stamp::parse(ECDSA).unwrap();
    let stamped = stamp.verify(HELLO, &root()).unwrap();
    assert_eq!(stamped.by, "CN=Example ecdsa,O=Example");
    assert_eq!((stamped.accuracy_secs, stamped.serial.as_str()), (Some(2), "02"));
    // Between the day this was written and the year in which its certificates end.
    assert!((1_796_000_000..2_600_000_000).contains(&stamped.at), "{}", stamped.at);
    assert_eq!(Stamp::parse(stamp.token()).unwrap().verify(HELLO, &root()), Ok(stamped));
    stamp.answers(NONCE).unwrap();
    assert_eq!(stamp.answers(NONCE + 1), Err(StampError::OtherRequest));
    let older = Stamp::parse(RSA_SHA1).unwrap();
    assert_eq!(older.verify(HELLO, &root()).unwrap().by, "CN=Example rsa,O=Example");
    assert_eq!(older.answers(NONCE), Err(StampError::OtherRequest));
}

#[test]
fn whoever_is_trusted_by_himself_certifies_nobody() {
    let rsa = Authority::parse_all(include_bytes!("../../fixtures/stamps/rsa.pem")).unwrap();
    let verify = |stamp: &[u8], trusted: &[Authority]| {
        Stamp::parse(stamp).unwrap().verify(HELLO, trusted).map(|stamped| stamped.by)
    };
    assert_eq!(verify(RSA_SHA1, &rsa).unwrap(), "CN=Example rsa,O=Example");
    let refused = verify(LEAF, &rsa).unwrap_err().to_string();
    assert!(refused.contains("may not certify others"), "{refused}");
    let refused = verify(LEAF, &root()).unwrap_err().to_string();
    assert!(refused.contains("certified"), "{refused}");
    assert!(matches!(verify(ECDSA, &rsa), Err(StampError::Untrusted(_))));
    let both = [root(), rsa].concat();
    assert!(verify(ECDSA, &both).is_ok() && verify(RSA_SHA1, &both).is_ok());
}

#[test]
fn a_certificate_counts_at_its_time_and_for_its_purpose() {
    let root = Certificate::from_der(&root()[0].0).unwrap();
    let valid = &root.tbs_certificate.validity;
    let (from, to) = (valid.not_before.to_unix_duration(), valid.not_after.to_unix_duration());
    for (at, fits) in [(-1, false), (0, true), (1, true)] {
        let at = from.as_secs().checked_add_signed(at).unwrap();
        assert_eq!(may_certify(&root, 3, at).is_ok(), fits);
    }
    assert!(may_certify(&root, 0, to.as_secs() + 1).is_err());
    let leaf = Authority::parse_all(include_bytes!("../../fixtures/stamps/rsa.pem")).unwrap();
    let leaf = Certificate::from_der(&leaf[0].0).unwrap();
    assert_eq!(may_certify(&leaf, 0, from.as_secs() + 1), Err("it may not certify others"));
    assert!(may_stamp(&leaf).is_ok() && may_stamp(&root).is_err());
}

#[test]
fn what_does_not_hold_is_refused() {
    let refused = |stamp: &[u8], bytes: &[u8], trusted: &[Authority]| {
        Stamp::parse(stamp).and_then(|stamp| stamp.verify(bytes, trusted)).unwrap_err()
    };
    assert_eq!(refused(ECDSA, b"hello", &root()), StampError::OtherBytes);
    assert_eq!(refused(OTHER, HELLO, &root()), StampError::OtherBytes);
    assert!(matches!(refused(ECDSA, HELLO, &stranger()), StampError::Untrusted(_)));
    assert!(matches!(refused(ECDSA, HELLO, &[]), StampError::Untrusted(_)));
    assert!(matches!(refused(REFUSED, HELLO, &root()), StampError::Refused { status: 2, .. }));
    let server = refused(SERVER, HELLO, &root());
    assert!(matches!(&server, StampError::Certificate(why) if why.contains("alone")), "{server}");
    let weak = refused(SHA1_OF_HELLO, HELLO, &root());
    assert!(weak.to_string().contains("SHA-1"), "{weak}");
    assert_eq!(
        refused(REFUSED, HELLO, &root()).to_string(),
        "the authority refuses (status 2): Message digest algorithm is not supported."
    );
    for wrong in [&b""[..], b"codex-ledger", REQUEST, &[0x30; 70_000]] {
        assert!(matches!(refused(wrong, HELLO, &root()), StampError::Form(_)));
    }
    assert!(Authority::parse_all(b"no certificate").is_err());
}

/// What is not signed may differ (the answer around the token, versions, certificates that are not needed), but nothing that
/// is said of the time stamp.
#[test]
fn no_bit_changes_what_a_stamp_says() {
    for whole in [ECDSA, RSA_SHA1] {
        let sound = Stamp::parse(whole).unwrap();
        let stamped = sound.verify(HELLO, &root()).unwrap();
        let token = sound.token();
        let mut accepted = 0;
        for bit in 0..token.len() * 8 {
            let mut flipped = token.to_vec();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let Ok(verified) =
                Stamp::parse(&flipped).and_then(|stamp| stamp.verify(HELLO, &root()))
            else {
                continue;
            };
            assert_eq!(verified, stamped, "bit {bit}");
            accepted += 1;
        }
        // The other one has a certificate twice, of which one is never looked at.
        let counts_for_nothing = accepted * 100 / (token.len() * 8);
        assert!(whole != ECDSA || counts_for_nothing < 5, "{counts_for_nothing} %");
    }
}

#[test]
fn times_are_those_of_the_rfc() {
    let at = |text: &str| seconds(&Any::new(Tag::GeneralizedTime, text.as_bytes()).unwrap());
    assert_eq!(at("19700101000000Z"), Ok(0));
    assert_eq!(at("20261130215759.25Z"), Ok(1_796_075_879));
    for wrong in [
        "",
        "Z",
        "20261130215759",
        "20261330215759Z",
        "2026113021575Z",
        "20261130215759.Z",
        "+0261130215759Z",
    ] {
        assert!(at(wrong).is_err(), "{wrong}");
    }
}
