//! What is told of a panic: where it was, and nothing of what it was about.

use std::{
    backtrace::{Backtrace, BacktraceStatus},
    panic::{self, PanicHookInfo},
};

use super::terminal::tell as tell_people;

/// Has panics told without their messages, from now on.
///
/// A panic is a fault of newsdesk, and its message can quote a document: that of a slice which misses
/// a character's boundary repeats the text.
pub(super) fn keep_messages_back() {
    panic::set_hook(Box::new(tell));
}

fn tell(panic: &PanicHookInfo<'_>) {
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    let backtrace = Backtrace::capture();
    if tracing::dispatcher::has_been_set() {
        tracing::error!(place, "panic");
    } else {
        tell_people(format!(
            "newsdesk failed at {place}, which is a fault of newsdesk; please report it"
        ));
    }
    if backtrace.status() == BacktraceStatus::Captured {
        tell_people(backtrace);
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    #[ignore = "it is the process that the test below runs"]
    fn panics_with_a_document() {
        keep_messages_back();
        let text = "quökkas";
        let _ = std::hint::black_box(&text[..std::hint::black_box(3)]);
    }

    #[test]
    fn a_panic_tells_its_place_and_not_the_document() {
        let child = Command::new(std::env::current_exe().unwrap())
            .args([
                "cli::panic::tests::panics_with_a_document",
                "--exact",
                "--ignored",
                "--nocapture",
            ])
            .output()
            .unwrap();
        let told = String::from_utf8(child.stderr).unwrap();
        assert!(!child.status.success());
        assert!(told.contains("failed at src/cli/panic.rs:"), "{told}");
        assert!(!told.contains("kkas"), "{told}");
    }
}
