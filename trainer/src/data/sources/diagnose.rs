//! What `--data` was given when it is no folder with four IDX files: what it is, and what would work.

use std::fs;
use std::path::Path;

use super::DataSource;
use crate::suggest::did_you_mean;

/// Why `path`, which is no folder, cannot be trained on.
pub(super) fn not_a_folder(path: &Path) -> String {
    let sources = format!("`--data` takes {}, or a folder with four IDX files", DataSource::NAMES.join(", "));
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    if !path.exists() {
        let meant = did_you_mean(&name, DataSource::NAMES);
        let end = if meant.is_empty() { ";" } else { "" };
        return format!("no such folder or data set{meant}{end} {sources}");
    }
    let kind = match name.to_lowercase() {
        name if name.contains("-ubyte") => {
            let folder = path.parent().map_or_else(|| ".".into(), |parent| parent.display().to_string());
            return format!("this is one of the four files; expected their folder, as in `--data {folder}`");
        }
        name if name.ends_with(".csv") || name.ends_with(".tsv") => "a table",
        name if name.ends_with(".npy") || name.ends_with(".npz") => "an array",
        name if name.ends_with(".parquet") => "a table",
        name if [".png", ".jpg", ".jpeg", ".webp"].iter().any(|end| name.ends_with(end)) => "a picture",
        name if name.ends_with(".toml") => {
            return format!("this is a config file; `trainer fit --config {}` trains with it", path.display());
        }
        _ => "a file",
    };
    format!("this is {kind}, which the trainer does not read yet; {sources}")
}

/// Why the folder `dir` cannot be trained on, in which the files `missing` are not.
pub(super) fn incomplete(dir: &Path, missing: &[&str]) -> String {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let mut found: Vec<String> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    found.sort();
    let shown: Vec<&str> = found.iter().take(4).map(String::as_str).collect();
    let shown = match found.len() {
        0 => "nothing".to_owned(),
        1..=4 => shown.join(", "),
        more => format!("{} and {} more", shown.join(", "), more - 4),
    };
    format!("expected four IDX files, raw or with `.gz`; found {shown}; missing: {}", missing.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_folder_is_named_for_what_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let file = |name: &str| {
            let path = dir.path().join(name);
            fs::write(&path, "").unwrap();
            not_a_folder(&path)
        };
        assert!(file("sensors.csv").starts_with("this is a table"));
        assert!(file("rows.npy").starts_with("this is an array"));
        assert!(file("cat.JPEG").starts_with("this is a picture"));
        assert!(file("notes").starts_with("this is a file"));
        let advice = file("train-images-idx3-ubyte.gz");
        assert!(advice.ends_with(&format!("`--data {}`", dir.path().display())), "{advice}");
        assert!(file("run.toml").contains("--config"));
        assert!(
            not_a_folder(Path::new("/no/such/mnits")).starts_with("no such folder or data set; did you mean `mnist`?")
        );
        assert!(!not_a_folder(Path::new("/no/such/photos")).contains("did you mean"));
    }
}
