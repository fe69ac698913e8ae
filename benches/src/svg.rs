//! Bars in groups, as an SVG that reads on light and on dark ground.

use std::fmt::Write as _;

/// One bar.
pub struct Bar {
    /// Whose it is.
    pub label: String,
    /// How long it is.
    pub value: f64,
    /// What the value is in the middle of.
    pub range: Option<(f64, f64)>,
}

const WIDTH: f64 = 860.0;
/// Room for the labels on the left, for the numbers on the right.
const LEFT: f64 = 250.0;
const RIGHT: f64 = 90.0;
const BAR: f64 = 15.0;
const GAP: f64 = 14.0;
const COLOURS: [&str; 5] = ["#7f8c9a", "#b08d57", "#5a8f5a", "#2f6fb5", "#8a5fb0"];

/// Draws groups of bars. Each group has a scale of its own, since their units may differ.
pub fn bars(title: &str, groups: &[(String, Vec<Bar>)]) -> String {
    let lines: usize = groups.iter().map(|group| group.1.len()).sum();
    let height = 60.0 + lines as f64 * BAR + groups.len() as f64 * GAP;
    let mut names: Vec<&str> = Vec::new();
    for bar in groups.iter().flat_map(|group| &group.1) {
        if !names.contains(&bar.label.as_str()) {
            names.push(&bar.label);
        }
    }
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = writeln!(
        text,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" \
         font-size=\"11\" fill=\"#808080\">\n<title>{0}</title>\n<text x=\"10\" y=\"22\" font-size=\"15\">{0}</text>",
        escaped(title)
    );
    let mut y = 40.0;
    for (name, bars) in groups {
        let longest = bars.iter().map(|bar| bar.range.map_or(bar.value, |range| range.1.max(bar.value)));
        let longest = longest.fold(f64::MIN_POSITIVE, f64::max);
        let scale = (WIDTH - LEFT - RIGHT) / longest;
        let middle = y + bars.len() as f64 * BAR / 2.0 + 4.0;
        let _ = writeln!(text, "<text x=\"10\" y=\"{middle}\">{}</text>", escaped(name));
        for bar in bars {
            let colour = COLOURS[names.iter().position(|name| *name == bar.label).unwrap_or(0) % COLOURS.len()];
            let length = (bar.value * scale).max(0.5);
            let base = y + BAR - 4.0;
            let _ = writeln!(
                text,
                "<text x=\"{:.0}\" y=\"{base}\" text-anchor=\"end\">{}</text>\n<rect x=\"{LEFT}\" y=\"{y}\" \
                 width=\"{length:.1}\" height=\"{}\" fill=\"{colour}\"/>",
                LEFT - 6.0,
                escaped(&bar.label),
                BAR - 2.0
            );
            let mut end = LEFT + length;
            if let Some((low, high)) = bar.range {
                let (low, high) = (LEFT + low * scale, LEFT + high * scale);
                let line = y + (BAR - 2.0) / 2.0;
                let _ =
                    writeln!(text, "<path d=\"M{low:.1} {line}H{high:.1}\" stroke=\"#404040\" stroke-width=\"1.5\"/>");
                end = end.max(high);
            }
            let _ = writeln!(text, "<text x=\"{:.1}\" y=\"{base}\">{}</text>", end + 5.0, short(bar.value));
            y += BAR;
        }
        y += GAP;
    }
    text.push_str("</svg>\n");
    text
}

fn short(value: f64) -> String {
    if value >= 1000.0 { format!("{value:.0}") } else { format!("{value:.2}") }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
