//! Training on the embedded digits: what it leaves, that it repeats, and how it goes on.

mod health;

use candle_core::Device;

use super::*;
use crate::config::Preset;
use crate::data::DataSource;
use crate::evaluate::LeftOutReason;
use crate::model::{Dropout, ModelConfig, Noise};
use crate::objective::Loss;
use crate::optimizer::{OptimizerConfig, Schedule};
use crate::run::evaluation::evaluate_run;
use crate::train::{Silent, StepReport};

/// Stops after a number of steps.
struct StopAfter(usize);

impl Observer for StopAfter {
    fn step(&mut self, _: &StepReport) {
        self.0 -= 1;
    }

    fn should_stop(&self) -> bool {
        self.0 == 0
    }
}

fn config() -> Config {
    Config { epochs: 3, batch_size: 200, ..Config::default() }
}

fn train(config: &Config, dir: &std::path::Path) -> Result<(Run, Outcome)> {
    let dataset = Dataset::load(&config.data)?;
    let run = Run::create(dir, config)?;
    let outcome = fit(config, &dataset, &run, &mut Silent)?;
    Ok((run, outcome))
}

#[test]
fn training_fills_the_run_folder_and_lowers_the_loss() {
    let dir = tempfile::tempdir().unwrap();
    let config = Config { epochs: 20, batch_size: 32, ..config() };
    let (run, outcome) = train(&config, &dir.path().join("run")).unwrap();
    let Outcome::Finished(summary) = outcome else { panic!("interrupted") };
    assert_eq!(run.summary().unwrap(), *summary);
    // Well below the cross-entropy of the mean training image, which is 0.43.
    assert!(summary.test.metrics.bce.unwrap() < 0.38, "{summary:?}");
    assert_eq!(summary.data.validation_rows, 150);
    for name in [
        "config.toml",
        "metrics.csv",
        "summary.json",
        "report.html",
        "best.safetensors",
        "last.safetensors",
        "plots/loss.svg",
        "plots/reconstructions.png",
        "plots/latent.svg",
    ] {
        assert!(run.dir().join(name).is_file(), "{name}");
    }
    let metrics = std::fs::read_to_string(run.dir().join("metrics.csv")).unwrap();
    assert_eq!(metrics.lines().count(), 21);
    assert!(metrics.starts_with("epoch,train_loss,val_loss,learning_rate,seconds,val_bce,val_mse,val_penalty\n1,"));
}

#[test]
fn a_network_of_as_many_layers_as_there_may_be_is_trained() {
    let dir = tempfile::tempdir().unwrap();
    let model = ModelConfig::dense(4, [4; 249]);
    let (_, outcome) = train(&Config { epochs: 1, model, ..config() }, &dir.path().join("run")).unwrap();
    assert!(matches!(outcome, Outcome::Finished(_)));
}

#[test]
fn weights_do_not_depend_on_the_number_of_threads() {
    let dir = tempfile::tempdir().unwrap();
    let weights = |threads: usize, name: &str| {
        let config = Config { threads, ..config() };
        let (run, _) = train(&config, &dir.path().join(name)).unwrap();
        std::fs::read(run.last()).unwrap()
    };
    let one = weights(1, "one");
    assert!(one == weights(2, "two"));
    assert!(one == weights(3, "three"));
}

#[test]
fn another_seed_gives_other_weights() {
    let dir = tempfile::tempdir().unwrap();
    let weights = |seed, name: &str| {
        let (run, _) = train(&Config { seed, ..config() }, &dir.path().join(name)).unwrap();
        std::fs::read(run.last()).unwrap()
    };
    assert!(weights(1, "one") != weights(2, "two"));
}

#[test]
fn an_interrupted_run_ends_with_the_same_bytes() {
    let dir = tempfile::tempdir().unwrap();
    for (name, optimizer) in [("adam", "adam"), ("adadelta", "adadelta")] {
        let schedule = Schedule::Cosine { warmup_epochs: 1., min_learning_rate: 0. };
        let config = Config { optimizer: OptimizerConfig::named(optimizer).unwrap(), schedule, ..config() };
        let dataset = Dataset::load(&DataSource::Digits).unwrap();
        let (whole, _) = train(&config, &dir.path().join(name)).unwrap();
        let run = Run::create(dir.path().join(format!("{name}-interrupted")), &config).unwrap();
        // Seven steps an epoch: stops inside the first, at the end of the first, and inside the third.
        for steps in [3, 4, 9] {
            let outcome = fit(&config, &dataset, &run, &mut StopAfter(steps)).unwrap();
            assert!(matches!(outcome, Outcome::Interrupted { .. }), "{outcome:?}");
        }
        let outcome = fit(&config, &dataset, &run, &mut Silent).unwrap();
        assert!(matches!(outcome, Outcome::Finished(_)));
        for file in [Run::best, Run::last] {
            assert!(std::fs::read(file(&whole)).unwrap() == std::fs::read(file(&run)).unwrap());
        }
        let losses = |run: &Run| -> Vec<String> {
            let text = std::fs::read_to_string(run.dir().join("metrics.csv")).unwrap();
            // Every column but the seconds.
            let columns = |line: &str| {
                line.split(',').enumerate().filter(|(i, _)| *i != 4).map(|(_, c)| c.to_owned()).collect::<Vec<_>>()
            };
            text.lines().map(|line| columns(line).join(",")).collect()
        };
        assert_eq!(losses(&whole), losses(&run));
    }
}

#[test]
fn every_optimizer_and_loss_lowers_the_loss_and_resumes_exactly() {
    let dir = tempfile::tempdir().unwrap();
    let dataset = Dataset::load(&DataSource::Digits).unwrap();
    for name in OptimizerConfig::NAMES {
        for loss in [Loss::Bce, Loss::Mse] {
            let optimizer = OptimizerConfig::named(name).unwrap();
            let config = Config { optimizer, loss, epochs: 6, batch_size: 64, ..Config::default() };
            let place = |kind: &str| dir.path().join(format!("{name}-{}-{kind}", loss.name()));
            let (whole, _) = train(&config, &place("whole")).unwrap();
            let run = Run::create(place("interrupted"), &config).unwrap();
            fit(&config, &dataset, &run, &mut StopAfter(50)).unwrap();
            fit(&config, &dataset, &run, &mut Silent).unwrap();
            assert!(std::fs::read(whole.last()).unwrap() == std::fs::read(run.last()).unwrap(), "{name}");
            let metrics = std::fs::read_to_string(run.dir().join("metrics.csv")).unwrap();
            let losses: Vec<f64> =
                metrics.lines().skip(1).map(|line| line.split(',').nth(2).unwrap().parse().unwrap()).collect();
            assert!(losses[5] < losses[0], "{name}, {loss:?}: {losses:?}");
        }
    }
}

#[test]
fn every_preset_lowers_the_loss_and_resumes_exactly() {
    let dir = tempfile::tempdir().unwrap();
    for name in Preset::NAMES {
        let preset: Preset = toml::Value::String(name.into()).try_into().unwrap();
        let mut config = Config { epochs: 4, batch_size: 200, ..Config::preset(preset, DataSource::Digits) };
        // What only some presets draw, all draw here.
        config.input_noise = 0.1;
        config.schedule = Schedule::Cosine { warmup_epochs: 0.5, min_learning_rate: 1e-5 };
        config.clip_norm = 5.;
        config.optimizer = OptimizerConfig::default().with_learning_rate(3e-3);
        if !config.model.encoder.is_empty() {
            config.model.encoder.insert(0, Noise { std: 0.05 }.into());
            config.model.encoder.push(Dropout { rate: 0.1 }.into());
        }
        let (whole, outcome) = train(&config, &dir.path().join(name)).unwrap();
        let Outcome::Finished(summary) = outcome else { panic!("interrupted") };
        let history = whole.metrics().unwrap();
        assert!(history[3].val_loss < history[0].val_loss, "{name}: {history:?}");
        assert_eq!(summary.test.elbo.is_some(), name == "vae");
        assert_eq!(history[3].val_penalty > 0., ["vae", "sparse"].contains(&name), "{name}");
        assert!(summary.test.noisy_mse.is_some() && summary.test.neighbour_accuracy.is_some());

        let dataset = Dataset::load(&config.data).unwrap();
        let run = Run::create(dir.path().join(format!("{name}-interrupted")), &config).unwrap();
        fit(&config, &dataset, &run, &mut StopAfter(10)).unwrap();
        fit(&Config { threads: 1, ..config }, &dataset, &run, &mut Silent).unwrap();
        assert!(std::fs::read(whole.last()).unwrap() == std::fs::read(run.last()).unwrap(), "{name}");
    }
}

#[test]
fn patience_ends_a_run_and_more_of_it_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    // Steps far too long: no epoch comes near the first one again.
    let optimizer = OptimizerConfig::Sgd { learning_rate: 300., momentum: 0.9, weight_decay: 0. };
    let config = Config { optimizer, patience: 2, epochs: 50, ..config() };
    let (run, outcome) = train(&config, &dir.path().join("run")).unwrap();
    let Outcome::Finished(summary) = outcome else { panic!("interrupted") };
    assert_eq!((summary.stop_reason, summary.epochs - summary.best.epoch), (StopReason::Patience, 2));
    assert!(run.check_unfinished(&config).unwrap_err().to_string().contains("setting `patience`"));
    let longer = Config { patience: 3, ..config };
    run.check_unfinished(&longer).unwrap();
    let dataset = Dataset::load(&longer.data).unwrap();
    let Outcome::Finished(again) = fit(&longer, &dataset, &run, &mut Silent).unwrap() else { panic!("interrupted") };
    assert!(again.epochs > summary.epochs);
}

#[test]
fn a_time_budget_ends_a_run_within_an_epoch_and_it_can_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let config = Config { time_budget: 1e-9, epochs: 5, ..config() };
    let (run, outcome) = train(&config, &dir.path().join("run")).unwrap();
    let Outcome::Finished(summary) = outcome else { panic!("interrupted") };
    assert_eq!((summary.stop_reason, summary.epochs), (StopReason::TimeBudget, 1));
    let dataset = Dataset::load(&config.data).unwrap();
    let unhurried = Config { time_budget: 0., ..config };
    run.check_unfinished(&unhurried).unwrap();
    fit(&unhurried, &dataset, &run, &mut Silent).unwrap();
    assert_eq!(run.summary().unwrap().epochs, 5);
}

#[test]
fn schedules_move_the_learning_rate() {
    let dir = tempfile::tempdir().unwrap();
    let rates = |schedule: Schedule, name: &str| -> Vec<f64> {
        let config = Config { schedule, epochs: 4, ..config() };
        let (run, _) = train(&config, &dir.path().join(name)).unwrap();
        run.metrics().unwrap().iter().map(|record| record.learning_rate).collect()
    };
    let cosine = rates(Schedule::Cosine { warmup_epochs: 1., min_learning_rate: 0. }, "cosine");
    // Seven steps an epoch, each at the rate of its middle.
    assert!((cosine[0] - 1e-3 * 6.5 / 7.).abs() < 1e-12, "{cosine:?}");
    assert!(cosine[1] > cosine[2] && cosine[2] > cosine[3] && cosine[3] > 0., "{cosine:?}");
    assert_eq!(rates(Schedule::default(), "constant"), [1e-3; 4]);
}

#[test]
fn a_code_of_two_units_has_a_map_and_a_distribution_has_samples() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = Config { epochs: 1, ..Config::preset(Preset::Vae, DataSource::Digits) };
    config.model.latent_dim = Some(2);
    let (run, _) = train(&config, &dir.path().join("run")).unwrap();
    let report = std::fs::read_to_string(run.report()).unwrap();
    for (name, title) in [("map.png", "Map of the latent space"), ("samples.png", "Samples")] {
        assert!(run.plots().join(name).is_file() && report.contains(title), "{name}");
    }
    assert!(report.contains("ELBO") && !report.contains("<script") && !report.contains("https://"));
    // The name of SVG's vocabulary, in the page's icon and charts.
    assert_eq!(report.matches("http://").count(), report.matches("http://www.w3.org/2000/svg").count());
}

#[test]
fn a_network_is_evaluated_on_its_own_rows_and_on_others() {
    let dir = tempfile::tempdir().unwrap();
    let (run, outcome) = train(&config(), &dir.path().join("run")).unwrap();
    let Outcome::Finished(summary) = outcome else { panic!("interrupted") };
    let evaluation = evaluate_run(&run, None).unwrap();
    assert_eq!((evaluation.test, evaluation.pca), (summary.test, summary.pca));
    let error = evaluate_run(&run, Some(&DataSource::Series)).unwrap_err().to_string();
    assert_eq!(error, "setting `data`: expected images of 8 x 8, as the run was trained on; found 64 x 1");
}

/// Looks at the run when the first baseline begins, and stops there.
struct StopAtBaselines<'a> {
    run: &'a Run,
    begun: bool,
}

impl Observer for StopAtBaselines<'_> {
    fn finishing(&mut self, stage: Stage, _: f64) {
        if let Stage::Baseline(_) = stage {
            self.begun = true;
            // What has a result is whole, its report and pictures too.
            assert!(self.run.summary().is_err());
        }
    }

    fn should_stop(&self) -> bool {
        self.begun
    }
}

#[test]
fn baselines_can_be_stopped_or_left_out_and_the_result_comes_after_them() {
    let dir = tempfile::tempdir().unwrap();
    let dataset = Dataset::load(&DataSource::Digits).unwrap();
    let run = Run::create(dir.path().join("stopped"), &config()).unwrap();
    let mut observer = StopAtBaselines { run: &run, begun: false };
    let Outcome::Finished(summary) = fit(&config(), &dataset, &run, &mut observer).unwrap() else {
        panic!("interrupted")
    };
    let reasons = |summary: &Summary| summary.left_out.iter().map(|left_out| left_out.reason).collect::<Vec<_>>();
    assert_eq!(reasons(&summary), [LeftOutReason::Stopped; 2]);
    assert_eq!((&summary.pca, summary.test.neighbour_accuracy), (&None, None));
    assert_eq!(run.summary().unwrap(), *summary);
    assert!(std::fs::read_to_string(run.report()).unwrap().contains("PCA left out: stopped before it was done"));
    // Measured later, without a limit.
    let evaluation = evaluate_run(&run, None).unwrap();
    assert!(evaluation.pca.is_some() && evaluation.test.neighbour_accuracy.is_some());

    let without = Config { baseline_seconds: Some(0.), ..config() };
    let (run, _) = train(&without, &dir.path().join("without")).unwrap();
    assert_eq!(reasons(&run.summary().unwrap()), [LeftOutReason::NotWanted; 2]);
    assert!(Config { baseline_seconds: Some(-1.), ..config() }.check().is_err());
}

#[test]
fn a_trained_run_without_its_resume_file_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let (run, _) = train(&config(), &dir.path().join("run")).unwrap();
    std::fs::remove_file(run.resume()).unwrap();
    let best = std::fs::read(run.best()).unwrap();
    let dataset = Dataset::load(&DataSource::Digits).unwrap();
    let longer = Config { epochs: 9, ..config() };
    let error = fit(&longer, &dataset, &run, &mut Silent).unwrap_err().to_string();
    assert!(error.contains("nothing is overwritten"), "{error}");
    assert!(best == std::fs::read(run.best()).unwrap());
    assert_eq!(run.config().unwrap(), config());
    run.summary().unwrap();
}

#[test]
fn a_run_goes_on_only_with_its_own_data_and_not_backwards() {
    let dir = tempfile::tempdir().unwrap();
    let (run, _) = train(&config(), &dir.path().join("run")).unwrap();
    let dataset = Dataset::load(&DataSource::Digits).unwrap();
    let fewer = Config { epochs: 2, ..config() };
    let error = fit(&fewer, &dataset, &run, &mut Silent).unwrap_err().to_string();
    assert!(error.contains("expected at least the 3 that are done, found 2"), "{error}");
    let other = Dataset { train: dataset.test.clone(), ..dataset };
    let longer = Config { epochs: 4, batch_size: 50, ..config() };
    let error = fit(&longer, &other, &run, &mut Silent).unwrap_err().to_string();
    assert!(error.contains("found others"), "{error}");
    run.summary().unwrap();
}

#[test]
fn a_run_that_goes_on_keeps_its_result_until_there_is_another() {
    let dir = tempfile::tempdir().unwrap();
    let (run, _) = train(&config(), &dir.path().join("run")).unwrap();
    let dataset = Dataset::load(&DataSource::Digits).unwrap();
    let (longer, summary) = (Config { epochs: 9, ..config() }, run.summary().unwrap());
    fit(&longer, &dataset, &run, &mut StopAfter(9)).unwrap();
    assert_eq!((run.summary().unwrap(), run.config().unwrap().epochs), (summary, 9));
    run.load_best(&Device::Cpu).unwrap();
    fit(&longer, &dataset, &run, &mut Silent).unwrap();
    assert_eq!(run.summary().unwrap().epochs, 9);
    run.load_best(&Device::Cpu).unwrap();
    let (straight, _) = train(&longer, &dir.path().join("straight")).unwrap();
    assert_eq!(std::fs::read(run.best()).unwrap(), std::fs::read(straight.best()).unwrap());
}

#[test]
fn a_run_is_trained_by_one_program_at_a_time() {
    let dir = tempfile::tempdir().unwrap();
    let run = Run::create(dir.path().join("run"), &config()).unwrap();
    let lock = run.lock().unwrap();
    let dataset = Dataset::load(&DataSource::Digits).unwrap();
    let error = fit(&config(), &dataset, &run, &mut Silent).unwrap_err().to_string();
    assert!(error.contains("is working on this run"), "{error}");
    drop(lock);
    fit(&config(), &dataset, &run, &mut Silent).unwrap();
}

#[test]
fn a_flipped_bit_in_what_resumes_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (run, _) = train(&config(), &dir.path().join("run")).unwrap();
    let dataset = Dataset::load(&DataSource::Digits).unwrap();
    let longer = Config { epochs: 4, ..config() };
    let whole = std::fs::read(run.resume()).unwrap();
    for place in (0..whole.len()).step_by(whole.len() / 97) {
        let mut damaged = whole.clone();
        damaged[place] ^= 1 << (place % 8);
        std::fs::write(run.resume(), damaged).unwrap();
        let error = fit(&longer, &dataset, &run, &mut Silent).unwrap_err().to_string();
        assert!(error.contains("resume.safetensors") && !error.contains('\n'), "{error}");
    }
}

#[test]
fn codes_of_any_width_can_be_drawn() {
    let dir = tempfile::tempdir().unwrap();
    for latent_dim in [1, 2, 3, 100, 256, 296] {
        let mut config = Config { epochs: 1, ..config() };
        config.model.latent_dim = Some(latent_dim);
        let (run, _) = train(&config, &dir.path().join(latent_dim.to_string())).unwrap();
        assert!(run.plots().join("latent.svg").is_file());
    }
}

#[test]
fn a_validation_loss_that_is_no_number_is_never_the_best() {
    let dir = tempfile::tempdir().unwrap();
    let optimizer = OptimizerConfig::Sgd { learning_rate: 1e38, momentum: 0., weight_decay: 0. };
    let one_step = Config { optimizer, batch_size: 2000, ..config() };
    let error = train(&one_step, &dir.path().join("run")).unwrap_err();
    assert!(matches!(error, Error::Diverged { epoch: 1, .. }), "{error}");
    assert!(!dir.path().join("run/best.safetensors").exists());
}

#[test]
fn weights_that_ran_away_end_in_an_error_and_no_panic() {
    let dir = tempfile::tempdir().unwrap();
    for exponent in [10, 20, 25, 30] {
        let learning_rate = 10f64.powi(exponent);
        let optimizer = OptimizerConfig::Sgd { learning_rate, momentum: 0.9, weight_decay: 0. };
        let config = Config { optimizer, loss: Loss::Mse, epochs: 1, ..config() };
        let dir = dir.path().join(exponent.to_string());
        // Finite and useless, or an error in one line; what has a summary can be read.
        match train(&config, &dir) {
            Ok((run, _)) => drop(run.summary().unwrap()),
            Err(error) => assert!(!error.to_string().contains('\n'), "{error}"),
        }
        if dir.join("summary.json").exists() {
            Run::open(&dir).unwrap().summary().unwrap();
        }
    }
}

#[test]
fn a_loss_that_is_no_number_stops_the_run() {
    let dir = tempfile::tempdir().unwrap();
    let optimizer = OptimizerConfig::Sgd { learning_rate: 1e30, momentum: 0., weight_decay: 0. };
    let error = train(&Config { optimizer, ..config() }, &dir.path().join("run")).unwrap_err();
    assert!(matches!(error, Error::Diverged { epoch: 1, .. }), "{error}");
}

#[test]
fn a_run_that_diverges_later_ends_with_its_best_weights_and_can_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let (run, _) = train(&config(), &dir.path().join("run")).unwrap();
    let best = std::fs::read(run.best()).unwrap();
    let dataset = Dataset::load(&DataSource::Digits).unwrap();
    let with_rate =
        |rate| Config { epochs: 6, optimizer: OptimizerConfig::default().with_learning_rate(rate), ..config() };
    let error = fit(&with_rate(1e30), &dataset, &run, &mut Silent).unwrap_err();
    assert!(matches!(error, Error::Diverged { epoch: 4.., .. }), "{error}");
    let summary = run.summary().unwrap();
    assert_eq!((summary.stop_reason, summary.best.epoch), (StopReason::Divergence, 3));
    assert!(best == std::fs::read(run.best()).unwrap());
    run.load_best(&Device::Cpu).unwrap();

    let slower = with_rate(1e-3);
    run.check_unfinished(&slower).unwrap();
    let outcome = fit(&slower, &dataset, &run, &mut Silent).unwrap();
    let Outcome::Finished(summary) = outcome else { panic!("interrupted") };
    assert_eq!((summary.stop_reason, summary.epochs), (StopReason::Epochs, 6));
}

#[test]
fn a_foreign_resume_file_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (run, _) = train(&config(), &dir.path().join("run")).unwrap();
    let mut other = config();
    other.model.latent_dim = Some(8);
    let dataset = Dataset::load(&other.data).unwrap();
    let error = fit(&other, &dataset, &run, &mut Silent).unwrap_err().to_string();
    assert!(error.contains("expected the network 64-8-64, found 64-32-64"), "{error}");
    let bytes = std::fs::read(run.resume()).unwrap();
    std::fs::write(run.resume(), &bytes[..bytes.len() / 2]).unwrap();
    let error = fit(&config(), &dataset, &run, &mut Silent).unwrap_err().to_string();
    assert!(error.contains("not a whole checkpoint"), "{error}");
}
