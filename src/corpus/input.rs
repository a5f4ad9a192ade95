//! Raw bytes as text bytes: decompressed, without a byte order mark, and counted as they come in.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Cursor, Read},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use flate2::bufread::MultiGzDecoder;

/// Bytes that are read ahead, before and after decompression: few system calls, and little memory.
const BUFFER_BYTES: usize = 64 * 1024;

const GZIP_MAGIC: &[u8] = b"\x1f\x8b";
const ZSTD_MAGIC: &[u8] = b"\x28\xb5\x2f\xfd";
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The bytes read so far, as they are on disk, which any thread may look at.
#[derive(Clone, Debug, Default)]
pub struct BytesRead(Arc<AtomicU64>);

impl BytesRead {
    /// Returns the number of bytes read so far.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Opens the file at `path`.
pub(super) fn open(path: &Path, bytes_read: &BytesRead) -> io::Result<Box<dyn BufRead + Send>> {
    decoded(File::open(path)?, bytes_read)
}

/// Reads `raw`, which is gzip or zstd if it begins like it, and plain otherwise.
pub(super) fn decoded(
    raw: impl Read + Send + 'static,
    bytes_read: &BytesRead,
) -> io::Result<Box<dyn BufRead + Send>> {
    let counted = Counted { raw, bytes_read: bytes_read.clone() };
    let (head, rest) = peek(BufReader::with_capacity(BUFFER_BYTES, counted), ZSTD_MAGIC.len())?;
    if head.starts_with(GZIP_MAGIC) {
        let plain = MultiGzDecoder::new(Cursor::new(head).chain(rest));
        return unmarked(BufReader::with_capacity(BUFFER_BYTES, plain));
    }
    if head == ZSTD_MAGIC {
        let plain = zstd::Decoder::with_buffer(Cursor::new(head).chain(rest))?;
        return unmarked(BufReader::with_capacity(BUFFER_BYTES, plain));
    }
    unmarked(Cursor::new(head).chain(rest))
}

/// Skips the byte order mark, if there is one.
fn unmarked(text: impl BufRead + Send + 'static) -> io::Result<Box<dyn BufRead + Send>> {
    let (head, rest) = peek(text, BYTE_ORDER_MARK.len())?;
    if head == BYTE_ORDER_MARK {
        return Ok(Box::new(rest));
    }
    Ok(Box::new(Cursor::new(head).chain(rest)))
}

/// Takes up to `bytes` from `reader`; fewer at its end only, however little a pipe gives at once.
fn peek<R: Read>(mut reader: R, bytes: usize) -> io::Result<(Vec<u8>, R)> {
    let mut head = Vec::with_capacity(bytes);
    reader.by_ref().take(bytes as u64).read_to_end(&mut head)?;
    Ok((head, reader))
}

struct Counted<R> {
    raw: R,
    bytes_read: BytesRead,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let bytes = self.raw.read(buffer)?;
        self.bytes_read.0.fetch_add(bytes as u64, Ordering::Relaxed);
        Ok(bytes)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::io::Write;

    use flate2::{Compression, write::GzEncoder};

    use super::*;

    pub(in crate::corpus) fn gzip(plain: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap()
    }

    pub(in crate::corpus) fn zstd(plain: &[u8]) -> Vec<u8> {
        zstd::encode_all(plain, 1).unwrap()
    }

    /// Gives a byte at a time, as a slow pipe may.
    struct Trickle(Cursor<Vec<u8>>);

    impl Read for Trickle {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let end = buffer.len().min(1);
            self.0.read(&mut buffer[..end])
        }
    }

    #[track_caller]
    fn check(raw: &[u8], expected: &[u8]) {
        let bytes_read = BytesRead::default();
        let mut plain = Vec::new();
        let trickle = Trickle(Cursor::new(raw.to_vec()));
        decoded(trickle, &bytes_read).unwrap().read_to_end(&mut plain).unwrap();
        assert_eq!(plain, expected);
        assert_eq!(bytes_read.get(), raw.len() as u64);
    }

    #[test]
    fn compression_is_found_by_the_first_bytes_and_may_have_several_parts() {
        check(b"", b"");
        check(b"a", b"a");
        check(b"plain text", b"plain text");
        check(&gzip(b"a text"), b"a text");
        check(&[gzip(b"a "), gzip(b"text")].concat(), b"a text");
        check(&zstd(b"a text"), b"a text");
        check(&[zstd(b"a "), zstd(b"text")].concat(), b"a text");
        check(&gzip(b""), b"");
    }

    #[test]
    fn a_byte_order_mark_is_skipped() {
        check(b"\xef\xbb\xbftext", b"text");
        check(&gzip(b"\xef\xbb\xbftext"), b"text");
        check(&zstd(b"\xef\xbb\xbf"), b"");
        check(b"\xef\xbb", b"\xef\xbb");
    }
}
