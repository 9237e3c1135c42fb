//! Windows of a series: rows that follow each other.

use bundle::Schema;

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

/// The windows of a table whose rows are the steps, `[windows, windowed.raw_len()]`.
///
/// # Errors
///
/// As [`raw_rows`].
pub fn raw_windows(windowed: &Schema, [steps, stride]: [usize; 2], table: &Columns) -> Result<Vec<f32>> {
    let channels = Schema::new(windowed.channels(steps)).map_err(anyhow::Error::from)?;
    let all: Vec<u32> = (0..table.len() as u32).collect();
    let raw = raw_rows(&channels, table, &all)?;
    let width = channels.raw_len();
    let starts = window_starts(&missing_steps(&raw, width), |row| table.shard(row), [steps, stride]);
    if starts.is_empty() {
        return Err(anyhow::anyhow!(
            "expected at least one window of {steps} rows without a gap, found {} rows",
            table.len()
        )
        .into());
    }
    Ok(starts.iter().flat_map(|start| &raw[start * width..][..steps * width]).copied().collect())
}

#[cfg(test)]
mod tests {
    use bundle::Column;

    use super::*;

    #[test]
    fn a_window_has_the_channels_step_after_step() {
        let schema = Schema::new(vec![Column::number("a", 0., 1.), Column::number("b", 5., 2.)]).unwrap();
        let windowed = schema.windowed(2).unwrap();
        let mut table = Columns::from_numbers(&[10., 1., 20., 2., 30., 3.], 2, String::new());
        table.names = vec!["b".into(), "a".into()];
        let raw = raw_windows(&windowed, [2, 1], &table).unwrap();
        assert_eq!(raw, [1., 10., 2., 20., 2., 20., 3., 30.]);
        let error = raw_windows(&schema.windowed(4).unwrap(), [4, 1], &table).unwrap_err().to_string();
        assert_eq!(error, "expected at least one window of 4 rows without a gap, found 3 rows");
    }
}
