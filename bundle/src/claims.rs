//! What a manifest may claim: numbers that a reader can compute with.

use crate::labels::MAX_LABELS;
use crate::manifest::{Manifest, Tensor};
use crate::printable::printable;

/// The most values of a row that anything here computes with.
const MAX_ROW: usize = 1 << 31;
/// The most dimensions of a row.
const MAX_DIMS: usize = 16;
/// The types of values that are read.
const TYPES: [&str; 2] = ["float32", "uint8"];
/// The most files of a bundle, which has eight itself.
const MAX_FILES: usize = 64;
/// The longest name of a detector.
const MAX_WORD: usize = 64;
/// The longest name of a tensor.
const MAX_NAME: usize = 1024;

/// Fails with the first claim that cannot hold.
pub(crate) fn check(manifest: &Manifest) -> Result<(), String> {
    let tensors = [&manifest.input, &manifest.latent, &manifest.reconstruction];
    tensors.into_iter().chain(&manifest.log_variance).try_for_each(check_tensor)?;
    if let Some(threshold) = &manifest.threshold {
        let holds = threshold.value.is_finite() && (0. ..=1.).contains(&threshold.quantile);
        expect(holds, || "`threshold`: expected a finite value and a quantile from 0 to 1".into())?;
    }
    if let Some([steps, stride]) = manifest.window {
        let row = manifest.input.row_len().unwrap_or_default();
        let holds = steps > 0 && stride > 0 && row.is_multiple_of(steps);
        expect(holds, || format!("`window`: expected whole steps of rows of {row} values, found {steps}"))?;
    }
    let noise = manifest.input_noise.unwrap_or_default();
    expect(noise.is_finite() && noise >= 0., || format!("`input_noise`: expected a number from 0, found {noise}"))?;
    let values = manifest.image_shape.iter().try_fold(1usize, |values, &side| values.checked_mul(side));
    let is_image = manifest.image_shape.len() <= 3 && values == manifest.input.row_len();
    expect(manifest.image_shape.is_empty() || is_image, || {
        "`image_shape`: expected height and width, or channels, height and width, of a row".into()
    })?;
    let detector = manifest.scorer.as_ref().map_or("", |scorer| &scorer.detector);
    let is_word =
        detector.len() <= MAX_WORD && detector.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_');
    expect(is_word, || format!("`scorer`: expected the name of a detector, found `{}`", printable(detector)))?;
    let labels = manifest.label.as_ref().map_or(0, |label| label.usual.len());
    expect(labels <= MAX_LABELS, || format!("`label`: expected at most {MAX_LABELS} labels, found {labels}"))?;
    let files = manifest.files.len();
    expect(files <= MAX_FILES, || format!("`files`: expected at most {MAX_FILES} files, found {files}"))?;
    let is_plain =
        |name: &&String| !name.is_empty() && !name.contains(['/', '\\', '\0']) && *name != ".." && *name != ".";
    match manifest.files.keys().find(|name| !is_plain(name)) {
        Some(name) => Err(format!("`files`: expected names of files in this folder, found `{}`", printable(name))),
        None => Ok(()),
    }
}

fn check_tensor(tensor: &Tensor) -> Result<(), String> {
    let name = printable(&tensor.name);
    expect(!tensor.name.is_empty() && tensor.name.len() <= MAX_NAME, || {
        format!("expected the names of tensors to have from 1 to {MAX_NAME} letters, found `{name}`")
    })?;
    let has_row =
        tensor.row_shape.len() <= MAX_DIMS && tensor.row_len().is_some_and(|len| (1..=MAX_ROW).contains(&len));
    expect(has_row, || {
        format!("`{name}`: expected a shape with values, found {:.80}", format!("{:?}", tensor.row_shape))
    })?;
    expect(TYPES.contains(&tensor.dtype.as_str()), || {
        format!("`{name}`: expected values of {}, found {}", TYPES.join(" or "), printable(&tensor.dtype))
    })?;
    if let Some([low, high]) = tensor.range {
        let holds = low.is_finite() && high.is_finite() && low < high;
        expect(holds, || format!("`{name}`: expected a range of finite numbers, found {low} to {high}"))?;
    }
    if let Some(divisor) = tensor.preprocessing.map(|preprocessing| preprocessing.max_value) {
        let holds = divisor.is_finite() && divisor > 0.;
        expect(holds, || format!("`{name}`: expected to divide by a number above 0, found {divisor}"))?;
    }
    Ok(())
}

fn expect(holds: bool, reason: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(reason()) }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::manifest::FileEntry;
    use crate::preprocessing::Preprocessing;
    use crate::score::Threshold;

    fn manifest() -> Manifest {
        let tensor = |name: &str| Tensor::new(name, [4]);
        let json = serde_json::json!({
            "format_version": 1, "input": tensor("x"), "latent": tensor("z"), "reconstruction": tensor("y"), "files": {}
        });
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn claims_that_cannot_hold_are_refused_by_name() {
        check(&manifest()).unwrap();
        let refused = |spoil: &dyn Fn(&mut Manifest)| {
            let mut manifest = manifest();
            spoil(&mut manifest);
            check(&manifest).unwrap_err()
        };
        let threshold = |value| Threshold { metric: "mse".into(), quantile: 0.5, value };
        let file = || FileEntry::of(b"");
        let cases = [
            (refused(&|m| m.input.row_shape = vec![1 << 63, 2]), "`x`: expected a shape with values"),
            (refused(&|m| m.latent.row_shape = vec![0]), "`z`: expected a shape with values"),
            (refused(&|m| m.latent.row_shape = vec![0; 100_000]), "`z`: expected a shape with values"),
            (refused(&|m| m.input.name = "\u{1b}".repeat(2000)), r"found `\u{1b}"),
            (refused(&|m| m.input.dtype = "text".into()), "`x`: expected values of float32 or uint8, found text"),
            (refused(&|m| m.input.range = Some([1., 1.])), "`x`: expected a range of finite numbers"),
            (
                refused(&|m| m.input.preprocessing = Some(Preprocessing { max_value: 0. })),
                "by a number above 0, found 0",
            ),
            (refused(&|m| m.threshold = Some(threshold(f64::NAN))), "`threshold`: expected a finite value"),
            (refused(&|m| m.window = Some([3, 1])), "`window`: expected whole steps"),
            (refused(&|m| m.window = Some([0, 1])), "`window`: expected whole steps"),
            (refused(&|m| m.image_shape = vec![1 << 40, 1 << 40]), "`image_shape`"),
            (refused(&|m| m.image_shape = vec![1; 1_000_000]), "`image_shape`"),
            (refused(&|m| m.image_shape = vec![3, 2]), "`image_shape`"),
            (
                refused(&|m| m.files = (0..65).map(|index| (format!("{index}.onnx"), file())).collect()),
                "at most 64 files, found 65",
            ),
            (refused(&|m| m.input_noise = Some(f64::NAN)), "`input_noise`"),
            (
                refused(&|m| m.files = BTreeMap::from([("../encoder.onnx".into(), file())])),
                "names of files in this folder",
            ),
        ];
        for (reason, expected) in cases {
            assert!(reason.contains(expected) && reason.len() < 1000, "{reason}");
        }
    }
}
