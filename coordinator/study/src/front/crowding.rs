//! How much room points have around them.

use super::ranks;

/// The crowding distance of each point: per objective, how far its neighbours on either side are apart, as a share of the range, all added up.
/// Points at an end of a range have infinitely much room. (Deb et al. 2002, doi 10.1109/4235.996017; the points should be one front.)
/// Of equal points only the first and the last have neighbours that are somewhere else.
pub fn crowding<P: AsRef<[f64]>>(points: &[P]) -> Vec<f64> {
    let objectives = points.first().map_or(0, |point| point.as_ref().len());
    let mut room = vec![0.0; points.len()];
    let mut order: Vec<_> = (0..points.len()).collect();
    for objective in 0..objectives {
        let at = |place: usize| points[place].as_ref()[objective];
        order.sort_by(|a, b| at(*a).total_cmp(&at(*b)).then(a.cmp(b)));
        let (first, last) = (order[0], order[order.len() - 1]);
        let range = at(last) - at(first);
        if range <= 0.0 {
            continue;
        }
        (room[first], room[last]) = (f64::INFINITY, f64::INFINITY);
        for three in order.windows(3) {
            let share = (at(three[2]) - at(three[0])) / range;
            // Infinity as a share of infinity.
            room[three[1]] += if share.is_nan() { 1.0 } else { share };
        }
    }
    room
}

/// The places of `count` points, ascending: whole fronts as far as they fit, and of the next one those that have most room around
/// them; of equal ones, the first. It is NSGA-II's choice of who survives, and takes O(n log n) steps for a front of n.
pub fn sparse<P: AsRef<[f64]>>(points: &[P], count: usize) -> Vec<usize> {
    let ranks = ranks(points, count);
    let mut taken: Vec<usize> = Vec::with_capacity(count);
    for rank in 0.. {
        let mut front: Vec<_> = (0..points.len()).filter(|place| ranks[*place] == rank).collect();
        let missing = count.min(points.len()) - taken.len();
        if front.len() > missing {
            let losses: Vec<_> = front.iter().map(|place| points[*place].as_ref()).collect();
            let room = crowding(&losses);
            let mut order: Vec<_> = (0..front.len()).collect();
            order.sort_by(|a, b| room[*b].total_cmp(&room[*a]));
            order.truncate(missing);
            front = order.into_iter().map(|at| front[at]).collect();
        }
        taken.extend(front);
        if taken.len() == count.min(points.len()) {
            break;
        }
    }
    taken.sort_unstable();
    taken
}
