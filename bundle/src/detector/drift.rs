//! Whether the rows of a stream have become unlike those that calibrated: a bet on their p-values.

use super::calibration::Calibration;

/// The largest p-value of each bin but the first.
const EDGES: [f32; 15] = [0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001];
/// For each bet, the rows that it remembers.
const MEMORIES: [f64; 3] = [50., 500., 5000.];
/// What a bet's own view counts beside what chance gives.
const COURAGE: f64 = 0.5;

/// Watches the p-values of a stream of rows for a change of the world: more unusual rows than before, or fewer, or others.
///
/// As long as rows come from where the calibration rows came from, in any order, the next p-value falls into a bin with a probability that
/// is known exactly: it is the share of the calibration rows, and of the rows so far, in that bin. Three bets, each on what its last
/// 50, 500 or 5,000 rows were like, cannot gain by it in the long run. The statistic is that of Shiryaev and Roberts: each row
/// starts a new bet of 1. It is above `rows` after `rows` rows on average or later, if nothing changes; that is the rate of false
/// alarms. (V. Vovk, I. Nouretdinov and A. Gammerman, Testing exchangeability on-line, 2003; for the statistic, M. Pollak, 1985.)
///
/// Rows that depend on each other, as neighbouring windows of a series do, are no such rows: they give false alarms.
///
/// ```
/// use bundle::{Calibration, Drift};
///
/// let calibration = Calibration::new((0..999).map(|score| score as f32).collect())?;
/// let p_values = |first: usize| (0..5000).map(move |row| (first + row * 7919 % (1000 - first)) as f32 / 1000.);
/// let mut drift = Drift::new(&calibration, 1e6);
/// p_values(1).for_each(|p_value| drift.watch(p_value.max(0.001)));
/// assert_eq!(drift.found(), None);
/// // Now every row is among the more usual ones.
/// p_values(300).for_each(|p_value| drift.watch(p_value));
/// assert!(drift.found().is_some_and(|row| (5001..5200).contains(&row)));
/// # Ok::<(), bundle::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Drift {
    /// The smallest p-value of each bin, from the largest down.
    edges: Vec<f32>,
    /// The calibration rows and the rows so far in each bin, and one row more in all.
    counts: Vec<f64>,
    total: f64,
    bets: [Bet; MEMORIES.len()],
    rows_per_alarm: f64,
    rows: usize,
    found: Option<usize>,
}

/// A bet on what the last rows were like.
#[derive(Clone, Debug)]
struct Bet {
    /// How often each bin came lately.
    shares: Vec<f64>,
    statistic: f64,
}

impl Drift {
    /// Watches rows whose p-values are ranks among those of `calibration`. If nothing changes, there is at most one alarm in
    /// `rows_per_alarm` rows on average.
    pub fn new(calibration: &Calibration, rows_per_alarm: f64) -> Self {
        let (mut edges, mut counts): (Vec<f32>, Vec<f64>) = (vec![], vec![]);
        let mut last = None;
        // Every place where a score can fall among those of the calibration, with the number of gaps between rows that it stands for.
        let places = calibration.bounds().iter().copied().chain([f32::INFINITY]);
        let gaps = calibration.counts().iter().copied().chain([1.]);
        for (bound, gaps) in places.zip(gaps) {
            let p_value = calibration.p_value(bound);
            let bin = EDGES.iter().filter(|edge| p_value <= **edge).count();
            if last.replace(bin) != Some(bin) {
                edges.push(p_value);
                counts.push(0.);
            }
            if let (Some(edge), Some(count)) = (edges.last_mut(), counts.last_mut()) {
                *edge = p_value;
                *count += f64::from(gaps);
            }
        }
        let total: f64 = counts.iter().sum();
        let shares: Vec<f64> = counts.iter().map(|count| count / total).collect();
        let bets = MEMORIES.map(|_| Bet { shares: shares.clone(), statistic: 0. });
        Self { edges, counts, total, bets, rows_per_alarm, rows: 0, found: None }
    }

    /// Takes the p-value of the next row. One that is not a number is passed over, and so is all that comes after an alarm.
    pub fn watch(&mut self, p_value: f32) {
        if self.found.is_some() {
            return;
        }
        self.rows += 1;
        if p_value.is_nan() {
            return;
        }
        let bin = self.edges.iter().take_while(|edge| p_value < **edge).count().min(self.counts.len() - 1);
        let chance = self.counts[bin] / self.total;
        for (bet, memory) in self.bets.iter_mut().zip(MEMORIES) {
            let expected = (1. - COURAGE) * chance + COURAGE * bet.shares[bin];
            bet.statistic = (1. + bet.statistic) * (expected / chance);
            bet.shares.iter_mut().for_each(|share| *share *= 1. - 1. / memory);
            bet.shares[bin] += 1. / memory;
        }
        self.counts[bin] += 1.;
        self.total += 1.;
        let statistic = self.bets.iter().map(|bet| bet.statistic).sum::<f64>() / self.bets.len() as f64;
        if statistic >= self.rows_per_alarm {
            self.found = Some(self.rows);
        }
    }

    /// The rows that came, up to an alarm.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The row, from 1, at which it was certain enough that rows are unlike those that calibrated; nothing so far.
    pub fn found(&self) -> Option<usize> {
        self.found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Draws of a small generator (Numerical Recipes, chapter 7), in 0..1.
    fn draws(mut state: u64) -> impl Iterator<Item = f32> {
        std::iter::repeat_with(move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f32 / (1u64 << 24) as f32
        })
    }

    /// The row of the alarm in a stream of `rows` rows, whose scores from row `change` on are larger by `shift`.
    fn alarm(seed: u64, calibration: usize, [rows, change]: [usize; 2], shift: f32) -> Option<usize> {
        let mut draws = draws(seed * 7919 + 1);
        let calibration = Calibration::new(draws.by_ref().take(calibration).collect()).unwrap();
        let mut drift = Drift::new(&calibration, 10_000.);
        for (row, score) in draws.take(rows).enumerate() {
            drift.watch(calibration.p_value(score + if row >= change { shift } else { 0. }));
        }
        drift.found()
    }

    #[test]
    fn false_alarms_are_at_most_as_many_as_said() {
        for calibration in [20, 300, 6000] {
            // On average one alarm in 10,000 rows or fewer: of streams of 5,000 rows, at most about half. Small samples of rows
            // stand for themselves: the calibration must not look like the world.
            let alarms = (0..200).filter(|&seed| alarm(seed, calibration, [5000, 0], 0.).is_some()).count();
            assert!(alarms <= 100, "{alarms} of 200 streams after {calibration} rows");
        }
    }

    #[test]
    fn a_change_is_found_soon() {
        for seed in 0..20 {
            let found = alarm(seed, 500, [4000, 2000], 0.2);
            assert!(found.is_none_or(|row| row <= 2000) || found.is_some_and(|row| row < 2500), "{seed}: {found:?}");
        }
        let late = (0..20).filter_map(|seed| alarm(seed, 500, [4000, 2000], 0.2)).filter(|row| *row > 2000).count();
        assert!(late >= 15, "{late} of 20");
    }

    #[test]
    fn every_place_has_its_chance() {
        let calibration = Calibration::new((0..50_000).map(|score| score as f32).collect()).unwrap();
        let drift = Drift::new(&calibration, 1e6);
        assert_eq!((drift.total, drift.counts.len()), (50_001., EDGES.len() + 1));
        for (count, edges) in drift.counts[1..].iter().zip(EDGES.windows(2)) {
            // Of the groups that stand for several rows, the last one may lie across an edge.
            assert!((count / 50_001. - f64::from(edges[0] - edges[1])).abs() < 1e-3, "{count} at {edges:?}");
        }
    }

    #[test]
    fn rows_that_could_not_be_scored_are_passed_over() {
        let mut drift = Drift::new(&Calibration::new(vec![1.]).unwrap(), 10.);
        (0..1000).for_each(|_| drift.watch(f32::NAN));
        assert_eq!((drift.rows(), drift.found()), (1000, None));
    }
}
