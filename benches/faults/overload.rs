//! Four times as many requests as can be answered.

use std::time::Duration;

use crate::{
    common::pages::Figures,
    flood::{self, Load, Outcome, Question},
    process::Newsdesk,
    report::{Report, mebibytes, quantile, tell, times},
};

/// How many requests are under way when the peak is looked for.
const AT_ONCE: [usize; 2] = [8, 32];

/// How much more is offered than can be answered.
const OVERLOAD: f64 = 4.0;

/// How often looking for the peak and pouring take turns, so that what else the machine does hits both.
const ROUNDS: u64 = 4;

pub async fn run(load: Load, seconds: u64, report: &mut Report) {
    let server = Newsdesk::start(&[]);
    let wires = flood::connect(server.address).await;
    let question = Question::of(load);
    let second = Duration::from_secs(1);
    let (steady_time, pour_time) = (second * 5, second * u32::try_from(seconds / ROUNDS).unwrap());
    let health = server.watch_health().await;
    let mut poured = Outcome::default();
    let (mut peaks, mut memory) = (0.0, Vec::new());
    let (mut steady_answers, mut steady_cpu, mut pour_cpu) = (0, 0.0, 0.0);
    for _ in 0..ROUNDS {
        let mut peak: f64 = 0.0;
        let began = cpu_seconds(&server).await;
        for at_once in AT_ONCE {
            let outcome = flood::steady(&wires, &question, at_once, steady_time).await;
            steady_answers += outcome.served.len();
            peak = peak.max(outcome.served.len() as f64 / steady_time.as_secs_f64());
        }
        peaks += peak;
        let between = cpu_seconds(&server).await;
        let watch = server.watch_memory();
        poured.add_all(flood::pour(&wires, &question, OVERLOAD * peak, pour_time).await);
        memory.push(watch.most());
        steady_cpu += between - began;
        pour_cpu += cpu_seconds(&server).await - between;
    }

    let time = pour_time.as_secs_f64() * ROUNDS as f64;
    let (peak, goodput) = (peaks / ROUNDS as f64, poured.served.len() as f64 / time);
    let offered = (poured.served.len() + poured.refused.len() + poured.failed) as f64 / time;
    tell("answered a second at the peak", format!("{peak:.0}"));
    tell("offered a second", format!("{offered:.0}, {:.1} × the peak", offered / peak));
    let share = format!("{goodput:.0}, {:.1} % of the peak", 100.0 * goodput / peak);
    report.must("answered a second", share, 0.9 * peak <= goodput);
    // Client and server share the processors, so the client's refusals cost answers, too; not here.
    let steady = steady_answers as f64 / steady_cpu;
    let flood = poured.served.len() as f64 / pour_cpu;
    let text = format!("{steady:.0}, then {flood:.0}, {:.1} %", 100.0 * flood / steady);
    tell("answered a second of the server's processor time", text);
    tell("answered within", times(&mut poured.served));
    let within = quantile(&mut poured.refused, 99) <= Duration::from_millis(10);
    report.must("refused within 10 ms (p99)", times(&mut poured.refused), within);
    report.must("neither answered nor refused", poured.failed, poured.failed == 0);
    let (mut checks, silent) = health.end();
    report.must("health without an answer", silent, silent == 0);
    tell("health within", times(&mut checks));
    let (first, most) = (memory[0], memory.iter().copied().max().unwrap_or_default());
    let text = format!("{} in the first round, {} at most", mebibytes(first), mebibytes(most));
    report.must("memory", text, most <= first + first / 4);
}

/// Returns the processor time that the server has taken so far, in seconds.
async fn cpu_seconds(server: &Newsdesk) -> f64 {
    Figures::read(server.pages).await.get("newsdesk_cpu_seconds_total")
}
