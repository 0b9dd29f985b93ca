//! The structures of time stamps as RFC 3161 and RFC 5652 write them down. Nothing here says whether they hold.

use super::{StampError, form};
use cms::cert::x509::ext::Extension;
use cms::cert::x509::spki::AlgorithmIdentifierOwned;
use cms::content_info::ContentInfo;
use cms::signed_data::{EncapsulatedContentInfo, SignerInfos};
use der::asn1::{Any, Int, ObjectIdentifier as Oid, OctetString, Uint};
use der::{Sequence, Tag, Tagged};

pub const SHA1: Oid = Oid::new_unwrap("1.3.14.3.2.26");
pub const SHA256: Oid = Oid::new_unwrap("2.16.840.1.101.3.4.2.1");
pub const SHA384: Oid = Oid::new_unwrap("2.16.840.1.101.3.4.2.2");
pub const SHA512: Oid = Oid::new_unwrap("2.16.840.1.101.3.4.2.3");
pub const RSA: Oid = Oid::new_unwrap("1.2.840.113549.1.1.1");
pub const RSA_SHA256: Oid = Oid::new_unwrap("1.2.840.113549.1.1.11");
pub const RSA_SHA384: Oid = Oid::new_unwrap("1.2.840.113549.1.1.12");
pub const RSA_SHA512: Oid = Oid::new_unwrap("1.2.840.113549.1.1.13");
pub const ECDSA_SHA256: Oid = Oid::new_unwrap("1.2.840.10045.4.3.2");
pub const ECDSA_SHA384: Oid = Oid::new_unwrap("1.2.840.10045.4.3.3");
pub const ED25519: Oid = Oid::new_unwrap("1.3.101.112");
pub const SIGNED_DATA: Oid = Oid::new_unwrap("1.2.840.113549.1.7.2");
pub const TIME_STAMP_INFO: Oid = Oid::new_unwrap("1.2.840.113549.1.9.16.1.4");
pub const CONTENT_TYPE: Oid = Oid::new_unwrap("1.2.840.113549.1.9.3");
pub const MESSAGE_DIGEST: Oid = Oid::new_unwrap("1.2.840.113549.1.9.4");
pub const SIGNING_CERTIFICATE: Oid = Oid::new_unwrap("1.2.840.113549.1.9.16.2.12");
pub const SIGNING_CERTIFICATE_V2: Oid = Oid::new_unwrap("1.2.840.113549.1.9.16.2.47");
pub const ANY_PURPOSE: Oid = Oid::new_unwrap("2.5.29.37.0");
pub const TIME_STAMPING: Oid = Oid::new_unwrap("1.3.6.1.5.5.7.3.8");
/// `TIME_STAMPING` as the contents of its encoding.
pub const TIME_STAMPING_DER: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 8];

#[derive(Clone, Debug, Sequence)]
pub struct MessageImprint {
    pub algorithm: AlgorithmIdentifierOwned,
    pub digest: OctetString,
}

#[derive(Sequence)]
pub struct Request {
    pub version: u8,
    pub imprint: MessageImprint,
    pub nonce: Option<Uint>,
    pub wants_certificate: bool,
}

#[derive(Sequence)]
pub struct Answer {
    pub status: Status,
    pub token: Option<ContentInfo>,
}

#[derive(Sequence)]
pub struct Status {
    pub status: u32,
    pub words: Option<Vec<String>>,
    pub failure: Option<Any>,
}

/// `SignedData` (RFC 5652), but that authorities may put a certificate in it twice, as some do.
#[derive(Clone, Debug, Sequence)]
pub struct Signed {
    pub version: u8,
    pub digests: Any,
    pub content: EncapsulatedContentInfo,
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT", optional = "true")]
    pub certificates: Option<Vec<Any>>,
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", optional = "true")]
    pub revoked: Option<Vec<Any>>,
    pub signers: SignerInfos,
}

/// `TSTInfo`: what is signed.
#[derive(Clone, Debug, Sequence)]
pub struct Info {
    pub version: u8,
    // Names a policy by numbers that may be larger than those `Oid` takes.
    pub policy: Any,
    pub imprint: MessageImprint,
    pub serial: Int,
    // A GeneralizedTime, which unlike in certificates may have fractions of a second.
    pub at: Any,
    pub accuracy: Option<Accuracy>,
    #[asn1(default = "no")]
    pub ordering: bool,
    pub nonce: Option<Uint>,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    pub authority: Option<Any>,
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", optional = "true")]
    pub extensions: Option<Vec<Extension>>,
}

fn no() -> bool {
    false
}

#[derive(Clone, Debug, Sequence)]
pub struct Accuracy {
    pub seconds: Option<u32>,
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT", optional = "true")]
    pub millis: Option<u16>,
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", optional = "true")]
    pub micros: Option<u16>,
}

#[derive(Sequence)]
pub struct SigningCertificate {
    pub certificates: Vec<CertificateHash>,
    pub policies: Option<Any>,
}

#[derive(Sequence)]
pub struct CertificateHash {
    pub hash: OctetString,
    pub issuer: Option<Any>,
}

#[derive(Sequence)]
pub struct SigningCertificateV2 {
    pub certificates: Vec<CertificateHashV2>,
    pub policies: Option<Any>,
}

#[derive(Sequence)]
pub struct CertificateHashV2 {
    // SHA-256 where nothing is said.
    pub algorithm: Option<AlgorithmIdentifierOwned>,
    pub hash: OctetString,
    pub issuer: Option<Any>,
}

/// A `GeneralizedTime` of RFC 3161 (`YYYYMMDDhhmmss[.f…]Z`) in whole seconds since 1970.
pub fn seconds(at: &Any) -> Result<u64, StampError> {
    let wrong = || form("its time is none");
    let text = std::str::from_utf8(at.value()).map_err(|_| wrong())?;
    let text = text.strip_suffix('Z').filter(|_| at.tag() == Tag::GeneralizedTime);
    let (whole, fraction) =
        text.map(|text| text.split_once('.').unwrap_or((text, "0"))).ok_or_else(wrong)?;
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.len() != 14 || !is_number(whole) || !is_number(fraction) {
        return Err(wrong());
    }
    let part = |from: usize, to: usize| -> Option<u16> { whole.get(from..to)?.parse().ok() };
    let small = |from: usize| -> Option<u8> { part(from, from + 2)?.try_into().ok() };
    let parts = (|| {
        let date = (part(0, 4)?, small(4)?, small(6)?);
        Some((date, (small(8)?, small(10)?, small(12)?)))
    })();
    let ((year, month, day), (hour, minute, second)) = parts.ok_or_else(wrong)?;
    let time = der::DateTime::new(year, month, day, hour, minute, second);
    Ok(time.map_err(|_| wrong())?.unix_duration().as_secs())
}
