//! Answers as one page for a browser, that needs nothing else.

use maud::{DOCTYPE, Markup, html};

use super::{
    answer::PassageJson,
    show::{Shown, ShownPassage},
};

/// The colours of labels by their place, in light and dark.
const STYLE: &str = include_str!("show.css");

/// The number of label colours in the style.
const COLOURS: usize = 5;

/// Returns the page. Texts are escaped; the page runs no script and loads nothing.
pub(super) fn page(documents: &[Shown<'_>]) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "newsdesk: passages" }
                style { (maud::PreEscaped(STYLE)) }
            }
            body { main { @for document in documents { (article(document)) } } }
        }
    };
    page.into_string()
}

fn article(shown: &Shown<'_>) -> Markup {
    let answer = &shown.answer;
    let decision = answer.label.as_deref().or(answer.abstained.as_deref()).unwrap_or("?");
    let passages = answer.passages.iter().flatten().zip(&shown.passages);
    html! {
        article {
            header {
                @if let Some(name) = &shown.name { p.name { (name) } }
                h1 { (decision) }
                dl {
                    @for (place, (label, probability)) in answer.probabilities.0.iter().enumerate() {
                        div class={ "bar c" (place % COLOURS) } {
                            dt { (label) }
                            dd {
                                meter min="0" max="1" value=(probability) {}
                                (percent(*probability))
                            }
                        }
                    }
                }
                p.hint { "Bold words speak for a passage’s own likeliest label, underlined ones against it." }
            }
            @for (passage, seen) in passages { (section(shown, passage, seen)) }
            footer { "model " (answer.model.name) " " (answer.model.version) " " (answer.model.digest) }
        }
    }
}

fn section(shown: &Shown<'_>, passage: &PassageJson<'_>, seen: &ShownPassage) -> Markup {
    let (name, place) = shown.section(passage);
    let class = place.map_or("none".to_owned(), |place| format!("c{}", place % COLOURS));
    html! {
        section class={ "passage " (class) } {
            aside { b { (name) } " " (percent(passage.probability)) }
            p { (marked(seen)) }
        }
    }
}

fn marked(seen: &ShownPassage) -> Markup {
    let mut parts = Vec::new();
    seen.runs(|run, evidence| parts.push((run, evidence)));
    html! {
        @for (run, evidence) in parts {
            @match evidence {
                None => (run),
                Some(true) => b { (run) },
                Some(false) => u { (run) },
            }
        }
    }
}

fn percent(probability: f64) -> String {
    format!("{:.0} %", 100.0 * probability)
}
