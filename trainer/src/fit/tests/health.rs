//! A training that learned nothing says so, and its advice helps.

use super::*;
use crate::data::Samples;
use crate::evaluate::{Finding, FindingKind, Level};

fn findings(config: &Config, dataset: &Dataset) -> Vec<Finding> {
    let dir = tempfile::tempdir().unwrap();
    let run = Run::create(dir.path().join("run"), config).unwrap();
    let Outcome::Finished(summary) = fit(config, dataset, &run, &mut Silent).unwrap() else { panic!("interrupted") };
    assert_eq!(run.summary().unwrap().findings, summary.findings);
    assert_eq!(summary.has_failed(), summary.findings.iter().any(|finding| finding.level == Level::Failed));
    summary.findings
}

fn kinds(findings: &[Finding]) -> Vec<FindingKind> {
    findings.iter().map(|finding| finding.kind).collect()
}

/// The config with the change that is advised in backquotes, as the command line makes it.
fn following(config: &Config, advice: &str) -> Config {
    let change = advice.split('`').nth(1).unwrap_or_else(|| panic!("no change in {advice}"));
    let (name, value) = change.trim_start_matches("--").split_once(' ').unwrap();
    let mut settings: toml::Table = config.to_toml().parse().unwrap();
    let table = match name {
        "learning-rate" => settings["optimizer"].as_table_mut().unwrap(),
        "latent-dim" => settings["model"].as_table_mut().unwrap(),
        _ => &mut settings,
    };
    table.insert(name.replace('-', "_"), value.parse::<toml::Value>().unwrap());
    Config::resolve(None, settings).unwrap()
}

fn digits() -> Dataset {
    Dataset::load(&DataSource::Digits).unwrap()
}

fn preset(preset: Preset, epochs: usize) -> Config {
    Config { epochs, ..Config::preset(preset, DataSource::Digits) }
}

/// `config` has a finding of `kind`, and none of this kind after the advice was followed.
fn advice_helps(config: &Config, kind: FindingKind, level: Level) {
    let found = findings(config, &digits());
    let finding = found.iter().find(|finding| finding.kind == kind).unwrap_or_else(|| panic!("{kind:?}: {found:?}"));
    assert_eq!(finding.level, level);
    assert!(!finding.message.contains('\n') && !finding.message.ends_with('.'), "{}", finding.message);
    let better = following(config, &finding.advice);
    let found = findings(&better, &digits());
    assert!(!kinds(&found).contains(&kind), "{}: {found:?}", finding.advice);
}

#[test]
fn a_learning_rate_that_is_far_off_fails_and_the_usual_one_helps() {
    for rate in [1e9, 1e-6] {
        let optimizer = OptimizerConfig::default().with_learning_rate(rate);
        let config = Config { optimizer, ..preset(Preset::Simple, 60) };
        advice_helps(&config, FindingKind::LearnedNothing, Level::Failed);
    }
    let optimizer = OptimizerConfig::named("sgd").unwrap().with_learning_rate(300.);
    let config = Config { optimizer, ..preset(Preset::Simple, 60) };
    advice_helps(&config, FindingKind::LearnedNothing, Level::Failed);
}

#[test]
fn dead_units_are_counted() {
    let with = |preset_of, rate| Config {
        optimizer: OptimizerConfig::default().with_learning_rate(rate),
        ..preset(preset_of, 50)
    };
    advice_helps(&with(Preset::Simple, 0.1), FindingKind::DeadUnits, Level::Warning);
    // All units of a small latent.
    advice_helps(&with(Preset::Conv, 1.), FindingKind::ConstantLatent, Level::Failed);
}

#[test]
fn a_penalty_that_is_too_strong_is_named() {
    advice_helps(&Config { sparsity: 1., ..preset(Preset::Simple, 60) }, FindingKind::LearnedNothing, Level::Failed);
    let vae = Config { beta: 1000., ..preset(Preset::Vae, 40) };
    advice_helps(&vae, FindingKind::CollapsedPosterior, Level::Warning);
    advice_helps(&vae, FindingKind::LearnedNothing, Level::Failed);
}

#[test]
fn too_few_epochs_are_named() {
    advice_helps(&preset(Preset::Simple, 1), FindingKind::LearnedNothing, Level::Failed);
    advice_helps(&preset(Preset::Simple, 3), FindingKind::WorseThanPca, Level::Warning);
}

#[test]
fn masks_of_0_and_1_that_are_read_as_bytes_are_on_another_scale() {
    let masks = |factor: u8| {
        let mask = |images: &Samples| {
            let pixels = images.pixels().iter().map(|&ink| u8::from(ink > 8) * factor).collect();
            Samples::new(pixels, images.labels().to_vec(), images.size(), 255).unwrap()
        };
        let digits = digits();
        Dataset { train: mask(&digits.train), test: mask(&digits.test), ..digits }
    };
    let config = preset(Preset::Simple, 60);
    let found = findings(&config, &masks(1));
    let finding = found.iter().find(|finding| finding.kind == FindingKind::InputScale).unwrap();
    assert_eq!(finding.message, "the largest value of the training rows is 1, where 255 is expected");
    assert_eq!(finding.advice, "multiply the values of the data by 255, so that the largest becomes 255");
    // The same first advice for what follows from it.
    assert!(found.iter().all(|other| other.advice == finding.advice), "{found:?}");
    assert_eq!(findings(&config, &masks(255)), []);
}

#[test]
fn presets_that_learn_have_no_findings() {
    for (preset_of, epochs) in
        [(Preset::Simple, 60), (Preset::Sparse, 60), (Preset::Deep, 60), (Preset::Vae, 60), (Preset::Conv, 60)]
    {
        assert_eq!(findings(&preset(preset_of, epochs), &digits()), [], "{preset_of:?}");
    }
}

#[test]
fn rows_that_are_all_the_same_are_no_failure() {
    let same = |rows: usize| Samples::new([0, 100, 200, 255].repeat(rows), vec![0; rows], [2, 2], 255).unwrap();
    let dataset = Dataset { train: same(200), test: same(20), ..digits() };
    let found = findings(&Config { epochs: 3, ..Config::default() }, &dataset);
    assert!(!kinds(&found).contains(&FindingKind::LearnedNothing), "{found:?}");
}
