//! The features of a table's categories: of those of a column, one is 1. They have a cross-entropy of their own.

use std::ops::Range;
use std::sync::Arc;

use bundle::{Feature, Schema};
use candle_core::{D, Result, Tensor};

/// Which features of a row are the categories of a column, and which are numbers. The default is a row without categories.
#[derive(Clone, Debug, Default)]
pub(crate) struct Categories {
    /// The whole row, in order; nothing where there are no categories.
    parts: Arc<[Part]>,
}

#[derive(Clone, Debug, PartialEq)]
enum Part {
    Numbers(Range<usize>),
    /// The categories of one column.
    Categories(Range<usize>),
}

impl Categories {
    /// The categories of a table's columns.
    pub(crate) fn of(schema: Option<&Arc<Schema>>) -> Self {
        let features = schema.map(|schema| schema.features()).unwrap_or_default();
        let column = |feature: &Feature| match feature {
            Feature::Category { column, .. } => Some(*column),
            _ => None,
        };
        let mut parts = vec![];
        let mut first = 0;
        for part in features.chunk_by(|a, b| column(a) == column(b)) {
            let range = first..first + part.len();
            first = range.end;
            parts.push(if column(&part[0]).is_some() { Part::Categories(range) } else { Part::Numbers(range) });
        }
        if !parts.iter().any(|part| matches!(part, Part::Categories(_))) {
            parts.clear();
        }
        Self { parts: parts.into() }
    }

    /// Whether all features are numbers.
    pub(crate) fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    fn width(&self) -> usize {
        self.parts.last().map_or(1, |part| part.range().end)
    }

    /// The squared error of the numbers and the cross-entropy of the categories, in nats, of rows of `logits`, summed; `grad` becomes its
    /// gradient times `scale`.
    pub(super) fn loss_with_gradient(&self, logits: &[f32], target: &[f32], scale: f32, grad: &mut [f32]) -> f64 {
        let width = self.width();
        let rows = logits.chunks_exact(width).zip(target.chunks_exact(width)).zip(grad.chunks_exact_mut(width));
        let mut loss = 0.;
        for ((logits, target), grad) in rows {
            for part in &*self.parts {
                let range = part.range();
                let (logits, target, grad) = (&logits[range.clone()], &target[range.clone()], &mut grad[range]);
                if let Part::Numbers(_) = part {
                    loss += kernels::squared_error_with_gradient(logits, target, scale, grad);
                    continue;
                }
                grad.copy_from_slice(logits);
                loss += softmax(grad, target);
                // Where the category is missing, all targets are 0.
                let known: f32 = target.iter().sum();
                grad.iter_mut().zip(target).for_each(|(grad, target)| *grad = (*grad * known - target) * scale);
            }
        }
        loss
    }

    /// The same loss without the gradient. The logits of categories become their probabilities.
    pub(crate) fn loss(&self, logits: &mut [f32], target: &[f32]) -> f64 {
        let width = self.width();
        let rows = logits.chunks_exact_mut(width).zip(target.chunks_exact(width));
        let of_part = |part: &Part, logits: &mut [f32], target: &[f32]| match part {
            Part::Numbers(range) => kernels::squared_error_serial(&logits[range.clone()], &target[range.clone()]),
            Part::Categories(range) => softmax(&mut logits[range.clone()], &target[range.clone()]),
        };
        rows.map(|(logits, target)| self.parts.iter().map(|part| of_part(part, logits, target)).sum::<f64>()).sum()
    }

    /// The same by candle's operators, the mean over elements; and `logits` with probabilities in place of the categories' logits.
    pub(crate) fn compute(&self, logits: &Tensor, target: &Tensor) -> Result<(Tensor, Tensor)> {
        let (mut sums, mut outputs) = (vec![], vec![]);
        for part in &*self.parts {
            let range = part.range();
            let [logits, target] = [logits, target].map(|tensor| tensor.narrow(D::Minus1, range.start, range.len()));
            let (logits, target) = (logits?, target?);
            if let Part::Numbers(_) = part {
                sums.push((&logits - target)?.sqr()?.sum_all()?);
                outputs.push(logits);
            } else {
                let of_category = candle_nn::ops::log_softmax(&logits, D::Minus1)?;
                sums.push((&of_category * target)?.sum_all()?.neg()?);
                outputs.push(of_category.exp()?);
            }
        }
        let loss = (Tensor::stack(&sums, 0)?.sum_all()? / logits.elem_count() as f64)?;
        Ok((loss, Tensor::cat(&outputs, D::Minus1)?))
    }
}

impl Part {
    fn range(&self) -> Range<usize> {
        let (Self::Numbers(range) | Self::Categories(range)) = self;
        range.clone()
    }
}

/// Turns logits into probabilities, and returns their cross-entropy in nats.
fn softmax(logits: &mut [f32], target: &[f32]) -> f64 {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut loss = 0.;
    let mut sum = 0.;
    for (logit, target) in logits.iter_mut().zip(target) {
        let distance = *logit - largest;
        loss -= f64::from(target * distance);
        *logit = distance.exp();
        sum += *logit;
    }
    logits.iter_mut().for_each(|probability| *probability /= sum);
    loss + f64::from(target.iter().sum::<f32>()) * f64::from(sum.ln())
}

#[cfg(test)]
mod tests {
    use bundle::{Column, ColumnKind};
    use candle_core::{Device, Var};

    use super::*;

    fn schema() -> Arc<Schema> {
        let words = |words: &[&str]| ColumnKind::Category { values: words.iter().map(|&word| word.into()).collect() };
        let columns = vec![
            Column::number("size", 0., 1.),
            Column::new("colour", words(&["red", "green"])),
            Column::new("mode", words(&["slow"])),
            Column::number("load", 0., 1.),
        ];
        Arc::new(Schema::new(columns).unwrap())
    }

    /// Two rows of a number, three colours, two modes and a number; the second one's mode is missing.
    const TARGET: [f32; 14] = [0.5, 0., 1., 0., 1., 0., -1., 2., 1., 0., 0., 0., 0., 0.25];
    const LOGITS: [f32; 14] = [0.25, 1., 2., -1., 0.5, -0.5, 0., 1., -80., 30., 80., 3., -3., 0.];

    #[test]
    fn the_parts_are_those_of_the_columns() {
        let parts = [Part::Numbers(0..1), Part::Categories(1..4), Part::Categories(4..6), Part::Numbers(6..7)];
        assert_eq!(*Categories::of(Some(&schema())).parts, parts);
        let numbers = Arc::new(Schema::new(vec![Column::number("size", 0., 1.)]).unwrap());
        assert!(Categories::of(Some(&numbers)).is_empty() && Categories::of(None).is_empty());
    }

    #[test]
    fn loss_and_gradient_are_those_of_candle() -> Result<()> {
        let categories = Categories::of(Some(&schema()));
        let mut grad = [0.; 14];
        let loss = categories.loss_with_gradient(&LOGITS, &TARGET, 1. / 14., &mut grad);
        let tensor = |values: &[f32]| Tensor::from_slice(values, (2, 7), &Device::Cpu);
        let logits = Var::from_tensor(&tensor(&LOGITS)?)?;
        let (expected, output) = categories.compute(&logits, &tensor(&TARGET)?)?;
        // Rounding of sums of about 160.
        assert!((loss / 14. - f64::from(expected.to_scalar::<f32>()?)).abs() < 1e-5, "{loss}");
        let gradients = expected.backward()?;
        let expected =
            gradients.get(&logits).expect("the loss depends on the logits").flatten_all()?.to_vec1::<f32>()?;
        for (found, expected) in grad.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-6, "{found}, not {expected}");
        }
        let mut found = LOGITS;
        assert!((categories.loss(&mut found, &TARGET) - loss).abs() < 1e-5);
        for (found, expected) in found.iter().zip(output.flatten_all()?.to_vec1::<f32>()?) {
            assert!((found - expected).abs() < 1e-6, "{found}, not {expected}");
        }
        Ok(())
    }

    #[test]
    fn the_gradient_is_that_of_finite_differences() {
        let categories = Categories::of(Some(&schema()));
        let mut grad = [0.; 14];
        categories.loss_with_gradient(&LOGITS, &TARGET, 1., &mut grad);
        for index in [0, 1, 2, 3, 4, 5, 6, 7, 11, 12, 13] {
            let at = |delta: f32| {
                let mut moved = LOGITS;
                moved[index] += delta;
                let row = index / 7 * 7..index / 7 * 7 + 7;
                categories.loss(&mut moved[row.clone()], &TARGET[row])
            };
            let expected = (at(1e-2) - at(-1e-2)) / 2e-2;
            // Sums of f32 of up to 160 in the second row, divided by a step of 0.02.
            assert!((f64::from(grad[index]) - expected).abs() < 2e-3, "{index}: {}, not {expected}", grad[index]);
        }
    }
}
