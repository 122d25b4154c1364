//! Labelled greyscale images, all of the same size.

use thiserror::Error;

/// The largest label: the classes are the digits 0 to 9.
pub const MAX_LABEL: u8 = 9;

/// `n` greyscale images of `rows` × `columns` bytes, each with a label from 0 to [`MAX_LABEL`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dataset {
    pixels: Vec<u8>,
    labels: Vec<u8>,
    rows: usize,
    columns: usize,
}

impl Dataset {
    /// Combines images and labels.
    ///
    /// `pixels` holds `labels.len()` × `rows` × `columns` bytes: image after image, each row by row from the
    /// top; 0 is black and 255 is white. The data set may be empty, but an image must have pixels.
    pub fn new(
        pixels: Vec<u8>,
        labels: Vec<u8>,
        rows: usize,
        columns: usize,
    ) -> Result<Self, DatasetError> {
        let size = rows
            .checked_mul(columns)
            .filter(|&size| size > 0)
            .ok_or(DatasetError::Size { rows, columns })?;
        if labels.len().checked_mul(size) != Some(pixels.len()) {
            return Err(DatasetError::PixelCount {
                found: pixels.len(),
                images: labels.len(),
                rows,
                columns,
            });
        }
        if let Some((index, &label)) =
            labels.iter().enumerate().find(|&(_, &label)| label > MAX_LABEL)
        {
            return Err(DatasetError::Label { index, label });
        }
        Ok(Self { pixels, labels, rows, columns })
    }

    /// The number of images.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there are no images.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// The height of an image in pixels.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The width of an image in pixels.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Image `i`: `rows` × `columns` bytes, row by row. Panics, as a slice does, unless `i < len()`.
    pub fn image(&self, i: usize) -> &[u8] {
        let size = self.rows * self.columns;
        &self.pixels[i * size..][..size]
    }

    /// The label of image `i`, from 0 to [`MAX_LABEL`]. Panics, as a slice does, unless `i < len()`.
    pub fn label(&self, i: usize) -> u8 {
        self.labels[i]
    }

    /// All pixels: `len` × `rows` × `columns` bytes.
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    /// All labels: `len` bytes.
    pub fn labels(&self) -> &[u8] {
        &self.labels
    }

    /// The images at `indices`, in that order; an index may repeat. Panics, as a slice does, unless all are
    /// below `len()`.
    #[must_use]
    pub fn subset(&self, indices: &[usize]) -> Self {
        let mut pixels = Vec::with_capacity(indices.len() * self.rows * self.columns);
        for &i in indices {
            pixels.extend_from_slice(self.image(i));
        }
        let labels = indices.iter().map(|&i| self.label(i)).collect();
        Self { pixels, labels, rows: self.rows, columns: self.columns }
    }

    /// All pixels scaled for a network: `len` × `rows` × `columns` numbers from −1 to 1. The scaling is
    /// x/255, then (x − 0.5)/0.5.
    pub fn normalised(&self) -> Vec<f32> {
        self.pixels.iter().map(|&pixel| (f32::from(pixel) / 255.0 - 0.5) / 0.5).collect()
    }
}

/// Why images and labels do not form a [`Dataset`].
#[derive(Debug, Error, PartialEq, Eq)]
pub enum DatasetError {
    /// An image has no pixels, or more than fit into a `usize`.
    #[error("images of {rows} × {columns} pixels are not possible")]
    Size {
        /// Height of an image in pixels.
        rows: usize,
        /// Width of an image in pixels.
        columns: usize,
    },
    /// The number of pixels does not match the number of labels.
    #[error("{found} bytes are not {images} images of {rows} × {columns} pixels")]
    PixelCount {
        /// Number of pixel bytes given.
        found: usize,
        /// Number of labels given.
        images: usize,
        /// Height of an image in pixels.
        rows: usize,
        /// Width of an image in pixels.
        columns: usize,
    },
    /// A label is not a digit.
    #[error("label {label} of image {index} is not a digit from 0 to {MAX_LABEL}")]
    Label {
        /// The image, counted from 0.
        index: usize,
        /// Its label.
        label: u8,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn three() -> Dataset {
        Dataset::new(vec![0, 1, 2, 3, 4, 255], vec![7, 8, 9], 1, 2).unwrap()
    }

    #[test]
    fn images_lie_one_after_the_other() {
        let data = three();
        assert_eq!((data.len(), data.rows(), data.columns()), (3, 1, 2));
        assert_eq!((data.image(1), data.label(1)), (&[2, 3][..], 8));
    }

    #[test]
    fn a_subset_keeps_the_asked_order() {
        let expected = Dataset::new(vec![4, 255, 0, 1, 0, 1], vec![9, 7, 7], 1, 2).unwrap();
        assert_eq!(three().subset(&[2, 0, 0]), expected);
        assert!(three().subset(&[]).is_empty());
    }

    #[test]
    fn normalised_pixels_run_from_minus_one_to_one() {
        let values = Dataset::new(vec![0, 51, 255], vec![0], 1, 3).unwrap().normalised();
        assert_eq!(
            (values[0].to_bits(), values[2].to_bits()),
            ((-1.0_f32).to_bits(), 1.0_f32.to_bits())
        );
        assert!((values[1] + 0.6).abs() < 1e-6);
    }

    #[test]
    fn what_does_not_fit_together_is_refused() {
        assert_eq!(
            Dataset::new(vec![0; 5], vec![0, 1], 1, 2),
            Err(DatasetError::PixelCount { found: 5, images: 2, rows: 1, columns: 2 })
        );
        assert_eq!(
            Dataset::new(vec![0; 4], vec![0, 10], 1, 2),
            Err(DatasetError::Label { index: 1, label: 10 })
        );
        assert_eq!(
            Dataset::new(vec![], vec![0], 0, 2),
            Err(DatasetError::Size { rows: 0, columns: 2 })
        );
        assert!(matches!(
            Dataset::new(vec![], vec![0], usize::MAX, 2),
            Err(DatasetError::Size { .. })
        ));
    }
}
