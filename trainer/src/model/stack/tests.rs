use super::*;
use crate::random::{Purpose, stream};

#[test]
fn initial_weights_are_glorot_uniform_and_biases_zero() {
    let mut rng = stream(7, Purpose::Weights, 0);
    let mut initial = |dims: &[usize]| initial("encoder.0.weight", dims, &mut rng, &Device::Cpu).unwrap();
    for (dims, fans) in [(&[32usize, 784][..], 816.), (&[32, 64, 3, 3], 9. * 96.)] {
        let values = initial(dims).flatten_all().unwrap().to_vec1::<f32>().unwrap();
        let limit = (6f32 / fans).sqrt();
        assert!(values.iter().all(|value| value.abs() <= limit));
        let n = values.len() as f32;
        let mean = values.iter().sum::<f32>() / n;
        let variance = values.iter().map(|value| value * value).sum::<f32>() / n;
        // A uniform variable's variance is limit^2 / 3; over 18,432 draws and more its estimate strays by about 0.7 %, the
        // mean's by limit / sqrt(3 n) < 0.0004; five times that each.
        assert!(mean.abs() < 0.002, "{mean}");
        assert!((variance / (limit * limit / 3.) - 1.).abs() < 0.035, "{variance}");
    }
    assert_eq!(initial(&[32]).to_vec1::<f32>().unwrap(), [0.; 32]);
}

#[test]
fn an_lstm_begins_by_remembering() {
    let mut rng = stream(7, Purpose::Weights, 0);
    let bias = initial("encoder.0.bias_ih_l0", &[8], &mut rng, &Device::Cpu).unwrap();
    assert_eq!(bias.to_vec1::<f32>().unwrap(), [0., 0., 1., 1., 0., 0., 0., 0.]);
}

#[test]
fn dropout_and_noise_keep_the_mean_and_only_train() {
    let x = Tensor::ones((100, 100), candle_core::DType::F32, &Device::Cpu).unwrap();
    let mean = |x: &Tensor| x.mean_all().unwrap().to_scalar::<f32>().unwrap();
    for (layer, spread) in [(Layer::Dropout(0.5), 1f32), (Layer::Noise(0.3), 0.3)] {
        let mut rng = stream(7, Purpose::Dropout, 0);
        let y = layer.forward_training(&x, &mut rng).unwrap();
        // 10,000 draws: the mean strays by a hundredth of the spread; five times that.
        assert!((mean(&y) - 1.).abs() < 0.05 * spread);
        let deviation = mean(&(&y - 1.).unwrap().sqr().unwrap()).sqrt();
        assert!((deviation / spread - 1.).abs() < 0.05, "{deviation}");
        assert_eq!(mean(&layer.forward(&x).unwrap()), 1.);
    }
}
