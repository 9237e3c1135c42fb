//! The report of a training run: figures, tables, pictures and settings in one HTML file that needs nothing else.

use askama::Template;
use base64::{Engine as _, engine::general_purpose::STANDARD};

/// What stands behind a number and belongs to it.
const UNITS: [&str; 9] = ["%", "dB", "nats", "µs", "ms", "s", "min", "h", "values"];

/// What a report says; every text is plain text and may come from anywhere.
#[derive(Clone, Debug, Default, Template)]
#[template(path = "report.html")]
pub(super) struct Page {
    /// The heading, and the name of the browser's tab.
    pub(super) title: String,
    /// One line under the heading.
    pub(super) subtitle: String,
    /// What is wrong with the result, if anything is.
    pub(super) alert: Option<Alert>,
    /// The numbers to see first.
    pub(super) figures: Vec<Figure>,
    /// Numbers to compare.
    pub(super) tables: Vec<Table>,
    /// Charts and images, each as wide as the page.
    pub(super) pictures: Vec<Picture>,
    /// The run's configuration as TOML, folded away until asked for.
    pub(super) settings: String,
    /// The last line: versions, date, where the run lies.
    pub(super) footer: String,
}

/// What is wrong, and what to try.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Alert {
    /// Whether the result is of no use at all.
    pub(super) failed: bool,
    pub(super) title: String,
    /// Sentences, with the commands in them between backticks.
    pub(super) sentences: Vec<String>,
}

/// A number on a card of its own.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Figure {
    /// What is measured: "test BCE".
    pub(super) name: String,
    /// The number with its unit: "4 min 10 s".
    pub(super) value: String,
    /// What to compare it with: "PCA, 32 components: 0.1175".
    pub(super) note: String,
}

/// Rows of numbers, each led by its name.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Table {
    /// The heading above the table.
    pub(super) title: String,
    /// The columns' names, if they need any.
    pub(super) header: Vec<String>,
    /// The cells; the first of a row is its name, the others are numbers.
    pub(super) rows: Vec<Vec<String>>,
    /// A sentence below the table.
    pub(super) note: Option<String>,
}

/// An image with its heading and caption.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Picture {
    /// The heading above the image, and the text in its place for those who cannot see it.
    pub(super) title: String,
    /// What there is to see.
    pub(super) caption: String,
    /// The image itself.
    pub(super) image: Image,
}

/// What is drawn; either is drawn here and never read from a file.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Image {
    /// A chart as SVG, for wide and for narrow pages.
    Chart([String; 2]),
    /// Rows of small images without a ground, one below the other, and what their colours mean.
    Strips { strips: Vec<Strip>, scale: Option<Scale> },
}

/// Small images side by side.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Strip {
    pub(super) name: String,
    pub(super) png: Vec<u8>,
    /// In pixels.
    pub(super) width: u32,
    pub(super) height: u32,
}

/// A bar of colours, and the values at its ends.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Scale {
    pub(super) name: String,
    pub(super) low: String,
    pub(super) high: String,
    pub(super) png: Vec<u8>,
}

impl Page {
    /// The whole page: no script, no network, nothing beside the file.
    pub(super) fn to_html(&self) -> String {
        self.render().expect("writing to a string never fails")
    }

    /// The browser tab's picture, an hourglass.
    fn icon(&self) -> &'static str {
        "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E\
         %3Cpath d='M2 1h12L9 8l5 7H2l5-7z' fill='%232f7ebc'/%3E%3C/svg%3E"
    }
}

/// `text` with each number tied to its unit, and each epoch to its number, so that no line ends between them.
fn tied(text: &str) -> String {
    let mut tied = String::with_capacity(text.len() + 8);
    for (index, word) in text.split(' ').enumerate() {
        if index > 0 {
            let unit = UNITS.contains(&word.trim_end_matches(|c: char| c != '%' && !c.is_alphanumeric()));
            let measured = unit && tied.ends_with(|c: char| c.is_ascii_digit());
            let numbered = tied.ends_with(" epoch") && word.starts_with(|c: char| c.is_ascii_digit());
            tied.push(if measured || numbered { '\u{a0}' } else { ' ' });
        }
        tied += word;
    }
    tied
}

/// The parts of a text outside and inside backticks, in turn.
fn parts(text: &str) -> Vec<String> {
    text.split('`').map(tied).collect()
}

impl Figure {
    /// The parts of the value within which no line may end: a number and its unit.
    fn words(&self) -> Vec<String> {
        let mut words: Vec<String> = Vec::new();
        for word in self.value.split_whitespace() {
            let starts_a_number = word.starts_with(|c: char| c.is_ascii_digit() || c == '-');
            match words.last_mut() {
                Some(last) if !starts_a_number => *last = format!("{last}\u{a0}{word}"),
                _ => words.push(word.into()),
            }
        }
        words
    }
}

impl Image {
    fn data(png: &[u8]) -> String {
        format!("data:image/png;base64,{}", STANDARD.encode(png))
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
