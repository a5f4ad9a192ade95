//! Curves as SVG: the only file that draws.

use std::ops::Range;

use plotters::{
    coord::{Shift, types::RangedCoordf64},
    prelude::*,
};

use super::palette::{GRID, IDEAL, INK, SERIES};
use crate::model::ReliabilityBin;

/// The size that charts are drawn in. plotters places everything on whole pixels, so they are drawn
/// large, and the page shows them smaller.
const SIZE: (u32, u32) = (1200, 900);

const FONT_SIZE: f64 = 46.0;
const LINE: u32 = 6;
const HAIRLINE: u32 = 2;

/// The most points of a curve: more than a screen can show.
const POINTS_MAX: usize = 600;

type Root<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Chart<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;
type Drawn<'b> = Result<(), DrawingAreaErrorKind<<SVGBackend<'b> as DrawingBackend>::ErrorType>>;

/// What stands at the axes of a chart, and how far they go.
struct Axes {
    x: &'static str,
    y: &'static str,
    y_range: Range<f64>,
    /// The digits of the y axis' percentages after the point.
    y_digits: usize,
}

/// Draws precision over recall, a curve a series.
pub(super) fn precision_recall(curves: &[&[(f64, f64)]]) -> String {
    let axes = Axes { x: "recall", y: "precision", y_range: 0.0..1.0, y_digits: 0 };
    draw(&axes, |chart| {
        for (points, colour) in curves.iter().zip(&SERIES) {
            chart.draw_series(LineSeries::new(thin(points), stroke(colour.light, LINE)))?;
        }
        Ok(())
    })
}

/// Draws the risk over the coverage, and the point `at` which the model's thresholds put it.
pub(super) fn risk_coverage(points: &[(f64, f64)], at: (f64, f64)) -> String {
    let top = points.iter().map(|&(_, risk)| risk).fold(at.1, f64::max);
    let y_range = 0.0..(1.15 * top).max(0.001);
    let axes = Axes { x: "coverage", y: "wrong of those covered", y_range, y_digits: 1 };
    let colour = SERIES[0].light;
    draw(&axes, |chart| {
        chart.draw_series(AreaSeries::new(thin(points), 0.0, colour.mix(0.12)))?;
        chart.draw_series(LineSeries::new(thin(points), stroke(colour, LINE)))?;
        chart.draw_series([Circle::new(at, 14, SERIES[2].light.filled())])?;
        Ok(())
    })
}

/// Draws the share that is right over the probability, with an interval of 95 % for each bin.
pub(super) fn reliability(bins: &[ReliabilityBin]) -> String {
    let axes = Axes { x: "probability", y: "share that is right", y_range: 0.0..1.0, y_digits: 0 };
    let colour = SERIES[0].light;
    draw(&axes, |chart| {
        let ideal = [(0.0, 0.0), (1.0, 1.0)];
        chart.draw_series(LineSeries::new(ideal, stroke(IDEAL.light, 3)))?;
        chart.draw_series(bins.iter().map(|bin| {
            let (low, high) = wilson(bin.accuracy, bin.documents);
            PathElement::new([(bin.probability, low), (bin.probability, high)], stroke(colour, 3))
        }))?;
        let points = bins.iter().map(|bin| (bin.probability, bin.accuracy));
        chart.draw_series(LineSeries::new(points, stroke(colour, LINE)))?;
        chart.draw_series(
            bins.iter()
                .map(|bin| Circle::new((bin.probability, bin.accuracy), 10, colour.filled())),
        )?;
        Ok(())
    })
}

fn draw(axes: &Axes, series: impl Fn(&mut Chart<'_, '_>) -> Drawn<'static>) -> String {
    let mut svg = String::new();
    let root = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
    draw_on(&root, axes, series).expect("a string takes all that is drawn");
    drop(root);
    svg
}

fn draw_on(
    root: &Root<'_>,
    axes: &Axes,
    series: impl Fn(&mut Chart<'_, '_>) -> Drawn<'static>,
) -> Drawn<'static> {
    let mut chart = ChartBuilder::on(root)
        .margin(18)
        .margin_right(64)
        .x_label_area_size(120)
        .y_label_area_size(170)
        .build_cartesian_2d(0.0..1.0, axes.y_range.clone())?;
    let text = TextStyle::from(("sans-serif", FONT_SIZE)).color(&INK.light);
    chart
        .configure_mesh()
        .x_desc(axes.x)
        .y_desc(axes.y)
        .x_labels(6)
        .y_labels(6)
        .x_label_formatter(&|x| percent(*x, 0))
        .y_label_formatter(&|y| percent(*y, axes.y_digits))
        .label_style(text.clone())
        .axis_desc_style(text)
        .axis_style(stroke(INK.light, HAIRLINE))
        .bold_line_style(stroke(GRID.light, HAIRLINE))
        .light_line_style(TRANSPARENT)
        .draw()?;
    series(&mut chart)?;
    root.present()
}

fn stroke(colour: RGBColor, width: u32) -> ShapeStyle {
    colour.stroke_width(width)
}

fn percent(share: f64, digits: usize) -> String {
    format!("{:.digits$} %", 100.0 * share)
}

/// Returns at most [`POINTS_MAX`] of `points`, evenly, with the first and the last.
fn thin(points: &[(f64, f64)]) -> impl Iterator<Item = (f64, f64)> {
    let step = points.len().div_ceil(POINTS_MAX).max(1);
    let last = points.last().filter(|_| !(points.len() - 1).is_multiple_of(step));
    points.iter().step_by(step).chain(last).copied()
}

/// Returns the 95 % interval of a share that was seen in `n` documents (Wilson 1927).
fn wilson(share: f64, n: u64) -> (f64, f64) {
    const Z: f64 = 1.96;
    let n = n as f64;
    let middle = (share + Z * Z / (2.0 * n)) / (1.0 + Z * Z / n);
    let half = Z / (1.0 + Z * Z / n) * (share * (1.0 - share) / n + Z * Z / (4.0 * n * n)).sqrt();
    (middle - half, middle + half)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_is_thinned_but_keeps_its_ends() {
        let points: Vec<(f64, f64)> = (0..1801).map(|x| (f64::from(x), 0.0)).collect();
        let thinned: Vec<(f64, f64)> = thin(&points).collect();
        assert!(thinned.len() <= POINTS_MAX + 1, "{}", thinned.len());
        assert_eq!((thinned[0], thinned[thinned.len() - 1]), ((0.0, 0.0), (1800.0, 0.0)));
        assert_eq!(thin(&points[..3]).count(), 3);
        assert_eq!(thin(&[]).count(), 0);
    }

    #[test]
    fn the_interval_is_that_of_statsmodels() {
        // statsmodels 0.14: proportion_confint(8, 10, method="wilson"), z = 1.96.
        let (low, high) = wilson(0.8, 10);
        assert!((low - 0.490_16).abs() < 1e-4 && (high - 0.943_31).abs() < 1e-4, "{low} {high}");
    }
}
