//! The width of the terminal, and text that fits into it.

use std::env;
use std::sync::OnceLock;

/// Fewer columns than this are no use, or a wrong answer.
const LEAST: usize = 20;
/// A label is no longer than this; what follows it stands in a column of its own.
const LABEL: usize = 32;

/// What follows a label has a column of its own only if it is as wide as this.
const LEAST_TEXT: usize = 24;

/// The columns of the terminal: nothing where text does not go to one, or where it does not say.
pub fn columns(to_terminal: bool) -> Option<usize> {
    static COLUMNS: OnceLock<Option<usize>> = OnceLock::new();
    if !to_terminal {
        return None;
    }
    let given = || env::var("COLUMNS").ok()?.parse().ok();
    COLUMNS.get_or_init(|| asked().or_else(given)).filter(|&columns| columns >= LEAST)
}

/// What the terminal itself says.
#[cfg(unix)]
fn asked() -> Option<usize> {
    use std::process::{Command, Stdio};
    let terminal = std::fs::File::open("/dev/tty").ok()?;
    let output = Command::new("stty").arg("size").stdin(terminal).stderr(Stdio::null()).output().ok()?;
    String::from_utf8(output.stdout).ok()?.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(not(unix))]
fn asked() -> Option<usize> {
    None
}

/// `text` with its long lines broken between words; what follows a label stays in its column.
pub fn wrapped(text: &str, width: Option<usize>) -> String {
    let Some(width) = width else { return text.into() };
    text.lines().map(|line| wrapped_line(line, width)).collect::<Vec<_>>().join("\n")
}

fn wrapped_line(line: &str, width: usize) -> String {
    if length(line) <= width {
        return line.into();
    }
    let text = line.trim_start();
    let start = length(line) - length(text);
    let label = text.find("  ").map_or(0, |end| length(&text[..end]) + gap(&text[end..]));
    let longest = text.split(' ').map(length).max().unwrap_or(0);
    let column = start + label;
    let aligned = label > 0 && label <= LABEL.min(width / 2) && column + longest.max(LEAST_TEXT) <= width;
    let indent = if aligned { column } else { start + 2 };
    broken(line, text.split(' '), Layout { width, indent, end: "" })
}

/// The spaces that `text` begins with.
fn gap(text: &str) -> usize {
    text.len() - text.trim_start_matches(' ').len()
}

/// How lines are broken.
struct Layout<'a> {
    width: usize,
    /// Of the lines after the first.
    indent: usize,
    /// What a line that goes on ends with.
    end: &'a str,
}

/// `words`, which `line` begins with after its own indent, in lines of the layout's width.
fn broken<'a>(line: &str, words: impl Iterator<Item = &'a str>, layout: Layout) -> String {
    let Layout { width, indent, end } = layout;
    let mut lines = vec![" ".repeat(gap(line))];
    let mut fresh = true;
    for word in words {
        let last = lines.last_mut().expect("there is a line");
        if fresh {
            last.push_str(word);
        } else if length(last) + 1 + length(word) + length(end) <= width {
            last.push(' ');
            last.push_str(word);
        } else {
            last.truncate(last.trim_end().len());
            last.push_str(end);
            lines.push(" ".repeat(indent) + word);
        }
        fresh = false;
    }
    lines.join("\n")
}

/// A command behind its label. Where the line has no room for both, the command has its own, and is continued as a shell reads it.
pub fn labelled_command(label: &str, command: &str, width: Option<usize>) -> String {
    let line = format!("{label:<16}{command}");
    match width {
        Some(width) if length(&line) > width => format!("{label}\n{}", indented_command(command, Some(width))),
        _ => line,
    }
}

/// A command on lines of its own.
pub fn indented_command(command: &str, width: Option<usize>) -> String {
    let line = format!("  {command}");
    let Some(width) = width.filter(|&width| length(&line) > width) else { return line };
    broken(&line, words(command).into_iter(), Layout { width, indent: 4, end: " \\" })
}

/// The words of a command; a quoted one may have spaces.
fn words(command: &str) -> Vec<&str> {
    let (mut words, mut start, mut quoted) = (Vec::new(), 0, false);
    for (at, letter) in command.char_indices() {
        match letter {
            '\'' => quoted = !quoted,
            ' ' if !quoted => {
                words.push(&command[start..at]);
                start = at + 1;
            }
            _ => (),
        }
    }
    words.push(&command[start..]);
    words
}

fn length(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_are_broken_between_words_and_short_ones_stay() {
        let text = "failed: the network reconstructs no better than the mean row\nshort";
        assert_eq!(
            wrapped(text, Some(30)),
            "failed: the network\n  reconstructs no better than\n  the mean row\nshort"
        );
        assert_eq!(wrapped(text, None), text);
        let narrow = wrapped(text, Some(20));
        assert!(narrow.lines().all(|line| length(line) <= 20), "{narrow}");
        // A word that is longer than its column has room for goes to the left.
        assert_eq!(wrapped("report          runs/a-very-long-one", Some(25)), "report\n  runs/a-very-long-one");
        // A word that is longer than a line stays whole.
        assert_eq!(wrapped("run runs/a-very-long-name-of-a-run", Some(20)), "run\n  runs/a-very-long-name-of-a-run");
    }

    #[test]
    fn what_follows_a_label_stays_in_its_column() {
        let line = "training  500 epochs in batches of 32, adam at 0.001, on cpu";
        assert_eq!(wrapped(line, Some(40)), "training  500 epochs in batches of 32,\n          adam at 0.001, on cpu");
    }

    #[test]
    fn a_command_goes_on_as_a_shell_reads_it() {
        let command = "trainer fit --resume 'my runs/a b' --epochs 1000";
        assert_eq!(labelled_command("train longer", command, Some(80)), format!("train longer    {command}"));
        assert_eq!(labelled_command("train longer", command, None), format!("train longer    {command}"));
        assert_eq!(
            labelled_command("train longer", command, Some(40)),
            "train longer\n  trainer fit --resume 'my runs/a b' \\\n    --epochs 1000"
        );
    }
}
