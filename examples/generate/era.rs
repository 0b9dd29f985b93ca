//! The generations of the format and who each session is.

use crate::json::DAY;
use crate::rng::Rng;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Age {
    G1,
    G2a,
    G2b,
    G2c,
    G2d,
    G2e,
    G3,
}

pub struct Era {
    pub age: Age,
    weight: u64,
    /// First and last day, counted from 1970-01-01.
    days: (u64, u64),
    pub cli: &'static [&'static str],
    pub models: &'static [&'static str],
}

const fn era(
    age: Age,
    weight: u64,
    days: (u64, u64),
    cli: &'static [&'static str],
    models: &'static [&'static str],
) -> Era {
    Era { age, weight, days, cli, models }
}

/// From 2025-09-01 (day 20332) to 2026-10-31.
pub const ERAS: [Era; 7] = [
    era(Age::G1, 60, (20_332, 20_346), &["0.29.0"], &["gpt-5"]),
    era(
        Age::G2a,
        110,
        (20_343, 20_371),
        &["0.34.0", "0.36.0", "0.39.0"],
        &["gpt-5", "gpt-5-codex"],
    ),
    era(
        Age::G2b,
        290,
        (20_371, 20_485),
        &["0.46.0", "0.57.0", "0.63.0", "0.72.0", "0.77.0"],
        &["gpt-5-codex", "gpt-5.1-codex", "gpt-5.1-codex-max", "gpt-5.2-codex"],
    ),
    era(
        Age::G2c,
        220,
        (20_485, 20_544),
        &["0.101.0", "0.104.0", "0.110.0"],
        &["gpt-5.2-codex", "gpt-5.3-codex", "gpt-5.4"],
    ),
    era(
        Age::G2d,
        160,
        (20_544, 20_605),
        &["0.117.0", "0.125.0", "0.128.0"],
        &["gpt-5.4", "gpt-5.5", "gpt-5.4-mini"],
    ),
    era(
        Age::G2e,
        120,
        (20_605, 20_690),
        &["0.142.0", "0.144.5", "0.146.0"],
        &["gpt-5.5", "gpt-5.6-sol", "gpt-5.6-terra"],
    ),
    era(
        Age::G3,
        40,
        (20_680, 20_757),
        &["0.150.0", "0.153.0"],
        &["gpt-5.6-sol", "gpt-6-luna", "gpt-6-astra"],
    ),
];

/// What is known about a session before its first line.
pub struct Identity {
    pub era: &'static Era,
    pub start: u64,
    pub id: String,
    pub parent: Option<String>,
}

impl Identity {
    pub fn of(seed: u64, index: u64) -> Self {
        let mut rng = Rng::new(seed ^ 0x5eed, index);
        let mut ticket = rng.below(ERAS.iter().map(|e| e.weight).sum());
        let mut era = &ERAS[0];
        for candidate in &ERAS {
            era = candidate;
            if ticket < era.weight {
                break;
            }
            ticket -= era.weight;
        }
        let day = rng.range(era.days.0, era.days.1);
        let mut start = day * DAY + rng.range(6 * 3600, 20 * 3600) * 1000 + rng.below(1000);
        let mut parent = None;
        if index > 0 && rng.chance(60) {
            let elder = Identity::of(seed, index - 1);
            if elder.era.age >= Age::G2c && elder.parent.is_none() {
                (era, start) = (elder.era, elder.start + rng.range(60_000, 300_000));
                parent = Some(elder.id);
            }
        }
        let id = rng.uuid((era.age > Age::G2a).then_some(start));
        Identity { era, start, id, parent }
    }
}
