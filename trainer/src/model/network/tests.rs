use super::*;

fn network(text: &str) -> Result<NetworkConfig> {
    NetworkConfig::new(&toml::from_str(text).unwrap(), [28, 28])
}

#[test]
fn display_lists_every_width() {
    let dense = NetworkConfig::new(&ModelConfig::dense(32, [128, 64]), [28, 28]).unwrap();
    assert_eq!(dense.to_string(), "784-128-64-32-64-128-784");
    assert_eq!(
        network("latent_dim = 20\nhidden = [400]\nvariational = true").unwrap().to_string(),
        "784-400-20-400-784"
    );
}

#[test]
fn empty_and_absurd_layers_are_refused() {
    let refused = |latent_dim, hidden: Vec<usize>| {
        NetworkConfig::new(&ModelConfig::dense(latent_dim, hidden), [8, 8]).unwrap_err().to_string()
    };
    assert!(refused(0, vec![]).contains("model.latent_dim"));
    assert!(refused(2, vec![16, 0]).contains("model.hidden"));
    assert!(refused(2, vec![1_000_000]).contains("found 1000000"));
    assert!(refused(2, vec![65536, 65536]).contains("1 to 1073741824 weights"));
}

#[test]
fn what_does_not_fit_names_its_layer() {
    let refused = |text: &str| network(text).unwrap_err().to_string();
    let error = refused(r#"encoder = [{ layer = "linear", units = 9 }, { layer = "relu" }, { layer = "max_pool" }]"#);
    assert_eq!(
        error,
        "layer `encoder.2` (max_pool): expected an image, found 9 values; put a `reshape` before it, which makes one of them"
    );
    let error = refused(
        r#"encoder = [{ layer = "conv", channels = 4 }, { layer = "max_pool" }]
        decoder = [{ layer = "reshape", channels = 3, height = 14, width = 14 }]"#,
    );
    assert!(
        error.starts_with(
            "layer `decoder.0` (reshape): expected 588 values, as an image of 14 x 14 with 3 channels has"
        ),
        "{error}"
    );
    let error = refused(
        r#"encoder = [{ layer = "linear", units = 4 }]
        decoder = [{ layer = "linear", units = 700 }, { layer = "sigmoid" }]"#,
    );
    assert_eq!(
        error,
        "layer `decoder.0` (linear): expected 784 values at the end of the decoder, as many as the input has, found 700 values"
    );
    let error = refused("hidden = [4]\nencoder = [{ layer = \"relu\" }]");
    assert!(error.contains("found both"), "{error}");
    let error = refused("variational = true\nencoder = [{ layer = \"relu\" }]");
    assert!(error.contains("`latent_dim` appends"), "{error}");
    assert!(refused("encoder = [{ layer = \"relu\" }]").contains("found 0"));
    let error = refused(
        r#"variational = true
        encoder = [{ layer = "lstm", units = 5, sequence = true }, { layer = "linear", units = 3 }]
        decoder = [{ layer = "linear", units = 784 }]"#,
    );
    assert!(error.starts_with("layer `encoder.1` (linear): the mean of a distribution is one row"), "{error}");
    let error = refused(r#"encoder = [{ layer = "conv", channels = 1 }, { layer = "lstm", units = 3 }]"#);
    assert!(error.contains("mirror image does not fit, at decoder.3 (conv)") && error.contains("list the"), "{error}");
    let error = refused(r#"encoder = [{ layer = "lstm", units = 3, sequence = true }]"#);
    assert!(error.starts_with("layer `encoder.0` (lstm)") && error.contains("`decoder`"), "{error}");
    let error = refused(
        r#"encoder = [{ layer = "linear", units = 4 }]
        decoder = [{ layer = "linear", units = 30 }, { layer = "dropout", rate = 0.1 }]"#,
    );
    assert!(error.starts_with("layer `decoder.0` (linear): expected 784 values"), "{error}");
}

#[test]
fn a_listed_sigmoid_is_not_doubled() {
    for end in [r#", { layer = "sigmoid" }"#, r#", { layer = "sigmoid" }, { layer = "flatten" }"#, ""] {
        let text = format!(
            r#"encoder = [{{ layer = "linear", units = 4 }}]
            decoder = [{{ layer = "linear", units = 784 }}{end}]"#
        );
        assert_eq!(network(&text).unwrap().decoder[1..], [end_of(Output::Sigmoid)], "{end}");
    }
}

#[test]
fn a_latent_as_wide_as_the_input_is_warned_of() {
    let warnings = |text: &str| network(text).unwrap().warnings();
    assert_eq!(
        warnings("latent_dim = 784"),
        [
            "the latent has 784 values and the input 784: the network can copy its input without learning what the rows have in common; \
             a narrower latent makes it learn"
        ]
    );
    assert_eq!(warnings("latent_dim = 783"), [""; 0]);
    let noisy = r#"encoder = [{ layer = "noise", std = 0.3 }, { layer = "linear", units = 1000 }]"#;
    assert_eq!(warnings(noisy), [""; 0]);
}
