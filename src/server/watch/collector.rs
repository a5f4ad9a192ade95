//! Counters as the text that Prometheus reads.

use std::{fmt, sync::Arc};

use prometheus_client::{
    encoding::{DescriptorEncoder, EncodeMetric, NoLabelSet},
    metrics::{MetricType, counter::ConstCounter, gauge::ConstGauge},
    registry::{Registry as PrometheusRegistry, Unit},
};

use super::{
    counters::{ACCESS_REASONS, CODES, Counters, Histogram, get},
    process::Process,
    tally,
};
use crate::server::{
    connection::ConnectionCount,
    front::{METHODS, PlaceKind, Places},
    registry::{Registry, Served},
};

/// Everything that a server can tell of itself.
#[derive(Clone, Debug)]
pub(in crate::server) struct Collector {
    pub(in crate::server) counters: Arc<Counters>,
    pub(in crate::server) places: Places,
    pub(in crate::server) connections: ConnectionCount,
    pub(in crate::server) registry: Registry,
}

/// A sample's labels and its value.
type Sample<'a, const N: usize, T> = ([(&'static str, &'a str); N], T);

/// Writes families of samples.
struct Families<'a>(DescriptorEncoder<'a>);

impl Collector {
    /// Returns all figures as text, in the format of OpenMetrics.
    pub(super) fn text(&self) -> Result<String, fmt::Error> {
        let mut registry = PrometheusRegistry::with_prefix("newsdesk");
        registry.register_collector(Box::new(self.clone()));
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry)?;
        Ok(text)
    }

    fn requests(&self, to: &mut Families<'_>) -> fmt::Result {
        let methods = || METHODS.iter().zip(&self.counters.methods);
        let answered = methods().flat_map(|(method, counters)| {
            let by_code = CODES.iter().zip(&counters.answered);
            let samples =
                by_code.map(|(code, n)| ([("method", method.path), ("code", code)], get(n)));
            samples.filter(|(_, n)| 0 < *n)
        });
        to.counters("requests", "Requests that were answered or given up, by code", answered)?;
        let seconds =
            methods().map(|(method, counters)| ([("method", method.path)], &counters.seconds));
        let help = "Time from the head of a request to the end of its answer; streams are left out";
        to.histograms("request_duration", help, Some(&Unit::Seconds), seconds)?;
        let bytes = methods()
            .map(|(method, counters)| ([("method", method.path)], get(&counters.answer_bytes)));
        to.counters("answer_bytes", "Bytes of answers, as they were sent", bytes)
    }

    fn load(&self, to: &mut Families<'_>) -> fmt::Result {
        let kinds = || PlaceKind::ALL.iter();
        let taken = self.places.taken();
        let in_flight = kinds().map(|kind| ([("kind", kind.name())], taken[*kind as usize] as u64));
        to.gauges("in_flight", "Requests that hold a place, by kind", in_flight)?;
        let max = kinds().map(|kind| ([("kind", kind.name())], self.places.max(*kind) as u64));
        to.gauges("in_flight_max", "Places that there are, by kind", max)?;
        let shed = kinds().map(|kind| ([("kind", kind.name())], self.counters.shed_so_far(*kind)));
        to.counters("shed", "Requests that were refused since all places were taken", shed)?;
        to.gauges("connections", "Open connections", [([], self.connections.open() as u64)])?;
        let refused = get(&self.counters.connections_refused);
        to.counters("connections_refused", "Connections beyond the limit", [([], refused)])?;
        let failed = get(&self.counters.handshakes_failed);
        to.counters("tls_handshakes_failed", "TLS handshakes that failed", [([], failed)])?;
        let by_reason = ACCESS_REASONS.iter().zip(&self.counters.access_refused);
        let samples = by_reason.map(|(reason, n)| ([("reason", *reason)], get(n)));
        to.counters("access_refused", "Requests without the right token", samples)
    }

    fn models(&self, to: &mut Families<'_>) -> fmt::Result {
        let models = self.registry.models();
        let all: Vec<&Served> = models.all().map(AsRef::as_ref).collect();
        let info = all.iter().map(|served| {
            let reference = &served.reference;
            let digest = ("digest", reference.digest.as_str());
            ([("model", reference.name.as_str()), ("version", &reference.version), digest], 1)
        });
        to.gauges("model", "Models that can be asked, by their digests", info)?;
        let totals: Vec<_> = all.iter().map(|served| served.tally.totals()).collect();
        let decisions = all.iter().zip(&totals).flat_map(|(served, totals)| {
            let named = tally::outcome_names(&served.labels).zip(&totals.outcomes);
            named.map(|(outcome, &n)| ([model(served), version(served), ("outcome", outcome)], n))
        });
        to.counters("decisions", "Documents by label, or by reason for abstaining", decisions)?;
        let by_model = |value: fn(&tally::Totals) -> u64| {
            let samples = all.iter().zip(&totals);
            samples.map(move |(served, totals)| ([model(served), version(served)], value(totals)))
        };
        to.counters("document_bytes", "Bytes of documents", by_model(|t| t.document_bytes))?;
        to.counters("words", "Words of documents", by_model(|t| t.words))?;
        to.counters(
            "words_unknown",
            "Words that the model does not know",
            by_model(|t| t.words - t.words_known),
        )?;
        let probabilities = all
            .iter()
            .map(|served| ([model(served), version(served)], &served.tally.probabilities));
        let help = "Probability of the likeliest label; it drifts when the documents do";
        to.histograms("probability", help, None, probabilities)
    }
}

impl Collector {
    fn supply(&self, to: &mut Families<'_>) -> fmt::Result {
        let loads = self.registry.loads();
        let by_outcome =
            [("loaded", &loads.loaded), ("failed", &loads.failed), ("refused", &loads.refused)];
        let samples = by_outcome.map(|(outcome, n)| ([("outcome", outcome)], get(n)));
        to.counters(
            "model_loads",
            "Model files read, unusable, or refused by the gold set",
            samples,
        )?;
        let problems = self.registry.problems().len() as u64;
        to.gauges("problems", "What is wrong at the moment; /readyz tells what", [([], problems)])?;
        let models = self.registry.models();
        let shadows = || models.shadow().into_iter();
        let pairs = shadows().flat_map(|shadow| {
            let pairs = shadow.pairs();
            pairs.map(|pair| {
                let outcomes = [("outcome", pair.current), ("shadow_outcome", pair.shadow)];
                let [model, version] = [model(&shadow.served), version(&shadow.served)];
                ([model, version, outcomes[0], outcomes[1]], pair.documents)
            })
        });
        to.counters("shadow", "Documents by what was answered and what the shadow says", pairs)?;
        let skipped = shadows().map(|shadow| ([model(&shadow.served)], shadow.skipped()));
        to.counters("shadow_skipped", "Documents that the shadow was too busy for", skipped)
    }
}

fn model(served: &Served) -> (&'static str, &str) {
    ("model", &served.reference.name)
}

fn version(served: &Served) -> (&'static str, &str) {
    ("version", &served.reference.version)
}

fn process(to: &mut Families<'_>) -> fmt::Result {
    let Some(process) = Process::read() else { return Ok(()) };
    to.gauges("resident_bytes", "Memory of the process", [([], process.resident_bytes)])?;
    to.gauges("threads", "Threads of the process", [([], process.threads)])?;
    to.gauges("open_files", "Open files and sockets", [([], process.open_files)])?;
    let family = to.0.encode_descriptor(
        "cpu",
        "Time that the process was at work",
        Some(&Unit::Seconds),
        MetricType::Counter,
    )?;
    ConstCounter::new(process.cpu_seconds).encode(family)
}

impl prometheus_client::collector::Collector for Collector {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut families = Families(encoder);
        self.requests(&mut families)?;
        self.load(&mut families)?;
        self.models(&mut families)?;
        self.supply(&mut families)?;
        process(&mut families)
    }
}

impl Families<'_> {
    fn counters<'s, const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        samples: impl IntoIterator<Item = Sample<'s, N, u64>>,
    ) -> fmt::Result {
        let mut family = self.0.encode_descriptor(name, help, None, MetricType::Counter)?;
        for (labels, value) in samples {
            ConstCounter::new(value).encode(family.encode_family(&labels)?)?;
        }
        Ok(())
    }

    fn gauges<'s, const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        samples: impl IntoIterator<Item = Sample<'s, N, u64>>,
    ) -> fmt::Result {
        let mut family = self.0.encode_descriptor(name, help, None, MetricType::Gauge)?;
        for (labels, value) in samples {
            let value = i64::try_from(value).unwrap_or(i64::MAX);
            ConstGauge::new(value).encode(family.encode_family(&labels)?)?;
        }
        Ok(())
    }

    fn histograms<'s, const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        unit: Option<&Unit>,
        samples: impl IntoIterator<Item = Sample<'s, N, &'s Histogram>>,
    ) -> fmt::Result {
        let mut family = self.0.encode_descriptor(name, help, unit, MetricType::Histogram)?;
        for (labels, histogram) in samples {
            let (sum, buckets) = histogram.read();
            let count = buckets.iter().map(|(_, n)| n).sum();
            if 0 < count {
                let mut sample = family.encode_family(&labels)?;
                sample.encode_histogram::<NoLabelSet>(sum, count, &buckets, None)?;
            }
        }
        Ok(())
    }
}
