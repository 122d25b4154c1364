//! Values of several metrics, some of which are there.

/// A value, or none yet, at the place of each objective and constraint.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Found(Vec<Option<f64>>);

impl Found {
    /// A value at one place.
    #[cfg(test)]
    pub(crate) fn of(place: usize, value: f64) -> Self {
        let mut found = Self::default();
        found.set(place, value);
        found
    }

    pub(crate) fn get(&self, place: usize) -> Option<f64> {
        self.0.get(place).copied().flatten()
    }

    pub(crate) fn set(&mut self, place: usize, value: f64) {
        if self.0.len() <= place {
            self.0.resize(place + 1, None);
        }
        self.0[place] = Some(value);
    }

    /// The places of those that are there, and their values.
    pub(crate) fn all(&self) -> impl Iterator<Item = (usize, f64)> {
        self.0.iter().enumerate().filter_map(|(place, value)| Some((place, (*value)?)))
    }

    /// Takes newer ones over older ones.
    pub(crate) fn renew(&mut self, newer: &Self) {
        newer.all().for_each(|(place, value)| self.set(place, value));
    }

    /// Whether all that another has are there, too.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        other.all().all(|(place, _)| self.get(place).is_some())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.all().next().is_none()
    }
}
