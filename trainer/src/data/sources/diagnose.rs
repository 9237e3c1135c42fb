//! What `--data` was given when it is nothing that is read: what it is, and what would work.

use std::fs;
use std::path::Path;

use super::DataSource;
use crate::suggest::did_you_mean;

/// What people have that is not read: the ending, what it is, and what to make of it.
const OTHERS: [(&str, &str, &str); 14] = [
    (".xlsx", "an Excel workbook", "save the sheet as CSV"),
    (".xls", "an Excel workbook", "save the sheet as CSV"),
    (".ods", "a spreadsheet", "save the sheet as CSV"),
    (".h5", "an HDF5 file", "in Python, `h5py` reads it and `numpy.savetxt` writes its rows as CSV"),
    (".hdf5", "an HDF5 file", "in Python, `h5py` reads it and `numpy.savetxt` writes its rows as CSV"),
    (".mat", "a MATLAB file", "`writematrix(ROWS, 'rows.csv')` in MATLAB writes its rows as CSV"),
    (
        ".arff",
        "an ARFF file",
        "in Python, `pandas.DataFrame(scipy.io.arff.loadarff(FILE)[0]).to_csv(\"rows.csv\", index=False)` makes a CSV file of it",
    ),
    (
        ".feather",
        "a Feather file",
        "in Python, `pandas.read_feather(FILE).to_parquet(\"rows.parquet\")` makes a Parquet file of it",
    ),
    (
        ".pt",
        "a PyTorch file",
        "in Python, `numpy.save(\"rows.npy\", torch.load(FILE).numpy())` saves a tensor as an array",
    ),
    (".json", "JSON", "write each row on a line of a CSV file, below the names of its columns"),
    (
        ".jsonl",
        "JSON lines",
        "in Python, `pandas.read_json(FILE, lines=True).to_csv(\"rows.csv\", index=False)` makes a CSV file of it",
    ),
    (".db", "a database", "`sqlite3 -header -csv FILE 'select * from TABLE'` prints a table as CSV"),
    (".sqlite", "a database", "`sqlite3 -header -csv FILE 'select * from TABLE'` prints a table as CSV"),
    (
        ".pkl",
        "a Python pickle",
        "in Python, `pandas.read_pickle(FILE).to_csv(\"rows.csv\", index=False)` makes a CSV file of it",
    ),
];

/// Why `path`, which is no folder, cannot be trained on.
pub(super) fn not_a_folder(path: &Path) -> String {
    let sources = format!(
        "`--data` takes {}, a table (CSV, Parquet), arrays (.npy, .npz), or a folder of pictures, tables or IDX files",
        DataSource::NAMES.join(", ")
    );
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
        name if let Some((_, kind, advice)) = OTHERS.iter().find(|(ending, ..)| name.ends_with(ending)) => {
            return format!("this is {kind}, which the trainer does not read yet; {advice}");
        }
        name if [".png", ".jpg", ".jpeg", ".webp"].iter().any(|end| name.ends_with(end)) => {
            let folder = path
                .parent()
                .filter(|parent| !parent.as_os_str().is_empty())
                .map_or_else(|| ".".into(), |parent| parent.display().to_string());
            return format!("this is one picture; expected a folder of them, as in `--data {folder}`");
        }
        name if name.ends_with(".toml") => {
            return format!("this is a config file; `trainer fit --config {}` trains with it", path.display());
        }
        _ => "a file",
    };
    format!("this is {kind}, which the trainer does not read yet; {sources}")
}

/// Whether the trainer wrote this folder.
pub(super) fn is_run(dir: &Path) -> bool {
    dir.join("config.toml").is_file() && dir.join("metrics.csv").is_file()
}

/// Why the folder `dir` cannot be trained on, in which the files `missing` are not.
pub(super) fn incomplete(dir: &Path, missing: &[&str]) -> String {
    if is_run(dir) {
        return format!("this is a run, not data; `trainer fit --resume {}` goes on with it", bundle::quoted(dir));
    }
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let mut found: Vec<String> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    found.sort();
    let shown: Vec<&str> = found.iter().take(4).map(String::as_str).collect();
    let shown = match found.len() {
        0 => "nothing".to_owned(),
        1..=4 => shown.join(", "),
        more => format!("{} and {} more", shown.join(", "), more - 4),
    };
    format!(
        "expected pictures (PNG, JPEG, WebP), tables (CSV, Parquet, .npy), or four IDX files, raw or with `.gz`; found {shown}; missing: {}",
        missing.join(", ")
    )
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
        assert!(file("rows.feather").contains("pandas.read_feather"));
        assert!(file("rows.XLSX").ends_with("save the sheet as CSV"));
        assert!(file("plant.db").contains("sqlite3 -header -csv"));
        assert!(file("cat.JPEG").starts_with("this is one picture; expected a folder"));
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
