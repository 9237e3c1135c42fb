//! The report of a training run: figures, tables, pictures and settings in one HTML file that needs nothing else.

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::themed::themed;

const STYLE: &str = include_str!("report.css");
const POLICY: &str = "default-src 'none'; img-src data:; style-src 'unsafe-inline'";
const ICON: &str = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E\
                    %3Cpath d='M2 1h12L9 8l5 7H2l5-7z' fill='%232f7ebc'/%3E%3C/svg%3E";

/// What a report says; every text is plain text and may come from anywhere.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Page {
    /// The heading, and the name of the browser's tab.
    pub(super) title: String,
    /// One line under the heading.
    pub(super) subtitle: String,
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

/// A number on a card of its own.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Figure {
    /// What is measured: "test BCE".
    pub(super) name: String,
    /// The number with its unit: "0.0917".
    pub(super) value: String,
    /// What to compare it with: "PCA, 32 components: 0.1175".
    pub(super) note: String,
}

/// Rows of numbers, each led by its name.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Table {
    /// The heading above the table.
    pub(super) title: String,
    /// The columns' names.
    pub(super) header: Vec<String>,
    /// The cells; the first of a row is its name, the others are numbers.
    pub(super) rows: Vec<Vec<String>>,
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

/// The bytes of an image.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Image {
    /// A chart drawn by plotters, which follows the page's theme.
    Svg(String),
    /// A PNG file, shown on white.
    Png(Vec<u8>),
}

impl Page {
    /// The whole page: no script, no network, nothing beside the file.
    pub(super) fn to_html(&self) -> String {
        let (title, subtitle, footer) = (escape(&self.title), escape(&self.subtitle), escape(&self.footer));
        let (figures, settings) = (figures_html(&self.figures), settings_html(&self.settings));
        let tables: String = self.tables.iter().map(Table::to_html).collect();
        let pictures: String = self.pictures.iter().map(Picture::to_html).collect();
        format!(
            r#"<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<link rel="icon" href="{ICON}">
<style>
{STYLE}</style>
</head>
<body>
<header><h1>{title}</h1><p>{subtitle}</p></header>
<main>
{figures}{tables}{pictures}{settings}</main>
<footer>{footer}</footer>
</body>
</html>
"#
        )
    }
}

/// The cards, in rows that come out even where that is possible.
fn figures_html(figures: &[Figure]) -> String {
    let columns = match figures.len() {
        0 => return String::new(),
        count @ 1..=5 => count,
        count if count % 3 == 0 => 3,
        _ => 4,
    };
    let card = |Figure { name, value, note }: &Figure| {
        let (name, value, note) = (escape(name), escape(value), escape(note));
        format!("<div class=\"card\"><dt>{name}</dt><dd class=\"value\">{value}</dd><dd>{note}</dd></div>\n")
    };
    let cards: String = figures.iter().map(card).collect();
    format!("<dl class=\"figures\" style=\"--columns:{columns}\">\n{cards}</dl>\n")
}

fn settings_html(settings: &str) -> String {
    if settings.trim().is_empty() {
        return String::new();
    }
    let text = scrolling("Settings", &format!("<pre>{}</pre>", escape(settings)));
    format!("<details class=\"card\"><summary><h2>Settings</h2></summary>\n{text}</details>\n")
}

impl Table {
    fn to_html(&self) -> String {
        let title = escape(&self.title);
        let header: String =
            self.header.iter().map(|name| format!("<th scope=\"col\">{}</th>", escape(name))).collect();
        let row = |cells: &Vec<String>| {
            let Some((name, numbers)) = cells.split_first() else { return String::new() };
            let numbers: String = numbers.iter().map(|number| format!("<td>{}</td>", escape(number))).collect();
            format!("<tr><th scope=\"row\">{}</th>{numbers}</tr>\n", escape(name))
        };
        let rows: String = self.rows.iter().map(row).collect();
        let table = format!("<table>\n<thead><tr>{header}</tr></thead>\n<tbody>\n{rows}</tbody>\n</table>");
        format!("<section class=\"card\"><h2>{title}</h2>\n{}</section>\n", scrolling(&title, &table))
    }
}

impl Picture {
    fn to_html(&self) -> String {
        let (title, caption) = (escape(&self.title), escape(&self.caption));
        let embedded = |kind: &str, bytes: &[u8], size: &str| {
            let data = STANDARD.encode(bytes);
            format!("<img alt=\"{title}\"{size} src=\"data:image/{kind};base64,{data}\">")
        };
        let image = match &self.image {
            Image::Png(png) => embedded("png", png, &size_of_png(png).unwrap_or_default()),
            // As an image even a strange SVG is inert: it cannot run, load or style anything.
            Image::Svg(svg) => themed(svg).map_or_else(
                || embedded("svg+xml", svg.as_bytes(), ""),
                |chart| format!("<div role=\"img\" aria-label=\"{title}\">{chart}</div>"),
            ),
        };
        let scroll = scrolling(&title, &image);
        format!("<figure class=\"card\"><h2>{title}</h2>\n{scroll}<figcaption>{caption}</figcaption></figure>\n")
    }
}

/// A box that scrolls by itself what is wider than the screen, by keyboard too; `label` is escaped already.
fn scrolling(label: &str, html: &str) -> String {
    format!("<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{label}\">{html}</div>\n")
}

/// The width and height in a PNG file's first chunk, as attributes of an `img`.
fn size_of_png(png: &[u8]) -> Option<String> {
    let number = |at: usize| Some(u32::from_be_bytes(png.get(at..at + 4)?.try_into().ok()?));
    let (width, height) = (number(16)?, number(20)?);
    Some(format!(" width=\"{width}\" height=\"{height}\" style=\"--width:{width}px\""))
}

/// Plain text as HTML, between tags or in a quoted attribute.
fn escape(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    text.replace('"', "&quot;").replace('\'', "&#39;")
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
