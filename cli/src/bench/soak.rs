//! `typhon bench --soak`: a server of its own under all that it offers, as fast as it can, for so many minutes; and whether its memory
//! grows.

mod clients;
mod kept;
mod load;
mod server;

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use typhon_client::{Client, Retry, Server as At};

use clients::Clients;
use server::{Server, State};

/// Rows of what is told: after each the clients pause, and the server is looked at when nothing runs.
const ROWS: u32 = 24;
/// Its memory then may be more in the last third of the rows than in the one before it by this part,
const GROWTH: f64 = 0.03;
/// and by so much, whatever it is.
const SLACK: u64 = 4 << 20;
/// As many descriptors and threads may there be more, for those that come and go.
const FEW: usize = 16;
/// After which nothing is left of what expires.
const REST: Duration = Duration::from_secs(4);
/// What a day is measured by.
const DAY: f64 = 24.0 * 3600.0;

pub async fn soak(minutes: f64, tasks: usize) -> anyhow::Result<()> {
    ensure!(minutes.is_finite() && (0.0..=10_000.0).contains(&minutes), "so many minutes are none");
    let mut server = Server::start()?;
    let client = Client::connect(At::at(&server.url)).await?.with_retry(Retry::never());
    let channel = super::connect(server.url.trim_start_matches("http://"))?;
    let mut clients = Clients::new(channel, client);
    let (began, span) = (Instant::now(), Duration::from_secs_f64(minutes * 60.0) / ROWS);
    let mut states = Vec::new();
    println!("  minute   requests    server MiB   workers MiB   processes   threads   descriptors   most MiB");
    for row in 0..ROWS {
        let most = server.peak_while(clients.work(tasks, row, span)).await?;
        tokio::time::sleep(REST).await;
        let state = server.state()?;
        println!(
            "{:8.1} {:10} {:13.1} {:13.1} {:11} {:9} {:13} {:10.1}",
            began.elapsed().as_secs_f64() / 60.0,
            clients.done(),
            mib(state.server),
            mib(state.workers),
            state.processes,
            state.threads,
            state.descriptors,
            mib(most)
        );
        states.push(state);
    }
    clients.show();
    println!("{} requests: those of a day at {:.1} a second", clients.done(), clients.done() as f64 / DAY);
    let ended = server.end().await?;
    ensure!(ended.success(), "the server ended with {ended}");
    judge(&states)?;
    ensure!(clients.wrong() == 0, "{} ended otherwise than they should", clients.wrong());
    Ok(())
}

fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

/// Whether the last third is no more than the one before it, but for what is allowed.
fn judge(states: &[State]) -> anyhow::Result<()> {
    let third = states.len() / 3;
    let (before, last) = (states.get(third..2 * third).context("rows")?, states.get(2 * third..).context("rows")?);
    for (what, of) in [("the server", State::of_server as fn(&State) -> u64), ("its workers", State::of_workers)] {
        let [earlier, later] = [before, last].map(|rows| median(rows.iter().map(of).collect()));
        let bound = (earlier as f64 * (1.0 + GROWTH)) as u64 + SLACK;
        println!("{what}: {:.1} MiB, then {:.1}; {:.1} would be too much", mib(earlier), mib(later), mib(bound));
        ensure!(later <= bound, "{what} grew from {:.1} to {:.1} MiB", mib(earlier), mib(later));
    }
    for (what, of) in [("threads", State::of_threads as fn(&State) -> u64), ("descriptors", State::of_descriptors)] {
        let [earlier, later] = [before, last].map(|rows| median(rows.iter().map(of).collect()));
        println!("{what}: {earlier}, then {later}");
        ensure!(later <= earlier + FEW as u64, "{what} grew from {earlier} to {later}");
    }
    Ok(())
}

fn median(mut numbers: Vec<u64>) -> u64 {
    numbers.sort_unstable();
    numbers.get(numbers.len() / 2).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(server: impl Fn(u64) -> u64) -> Vec<State> {
        (0..24).map(|row| State { server: server(row) << 20, ..State::default() }).collect()
    }

    #[test]
    fn what_grows_fails() {
        assert!(judge(&rows(|_| 300)).is_ok());
        // What fills in the beginning is no growth.
        assert!(judge(&rows(|row| 100 + 30 * row.min(8))).is_ok());
        assert!(judge(&rows(|row| 300 + 4 * row)).is_err());
        let threads = |row: usize| State { threads: row * 8, ..State::default() };
        assert!(judge(&(0..24).map(threads).collect::<Vec<_>>()).is_err());
    }
}
