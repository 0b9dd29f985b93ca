//! Time stamps (RFC 3161): the word of an authority that some bytes existed at a time.
//!
//! What is asked for is a digest, so an authority learns nothing else. What it answers is a signed structure (CMS) that
//! names the digest and the time, and carries the certificate it was signed with; that has to lead to one which the reader
//! trusts, and has to have been valid at the time it names.

mod asn1;
mod certificate;

use asn1::*;
use certificate::{leads_to, may_stamp, words_of};
use cms::cert::x509::Certificate;
use cms::cert::x509::ext::Extension;
use cms::cert::x509::spki::AlgorithmIdentifierOwned;
use cms::content_info::ContentInfo;
use cms::signed_data::{SignerIdentifier, SignerInfo};
use der::asn1::{Any, ObjectIdentifier as Oid, OctetString, Uint};
use der::{Decode, Encode, Tag, Tagged};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, SignatureVerificationAlgorithm};
use sha2::Digest;
use webpki::{EndEntityCert, anchor_from_trusted_cert, ring as algorithms};

/// An answer is no longer: a token with a chain of certificates.
const ANSWER_MAX_BYTES: usize = 64 << 10;
/// More than a chain has.
const CERTIFICATES_MAX: usize = 16;

/// Why an answer is no time stamp, or none to be trusted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StampError {
    /// It is not of the form that RFC 3161 has.
    #[error("no time stamp (RFC 3161): {0}")]
    Form(String),
    /// The authority has refused.
    #[error("the authority refuses (status {status}): {words}")]
    Refused {
        /// Its status.
        status: u32,
        /// What it says.
        words: String,
    },
    /// It is of other bytes.
    #[error("the time stamp is of other bytes")]
    OtherBytes,
    /// It answers another request.
    #[error("the time stamp answers another request")]
    OtherRequest,
    /// The certificate that it says it was signed with is not in it, or may not sign time stamps.
    #[error("the certificate of the authority: {0}")]
    Certificate(String),
    /// The certificate does not lead to a trusted one.
    #[error("the certificate of the authority does not lead to a trusted one: {0}")]
    Untrusted(String),
    /// A file with trusted certificates that has none, or none that can be used.
    #[error("no certificates: {0}")]
    Trusted(String),
    /// The signature is not that of the certificate.
    #[error("the signature of the authority is wrong")]
    Signature,
}

fn form(error: impl std::fmt::Display) -> StampError {
    StampError::Form(error.to_string())
}

/// A certificate that a reader trusts to lead to authorities: of an authority itself, or of who has certified it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authority(CertificateDer<'static>);

impl Authority {
    /// All certificates of a file: PEM, or a single one in DER.
    ///
    /// # Errors
    /// When there is none, or one cannot be used.
    pub fn parse_all(bytes: &[u8]) -> Result<Vec<Authority>, StampError> {
        let none = |why: &str| StampError::Trusted(why.to_string());
        let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(bytes).collect();
        let mut certificates = read.map_err(|_| none("its PEM is damaged"))?;
        if certificates.is_empty() {
            certificates.push(CertificateDer::from(bytes.to_vec()));
        }
        for certificate in &certificates {
            anchor_from_trusted_cert(certificate)
                .map_err(|_| none("it holds none (PEM, or one in DER)"))?;
            Certificate::from_der(certificate).map_err(|_| none("one cannot be read"))?;
        }
        Ok(certificates.into_iter().map(Authority).collect())
    }
}

/// Asks for a time stamp of these bytes, by their SHA-256, and for the authority's certificate in it (`TimeStampReq`).
///
/// # Errors
/// When it cannot be written, which no bytes cause.
pub fn stamp_request(bytes: &[u8], nonce: Option<u64>) -> Result<Vec<u8>, StampError> {
    let digest = OctetString::new(sha2::Sha256::digest(bytes).to_vec()).map_err(form)?;
    let nonce = nonce.map(|nonce| Uint::new(&nonce.to_be_bytes())).transpose().map_err(form)?;
    let algorithm = AlgorithmIdentifierOwned { oid: SHA256, parameters: Some(Any::null()) };
    let imprint = MessageImprint { algorithm, digest };
    Request { version: 1, imprint, nonce, wants_certificate: true }.to_der().map_err(form)
}

/// A time stamp as an authority has sent it. What it says means nothing until [`Stamp::verify`] was asked.
#[derive(Clone, Debug)]
pub struct Stamp {
    token: Vec<u8>,
    data: Signed,
    content: Vec<u8>,
    info: Info,
}

/// What an authority vouches for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamped {
    /// When the bytes existed, in seconds since 1970; as the authority says.
    pub at: u64,
    /// How far off that may be, in seconds; none where it does not say.
    pub accuracy_secs: Option<u64>,
    /// Subject of the authority's certificate.
    pub by: String,
    /// Number of the time stamp, in hex.
    pub serial: String,
    /// SHA-256 of the authority's certificate, in hex.
    pub certificate: String,
}

impl Stamp {
    /// Reads an answer (`TimeStampResp`), or the token alone.
    ///
    /// # Errors
    /// When it is neither, or the authority has refused.
    pub fn parse(bytes: &[u8]) -> Result<Stamp, StampError> {
        if bytes.len() > ANSWER_MAX_BYTES {
            return Err(form("too long"));
        }
        let token = match ContentInfo::from_der(bytes) {
            Ok(token) => token,
            Err(_) => granted(Answer::from_der(bytes).map_err(form)?)?,
        };
        if token.content_type != SIGNED_DATA {
            return Err(form("its content is not signed"));
        }
        let data: Signed = token.content.decode_as().map_err(form)?;
        let content = &data.content;
        if content.econtent_type != TIME_STAMP_INFO {
            return Err(form("what is signed is no time stamp"));
        }
        let content = content.econtent.as_ref().ok_or_else(|| form("there is nothing signed"))?;
        let content: OctetString = content.decode_as().map_err(form)?;
        let content = content.into_bytes();
        let info = Info::from_der(&content).map_err(form)?;
        let is_unknown = |extension: &Extension| extension.critical;
        if info.version != 1 || info.extensions.iter().flatten().any(is_unknown) {
            return Err(form("of an unknown version, or with an unknown extension"));
        }
        Ok(Stamp { token: token.to_der().map_err(form)?, data, content, info })
    }

    /// The token, without the answer it came in.
    pub fn token(&self) -> &[u8] {
        &self.token
    }

    /// An answer that has this token in it, as authorities send it.
    ///
    /// # Errors
    /// When it cannot be written, which no token that was read causes.
    pub fn answer(&self) -> Result<Vec<u8>, StampError> {
        let token = Some(ContentInfo::from_der(&self.token).map_err(form)?);
        let status = Status { status: 0, words: None, failure: None };
        Answer { status, token }.to_der().map_err(form)
    }

    /// That it answers a request with this nonce.
    ///
    /// # Errors
    /// When it does not.
    pub fn answers(&self, nonce: u64) -> Result<(), StampError> {
        let asked = Uint::new(&nonce.to_be_bytes()).map_err(form)?;
        if self.info.nonce == Some(asked) { Ok(()) } else { Err(StampError::OtherRequest) }
    }

    /// That an authority which these lead to vouches for these bytes.
    ///
    /// # Errors
    /// When it does not.
    pub fn verify(&self, bytes: &[u8], trusted: &[Authority]) -> Result<Stamped, StampError> {
        let Info { imprint, .. } = &self.info;
        // Two files may have one SHA-1: it names a certificate, which somebody else has chosen, but no bytes of anybody's.
        if imprint.algorithm.oid == SHA1 {
            return Err(form("of a SHA-1, which may be that of other bytes, too"));
        }
        if digest(imprint.algorithm.oid, bytes)? != imprint.digest.as_bytes() {
            return Err(StampError::OtherBytes);
        }
        let at = seconds(&self.info.at)?;
        let signer = self.signer()?;
        let certificates = self.certificates()?;
        let certificate = signed_with(signer, &certificates)?;
        let encoded = CertificateDer::from(certificate.to_der().map_err(form)?);
        self.verify_signature(signer, &encoded)?;
        may_stamp(certificate)?;
        leads_to(&encoded, &certificates, trusted, at)?;
        Ok(Stamped {
            at,
            accuracy_secs: self.info.accuracy.as_ref().map(|accuracy| {
                let rest = u32::from(accuracy.millis.is_some() || accuracy.micros.is_some());
                u64::from(accuracy.seconds.unwrap_or(0)) + u64::from(rest)
            }),
            by: certificate.tbs_certificate.subject.to_string(),
            serial: codex_ledger_entry::hex(self.info.serial.as_bytes()),
            certificate: codex_ledger_entry::hex(&sha2::Sha256::digest(&encoded)),
        })
    }

    fn signer(&self) -> Result<&SignerInfo, StampError> {
        match self.data.signers.0.as_slice() {
            [signer] => Ok(signer),
            _ => Err(form("not signed once")),
        }
    }

    fn certificates(&self) -> Result<Vec<Certificate>, StampError> {
        let all = self.data.certificates.as_deref().unwrap_or_default();
        if all.len() > CERTIFICATES_MAX {
            return Err(form("too many certificates"));
        }
        // Others than those of X.509 have another tag.
        let certificates = all.iter().filter(|one| one.tag() == Tag::Sequence);
        certificates.map(|one| one.decode_as().map_err(form)).collect()
    }

    /// That the key of this certificate has signed the attributes, and they what is stamped.
    fn verify_signature(
        &self,
        signer: &SignerInfo,
        certificate: &CertificateDer<'_>,
    ) -> Result<(), StampError> {
        let content_type: Oid = attribute(signer, CONTENT_TYPE)?;
        let signed: OctetString = attribute(signer, MESSAGE_DIGEST)?;
        if content_type != TIME_STAMP_INFO
            || signed.as_bytes() != digest(signer.digest_alg.oid, &self.content)?
        {
            return Err(StampError::Signature);
        }
        let attributes = signer.signed_attrs.as_ref().ok_or(StampError::Signature)?;
        let attributes = attributes.to_der().map_err(form)?;
        let certificate = EndEntityCert::try_from(certificate)
            .map_err(|error| StampError::Certificate(words_of(&error).to_string()))?;
        let signature = signer.signature.as_bytes();
        let holds = |algorithm: &&'static dyn SignatureVerificationAlgorithm| {
            certificate.verify_signature(*algorithm, &attributes, signature).is_ok()
        };
        let algorithms = algorithms_of(signer.signature_algorithm.oid, signer.digest_alg.oid)?;
        if algorithms.iter().any(holds) { Ok(()) } else { Err(StampError::Signature) }
    }
}

fn granted(Answer { status, token }: Answer) -> Result<ContentInfo, StampError> {
    let Status { status, words, failure } = status;
    match (status, token) {
        // granted, or granted with changes
        (0 | 1, Some(token)) => Ok(token),
        (0 | 1, None) => Err(form("there is no token in it")),
        (status, _) => {
            let mut words = words.unwrap_or_default().join("; ");
            if words.is_empty() {
                words = failure.as_ref().map_or("it does not say why", failure_words).to_string();
            }
            Err(StampError::Refused { status, words })
        }
    }
}

/// Why an authority has failed (`PKIFailureInfo`, of which RFC 3161 knows these).
fn failure_words(failure: &Any) -> &'static str {
    // The count of unused bits, then the bits, the first one highest.
    let bits = failure.value().get(1..).unwrap_or_default();
    let is_set = |bit: usize| bits.get(bit / 8).is_some_and(|byte| byte & (0x80 >> (bit % 8)) != 0);
    let known = [
        (0, "it does not know the digest"),
        (2, "the request is not allowed"),
        (5, "it cannot read the request"),
        (14, "its clock is out of order"),
        (15, "it does not know the policy"),
        (16, "it does not know an extension"),
        (17, "it does not have what was asked for"),
        (25, "it has failed"),
    ];
    known.iter().find(|(bit, _)| is_set(*bit)).map_or("it does not say why", |(_, words)| words)
}

/// The only value of an attribute that is signed.
fn attribute<T>(signer: &SignerInfo, oid: Oid) -> Result<T, StampError>
where
    T: for<'a> der::DecodeValue<'a> + der::FixedTag,
{
    let attributes = signer.signed_attrs.iter().flat_map(|set| set.iter());
    let mut of_kind = attributes.filter(|attribute| attribute.oid == oid);
    let (first, second) = (of_kind.next(), of_kind.next());
    match first.filter(|_| second.is_none()).map(|attribute| attribute.values.as_slice()) {
        Some([value]) => value.decode_as().map_err(form),
        _ => Err(form("what has to be signed is not")),
    }
}

/// The certificate whose hash is signed, so that no other one of the same key can stand for it.
fn signed_with<'a>(
    signer: &SignerInfo,
    certificates: &'a [Certificate],
) -> Result<&'a Certificate, StampError> {
    let (algorithm, hash) = match attribute::<SigningCertificateV2>(signer, SIGNING_CERTIFICATE_V2)
    {
        Ok(named) => {
            let first = named.certificates.into_iter().next();
            first.map(|first| (first.algorithm.map_or(SHA256, |of| of.oid), first.hash))
        }
        Err(_) => {
            let named = attribute::<SigningCertificate>(signer, SIGNING_CERTIFICATE)?;
            named.certificates.into_iter().next().map(|first| (SHA1, first.hash))
        }
    }
    .ok_or_else(|| form("no certificate is named"))?;
    let is_named = |certificate: &&Certificate| {
        let hashed = certificate.to_der().ok().and_then(|der| digest(algorithm, &der).ok());
        hashed.is_some_and(|hashed| hashed == hash.as_bytes()) && is_of(&signer.sid, certificate)
    };
    let found = certificates.iter().find(is_named);
    found.ok_or_else(|| StampError::Certificate("it is not in the time stamp".into()))
}

fn is_of(sid: &SignerIdentifier, certificate: &Certificate) -> bool {
    match sid {
        SignerIdentifier::IssuerAndSerialNumber(of) => {
            let certificate = &certificate.tbs_certificate;
            of.issuer == certificate.issuer && of.serial_number == certificate.serial_number
        }
        // Its hash names it already.
        SignerIdentifier::SubjectKeyIdentifier(_) => true,
    }
}

fn digest(algorithm: Oid, bytes: &[u8]) -> Result<Vec<u8>, StampError> {
    match algorithm {
        SHA1 => Ok(sha1::Sha1::digest(bytes).to_vec()),
        SHA256 => Ok(sha2::Sha256::digest(bytes).to_vec()),
        SHA384 => Ok(sha2::Sha384::digest(bytes).to_vec()),
        SHA512 => Ok(sha2::Sha512::digest(bytes).to_vec()),
        other => Err(form(format!("an unknown digest, {other}"))),
    }
}

/// What a signature of these kinds is checked with.
fn algorithms_of(
    signature: Oid,
    digest: Oid,
) -> Result<Vec<&'static dyn SignatureVerificationAlgorithm>, StampError> {
    use algorithms::*;
    Ok(match (signature, digest) {
        (RSA | RSA_SHA256, SHA256) => vec![RSA_PKCS1_2048_8192_SHA256],
        (RSA | RSA_SHA384, SHA384) => vec![RSA_PKCS1_2048_8192_SHA384],
        (RSA | RSA_SHA512, SHA512) => vec![RSA_PKCS1_2048_8192_SHA512],
        (ECDSA_SHA256, SHA256) => vec![ECDSA_P256_SHA256, ECDSA_P384_SHA256],
        (ECDSA_SHA384, SHA384) => vec![ECDSA_P256_SHA384, ECDSA_P384_SHA384],
        (self::ED25519, SHA512) => vec![algorithms::ED25519],
        (signature, digest) => {
            return Err(form(format!("an unknown kind of signature, {signature} with {digest}")));
        }
    })
}

#[cfg(test)]
mod tests;
