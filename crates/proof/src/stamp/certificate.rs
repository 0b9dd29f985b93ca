//! Which certificates may sign time stamps, and which may certify those that do (RFC 5280, RFC 3161).

use super::asn1::*;
use super::{Authority, StampError, form};
use cms::cert::x509::Certificate;
use cms::cert::x509::ext::Extension;
use cms::cert::x509::ext::pkix::{BasicConstraints, ExtendedKeyUsage, KeyUsage as KeyKinds};
use der::asn1::ObjectIdentifier as Oid;
use der::oid::AssociatedOid;
use der::{Decode, Encode};
use rustls_pki_types::{CertificateDer, UnixTime};
use std::time::Duration;
use webpki::{EndEntityCert, KeyUsage, anchor_from_trusted_cert};

/// RFC 3161, 2.3: for time stamps and nothing else, and whoever does not know that purpose may not use it.
pub fn may_stamp(certificate: &Certificate) -> Result<(), StampError> {
    let mut usage = extensions_of(certificate, ExtendedKeyUsage::OID);
    let is_only = |extension: &Extension| {
        let usage = ExtendedKeyUsage::from_der(extension.extn_value.as_bytes());
        extension.critical && usage.is_ok_and(|usage| usage.0 == [TIME_STAMPING])
    };
    if !usage.next().is_some_and(is_only) || usage.next().is_some() {
        return Err(StampError::Certificate("it is not one for time stamps alone".into()));
    }
    match key_usage(certificate)? {
        Some(usage) if !usage.digital_signature() && !usage.non_repudiation() => {
            Err(StampError::Certificate("its key may not sign".into()))
        }
        _ => Ok(()),
    }
}

fn extensions_of(certificate: &Certificate, oid: Oid) -> impl Iterator<Item = &Extension> {
    let all = certificate.tbs_certificate.extensions.iter().flatten();
    all.filter(move |extension| extension.extn_id == oid)
}

fn key_usage(certificate: &Certificate) -> Result<Option<KeyKinds>, StampError> {
    let found = extensions_of(certificate, KeyKinds::OID).next();
    found.map(|found| KeyKinds::from_der(found.extn_value.as_bytes()).map_err(form)).transpose()
}

/// That a certificate may certify others, so many of which come before that of the authority, for time stamps, at that time.
/// `webpki` asks nothing of what is trusted, and of those between nothing about the kinds of their keys.
pub fn may_certify(certificate: &Certificate, others: usize, at: u64) -> Result<(), &'static str> {
    let ca = extensions_of(certificate, BasicConstraints::OID).next();
    let ca = ca.and_then(|ca| BasicConstraints::from_der(ca.extn_value.as_bytes()).ok());
    let ca = ca.filter(|ca| ca.ca).ok_or("it may not certify others")?;
    if ca.path_len_constraint.is_some_and(|most| usize::from(most) < others) {
        return Err("too many certificates lie between");
    }
    let usage = key_usage(certificate).map_err(|_| "what its key is for cannot be read")?;
    if usage.is_some_and(|usage| !usage.key_cert_sign()) {
        return Err("its key may not certify others");
    }
    let purposes = extensions_of(certificate, ExtendedKeyUsage::OID).next();
    let is_purpose = |found: &Extension| {
        let found = ExtendedKeyUsage::from_der(found.extn_value.as_bytes());
        found.is_ok_and(|found| found.0.iter().any(|it| [TIME_STAMPING, ANY_PURPOSE].contains(it)))
    };
    if !purposes.is_none_or(is_purpose) {
        return Err("it is not for time stamps");
    }
    is_valid(certificate, at)
}

/// That a certificate is valid at a time, in seconds since 1970.
fn is_valid(certificate: &Certificate, at: u64) -> Result<(), &'static str> {
    let validity = &certificate.tbs_certificate.validity;
    let (from, to) =
        (validity.not_before.to_unix_duration(), validity.not_after.to_unix_duration());
    match (from.as_secs()..=to.as_secs()).contains(&at) {
        true => Ok(()),
        false => Err("it is not valid at the time that is named"),
    }
}

pub fn leads_to(
    certificate: &CertificateDer<'_>,
    others: &[Certificate],
    trusted: &[Authority],
    at: u64,
) -> Result<(), StampError> {
    let untrusted = |why: &str| StampError::Untrusted(why.to_string());
    if trusted.is_empty() {
        return Err(untrusted("none is named"));
    }
    let read = |der: &[u8]| Certificate::from_der(der).map_err(form);
    // Whoever trusts exactly this one needs nobody who certifies it.
    if trusted.iter().any(|authority| authority.0 == *certificate) {
        return is_valid(&read(certificate)?, at).map_err(untrusted);
    }
    let words = |error: webpki::Error| untrusted(words_of(&error));
    let anchors: Result<Vec<_>, _> =
        trusted.iter().map(|authority| anchor_from_trusted_cert(&authority.0)).collect();
    let anchors = anchors.map_err(words)?;
    let others: Result<Vec<_>, _> =
        others.iter().map(|other| other.to_der().map(CertificateDer::from)).collect();
    let others = others.map_err(form)?;
    let certificate = EndEntityCert::try_from(certificate).map_err(words)?;
    let time = UnixTime::since_unix_epoch(Duration::from_secs(at));
    // Certificates between may leave it out; that of the authority itself does not (`may_stamp`).
    let usage = KeyUsage::required_if_present(TIME_STAMPING_DER);
    let all = webpki::ALL_VERIFICATION_ALGS;
    let path = certificate.verify_for_usage(all, &anchors, &others, time, usage, None, None);
    let path = path.map_err(words)?;
    let mut before = 0;
    for between in path.intermediate_certificates() {
        may_certify(&read(&between.der())?, before, at).map_err(untrusted)?;
        before += 1;
    }
    // Several may have one name and key: one of them has to be in order.
    let is_anchor = |authority: &&Authority| {
        anchor_from_trusted_cert(&authority.0).is_ok_and(|anchor| anchor == *path.anchor())
    };
    let mut verdict = Err("it is not among those that are trusted");
    for authority in trusted.iter().filter(is_anchor) {
        verdict = verdict.or(may_certify(&read(&authority.0)?, before, at));
    }
    verdict.map_err(untrusted)
}

/// What a refusal of `webpki` means for a time stamp.
pub fn words_of(error: &webpki::Error) -> &'static str {
    use webpki::Error::*;
    match error {
        UnknownIssuer => "nobody who is trusted has certified it",
        CertExpired { .. } | CertNotValidYet { .. } => "it is not valid at the time that is named",
        RequiredEkuNotFoundContext(_) => "it is not for time stamps",
        CaUsedAsEndEntity => "it is one that certifies others",
        EndEntityUsedAsCa => "it is certified by one that may not certify others",
        PathLenConstraintViolated => "too many certificates lie between",
        NameConstraintViolation => "it has a name that it may not have",
        UnsupportedCriticalExtension => "it has an extension that is not known here",
        UnsupportedSignatureAlgorithmContext(_)
        | UnsupportedSignatureAlgorithmForPublicKeyContext(_) => {
            "it is signed in a way that is weak, or not known here"
        }
        UnsupportedCertVersion => "it is of an old version",
        InvalidSignatureForPublicKey => "a signature on the way is wrong",
        _ => "it is damaged, or of a kind that is not known here",
    }
}
