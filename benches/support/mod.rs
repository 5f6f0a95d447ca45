//! What the benches are made of: servers as processes, signed requests, a load generator, a look at the store.

pub mod load;
pub mod requests;
pub mod servers;
pub mod tally;

/// Median, least and greatest.
#[derive(Clone, Copy, Debug)]
pub struct Spread {
    pub median: f64,
    pub min: f64,
    pub max: f64,
}

impl Spread {
    /// Of at least one figure.
    pub fn of(figures: impl Iterator<Item = f64>) -> Self {
        let mut all: Vec<f64> = figures.collect();
        all.sort_by(f64::total_cmp);
        Self {
            median: all[all.len() / 2],
            min: all[0],
            max: all[all.len() - 1],
        }
    }
}

/// A number from the environment, or the default.
pub fn setting(name: &str, default: f64) -> f64 {
    let set = std::env::var(name).ok();
    set.and_then(|text| text.parse().ok()).unwrap_or(default)
}
