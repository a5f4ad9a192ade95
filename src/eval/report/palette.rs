//! The colours of the charts, in a light and in a dark theme.

use plotters::style::RGBColor;

/// A colour by its part in a chart.
pub(super) struct Colour {
    name: &'static str,
    /// What plotters writes, and what a reader with a light theme sees.
    pub(super) light: RGBColor,
    /// What a reader with a dark theme sees.
    dark: RGBColor,
}

const fn colour(name: &'static str, light: [u8; 3], dark: [u8; 3]) -> Colour {
    let ([r, g, b], [dark_r, dark_g, dark_b]) = (light, dark);
    Colour { name, light: RGBColor(r, g, b), dark: RGBColor(dark_r, dark_g, dark_b) }
}

/// Axes and their text.
pub(super) const INK: Colour = colour("ink", [0x5b, 0x61, 0x6e], [0xa3, 0xab, 0xba]);

/// Lines to read values by.
pub(super) const GRID: Colour = colour("grid", [0xe6, 0xe8, 0xec], [0x2c, 0x32, 0x3d]);

/// What a curve would be if all were perfect, and limits.
pub(super) const IDEAL: Colour = colour("ideal", [0xb0, 0xb6, 0xc1], [0x5a, 0x63, 0x73]);

/// One curve, or one label, each. More labels than these are not told apart by colour.
pub(super) const SERIES: [Colour; 8] = [
    colour("s0", [0x2a, 0x63, 0xd4], [0x74, 0xa6, 0xff]),
    colour("s1", [0x8a, 0x93, 0xa3], [0x9a, 0xa4, 0xb5]),
    colour("s2", [0xd9, 0x54, 0x0b], [0xff, 0x9b, 0x5e]),
    colour("s3", [0x0a, 0x86, 0x64], [0x46, 0xcf, 0xa6]),
    colour("s4", [0x87, 0x45, 0xc4], [0xc5, 0x9b, 0xff]),
    colour("s5", [0xb0, 0x7d, 0x02], [0xec, 0xbd, 0x3e]),
    colour("s6", [0xc0, 0x2a, 0x63], [0xff, 0x8a, 0xb4]),
    colour("s7", [0x0c, 0x8c, 0xa3], [0x57, 0xd0, 0xe6]),
];

/// Returns the style sheet of all colours: variables by theme, and rules that put them in the place of
/// what plotters wrote. An attribute of an SVG element yields to any rule.
pub(super) fn style() -> String {
    let all = || [INK, GRID, IDEAL].into_iter().chain(SERIES);
    let variables = |hex: fn(&Colour) -> String| -> String {
        let parts: Vec<String> =
            all().map(|colour| format!("--{}:{};", colour.name, hex(&colour))).collect();
        parts.concat()
    };
    let light = variables(|colour| hex(colour.light));
    let dark = variables(|colour| hex(colour.dark));
    let rules: Vec<String> = all()
        .map(|Colour { name, light, .. }| {
            let light = hex(light);
            format!(
                "svg [fill=\"{light}\"]{{fill:var(--{name})}}\
                 svg [stroke=\"{light}\"]{{stroke:var(--{name})}}\n"
            )
        })
        .collect();
    format!(
        ":root{{{light}}}\n@media (prefers-color-scheme:dark){{:root{{{dark}}}}}\n{}",
        rules.concat()
    )
}

/// Returns the variable of the colour of a series.
pub(super) fn variable(series: usize) -> String {
    format!("var(--{})", SERIES[series % SERIES.len()].name)
}

/// Returns a colour as plotters writes it.
fn hex(RGBColor(red, green, blue): RGBColor) -> String {
    format!("#{red:02X}{green:02X}{blue:02X}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_colours_are_one_so_that_each_has_its_own_rule() {
        let all: Vec<String> =
            [INK, GRID, IDEAL].iter().chain(&SERIES).map(|colour| hex(colour.light)).collect();
        for (place, colour) in all.iter().enumerate() {
            assert!(!all[..place].contains(colour), "{colour} occurs twice");
        }
    }
}
