//! Windows of a series: rows that follow each other.

use bundle::{Schema, SeriesBreaks};

use crate::breaks::SeriesNumbers;
use crate::error::Result;
use crate::named::Columns;
use crate::raw::raw_rows;

/// Where windows of `steps` steps begin, `stride` apart: in every stretch of steps of one `side` in which no step is missing as a whole.
///
/// ```
/// let missing = [false, false, false, true, false, false, false, false];
/// assert_eq!(rows::window_starts(&missing, |_| (), [2, 1]), [0, 1, 4, 5, 6]);
/// ```
pub fn window_starts<S: PartialEq>(
    missing: &[bool],
    side: impl Fn(usize) -> S,
    [steps, stride]: [usize; 2],
) -> Vec<usize> {
    let mut starts = vec![];
    let mut begin = 0;
    while begin < missing.len() {
        let belongs = |step: &usize| !missing[*step] && side(*step) == side(begin);
        let end = (begin..missing.len()).find(|step| !belongs(step)).unwrap_or(missing.len());
        starts.extend((begin..end).step_by(stride).take_while(|start| start + steps <= end));
        begin = end.max(begin + 1);
    }
    starts
}

/// For each step of `[steps, channels]` whether all its values are missing.
pub fn missing_steps(raw: &[f32], channels: usize) -> Vec<bool> {
    raw.chunks_exact(channels).map(|step| step.iter().all(|value| value.is_nan())).collect()
}

/// Cuts windows out of a series whose steps come in blocks.
///
/// ```
/// use bundle::{Column, Schema};
///
/// let windowed = Schema::new(vec![Column::number("speed", 0., 1.)])?.windowed(2)?;
/// let mut cutter = rows::WindowCutter::new(&windowed, [2, 1])?;
/// let block = |steps: &[f32]| {
///     let mut table = rows::Columns::from_numbers(steps, 1, String::new());
///     table.names = vec!["speed".into()];
///     table
/// };
/// assert_eq!(cutter.cut(&block(&[1., 2.]))?, [1., 2.]);
/// assert_eq!(cutter.cut(&block(&[3., 4.]))?, [2., 3., 3., 4.]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct WindowCutter {
    channels: Schema,
    window: [usize; 2],
    /// The steps from the next window's first one on, as far as they came.
    steps: Vec<f32>,
    /// For each of them whether a window may hold it.
    taken: Vec<bool>,
    /// Steps between the last window and the next one, which belong to neither.
    skip: usize,
    /// The file that the last step came from, and the number of its series.
    last: (Option<String>, usize),
    series: SeriesNumbers,
}

impl WindowCutter {
    /// Nothing so far of windows of `steps` steps, `stride` apart, whose columns are `windowed`.
    ///
    /// # Errors
    ///
    /// When `windowed` has no channels.
    pub fn new(windowed: &Schema, [steps, stride]: [usize; 2]) -> Result<Self> {
        let channels = Schema::new(windowed.channels(steps)).map_err(anyhow::Error::from)?;
        let series = SeriesNumbers::new(SeriesBreaks::default());
        Ok(Self {
            channels,
            window: [steps, stride.max(1)],
            steps: vec![],
            taken: vec![],
            skip: 0,
            last: (None, 0),
            series,
        })
    }

    /// With ends of series beside gaps and the ends of files.
    pub fn with_breaks(self, breaks: SeriesBreaks) -> Self {
        Self { series: SeriesNumbers::new(breaks), ..self }
    }

    /// The windows that end in this table, whose rows are the next steps: `[windows, steps * channels]`. A window ends where a step is
    /// missing as a whole, with its file and with its series.
    ///
    /// # Errors
    ///
    /// As [`raw_rows`].
    pub fn cut(&mut self, table: &Columns) -> Result<Vec<f32>> {
        self.cut_of(table, |_| true)
    }

    /// As [`WindowCutter::cut`], without the windows that hold a row for which `takes` does not.
    ///
    /// # Errors
    ///
    /// As [`raw_rows`].
    pub fn cut_of(&mut self, table: &Columns, takes: impl Fn(usize) -> bool) -> Result<Vec<f32>> {
        let all: Vec<u32> = (0..table.len() as u32).collect();
        let raw = raw_rows(&self.channels, table, &all)?;
        let ([steps, stride], width) = (self.window, self.channels.raw_len());
        let missing = missing_steps(&raw, width);
        let series = self.series.of(table);
        let mut windows = vec![];
        for (row, (step, is_missing)) in raw.chunks_exact(width).zip(missing).enumerate() {
            let shard = table.shards.get(table.shard(row)).map(|(_, name)| name);
            if (shard, series[row]) != (self.last.0.as_ref(), self.last.1) {
                self.last = (shard.cloned(), series[row]);
                self.begin();
            }
            if is_missing {
                self.begin();
            } else if self.skip > 0 {
                self.skip -= 1;
            } else {
                self.steps.extend(step);
                self.taken.push(takes(row));
            }
            if self.taken.len() == steps {
                if self.taken.iter().all(|taken| *taken) {
                    windows.extend_from_slice(&self.steps);
                }
                self.skip = stride.saturating_sub(steps);
                self.steps.drain(..stride.min(steps) * width);
                self.taken.drain(..stride.min(steps));
            }
        }
        Ok(windows)
    }

    /// The next step begins a stretch of steps.
    fn begin(&mut self) {
        self.steps.clear();
        self.taken.clear();
        self.skip = 0;
    }
}

#[cfg(test)]
mod tests {
    use bundle::Column;

    use super::*;

    fn table(values: &[f32]) -> Columns {
        let mut table = Columns::from_numbers(values, 2, String::new());
        table.names = vec!["b".into(), "a".into()];
        table
    }

    #[test]
    fn windows_that_hold_a_row_which_is_not_taken_are_left_out_and_the_others_stay_where_they_are() {
        let values: Vec<f32> = (0..20).map(|value| value as f32).collect();
        let mut cutter = WindowCutter::new(&channels().windowed(3).unwrap(), [3, 2]).unwrap();
        // Rows 0 to 2, 2 to 4, 4 to 6 and 6 to 8, of which the second and the third hold row 4.
        let found = cutter.cut_of(&table(&values), |row| row != 4).unwrap();
        assert_eq!((found.len() / 6, found[1], found[7]), (2, 0., 12.));
    }

    fn channels() -> Schema {
        let gap = |name: &str| Column { missing: Some(0.), ..Column::number(name, 0., 1.) };
        Schema::new(vec![gap("a"), gap("b")]).unwrap()
    }

    #[test]
    fn a_window_has_the_channels_step_after_step() {
        let windowed = channels().windowed(2).unwrap();
        let mut cutter = WindowCutter::new(&windowed, [2, 1]).unwrap();
        let raw = cutter.cut(&table(&[10., 1., 20., 2., 30., 3.])).unwrap();
        assert_eq!(raw, [1., 10., 2., 20., 2., 20., 3., 30.]);
    }

    #[test]
    fn blocks_give_the_windows_of_the_whole_series() {
        let gaps = [3, 4, 20, 41];
        let series: Vec<f32> =
            (0..60).flat_map(|step| [if gaps.contains(&step) { f32::NAN } else { step as f32 }; 2]).collect();
        for window in [[4, 1], [4, 3], [4, 4], [3, 7]] {
            let starts = window_starts(&missing_steps(&series, 2), |_| (), window);
            let whole: Vec<f32> =
                starts.iter().flat_map(|start| &series[2 * start..][..2 * window[0]]).copied().collect();
            for block in [1, 2, 7, 60] {
                let windowed = channels().windowed(window[0]).unwrap();
                let mut cutter = WindowCutter::new(&windowed, window).unwrap();
                let found: Vec<f32> =
                    series.chunks(2 * block).flat_map(|steps| cutter.cut(&table(steps)).unwrap()).collect();
                assert_eq!(found, whole, "{window:?} in blocks of {block}");
            }
        }
    }

    #[test]
    fn a_window_ends_with_its_file() {
        let windowed = channels().windowed(2).unwrap();
        let mut cutter = WindowCutter::new(&windowed, [2, 1]).unwrap();
        let mut steps = table(&[1., 1., 2., 2., 3., 3.]);
        steps.shards = vec![(0, "a.csv".into()), (2, "b.csv".into())];
        assert_eq!(cutter.cut(&steps).unwrap(), [1., 1., 2., 2.]);
    }
}
