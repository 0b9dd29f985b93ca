use super::*;

const HELLO: &[u8] = b"hello\n";
const ECDSA: &[u8] = include_bytes!("../../fixtures/stamps/ecdsa.tsr");
const RSA_SHA1: &[u8] = include_bytes!("../../fixtures/stamps/rsa.tsr");
const OTHER: &[u8] = include_bytes!("../../fixtures/stamps/other.tsr");
const REFUSED: &[u8] = include_bytes!("../../fixtures/stamps/refused.tsr");
const SERVER: &[u8] = include_bytes!("../../fixtures/stamps/server.tsr");
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
    assert_eq!((stamped.accuracy_secs, stamped.policy.as_str()), (Some(2), "1.2.3.4.1"));
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
