//! How well scores rank unusual rows above usual ones.

/// The probability that an unusual row scores higher than a usual one; equal scores count half.
pub(super) fn roc_auc(rows: &[(f32, bool)]) -> f64 {
    let mut sorted = rows.to_vec();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (mut usual, mut pairs) = (0., 0.);
    for equal in sorted.chunk_by(|a, b| a.0 == b.0) {
        let unusual = equal.iter().filter(|(_, is_unusual)| *is_unusual).count() as f64;
        let others = equal.len() as f64 - unusual;
        pairs += unusual * (usual + others / 2.);
        usual += others;
    }
    pairs / (usual * (rows.len() as f64 - usual))
}

/// The sum over the scores, from the highest down, of the precision at each times the recall that it adds.
pub(super) fn average_precision(rows: &[(f32, bool)]) -> f64 {
    let mut sorted = rows.to_vec();
    sorted.sort_by(|a, b| b.0.total_cmp(&a.0));
    let (mut seen, mut found, mut sum) = (0., 0., 0.);
    for equal in sorted.chunk_by(|a, b| a.0 == b.0) {
        let unusual = equal.iter().filter(|(_, is_unusual)| *is_unusual).count() as f64;
        seen += equal.len() as f64;
        found += unusual;
        sum += unusual * found / seen;
    }
    sum / found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_those_of_scikit_learn() {
        // roc_auc_score and average_precision_score of scikit-learn 1.9 for the same scores.
        let rows = [(0.1, false), (0.4, false), (0.35, true), (0.8, true)];
        assert_eq!((roc_auc(&rows), average_precision(&rows)), (0.75, 0.833_333_333_333_333_3));
        let equal = [(1., false), (1., true), (0., false), (2., true)];
        assert_eq!((roc_auc(&equal), average_precision(&equal)), (0.875, 0.833_333_333_333_333_3));
    }
}
