//! Rounds in which the peers take turns, and what is made of their times.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::peer::Peer;
use crate::progress::Progress;
use crate::works::Work;

/// One peer's figures of one work.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Figure {
    /// Name of the peer.
    pub peer: String,
    /// Median time of one (record, write, round trip, handshake), in nanoseconds.
    pub nanos: f64,
    /// Median of its times divided by those of the first peer in the same round.
    pub time_ratio: f64,
    /// The smallest and the largest of these, without the outer quarters.
    pub quarters: (f64, f64),
}

/// All peers' figures of one work.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Row {
    /// Name of the work.
    pub work: String,
    /// How often it was done in a turn.
    pub times: usize,
    /// Of those that can do it.
    pub figures: Vec<Figure>,
}

/// Lets all peers do a work in turns.
pub fn measure(work: &Work, peers: &[Box<dyn Peer>], rounds: usize, turn: Duration, progress: &Progress) -> Row {
    let Some(first) = peers.iter().find_map(|peer| work.run(&**peer, work.guess)) else {
        return Row { work: work.name.into(), times: 0, figures: Vec::new() };
    };
    let times = (work.guess as f64 * turn.as_secs_f64() / first.as_secs_f64().max(1e-6)).ceil().max(1.0) as usize;
    let mut taken: Vec<Vec<f64>> = vec![Vec::new(); peers.len()];
    for round in 0..rounds {
        // Who begins changes: nobody is always the one after the slowest.
        for turn in 0..peers.len() {
            let at = (turn + round) % peers.len();
            progress.say(work.name, peers[at].name());
            if let Some(time) = work.run(&*peers[at], times) {
                taken[at].push(time.as_secs_f64() * 1e9 / times as f64);
            }
            progress.step();
        }
    }
    let base = taken.first().cloned().unwrap_or_default();
    let figures = peers.iter().zip(&taken).filter(|(_, taken)| !taken.is_empty()).map(|(peer, taken)| {
        let mut ratios: Vec<f64> = taken.iter().zip(&base).map(|(time, base)| time / base).collect();
        ratios.sort_by(f64::total_cmp);
        Figure {
            peer: peer.name().into(),
            nanos: median(taken),
            time_ratio: median(&ratios),
            quarters: (at(&ratios, 1, 4), at(&ratios, 3, 4)),
        }
    });
    Row { work: work.name.into(), times, figures: figures.collect() }
}

/// The middle of some figures.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    at(&sorted, 1, 2)
}

/// The value at a part of sorted figures.
pub fn at(sorted: &[f64], part: usize, of: usize) -> f64 {
    if sorted.is_empty() { f64::NAN } else { sorted[(sorted.len() - 1) * part / of] }
}
