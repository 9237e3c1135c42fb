//! Calls of two runtimes by turns, so that other load on the machine affects both.

use std::time::{Duration, Instant};

use anyhow::Result;

/// A call to be timed.
pub type Call<'a> = Box<dyn FnMut() -> Result<()> + 'a>;

/// The times of one side's calls, round by round.
pub struct Times {
    rounds: Vec<Vec<f64>>,
}

impl Times {
    /// A quantile of all calls, in microseconds: 0.5 is the median.
    fn quantile(&self, share: f64) -> f64 {
        quantile(self.rounds.concat(), share)
    }

    /// The smallest and the largest median of a round.
    fn spread(&self) -> [f64; 2] {
        let medians: Vec<f64> = self.rounds.iter().map(|round| quantile(round.clone(), 0.5)).collect();
        [quantile(medians.clone(), 0.), quantile(medians, 1.)]
    }

    fn columns(&self) -> String {
        let [least, largest] = self.spread();
        format!("{:9.1} {:9.1} {:>17}", self.quantile(0.5), self.quantile(0.99), format!("{least:.1}..{largest:.1}"))
    }
}

fn quantile(mut times: Vec<f64>, share: f64) -> f64 {
    times.sort_by(f64::total_cmp);
    times[((times.len() - 1) as f64 * share).round() as usize]
}

/// Both sides' times of the same work.
pub struct Figures {
    ours: Times,
    theirs: Option<Times>,
}

impl Figures {
    /// The columns of [`Figures::line`]; spread is that of the rounds' medians.
    pub const HEADER: &str = "microseconds                   ours       p99            spread  onnxruntime     p99            spread \
                              ratio   p99";

    /// The figures in a row.
    pub fn line(&self, name: &str) -> String {
        let ours = self.ours.columns();
        let Some(theirs) = &self.theirs else { return format!("{name:25} {ours}   missing") };
        let ratio = |share| self.ours.quantile(share) / theirs.quantile(share);
        format!("{name:25} {ours}  {} {:5.2} {:5.2}", theirs.columns(), ratio(0.5), ratio(0.99))
    }
}

/// Lets both take `rounds` turns of about `turn` each.
pub fn race(ours: &mut Call, mut theirs: Option<&mut Call>, rounds: usize, turn: Duration) -> Result<Figures> {
    let mut figures = Figures { ours: Times { rounds: vec![] }, theirs: None };
    for round in 0..=rounds {
        let found = calls(ours, turn)?;
        let peers = theirs.as_mut().map(|theirs| calls(theirs, turn)).transpose()?;
        // The first round warms up.
        if round > 0 {
            figures.ours.rounds.push(found);
            if let Some(peers) = peers {
                figures.theirs.get_or_insert(Times { rounds: vec![] }).rounds.push(peers);
            }
        }
    }
    Ok(figures)
}

fn calls(call: &mut Call, turn: Duration) -> Result<Vec<f64>> {
    settle();
    let start = Instant::now();
    let mut times = Vec::with_capacity(1 << 14);
    while times.len() < 5 || (start.elapsed() < turn && times.len() < times.capacity()) {
        let start = Instant::now();
        call()?;
        times.push(start.elapsed().as_secs_f64() * 1e6);
    }
    Ok(times)
}

/// Waits until the threads of the other runtime, which look for work for a while, have gone to sleep.
fn settle() {
    let mut before = busy();
    for _ in 0..20 {
        // Linux updates the counters at its ticks, up to ten milliseconds apart.
        std::thread::sleep(Duration::from_millis(25));
        let now = busy();
        if now - before < 1_000_000 {
            return;
        }
        before = now;
    }
}

/// The nanoseconds that all threads of this program have run, as Linux counts them.
fn busy() -> u64 {
    let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let times = tasks.filter_map(|task| {
        std::fs::read_to_string(task.path().join("schedstat")).ok()?.split(' ').next()?.parse::<u64>().ok()
    });
    times.sum()
}
