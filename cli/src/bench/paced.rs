//! Calls that come at a rate of their own, however long each takes, and how long each took.

use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tonic::Status;

/// Calls begin together that are due within one of these.
const TICK: Duration = Duration::from_millis(1);
/// The widest bar of the plot.
const WIDTH: usize = 50;
/// The first row of the plot ends here, and each further one at twice as much.
const FIRST: Duration = Duration::from_micros(125);
const ROWS: usize = 12;

/// How long each of `rate` calls a second took, from when it was due, for so long.
pub async fn times<F, R>(rate: f64, span: Duration, call: F) -> anyhow::Result<Vec<Duration>>
where
    F: Fn() -> R,
    R: Future<Output = Result<bool, Status>> + Send + 'static,
{
    let (mut ticks, mut running) = (interval(TICK), JoinSet::new());
    // A sender that was held up sends what has become due, and counts its wait.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let (mut sent, mut times, mut due) = (0.0, Vec::new(), 0.0);
    let began = Instant::now();
    while began.elapsed() < span {
        let tick = ticks.tick().await;
        due += rate * TICK.as_secs_f64();
        while sent < due {
            sent += 1.0;
            let future = call();
            running.spawn(async move { future.await.map(|_| tick.elapsed()) });
        }
        while let Some(ended) = running.try_join_next() {
            times.push(ended??);
        }
    }
    while let Some(ended) = running.join_next().await {
        times.push(ended??);
    }
    times.sort_unstable();
    Ok(times)
}

/// What they say, in a line and a plot.
pub fn show(what: &str, rate: f64, times: &[Duration]) {
    let at = |part: f64| times.get((times.len().saturating_sub(1) as f64 * part) as usize).copied().unwrap_or_default();
    let [half, most, rare, worst] = [0.5, 0.99, 0.999, 1.0].map(at);
    println!("{what} at {rate:.0}/s: p50 {half:?}, p99 {most:?}, p99.9 {rare:?}, most {worst:?}, of {}", times.len());
    let rows: Vec<(Duration, usize)> = (0..ROWS)
        .map(|row| {
            let end = FIRST * (1 << row);
            let begin = if row == 0 { Duration::ZERO } else { end / 2 };
            let last = row + 1 == ROWS;
            (end, times.iter().filter(|time| **time >= begin && (**time < end || last)).count())
        })
        .collect();
    let longest = rows.iter().map(|(_, count)| *count).max().unwrap_or_default().max(1);
    for (end, count) in rows {
        println!("  < {:8.3} ms |{:WIDTH$}| {count}", end.as_secs_f64() * 1e3, "#".repeat(count * WIDTH / longest));
    }
}
