//! The colour map viridis (van der Walt and Smith 2015), which is as even in grey and to the colour-blind.

/// Colours at equal steps from 0 to 1; between them, a straight line is near enough.
const COLORS: [[u8; 3]; 9] = [
    [68, 1, 84],
    [71, 44, 122],
    [59, 81, 139],
    [44, 113, 142],
    [33, 144, 141],
    [39, 173, 129],
    [92, 200, 99],
    [170, 220, 50],
    [253, 231, 37],
];

/// The colour of `part`, from 0 to 1; what lies outside has the colour of the nearer end.
pub(super) fn viridis(part: f32) -> [u8; 3] {
    let steps = COLORS.len() - 1;
    let place = if part.is_nan() { 0. } else { part.clamp(0., 1.) * steps as f32 };
    let from = (place as usize).min(steps - 1);
    let weight = place - from as f32;
    std::array::from_fn(|channel| {
        let (low, high) = (f32::from(COLORS[from][channel]), f32::from(COLORS[from + 1][channel]));
        (low + (high - low) * weight).round() as u8
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_run_from_violet_to_yellow() {
        assert_eq!([viridis(-1.), viridis(0.)], [[68, 1, 84]; 2]);
        assert_eq!([viridis(1.), viridis(2.)], [[253, 231, 37]; 2]);
        assert_eq!(viridis(0.5), [33, 144, 141]);
        assert_eq!(viridis(1. / 16.), [70, 23, 103]);
        assert_eq!(viridis(f32::NAN), viridis(0.));
    }
}
