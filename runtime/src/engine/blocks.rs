//! Splits rows and the buffers for their outputs into blocks.

/// Some rows, and a buffer for each of their outputs.
pub(crate) type Block<'a, const N: usize> = (&'a [f32], [&'a mut [f32]; N]);

/// Rows and the buffers for their outputs, block by block.
pub(crate) struct Blocks<'a, const N: usize> {
    rows: &'a [f32],
    outputs: [&'a mut [f32]; N],
    /// Values in a block.
    len: usize,
    output_lens: [usize; N],
}

impl<'a, const N: usize> Blocks<'a, N> {
    /// Blocks of `block` rows of `width` values, and outputs of `widths`.
    pub(crate) fn new(
        [block, width]: [usize; 2],
        widths: [usize; N],
        rows: &'a [f32],
        outputs: [&'a mut [f32]; N],
    ) -> Self {
        let len = |width| block.saturating_mul(width);
        Self { rows, outputs, len: len(width), output_lens: widths.map(len) }
    }
}

impl<'a, const N: usize> Iterator for Blocks<'a, N> {
    type Item = Block<'a, N>;

    fn next(&mut self) -> Option<Block<'a, N>> {
        if self.rows.is_empty() {
            return None;
        }
        let (rows, rest) = self.rows.split_at(self.len.min(self.rows.len()));
        self.rows = rest;
        let mut lens = self.output_lens.into_iter();
        let outputs = self.outputs.each_mut().map(|output| {
            let len = lens.next().unwrap_or_default().min(output.len());
            output.split_off_mut(..len).unwrap_or_default()
        });
        Some((rows, outputs))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_comes_once_with_its_outputs() {
        let rows: Vec<f32> = (0..14).map(|value| value as f32).collect();
        let (mut a, mut b) = ([0.; 7], [0.; 21]);
        for (rows, [a, b]) in Blocks::new([3, 2], [1, 3], &rows, [&mut a, &mut b]) {
            for ((row, a), b) in rows.chunks(2).zip(a).zip(b.chunks_mut(3)) {
                *a = row[0];
                b.fill(row[1]);
            }
        }
        assert_eq!(a, [0., 2., 4., 6., 8., 10., 12.]);
        assert_eq!(b[18..], [13.; 3]);
    }
}
