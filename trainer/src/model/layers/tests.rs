use super::*;

const IMAGE: Shape = Shape::Image { channels: 1, height: 28, width: 28 };

fn conv(channels: usize) -> LayerConfig {
    ConvConfig::new(channels).into()
}

#[test]
fn shapes_follow_the_layers() {
    let image = |channels, height, width| Shape::Image { channels, height, width };
    assert_eq!(conv(16).output(IMAGE), Ok(image(16, 28, 28)));
    let valid = LayerConfig::from(ConvConfig { channels: 2, kernel: 5, stride: 2, padding: Some(0) });
    assert_eq!(valid.output(IMAGE), Ok(image(2, 12, 12)));
    assert_eq!(LayerConfig::from(MaxPool { size: 2 }).output(image(8, 7, 7)), Ok(image(8, 4, 4)));
    assert_eq!(LayerConfig::from(AvgPool { size: 2 }).output(image(8, 7, 7)), Ok(image(8, 3, 3)));
    assert_eq!(LayerConfig::from(Upsample { size: 3 }).output(image(8, 4, 5)), Ok(image(8, 12, 15)));
    assert_eq!(LayerConfig::from(LinearConfig::new(5)).output(IMAGE), Ok(Shape::Row(5)));
    let steps = Shape::Sequence { steps: 28, features: 6 };
    assert_eq!(LayerConfig::from(LstmConfig { units: 6, sequence: true }).output(IMAGE), Ok(steps));
    assert_eq!(LayerConfig::from(LstmConfig { units: 6, sequence: false }).output(steps), Ok(Shape::Row(6)));
    assert_eq!(LayerConfig::from(LinearConfig::new(6)).output(Shape::Sequence { steps: 28, features: 2 }), Ok(steps));
}

#[test]
fn what_does_not_fit_is_refused_with_its_reason() {
    let refused = |layer: LayerConfig, input| layer.output(input).unwrap_err();
    assert!(refused(conv(8), Shape::Row(128)).contains("`reshape`"));
    let point = Shape::Image { channels: 8, height: 1, width: 1 };
    assert!(refused(MaxPool { size: 2 }.into(), point).contains("nothing left"));
    assert!(refused(AvgPool { size: 2 }.into(), point).contains("nothing would be left"));
    assert!(refused(MaxPool { size: 65536 }.into(), IMAGE).contains("larger than an image of 28 x 28"));
    let wide = ConvConfig { kernel: 30, padding: Some(0), ..ConvConfig::new(1) }.into();
    assert!(refused(wide, IMAGE).contains("larger than an image of 28 x 28"));
    assert!(refused(conv(0), IMAGE).contains("`channels`: expected 1 to"));
    assert!(refused(Dropout { rate: 1. }.into(), IMAGE).contains("0 or more and below 1"));
    assert!(refused(Upsample { size: 65536 }.into(), IMAGE).contains("at most"));
    assert!(
        refused(ReshapeConfig::Image { channels: 3, height: 5, width: 5 }.into(), IMAGE).contains("expected 75 values")
    );
    assert!(refused(LstmConfig { units: 3, sequence: false }.into(), Shape::Row(4)).contains("sequence"));
}

fn read(text: &str) -> Result<LayerConfig, String> {
    let table: toml::Table = format!("layer = {text}").parse().unwrap();
    table["layer"].clone().try_into().map_err(|error: toml::de::Error| error.message().to_owned())
}

/// One layer of every name, as JSON of a checkpoint holds it.
const WRITTEN: [&str; 25] = [
    r#"{"layer":"linear","units":9}"#,
    r#"{"layer":"conv","channels":4,"kernel":3,"stride":1}"#,
    r#"{"layer":"conv_transpose","channels":4,"kernel":4,"stride":2}"#,
    r#"{"layer":"conv1d","channels":4,"kernel":3,"stride":1}"#,
    r#"{"layer":"max_pool","size":2}"#,
    r#"{"layer":"avg_pool","size":3}"#,
    r#"{"layer":"upsample","size":2}"#,
    r#"{"layer":"crop","height":7,"width":6}"#,
    r#"{"layer":"reshape","channels":2,"height":3,"width":4}"#,
    r#"{"layer":"flatten"}"#,
    r#"{"layer":"lstm","units":5,"sequence":false}"#,
    r#"{"layer":"repeat","steps":28}"#,
    r#"{"layer":"batch_norm"}"#,
    r#"{"layer":"layer_norm"}"#,
    r#"{"layer":"residual","layers":[{"layer":"conv","channels":4,"kernel":3,"stride":1},{"layer":"relu"}]}"#,
    r#"{"layer":"dropout","rate":0.1}"#,
    r#"{"layer":"noise","std":0.3}"#,
    r#"{"layer":"relu"}"#,
    r#"{"layer":"leaky_relu"}"#,
    r#"{"layer":"elu"}"#,
    r#"{"layer":"gelu"}"#,
    r#"{"layer":"silu"}"#,
    r#"{"layer":"tanh"}"#,
    r#"{"layer":"sigmoid"}"#,
    r#"{"layer":"identity"}"#,
];

/// Other settings of some of them.
const OTHERS: [&str; 2] = [
    r#"{"layer":"conv","channels":4,"kernel":2,"stride":1,"padding":0}"#,
    r#"{"layer":"reshape","steps":3,"features":4}"#,
];

#[test]
fn every_layer_is_written_as_earlier_builds_wrote_it() {
    let mut names = Vec::new();
    for text in WRITTEN.iter().copied().chain(OTHERS) {
        let layer: LayerConfig = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&layer).unwrap(), text);
        assert!(text.starts_with(&format!(r#"{{"layer":"{}""#, layer.name())), "{text}");
        let table = toml::Table::try_from(&layer).unwrap();
        assert_eq!(table.try_into::<LayerConfig>().unwrap(), layer);
        names.push(layer.name());
    }
    names.truncate(WRITTEN.len());
    assert_eq!(names, LayerConfig::names());
}

#[test]
fn noise_is_read_under_its_earlier_name() {
    assert_eq!(read(r#"{ layer = "noise", deviation = 0.3 }"#), read(r#"{ layer = "noise", std = 0.3 }"#));
}

#[test]
fn a_setting_that_does_not_fit_is_named_with_what_was_found() {
    for (text, expected) in [
        (
            r#"{ layer = "linear", units = "5" }"#,
            r#"layer (linear): `units`: expected a whole number, found the text "5""#,
        ),
        (r#"{ layer = "linear", units = -5 }"#, "layer (linear): `units`: expected a whole number, found -5"),
        (r#"{ layer = "linear", units = 5.5 }"#, "layer (linear): `units`: expected a whole number, found 5.5"),
        (r#"{ layer = "linear" }"#, "layer (linear): `units`: expected a whole number, found none"),
        (
            r#"{ layer = "linear", units = 5, unit = 6 }"#,
            "layer (linear): `unit`: no such setting; did you mean `units`?",
        ),
        (r#"{ layer = "relu", units = 5 }"#, "layer (relu): `units`: no such setting; this layer has no settings"),
        (r#"{ layer = "dropout", rate = true }"#, "layer (dropout): `rate`: expected a number, found true"),
        (r#"{ layer = "lstm", units = 5, sequence = 1 }"#, "layer (lstm): `sequence`: expected true or false, found 1"),
        (r#"{ units = 5 }"#, "layer: `layer`: expected a layer's name, found none"),
        (r#"{ layer = ["relu"] }"#, "layer: `layer`: expected a layer's name, found a list"),
        (r#""relu""#, r#"layer: expected a table such as { layer = "relu" }, found the text "relu""#),
    ] {
        assert_eq!(read(text).unwrap_err(), expected);
    }
    let error = read(r#"{ layer = "dense", units = 5 }"#).unwrap_err();
    assert!(
        error.starts_with("layer: expected one of linear, conv, conv_transpose,") && error.ends_with("; found `dense`"),
        "{error}"
    );
    let error = read(r#"{ layer = "maxpool" }"#).unwrap_err();
    assert!(error.ends_with("; found `maxpool`; did you mean `max_pool`?"), "{error}");
    let error = read(&format!(r#"{{ layer = "{}\u0007" }}"#, "x".repeat(1000))).unwrap_err();
    assert!(error.len() < 400 && !error.contains('\u{7}'), "{error}");
}

#[test]
fn a_list_names_the_place_of_what_does_not_fit() {
    for (list, place) in [("encoder", "encoder"), ("decoder", "decoder")] {
        let text = format!(r#"{list} = [{{ layer = "relu" }}, {{ layer = "max_pool", sise = 3 }}]"#);
        let error = toml::from_str::<crate::model::ModelConfig>(&text).unwrap_err();
        assert_eq!(
            error.message(),
            format!("layer `{place}.1` (max_pool): `sise`: no such setting; did you mean `size`?")
        );
    }
}
