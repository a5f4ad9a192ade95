//! A text as a reader sees it, and where each part of that stood in the source.

use std::borrow::Cow;

use super::{PASSAGES_MAX, Passage, PassageKind, Region, Span, TooManyPassages, html, passage};

/// How a text is marked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Markup {
    /// Not at all.
    Plain,
    /// As HTML.
    Html,
}

impl Markup {
    /// Returns the markup that `text` begins like.
    pub fn guess(text: &str) -> Markup {
        let start = text.trim_start_matches(['\u{feff}', ' ', '\t', '\r', '\n']);
        let begins = |with: &str| {
            start.get(..with.len()).is_some_and(|start| start.eq_ignore_ascii_case(with))
        };
        let is_html = ["<!doctype html", "<html", "<head", "<body", "<div", "<p>", "<article"];
        if is_html.into_iter().any(begins) { Markup::Html } else { Markup::Plain }
    }
}

/// A text as a reader sees it: the source itself if it is plain, or what its markup shows.
///
/// Everything after this point works on [`Reading::text`]; [`Reading::source_span`] leads back.
#[derive(Clone, PartialEq, Eq)]
pub struct Reading<'a> {
    text: Cow<'a, str>,
    source_bytes: usize,
    is_blank_source: bool,
    /// How the text was put together, in order; empty if it is the source itself.
    pieces: Vec<Piece>,
    /// What the markup calls headings, in order.
    headings: Vec<Span>,
    /// Where regions begin that the markup tells of, in order, and which.
    regions: Vec<(usize, Region)>,
}

/// A run of the text, and the run of the source that it was made of.
///
/// If both have the same length, each byte of the one stands for that of the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Piece {
    text: Span,
    source: Span,
}

impl<'a> Reading<'a> {
    /// Reads a text that is marked up in this way.
    pub fn new(source: &'a str, markup: Markup) -> Reading<'a> {
        match markup {
            Markup::Plain => Reading::plain(source),
            Markup::Html => Reading::html(source),
        }
    }

    /// Reads a plain text.
    pub fn plain(source: &'a str) -> Reading<'a> {
        let source_bytes = source.len();
        let (text, is_blank_source) = (Cow::Borrowed(source), source.trim().is_empty());
        let (pieces, headings, regions) = (Vec::new(), Vec::new(), Vec::new());
        Reading { text, source_bytes, is_blank_source, pieces, headings, regions }
    }

    /// Reads HTML. Broken HTML is read as browsers read it; there is no error.
    ///
    /// ```
    /// use newsdesk::text::{Reading, Span};
    ///
    /// let source = "<h1>Oil &amp; gas</h1><script>x()</script><p>Talks <b>resume</b>.";
    /// let reading = Reading::html(source);
    /// assert_eq!(reading.text(), "Oil & gas\n\nTalks resume.");
    /// let gas = reading.source_span(Span { start: 6, end: 9 });
    /// assert_eq!(&source[gas.range()], "gas");
    /// ```
    pub fn html(source: &str) -> Reading<'static> {
        let is_blank_source = source.trim().is_empty();
        Reading { is_blank_source, ..html::read(source) }
    }

    /// Returns what a reader sees.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns the length of the source, in bytes.
    pub fn source_bytes(&self) -> usize {
        self.source_bytes
    }

    /// Tells whether the source is empty or blank, markup and all.
    pub(super) fn is_blank_source(&self) -> bool {
        self.is_blank_source
    }

    /// Returns the passages of the text.
    ///
    /// # Errors
    /// If there are more than [`PASSAGES_MAX`].
    pub fn passages(&self) -> Result<Vec<Passage>, TooManyPassages> {
        let mut passages = passage::passages(&self.text);
        if PASSAGES_MAX < passages.len() {
            return Err(TooManyPassages { passages: passages.len() });
        }
        let mut headings = self.headings.iter().peekable();
        for passage in &mut passages {
            while headings.next_if(|heading| heading.end <= passage.span.start).is_some() {}
            let is_heading =
                headings.peek().is_some_and(|heading| heading.start <= passage.span.start);
            if is_heading && passage.kind == PassageKind::Body {
                passage.kind = PassageKind::Heading;
            }
            let start = passage.span.range().start;
            let begun = self.regions.partition_point(|&(region_start, _)| region_start <= start);
            if let Some(last) = begun.checked_sub(1) {
                passage.region = self.regions[last].1;
            }
        }
        Ok(passages)
    }

    /// Returns what of the text was made of `span` of the source: the opposite of
    /// [`Reading::source_span`].
    pub fn text_span(&self, span: Span) -> Span {
        if self.pieces.is_empty() {
            return span;
        }
        let first = self.pieces.partition_point(|piece| piece.source.end <= span.start);
        let last = self.pieces.partition_point(|piece| piece.source.start < span.end);
        let (Some(first), Some(last)) = (self.pieces.get(first), last.checked_sub(1)) else {
            return Span { start: 0, end: 0 };
        };
        let last = self.pieces[last];
        let start = if first.is_verbatim() {
            first.text.start + span.start.saturating_sub(first.source.start)
        } else {
            first.text.start
        };
        let end = if last.is_verbatim() {
            last.text.end - last.source.end.saturating_sub(span.end)
        } else {
            last.text.end
        };
        Span { start, end: end.max(start) }
    }

    /// Returns the bytes of the source that show as `span` of the text.
    pub fn source_span(&self, span: Span) -> Span {
        if self.pieces.is_empty() {
            return span;
        }
        let first = self.pieces.partition_point(|piece| piece.text.end <= span.start);
        let last = self.pieces.partition_point(|piece| piece.text.start < span.end);
        let (Some(first), Some(last)) = (self.pieces.get(first), last.checked_sub(1)) else {
            return Span { start: 0, end: 0 };
        };
        let last = self.pieces[last];
        // Blank lines between blocks are in no piece: a span that starts there starts with the next.
        let start = if first.is_verbatim() {
            first.source.start + span.start.saturating_sub(first.text.start)
        } else {
            first.source.start
        };
        let end = if last.is_verbatim() {
            last.source.end - last.text.end.saturating_sub(span.end)
        } else {
            last.source.end
        };
        Span { start, end: end.max(start) }
    }
}

/// Shows sizes only: documents are private, and `Debug` ends up in logs.
impl std::fmt::Debug for Reading<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Reading")
            .field("text_bytes", &self.text.len())
            .field("source_bytes", &self.source_bytes)
            .finish_non_exhaustive()
    }
}

impl Piece {
    fn is_verbatim(&self) -> bool {
        self.text.range().len() == self.source.range().len()
    }
}

/// What stands between two runs of text, from weak to strong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Gap {
    #[default]
    None,
    Words,
    Lines,
    Blocks,
}

/// Puts a reading together, piece by piece.
#[derive(Debug, Default)]
pub(super) struct ReadingBuilder {
    source_bytes: usize,
    text: String,
    pieces: Vec<Piece>,
    headings: Vec<Span>,
    regions: Vec<(usize, Region)>,
    /// What is to stand before the next piece.
    gap: Gap,
    heading_start: Option<usize>,
}

impl ReadingBuilder {
    pub(super) fn new(source_bytes: usize) -> ReadingBuilder {
        ReadingBuilder { source_bytes, ..ReadingBuilder::default() }
    }

    /// Parts the next piece from the last by a blank line.
    pub(super) fn part_blocks(&mut self) {
        self.gap = Gap::Blocks;
    }

    /// Parts the next piece from the last by a line break; twice, by a blank line.
    pub(super) fn part_lines(&mut self) {
        self.gap = if self.gap < Gap::Lines { Gap::Lines } else { Gap::Blocks };
    }

    /// Parts the next piece from the last by a space.
    pub(super) fn part_words(&mut self) {
        self.gap = self.gap.max(Gap::Words);
    }

    /// Notes that a heading starts (`true`) or ends (`false`) here.
    pub(super) fn heading(&mut self, starts: Option<bool>) {
        match (starts, self.heading_start) {
            (Some(true), _) => self.heading_start = Some(self.text.len()),
            (Some(false), Some(start)) => {
                self.headings.push(Span::new(start, self.text.len()));
                self.heading_start = None;
            }
            (Some(false), None) | (None, _) => {}
        }
    }

    /// Notes that a region begins here.
    pub(super) fn region(&mut self, region: Region) {
        if self.regions.last().map_or(Region::Body, |&(_, last)| last) != region {
            self.regions.push((self.text.len(), region));
        }
    }

    /// Adds a run of the source as it is, but that line breaks show as spaces unless it is preformatted.
    pub(super) fn verbatim(&mut self, text: &str, at: usize, preformatted: bool) {
        // White space at the start of a block or a line does not show.
        let shown = if self.gap < Gap::Lines { text } else { text.trim_ascii_start() };
        if shown.is_empty() {
            return;
        }
        let at = at + text.len() - shown.len();
        let start = self.start_piece();
        if preformatted {
            self.text.push_str(shown);
        } else {
            self.text.extend(
                shown
                    .chars()
                    .map(|c| if matches!(c, '\n' | '\r' | '\t' | '\u{c}') { ' ' } else { c }),
            );
        }
        self.end_piece(start, at, shown.len());
    }

    /// Adds `decoded` for the `len` bytes of the source at `at`.
    pub(super) fn decoded(&mut self, decoded: &str, at: usize, len: usize) {
        if !decoded.is_empty() {
            let start = self.start_piece();
            self.text.push_str(decoded);
            self.end_piece(start, at, len);
        }
    }

    fn start_piece(&mut self) -> usize {
        let gap = match std::mem::take(&mut self.gap) {
            Gap::None => "",
            Gap::Words => " ",
            Gap::Lines => "\n",
            Gap::Blocks => "\n\n",
        };
        if !self.text.is_empty() {
            self.text.push_str(gap);
        }
        self.text.len()
    }

    fn end_piece(&mut self, start: usize, at: usize, len: usize) {
        let text = Span::new(start, self.text.len());
        self.pieces.push(Piece { text, source: Span::new(at, at + len) });
    }

    pub(super) fn finish(mut self) -> Reading<'static> {
        // Without a piece, spans would be taken for those of a plain text.
        if self.pieces.is_empty() {
            self.pieces.push(Piece { text: Span::new(0, 0), source: Span::new(0, 0) });
        }
        Reading {
            text: Cow::Owned(self.text),
            source_bytes: self.source_bytes,
            is_blank_source: false,
            pieces: self.pieces,
            headings: self.headings,
            regions: self.regions,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(source: &str, expected: &str) {
        let reading = Reading::html(source);
        assert_eq!(reading.text().trim_end(), expected, "source={source:?}");
    }

    #[test]
    fn blocks_are_parted_by_blank_lines_and_cells_by_spaces() {
        check("<p>One\n<p>Two</p>three<div>four</div>", "One \n\nTwo\n\nthree\n\nfour");
        check("<table><tr><td>Turkey<td>11<tr><td>Egypt</table>", "Turkey 11\n\nEgypt");
        check("a<br>b<br><br>c", "a\nb\n\nc");
        check("<ul><li>a<li>b</ul>", "a\n\nb");
        check("<b>in</b>line <i>tags</i>", "inline tags");
    }

    #[test]
    fn what_is_not_shown_is_left_out() {
        check("<head><title>t</title></head><body>a<script>if (a<b) {}</script>b", "ab");
        check("a<div hidden>x<div>y</div>z</div>b", "ab");
        check("a<p style='DISPLAY : none'>x<p>b", "a\n\nb");
        check("a<span style=color:red>b</span><!-- c --><style>d</style>", "ab");
        check("a<noscript><p>b</noscript>c", "ac");
    }

    #[test]
    fn an_element_that_is_hidden_and_never_closed_hides_the_rest_of_the_body_only() {
        check("a<div hidden>x</body>", "a");
        check("<div hidden>x</body><p>b", "b");
    }

    #[test]
    fn line_breaks_show_as_spaces_but_in_preformatted_text() {
        check("<p>a\nb</p><pre>c\nd</pre>", "a b\n\nc\nd");
    }

    #[test]
    fn character_references_are_decoded_and_spans_are_those_of_the_source() {
        let source = "<p>Caf&eacute; &amp; bar&#8217;s &unknown; &lt; end</p>";
        let reading = Reading::html(source);
        assert_eq!(reading.text(), "Café & bar’s &unknown; < end");
        let span_of = |text: &str| {
            let start = reading.text().find(text).unwrap();
            &source[reading.source_span(Span::new(start, start + text.len())).range()]
        };
        assert_eq!(span_of("Café"), "Caf&eacute;");
        assert_eq!(span_of("bar’s"), "bar&#8217;s");
        assert_eq!(span_of("&unknown;"), "&unknown;");
        assert_eq!(span_of("end"), "end");
        assert_eq!(span_of("é & b"), "&eacute; &amp; b");
        let start = source.find("bar&#8217;s").unwrap();
        let back = reading.text_span(Span::new(start, start + "bar&#8217;s".len()));
        assert_eq!(&reading.text()[back.range()], "bar’s");
    }

    #[test]
    fn headings_are_told_by_their_tags() {
        let reading = Reading::html("<h2>Is it over?</h2><p>Is it over?</p>");
        let kinds: Vec<PassageKind> = reading.passages().unwrap().iter().map(|p| p.kind).collect();
        assert_eq!(kinds, [PassageKind::Heading, PassageKind::Body]);
    }

    #[test]
    fn regions_are_told_by_their_tags() {
        use Region::{Aside, Body, Site};
        let regions = |source| -> Vec<Region> {
            Reading::html(source).passages().unwrap().iter().map(|p| p.region).collect()
        };
        let page = "<nav>a</nav><p>b<aside><p>c<nav>d</nav><p>e</aside><p>f<footer>g</footer>";
        assert_eq!(regions(page), [Site, Body, Aside, Site, Aside, Body, Site]);
        // One that is never closed does not reach into the main part, and a stray end tag does no harm.
        assert_eq!(regions("<nav>a<main>b</nav></aside><aside>c"), [Site, Body, Aside]);
        assert_eq!(regions("<div hidden><nav>x</nav></div><p>a"), [Body]);
    }

    #[test]
    fn the_most_passages_are_read_and_one_more_is_refused() {
        let text = "a\n\n".repeat(PASSAGES_MAX);
        assert_eq!(Reading::plain(&text).passages().unwrap().len(), PASSAGES_MAX);
        let text = text + "a";
        let passages = PASSAGES_MAX + 1;
        assert_eq!(Reading::plain(&text).passages(), Err(TooManyPassages { passages }));
    }

    #[test]
    fn markup_alone_shows_nothing() {
        let reading = Reading::html("<div><img src=a.png></div>");
        assert_eq!(reading.text(), "");
        assert_eq!(reading.passages(), Ok(Vec::new()));
        assert_eq!(reading.source_span(Span::new(0, 0)), Span::new(0, 0));
    }

    #[test]
    fn markup_is_guessed_by_how_a_text_begins() {
        for html in ["<!DOCTYPE html><p>x", "\u{feff}\n <HTML>", "<div class=x>"] {
            assert_eq!(Markup::guess(html), Markup::Html, "text={html:?}");
        }
        for plain in ["", "a <html>", "<3 this", "<b"] {
            assert_eq!(Markup::guess(plain), Markup::Plain, "text={plain:?}");
        }
    }

    #[test]
    fn a_plain_text_is_read_as_it_is() {
        let reading = Reading::plain("a <b> &amp;");
        assert_eq!(reading.text(), "a <b> &amp;");
        assert_eq!(reading.source_span(Span::new(2, 5)), Span::new(2, 5));
    }
}
