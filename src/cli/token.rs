//! `newsdesk token`: randomness as a token, and its line for the file of tokens.

use std::{
    fmt::Write as _,
    fs::File,
    io::{self, Read as _, Write as _},
    process::ExitCode,
};

use anyhow::Context as _;
use clap::ValueEnum;
use newsdesk::server::{Tokens, hash_token};

/// The bytes of randomness in a token: nobody guesses them.
const TOKEN_BYTES: usize = 32;

/// What tells a token of newsdesk from other secrets, for those who look for leaks.
const PREFIX: &str = "newsdesk_";

/// `newsdesk token`, as typed.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:
  newsdesk token feeds --until 2027-01-31 >> tokens     the token itself is shown on standard error, once
  newsdesk serve --tokens tokens

A line of the file is ROLES NAME SHA256 [LAST-DAY]. Clients send `authorization: Bearer <token>`.")]
pub(super) struct TokenArgs {
    /// Who gets the token; for people only
    name: String,
    /// What the token is good for; may be given again
    #[arg(long = "role", value_enum, default_values_t = [Role::Call])]
    roles: Vec<Role>,
    /// The last day of the token, in UTC
    #[arg(long, value_name = "YYYY-MM-DD")]
    until: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
enum Role {
    /// Have documents labelled
    Call,
    /// Change the models
    Admin,
}

impl TokenArgs {
    pub(super) fn run(mut self) -> anyhow::Result<ExitCode> {
        anyhow::ensure!(
            !self.name.is_empty() && !self.name.contains(char::is_whitespace),
            "the name `{}` is empty or has blanks; write one word",
            self.name
        );
        self.roles.sort_unstable();
        self.roles.dedup();
        let roles = self.roles.iter().map(|role| match role {
            Role::Call => "call",
            Role::Admin => "admin",
        });
        let roles: Vec<&str> = roles.collect();
        let token = random_token().context("cannot get randomness from the system")?;
        let until = self.until.map(|day| format!(" {day}")).unwrap_or_default();
        let line = format!("{} {} {}{until}", roles.join(","), self.name, hash_token(&token));
        Tokens::check_line(&line).map_err(anyhow::Error::msg)?;
        eprintln!("{token}");
        writeln!(io::stdout(), "{line}")?;
        Ok(ExitCode::SUCCESS)
    }
}

fn random_token() -> io::Result<String> {
    let mut bytes = [0; TOKEN_BYTES];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().fold(PREFIX.to_owned(), |mut token, byte| {
        write!(token, "{byte:02x}").expect("a string takes what is written to it");
        token
    }))
}
