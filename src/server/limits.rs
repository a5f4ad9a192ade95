//! What a request may ask for. Numbers that a server can be given are in `config.rs`.

/// The most evidence that can be asked for. An article has fewer features; a whole book would only
/// make the answer larger than its text.
pub const EVIDENCE_MAX: u32 = 1000;

/// The longest `id` in a stream, in bytes: room for any address or key.
pub const STREAM_ID_BYTES_MAX: usize = 256;

/// What a document of a batch may take in its message beyond its text and title, in bytes: more than a
/// model's name, options and lengths can.
const BATCH_DOCUMENT_EXTRA_BYTES: usize = 256;

/// The longest message of the services that take no documents, in bytes: names are short.
const SMALL_MESSAGE_BYTES_MAX: usize = 16 * 1024;

/// What a request may ask for, of that which a server can be told.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) document_bytes_max: usize,
    pub(super) batch_documents_max: usize,
    pub(super) messages: MessageLimits,
}

/// The longest messages that are read, in bytes, compressed or not.
#[derive(Clone, Copy, Debug)]
pub(super) struct MessageLimits {
    /// Of those that hold one document.
    pub(super) document: usize,
    pub(super) batch: usize,
    /// Of those that hold none.
    pub(super) small: usize,
}

impl Limits {
    pub(super) fn of(config: &super::Config) -> Limits {
        let batch_extra = config.batch_documents_max.saturating_mul(BATCH_DOCUMENT_EXTRA_BYTES);
        Limits {
            document_bytes_max: config.document_bytes_max,
            batch_documents_max: config.batch_documents_max,
            messages: MessageLimits {
                document: config.message_bytes_max,
                batch: config.batch_bytes_max.saturating_add(batch_extra),
                small: SMALL_MESSAGE_BYTES_MAX,
            },
        }
    }
}
