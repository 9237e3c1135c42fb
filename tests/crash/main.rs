//! What a crash leaves, at every file operation of the programs: the old state or the new one, and the next command goes on from it.
//!
//! `points.c` ends a program at a chosen operation, as a kill does, or as a power cut does, which loses what was not synced. Without
//! `HOURGLASS_FULL=1`, some of the points are tried.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use std::thread::sleep;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// How a program ends: behind the operation, in the middle of a write, or with the loss of what the disk did not have.
const MODES: [&str; 4] = ["after", "half", "unsynced", "names"];

fn is_full() -> bool {
    std::env::var_os("HOURGLASS_FULL").is_some_and(|value| value == "1")
}

/// `points.c` as a library.
fn points() -> &'static Path {
    static LIBRARY: OnceLock<(TempDir, PathBuf)> = OnceLock::new();
    let (_, path) = LIBRARY.get_or_init(|| {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("points.so");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("crash/points.c");
        let mut compile = Command::new("cc");
        compile.args(["-shared", "-fPIC", "-O1", "-o"]).arg(&path).arg(source).args(["-ldl", "-lpthread"]);
        assert!(compile.status().unwrap().success(), "{compile:?}");
        (dir, path)
    });
    path
}

/// A folder in which programs run, and what they may be made to do there.
struct Place {
    dir: TempDir,
    stash: TempDir,
}

impl Place {
    fn new() -> Self {
        // Names are kept by links, which the temporary folder's own file system has.
        Self { dir: tempfile::tempdir().unwrap(), stash: tempfile::tempdir().unwrap() }
    }

    /// With a copy of everything in another place.
    fn copy_of(other: &Self) -> Self {
        let copy = Self::new();
        assert!(Command::new("cp").arg("-a").arg(other.path().join(".")).arg(copy.path()).status().unwrap().success());
        copy
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }

    /// `trainer fit --out run`, as typed.
    fn command(&self, line: &str) -> Command {
        let mut words = line.split(' ');
        let mut path = std::env::current_exe().unwrap();
        path.pop();
        path.pop();
        let mut command = Command::new(path.join(words.next().unwrap()));
        command.args(words).current_dir(self.path()).env_remove("CARGO").env("HF_ENDPOINT", "http://127.0.0.1:9");
        command
    }

    fn watched(&self, line: &str, settings: &[(&str, &str)]) -> Output {
        let mut command = self.command(line);
        command.env("LD_PRELOAD", points()).env("POINTS_ROOT", self.path()).env("POINTS_STASH", self.stash.path());
        command.envs(settings.iter().copied()).output().unwrap()
    }

    fn succeed(&self, line: &str) {
        self.try_to(line).unwrap_or_else(|error| panic!("{line}: {error}"));
    }

    fn try_to(&self, line: &str) -> Result<(), String> {
        let output = self.command(line).output().unwrap();
        // 3: a network of so few epochs may have learned nothing.
        if matches!(output.status.code(), Some(0 | 3)) {
            Ok(())
        } else {
            Err(String::from_utf8_lossy(&output.stderr).into_owned())
        }
    }

    /// The number of file operations of a command.
    fn operations(&self, line: &str) -> usize {
        let count = self.stash.path().join("count");
        let output = self.watched(line, &[("POINTS_COUNT", count.to_str().unwrap())]);
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
        fs::read_to_string(count).unwrap().trim().parse().unwrap()
    }

    /// Every file below a folder.
    fn content(&self, folder: &str) -> BTreeMap<String, Vec<u8>> {
        let mut found = BTreeMap::new();
        let mut folders = vec![self.path().join(folder)];
        while let Some(dir) = folders.pop() {
            for entry in fs::read_dir(dir).into_iter().flatten() {
                let path = entry.unwrap().path();
                let name = path.strip_prefix(self.path()).unwrap().to_string_lossy().into_owned();
                match path.is_dir() {
                    true => folders.push(path),
                    false => drop(found.insert(name, fs::read(&path).unwrap())),
                }
            }
        }
        found
    }

    /// What a run is, whenever it was trained: its files, and the bytes of those that hold no times.
    fn run(&self) -> BTreeMap<String, Vec<u8>> {
        let mut found = self.content("run");
        let timed = ["metrics.csv", "resume.safetensors", "summary.json", "report.html"];
        for (name, bytes) in &mut found {
            if timed.iter().any(|timed| name.ends_with(timed)) {
                bytes.clear();
            }
            // A table is named by its whole path.
            if name.ends_with("config.toml") {
                let here = self.path().canonicalize().unwrap();
                *bytes = String::from_utf8_lossy(bytes).replace(here.to_str().unwrap(), "").into_bytes();
            }
        }
        found
    }
}

/// Ends `line` at its operations in every way, each time in a new copy of `start`, and gives the place to `check`.
fn at_every_point(start: &Place, line: &str, check: impl Fn(&Place, &str)) {
    let operations = Place::copy_of(start).operations(line);
    assert!(operations > 2, "{line}: {operations} operations");
    // A prime, so that all kinds of operations are met.
    let stride = if is_full() { 1 } else { 7 };
    for (shift, mode) in MODES.into_iter().enumerate() {
        for point in (1 + shift..=operations).step_by(stride) {
            let place = Place::copy_of(start);
            let output = place.watched(line, &[("POINTS_AT", &point.to_string()), ("POINTS_MODE", mode)]);
            let what = format!("{line}, ended at {point} of {operations} ({mode})");
            // Reports hold times, so that a run may have an operation less.
            assert!(output.status.code().is_none() || point + 2 > operations, "{what}: it went on");
            check(&place, &what);
        }
    }
}

const FIT: &str = "trainer fit --epochs 4 --baseline-seconds 0 --log-format plain --out run";

/// Writes a table of three columns as `rows.csv`.
fn write_table(place: &Place) {
    let row = |i: usize| format!("{},{},{}\n", (i * 37 % 100) as f32 / 50., (i * 61 % 100) as f32 / 50., i % 7);
    fs::write(place.path().join("rows.csv"), "a,b,c\n".to_owned() + &(0..400).map(row).collect::<String>()).unwrap();
}

/// Goes on with the run as a person would.
fn go_on(place: &Place, what: &str, anew: &str) {
    let options = anew.split(" --preset ").next().unwrap();
    let resume = options.replace(" --data rows.csv", "").replace(" --out run", "").replace(" fit", " fit --resume run");
    match place.try_to(&resume) {
        Err(error) if error.contains("is finished") => {}
        Err(error) if error.contains("not a run") || error.contains("no such run") => {
            place.try_to(anew).unwrap_or_else(|error| panic!("{what}: {error}"));
        }
        outcome => outcome.unwrap_or_else(|error| panic!("{what}: {error}")),
    }
}

#[test]
fn training_goes_on_from_every_point_to_the_same_bytes() {
    let expected = Place::new();
    expected.succeed(FIT);
    at_every_point(&Place::new(), FIT, |place, what| {
        go_on(place, what, FIT);
        assert!(place.run() == expected.run(), "{what}: {:?}", place.run().keys());
    });
}

#[test]
fn a_result_stays_until_there_is_another() {
    let start = Place::new();
    start.succeed(&FIT.replace("4", "2"));
    let resume = "trainer fit --resume run --epochs 4 --baseline-seconds 0 --log-format plain";
    let expected = Place::copy_of(&start);
    expected.succeed(resume);
    at_every_point(&start, resume, |place, what| {
        // Between the weights and the summary there is a moment in which the next command mends the run.
        if let Err(error) = place.try_to("exporter --out bundle run") {
            assert!(error.contains("makes the result anew"), "{what}: {error}");
        }
        go_on(place, what, "trainer fit --epochs 4 --baseline-seconds 0 --log-format plain --out run");
        place.succeed("exporter --out after run");
        assert!(place.run() == expected.run(), "{what}: {:?}", place.run().keys());
    });
}

#[test]
fn a_bundle_is_the_old_one_or_the_new_one() {
    let start = Place::new();
    start.succeed(FIT);
    start.succeed("exporter --split --opset 13 run");
    let export = "exporter --split --opset 17 run";
    let finished = Place::copy_of(&start);
    finished.succeed(export);
    let (old, new) = (start.content("run/onnx"), finished.content("run/onnx"));
    assert!(old != new && old.keys().eq(new.keys()));
    let names = |place: &Place| place.content("run").into_keys().collect::<Vec<String>>();
    at_every_point(&start, export, |place, what| {
        let found = place.content("run/onnx");
        assert!(found == old || found == new, "{what}: {:?}", found.keys());
        place.succeed(export);
        assert!(place.content("run/onnx") == new && names(place) == names(&finished), "{what}: {:?}", names(place));
    });
}

#[test]
fn results_and_calibrations_are_whole() {
    let start = Place::new();
    write_table(&start);
    start.succeed(&FIT.replace("fit", "fit --data rows.csv"));
    start.succeed("exporter --split run");
    fs::write(start.path().join("scored.csv"), "old").unwrap();
    let score = "runtime score run rows.csv --out scored.csv";
    let finished = Place::copy_of(&start);
    finished.succeed(score);
    let expected = fs::read(finished.path().join("scored.csv")).unwrap();
    at_every_point(&start, score, |place, what| {
        let found = fs::read(place.path().join("scored.csv")).unwrap();
        assert!(found == b"old" || found == expected, "{what}");
        place.succeed(score);
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 3, "{what}");
    });
    at_every_point(&start, "runtime calibrate run rows.csv", |place, what| {
        place.try_to(score).unwrap_or_else(|error| panic!("{what}: {error}"));
        place.succeed("runtime calibrate run rows.csv");
        place.succeed(score);
    });
}

#[test]
fn a_full_disk_is_told_and_loses_nothing() {
    let start = Place::new();
    start.succeed(&FIT.replace("4", "2"));
    start.succeed("exporter --split run");
    let rows: String = (0..3000).map(|row| vec![(row % 2).to_string(); 64].join(",") + "\n").collect();
    fs::write(start.path().join("rows.csv"), rows).unwrap();
    fs::write(start.path().join("out.csv"), "old").unwrap();
    let sizes = if is_full() { 20 } else { 3 };
    for line in [
        "trainer fit --resume run --epochs 4 --baseline-seconds 0 --log-format plain",
        "exporter --split --opset 13 run",
        "runtime encode run rows.csv --out out.csv",
        "runtime encode run rows.csv --out out.npy",
        "runtime encode run rows.csv --out out.parquet",
    ] {
        // The most that is too little, to within a factor of two.
        let enough = (10..40).map(|power| 1u64 << power).find(|room| {
            let place = Place::copy_of(&start);
            place.watched(line, &[("POINTS_ROOM", &room.to_string())]).status.success()
        });
        let most = enough.unwrap() / 2;
        for size in 0..sizes {
            let place = Place::copy_of(&start);
            let names = |place: &Place| place.content(".").into_keys().collect::<Vec<String>>();
            let room = (most * size / sizes).to_string();
            let output = place.watched(line, &[("POINTS_ROOM", &room)]);
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            let what = format!("{line}, with room for {room} bytes: {said}");
            assert!(output.status.code() == Some(1) && said.contains("the disk is full"), "{what}");
            // A training may have saved the weights that it goes on from.
            let found: Vec<String> =
                names(&place).into_iter().filter(|name| !name.ends_with("best.next.safetensors")).collect();
            assert_eq!(found, names(&start), "{what}");
            assert_eq!(fs::read(place.path().join("out.csv")).unwrap(), b"old", "{what}");
            assert!(place.content("run/onnx") == start.content("run/onnx"), "{what}");
            place.succeed("exporter --out bundle run");
            place.succeed(line);
        }
    }
}

/// A run, and rows for it as CSV, `.npy` and Parquet. Every result that a command may write is there, and old.
fn with_rows() -> Place {
    let start = Place::new();
    start.succeed(&FIT.replace("4", "2"));
    start.succeed("exporter --split run");
    let row = |i: usize| (0..64).map(|j| format!("{}", (i * 37 + j * 61) % 17)).collect::<Vec<_>>().join(",") + "\n";
    let block: String = (0..1000).map(row).collect();
    fs::write(start.path().join("rows.csv"), block.repeat(if is_full() { 400 } else { 60 })).unwrap();
    for end in ["npy", "parquet"] {
        start.succeed(&format!("runtime reconstruct run rows.csv --divide 16 --out rows.{end}"));
    }
    for result in RESULTS {
        fs::write(start.path().join(result), "old").unwrap();
    }
    start
}

const RESULTS: [&str; 3] = ["out.csv", "out.npy", "out.parquet"];

/// Commands that take a while, each with the file or folder of its result.
fn long_commands() -> Vec<(String, &'static str)> {
    let encode = |from: &'static str| {
        let divide = if from == "csv" { " --divide 16" } else { "" };
        RESULTS.map(|to| (format!("runtime encode run rows.{from}{divide} --out {to}"), to))
    };
    let mut lines: Vec<_> = ["csv", "npy", "parquet"].into_iter().flat_map(encode).collect();
    lines.push(("exporter --split --opset 13 run".into(), "run/onnx"));
    lines.push(("runtime score run rows.npy --out out.csv".into(), "out.csv"));
    lines
}

#[test]
fn an_end_in_the_middle_leaves_the_old_result_or_the_new_one() {
    let start = with_rows();
    for (line, result) in long_commands() {
        let found = |place: &Place| {
            let path = place.path().join(result);
            if path.is_dir() {
                place.content(result)
            } else {
                BTreeMap::from([(String::new(), fs::read(path).unwrap())])
            }
        };
        let names = |place: &Place| place.content(".").into_keys().collect::<Vec<String>>();
        let finished = Place::copy_of(&start);
        let begun = Instant::now();
        finished.succeed(&line);
        let whole = begun.elapsed();
        for part in if is_full() { &[0.1, 0.3, 0.5, 0.7, 0.9][..] } else { &[0.6] } {
            let place = Place::copy_of(&start);
            let mut child = place.command(&line).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
            sleep(whole.mul_f64(*part));
            assert!(Command::new("kill").arg(child.id().to_string()).status().is_ok());
            child.wait().unwrap();
            let what = format!("{line}, ended after {part} of {whole:?}");
            assert!(found(&place) == found(&start) || found(&place) == found(&finished), "{what}");
            place.succeed(&line);
            assert!(found(&place) == found(&finished), "{what}");
            assert_eq!(names(&place), names(&finished), "{what}");
        }
    }
}

#[test]
fn a_training_that_is_asked_to_end_goes_on_to_the_same_bytes() {
    let fit = FIT.replace("4", "400");
    let expected = Place::new();
    let begun = Instant::now();
    expected.succeed(&fit);
    let whole = begun.elapsed();
    for part in if is_full() { &[0.1, 0.3, 0.5, 0.7, 0.9][..] } else { &[0.5] } {
        let place = Place::new();
        let mut child = place.command(&fit).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        sleep(whole.mul_f64(*part));
        assert!(Command::new("kill").arg(child.id().to_string()).status().is_ok());
        child.wait().unwrap();
        let what = format!("{fit}, ended after {part} of {whole:?}");
        go_on(&place, &what, &fit);
        assert!(place.run() == expected.run(), "{what}");
    }
}

#[test]
fn a_reader_that_goes_away_is_no_fault() {
    let start = with_rows();
    for line in [
        "runtime encode run rows.csv --divide 16",
        "runtime score run rows.npy",
        "runtime reconstruct run rows.parquet",
    ] {
        let mut child = start.command(line).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut some = [0; 1000];
        child.stdout.take().unwrap().read_exact(&mut some).unwrap();
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success() && !said.contains("error") && !said.contains("panicked"), "{line}: {said}");
    }
    for line in [FIT, "exporter --split run", "trainer fit --resume run --epochs 8 --log-format plain"] {
        let mut child = start
            .command(&line.replace("--out run", "--out other"))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop((child.stdout.take(), child.stderr.take()));
        child.wait().unwrap();
    }
    // Whatever became of them, the next command goes on.
    start.succeed("trainer fit --resume run --epochs 9 --log-format plain");
    start.succeed("exporter --split run");
}

#[test]
fn kills_at_any_moment_change_no_byte() {
    let presets = ["simple", "sparse", "deep", "conv", "denoise", "vae", "sequence", "image", "windows", "table"];
    let kills = if is_full() { 200 } else { 20 };
    let mut random = 7u64;
    let start = Place::new();
    write_table(&start);
    for (index, preset) in presets.into_iter().enumerate() {
        let fit = format!("{FIT} --preset {preset}");
        let fit = if preset == "table" { fit.replace(" --out", " --data rows.csv --out") } else { fit };
        let expected = Place::copy_of(&start);
        let started = Instant::now();
        expected.succeed(&fit);
        let whole = started.elapsed();
        for _ in (index..kills).step_by(presets.len()) {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let place = Place::copy_of(&start);
            let mut command = place.command(&fit);
            let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
            let wait = whole.mul_f64((random >> 11) as f64 / (1u64 << 53) as f64);
            sleep(wait.max(Duration::from_millis(1)));
            child.kill().unwrap();
            child.wait().unwrap();
            let what = format!("{preset}, killed after {wait:?}");
            go_on(&place, &what, &fit);
            assert!(place.run() == expected.run(), "{what}");
        }
    }
}
