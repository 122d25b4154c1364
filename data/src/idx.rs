//! The IDX format: a big-endian header (magic number, then one 32-bit size per dimension), then bytes.

use thiserror::Error;

use crate::dataset::{Dataset, DatasetError, MAX_LABEL};

const IMAGES_MAGIC: u32 = 0x0000_0803;
const LABELS_MAGIC: u32 = 0x0000_0801;

/// The largest height and width of an image in pixels. Keeps every size computed here far below 2^64.
const MAX_SIDE: u32 = 4096;

/// Parses an image file and its label file, both unpacked.
pub fn parse(images: &[u8], labels: &[u8]) -> Result<Dataset, IdxError> {
    let images = parse_images(images)?;
    let labels = parse_labels(labels)?;
    if images.count != labels.len() {
        return Err(IdxError::CountMismatch { images: images.count, labels: labels.len() });
    }
    Ok(Dataset::new(images.pixels.to_vec(), labels.to_vec(), images.rows, images.columns)?)
}

/// The content of an image file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Images<'a> {
    /// Number of images.
    pub count: usize,
    /// Height of each in pixels.
    pub rows: usize,
    /// Width of each in pixels.
    pub columns: usize,
    /// `count` × `rows` × `columns` bytes, row by row.
    pub pixels: &'a [u8],
}

/// Parses an unpacked image file. Borrows the pixels, so the header's sizes allocate nothing.
pub fn parse_images(bytes: &[u8]) -> Result<Images<'_>, IdxError> {
    let ([count, rows, columns], body) = header(bytes, IMAGES_MAGIC)?;
    if [rows, columns].iter().any(|side| !(1..=MAX_SIDE).contains(side)) {
        return Err(IdxError::Dimensions { count, rows, columns });
    }
    let pixels = exactly(body, u64::from(count) * u64::from(rows) * u64::from(columns))?;
    Ok(Images { count: count as usize, rows: rows as usize, columns: columns as usize, pixels })
}

/// Parses an unpacked label file: one label from 0 to [`MAX_LABEL`] per image.
pub fn parse_labels(bytes: &[u8]) -> Result<&[u8], IdxError> {
    let ([count], body) = header(bytes, LABELS_MAGIC)?;
    let labels = exactly(body, u64::from(count))?;
    match labels.iter().position(|&label| label > MAX_LABEL) {
        None => Ok(labels),
        Some(index) => Err(DatasetError::Label { index, label: labels[index] }.into()),
    }
}

/// Why bytes are not an IDX file of images or labels.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum IdxError {
    /// The file is of a different kind.
    #[error("starts with {found:#010x} where this kind of IDX file starts with {expected:#010x}")]
    Magic {
        /// The first four bytes.
        found: u32,
        /// The expected value.
        expected: u32,
    },
    /// The file ends within its header.
    #[error("ends after {found} bytes, within its header of {expected} bytes")]
    TruncatedHeader {
        /// Bytes in the file.
        found: usize,
        /// Bytes in a complete header of this kind.
        expected: usize,
    },
    /// The header announces impossible dimensions.
    #[error(
        "announces {count} images of {rows} × {columns} pixels; a side may have 1 to {MAX_SIDE}"
    )]
    Dimensions {
        /// Number of images.
        count: u32,
        /// Height of each in pixels.
        rows: u32,
        /// Width of each in pixels.
        columns: u32,
    },
    /// The file ends within its content.
    #[error("announces {expected} bytes of content, but only {found} follow the header")]
    TruncatedBody {
        /// Bytes after the header.
        found: u64,
        /// Bytes that the header announces.
        expected: u64,
    },
    /// There are bytes after the content.
    #[error("announces {expected} bytes of content, but {found} follow the header")]
    TrailingBytes {
        /// Bytes after the header.
        found: u64,
        /// Bytes that the header announces.
        expected: u64,
    },
    /// The two files do not belong together.
    #[error("{images} images do not go with {labels} labels")]
    CountMismatch {
        /// Number of images.
        images: usize,
        /// Number of labels.
        labels: usize,
    },
    /// The content is not a set of labelled digits.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
}

/// Splits off the header: the size of each dimension, and the rest.
fn header<const D: usize>(bytes: &[u8], magic: u32) -> Result<([u32; D], &[u8]), IdxError> {
    let truncated = IdxError::TruncatedHeader { found: bytes.len(), expected: 4 * (1 + D) };
    let Some((found, mut rest)) = number(bytes) else {
        return Err(truncated);
    };
    // Check the kind first: a wrong one explains more than a wrong length.
    if found != magic {
        return Err(IdxError::Magic { found, expected: magic });
    }
    let mut sizes = [0; D];
    for size in &mut sizes {
        let Some((value, after)) = number(rest) else {
            return Err(truncated);
        };
        (*size, rest) = (value, after);
    }
    Ok((sizes, rest))
}

/// Splits off a big-endian number.
fn number(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let (front, rest) = bytes.split_first_chunk()?;
    Some((u32::from_be_bytes(*front), rest))
}

/// The body, after checking that it is as long as the header says.
fn exactly(body: &[u8], expected: u64) -> Result<&[u8], IdxError> {
    let found = body.len() as u64;
    match found.cmp(&expected) {
        std::cmp::Ordering::Less => Err(IdxError::TruncatedBody { found, expected }),
        std::cmp::Ordering::Equal => Ok(body),
        std::cmp::Ordering::Greater => Err(IdxError::TrailingBytes { found, expected }),
    }
}

/// Writes IDX files, for tests.
#[cfg(test)]
pub(crate) mod write {
    use super::{IMAGES_MAGIC, LABELS_MAGIC};

    pub(crate) fn images(count: u32, rows: u32, columns: u32, pixels: &[u8]) -> Vec<u8> {
        let header = [IMAGES_MAGIC, count, rows, columns].map(u32::to_be_bytes);
        [header.as_flattened(), pixels].concat()
    }

    pub(crate) fn labels(count: u32, labels: &[u8]) -> Vec<u8> {
        let header = [LABELS_MAGIC, count].map(u32::to_be_bytes);
        [header.as_flattened(), labels].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_and_labels_make_a_data_set() {
        let data = parse(&write::images(2, 1, 3, &[1, 2, 3, 4, 5, 6]), &write::labels(2, &[0, 9]))
            .unwrap();
        assert_eq!(data, Dataset::new(vec![1, 2, 3, 4, 5, 6], vec![0, 9], 1, 3).unwrap());
    }

    #[test]
    fn labels_given_for_images_are_noticed_by_their_magic_number() {
        let error = parse_images(&write::labels(2, &[0, 9])).unwrap_err();
        assert_eq!(error, IdxError::Magic { found: 0x0801, expected: 0x0803 });
        assert!(error.to_string().contains("0x00000801"), "{error}");
    }

    #[test]
    fn every_cut_of_a_file_is_refused() {
        let images = write::images(2, 2, 2, &[0; 8]);
        for length in 0..16 {
            let expected = IdxError::TruncatedHeader { found: length, expected: 16 };
            assert_eq!(parse_images(&images[..length]), Err(expected));
        }
        for length in 16..24 {
            let expected = IdxError::TruncatedBody { found: length as u64 - 16, expected: 8 };
            assert_eq!(parse_images(&images[..length]), Err(expected));
        }
        assert!(parse_images(&images).is_ok());
    }

    #[test]
    fn bytes_after_the_end_are_refused() {
        let error = parse_labels(&write::labels(2, &[1, 2, 3])).unwrap_err();
        assert_eq!(error, IdxError::TrailingBytes { found: 3, expected: 2 });
    }

    #[test]
    fn a_lying_header_costs_nothing() {
        let error =
            parse_images(&write::images(u32::MAX, MAX_SIDE, MAX_SIDE, &[0; 8])).unwrap_err();
        assert!(matches!(error, IdxError::TruncatedBody { found: 8, .. }), "{error}");
        for (rows, columns) in [(0, 28), (28, 0), (MAX_SIDE + 1, 28), (u32::MAX, u32::MAX)] {
            let error = parse_images(&write::images(u32::MAX, rows, columns, &[])).unwrap_err();
            assert_eq!(error, IdxError::Dimensions { count: u32::MAX, rows, columns });
        }
    }

    #[test]
    fn images_and_labels_must_be_as_many() {
        let error =
            parse(&write::images(2, 1, 1, &[0, 0]), &write::labels(3, &[0; 3])).unwrap_err();
        assert_eq!(error, IdxError::CountMismatch { images: 2, labels: 3 });
    }

    #[test]
    fn a_label_above_nine_is_refused() {
        let error = parse_labels(&write::labels(3, &[0, 9, 10])).unwrap_err();
        assert_eq!(error, DatasetError::Label { index: 2, label: 10 }.into());
    }
}
