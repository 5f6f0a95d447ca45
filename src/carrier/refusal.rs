//! Why a webhook is refused: each reason with a stable code for metrics and captures.

/// The request does not prove that the carrier sent it. Answered 403.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    /// No signature came with the request.
    #[error("the request carries no signature")]
    SignatureMissing,
    /// The signature is not written the way this carrier writes one.
    #[error("the signature cannot be read")]
    SignatureMalformed,
    /// The signature belongs to another key, URL or body.
    #[error("the signature fits no key of the connection: another key, URL or body was signed")]
    SignatureWrong,
    /// The request names a hash that we do not know.
    #[error("the request names an unknown signature algorithm")]
    AlgorithmUnknown,
    /// The request names a key that the connection does not have.
    #[error("the request names a signing key that the connection does not have")]
    KeyUnknown,
    /// The connection has no key to verify with, so nothing can be accepted.
    #[error("the connection has no key to verify signatures with")]
    KeyMissing,
    /// The signature cannot cover the body, because its hash is not in the URL.
    #[error("the signed URL holds no hash of the body")]
    BodyHashMissing,
    /// The body is not the one whose hash was signed.
    #[error("the hash of the body differs from the signed one")]
    BodyHashWrong,
}

impl Rejected {
    /// The word in metrics and in `doctor signature`.
    pub const fn code(self) -> &'static str {
        match self {
            Self::SignatureMissing => "signature_missing",
            Self::SignatureMalformed => "signature_malformed",
            Self::SignatureWrong => "signature_wrong",
            Self::AlgorithmUnknown => "algorithm_unknown",
            Self::KeyUnknown => "key_unknown",
            Self::KeyMissing => "key_missing",
            Self::BodyHashMissing => "body_hash_missing",
            Self::BodyHashWrong => "body_hash_wrong",
        }
    }
}

/// The request comes from the carrier, and yet its meaning cannot be read. Answered 400.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// The body is of a type that this hook does not take.
    #[error("the body is not of the type that this hook takes")]
    ContentType,
    /// A field that every such request has is missing or empty.
    #[error("the field {0} is missing")]
    FieldMissing(&'static str),
    /// A field holds what we cannot read.
    #[error("the field {0} cannot be read")]
    FieldInvalid(&'static str),
    /// The URL lacks the `k` that we gave the carrier for this hook.
    #[error("the URL has no k of ours")]
    KeyMissing,
    /// The URL's `k` is not one that we ever gave out for this hook.
    #[error("the URL's k is not one of this hook")]
    KeyInvalid,
    /// The carrier has no such hook.
    #[error("this carrier never asks this hook")]
    HookUnsupported,
}

impl Malformed {
    /// The word in metrics.
    pub const fn code(self) -> &'static str {
        match self {
            Self::ContentType => "content_type",
            Self::FieldMissing(_) => "field_missing",
            Self::FieldInvalid(_) => "field_invalid",
            Self::KeyMissing => "k_missing",
            Self::KeyInvalid => "k_invalid",
            Self::HookUnsupported => "hook_unsupported",
        }
    }
}

/// Why a webhook is not taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The carrier is not known to have sent it.
    #[error(transparent)]
    Rejected(#[from] Rejected),
    /// It is the carrier's, and cannot be read.
    #[error(transparent)]
    Malformed(#[from] Malformed),
}
