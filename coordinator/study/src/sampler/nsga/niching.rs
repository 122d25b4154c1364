//! NSGA-III's choice of who survives: those near reference points that few others are near (Deb and Jain 2014, algorithms 2 to 4).

use rand_chacha::ChaCha8Rng;

use crate::sampler::random::uniform;

/// The most reference points of a layer that somebody asks for. With more there are as many as without a number.
const MOST: usize = 10_000;

/// The places of `count` points of the last front, in the order in which they were chosen. `there` are those of the fronts before it.
pub(super) fn chosen(
    there: &[&Vec<f64>],
    last: &[&Vec<f64>],
    count: usize,
    divisions: usize,
    population: usize,
    rng: &mut ChaCha8Rng,
) -> Vec<usize> {
    let objectives = last.first().map_or(0, |point| point.len());
    let references = references(objectives, divisions, population);
    let scaled = normalised(&there.iter().chain(last).map(|point| &***point).collect::<Vec<_>>());
    let nearest: Vec<_> = scaled.iter().map(|point| nearest(point, &references)).collect();
    let (of_there, of_last) = nearest.split_at(there.len());
    let mut counts = vec![0_usize; references.len()];
    for (reference, _) in of_there {
        counts[*reference] += 1;
    }
    // Per reference point, who is near it, the nearest first.
    let mut near: Vec<Vec<usize>> = vec![Vec::new(); references.len()];
    for (place, (reference, _)) in of_last.iter().enumerate() {
        near[*reference].push(place);
    }
    for places in &mut near {
        places.sort_by(|a, b| of_last[*a].1.total_cmp(&of_last[*b].1));
    }
    let mut any = |count: usize| ((uniform(rng) * count as f64) as usize).min(count - 1);
    let mut chosen = Vec::with_capacity(count);
    while chosen.len() < count {
        let open = (0..references.len()).filter(|reference| !near[*reference].is_empty());
        let Some(fewest) = open.clone().map(|reference| counts[reference]).min() else { break };
        let emptiest: Vec<_> = open.filter(|reference| counts[*reference] == fewest).collect();
        let reference = emptiest[any(emptiest.len())];
        let of = &mut near[reference];
        let place = if fewest == 0 { of.remove(0) } else { of.remove(any(of.len())) };
        chosen.push(place);
        counts[reference] += 1;
    }
    chosen
}

/// The points divided by where a plane through the extreme ones meets the axes, from the best of each objective on. Without such a plane, by the
/// worst of each.
fn normalised(points: &[&[f64]]) -> Vec<Vec<f64>> {
    let objectives = points.first().map_or(0, |point| point.len());
    let least = |k: usize| points.iter().map(|point| point[k]).fold(f64::INFINITY, f64::min);
    let ideal: Vec<_> = (0..objectives).map(least).collect();
    let mut moved: Vec<Vec<f64>> =
        points.iter().map(|point| point.iter().zip(&ideal).map(|(x, i)| x - i).collect()).collect();
    let most = |k: usize| moved.iter().map(|point| point[k]).fold(0.0, f64::max);
    let worst: Vec<_> = (0..objectives).map(most).collect();
    let extremes: Vec<_> = (0..objectives).map(|axis| extreme(&moved, axis)).collect();
    let plane = solved(extremes).filter(|inverse| inverse.iter().all(|x| *x > 0.0));
    let inverse = plane.unwrap_or_else(|| worst.iter().map(|x| 1.0 / x).collect());
    for point in &mut moved {
        for (x, inverse) in point.iter_mut().zip(&inverse) {
            let scaled = *x * inverse;
            *x = if scaled.is_finite() { scaled } else { 0.0 };
        }
    }
    moved
}

/// The point that lies most along an axis (the least achievement scalarising function).
fn extreme(points: &[Vec<f64>], axis: usize) -> Vec<f64> {
    const OTHER_AXES: f64 = 1e6;
    let far = |point: &&Vec<f64>| {
        let of = |(k, x): (usize, &f64)| if k == axis { *x } else { x * OTHER_AXES };
        point.iter().enumerate().map(of).fold(0.0, f64::max)
    };
    let best = points.iter().min_by(|a, b| far(a).total_cmp(&far(b)));
    best.cloned().unwrap_or_default()
}

/// The solution x of `rows` · x = 1, by elimination with pivots; `None` if there is none.
fn solved(mut rows: Vec<Vec<f64>>) -> Option<Vec<f64>> {
    const SINGULAR: f64 = 1e-12;
    let size = rows.len();
    let scale = rows.iter().flatten().fold(0.0_f64, |most, x| most.max(x.abs()));
    for row in &mut rows {
        row.push(1.0);
    }
    for at in 0..size {
        let pivot = (at..size).max_by(|a, b| rows[*a][at].abs().total_cmp(&rows[*b][at].abs()))?;
        rows.swap(at, pivot);
        if rows[at][at].abs() <= SINGULAR * scale {
            return None;
        }
        let pivot = rows[at].clone();
        for (place, row) in rows.iter_mut().enumerate() {
            if place != at {
                let factor = row[at] / pivot[at];
                for (x, p) in row.iter_mut().zip(&pivot) {
                    *x -= factor * p;
                }
            }
        }
    }
    let solution: Vec<_> = rows.iter().enumerate().map(|(k, row)| row[size] / row[k]).collect();
    solution.iter().all(|x| x.is_finite()).then_some(solution)
}

/// The reference point whose ray from 0 is nearest, and the square of the distance from it.
fn nearest(point: &[f64], references: &[Vec<f64>]) -> (usize, f64) {
    let square = point.iter().map(|x| x * x).sum::<f64>();
    let mut best = (0, f64::INFINITY);
    for (place, reference) in references.iter().enumerate() {
        let along = point.iter().zip(reference).map(|(x, r)| x * r).sum::<f64>();
        let length = reference.iter().map(|r| r * r).sum::<f64>();
        let distance = square - along * along / length;
        if distance < best.1 {
            best = (place, distance);
        }
    }
    best
}

/// Points spread evenly over the plane on which the coordinates' sum is 1 (Das and Dennis 1998). With 0 divisions there are as many as fit a population;
/// if none of these lies inside the plane, some more do: a smaller layer half-way to its middle.
pub(super) fn references(objectives: usize, divisions: usize, population: usize) -> Vec<Vec<f64>> {
    if divisions > 0 && layer_size(objectives, divisions) <= MOST {
        return layer(objectives, divisions);
    }
    let fits = |divisions: &usize| layer_size(objectives, *divisions) <= population;
    // Of one objective there is one point, whatever the divisions.
    let most = if objectives == 1 { 1 } else { population };
    let divisions = (1..=most).take_while(fits).last().unwrap_or(1);
    let mut points = layer(objectives, divisions);
    if divisions < objectives {
        let middle = 1.0 / objectives as f64;
        let inner = layer(objectives, divisions);
        points.extend(inner.into_iter().map(|p| p.iter().map(|x| (x + middle) / 2.0).collect()));
    }
    points
}

/// How many points a layer has: `divisions` things in `objectives` boxes.
pub(super) fn layer_size(objectives: usize, divisions: usize) -> usize {
    (1..objectives).fold(1_usize, |size, k| size.saturating_mul(divisions + k) / k)
}

fn layer(objectives: usize, divisions: usize) -> Vec<Vec<f64>> {
    let mut points = Vec::new();
    let mut parts = vec![0; objectives];
    fill(&mut points, &mut parts, 0, divisions, divisions);
    points
}

fn fill(points: &mut Vec<Vec<f64>>, parts: &mut [usize], at: usize, left: usize, of: usize) {
    if at + 1 >= parts.len() {
        if let Some(last) = parts.last_mut() {
            *last = left;
        }
        points.push(parts.iter().map(|part| *part as f64 / of as f64).collect());
        return;
    }
    for part in 0..=left {
        parts[at] = part;
        fill(points, parts, at + 1, left - part, of);
    }
}
