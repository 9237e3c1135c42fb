//! The decoder of a config that lists none: the encoder's mirror image.

use bundle::Shape;

use super::layers::{AnyLayer, ConvConfig, LayerConfig, ReshapeConfig, Role};
use super::walk::{layer_error, walk};
use crate::error::Result;

/// The layers of `encoder`, whose input is `start`, in reverse, each replaced by its mirror image: pooling by enlarging, a layer that
/// narrows a row by one that widens it. Noise and dropout are left out. A pooled image is convolved once more first.
pub(super) fn mirror(encoder: &[LayerConfig], start: Shape) -> Result<Vec<LayerConfig>> {
    let mut inputs = Vec::new();
    let latent = walk("encoder", encoder, start, |_, _, shape| inputs.push(shape))?;
    if let (Shape::Sequence { .. }, Some(last)) = (latent, encoder.last()) {
        let reason = format!("a latent of {latent} has no mirror image; list the decoder's layers in `decoder`");
        return Err(layer_error("encoder", encoder.len() - 1, last, reason));
    }
    // The latent is a row, whatever shape it came from.
    let mut layers: Vec<LayerConfig> = ReshapeConfig::to(latent).map(LayerConfig::from).into_iter().collect();
    layers.extend(waist(encoder, latent));
    for (index, (layer, &input)) in encoder.iter().zip(&inputs).enumerate().rev() {
        let output = layer.output(input).map_err(|reason| layer_error("encoder", index, layer, reason))?;
        let mirrored = layer.mirror(input, output).map_err(|reason| {
            layer_error("encoder", index, layer, format!("{reason}; list the decoder's layers in `decoder`"))
        })?;
        layers.extend(mirrored);
    }
    // Nothing is gained by an activation of the latent itself.
    let moves = |layer: &LayerConfig| matches!(layer.role(), Role::Activate | Role::Reshape | Role::Enlarge);
    let first = layers.iter().position(|layer| !moves(layer)).unwrap_or(layers.len());
    let mut position = 0;
    layers.retain(|layer| {
        position += 1;
        position > first || layer.role() != Role::Activate
    });
    LayerConfig::normalise_before_activating(&mut layers);
    activate_before_enlarging(&mut layers);
    // The last values are the reconstruction, whatever their shape.
    while layers.last().is_some_and(|layer| layer.role() == Role::Reshape) {
        layers.pop();
    }
    Ok(layers)
}

/// A pooled image is convolved once more before it grows, as in "Building Autoencoders in Keras": with the window of the
/// encoder's last convolution.
fn waist(encoder: &[LayerConfig], latent: Shape) -> Option<LayerConfig> {
    let kernel = encoder.iter().rev().find_map(|layer| match layer {
        LayerConfig::Conv(conv) => Some(conv.kernel),
        _ => None,
    });
    let pooled = encoder.iter().rfind(|layer| layer.computes()).is_some_and(|layer| layer.role() == Role::Pool);
    match (kernel, latent) {
        (Some(kernel), Shape::Image { channels, .. }) if kernel % 2 == 1 && pooled => {
            Some(ConvConfig { kernel, ..ConvConfig::new(channels) }.into())
        }
        _ => None,
    }
}

/// An activation before an image is enlarged has the same result as behind it, from fewer pixels.
fn activate_before_enlarging(layers: &mut [LayerConfig]) {
    for index in 1..layers.len() {
        let mut place = index;
        while place > 0 && layers[place].role() == Role::Activate && layers[place - 1].role() == Role::Enlarge {
            layers.swap(place, place - 1);
            place -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IMAGE: Shape = Shape::Image { channels: 1, height: 28, width: 28 };

    fn layers(text: &str) -> Vec<LayerConfig> {
        let table: std::collections::HashMap<String, Vec<LayerConfig>> = toml::from_str(text).unwrap();
        table["layers"].clone()
    }

    #[test]
    fn a_convolutional_encoder_is_mirrored() {
        let encoder = layers(
            r#"layers = [
                { layer = "conv", channels = 16 }, { layer = "relu" }, { layer = "max_pool" },
                { layer = "conv", channels = 8 }, { layer = "relu" }, { layer = "max_pool" },
                { layer = "dropout", rate = 0.1 },
                { layer = "conv", channels = 4 }, { layer = "tanh" }, { layer = "max_pool" },
            ]"#,
        );
        let expected = layers(
            r#"layers = [
                { layer = "reshape", channels = 4, height = 4, width = 4 }, { layer = "conv", channels = 4 },
                { layer = "tanh" }, { layer = "upsample" }, { layer = "crop", height = 7, width = 7 }, { layer = "conv", channels = 8 },
                { layer = "relu" }, { layer = "upsample" }, { layer = "conv", channels = 16 },
                { layer = "relu" }, { layer = "upsample" }, { layer = "conv", channels = 1 },
            ]"#,
        );
        assert_eq!(mirror(&encoder, IMAGE).unwrap(), expected);
    }

    #[test]
    fn a_recurrent_encoder_is_mirrored() {
        let encoder = layers(r#"layers = [{ layer = "lstm", units = 64 }, { layer = "linear", units = 16 }]"#);
        let expected = layers(
            r#"layers = [
                { layer = "linear", units = 64 }, { layer = "repeat", steps = 28 },
                { layer = "lstm", units = 64, sequence = true }, { layer = "linear", units = 28 },
            ]"#,
        );
        assert_eq!(mirror(&encoder, IMAGE).unwrap(), expected);
    }

    #[test]
    fn windows_without_padding_and_with_steps_come_back_to_size() {
        for text in [
            r#"layers = [{ layer = "conv", channels = 3, kernel = 5, padding = 0 }]"#,
            r#"layers = [{ layer = "conv", channels = 3, kernel = 2, padding = 1 }]"#,
            r#"layers = [{ layer = "conv", channels = 3, kernel = 5, stride = 3 }]"#,
            r#"layers = [{ layer = "max_pool", size = 3 }, { layer = "linear", units = 7 }, { layer = "relu" }]"#,
            r#"layers = [{ layer = "linear", units = 9 }, { layer = "reshape", channels = 1, height = 3, width = 3 }]"#,
        ] {
            let encoder = layers(text);
            let latent = walk("encoder", &encoder, IMAGE, |_, _, _| ()).unwrap();
            let decoder = mirror(&encoder, IMAGE).unwrap();
            let output = walk("decoder", &decoder, Shape::Row(latent.len().unwrap()), |_, _, _| ()).unwrap();
            assert_eq!(output.len(), Some(784), "{decoder:?}");
        }
    }

    #[test]
    fn what_has_no_mirror_image_asks_for_a_decoder() {
        for text in [
            r#"layers = [{ layer = "crop", height = 9, width = 9 }]"#,
            r#"layers = [{ layer = "avg_pool", size = 3 }]"#,
            r#"layers = [{ layer = "linear", units = 3 }, { layer = "repeat", steps = 4 }]"#,
        ] {
            let error = mirror(&layers(text), IMAGE).unwrap_err().to_string();
            assert!(error.contains("list the decoder's layers in `decoder`"), "{error}");
        }
    }
}
