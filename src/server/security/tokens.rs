//! Lines of a file as the tokens that clients may show.
//!
//! ```text
//! # roles     name   SHA-256 of the token, in hexadecimal digits   the last day, if there is one
//! call        feeds  9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
//! call,admin  ops    60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752  2027-01-31
//! ```
//!
//! Only hashes are kept, so the file betrays no token. Tokens are long and random, which is why one pass of
//! SHA-256 is enough.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};

use arc_swap::ArcSwap;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::{access::Role, date::Day};

/// The most tokens of a file. All are compared with each that is shown.
const TOKENS_MAX: usize = 1000;

/// The tokens that clients may show.
#[derive(Debug)]
pub struct Tokens {
    path: PathBuf,
    lines: ArcSwap<Lines>,
}

/// Why a file holds no tokens. What stands in it is not repeated: it could be a token itself.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The file cannot be read.
    #[error("cannot read the file of tokens {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A line cannot be understood.
    #[error(
        "{path}:{line}: {what}; a line is ROLES NAME SHA256 [LAST-DAY], see `newsdesk token --help`"
    )]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        what: &'static str,
    },
    /// There are too many, or none.
    #[error("{path} has {tokens} tokens, 1 to {TOKENS_MAX} are possible")]
    Number {
        /// The file.
        path: PathBuf,
        /// How many there are.
        tokens: usize,
    },
}

#[derive(Debug)]
struct Lines {
    text: String,
    tokens: Vec<Token>,
}

#[derive(Debug)]
struct Token {
    hash: [u8; 32],
    is_call: bool,
    is_admin: bool,
    last_day: Option<Day>,
}

/// What a token is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    Good,
    Unknown,
    Expired,
    OtherRole,
}

/// Returns what a file of tokens has of `token`: its SHA-256, in hexadecimal digits.
pub fn hash_token(token: &str) -> String {
    use std::fmt::Write as _;
    Sha256::digest(token).iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").expect("a string takes what is written to it");
        hex
    })
}

impl Tokens {
    /// Reads the tokens of a file.
    pub fn open(path: &Path) -> Result<Tokens, TokenError> {
        let lines = Lines::read(path)?;
        Ok(Tokens { path: path.to_owned(), lines: ArcSwap::from_pointee(lines) })
    }

    /// Tells what is wrong with a line of such a file, if something is.
    pub fn check_line(line: &str) -> Result<(), &'static str> {
        Token::parse(line).map(|_| ())
    }

    /// Reads the file again.
    pub(super) fn reload(&self) -> Result<(), TokenError> {
        let lines = Lines::read(&self.path)?;
        if lines.text != self.lines.load().text {
            tracing::info!(tokens = lines.tokens.len(), "tokens changed");
            self.lines.store(Arc::new(lines));
        }
        Ok(())
    }

    /// Tells what `shown` is good for, where `role` is needed.
    pub(super) fn standing(&self, shown: &[u8], role: Role, now: SystemTime) -> Standing {
        let hash: [u8; 32] = Sha256::digest(shown).into();
        let lines = self.lines.load();
        // All are compared, and each whole, so that time tells nothing.
        let found = lines.tokens.iter().fold(None, |found, token| {
            if bool::from(token.hash.ct_eq(&hash)) { Some(token) } else { found }
        });
        let Some(token) = found else { return Standing::Unknown };
        let has_role = match role {
            Role::Call => token.is_call,
            Role::Admin => token.is_admin,
        };
        match token.last_day {
            Some(day) if day.is_over(now) => Standing::Expired,
            _ if has_role => Standing::Good,
            _ => Standing::OtherRole,
        }
    }
}

impl Lines {
    fn read(path: &Path) -> Result<Lines, TokenError> {
        let text = fs::read_to_string(path)
            .map_err(|source| TokenError::Read { path: path.to_owned(), source })?;
        let lines = text.lines().map(str::trim).zip(1..);
        let lines = lines.filter(|(text, _)| !text.is_empty() && !text.starts_with('#'));
        let tokens: Result<Vec<Token>, TokenError> = lines
            .map(|(text, line)| {
                Token::parse(text).map_err(|what| TokenError::Line {
                    path: path.to_owned(),
                    line,
                    what,
                })
            })
            .collect();
        let tokens = tokens?;
        if !(1..=TOKENS_MAX).contains(&tokens.len()) {
            return Err(TokenError::Number { path: path.to_owned(), tokens: tokens.len() });
        }
        Ok(Lines { text, tokens })
    }
}

impl Token {
    fn parse(line: &str) -> Result<Token, &'static str> {
        let mut words = line.split_whitespace();
        let roles = words.next().unwrap_or_default();
        let _name = words.next().ok_or("the name is missing")?;
        let hash = words
            .next()
            .and_then(hash)
            .ok_or("the third word is no SHA-256 of 64 hexadecimal digits")?;
        let last_day =
            words.next().map(|day| Day::parse(day).ok_or("the last day is not as 2027-01-31"));
        if words.next().is_some() {
            return Err("there is more than four words");
        }
        let mut token =
            Token { hash, is_call: false, is_admin: false, last_day: last_day.transpose()? };
        for role in roles.split(',') {
            match role {
                "call" => token.is_call = true,
                "admin" => token.is_admin = true,
                _ => return Err("the roles are not `call`, `admin` or `call,admin`"),
            }
        }
        Ok(token)
    }
}

fn hash(hex: &str) -> Option<[u8; 32]> {
    let mut hash = [0; 32];
    if hex.len() != 64 || !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    for (byte, digits) in hash.iter_mut().zip(hex.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    }
    Some(hash)
}
