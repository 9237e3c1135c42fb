//! The decoder that is left out of a config: the encoder's mirror image.

use super::layer::{LayerConfig, Shape};
use super::network::{layer_error, walk};
use crate::Result;

/// The layers of `encoder`, which is given `start`, in reverse and each turned round: what pools enlarges, what shrank a
/// row widens it, noise and dropout are left out. An image that pooling made is convolved once more first.
pub(super) fn mirror(encoder: &[LayerConfig], start: Shape) -> Result<Vec<LayerConfig>> {
    let mut inputs = Vec::new();
    let latent = walk("encoder", encoder, start, |_, _, shape| inputs.push(shape))?;
    if let (Shape::Sequence { .. }, Some(last)) = (latent, encoder.last()) {
        let reason = format!("a code of {latent} has no mirror image; list the decoder's layers in `decoder`");
        return Err(layer_error("encoder", encoder.len() - 1, last, reason));
    }
    // The code is a row, whatever shape it came from.
    let mut layers = unflatten(latent);
    layers.extend(waist(encoder, latent));
    for (index, (layer, &input)) in encoder.iter().zip(&inputs).enumerate().rev() {
        let output = layer.output(input).map_err(|reason| layer_error("encoder", index, layer, reason))?;
        let turned = turn(layer, input, output).map_err(|reason| {
            layer_error("encoder", index, layer, format!("{reason}; list the decoder's layers in `decoder`"))
        })?;
        layers.extend(turned);
    }
    // Nothing is gained by an activation of the code itself.
    let moves = |layer: &LayerConfig| layer.is_activation() || layer.is_shaping() || is_enlarging(layer);
    let first = layers.iter().position(|layer| !moves(layer)).unwrap_or(layers.len());
    let mut position = 0;
    layers.retain(|layer| {
        position += 1;
        position > first || !layer.is_activation()
    });
    activate_before_enlarging(&mut layers);
    // The last values are the reconstruction, whatever their shape.
    while layers.last().is_some_and(LayerConfig::is_shaping) {
        layers.pop();
    }
    Ok(layers)
}

fn is_enlarging(layer: &LayerConfig) -> bool {
    matches!(layer, LayerConfig::Upsample { .. } | LayerConfig::Crop { .. })
}

/// A pooled image is convolved once more before it grows, as in "Building Autoencoders in Keras": with the window of the
/// encoder's last convolution.
fn waist(encoder: &[LayerConfig], latent: Shape) -> Option<LayerConfig> {
    let pooled = |layer: &LayerConfig| matches!(layer, LayerConfig::MaxPool { .. } | LayerConfig::AvgPool { .. });
    let kernel = encoder.iter().rev().find_map(|layer| match layer {
        LayerConfig::Conv { kernel, .. } => Some(*kernel),
        _ => None,
    });
    match (kernel, latent) {
        (Some(kernel), Shape::Image { channels, .. })
            if kernel % 2 == 1 && encoder.iter().rfind(|layer| layer.computes()).is_some_and(pooled) =>
        {
            Some(LayerConfig::Conv { channels, kernel, stride: 1, padding: None })
        }
        _ => None,
    }
}

/// From a row to `shape`; a greyscale image that only dense layers see stays a row.
fn unflatten(shape: Shape) -> Vec<LayerConfig> {
    match shape {
        Shape::Image { channels, height, width } => vec![LayerConfig::Reshape { channels, height, width }],
        _ => vec![],
    }
}

fn turn(layer: &LayerConfig, input: Shape, output: Shape) -> Result<Vec<LayerConfig>, String> {
    let units = input.len().ok_or("too many values")?;
    Ok(match (layer, input) {
        (LayerConfig::Linear { .. }, Shape::Sequence { features, .. }) => vec![LayerConfig::Linear { units: features }],
        (LayerConfig::Linear { .. }, _) => [vec![LayerConfig::Linear { units }], unflatten(input)].concat(),
        (&LayerConfig::Conv { kernel, stride, padding, .. }, Shape::Image { channels, height, width }) => {
            let around = LayerConfig::padding(kernel, padding);
            let back = |padding| LayerConfig::Conv { channels, kernel, stride: 1, padding };
            if stride == 1 {
                let opposite = (kernel - 1).checked_sub(around).ok_or("its padding is wider than its window")?;
                let same = kernel % 2 == 1 && opposite == kernel / 2;
                vec![back((!same).then_some(opposite))]
            } else {
                if kernel % 2 == 0 {
                    return Err("an even window with steps has no mirror image".into());
                }
                [enlarge(stride, output, [height, width])?, vec![back(None)]].concat()
            }
        }
        (&LayerConfig::MaxPool { size } | &LayerConfig::AvgPool { size }, Shape::Image { height, width, .. }) => {
            enlarge(size, output, [height, width])?
        }
        (&LayerConfig::Upsample { size }, _) => vec![LayerConfig::AvgPool { size }],
        (&LayerConfig::Lstm { units, sequence }, _) => {
            let (steps, features) = input.as_sequence().ok_or("it is given no sequence")?;
            let mut layers = Vec::new();
            if !sequence {
                layers.push(LayerConfig::Repeat { steps });
            }
            layers.push(LayerConfig::Lstm { units, sequence: true });
            // A state is no reconstruction: what was given is a linear function of it.
            layers.push(LayerConfig::Linear { units: features });
            layers
        }
        (LayerConfig::Reshape { .. } | LayerConfig::Flatten, _) => match input {
            Shape::Image { .. } => unflatten(input),
            Shape::Row(_) => vec![LayerConfig::Flatten],
            Shape::Sequence { .. } => return Err("a sequence made a row has no mirror image".into()),
        },
        (LayerConfig::Crop { .. } | LayerConfig::Repeat { .. }, _) => return Err("it has no mirror image".into()),
        (LayerConfig::Dropout { .. } | LayerConfig::Noise { .. }, _) => vec![],
        (activation, _) => vec![activation.clone()],
    })
}

/// An image of shape `from` enlarged, and cut to `size` where it comes out larger.
fn enlarge(factor: usize, from: Shape, [height, width]: [usize; 2]) -> Result<Vec<LayerConfig>, String> {
    let Shape::Image { height: rows, width: columns, .. } = from else { return Err("it gives no image".into()) };
    let reached = [rows * factor, columns * factor];
    if reached[0] < height || reached[1] < width {
        return Err(format!("{factor} times {rows} x {columns} pixels do not fill {height} x {width}"));
    }
    let mut layers = vec![LayerConfig::Upsample { size: factor }];
    if reached != [height, width] {
        layers.push(LayerConfig::Crop { height, width });
    }
    Ok(layers)
}

/// An activation gives the same before an image is enlarged, from fewer pixels.
fn activate_before_enlarging(layers: &mut [LayerConfig]) {
    for index in 1..layers.len() {
        let mut place = index;
        while place > 0 && layers[place].is_activation() && is_enlarging(&layers[place - 1]) {
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
    fn a_convolutional_encoder_is_turned_round() {
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
    fn a_recurrent_encoder_is_turned_round() {
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
