//! Numbers that no client can mean, and how many things a record may say.

use super::json::{Json, Object};

/// The largest number, and its negative the smallest, that is taken for one: 2^53.
///
/// Beyond it readers of JSON disagree about what was written, and no clock, counter or code of a client goes so
/// far. Sums of what is below do not overflow by one line.
pub(super) const MAX: i64 = 1 << 53;

/// Of more things than this in one record, steps of a plan or parts of a message, the first are read.
///
/// A line of many megabytes of nothing but commas would else become rows of many gigabytes.
pub const ITEMS_MAX: usize = 65_536;

/// Objects whose numbers are read, inside the payload.
const READ: [&str; 7] =
    ["payload", "item", "info", "total_token_usage", "last_token_usage", "usage", "duration"];
/// Of these, the ones that hold nothing but counters of tokens.
const COUNTERS: [&str; 3] = ["total_token_usage", "last_token_usage", "usage"];

/// Whether a value is a number beyond [`MAX`].
pub(super) fn is_beyond(json: Json<'_>) -> bool {
    let is_number = json.as_bytes().first().is_some_and(|b| b.is_ascii_digit() || *b == b'-');
    // Fewer digits without an exponent are always in range.
    let may_be = is_number && (json.len() > 15 || json.contains(['e', 'E']));
    may_be
        && match json.parse::<i64>() {
            Ok(whole) => whole.unsigned_abs() > MAX.unsigned_abs(),
            Err(_) => !json.parse::<f64>().is_ok_and(|number| number.abs() <= MAX as f64),
        }
}

/// Whether a value is no count: an integer from 0 to [`MAX`]; null and absent ones are none at all.
pub(super) fn is_no_count(object: &Object<'_>, name: &str) -> bool {
    object.raw(name).is_some() && object.u64(name).is_none()
}

/// The first number of a record that no client can mean, as written.
pub(super) fn first_bad<'a>(record: &Object<'a>) -> Option<Json<'a>> {
    // Envelope, payload, info, usage.
    in_object(record, false, 3)
}

fn in_object<'a>(object: &Object<'a>, counts: bool, depth: usize) -> Option<Json<'a>> {
    object.fields().find_map(|(name, value)| {
        if counts && name.ends_with("_tokens") {
            return is_no_count(object, name).then_some(value);
        }
        if is_beyond(value) {
            return Some(value);
        }
        let is_read = depth > 0 && READ.contains(&name.as_ref());
        let inner = is_read.then(|| Object::parse(value)).flatten()?;
        in_object(&inner, COUNTERS.contains(&name.as_ref()), depth.saturating_sub(1))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bad(json: &str) -> Option<&str> {
        Object::parse(json).and_then(|object| first_bad(&object))
    }

    #[test]
    fn a_number_has_an_end() {
        for number in [
            "0",
            "-1",
            "9007199254740992",
            "-9007199254740992",
            "1.5",
            "1e15",
            "0.1234567890123456789",
        ] {
            assert!(!is_beyond(number), "{number}");
        }
        for number in [
            "9007199254740993",
            "-9223372036854775808",
            "18446744073709551616",
            "1e308",
            "1e999",
            "-1E17",
        ] {
            assert!(is_beyond(number), "{number}");
        }
        assert!(!is_beyond("\"18446744073709551616\"") && !is_beyond("null") && !is_beyond("[]"));
    }

    #[test]
    fn the_bad_number_is_found_where_numbers_are_read() {
        let usage = |counters: &str| {
            format!(
                r#"{{"type":"event_msg","payload":{{"type":"token_count","info":{{"last_token_usage":{{{counters}}}}}}}}}"#
            )
        };
        for counter in ["-5", "1.5", "\"7\"", "9007199254740994", "[]", "true"] {
            let line = usage(&format!(r#""input_tokens":1,"output_tokens":{counter}"#));
            assert_eq!(bad(&line), Some(counter));
        }
        for counter in ["0", "null", "12.0", "9007199254740992"] {
            assert_eq!(bad(&usage(&format!(r#""input_tokens":{counter}"#))), None, "{counter}");
        }
        assert_eq!(
            bad(r#"{"ordinal":99999999999999999999,"payload":{}}"#),
            Some("99999999999999999999")
        );
        assert_eq!(bad(r#"{"payload":{"duration":{"secs":1e300}}}"#), Some("1e300"));
        assert_eq!(
            bad(r#"{"payload":{"exit_code":-1,"arguments":{"id":99999999999999999999}}}"#),
            None
        );
    }
}
