//! Output for people: colour and progress, on a terminal only.

use std::{
    io::{self, IsTerminal as _, Write as _},
    time::Duration,
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use newsdesk::corpus::{BytesRead, Corpus};

/// How often progress is drawn.
const TICK: Duration = Duration::from_millis(200);

/// A colour of text.
#[derive(Clone, Copy, Debug)]
pub(super) enum Colour {
    Blue,
    Yellow,
    Magenta,
    Cyan,
    Green,
    Grey,
}

/// Colours, or none.
#[derive(Clone, Copy, Debug)]
pub(super) struct Paint {
    on: bool,
}

impl Paint {
    /// Returns colours if standard output is a terminal.
    pub(super) fn stdout() -> Paint {
        Paint { on: io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none() }
    }

    pub(super) fn bold(self, text: &str) -> String {
        self.wrap("1", text)
    }

    pub(super) fn dim(self, text: &str) -> String {
        self.wrap("2", text)
    }

    pub(super) fn underline(self, text: &str) -> String {
        self.wrap("4", text)
    }

    pub(super) fn colour(self, colour: Colour, text: &str) -> String {
        let code = match colour {
            Colour::Blue => "34",
            Colour::Yellow => "33",
            Colour::Magenta => "35",
            Colour::Cyan => "36",
            Colour::Green => "32",
            Colour::Grey => "90",
        };
        self.wrap(code, text)
    }

    pub(super) fn good(self, text: &str) -> String {
        self.wrap("32", text)
    }

    pub(super) fn bad(self, text: &str) -> String {
        self.wrap("31", text)
    }

    fn wrap(self, code: &str, text: &str) -> String {
        if self.on { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// Returns a progress bar for reading `corpus`, hidden where standard error is no terminal.
pub(super) fn progress(corpus: &Corpus, what: &'static str) -> ProgressBar {
    bar(corpus.bytes_total(), what)
}

/// Returns a progress bar for reading so many bytes, hidden as well where answers go to the terminal.
pub(super) fn progress_beside_output(bytes_total: Option<u64>, what: &'static str) -> ProgressBar {
    if io::stdout().is_terminal() { ProgressBar::hidden() } else { bar(bytes_total, what) }
}

fn bar(bytes_total: Option<u64>, what: &'static str) -> ProgressBar {
    let bar = match bytes_total {
        Some(bytes) => ProgressBar::new(bytes).with_style(style(
            "{msg} [{bar:30}] {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left",
        )),
        None => ProgressBar::no_length().with_style(style("{msg} {bytes}, {bytes_per_sec}")),
    };
    bar.set_draw_target(ProgressDrawTarget::stderr());
    bar.set_message(what);
    bar
}

/// Draws `bar` by the bytes that were read, until `work` is done.
pub(super) fn while_reading<T>(
    bar: &ProgressBar,
    read: &BytesRead,
    work: impl FnOnce() -> T + Send,
) -> T
where
    T: Send,
{
    if bar.is_hidden() {
        return work();
    }
    std::thread::scope(|scope| {
        let (done, is_done) = std::sync::mpsc::channel::<()>();
        scope.spawn(move || {
            while is_done.recv_timeout(TICK) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
                bar.set_position(read.get());
            }
            bar.finish_and_clear();
        });
        let result = work();
        drop(done);
        result
    })
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template)
        .expect("the template is well formed")
        .progress_chars("=> ")
}

/// Tells people something on standard error. If that cannot be written, since the disk that it goes to is full,
/// say, nobody is told; `eprintln` would panic, and a server must not end for that.
pub(super) fn tell(text: impl std::fmt::Display) {
    let _ = writeln!(io::stderr(), "{text}");
}
