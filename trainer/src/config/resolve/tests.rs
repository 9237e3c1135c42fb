use super::*;
use crate::data::{DataSource, Validation};
use crate::model::{LayerConfig, ModelConfig};

fn from_text(text: &str) -> Result<Config> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("config.toml");
    std::fs::write(&path, text).unwrap();
    Config::read(&path)
}

#[test]
fn a_config_survives_its_file() {
    let config = Config {
        validation: Validation::Test,
        optimizer: OptimizerConfig::named("adadelta").unwrap(),
        data: DataSource::Path("some/where".into()),
        model: ModelConfig::dense(2, [128, 64]),
        ..Config::default()
    };
    assert_eq!(from_text(&config.to_toml()).unwrap(), config);
    for name in Preset::NAMES {
        let preset = from_text(&format!("preset = {name:?}")).unwrap();
        assert_eq!(preset.preset.name(), name);
        assert_eq!(from_text(&preset.to_toml()).unwrap(), preset);
    }
    // What a preset turns on and a file turns off stays off.
    for text in ["preset = \"vae\"\n[model]\nvariational = false", "preset = \"deep\"\n[model]\nhidden = []"] {
        let config = from_text(text).unwrap();
        assert_eq!(from_text(&config.to_toml()).unwrap(), config);
    }
}

#[test]
fn what_a_file_leaves_out_comes_from_the_preset() {
    assert_eq!(from_text("").unwrap(), Config::default());
    let config = from_text("data = \"mnist\"\n[model]\nlatent_dim = 2").unwrap();
    assert_eq!((config.epochs, config.batch_size), (50, 256));
    assert_eq!(config.model, ModelConfig::dense(2, []));
    assert_eq!(from_text("preset = \"sequence\"").unwrap().data, DataSource::Series);
}

#[test]
fn another_optimizer_brings_its_own_defaults() {
    let config = from_text("[optimizer]\nname = \"sgd\"\nmomentum = 0").unwrap();
    assert_eq!(config.optimizer, OptimizerConfig::Sgd { learning_rate: 0.1, momentum: 0., weight_decay: 0. });
}

#[test]
fn another_encoder_takes_the_place_of_the_presets_layers() {
    let config = from_text("preset = \"deep\"\n[[model.encoder]]\nlayer = \"linear\"\nunits = 9").unwrap();
    let encoder = vec![LayerConfig::from(crate::model::LinearConfig::new(9))];
    assert_eq!(config.model, ModelConfig { encoder, ..ModelConfig::default() });
}

#[test]
fn whole_numbers_are_fine_where_a_fraction_is_expected() {
    let text = "sparsity = 1\n[schedule]\nname = \"cosine\"\nwarmup_epochs = 2\n\
                [[model.encoder]]\nlayer = \"noise\"\ndeviation = 1";
    let config = from_text(text).unwrap();
    assert_eq!(config.sparsity, 1.);
    assert_eq!(config.schedule, Schedule::Cosine { warmup_epochs: 2., min_learning_rate: 0. });
}

#[test]
fn overrides_lie_over_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("config.toml");
    std::fs::write(&path, "epochs = 3\nseed = 5").unwrap();
    let overrides = toml::toml! { epochs = 7 };
    let config = Config::resolve(Some(&path), overrides).unwrap();
    assert_eq!((config.epochs, config.seed), (7, 5));
}

#[test]
fn mistakes_are_named_in_one_line() {
    for (text, expected) in [
        ("epoch = 3", "epoch"),
        ("epochs = \"many\"", "epochs"),
        ("epochs = 0", "config.toml:1: `epochs`: expected 1 to 1000000, found 0"),
        ("preset = \"deeper\"", "deeper"),
        ("validation = 1.5", "expected `test` or a fraction"),
        ("[optimizer]\nname = \"adagrad\"", "adagrad"),
        ("[optimizer]\nmomentum = 0.5", "momentum"),
        ("[model]\nlatent = 3", "latent"),
        ("seed = 3\nepochs = ", "config.toml:2: "),
        ("beta = -1", "config.toml:1: `beta`: expected 0 or more"),
        ("beta = 2", "only a variational network"),
        (
            "schedule = \"cosine\"",
            "config.toml:1: `schedule`: expected a table, `[schedule]` and below it `name = \"cosine\"`; found \"cosine\"",
        ),
        ("[schedule]\nwarmup_epochs = 2", "warmup_epochs"),
        ("[schedule]\nname = \"steps\"", "constant, plateau, cosine"),
        ("[[model.encoder]]\nlayer = \"convolution\"", "convolution"),
        ("[[model.encoder]]\nlayer = \"conv\"", "channels"),
        ("[[model.encoder]]\nlayer = \"conv\"\nchannels = 3\nsize = 2", "size"),
    ] {
        let error = from_text(text).unwrap_err().to_string();
        assert!(error.contains(expected) && !error.contains('\n'), "{text}: {error}");
    }
}

#[test]
fn a_mistake_is_told_with_its_line_and_what_was_meant() {
    for (text, expected) in [
        ("seed = 3\nepoch = 3", ":2: `epoch`: no such setting; did you mean `epochs`?"),
        (
            "[model]\nlatent = 3",
            ":2: `model.latent`: no such setting; there are latent_dim, hidden, variational, output, encoder, decoder",
        ),
        ("[model]\nlatentdim = 3", ":2: `model.latentdim`: no such setting; did you mean `latent_dim`?"),
        ("epochs = \"5\"", ":1: `epochs`: expected a whole number, 1 to 1000000, found the text \"5\""),
        ("epochs = -1", ":1: `epochs`: expected 1 to 1000000, found -1"),
        ("seed = 1.5", ":1: `seed`: expected a whole number, 0 or more, found 1.5"),
        ("beta = \"much\"", ":1: `beta`: expected a number, as in 0.5, found the text \"much\""),
        ("[model]\nhidden = 128", ":2: `model.hidden`: expected a list, as in [128, 64], found 128"),
        ("[model]\nvariational = 1", ":2: `model.variational`: expected true or false, found 1"),
        (
            "preset = \"spars\"",
            ":1: `preset`: expected one of simple, sparse, deep, conv, denoise, vae, sequence, image, table, windows; found `spars`; did you mean `sparse`?",
        ),
        (
            "[schedule]\nname = \"cosin\"",
            ":2: `schedule.name`: expected one of constant, plateau, cosine; found `cosin`; did you mean `cosine`?",
        ),
        (
            "[optimizer]\nname = \"Adam\"",
            ":2: `optimizer.name`: expected one of adadelta, adam, adamw, sgd, rmsprop; found `Adam`; did you mean `adam`?",
        ),
        ("seed = 2\nloss = \"mes\"", ":2: `loss`: expected one of bce, mse; found `mes`; did you mean `mse`?"),
        ("device = \"cdua\"", ":1: `device`: expected one of cpu, cuda, metal; found `cdua`; did you mean `cuda`?"),
        (
            "[optimizer]\nlearning_rate = \"fast\"",
            ":2: `optimizer.learning_rate`: expected a number, as in 0.5, found the text \"fast\"",
        ),
        ("learning_rate = 0.1", ":1: `learning_rate`: no such setting here; it belongs below `[optimizer]`"),
        ("latent_dim = 4", ":1: `latent_dim`: no such setting here; it belongs below `[model]`"),
        ("[optimizer]\nlearning_rate = 0", ":2: `optimizer.learning_rate`: expected more than 0, found 0"),
        (
            "[[model.encoder]]\nlayer = \"linear\"\nunits = 3\n[[model.encoder]]\nlayer = \"conv\"\nchanels = 3",
            ":6: layer `encoder.1` (conv): `chanels`: no such setting; did you mean `channels`?",
        ),
        (
            "[schedule]\nwarmup_epochs = 2",
            ":2: `schedule.warmup_epochs`: the schedule `constant` has no such setting, `cosine` has; it needs `name = \"cosine\"` in `[schedule]`",
        ),
        (
            "[optimizer]\nmomentum = 0.5",
            ":2: `optimizer.momentum`: the optimizer `adam` has no such setting, `sgd` has; it needs `name = \"sgd\"` in `[optimizer]`",
        ),
    ] {
        let error = from_text(text).unwrap_err().to_string();
        assert!(error.ends_with(expected), "{text}\n{error}\n{expected}");
    }
    // The advice works.
    from_text("[optimizer]\nlearning_rate = 0.1\n[model]\nlatent_dim = 4").unwrap();
    let overrides = toml::toml! { schedule = { name = "cosine", warmup_epochs = 2. } };
    assert!(Config::resolve(None, overrides).is_ok());
}

#[test]
fn few_rows_are_trained_more_epochs_and_many_fewer_unless_those_are_set() {
    let table = Config::resolve(None, toml::toml! { preset = "table" data = "/rows" }).unwrap();
    // 100 rows are two steps of 64.
    let epochs = [100, 6400, 20_000, 1_000_000].map(|rows| table.epochs_for(rows));
    assert_eq!((table.epochs, epochs), (100, [1000, 100, 31, 10]));
    let set = Config::resolve(None, toml::toml! { preset = "table" data = "/rows" epochs = 3 }).unwrap();
    assert_eq!((set.epochs_for(100), set.epochs_for(1_000_000)), (3, 3));
}
