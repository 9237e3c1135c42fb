//! Charts drawn by plotters, rewritten to take the page's width and colours.

const ELEMENTS: &str = "svg g rect circle line polyline polygon text";
const ATTRIBUTES: &str = "viewBox x y dx dy width height x1 y1 x2 y2 cx cy r points transform opacity fill stroke \
                          stroke-width text-anchor font-size font-weight font-style";

/// The chart as inline SVG: as wide as its place, black and grey in the text's colour, white in the card's.
///
/// Only the elements and attributes of a plain chart are let through; `None` if there is another element (a script,
/// a link, a style) or the SVG is not well-formed.
pub(super) fn themed(svg: &str) -> Option<String> {
    let mut rest = &svg[svg.find("<svg")?..];
    let mut html = String::with_capacity(svg.len());
    let mut open = Vec::new();
    loop {
        let (text, tag) = rest.split_once('<')?;
        html.push_str(text);
        if let Some(closing) = tag.strip_prefix('/') {
            let (name, after) = closing.split_once('>')?;
            if open.pop()? != name {
                return None;
            }
            html.push_str(&format!("</{name}>"));
            if open.is_empty() {
                return Some(html);
            }
            rest = after;
            continue;
        }

        let (name, mut inside) = tag.split_at(tag.find(|c: char| !c.is_ascii_alphanumeric())?);
        if !ELEMENTS.split(' ').any(|element| element == name) {
            return None;
        }
        html.push_str(&format!("<{name}"));
        rest = loop {
            inside = inside.trim_start();
            if let Some(after) = inside.strip_prefix("/>") {
                html.push_str("/>");
                break after;
            }
            if let Some(after) = inside.strip_prefix('>') {
                html.push('>');
                open.push(name);
                break after;
            }
            let (key, value) = inside.split_once("=\"")?;
            let (value, after) = value.split_once('"')?;
            inside = after;
            match (name, key) {
                ("svg", "width" | "height") => {}
                ("svg", "viewBox") => {
                    let width: f64 = value.split_whitespace().nth(2)?.parse().ok()?;
                    html.push_str(&format!(" viewBox=\"{value}\" style=\"--width:{width}px\""));
                }
                (_, "fill" | "stroke") => html.push_str(&format!(" {key}=\"{}\"", paint(key, value))),
                _ if ATTRIBUTES.split(' ').any(|attribute| attribute == key) => {
                    html.push_str(&format!(" {key}=\"{value}\""))
                }
                _ => {}
            }
        };
    }
}

/// Ink and paper in the page's colours; the middle greys, one of them a class in tab10, are legible on both.
pub(super) fn paint(key: &str, value: &str) -> String {
    let rgb = value.strip_prefix('#').filter(|hex| hex.len() == 6).and_then(|hex| u32::from_str_radix(hex, 16).ok());
    match rgb.filter(|rgb| rgb % 0x010101 == 0).map(|rgb| rgb / 0x010101) {
        Some(0xFF) => "var(--card)".into(),
        Some(0) => "currentColor".into(),
        None | Some(0x70..=0xA0) => value.into(),
        Some(level) => format!("currentColor\" {key}-opacity=\"{:.2}", 1. - f64::from(level) / 255.),
    }
}
