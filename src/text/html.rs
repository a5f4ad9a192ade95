//! HTML as the text that a reader sees.
//!
//! html5gum tells tags from text, as browsers do; what a tag means for the text is told here: which
//! parts are hidden, and where a block ends. Nesting is not followed but for hidden parts, so depth costs
//! nothing, and the time is linear in the source.

use html5gum::{
    Span as SourceSpan, Tokenizer,
    emitters::callback::{CallbackEmitter, CallbackEvent},
};

use super::{
    Region,
    reading::{Reading, ReadingBuilder},
};

/// Elements whose content is not shown, or is no text.
const HIDDEN: [&[u8]; 15] = [
    b"audio",
    b"canvas",
    b"datalist",
    b"head",
    b"iframe",
    b"math",
    b"noframes",
    b"noscript",
    b"object",
    b"script",
    b"select",
    b"style",
    b"svg",
    b"template",
    b"video",
];

/// Elements that start and end a passage.
const BLOCKS: [&[u8]; 38] = [
    b"address",
    b"article",
    b"aside",
    b"blockquote",
    b"body",
    b"caption",
    b"center",
    b"dd",
    b"details",
    b"dialog",
    b"dir",
    b"div",
    b"dl",
    b"dt",
    b"fieldset",
    b"figcaption",
    b"figure",
    b"footer",
    b"form",
    b"header",
    b"hgroup",
    b"hr",
    b"legend",
    b"li",
    b"main",
    b"menu",
    b"nav",
    b"ol",
    b"p",
    b"pre",
    b"search",
    b"section",
    b"summary",
    b"table",
    b"tbody",
    b"tfoot",
    b"thead",
    b"ul",
];

/// Elements that have no content and no end.
const VOID: [&[u8]; 13] = [
    b"area", b"base", b"br", b"col", b"embed", b"hr", b"img", b"input", b"link", b"meta",
    b"source", b"track", b"wbr",
];

/// The longest character reference, `&CounterClockwiseContourIntegral;`, in bytes.
const REFERENCE_BYTES_MAX: usize = 33;

/// Returns the text that a reader sees of the HTML `source`, in which blank lines part its blocks.
///
/// Scripts, styles and hidden elements are left out, and character references are decoded. Broken HTML
/// is read as browsers read it: there is no error.
pub(super) fn read(source: &str) -> Reading<'static> {
    let mut reader =
        Reader { source, builder: ReadingBuilder::new(source.len()), ..Reader::default() };
    let handle = |event: CallbackEvent<'_>, span: SourceSpan<usize>| {
        reader.take(&event, span.start, span.end);
        None::<std::convert::Infallible>
    };
    let mut emitter = CallbackEmitter::new(handle);
    emitter.naively_switch_states(true);
    let Ok(()) = Tokenizer::new_with_emitter(source, emitter).finish();
    reader.builder.finish()
}

#[derive(Default)]
struct Reader<'s> {
    source: &'s str,
    builder: ReadingBuilder,
    /// The start tag at hand: its name, and whether an attribute hides the element.
    tag: Vec<u8>,
    tag_hides: bool,
    attribute: Vec<u8>,
    /// The hidden element that is being left out, and how many of its name are open within it.
    hidden: Option<(Vec<u8>, usize)>,
    /// How many `pre` are open: in them, white space is shown as it is.
    preformatted: usize,
    /// How many elements are open that are beside the page's main part, and that are of the site.
    asides: usize,
    sites: usize,
}

impl Reader<'_> {
    fn take(&mut self, event: &CallbackEvent<'_>, start: usize, end: usize) {
        match *event {
            CallbackEvent::OpenStartTag { name } => {
                self.tag = name.to_vec();
                self.tag_hides = HIDDEN.contains(&name);
                self.attribute.clear();
            }
            CallbackEvent::AttributeName { name } => {
                self.attribute = name.to_vec();
                self.tag_hides |= name == b"hidden";
            }
            CallbackEvent::AttributeValue { value } => {
                self.tag_hides |= self.attribute == b"style" && hides(value);
            }
            CallbackEvent::CloseStartTag { .. } => self.start_tag(),
            CallbackEvent::EndTag { name } => self.end_tag(name),
            CallbackEvent::String { .. } => self.string(start, end),
            CallbackEvent::Comment { .. }
            | CallbackEvent::Doctype { .. }
            | CallbackEvent::Error(_) => {}
        }
    }

    fn start_tag(&mut self) {
        let name = std::mem::take(&mut self.tag);
        if let Some((hidden, open)) = &mut self.hidden {
            // A block ends a paragraph that was not closed, a hidden one too.
            let ends_paragraph = hidden == b"p" && BLOCKS.contains(&name.as_slice());
            *open += usize::from(*hidden == name && !ends_paragraph);
            if !ends_paragraph {
                return;
            }
            self.hidden = None;
        }
        if self.tag_hides && !VOID.contains(&name.as_slice()) {
            self.hidden = Some((name, 1));
            return;
        }
        self.preformatted += usize::from(name == b"pre");
        self.part(&name);
        self.builder.heading(heading_level(&name));
        if name == b"main" {
            (self.asides, self.sites) = (0, 0);
        } else if let Some(open) = self.open_of(&name) {
            *open += 1;
        }
        self.builder.region(self.region());
    }

    fn end_tag(&mut self, name: &[u8]) {
        if let Some((hidden, open)) = &mut self.hidden {
            *open -= usize::from(hidden == name);
            // What follows the body is shown, whatever was left open.
            if 0 < *open && !matches!(name, b"body" | b"html") {
                return;
            }
            self.hidden = None;
            return;
        }
        self.preformatted -= usize::from(name == b"pre").min(self.preformatted);
        self.builder.heading(heading_level(name).map(|_| false));
        self.part(name);
        if let Some(open) = self.open_of(name) {
            *open = open.saturating_sub(1);
        }
        self.builder.region(self.region());
    }

    /// Returns the number of open elements that a tag of this name changes.
    fn open_of(&mut self, name: &[u8]) -> Option<&mut usize> {
        match name {
            b"aside" => Some(&mut self.asides),
            b"footer" | b"menu" | b"nav" => Some(&mut self.sites),
            _ => None,
        }
    }

    fn region(&self) -> Region {
        match (self.sites, self.asides) {
            (0, 0) => Region::Body,
            (0, _) => Region::Aside,
            (_, _) => Region::Site,
        }
    }

    /// Parts what comes before a tag from what comes after it, as the element's layout does.
    fn part(&mut self, name: &[u8]) {
        if BLOCKS.contains(&name) || heading_level(name).is_some() || name == b"tr" {
            self.builder.part_blocks();
        } else if name == b"br" {
            self.builder.part_lines();
        } else if matches!(name, b"td" | b"th" | b"option" | b"button" | b"img") {
            self.builder.part_words();
        }
    }

    fn string(&mut self, start: usize, end: usize) {
        if self.hidden.is_some() {
            return;
        }
        let Some(text) = self.source.get(start..end) else { return };
        let mut at = 0;
        while let Some(reference) = text[at..].find('&').map(|found| at + found) {
            let len = reference_len(&text[reference..]);
            self.verbatim(start + at, &text[at..reference]);
            let raw = &text[reference..reference + len];
            self.builder.decoded(&decode(raw), start + reference, len);
            at = reference + len;
        }
        self.verbatim(start + at, &text[at..]);
    }

    fn verbatim(&mut self, at: usize, text: &str) {
        self.builder.verbatim(text, at, 0 < self.preformatted);
    }
}

/// Tells that a tag starts (`true`) a heading; nothing for other tags.
fn heading_level(name: &[u8]) -> Option<bool> {
    matches!(name, [b'h', b'1'..=b'6']).then_some(true)
}

/// Tells whether a `style` attribute hides its element.
fn hides(style: &[u8]) -> bool {
    let plain: Vec<u8> =
        style.iter().filter(|b| !b.is_ascii_whitespace()).map(u8::to_ascii_lowercase).collect();
    [b"display:none".as_slice(), b"visibility:hidden"]
        .iter()
        .any(|hiding| plain.windows(hiding.len()).any(|window| window == *hiding))
}

/// Returns the length of what may be a character reference at the start of `text`, which is `&`.
fn reference_len(text: &str) -> usize {
    let bytes = text.as_bytes();
    let sharp = usize::from(bytes.get(1) == Some(&b'#'));
    let name = bytes[1 + sharp..].iter().take(REFERENCE_BYTES_MAX);
    let len = 1 + sharp + name.take_while(|byte| byte.is_ascii_alphanumeric()).count();
    len + usize::from(bytes.get(len) == Some(&b';'))
}

/// Returns `raw` with its character reference decoded, if it is one.
fn decode(raw: &str) -> String {
    let mut decoded = Vec::new();
    let handle = |event: CallbackEvent<'_>, _: SourceSpan<()>| {
        if let CallbackEvent::String { value } = event {
            decoded.extend_from_slice(value);
        }
        None::<std::convert::Infallible>
    };
    let Ok(()) = Tokenizer::new_with_emitter(raw, CallbackEmitter::new(handle)).finish();
    String::from_utf8_lossy(&decoded).into_owned()
}
