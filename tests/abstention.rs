//! A text that the built-in model cannot tell ends as an abstention.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use newsdesk::{
    model::{AbstentionReason, Decision, ThresholdError, ThresholdOverrides},
    text::Document,
};

#[track_caller]
fn check(text: &str, expected: AbstentionReason) {
    let answer = newsdesk::default_model().classify(&Document::new(text).unwrap(), 0);
    assert_eq!(answer.decision, Decision::Abstain(expected), "text={text:?}");
}

#[test]
fn other_languages_are_few_known_words() {
    for text in [
        "Le ministre a annoncé que les négociations reprendront la semaine prochaine à Genève.",
        "Der Minister erklärte, dass die Verhandlungen nächste Woche in Genf fortgesetzt werden.",
        "Jetzt anmelden und zwanzig Prozent Rabatt auf alle Karten für die Messe sichern!",
        "El ministro anunció que las negociaciones se reanudarán la próxima semana en Ginebra.",
        "Compra ya tus entradas para la feria y aprovecha el descuento del veinte por ciento.",
        "Il ministro ha annunciato che i negoziati riprenderanno la prossima settimana a Ginevra.",
        "O ministro anunciou que as negociações serão retomadas na próxima semana em Genebra.",
        "De minister zei dat de onderhandelingen volgende week in Genève worden hervat.",
        "Ministern meddelade att förhandlingarna återupptas i Genève nästa vecka.",
        "Minister ogłosił, że rozmowy zostaną wznowione w przyszłym tygodniu w Genewie.",
        "Bakan, görüşmelerin gelecek hafta Cenevre'de yeniden başlayacağını açıkladı.",
        "Ministeri ilmoitti, että neuvottelut jatkuvat ensi viikolla Genevessä.",
        "Menteri mengumumkan bahwa perundingan akan dilanjutkan minggu depan di Jenewa.",
        "Министр объявил, что переговоры возобновятся на следующей неделе в Женеве.",
        "أعلن الوزير أن المفاوضات ستستأنف الأسبوع المقبل في جنيف.",
        "मंत्री ने घोषणा की कि वार्ता अगले सप्ताह जिनेवा में फिर से शुरू होगी।",
        "部长宣布谈判将于下周在日内瓦恢复。",
        "大臣は来週ジュネーブで交渉が再開されると発表した。",
    ] {
        check(text, AbstentionReason::FewKnownWords);
    }
}

#[test]
fn gibberish_is_few_known_words() {
    for text in [
        "asdkj qwpoeiru zxmcnv laksjdf poqwieur mznxbcv",
        "fjdksl ghtyq rueiw woqp alskdj fhgz",
        "Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor",
        "aGVsbG8gd29ybGQ dGhpcyBpcyBh dGVzdCBzdHJpbmc",
    ] {
        check(text, AbstentionReason::FewKnownWords);
    }
}

#[test]
fn signs_and_numbers_are_too_short() {
    for text in ["!!! ??? ... ---", "12 34 56 78", "😀😀😀 🎉🎉"] {
        check(text, AbstentionReason::TooShort);
    }
}

#[test]
fn a_stated_risk_takes_a_margin_and_a_lower_one_no_smaller() {
    let model = newsdesk::default_model();
    let margin = |max_error| {
        let overrides = ThresholdOverrides { max_error: Some(max_error), ..Default::default() };
        model.thresholds_with(&overrides).map(|thresholds| thresholds.margin_min)
    };
    assert_eq!(margin(1.0), Ok(0.0));
    let margins = [0.05, 0.03, 0.02, 0.01].map(|max_error| margin(max_error).unwrap());
    assert!(margins.is_sorted() && 0.0 < margins[0], "{margins:?}");
    assert_eq!(margin(2.0), Err(ThresholdError::Share { field: "max_error", value: 2.0 }));
}

#[test]
fn a_model_that_was_not_measured_keeps_no_stated_risk() {
    let mut model = newsdesk::default_model().as_ref().clone();
    model.card.figures = None;
    let overrides = ThresholdOverrides { max_error: Some(0.5), ..Default::default() };
    assert_eq!(model.thresholds_with(&overrides), Err(ThresholdError::NotMeasured));
}
