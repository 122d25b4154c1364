//! The simulated hand: every image gets its own slant, tremor and pressure.

use super::canvas::{Canvas, Pen, SIDE};
use super::glyphs::{Glyph, Point, Stroke};
use crate::random::Random;

/// Line segments between two points of a smooth stroke.
const PIECES: usize = 6;

/// How one image is written. Lengths are in pixels unless stated otherwise.
pub(super) struct Hand {
    /// The image of the glyph's x unit vector: rotation, shear and scale in one.
    x_axis: Point,
    /// The same for the y axis.
    y_axis: Point,
    /// Where the glyph's centre is placed.
    middle: Point,
    /// The largest random shift of a point along each axis, in glyph units.
    tremor: f64,
    pen: Pen,
    /// The largest random change of a pixel's grey level, where 1 is the range from black to white.
    noise: f64,
    /// Whether a stroke that is not part of a digit crosses the image.
    stray: bool,
}

impl Hand {
    /// Draws a random hand. These ranges decide how hard the data set is.
    pub(super) fn draw(random: &mut Random) -> Self {
        let (sin, cos) = sin_cos(random.uniform(-0.35, 0.35));
        let shear = random.uniform(-0.35, 0.35);
        let width = random.uniform(6.0, 10.0);
        let height = random.uniform(7.5, 10.5);
        let centre = SIDE as f64 / 2.0;
        Self {
            x_axis: (width * cos, width * sin),
            y_axis: (height * (-sin - shear * cos), height * (cos - shear * sin)),
            middle: (centre + random.uniform(-2.5, 2.5), centre + random.uniform(-2.5, 2.5)),
            tremor: random.uniform(0.05, 0.15),
            pen: Pen {
                radius: random.uniform(0.7, 1.7),
                softness: random.uniform(0.8, 1.6),
                ink: random.uniform(0.75, 1.0),
            },
            noise: random.uniform(0.0, 0.12),
            stray: random.chance(0.15),
        }
    }

    /// Writes a digit onto a black canvas.
    pub(super) fn write(&self, glyph: Glyph, random: &mut Random) -> [u8; SIDE * SIDE] {
        let mut canvas = Canvas::black();
        for stroke in glyph {
            canvas.stroke(&self.path(stroke, random), self.pen);
        }
        if self.stray {
            let mut place = || random.uniform(2.0, SIDE as f64 - 2.0);
            let start = (place(), place());
            let end = (start.0 + random.uniform(-7.0, 7.0), start.1 + random.uniform(-7.0, 7.0));
            let faint = Pen { ink: self.pen.ink * random.uniform(0.4, 0.9), ..self.pen };
            canvas.stroke(&[start, end], faint);
        }
        canvas.develop(self.noise, random)
    }

    /// The line segments, in pixels, that this hand makes of a stroke.
    fn path(&self, stroke: &Stroke, random: &mut Random) -> Vec<Point> {
        let mut place = |&(x, y): &Point| {
            let x = x + random.uniform(-self.tremor, self.tremor);
            let y = y + random.uniform(-self.tremor, self.tremor);
            (
                self.middle.0 + x * self.x_axis.0 + y * self.y_axis.0,
                self.middle.1 + x * self.x_axis.1 + y * self.y_axis.1,
            )
        };
        let points: Vec<Point> = stroke.points.iter().map(&mut place).collect();
        if stroke.smooth { smooth(&points) } else { points }
    }
}

/// A Catmull–Rom spline: smooth and through every point.
fn smooth(points: &[Point]) -> Vec<Point> {
    let at = |i: usize| points[i.clamp(1, points.len()) - 1];
    let mut path: Vec<Point> = points.first().copied().into_iter().collect();
    for i in 1..points.len() {
        // `at` counts from 1, so that the first point has a neighbour: itself.
        let around = [at(i - 1), at(i), at(i + 1), at(i + 2)];
        for piece in 1..=PIECES {
            let t = piece as f64 / PIECES as f64;
            path.push((between(around.map(|p| p.0), t), between(around.map(|p| p.1), t)));
        }
    }
    path
}

/// One coordinate of the spline, at the fraction `t` from the second point to the third.
fn between([before, from, to, after]: [f64; 4], t: f64) -> f64 {
    let linear = to - before;
    let square = 2.0 * before - 5.0 * from + 4.0 * to - after;
    let cube = 3.0 * (from - to) + after - before;
    from + 0.5 * t * (linear + t * (square + t * cube))
}

/// Sine and cosine of a small angle (at most 1 radian either way), to 7 digits.
///
/// The standard library's results differ between platforms in their last bit; this sum does not.
fn sin_cos(angle: f64) -> (f64, f64) {
    let square = angle * angle;
    let sin =
        1.0 - square / 6.0 * (1.0 - square / 20.0 * (1.0 - square / 42.0 * (1.0 - square / 72.0)));
    let cos =
        1.0 - square / 2.0 * (1.0 - square / 12.0 * (1.0 - square / 30.0 * (1.0 - square / 56.0)));
    (angle * sin, cos)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_smooth_stroke_goes_through_its_points() {
        let points = [(0.0, 0.0), (4.0, 1.0), (5.0, 6.0), (1.0, 7.0)];
        let path = smooth(&points);
        assert_eq!(path.len(), 1 + 3 * PIECES);
        for (i, point) in points.iter().enumerate() {
            assert_eq!(&path[i * PIECES], point);
        }
    }

    #[test]
    fn sine_and_cosine_are_what_they_are() {
        for angle in [-1.0, -0.35, 0.0, 0.1, 1.0_f64] {
            let (sin, cos) = sin_cos(angle);
            assert!((sin - angle.sin()).abs() < 1e-6 && (cos - angle.cos()).abs() < 1e-6);
        }
    }
}
