//! Shows the synthetic digits and how hard they are. Run it after changing them.
//!
//! `cargo run --release -p kindling-data --example digits_sheet -- sheet.pgm`

use std::io::Write as _;
use std::time::Instant;

use kindling_data::{Dataset, digits};

/// Images per side of the sheet.
const SIDE: usize = 12;

fn main() -> std::io::Result<()> {
    if let Some(path) = std::env::args_os().nth(1) {
        std::fs::write(path, sheet(&digits(SIDE * SIDE, 1)))?;
    }
    let start = Instant::now();
    let _ = digits(10_000, 3);
    let seconds = start.elapsed().as_secs_f64();

    let (train, test) = (digits(2_000, 1), digits(2_000, 2));
    let means = class_means(&train);
    let mut out = std::io::stdout();
    writeln!(out, "10,000 images drawn in {seconds:.2} s")?;
    writeln!(out, "nearest mean: {:.3}", accuracy(&test, |image| nearest(&means, image, 1)))?;
    writeln!(out, "3 neighbours: {:.3}", accuracy(&test, |image| nearest(&train, image, 3)))
}

/// All images on one sheet, as a portable graymap (PGM).
fn sheet(data: &Dataset) -> Vec<u8> {
    let (rows, columns) = (data.rows(), data.columns());
    let mut file = format!("P5 {} {} 255\n", SIDE * columns, SIDE * rows).into_bytes();
    for row in 0..SIDE * rows {
        for column in 0..SIDE {
            let image = data.image(row / rows * SIDE + column);
            file.extend_from_slice(&image[row % rows * columns..][..columns]);
        }
    }
    file
}

/// The share of images whose label `guess` gets right.
fn accuracy(data: &Dataset, guess: impl Fn(&[u8]) -> u8) -> f64 {
    let right = (0..data.len()).filter(|&i| guess(data.image(i)) == data.label(i)).count();
    right as f64 / data.len() as f64
}

/// One image for each class: the mean of its images.
fn class_means(data: &Dataset) -> Dataset {
    let size = data.rows() * data.columns();
    let mut pixels = Vec::with_capacity(10 * size);
    for class in 0..10 {
        let mut sums = vec![0_usize; size];
        let mut count = 0;
        for i in (0..data.len()).filter(|&i| data.label(i) == class) {
            count += 1;
            for (sum, &pixel) in sums.iter_mut().zip(data.image(i)) {
                *sum += usize::from(pixel);
            }
        }
        pixels.extend(sums.iter().map(|sum| (sum / count.max(1)) as u8));
    }
    Dataset::new(pixels, (0..10).collect(), data.rows(), data.columns())
        .expect("one image for each class")
}

/// The most common label among the `k` nearest images.
fn nearest(data: &Dataset, image: &[u8], k: usize) -> u8 {
    let difference = |i: usize| -> u32 {
        let pairs = data.image(i).iter().zip(image);
        pairs.map(|(&a, &b)| u32::from(a.abs_diff(b)).pow(2)).sum()
    };
    let mut distances: Vec<_> = (0..data.len()).map(|i| (difference(i), data.label(i))).collect();
    distances.sort_unstable();
    let votes = |label: u8| distances[..k].iter().filter(|(_, voted)| *voted == label).count();
    // A tie goes to the label of the nearest image.
    distances[..k]
        .iter()
        .rev()
        .map(|&(_, label)| label)
        .max_by_key(|&label| votes(label))
        .unwrap_or(0)
}
