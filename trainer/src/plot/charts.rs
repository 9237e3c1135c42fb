//! `loss.svg` and `latent.svg`.

use std::path::Path;

use candle_core::Tensor;
use plotters::prelude::*;

use crate::error::{Error, Result};
use crate::evaluate::Pca;
use crate::run::{EpochRecord, Summary};

const SIZE: (u32, u32) = (860, 520);
const FONT: &str = "sans-serif";
/// Ten colours that stay apart, the palette known as tab10.
const COLORS: [RGBColor; 10] = [
    RGBColor(31, 119, 180),
    RGBColor(255, 127, 14),
    RGBColor(44, 160, 44),
    RGBColor(214, 39, 40),
    RGBColor(148, 103, 189),
    RGBColor(140, 86, 75),
    RGBColor(227, 119, 194),
    RGBColor(127, 127, 127),
    RGBColor(188, 189, 34),
    RGBColor(23, 190, 207),
];

/// Training and validation loss over the epochs.
pub(super) fn draw_losses(path: &Path, history: &[EpochRecord], summary: &Summary, unit: &str) -> Result<()> {
    let curve = |value: fn(&EpochRecord) -> f64| -> Vec<(f64, f64)> {
        history.iter().map(|record| (record.epoch as f64, value(record))).collect()
    };
    let curves = [
        Curve { name: "training".into(), points: curve(|record| record.train_loss) },
        Curve { name: "validation".into(), points: curve(|record| record.val_loss) },
    ];
    let title = format!("{} on {}: best epoch {}", summary.network, summary.data.name, summary.best.epoch);
    draw_curves(path, &title, unit, &curves)
}

/// The validation cross-entropy of several runs.
pub(super) fn draw_comparison(path: &Path, curves: &[Curve]) -> Result<()> {
    draw_curves(path, "validation rows", "binary cross-entropy per value", curves)
}

/// A named line over the epochs.
pub(super) struct Curve {
    pub(super) name: String,
    pub(super) points: Vec<(f64, f64)>,
}

fn draw_curves(path: &Path, title: &str, unit: &str, curves: &[Curve]) -> Result<()> {
    let points = || curves.iter().flat_map(|curve| &curve.points);
    let values = points().map(|&(_, value)| value);
    let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
    let margin = ((high - low) * 0.05).max(1e-6);
    let epochs = 1f64..points().map(|&(epoch, _)| epoch).fold(2., f64::max);

    let draw = || -> Result<(), Box<dyn std::error::Error>> {
        let root = SVGBackend::new(path, SIZE).into_drawing_area();
        root.fill(&WHITE)?;
        let mut chart = ChartBuilder::on(&root)
            .caption(title, (FONT, 22))
            .margin(16)
            .x_label_area_size(44)
            .y_label_area_size(72)
            .build_cartesian_2d(epochs, (low - margin)..(high + margin))?;
        chart
            .configure_mesh()
            .x_desc("epoch")
            .y_desc(unit)
            .label_style((FONT, 15))
            .light_line_style(TRANSPARENT)
            .bold_line_style(BLACK.mix(0.08))
            .x_label_formatter(&|epoch| format!("{epoch:.0}"))
            .draw()?;
        for (index, curve) in curves.iter().enumerate() {
            let color = COLORS[index % COLORS.len()];
            chart
                .draw_series(LineSeries::new(curve.points.iter().copied(), color.stroke_width(2)))?
                .label(&curve.name)
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 20, y)], color.stroke_width(2)));
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperRight)
            .label_font((FONT, 16))
            .background_style(WHITE)
            .border_style(BLACK.mix(0.3))
            .draw()?;
        root.present()?;
        Ok(())
    };
    draw().map_err(|error| Error::plot(path, error))
}

/// Where the codes lie: the plane itself for two units, the first two principal components for more.
pub(super) fn draw_codes(path: &Path, codes: &Tensor, labels: &[u8], summary: &Summary) -> Result<()> {
    let (points, axes) = project(codes, labels)?;
    let range = |values: fn(&(f64, f64)) -> f64, right: f64| {
        let (low, high) =
            points.iter().map(values).fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
        let width = (high - low).max(1e-6);
        (low - 0.05 * width)..(high + right * width)
    };
    // Room on the right for the legend.
    let (x_range, y_range) = (range(|point| point.0, 0.15), range(|point| point.1, 0.05));
    let mut classes = labels.to_vec();
    classes.sort_unstable();
    classes.dedup();
    let title = format!("codes of {} {} test rows", points.len(), summary.data.name);

    let draw = || -> Result<(), Box<dyn std::error::Error>> {
        let root = SVGBackend::new(path, (SIZE.0, 680)).into_drawing_area();
        root.fill(&WHITE)?;
        let mut chart = ChartBuilder::on(&root)
            .caption(title, (FONT, 22))
            .margin(16)
            .x_label_area_size(44)
            .y_label_area_size(60)
            .build_cartesian_2d(x_range, y_range)?;
        chart
            .configure_mesh()
            .x_desc(axes[0])
            .y_desc(axes[1])
            .label_style((FONT, 15))
            .light_line_style(TRANSPARENT)
            .bold_line_style(BLACK.mix(0.08))
            .draw()?;
        for (index, &class) in classes.iter().enumerate() {
            let color = COLORS[index % COLORS.len()];
            let of_class = points.iter().zip(labels).filter(|&(_, &label)| label == class);
            let series =
                chart.draw_series(of_class.map(|(&point, _)| Circle::new(point, 4, color.mix(0.75).filled())))?;
            if index < COLORS.len() {
                series.label(class.to_string()).legend(move |(x, y)| Circle::new((x + 10, y), 5, color.filled()));
            }
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperRight)
            .label_font((FONT, 15))
            .background_style(WHITE.mix(0.85))
            .border_style(BLACK.mix(0.3))
            .draw()?;
        root.present()?;
        Ok(())
    };
    draw().map_err(|error| Error::plot(path, error))
}

type Plane = (Vec<(f64, f64)>, [&'static str; 2]);

fn project(codes: &Tensor, labels: &[u8]) -> Result<Plane> {
    let pairs = |rows: Vec<Vec<f32>>| rows.iter().map(|row| (f64::from(row[0]), f64::from(row[1]))).collect();
    Ok(match codes.dim(1)? {
        1 => {
            let units = codes.flatten_all()?.to_vec1::<f32>()?;
            let points = units.into_iter().zip(labels).map(|(unit, &label)| (f64::from(unit), f64::from(label)));
            (points.collect(), ["the code's only unit", "class"])
        }
        2 => (pairs(codes.to_vec2()?), ["first unit of the code", "second unit"]),
        _ => {
            let plane = Pca::fit_rows(codes, 2)?.project(codes)?;
            (pairs(plane.to_vec2()?), ["first principal component of the codes", "second principal component"])
        }
    })
}
