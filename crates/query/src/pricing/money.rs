//! Exact amounts of US dollars.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Neg, Sub};
use std::str::FromStr;

/// Decimals of a dollar that an amount keeps.
pub(super) const DECIMALS: u32 = 12;
const DECIMALS_SHOWN_MIN: usize = 2;

/// An exact amount in pico-USD (10^-12 dollars).
///
/// A rate of 0.000001 USD per 1M tokens is one pico-USD per token, so a cost is never rounded.
/// Arithmetic saturates at about 1.7 * 10^26 dollars.
///
/// `{}` shows cents, `{:.4}` as many decimals as asked (12 at most), `{:#}` the exact amount with
/// at least cents; halves are rounded away from zero. In serde it is the exact decimal string.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Money(i128);

/// A text that is no amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an amount of dollars: write digits and at most {DECIMALS} decimals, such as 12.50")]
pub struct MoneyError;

impl Money {
    /// Nothing.
    pub const ZERO: Money = Money(0);

    /// The amount of so many pico-USD.
    pub const fn from_pico_usd(pico_usd: i128) -> Money {
        Money(pico_usd)
    }

    /// The amount in pico-USD.
    pub const fn pico_usd(self) -> i128 {
        self.0
    }

    /// The amount in pico-USD where 64 bits hold it: up to about 9.2 million dollars.
    ///
    /// SQL integers are 64 bits wide.
    pub fn pico_usd_i64(self) -> Option<i64> {
        i64::try_from(self.0).ok()
    }

    /// The amount in dollars, for charts and for JSON; sums belong to the exact type.
    pub fn as_f64(self) -> f64 {
        self.0 as f64 / 1e12
    }

    /// The amount in dollars with so many decimals, 12 at most, halves rounded away from zero.
    pub fn to_usd_string(self, decimals: usize) -> String {
        let (negative, digits) = self.rounded(decimals);
        if negative { format!("-{digits}") } else { digits }
    }

    /// The exact amount in dollars, with no more decimals than needed, but at least cents.
    pub fn to_exact_usd_string(self) -> String {
        self.to_usd_string(self.decimals_needed())
    }

    fn decimals_needed(self) -> usize {
        let mut decimals = DECIMALS as usize;
        let mut rest = self.0.unsigned_abs();
        while decimals > DECIMALS_SHOWN_MIN && rest.is_multiple_of(10) {
            rest /= 10;
            decimals -= 1;
        }
        decimals
    }

    /// True for a negative amount that does not round to zero, and its digits.
    fn rounded(self, decimals: usize) -> (bool, String) {
        let decimals = decimals.min(DECIMALS as usize);
        let dropped = 10_u128.pow(DECIMALS.saturating_sub(decimals as u32));
        let kept = 10_u128.pow(decimals as u32);
        let size = self.0.unsigned_abs();
        let half_up = u128::from((size % dropped).saturating_mul(2) >= dropped && dropped > 1);
        let units = (size / dropped).saturating_add(half_up);
        let digits = match decimals {
            0 => units.to_string(),
            _ => format!("{}.{:0decimals$}", units / kept, units % kept),
        };
        (self.0 < 0 && units > 0, digits)
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decimals = match f.precision() {
            Some(decimals) => decimals,
            None if f.alternate() => self.decimals_needed(),
            None => DECIMALS_SHOWN_MIN,
        };
        let (negative, digits) = self.rounded(decimals);
        f.pad_integral(!negative, "", &digits)
    }
}

impl FromStr for Money {
    type Err = MoneyError;

    fn from_str(text: &str) -> Result<Money, MoneyError> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, text),
        };
        let size = decimal(digits, DECIMALS).ok_or(MoneyError)?;
        Ok(if negative { -Money(size) } else { Money(size) })
    }
}

/// Reads digits with at most `scale` decimals as a count of 10^-scale units.
///
/// No sign, no exponent, no separator. None as well when 128 bits do not hold the count.
pub(super) fn decimal(text: &str, scale: u32) -> Option<i128> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if !all_digits(whole) || !all_digits(fraction) {
        return None;
    }
    let fraction = fraction.trim_end_matches('0');
    let missing = scale.checked_sub(u32::try_from(fraction.len()).ok()?)?;
    let unit = 10_i128.checked_pow(scale)?;
    let parts = if fraction.is_empty() { 0 } else { fraction.parse::<i128>().ok()? };
    let parts = parts.checked_mul(10_i128.checked_pow(missing)?)?;
    whole.parse::<i128>().ok()?.checked_mul(unit)?.checked_add(parts)
}

impl Add for Money {
    type Output = Money;

    fn add(self, other: Money) -> Money {
        Money(self.0.saturating_add(other.0))
    }
}

impl Sub for Money {
    type Output = Money;

    fn sub(self, other: Money) -> Money {
        Money(self.0.saturating_sub(other.0))
    }
}

impl Neg for Money {
    type Output = Money;

    fn neg(self) -> Money {
        Money(self.0.saturating_neg())
    }
}

impl AddAssign for Money {
    fn add_assign(&mut self, other: Money) {
        *self = *self + other;
    }
}

impl Sum for Money {
    fn sum<I: Iterator<Item = Money>>(amounts: I) -> Money {
        amounts.fold(Money::ZERO, Add::add)
    }
}

impl Serialize for Money {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_exact_usd_string())
    }
}

impl<'de> Deserialize<'de> for Money {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Money, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}
