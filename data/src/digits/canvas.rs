//! A black canvas and a white pen.

use super::glyphs::Point;
use crate::random::Random;

/// Height and width of an image in pixels, as in MNIST.
pub(super) const SIDE: usize = 28;

/// An unfinished image: the grey level of each pixel, from 0 (black) to 1 (white).
pub(super) struct Canvas([f64; SIDE * SIDE]);

/// The properties of a stroke.
#[derive(Clone, Copy)]
pub(super) struct Pen {
    /// Half the width of a stroke, in pixels.
    pub(super) radius: f64,
    /// The width of the stroke's fading edge, in pixels; 1 is crisp.
    pub(super) softness: f64,
    /// The grey level of the stroke, from 0 (none) to 1 (white).
    pub(super) ink: f64,
}

impl Canvas {
    pub(super) fn black() -> Self {
        Self([0.0; SIDE * SIDE])
    }

    /// Draws the line segments between the points of a path, in pixels from the top left corner.
    pub(super) fn stroke(&mut self, path: &[Point], pen: Pen) {
        let reach = pen.radius + pen.softness / 2.0;
        for ends in path.windows(2) {
            let (a, b) = (ends[0], ends[1]);
            for row in pixels_within(a.1.min(b.1) - reach, a.1.max(b.1) + reach) {
                for column in pixels_within(a.0.min(b.0) - reach, a.0.max(b.0) + reach) {
                    let centre = (column as f64 + 0.5, row as f64 + 0.5);
                    let inside = (reach - distance(centre, a, b)) / pen.softness;
                    let pixel = &mut self.0[row * SIDE + column];
                    *pixel = pixel.max(pen.ink * inside.clamp(0.0, 1.0));
                }
            }
        }
    }

    /// The finished image as bytes, row by row, with random noise of up to ±`noise` per pixel.
    pub(super) fn develop(&self, noise: f64, random: &mut Random) -> [u8; SIDE * SIDE] {
        self.0.map(|grey| {
            let shade = grey + random.uniform(-noise, noise);
            (shade.clamp(0.0, 1.0) * 255.0 + 0.5) as u8
        })
    }
}

/// The rows (or columns) that overlap a range of pixel coordinates.
fn pixels_within(low: f64, high: f64) -> std::ops::Range<usize> {
    let side = SIDE as f64;
    // The clamp makes both casts exact: whole numbers from 0 to SIDE.
    low.floor().clamp(0.0, side) as usize..high.ceil().clamp(0.0, side) as usize
}

/// The distance from a point to the line segment from `a` to `b`.
fn distance(point: Point, a: Point, b: Point) -> f64 {
    let (dx, dy) = (b.0 - a.0, b.1 - a.1);
    let (px, py) = (point.0 - a.0, point.1 - a.1);
    let length_squared = dx * dx + dy * dy;
    let along = if length_squared > 0.0 {
        ((px * dx + py * dy) / length_squared).clamp(0.0, 1.0)
    } else {
        0.0
    };
    let (x, y) = (px - along * dx, py - along * dy);
    // Not `hypot`: a square root is exact on every platform, `hypot` is not.
    (x * x + y * y).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEN: Pen = Pen { radius: 1.0, softness: 1.0, ink: 1.0 };

    fn drawn(path: &[Point]) -> [u8; SIDE * SIDE] {
        let mut canvas = Canvas::black();
        canvas.stroke(path, PEN);
        canvas.develop(0.0, &mut Random::new(*b"test____", 0))
    }

    #[test]
    fn a_bar_is_two_pixels_wide_with_crisp_edges() {
        let image = drawn(&[(5.0, 10.0), (20.0, 10.0)]);
        let column: Vec<u8> = (7..13).map(|row| image[row * SIDE + 12]).collect();
        assert_eq!(column, [0, 0, 255, 255, 0, 0]);
        assert_eq!(image[10 * SIDE + 21], 0, "past its end");
    }

    #[test]
    fn what_leaves_the_paper_is_lost() {
        assert_eq!(drawn(&[(-50.0, -50.0), (-40.0, 90.0)]), [0; SIDE * SIDE]);
        assert_eq!(drawn(&[(5.0, 40.0), (5.0, 10.0)])[27 * SIDE + 5], 255);
    }

    #[test]
    fn a_stroke_without_length_is_a_dot() {
        let image = drawn(&[(10.0, 10.0), (10.0, 10.0)]);
        assert_eq!(image.iter().filter(|&&pixel| pixel > 0).count(), 4);
    }
}
