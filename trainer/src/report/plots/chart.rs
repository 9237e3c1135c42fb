//! A chart as SVG: axes, a legend, and curves or points.

use askama::Template;

use super::axis::Axis;

/// Curves and clouds beyond this number share the colours of the first.
const COLORS: usize = 10;
/// A curve of no more points than this shows each of them.
const MARKED_POINTS: usize = 30;
/// Points of a curve that a screen can show; of more, every n-th is drawn.
const CURVE_POINTS: usize = 1000;
/// The mean width of a letter, as a part of the font's size.
const LETTER: f64 = 0.56;

/// What is drawn, whatever the size.
#[derive(Clone, Debug)]
pub(super) struct Chart {
    pub(super) title: String,
    pub(super) x: (String, Axis),
    pub(super) y: (String, Axis),
    pub(super) series: Vec<Series>,
    /// A vertical line and what it says.
    pub(super) mark: Option<(f64, String)>,
}

/// A curve or a cloud of points.
#[derive(Clone, Debug)]
pub(super) struct Series {
    /// Its name in the legend, if it is to have one.
    pub(super) name: Option<String>,
    pub(super) points: Vec<(f64, f64)>,
    pub(super) form: Form,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Curve,
    Cloud,
}

/// The size of a chart's parts, in pixels.
#[derive(Clone, Copy)]
struct Layout {
    width: u32,
    /// Height of the plane between the axes.
    plane: u32,
    font: u32,
    ticks: [usize; 2],
}

const WIDE: Layout = Layout { width: 760, plane: 360, font: 14, ticks: [9, 6] };
/// For a phone, where the wide one would be too small to read.
const NARROW: Layout = Layout { width: 300, plane: 220, font: 13, ticks: [4, 5] };

/// What the template places.
#[derive(Template)]
#[template(path = "chart.svg")]
struct Drawing<'a> {
    title: &'a str,
    standalone: bool,
    width: u32,
    height: u32,
    font: u32,
    legend: Vec<LegendItem<'a>>,
    left: u32,
    right: u32,
    top: u32,
    bottom: u32,
    x_name: &'a str,
    y_name: &'a str,
    y_name_at: u32,
    x_ticks: Vec<Label>,
    y_ticks: Vec<Label>,
    mark: Option<Mark<'a>>,
    paths: Vec<Path>,
}

struct LegendItem<'a> {
    name: &'a str,
    x: u32,
    y: u32,
    /// Length of the stroke that shows the colour; of a point, none.
    length: u32,
    text_x: u32,
    class: &'static str,
    color: usize,
}

struct Label {
    at: String,
    text: String,
}

struct Mark<'a> {
    at: String,
    text_x: String,
    anchor: &'static str,
    text: &'a str,
}

struct Path {
    class: &'static str,
    color: usize,
    d: String,
}

impl Chart {
    /// A file of its own: with its title and colours, on a background.
    pub(super) fn to_file(&self) -> String {
        self.draw(WIDE, true)
    }

    /// For a wide and for a narrow page, without title and colours, which are the page's.
    pub(super) fn to_inline(&self) -> [String; 2] {
        [WIDE, NARROW].map(|layout| self.draw(layout, false))
    }

    fn draw(&self, layout: Layout, standalone: bool) -> String {
        let Layout { width, plane, font, .. } = layout;
        let y_labels = self.y.1.ticks(layout.ticks[1]);
        let longest = y_labels.iter().map(|tick| tick.label.chars().count()).max().unwrap_or(0);
        // Every font's digits fit: the widest are 0.6 of its size.
        let left = (longest as f64 * 0.6 * f64::from(font)).ceil() as u32 + font;
        let last_label = self.x.1.ticks(layout.ticks[0]).last().map_or(0, |tick| tick.label.chars().count());
        let right = width - font.max((last_label as f64 * 0.3 * f64::from(font)).ceil() as u32);
        let title = if standalone { font * 5 / 2 } else { 0 };
        let (legend, legend_height) = self.legend(font, title, width);
        let y_name_at = title + legend_height + font;
        let top = y_name_at + font;
        let bottom = top + plane;

        let x = |value: f64| f64::from(left) + self.x.1.part(value) * f64::from(right - left);
        let y = |value: f64| f64::from(bottom) - self.y.1.part(value) * f64::from(plane);
        let x_ticks = self.x.1.ticks(layout.ticks[0]).into_iter();
        let mark = self.mark.as_ref().map(|(value, text)| {
            let to_the_left = self.x.1.part(*value) > 0.5;
            let (gap, anchor) = if to_the_left { (-6., "end") } else { (6., "start") };
            Mark { at: pixel(x(*value)), text_x: pixel(x(*value) + gap), anchor, text }
        });
        let drawing = Drawing {
            title: &self.title,
            standalone,
            width,
            height: bottom + font * 7 / 2,
            font,
            legend,
            left,
            right,
            top,
            bottom,
            x_name: &self.x.0,
            y_name: &self.y.0,
            y_name_at,
            x_ticks: x_ticks.map(|tick| Label { at: pixel(x(tick.value)), text: tick.label }).collect(),
            y_ticks: y_labels.into_iter().map(|tick| Label { at: pixel(y(tick.value)), text: tick.label }).collect(),
            mark,
            paths: self
                .series
                .iter()
                .enumerate()
                .flat_map(|(index, series)| self.paths(series, index % COLORS, &x, &y))
                .collect(),
        };
        drawing.render().expect("writing to a string never fails")
    }

    /// The named series, in as many lines as they need, and the height of these.
    fn legend(&self, font: u32, top: u32, width: u32) -> (Vec<LegendItem<'_>>, u32) {
        let line = font * 3 / 2;
        let (mut x, mut y) = (font, top + line / 2);
        let mut items = Vec::new();
        for (index, series) in self.series.iter().enumerate() {
            let Some(name) = &series.name else { continue };
            let (class, length) = match series.form {
                Form::Curve => ("line", font * 3 / 2),
                Form::Cloud => ("dots", 0),
            };
            let text_x = |x: u32| x + length + font * 2 / 3;
            let text = (name.chars().count() as f64 * LETTER * f64::from(font)).ceil() as u32;
            if x > font && text_x(x) + text > width - font {
                (x, y) = (font, y + line);
            }
            items.push(LegendItem { name, x, y, length, text_x: text_x(x), class, color: index % COLORS });
            x = text_x(x) + text + font;
        }
        let height = if items.is_empty() { 0 } else { y + line - top };
        (items, height)
    }

    /// The strokes that draw one series: a line, points, or both.
    fn paths(&self, series: &Series, color: usize, x: Scale, y: Scale) -> Vec<Path> {
        let inside = |&&(first, second): &&(f64, f64)| self.x.1.holds(first) && self.y.1.holds(second);
        let points: Vec<_> = series.points.iter().filter(inside).collect();
        let at = |&&(first, second): &&(f64, f64)| format!("{} {}", pixel(x(first)), pixel(y(second)));
        let dots = || points.iter().map(|point| format!("M{}h0", at(point))).collect();
        let mut paths = Vec::new();
        match series.form {
            Form::Cloud => paths.push(Path { class: "dots many", color, d: dots() }),
            Form::Curve => {
                let every = points.len().div_ceil(CURVE_POINTS).max(1);
                let shown =
                    points.iter().enumerate().filter(|(index, _)| index % every == 0 || index + 1 == points.len());
                let line = shown.map(|(_, point)| at(point)).collect::<Vec<_>>().join("L");
                paths.push(Path { class: "line", color, d: format!("M{line}") });
                if points.len() <= MARKED_POINTS {
                    paths.push(Path { class: "dots", color, d: dots() });
                }
            }
        }
        paths.retain(|path| path.d.len() > 1);
        paths
    }
}

/// From a value to its place in pixels.
type Scale<'a> = &'a dyn Fn(f64) -> f64;

/// A length to a tenth of a pixel, as short as it can be written.
fn pixel(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(points: Vec<(f64, f64)>) -> Chart {
        Chart {
            title: "losses & <more>".into(),
            x: ("epoch".into(), Axis::whole(points.iter().map(|point| point.0))),
            y: ("loss".into(), Axis::around(points.iter().map(|point| point.1))),
            series: vec![Series { name: Some("validation".into()), points, form: Form::Curve }],
            mark: None,
        }
    }

    #[test]
    fn one_epoch_is_a_point() {
        let svg = chart(vec![(1., 0.5)]).to_file();
        assert!(svg.contains(r#"class="dots c0" d="M"#) && svg.contains("h0\""), "{svg}");
        assert!(svg.contains(">1</text>") && !svg.contains(">2</text>"), "{svg}");
    }

    #[test]
    fn a_long_course_is_thinned_and_keeps_its_end() {
        let points: Vec<_> = (1..=100_000).map(|epoch| (f64::from(epoch), 1. / f64::from(epoch))).collect();
        let svg = chart(points).to_file();
        assert!(svg.len() < 30_000, "{}", svg.len());
        let end = svg.rsplit_once("L").unwrap().1;
        // The right end of the plane, beside which there is room for half of "100,000".
        assert!(end.starts_with(&(WIDE.width - 30).to_string()), "{end}");
    }

    #[test]
    fn a_file_stands_alone_and_a_part_of_a_page_takes_the_pages_colours() {
        let chart = chart(vec![(1., 0.5), (2., f64::NAN), (3., 0.25)]);
        let file = chart.to_file();
        assert!(file.contains("<title>losses &#38; &#60;more&#62;</title>") && file.contains("prefers-color-scheme"));
        assert!(file.contains(r#"class="paper""#) && !file.contains("NaN"));
        for inline in chart.to_inline() {
            assert!(!inline.contains("<style") && !inline.contains("paper") && !inline.contains("losses"));
        }
    }

    #[test]
    fn a_legend_that_is_too_long_for_a_line_takes_more() {
        let mut chart = chart(vec![(1., 0.5), (2., 0.25)]);
        for width in [3, 40, 200] {
            let series = Series { name: Some("n".repeat(width)), points: vec![], form: Form::Curve };
            chart.series.push(series);
        }
        let (items, height) = chart.legend(NARROW.font, 0, NARROW.width);
        assert_eq!(items.iter().map(|item| item.x).collect::<Vec<_>>()[2..], [NARROW.font; 2]);
        assert!(items.last().unwrap().y < height);
    }
}
