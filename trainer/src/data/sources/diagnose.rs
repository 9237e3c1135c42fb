//! What `--data` was given when it is nothing that is read: what it is, and what would work.

use std::fs;
use std::path::Path;

use super::DataSource;
use crate::suggest::did_you_mean;

/// What people have that is not read: the ending, what it is, and what to make of it.
const OTHERS: [(&str, &str, &str); 36] = [
    (".xlsx", "an Excel workbook", "save the sheet as CSV"),
    (".xls", "an Excel workbook", "save the sheet as CSV"),
    (".ods", "a spreadsheet", "save the sheet as CSV"),
    (".zip", "an archive", "unpack it, and name the folder or file in it"),
    (".tar", "an archive", "unpack it, and name the folder or file in it"),
    (".tgz", "an archive", "unpack it, and name the folder or file in it"),
    (".tar.gz", "an archive", "unpack it, and name the folder or file in it"),
    (".7z", "an archive", "unpack it, and name the folder or file in it"),
    (".npy.gz", "a packed array", "unpack it with `gunzip`"),
    (".npz.gz", "a packed array", "unpack it with `gunzip`"),
    (".parquet.gz", "a packed table", "unpack it with `gunzip`"),
    (".zst", "a packed file", "unpack it with `unzstd`; CSV may also be packed with `gzip`"),
    (".bz2", "a packed file", "unpack it with `bunzip2`; CSV may also be packed with `gzip`"),
    (".xz", "a packed file", "unpack it with `unxz`; CSV may also be packed with `gzip`"),
    (
        ".sav",
        "an SPSS file",
        "in Python, `pandas.read_spss(FILE).to_csv(\"rows.csv\", index=False)` makes a CSV file of it",
    ),
    (
        ".dta",
        "a Stata file",
        "in Python, `pandas.read_stata(FILE).to_csv(\"rows.csv\", index=False)` makes a CSV file of it",
    ),
    (".rds", "an R file", "in R, `write.csv(readRDS(FILE), \"rows.csv\", row.names = FALSE)` makes a CSV file of it"),
    (
        ".orc",
        "an ORC file",
        "in Python, `pandas.read_orc(FILE).to_parquet(\"rows.parquet\")` makes a Parquet file of it",
    ),
    (
        ".avro",
        "an Avro file",
        "in Python, `polars.read_avro(FILE).write_parquet(\"rows.parquet\")` makes a Parquet file of it",
    ),
    (".duckdb", "a database", "in DuckDB, `copy TABLE to 'rows.parquet'` writes a table as Parquet"),
    (".tfrecord", "a TFRecord file", "in Python, save its features with `numpy.savez(\"rows.npz\", x_train=ROWS)`"),
    (
        ".wav",
        "a recording",
        "in Python, `numpy.save(\"rows.npy\", scipy.io.wavfile.read(FILE)[1])` saves it as a series for `--window`",
    ),
    (
        ".edf",
        "a recording",
        "in Python, `mne.io.read_raw_edf(FILE).to_data_frame().to_csv(\"rows.csv\", index=False)` makes a CSV file of it",
    ),
    (
        ".libsvm",
        "a LIBSVM file",
        "in Python, `numpy.save(\"rows.npy\", sklearn.datasets.load_svmlight_file(FILE)[0].toarray())` saves its rows",
    ),
    (
        ".ndjson",
        "JSON lines",
        "in Python, `pandas.read_json(FILE, lines=True).to_csv(\"rows.csv\", index=False)` makes a CSV file of it",
    ),
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

/// The endings of pictures that are not read, and what reads them.
pub(super) const PICTURES: [&str; 8] = ["gif", "bmp", "tif", "tiff", "heic", "heif", "avif", "svg"];
pub(super) const CONVERT: &str = "`magick mogrify -format png *.ENDING` converts them";

/// What a file is that is not read, and what to make of it.
fn other(name: &str) -> Option<String> {
    let name = name.to_lowercase();
    let (_, kind, advice) = OTHERS.iter().find(|(ending, ..)| name.ends_with(ending))?;
    Some(format!("{kind}, which is not read; {advice}"))
}

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
        name if let Some(other) = other(&name) => return format!("this is {other}"),
        name if name.rsplit_once('.').is_some_and(|(_, ending)| PICTURES.contains(&ending)) => {
            return format!("this is a picture of a kind that is not read; PNG, JPEG and WebP are: {CONVERT}");
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
    format!("this is {kind} of an unknown kind: a table needs a name that ends in .csv, .tsv or .parquet; {sources}")
}

/// Whether the trainer wrote this folder.
pub(super) fn is_run(dir: &Path) -> bool {
    dir.join("config.toml").is_file() && dir.join("metrics.csv").is_file()
}

/// What a folder holds that is not read, and what to make of it.
fn content(dir: &Path) -> Option<String> {
    let entries = || fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path());
    let name = |path: &Path| path.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
    let is_picture = |path: &Path| name(path).rsplit_once('.').is_some_and(|(_, ending)| PICTURES.contains(&ending));
    if entries().any(|path| is_picture(&path)) {
        return Some(format!("it holds pictures of a kind that is not read; PNG, JPEG and WebP are: {CONVERT}"));
    }
    let partition = |path: &Path| path.is_dir() && name(path).contains('=') && rows::is_shards(path);
    if entries().any(|path| partition(&path)) {
        return Some(
            "it holds a table in folders such as `k=1`, which are not read; in Python, `pandas.read_parquet(FOLDER).to_parquet(\"rows.parquet\")` \
             makes one file of it"
                .into(),
        );
    }
    entries().find_map(|path| other(&name(&path))).map(|other| format!("it holds {other}"))
}

/// Why the folder `dir` cannot be trained on, in which the files `missing` are not.
pub(super) fn incomplete(dir: &Path, missing: &[&str]) -> String {
    if is_run(dir) {
        return format!("this is a run, not data; `trainer fit --resume {}` goes on with it", bundle::quoted(dir));
    }
    if let Some(advice) = content(dir) {
        return advice;
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
        assert!(file("notes").starts_with("this is a file of an unknown kind: a table needs a name"));
        assert!(file("rows.csv.zst").contains("`unzstd`") && file("photos.tar.gz").contains("unpack it"));
        assert!(file("cat.heic").contains("PNG, JPEG and WebP are"));
        let advice = file("train-images-idx3-ubyte.gz");
        assert!(advice.ends_with(&format!("`--data {}`", dir.path().display())), "{advice}");
        assert!(file("run.toml").contains("--config"));
        assert!(
            not_a_folder(Path::new("/no/such/mnits")).starts_with("no such folder or data set; did you mean `mnist`?")
        );
        assert!(!not_a_folder(Path::new("/no/such/photos")).contains("did you mean"));
    }
}
