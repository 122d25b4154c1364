//! Compares the sequence with `SciPy`'s, and checks that it stays even when scrambled.

use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;

use super::super::random::uniform;
use super::*;

/// Points of `dimensions` coordinates.
type Points = Vec<Vec<f64>>;

fn points(seed: u64, dimensions: u32, count: u32) -> Points {
    let point = |index| (0..dimensions).map(|dimension| unit(seed, dimension, index)).collect();
    (0..count).map(point).collect()
}

/// How many of a grid's cells hold a point.
fn cells_filled(points: impl Iterator<Item = (f64, f64)>, columns: u32, rows: u32) -> usize {
    let cell = |(x, y)| ((x * f64::from(columns)) as u32, (y * f64::from(rows)) as u32);
    points.map(cell).collect::<std::collections::BTreeSet<_>>().len()
}

#[test]
fn the_unscrambled_sequence_is_scipys() {
    // SciPy uses Gray code order.
    let scipys = |column, number: u32| sobol(column, number ^ (number >> 1));
    let eighths = [
        [0, 4, 6, 2, 3, 7, 5, 1],
        [0, 4, 2, 6, 3, 7, 1, 5],
        [0, 4, 2, 6, 5, 1, 7, 3],
        [0, 4, 2, 6, 7, 3, 5, 1],
        [0, 4, 6, 2, 3, 7, 5, 1],
        [0, 4, 6, 2, 1, 5, 7, 3],
    ];
    for (column, eighths) in eighths.iter().enumerate() {
        assert!((0..8).map(|number| scipys(column, number) >> 29).eq(*eighths), "{column}");
    }
    // Point 0xaaaaaa of scipy.stats.qmc.Sobol(64, scramble=False, bits=32), times 2^32. Its Gray code is 24
    // ones, so 24 direction numbers of each dimension count.
    #[rustfmt::skip]
    let far = [
        0xffff_ff00, 0x0101_0100, 0x0000_4f00, 0x72ff_ff00, 0xe797_4900, 0x3d81_d100, 0x9dad_1100,
        0x6c2e_f300, 0x90dd_f300, 0xab7d_d900, 0x2359_0700, 0x6d30_0d00, 0xa500_0b00, 0x7f3c_f300,
        0x4548_e700, 0x8f4f_4100, 0xb951_4500, 0xe4d8_e100, 0xcc16_0100, 0x57a5_ad00, 0x3443_2d00,
        0x3167_1d00, 0xc5b3_8700, 0x1bb2_3300, 0xb2c1_6700, 0x8ec3_3700, 0xa31c_8b00, 0x9332_cd00,
        0x59d2_1700, 0xb074_e300, 0xb3f3_4d00, 0x9527_ff00, 0xa0b7_9d00, 0x4cf1_4900, 0x8dc1_7300,
        0xdd85_9300, 0x7df3_4700, 0x9e0c_cb00, 0x71b4_5b00, 0xf744_8700, 0x6753_f300, 0x2d04_0b00,
        0xcd00_3900, 0xd6f0_3f00, 0xd1ec_ab00, 0xa243_c700, 0xb3a3_8900, 0x4efb_a500, 0x5c5c_9300,
        0x4ef0_0300, 0xeed4_4d00, 0x5215_2300, 0xfc3c_ef00, 0x44f4_4700, 0xd272_e300, 0x5dbb_6900,
        0x5aa3_7100, 0xb9a1_5300, 0x99ac_3b00, 0xd424_2f00, 0xa919_1900, 0x395d_1500, 0x7871_1d00,
        0x37d1_0100,
    ];
    for (column, x) in far.into_iter().enumerate() {
        assert_eq!(scipys(column, 0x00aa_aaaa), x, "dimension {column}");
    }
}

#[test]
fn every_block_of_points_falls_one_into_each_interval() {
    for (seed, dimension) in [(0, 0), (1, 1), (2, 17), (3, 63), (4, 64), (5, 200)] {
        for (bits, block) in [(1, 0), (4, 0), (8, 0), (8, 3), (6, (1 << 26) - 1)] {
            let size = 1_u32 << bits;
            let coordinates = (0..size).map(|i| unit(seed, dimension, block * size + i));
            let filled = cells_filled(coordinates.map(|x| (x, 0.0)), size, 1);
            assert_eq!(filled, size as usize, "dimension {dimension}, block {block} of {size}");
        }
    }
}

#[test]
fn the_first_two_dimensions_fill_every_elementary_box() {
    for seed in 0..20 {
        let points = points(seed, 2, 256);
        for bits in 0..=8 {
            let pairs = points.iter().map(|point| (point[0], point[1]));
            assert_eq!(cells_filled(pairs, 1 << bits, 256 >> bits), 256, "seed {seed}, {bits}");
        }
    }
}

#[test]
fn dimensions_beyond_the_table_are_strangers_to_those_within() {
    for (a, b) in [(3, 67), (64, 128), (0, 640)] {
        let pairs = (0..256).map(|i| (unit(7, a, i), unit(7, b, i)));
        // 162 if they were random; 16 if the same order of points had been scrambled twice.
        assert!(cells_filled(pairs, 16, 16) > 100, "{a} and {b}");
    }
}

#[test]
fn seeds_and_dimensions_are_independent() {
    const SEEDS: u32 = 4096;
    for (a, b) in [((0, 0), (1, 0)), ((1, 5), (0, 6)), ((2, 9), (66, 9)), ((64, 7), (65, 7))] {
        // The coordinate of a (dimension, index), under many seeds.
        let of = |seed: u32, (dimension, index)| unit(seed.into(), dimension, index);
        let filled = cells_filled((0..SEEDS).map(|seed| (of(seed, a), of(seed, b))), 64, 64);
        let (a, b) = (f64::from(SEEDS), filled as f64);
        // 1 − 1/e of the cells, with a standard deviation of 20.
        assert!((b - a * 0.632).abs() < 100.0, "{b} of {a} cells");
    }
}

/// The L2 star discrepancy, squared (Warnock 1972).
fn discrepancy(points: &Points) -> f64 {
    let (n, dimensions) = (points.len() as f64, points[0].len() as i32);
    let alone = |x: &Vec<f64>| x.iter().map(|x| (1.0 - x * x) / 2.0).product::<f64>();
    let beside = |x: &Vec<f64>| {
        let with = |y: &Vec<f64>| x.iter().zip(y).map(|(x, y)| 1.0 - x.max(*y)).product::<f64>();
        points.iter().map(with).sum::<f64>()
    };
    3.0_f64.powi(-dimensions) - 2.0 / n * points.iter().map(alone).sum::<f64>()
        + points.iter().map(beside).sum::<f64>() / (n * n)
}

#[test]
fn the_space_is_filled_more_evenly_than_at_random() {
    let random = |seed| {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        (0..128).map(|_| (0..5).map(|_| uniform(&mut rng)).collect()).collect()
    };
    let mean = |of: &dyn Fn(u64) -> Points| (0..20).map(|seed| discrepancy(&of(seed))).sum::<f64>();
    let (sobol, random) = (mean(&|seed| points(seed, 5, 128)), mean(&random));
    assert!(sobol < 0.3 * random, "Sobol {sobol}, random {random}");
}

#[test]
fn the_sequence_never_changes() {
    let found = [(0, 0), (5, 1000), (100, u32::MAX)].map(|(dimension, i)| unit(42, dimension, i));
    let bits = found.map(|x| x * (1_u64 << 53) as f64).map(|x| x as u64);
    assert_eq!(bits, [1_281_253_624_445_627, 3_330_405_403_142_619, 1_769_362_763_202_631]);
}
