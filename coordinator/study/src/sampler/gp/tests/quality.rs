//! It finds what random search does not. Only a broken model would fail these.

use super::*;
use crate::sampler::SamplerSpec;

/// The least loss of a study of this many trials, two at once.
fn best(
    sampler: &SamplerSpec,
    space: &SearchSpace,
    loss: &dyn Fn(&[Option<f64>]) -> f64,
    trials: u32,
    seed: u64,
) -> f64 {
    let mut archive = archive(space, &[]);
    let (mut running, mut best) = (None::<Params>, f64::INFINITY);
    let fixed = space.nothing();
    for number in 0..trials {
        let pending = running.iter().collect();
        let ask = Ask { space, archive: &archive, pending, fixed: &fixed, seed, number };
        let params = sampler.propose(&ask, &mut seeded(1000 * seed + u64::from(number)));
        best = best.min(loss(&numbers(&params)));
        if let Some(params) = running.replace(params) {
            let value = loss(&numbers(&params));
            archive.add(space, &finished(&params, &complete(value)));
        }
    }
    best
}

fn both(space: &SearchSpace, loss: &dyn Fn(&[Option<f64>]) -> f64, trials: u32) -> [Vec<f64>; 2] {
    let gp = SamplerSpec::Gp(GpOptions::default());
    [gp, SamplerSpec::Random {}]
        .map(|sampler| (0..3).map(|seed| best(&sampler, space, loss, trials, seed)).collect())
}

#[test]
fn a_smooth_valley_with_choices_is_followed_to_its_end() {
    let space = mixed();
    // The third choice has no numbers of its own and is never as good.
    let loss = |at: &[Option<f64>]| {
        let square = |place: usize, goal: f64| (at[place].unwrap_or(goal + 1.0) - goal).powi(2);
        let rate = (libm::log10(at[1].unwrap_or(1.0)) + 2.3) / 4.0;
        let layers = (at[3].unwrap_or(30.0) - 19.0) / 29.0;
        let method = [0.2, 0.0, 0.3][at[2].unwrap_or(0.0) as usize];
        let bend = square(0, 0.7 - 0.2 * rate);
        bend + rate * rate + layers * layers + 0.5 * square(4, 0.2) + method
    };
    let [gp, random] = both(&space, &loss, 40);
    assert!(gp.iter().all(|regret| *regret < 0.01), "{gp:?}");
    assert!(random.iter().all(|regret| *regret > 0.01), "{random:?}");
}

#[test]
fn the_best_cell_of_a_table_is_found() {
    let space = space(&[(choices(6), vec![]), (choices(5), vec![]), (choices(4), vec![])]);
    // Sums of what choices do alone, but for some pairs.
    let loss = |at: &[Option<f64>]| {
        let [a, b, c] = [0, 1, 2].map(|place| at[place].unwrap_or(0.0) as usize);
        let alone = [3, 1, 4, 0, 5, 2][a] + [2, 0, 3, 1, 4][b] + [1, 3, 0, 2][c];
        f64::from(alone) + if (a + b) % 3 == 1 { 0.0 } else { 0.5 }
    };
    let [gp, random] = both(&space, &loss, 30);
    assert!(gp.iter().all(|loss| *loss <= 0.0), "{gp:?}");
    assert!(random.iter().any(|loss| *loss > 0.0), "{random:?}");
}
