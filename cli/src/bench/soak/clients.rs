//! Clients that work at the same time, and what they have done.

use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tonic::transport::Channel;
use typhon_client::Client;

use super::load::{Load, MIX};

pub struct Clients {
    channel: Channel,
    client: Client,
    all: Tally,
}

/// What was done.
#[derive(Default)]
pub struct Tally {
    /// Requests sent.
    pub sent: u64,
    /// How often each row of the mix.
    pub times: [u64; MIX.len()],
    /// What ended otherwise than it should; the first of them in words.
    pub wrong: u64,
    pub told: Vec<String>,
}

/// More than these tell nothing more.
const TOLD: usize = 20;

impl Clients {
    pub fn new(channel: Channel, client: Client) -> Clients {
        Clients { channel, client, all: Tally::default() }
    }

    /// Lets so many work for so long. What they do is the same each time that the round is.
    pub async fn work(&mut self, tasks: usize, round: u32, span: Duration) {
        let (mut running, end) = (JoinSet::new(), Instant::now() + span);
        for task in 0..tasks.max(1) {
            let seed = (u64::from(round) << 32) + task as u64 + 1;
            let load = Load::new(self.channel.clone(), self.client.clone(), seed);
            running.spawn(one(load, end));
        }
        while let Some(ended) = running.join_next().await {
            match ended {
                Ok(tally) => self.all.add(tally),
                Err(error) => self.all.tell(error.to_string()),
            }
        }
    }

    pub fn done(&self) -> u64 {
        self.all.sent
    }

    pub fn wrong(&self) -> u64 {
        self.all.wrong
    }

    pub fn show(&self) {
        for ((_, name, _), times) in MIX.iter().zip(self.all.times) {
            println!("  {name:40} {times:10}");
        }
        for told in &self.all.told {
            println!("  WRONG {told}");
        }
    }
}

async fn one(mut load: Load, end: Instant) -> Tally {
    let mut tally = Tally::default();
    while Instant::now() < end {
        let row = load.pick();
        let (_, name, kind) = MIX[row];
        if let Err(error) = load.act(kind).await {
            tally.tell(format!("{name}: {error:#}"));
        }
        tally.times[row] += 1;
    }
    tally.sent = load.sent;
    tally
}

impl Tally {
    fn tell(&mut self, wrong: String) {
        self.wrong += 1;
        if self.told.len() < TOLD {
            self.told.push(wrong);
        }
    }

    fn add(&mut self, other: Tally) {
        self.sent += other.sent;
        self.wrong += other.wrong;
        self.times.iter_mut().zip(other.times).for_each(|(sum, times)| *sum += times);
        self.told.extend(other.told);
        self.told.truncate(TOLD);
    }
}
