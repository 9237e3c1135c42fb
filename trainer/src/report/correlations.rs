//! Whether columns go together in the reconstructions as they do in the rows.

use bundle::{ColumnKind, printable};

use super::reconstructed::Reconstructed;

/// Columns that are compared with each other, and values of each.
const MAX_COLUMNS: usize = 32;
const MAX_VALUES: usize = 10_000;

/// A sentence about the correlations between columns of numbers; nothing with fewer than two that vary.
pub(super) fn correlations(rows: &Reconstructed) -> Option<String> {
    let columns = rows.columns();
    let count = columns.len();
    let is_number = |index: &usize| matches!(columns[*index].kind, ColumnKind::Number { .. });
    let chosen: Vec<usize> = (0..count).filter(is_number).take(MAX_COLUMNS).collect();
    let (mut sum, mut pairs, mut worst) = (0., 0, None::<(f64, String)>);
    for (place, &a) in chosen.iter().enumerate() {
        for &b in &chosen[..place] {
            let both = rows.pairs(a, count).zip(rows.pairs(b, count));
            let both = both.take(MAX_VALUES).filter(|((x, _), (y, _))| !x.is_nan() && !y.is_nan());
            let Some(before) = correlation(both.clone().map(|((x, _), (y, _))| [x, y])) else { continue };
            // A reconstruction that is the same for all rows goes with nothing.
            let after = correlation(both.map(|((_, x), (_, y))| [x, y])).unwrap_or(0.);
            let change = (before - after).abs();
            (sum, pairs) = (sum + change, pairs + 1);
            if worst.as_ref().is_none_or(|(most, _)| change > *most) {
                let names = [b, a].map(|index| printable(&columns[index].name).to_string());
                worst = Some((change, format!("{} and {}, {before:.2} and {after:.2}", names[0], names[1])));
            }
        }
    }
    let (_, worst) = worst?;
    let mean = sum / f64::from(pairs);
    Some(format!(
        "The correlations between columns differ by {mean:.2} on average between the rows and their reconstructions, the most of {worst}."
    ))
}

/// Pearson's; nothing where one of the two does not vary.
fn correlation(pairs: impl Iterator<Item = [f32; 2]> + Clone) -> Option<f64> {
    let pairs = pairs.map(|pair| pair.map(f64::from));
    let count = pairs.clone().count() as f64;
    let mean = |side: usize| pairs.clone().map(|pair| pair[side]).sum::<f64>() / count;
    let means = [mean(0), mean(1)];
    let [mut xx, mut yy, mut xy] = [0.; 3];
    for [x, y] in pairs {
        let (x, y) = (x - means[0], y - means[1]);
        (xx, yy, xy) = (xx + x * x, yy + y * y, xy + x * y);
    }
    let root = (xx * yy).sqrt();
    (root > 0.).then(|| xy / root)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bundle::{Column, Schema};

    use super::*;

    #[test]
    fn what_goes_together_no_longer_is_told() {
        let schema = Schema::new(["a", "b", "c"].map(|name| Column::number(name, 0., 1.)).to_vec()).unwrap();
        // b is twice a, c is its opposite; the reconstruction of c is constant.
        let raw: Vec<f32> = (0..5).flat_map(|row| [row as f32, 2. * row as f32, -(row as f32)]).collect();
        let restored: Vec<f32> = (0..5).flat_map(|row| [row as f32, 2. * row as f32, 1.]).collect();
        let rows = Reconstructed { schema: Arc::new(schema), raw, restored, steps: 1 };
        let expected = "differ by 0.67 on average between the rows and their reconstructions, the most of a and c, -1.00 and 0.00.";
        let found = correlations(&rows).unwrap();
        assert!(found.ends_with(expected), "{found}");
    }
}
