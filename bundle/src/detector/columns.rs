//! The values of each column of some rows, in order.

/// The values of each column of `rows` `[n, width]` in ascending order.
pub(super) fn sorted_columns(rows: &[f32], width: usize) -> impl Iterator<Item = Vec<f32>> {
    (0..width).map(move |place| {
        let mut values: Vec<f32> = rows.iter().skip(place).step_by(width).copied().collect();
        values.sort_by(f32::total_cmp);
        values
    })
}
