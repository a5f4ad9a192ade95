//! Whatever comes in by the four doors (requests, model files, pages, corpora), nothing panics.
//!
//! What is tried is nearly right, so that it gets past the first check. A million of each takes
//! `PROPTEST_CASES=1000000 cargo test --release --test fuzz`; what was found once is kept in
//! `fuzz.proptest-regressions`, and is tried first.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::{cell::RefCell, fs, path::PathBuf, sync::LazyLock};

use common::{GEOPOLITICS, TestServer, document, raw, reason, with_evidence, within};
use newsdesk::{
    corpus::{Corpus, Format},
    default_model,
    model::ModelFile,
    proto::{BatchClassifyRequest, ClassifyOptions, GetModelRequest, StreamClassifyRequest},
    text::{Document, Reading},
};
use proptest::{
    prelude::*,
    sample::{Index, select},
    test_runner::{Config, FileFailurePersistence},
};
use prost::Message as _;
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// A small change to bytes.
#[derive(Clone, Debug)]
enum Edit {
    Put(u8),
    Insert(Vec<u8>),
    Remove(u8),
    Repeat(u8),
    Cut,
}

fn edit() -> impl Strategy<Value = Edit> {
    // Numbers at the ends of their ranges, and what stands between things.
    let telling = select(vec![
        &[0xff; 8][..],
        &[0; 8],
        &[0x80; 10],
        b"\"",
        b"{",
        b"[[[[",
        b",",
        b"\n",
        b"\\u0000",
        b"-1",
        b"1e999",
        b"99999999999999999999",
        b"null",
        b"NaN",
        b"</",
        b"<!--",
        b"&#x110000;",
        b"\xed\xa0\x80",
    ]);
    prop_oneof![
        3 => any::<u8>().prop_map(Edit::Put),
        1 => prop::collection::vec(any::<u8>(), 1..5).prop_map(Edit::Insert),
        2 => telling.prop_map(|bytes| Edit::Insert(bytes.to_vec())),
        1 => any::<u8>().prop_map(Edit::Remove),
        1 => any::<u8>().prop_map(Edit::Repeat),
        1 => Just(Edit::Cut),
    ]
}

fn edits() -> impl Strategy<Value = Vec<(Index, Edit)>> {
    prop::collection::vec((any::<Index>(), edit()), 1..8)
}

fn edited(mut bytes: Vec<u8>, edits: &[(Index, Edit)]) -> Vec<u8> {
    for (place, edit) in edits {
        let at = place.index(bytes.len() + 1);
        let end = |length: &u8| (at + usize::from(*length)).min(bytes.len());
        match edit {
            Edit::Put(byte) => bytes[at..].iter_mut().take(1).for_each(|place| *place = *byte),
            Edit::Insert(new) => drop(bytes.splice(at..at, new.iter().copied())),
            Edit::Remove(length) => drop(bytes.drain(at..end(length))),
            Edit::Repeat(length) => {
                let again = bytes[at..end(length)].to_vec();
                drop(bytes.splice(at..at, again));
            }
            Edit::Cut => bytes.truncate(at),
        }
    }
    bytes
}

fn config() -> Config {
    let kept = FileFailurePersistence::WithSource("proptest-regressions");
    Config { failure_persistence: Some(Box::new(kept)), ..Config::default() }
}

/// Returns requests with everything in them, and the methods that take them.
fn requests() -> Vec<(&'static str, Vec<u8>)> {
    let mut one = with_evidence(GEOPOLITICS, 10);
    one.title = "Trade fair".into();
    one.model = "tiny@1".into();
    one.options = Some(ClassifyOptions {
        evidence_max: 10,
        max_error: Some(0.05),
        margin_min: Some(0.1),
        known_share_min: Some(0.1),
        words_min: Some(1),
        passages: true,
    });
    let mut page = document("<p>Register now</p><script>x</script><td>&amp;");
    page.format = 2;
    let batch = BatchClassifyRequest { requests: vec![one.clone(), page.clone()] };
    let stream = StreamClassifyRequest { id: "a".into(), request: Some(page.clone()) };
    vec![
        (raw::CLASSIFY, one.encode_to_vec()),
        (raw::CLASSIFY, page.encode_to_vec()),
        (raw::BATCH, batch.encode_to_vec()),
        (raw::STREAM, stream.encode_to_vec()),
        (raw::GET_MODEL, GetModelRequest { name: "tiny".into() }.encode_to_vec()),
    ]
}

#[test]
fn no_request_makes_the_server_fail() {
    let runtime = Runtime::new().unwrap();
    let server = runtime.block_on(TestServer::start());
    let channel = runtime.block_on(server.channel());
    proptest!(config(), |((path, message) in select(requests()), edits in edits())| {
        let message = edited(message, &edits);
        let answer = runtime.block_on(within(raw::send(channel.clone(), path, message)));
        if let Err(status) = answer {
            prop_assert_ne!(reason(&status), "FAULT");
        }
    });
    runtime.block_on(server.stop());
}

const DIGITS: usize = 64;

/// A small model file with all that one can have, and its digest.
static MODEL: LazyLock<(Vec<u8>, String)> = LazyLock::new(|| {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("corpus.jsonl");
    let rows = [
        ("war", "troops cross the border"),
        ("fair", "visit the fair"),
        ("other", "rain in the north"),
        ("furniture", "share this page"),
    ];
    let rows = rows.map(|(label, text)| {
        let row = |source| serde_json::json!({"label": label, "text": text, "source": source});
        [0, 1, 2, 3].map(|n| format!("{}\n", row(n.to_string()))).concat()
    });
    fs::write(&path, rows.concat()).unwrap();
    let config = newsdesk::train::Config {
        name: "small".into(),
        version: None,
        neither: "other".into(),
        furniture: "furniture".into(),
        settings: newsdesk::train::default_settings(),
        folds: 2,
        max_error: 1.0,
        skip_bad_rows: false,
        whole: false,
    };
    let corpus = Corpus::open(&[path]).unwrap();
    let mut file = newsdesk::train::train(corpus.rows(), &config).unwrap().file;
    let bytes = file.to_bytes();
    (bytes, file.model.reference.digest)
});

/// Gives `bytes` the digest that they have, so that what is behind its check is reached.
fn signed(mut bytes: Vec<u8>, digest: &str) -> Vec<u8> {
    let at = bytes.windows(DIGITS).position(|window| window == digest.as_bytes());
    if let Some(at) = at {
        bytes[at..at + DIGITS].fill(b'0');
        let digits = Sha256::digest(&bytes).into_iter().map(|byte| format!("{byte:02x}"));
        let digest = digits.collect::<Vec<_>>().concat();
        bytes[at..at + DIGITS].copy_from_slice(digest.as_bytes());
    }
    bytes
}

#[test]
fn a_file_that_is_signed_again_is_a_model() {
    let (bytes, digest) = &*MODEL;
    assert_eq!(signed(bytes.clone(), digest), *bytes);
    assert!(ModelFile::from_bytes(bytes).is_ok());
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn no_model_file_makes_its_reader_or_the_model_fail(edits in edits()) {
        let (bytes, digest) = &*MODEL;
        let bytes = signed(edited(bytes.clone(), &edits), digest);
        if let Ok(file) = ModelFile::from_bytes(&bytes) {
            let reading = Reading::html("<p>troops cross the fair border</p><p>share this</p>");
            let document = Document::of_reading("rain", &reading).unwrap();
            file.model.classify(&document, 10);
            file.model.classify_page(&document, &reading.passages().unwrap(), 10);
        }
    }

    #[test]
    fn no_page_makes_its_reader_fail(page in select(PAGES.to_vec()), edits in edits()) {
        let bytes = edited(page.as_bytes().to_vec(), &edits);
        let text = String::from_utf8_lossy(&bytes);
        let reading = Reading::html(&text);
        let Ok(document) = Document::of_reading("", &reading) else { return Ok(()) };
        let Ok(passages) = reading.passages() else { return Ok(()) };
        for passage in &passages {
            prop_assert!(text.get(reading.source_span(passage.span).range()).is_some());
        }
        default_model().classify_page(&document, &passages, 3);
    }

    #[test]
    fn no_corpus_makes_its_reader_fail(
        (format, rows) in select(CORPORA.to_vec()),
        packing in select(vec![Packing::Plain, Packing::Gzip, Packing::Zstd]),
        is_packed_first in any::<bool>(),
        edits in edits(),
    ) {
        let rows = rows.as_bytes().to_vec();
        let bytes = if is_packed_first {
            edited(packing.pack(&rows), &edits)
        } else {
            packing.pack(&edited(rows, &edits))
        };
        CORPUS_FILE.with_borrow(|(_, path)| {
            fs::write(path, bytes).unwrap();
            if let Ok(corpus) = Corpus::open_as(std::slice::from_ref(path), format) {
                for row in corpus.rows() {
                    let _ = row;
                }
            }
        });
    }
}

const PAGES: [&str; 3] = [
    "<html><head><title>a</title><style>p{}</style></head><body><h1>Envoys meet</h1><p>The ministers signed \
     the <b>treaty</b> &amp; left.</p><!-- no --><ul><li>Share<li>Tickets</ul><script>var a = '<p>';</script></body>",
    "<div hidden>x</div><table><tr><td>a</td><td>b</table><pre>\n a\n\n b</pre>&#8217;&nbsp;&bogus;<br>\r\n\r\nend",
    "<textarea><p></textarea><![CDATA[a]]><?php ?><svg><title>a</svg><a href='x\" title=y>Jetzt \u{301}外交</a>",
];

const CORPORA: [(Format, &str); 4] = [
    (
        Format::Jsonl,
        "{\"text\": \"a treaty\", \"label\": \"war\", \"source\": \"s\", \"title\": \"t\", \"id\": 1}\n\
         {\"label\":\"fair\",\"text\":\"\\u0041 \\ud83d\\ude00\",\"x\":[{}]}\n",
    ),
    (Format::Csv, "text,label,source\n\"a \"\"treaty\"\", b\",war,s\nfair,fair,\n"),
    (Format::Tsv, "label\ttext\nwar\ta treaty\nfair\ta fair\n"),
    (Format::FastText, "__label__war a treaty\n__label__fair __label__b a fair\n"),
];

thread_local! {
    static CORPUS_FILE: RefCell<(TempDir, PathBuf)> = RefCell::new({
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("corpus");
        (directory, path)
    });
}

#[derive(Clone, Copy, Debug)]
enum Packing {
    Plain,
    Gzip,
    Zstd,
}

impl Packing {
    fn pack(self, bytes: &[u8]) -> Vec<u8> {
        use std::io::Write as _;
        match self {
            Packing::Plain => bytes.to_vec(),
            Packing::Gzip => {
                let mut encoder =
                    flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
                encoder.write_all(bytes).unwrap();
                encoder.finish().unwrap()
            }
            Packing::Zstd => zstd::encode_all(bytes, 1).unwrap(),
        }
    }
}
