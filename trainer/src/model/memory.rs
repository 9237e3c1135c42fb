//! The memory that training a network takes, estimated before it is built.

use bundle::Shape;

use super::layers::{LayerConfig, values};
use super::network::NetworkConfig;
use crate::error::{Error, Result};
use crate::memory::available;

/// Bytes of a value.
const F32: u64 = 4;
/// Copies of the parameters at the peak, which is when a run is saved: themselves, gradients, two slots of the optimiser, their
/// packed form for the kernels, and parameters and slots on their way to the file.
const COPIES: u64 = 9;
/// Copies of what a fused step keeps of all rows of a batch: inputs, outputs and gradients of linear layers.
const FUSED_COPIES: u64 = 2;
/// Rows that are evaluated together, each with the outputs of all layers.
const EVALUATION_ROWS: u64 = 500;

/// What training takes, in bytes.
struct Needs {
    parameters: u64,
    /// For each row of a batch.
    row: u64,
    evaluation: u64,
}

impl Needs {
    fn total(&self, batch_size: usize) -> u64 {
        let step = self.row.saturating_mul(batch_size as u64);
        self.parameters.saturating_add(step.max(self.evaluation))
    }
}

impl NetworkConfig {
    /// About how many bytes training on the CPU takes with an optimiser such as Adam: the peaks of a dozen networks were 0.7 to 1.4
    /// times as high.
    pub fn training_memory(&self, batch_size: usize) -> u64 {
        self.needs().total(batch_size)
    }

    /// Fails when training on the CPU would take more than four fifths of the memory that this program may use: what is free, or less
    /// where a control group or `ulimit -v` limits it; 16 GB on systems other than Linux.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] with both figures, and the largest batch that fits, if any does.
    pub fn check_memory(&self, batch_size: usize) -> Result<()> {
        self.check_memory_within(batch_size, available() / 5 * 4)
    }

    fn check_memory_within(&self, batch_size: usize, limit: u64) -> Result<()> {
        let needs = self.needs();
        let total = needs.total(batch_size);
        if total <= limit {
            return Ok(());
        }
        let rows = limit.saturating_sub(needs.parameters) / needs.row.max(1);
        let advice = match usize::try_from(rows) {
            Ok(rows) if rows > 0 && needs.total(rows) <= limit => format!("a batch of {rows} rows would fit"),
            _ => "narrower layers take less".into(),
        };
        let [total, limit] = [total, limit].map(|bytes| bytes as f64 / 1e9);
        let reason = format!(
            "training this network in batches of {batch_size} rows would take about {total:.1} GB of memory, and {limit:.1} GB \
             are available; {advice}"
        );
        Err(Error::setting("model", reason))
    }

    /// Whether the fused chain takes all layers.
    pub(super) fn fuses(&self) -> bool {
        let layers = self.layer_shapes();
        // The sigmoid at the end is the loss's.
        layers.iter().take(layers.len() - 1).all(|(layer, [input, _])| layer.fuses(*input))
    }

    fn needs(&self) -> Needs {
        let layers = self.layer_shapes();
        let sum = |value: &dyn Fn(&LayerConfig, Shape, Shape) -> u64| {
            layers.iter().fold(0u64, |sum, (layer, [input, output])| sum.saturating_add(value(layer, *input, *output)))
        };
        let outputs = sum(&|_, _, output| values(output));
        let fused = self.fuses();
        let row = if fused {
            sum(&|layer, input, output| match layer {
                LayerConfig::Linear(_) => FUSED_COPIES * (values(input) + values(output)),
                _ => 0,
            })
        } else {
            sum(&|layer, input, output| layer.graph_values(input, output))
        };
        let evaluation = if fused { 0 } else { outputs.saturating_mul(EVALUATION_ROWS) };
        Needs {
            parameters: self.weight_count().saturating_mul(COPIES * F32),
            row: row.saturating_mul(F32),
            evaluation: evaluation.saturating_mul(F32),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(text: &str) -> NetworkConfig {
        NetworkConfig::new(&toml::from_str(text).unwrap(), [8, 8]).unwrap()
    }

    #[test]
    fn a_batch_that_fits_is_named_and_fits() {
        let network = network("encoder = [{ layer = \"conv\", channels = 64 }, { layer = \"gelu\" }]");
        let error = network.check_memory_within(100_000, 1_000_000_000).unwrap_err().to_string();
        let rows = error.split("a batch of ").nth(1).and_then(|rest| rest.split(' ').next()).unwrap();
        let rows: usize = rows.parse().unwrap();
        assert!(error.contains("and 1.0 GB are available"), "{error}");
        network.check_memory_within(rows, 1_000_000_000).unwrap();
        network.check_memory_within(rows + 1, 1_000_000_000).unwrap_err();
    }

    #[test]
    fn parameters_that_do_not_fit_are_refused_with_what_they_take() {
        let network = network("hidden = [16384, 16384]");
        // 540 million parameters, nine times 4 bytes each.
        let error = network.check_memory_within(32, 8_000_000_000).unwrap_err().to_string();
        assert_eq!(
            error,
            "setting `model`: training this network in batches of 32 rows would take about 19.5 GB of memory, and 8.0 GB are \
             available; narrower layers take less"
        );
    }
}
