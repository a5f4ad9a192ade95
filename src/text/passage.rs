//! A text as passages.
//!
//! A passage is what a reader sees as one piece: a paragraph, a heading, a list item, a teaser. Finding
//! them takes time linear in the text and cannot fail. Whether a passage matters is not asked here.

use super::Span;

/// The longest line of a text that is broken to fit a page or a terminal, in bytes. A longer line is a
/// paragraph of its own.
const WRAPPED_LINE_MAX: usize = 100;

/// The shortest usual line of such a text: the usual widths are 60 to 80.
const WRAPPED_LINE_MIN: usize = 45;

/// The longest passage, in bytes; a longer one is cut where a sentence ends. Ten times a paragraph.
pub const PASSAGE_BYTES_MAX: usize = 4000;

/// The same for a text that is a single line, where nothing else tells its parts: two sentences or so.
const ONE_LINE_PASSAGE_MAX: usize = 320;

/// The length of most lines is more than this, in bytes, blank lines beside them included.
const LINE_BYTES: usize = 32;

/// The longest heading, in words.
const HEADING_WORDS_MAX: usize = 18;

/// A piece of a text that a reader sees as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Passage {
    /// Where it stands in the text.
    pub span: Span,
    /// What it looks like.
    pub kind: PassageKind,
    /// Whether a sentence ends where the passage ends.
    pub is_closed: bool,
    /// Where it stands, as far as markup tells.
    pub region: Region,
}

/// The part of a page that a passage stands in, as its markup says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Region {
    /// What the page is for, or what no markup tells: all of a plain text.
    #[default]
    Body,
    /// Beside it: in an `aside`.
    Aside,
    /// What belongs to the site rather than the page: in a `nav`, a `menu` or a `footer`.
    Site,
}

/// What a passage looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PassageKind {
    /// A few words without an end of a sentence: what follows may belong to it.
    Heading,
    /// Sentences.
    Body,
    /// No letter and no digit: a row of stars or dashes.
    Rule,
}

/// Returns the passages of `text`: in order, disjoint, without white space at their ends.
///
/// Blank lines part passages, and list items are their own. What a single line break means depends on
/// the text: where lines are of even width it only wraps them; where there are no blank lines, or lines
/// are long, it parts passages too.
///
/// ```
/// let text = "Talks resume\n\nThe envoys met\non Monday.\n- Oil\n- Grain";
/// let passages = newsdesk::text::passages(text);
/// let texts: Vec<&str> = passages.iter().map(|passage| &text[passage.span.range()]).collect();
/// assert_eq!(texts, ["Talks resume", "The envoys met\non Monday.", "- Oil", "- Grain"]);
/// ```
pub fn passages(text: &str) -> Vec<Passage> {
    let mut lines = Vec::with_capacity(text.len() / LINE_BYTES);
    lines.extend(Lines { text, at: 0 });
    let layout = Layout::of(&lines);
    let mut passages = Vec::with_capacity(lines.len());
    for block in lines.split(|line| line.text.is_empty()) {
        let mut first = 0;
        for next in 1..=block.len() {
            if next == block.len() || layout.parts(&block[next - 1], &block[next]) {
                let run = &block[first..next];
                cut(
                    text,
                    run[0].start,
                    run[run.len() - 1].end(),
                    layout.passage_max,
                    &mut passages,
                );
                first = next;
            }
        }
    }
    passages
}

/// A line without the white space around it.
struct Line<'a> {
    start: usize,
    text: &'a str,
}

impl Line<'_> {
    fn end(&self) -> usize {
        self.start + self.text.len()
    }

    fn is_list_item(&self) -> bool {
        let after_mark = match self.text.strip_prefix(['•', '·', '‣', '▪', '◦', '*', '-', '–', '—'])
        {
            Some(rest) => Some(rest),
            None => {
                let digits = self.text.bytes().take_while(u8::is_ascii_digit).count();
                let numbered = (1..=2).contains(&digits);
                numbered.then(|| self.text[digits..].strip_prefix(['.', ')'])).flatten()
            }
        };
        after_mark.is_some_and(|rest| rest.starts_with(char::is_whitespace))
    }
}

/// Tells whether a reader sees nothing of `c`.
fn is_blank(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{feff}')
}

/// The lines of a text, blank ones too. A carriage return ends a line like a line feed; the two
/// together end one.
struct Lines<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Iterator for Lines<'a> {
    type Item = Line<'a>;

    fn next(&mut self) -> Option<Line<'a>> {
        let rest = self.text.get(self.at..).filter(|rest| !rest.is_empty())?;
        let end = line_len(rest.as_bytes());
        let line = &rest[..end];
        let trimmed = line.trim_start_matches(is_blank);
        let start = self.at + line.len() - trimmed.len();
        let break_len = match &rest.as_bytes()[end..] {
            [b'\r', b'\n', ..] => 2,
            _ => rest[end..].chars().next().map_or(0, char::len_utf8),
        };
        self.at += end + break_len;
        Some(Line { start, text: trimmed.trim_end_matches(is_blank) })
    }
}

/// Returns the length of the line that `text` begins with.
fn line_len(text: &[u8]) -> usize {
    // Unicode's own line breaks begin with this byte, as most quotation marks do.
    let mut places = memchr::memchr3_iter(b'\n', b'\r', 0xe2, text);
    let is_break =
        |at: &usize| matches!(&text[*at..], [b'\n' | b'\r', ..] | [0xe2, 0x80, 0xa8 | 0xa9, ..]);
    places.find(is_break).unwrap_or(text.len())
}

/// What the line breaks of a text mean.
struct Layout {
    /// Whether each line is a passage.
    lines_are_passages: bool,
    /// The longest passage, in bytes.
    passage_max: usize,
}

impl Layout {
    fn of(lines: &[Line<'_>]) -> Layout {
        let filled = lines.iter().filter(|line| !line.text.is_empty());
        let n_filled = filled.clone().count();
        let blocks = lines.split(|line| line.text.is_empty()).filter(|block| !block.is_empty());
        // A few blank lines among many others part sections of the page, not its paragraphs.
        let few_blocks = 8 * blocks.count() <= n_filled.max(8);
        let passage_max = if n_filled == 1 { ONE_LINE_PASSAGE_MAX } else { PASSAGE_BYTES_MAX };
        Layout { lines_are_passages: few_blocks && !is_wrapped(filled), passage_max }
    }

    /// Tells whether the line break between two lines parts passages.
    fn parts(&self, line: &Line<'_>, next: &Line<'_>) -> bool {
        self.lines_are_passages
            || next.is_list_item()
            || WRAPPED_LINE_MAX < line.text.len().max(next.text.len())
    }
}

/// Tells whether the lines were broken to fit a width: most are nearly full, and end amid a sentence.
fn is_wrapped<'t>(lines: impl Iterator<Item = &'t Line<'t>> + Clone) -> bool {
    let usual = WRAPPED_LINE_MIN..=WRAPPED_LINE_MAX;
    let longest = lines.clone().map(|line| line.text.len()).max().unwrap_or(0);
    let full = lines.clone().filter(|line| usual.contains(&line.text.len())).count();
    let n_lines = lines.clone().count();
    longest <= WRAPPED_LINE_MAX
        && n_lines <= 2 * full
        && 2 * lines.filter(|line| ends_sentence(line.text)).count() <= n_lines
}

/// Adds the passage of `text` from `start` to `end`, cut into several if it is longer than `max`.
fn cut(text: &str, mut start: usize, end: usize, max: usize, passages: &mut Vec<Passage>) {
    while start < end {
        let rest = &text[start..end];
        let piece = if max < rest.len() { first_piece(rest, max) } else { rest };
        let trimmed = piece.trim_end_matches(is_blank);
        if !trimmed.is_empty() {
            let span = Span::new(start, start + trimmed.len());
            passages.push(Passage {
                span,
                kind: kind(trimmed),
                is_closed: ends_sentence(trimmed),
                region: Region::Body,
            });
        }
        let next = &text[start + piece.len()..end];
        start = end - next.trim_start_matches(is_blank).len();
    }
}

/// Returns what of `text` fits into `max` bytes: whole sentences if there are, else whole words.
fn first_piece(text: &str, max: usize) -> &str {
    let window = &text[..text.floor_char_boundary(max)];
    let mut spaces = window.char_indices().rev().filter(|&(_, c)| c.is_whitespace());
    let last_space = spaces.clone().next().map(|(at, _)| at);
    let sentence = spaces.find(|&(at, _)| ends_sentence(&window[..at])).map(|(at, _)| at);
    match sentence.or(last_space).filter(|&at| 0 < at) {
        Some(at) => &window[..at],
        None => window,
    }
}

/// Tells whether a sentence ends where `text` ends.
pub fn ends_sentence(text: &str) -> bool {
    let unquoted = text.trim_end_matches(['"', '\'', '”', '’', '»', ')', ']']);
    unquoted.ends_with(['.', '!', '?', '…', '。', '！', '？', '؟', '।'])
}

fn kind(text: &str) -> PassageKind {
    if !text.contains(char::is_alphanumeric) {
        PassageKind::Rule
    } else if is_open(text) && has_few_words(text) {
        PassageKind::Heading
    } else {
        PassageKind::Body
    }
}

/// Tells whether `text` has at most [`HEADING_WORDS_MAX`] words.
fn has_few_words(text: &str) -> bool {
    // Few bytes that white space may begin with, or many words that begin after a space, answer it for
    // most: such bytes are counted many at a time, other white space takes one character at a time.
    let start = &text.as_bytes()[..text.len().min(usize::from(u8::MAX))];
    let may_be_space = |byte| matches!(byte, 0x09..=0x0d | b' ' | 0xc2 | 0xe1..=0xe3);
    let more_max = start.iter().map(|&byte| u8::from(may_be_space(byte))).sum::<u8>();
    if start.len() == text.len() && usize::from(more_max) < HEADING_WORDS_MAX {
        return true;
    }
    let begins_word = |(before, byte): (&u8, &u8)| *before == b' ' && byte.is_ascii_graphic();
    let pairs = start.iter().zip(start.iter().skip(1));
    let more_min = pairs.map(|pair| u8::from(begins_word(pair))).sum::<u8>();
    usize::from(more_min) < HEADING_WORDS_MAX
        && text.split_whitespace().take(HEADING_WORDS_MAX + 1).count() <= HEADING_WORDS_MAX
}

/// Tells whether `text` has no sign at its end that closes it.
fn is_open(text: &str) -> bool {
    !ends_sentence(text) && !text.ends_with([':', ';', ',', '"', '”', ')'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        let got: Vec<&str> = passages(text).iter().map(|p| &text[p.span.range()]).collect();
        assert_eq!(got, expected, "text={text:?}");
    }

    #[test]
    fn blank_lines_part_passages_whatever_they_are_made_of() {
        check("a b\n\nc\n \t\nd", &["a b", "c", "d"]);
        check("\r\n a\r\n\r\nb\u{a0}\r\n\u{a0}\r\nc", &["a", "b", "c"]);
        check("a\r\rb", &["a", "b"]);
        check("“a”\u{2028}\u{2029}“b”", &["“a”", "“b”"]);
        check("", &[]);
        check(" \n\u{200b}\n", &[]);
    }

    #[test]
    fn a_line_break_in_a_block_wraps() {
        check("A heading\n\nTom\nJerry\n\nx\n\ny", &["A heading", "Tom\nJerry", "x", "y"]);
    }

    #[test]
    fn lines_are_passages_where_there_are_no_blank_lines() {
        check(
            "Sanctions bite\nThe rouble fell.\nBuy now",
            &["Sanctions bite", "The rouble fell.", "Buy now"],
        );
    }

    #[test]
    fn lines_of_even_width_are_wrapped() {
        let line = "the delegates of both sides met for a third round of";
        let text = [line; 5].join("\n");
        check(&text, &[&text]);
    }

    #[test]
    fn a_long_line_is_a_paragraph() {
        let long = "word ".repeat(30);
        let long = long.trim();
        check(&format!("short\n{long}\n{long}\n\nend"), &["short", long, long, "end"]);
    }

    #[test]
    fn list_items_are_passages() {
        check(
            "Topics:\n- oil\n• gas\n1. coal\n2) wind\n\nEnd\n\nx",
            &["Topics:", "- oil", "• gas", "1. coal", "2) wind", "End", "x"],
        );
    }

    #[test]
    fn a_single_line_is_cut_where_sentences_end() {
        let sentence = format!("{}end.", "word ".repeat(40));
        let text = format!("{sentence} {sentence} {sentence}");
        check(&text, &[&sentence, &sentence, &sentence]);
    }

    #[test]
    fn a_passage_at_the_limit_stays_whole_and_one_byte_more_is_cut() {
        let whole = format!("{} b", "a".repeat(PASSAGE_BYTES_MAX - 2));
        check(&format!("{whole}\n\nend"), &[&whole, "end"]);
        let more = format!("{whole}b");
        check(&format!("{more}\n\nend"), &[&more[..PASSAGE_BYTES_MAX - 2], "bb", "end"]);
    }

    #[test]
    fn a_text_without_spaces_is_cut_between_characters() {
        let text = "外".repeat(ONE_LINE_PASSAGE_MAX);
        let pieces = passages(&text);
        assert!(pieces.iter().all(|piece| text.get(piece.span.range()).is_some()));
        assert_eq!(pieces.iter().map(|piece| piece.span.range().len()).sum::<usize>(), text.len());
    }

    #[test]
    fn kinds_are_told_by_their_looks() {
        let kinds = |text: &str| passages(text).iter().map(|p| p.kind).collect::<Vec<_>>();
        let expected = [PassageKind::Heading, PassageKind::Rule, PassageKind::Body];
        assert_eq!(kinds("Envoys to meet\n\n* * *\n\nThey met."), expected);
        assert_eq!(kinds(&"word ".repeat(HEADING_WORDS_MAX)), [PassageKind::Heading]);
        assert_eq!(kinds(&"word ".repeat(HEADING_WORDS_MAX + 1)), [PassageKind::Body]);
    }

    #[test]
    fn words_are_few_or_many_whatever_they_and_the_space_between_them_are_made_of() {
        let words = ["a", "é", "“à", "文字", "\u{2019}", &"long".repeat(20)];
        let spaces = [" ", "  ", "\t", "\u{a0}", " \u{a0} ", "\u{2003}", "\u{3000}", "\r\n"];
        for (word, space) in words.iter().flat_map(|word| spaces.map(|space| (word, space))) {
            for count in [1, 2, HEADING_WORDS_MAX, HEADING_WORDS_MAX + 1, 100] {
                let text = vec![*word; count].join(space);
                assert_eq!(has_few_words(&text), count <= HEADING_WORDS_MAX, "text={text:?}");
            }
        }
    }
}
