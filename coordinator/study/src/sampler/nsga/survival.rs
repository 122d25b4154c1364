//! Who survives: constrained domination, and then who adds most to the spread of the front.

use rand_chacha::ChaCha8Rng;

use super::niching;
use super::options::Survival;
use crate::front;

/// How good a member of the population is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Fitness {
    /// The number of its front. Those that violate constraints come behind all fronts, the smaller violation first (Deb et al. 2002).
    pub(super) rank: usize,
    /// How much room it has on its front; 0 if that does not count.
    pub(super) room: f64,
}

/// The places of `count` survivors, by rank, with how good they are. `losses` and `violations` have an entry for each that is there.
pub(super) fn survivors(
    survival: Survival,
    losses: &[Vec<f64>],
    violations: &[f64],
    count: usize,
    rng: &mut ChaCha8Rng,
) -> Vec<(usize, Fitness)> {
    let ranks = front::constrained_ranks(losses, violations);
    let mut survivors: Vec<(usize, Fitness)> = Vec::with_capacity(count);
    for rank in 0.. {
        let mut front: Vec<_> = (0..losses.len()).filter(|place| ranks[*place] == rank).collect();
        let missing = count.min(losses.len()) - survivors.len();
        if missing == 0 {
            break;
        }
        let of_front: Vec<_> = front.iter().map(|place| &losses[*place]).collect();
        let mut room = vec![0.0; front.len()];
        match survival {
            // Those that violate constraints are not on any front.
            _ if front.iter().any(|place| violations[*place] > 0.0) => front.truncate(missing),
            Survival::Crowding => {
                room = front::crowding(&of_front);
                let mut order: Vec<_> = (0..front.len()).collect();
                order.sort_by(|a, b| room[*b].total_cmp(&room[*a]));
                order.truncate(missing);
                front = order.iter().map(|at| front[*at]).collect();
                room = order.iter().map(|at| room[*at]).collect();
            }
            Survival::Niching { divisions } if front.len() > missing => {
                let there: Vec<_> = survivors.iter().map(|(place, _)| &losses[*place]).collect();
                let chosen = niching::chosen(&there, &of_front, missing, divisions, count, rng);
                front = chosen.into_iter().map(|at| front[at]).collect();
            }
            Survival::Niching { .. } => {}
        }
        let of = |(place, room)| (place, Fitness { rank, room });
        survivors.extend(front.into_iter().zip(room).map(of));
    }
    survivors
}
