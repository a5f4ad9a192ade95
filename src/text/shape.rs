//! Numbers, addresses and signs: tokens that are told by their shape.
//!
//! What a number or an address says is rarely seen twice; that there is one, often. Each function
//! looks at the start of `rest`, and no further than [`TOKEN_BYTES_MAX`] bytes.

use super::{TokenKind, tokenize::TOKEN_BYTES_MAX};

/// A number at the start of a text.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Number {
    /// The number's length in bytes.
    pub(super) len: usize,
    pub(super) kind: TokenKind,
    pub(super) name: &'static str,
}

/// Returns the normal form that all tokens of `kind` share.
pub(super) fn name(kind: TokenKind) -> &'static str {
    match kind {
        TokenKind::Word => "<word>",
        TokenKind::Number => "<number>",
        TokenKind::Year => "<year>",
        TokenKind::Date => "<date>",
        TokenKind::Time => "<time>",
        TokenKind::Percent => "<percent>",
        TokenKind::Money => "<money>",
        TokenKind::Phone => "<phone>",
        TokenKind::Url => "<url>",
        TokenKind::Email => "<email>",
        TokenKind::Hashtag => "<hashtag>",
        TokenKind::Mention => "<mention>",
        TokenKind::Mark => "<mark>",
        TokenKind::Quote => "<quote>",
        TokenKind::Exclamation => "<!>",
        TokenKind::Question => "<?>",
    }
}

/// Numbers of five digits and more are one.
const NUMBER_NAMES: [&str; 5] = ["<n1>", "<n2>", "<n3>", "<n4>", "<n5>"];

/// The endings by which a domain is known when nothing else tells that it is one. Sentences that are
/// glued together by a missing space look like a domain too, so this is a closed list.
const DOMAIN_ENDINGS: [&[u8]; 20] = [
    b"com", b"org", b"net", b"io", b"gov", b"edu", b"info", b"biz", b"eu", b"uk", b"de", b"fr",
    b"ca", b"au", b"ch", b"nl", b"ie", b"ai", b"app", b"dev",
];

/// Returns the web or e-mail address at the start of `rest`, which starts with a letter or a digit.
pub(super) fn address(rest: &[u8]) -> Option<(TokenKind, usize)> {
    let window = &rest[..rest.len().min(TOKEN_BYTES_MAX)];
    let has = |prefix: &[u8]| {
        window.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
    };
    if has(b"http://") || has(b"https://") || has(b"www.") {
        return Some((TokenKind::Url, url_len(rest)));
    }
    let local = run(window, |byte| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'+' | b'-')
    });
    if window.get(local) == Some(&b'@') {
        let host = host_len(&window[local + 1..]);
        return (0 < host).then_some((TokenKind::Email, local + 1 + host));
    }
    let host = host_len(window);
    let ending = window[..host].iter().rposition(|&byte| byte == b'.')?;
    let is_domain =
        DOMAIN_ENDINGS.iter().any(|known| known.eq_ignore_ascii_case(&window[ending + 1..host]));
    let path = if window.get(host) == Some(&b'/') { url_len(&rest[host..]) } else { 0 };
    is_domain.then_some((TokenKind::Url, host + path))
}

/// Returns the length of the address up to the next space, bracket or quotation mark, without the
/// punctuation of the sentence that ends with it.
///
/// Addresses can be long, so this is no look-ahead: all of it is one token.
fn url_len(rest: &[u8]) -> usize {
    let len = run(rest, |byte| byte.is_ascii_graphic() && !b"\"'<>()[]{}".contains(&byte));
    let tail = rest[..len].iter().rev().take_while(|byte| b".,;:!?".contains(byte)).count();
    len - tail
}

fn host_len(window: &[u8]) -> usize {
    let len = run(window, |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'));
    let tail = window[..len].iter().rev().take_while(|byte| matches!(byte, b'.' | b'-')).count();
    len - tail
}

fn run(bytes: &[u8], belongs: impl Fn(u8) -> bool) -> usize {
    bytes.iter().take_while(|&&byte| belongs(byte)).count()
}

/// Returns the number at the start of `rest`, which starts with a digit.
pub(super) fn number(rest: &[u8]) -> Number {
    let shaped = |kind, len| Number { len, kind, name: name(kind) };
    let window = &rest[..rest.len().min(TOKEN_BYTES_MAX)];
    if let Some(len) = date_len(window) {
        return shaped(TokenKind::Date, len);
    }
    if let Some(len) = phone_len(window) {
        return shaped(TokenKind::Phone, len);
    }
    if let Some(len) = time_len(window) {
        return shaped(TokenKind::Time, len);
    }
    let len = amount_len(rest);
    if rest.get(len) == Some(&b'%') {
        return shaped(TokenKind::Percent, len + 1);
    }
    if len == 4 && is_year(rest) {
        return shaped(TokenKind::Year, len);
    }
    let digits = rest[..len].iter().filter(|byte| byte.is_ascii_digit()).count();
    let name = NUMBER_NAMES[digits.clamp(1, NUMBER_NAMES.len()) - 1];
    Number { len, kind: TokenKind::Number, name }
}

/// Tells whether `rest` starts with four digits, from 1800 to 2099.
fn is_year(rest: &[u8]) -> bool {
    matches!(rest, [b'1', b'8' | b'9', b, c, ..] | [b'2', b'0', b, c, ..]
        if b.is_ascii_digit() && c.is_ascii_digit())
}

/// Returns the length of the digits at the start, with the points and commas between them.
fn amount_len(rest: &[u8]) -> usize {
    let mut len = run(rest, |byte| byte.is_ascii_digit());
    while matches!(rest.get(len), Some(b'.' | b','))
        && rest.get(len + 1).is_some_and(u8::is_ascii_digit)
    {
        len += 1 + run(&rest[len + 1..], |byte| byte.is_ascii_digit());
    }
    len
}

/// Returns the digits at `at`: how many they are.
fn digits_at(window: &[u8], at: usize) -> usize {
    window.get(at..).map_or(0, |rest| run(rest, |byte| byte.is_ascii_digit()))
}

/// Recognises `2026-11-23`, `23/11/2026`, `23.11.26`.
fn date_len(window: &[u8]) -> Option<usize> {
    let first = digits_at(window, 0);
    let separator = *window.get(first)?;
    if !b"-/.".contains(&separator) {
        return None;
    }
    let second = digits_at(window, first + 1);
    let third_at = first + 1 + second + 1;
    if window.get(third_at - 1) != Some(&separator) {
        return None;
    }
    let third = digits_at(window, third_at);
    let day_or_month = 1..=2;
    let is_date = day_or_month.contains(&second)
        && ((first == 4 && day_or_month.contains(&third))
            || (day_or_month.contains(&first) && (third == 2 || third == 4)));
    is_date.then_some(third_at + third)
}

/// Recognises `18:30`, `18:30:00`, `7pm`, `7 p.m.`, `7:30 pm`.
fn time_len(window: &[u8]) -> Option<usize> {
    let hours = digits_at(window, 0);
    if !(1..=2).contains(&hours) {
        return None;
    }
    let mut len = hours;
    while window.get(len) == Some(&b':') && digits_at(window, len + 1) == 2 {
        len += 3;
    }
    let suffix = window[len..].strip_prefix(b" ").unwrap_or(&window[len..]);
    let half = [&b"a.m."[..], b"p.m.", b"am", b"pm"].into_iter().find(|half| {
        suffix.get(..half.len()).is_some_and(|start| start.eq_ignore_ascii_case(half))
            && !suffix.get(half.len()).is_some_and(u8::is_ascii_alphanumeric)
    });
    match half {
        Some(half) => Some(window.len() - suffix.len() + half.len()),
        None => (hours < len).then_some(len),
    }
}

/// Recognises groups of digits with hyphens, spaces or brackets between them: 7 to 15 digits, the
/// last group three or more. `1914-1918` is no telephone number.
fn phone_len(window: &[u8]) -> Option<usize> {
    if is_year(window) && window.get(4) == Some(&b'-') && is_year(&window[5..]) {
        return None;
    }
    let (mut len, mut digits, mut group, mut groups, mut hyphens) = (0, 0, 0, 0, 0);
    let mut end = None;
    while let Some(&byte) = window.get(len) {
        match byte {
            b'0'..=b'9' => {
                if group == 0 {
                    groups += 1;
                }
                group += 1;
                digits += 1;
                let after_digit = !window.get(len + 1).is_some_and(u8::is_ascii_alphanumeric);
                if after_digit
                    && 3 <= group
                    && 2 <= groups
                    && (7..=15).contains(&digits)
                    && 0 < hyphens
                {
                    end = Some(len + 1);
                }
            }
            b'-' | b'(' | b')' | b'+' => {
                group = 0;
                hyphens += 1;
            }
            b' ' => group = 0,
            _ => break,
        }
        if 15 < digits {
            break;
        }
        len += 1;
    }
    end
}

/// Returns the token that starts with the ASCII sign at the start of `rest`.
pub(super) fn sign(rest: &[u8]) -> Option<(TokenKind, usize)> {
    let next = rest.get(1).copied();
    match rest.first()? {
        b'"' => Some((TokenKind::Quote, 1)),
        b'!' => Some((TokenKind::Exclamation, 1)),
        b'?' => Some((TokenKind::Question, 1)),
        b'$' => money(1, &rest[1..]),
        b'+' | b'(' if next.is_some_and(|byte| byte.is_ascii_digit()) => {
            let window = &rest[..rest.len().min(TOKEN_BYTES_MAX)];
            phone_len(window).map(|len| (TokenKind::Phone, len))
        }
        b'#' if next.is_some_and(|byte| byte.is_ascii_alphabetic()) => {
            Some((TokenKind::Hashtag, 1 + handle_len(&rest[1..])))
        }
        b'@' if next.is_some_and(|byte| byte.is_ascii_alphabetic()) => {
            Some((TokenKind::Mention, 1 + handle_len(&rest[1..])))
        }
        _ => None,
    }
}

fn handle_len(rest: &[u8]) -> usize {
    run(rest, |byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Returns the token that starts with the sign `c` beyond ASCII, and how far it goes into `rest`.
pub(super) fn high_sign(c: char, rest: &[u8]) -> Option<(TokenKind, usize)> {
    match c {
        '“' | '”' | '„' | '«' | '»' => Some((TokenKind::Quote, 0)),
        '®' | '™' | '©' => Some((TokenKind::Mark, 0)),
        '€' | '£' | '¥' | '₹' | '₦' | '₽' => money(0, rest),
        _ => None,
    }
}

/// Returns the sum of money whose sign of `width` bytes stands before `rest`.
fn money(width: usize, rest: &[u8]) -> Option<(TokenKind, usize)> {
    let space = usize::from(rest.first() == Some(&b' '));
    let amount = amount_len(&rest[space..]);
    (0 < amount).then_some((TokenKind::Money, width + space + amount))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_number(text: &str, name: &str, len: usize) {
        let number = number(text.as_bytes());
        assert_eq!((number.name, number.len), (name, len), "text={text:?}");
    }

    #[test]
    fn numbers_are_told_by_their_shape() {
        check_number("7 days", "<n1>", 1);
        check_number("1,700 stands", "<n4>", 5);
        check_number("123456789 of them", "<n5>", 9);
        check_number("2026.", "<year>", 4);
        check_number("1914-1918", "<year>", 4);
        check_number("2150", "<n4>", 4);
        check_number("2026-11-23T", "<date>", 10);
        check_number("23/11/26,", "<date>", 8);
        check_number("18:30 h", "<time>", 5);
        check_number("7 p.m. sharp", "<time>", 6);
        check_number("7 pmx", "<n1>", 1);
        check_number("12.5% more", "<percent>", 5);
        check_number("555-0123 ext", "<phone>", 8);
        check_number("020 7946-0958", "<phone>", 13);
    }

    #[track_caller]
    fn check_address(text: &str, expected: Option<(TokenKind, usize)>) {
        assert_eq!(address(text.as_bytes()), expected, "text={text:?}");
    }

    #[test]
    fn addresses_are_told_by_their_shape() {
        check_address("https://example.com/a?b=c. Then", Some((TokenKind::Url, 25)));
        check_address("WWW.Example.Org)", Some((TokenKind::Url, 15)));
        check_address("example.com/join us", Some((TokenKind::Url, 16)));
        check_address("a.b-c@example.com.", Some((TokenKind::Email, 17)));
    }

    #[test]
    fn sentences_without_a_space_between_them_are_no_address() {
        check_address("violence.TheIsrael", None);
        check_address("war.In the end", None::<(TokenKind, usize)>);
        check_address("well-known", None);
        check_address("a@", None);
    }

    #[track_caller]
    fn check_sign(text: &str, expected: Option<(TokenKind, usize)>) {
        assert_eq!(sign(text.as_bytes()), expected, "text={text:?}");
    }

    #[test]
    fn signs_start_money_handles_and_telephone_numbers() {
        check_sign("$1,200.50.", Some((TokenKind::Money, 9)));
        check_sign("$ and", None);
        check_sign("#expo2026 now", Some((TokenKind::Hashtag, 9)));
        check_sign("@desk", Some((TokenKind::Mention, 5)));
        check_sign("+49 30 555-0123", Some((TokenKind::Phone, 15)));
        check_sign("(2) ", None);
        check_sign("\"so", Some((TokenKind::Quote, 1)));
        assert_eq!(high_sign('€', b" 30 each"), Some((TokenKind::Money, 3)));
    }
}
