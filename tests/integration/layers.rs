//! docs/layers.md against the code: names, settings, defaults, ranges, and every example.

use toml::{Table, Value};
use trainer::{Config, ConvConfig, Dataset, LayerConfig, LinearConfig, ModelConfig, NetworkConfig, Run, Silent, fit};

const DOCUMENT: &str = include_str!("../../docs/layers.md");

/// A line of a table of settings.
#[derive(Debug)]
struct Setting {
    name: String,
    default: String,
    range: String,
}

/// The section of each layer, which is headed by the layer's name or several.
fn sections() -> Vec<(Vec<String>, &'static str)> {
    let sections = DOCUMENT.split("\n## ").skip(1).filter_map(|section| section.split_once('\n'));
    let layers = sections.filter(|(head, _)| head.starts_with('`'));
    layers.map(|(head, body)| (head.split(", ").map(unquoted).collect(), body)).collect()
}

fn unquoted(text: &str) -> String {
    text.trim().trim_matches('`').to_owned()
}

/// The table below `| setting | default |`.
fn settings(section: &str) -> Vec<Setting> {
    let Some((_, table)) = section.split_once("| setting | default | range | meaning |\n") else { return vec![] };
    let rows = table.lines().skip(1).take_while(|line| line.starts_with('|'));
    let setting = |row: &str| {
        let cells: Vec<String> = row.split('|').map(unquoted).collect();
        Setting { name: cells[1].clone(), default: cells[2].clone(), range: cells[3].clone() }
    };
    rows.map(setting).collect()
}

fn examples(text: &str) -> Vec<&str> {
    text.split("```toml\n").skip(1).filter_map(|rest| rest.split_once("```")).map(|(example, _)| example).collect()
}

/// The layer with the smallest value of every setting that has no default, and with `changed`.
fn layer(name: &str, settings: &[Setting], changed: Option<(&str, Value)>) -> Result<LayerConfig, String> {
    let required = settings.iter().filter(|setting| setting.default.is_empty());
    let mut table: Table = required.map(|setting| (setting.name.clone(), lowest(&setting.range))).collect();
    table.insert("layer".into(), name.into());
    table.extend(changed.map(|(name, value)| (name.to_owned(), value)));
    table.try_into().map_err(|error: toml::de::Error| error.message().to_owned())
}

fn lowest(range: &str) -> Value {
    if range.ends_with(" layers") {
        return relus(1);
    }
    let first = range.split(' ').find_map(|word| word.trim_matches(',').parse::<i64>().ok());
    Value::Integer(first.unwrap_or_else(|| panic!("{range}: no lowest value")))
}

/// A list of so many layers.
fn relus(count: usize) -> Value {
    let relu = Table::from_iter([("layer".to_owned(), Value::from("relu"))]);
    Value::Array(vec![Value::Table(relu); count])
}

/// Why a network that starts with `layer` is refused; nothing where it is not.
fn refusal(layer: LayerConfig) -> Option<String> {
    let model = ModelConfig { encoder: vec![layer], ..ModelConfig::default() };
    NetworkConfig::new(&model, [8, 8]).err().map(|error| error.to_string())
}

#[test]
fn every_layer_is_documented_once_and_no_other() {
    let documented: Vec<String> = sections().into_iter().flat_map(|(names, _)| names).collect();
    assert_eq!(documented, LayerConfig::names());
}

#[test]
fn documented_settings_are_those_of_the_code() {
    for (names, section) in sections() {
        let documented = settings(section);
        for name in names {
            let unknown = layer(&name, &documented, Some(("unheard_of", true.into()))).unwrap_err();
            let listed: Vec<&str> = documented.iter().map(|setting| setting.name.as_str()).collect();
            let expected = if listed.is_empty() {
                "this layer has no settings".into()
            } else {
                format!("there are {}", listed.join(", "))
            };
            assert_eq!(unknown, format!("layer ({name}): `unheard_of`: no such setting; {expected}"));
        }
    }
}

#[test]
fn documented_defaults_are_those_of_the_code() {
    for (names, section) in sections() {
        let documented = settings(section);
        for name in names {
            let plain = layer(&name, &documented, None).unwrap();
            for Setting { name: setting, default, .. } in
                documented.iter().filter(|setting| !setting.default.is_empty())
            {
                // What follows from other settings is tested by shapes.
                if default.contains('`') {
                    continue;
                }
                let value: Table = format!("value = {default}").parse().unwrap();
                let same = layer(&name, &documented, Some((setting, value["value"].clone()))).unwrap();
                assert_eq!(same, plain, "{name}: the default of {setting}");
            }
        }
    }
    // Half of the kernel, rounded down: both keep 8 x 8 pixels, the second by a row and a column too many.
    for (kernel, values) in [(5, 64), (4, 81)] {
        let conv = ConvConfig { kernel, ..ConvConfig::new(1) };
        let decoder = vec![LinearConfig::new(64).into()];
        let model = ModelConfig { encoder: vec![conv.into()], decoder, ..ModelConfig::default() };
        assert_eq!(NetworkConfig::new(&model, [8, 8]).unwrap().latent_dim(), values);
    }
}

#[test]
fn documented_ranges_are_those_of_the_code() {
    for (names, section) in sections() {
        let documented = settings(section);
        for name in &names {
            for Setting { name: setting, range, .. } in
                documented.iter().filter(|setting| setting.range != "true or false")
            {
                let refused = |value: Value| {
                    let reason = layer(name, &documented, Some((setting, value))).map(refusal);
                    matches!(reason, Err(reason) | Ok(Some(reason)) if reason.contains(&format!("`{setting}`: expected")))
                };
                let inside: &[Value] = match range.as_str() {
                    "1 to 65536" => &[1.into(), 65536.into()],
                    "0 to 65536" => &[0.into(), 65536.into()],
                    "from 0, below 1" => &[0.into(), 0.999.into()],
                    "1 to 64 layers" => &[relus(1), relus(64)],
                    "from 0" => &[0.into(), 1e9.into()],
                    other => panic!("{name}, {setting}: a range of another form, {other}"),
                };
                let outside: &[Value] = match range.as_str() {
                    "1 to 65536" => &[0.into(), 65537.into()],
                    "0 to 65536" => &[(-1).into(), 65537.into()],
                    "from 0, below 1" => &[(-0.001).into(), 1.into(), f64::NAN.into()],
                    "1 to 64 layers" => &[relus(0), relus(65), 1.into()],
                    _ => &[(-0.001).into(), f64::INFINITY.into()],
                };
                for value in inside {
                    assert!(!refused(value.clone()), "{name}: {setting} = {value} is refused");
                }
                for value in outside {
                    assert!(refused(value.clone()), "{name}: {setting} = {value} is not refused");
                }
            }
        }
    }
}

#[test]
fn every_example_trains_and_every_layer_has_one() {
    let dir = tempfile::tempdir().unwrap();
    for (names, section) in sections() {
        let examples = examples(section);
        assert_eq!(examples.len(), 1, "{names:?}");
        for name in names {
            assert!(examples[0].contains(&format!("layer = \"{name}\"")), "{name} is not in its own example");
        }
    }
    for (index, example) in examples(DOCUMENT).into_iter().enumerate() {
        let mut overrides: Table = example.parse().unwrap();
        // One step: 1,350 rows train.
        overrides.extend([("epochs".to_owned(), 1.into()), ("batch_size".to_owned(), 2000.into())]);
        let config = Config::resolve(None, overrides).unwrap();
        let dataset = Dataset::load(&config.data).unwrap();
        let run = Run::create(dir.path().join(index.to_string()), &config).unwrap();
        fit(&config, &dataset, &run, &mut Silent).unwrap();
        assert!(run.best().is_file(), "{example}");
    }
}
