//! JSON read one level at a time: an object is a list of names and raw values over the line.
//!
//! Values are decoded when a decoder asks for them by name, so a value that nobody asks for costs
//! one scan and a damaged string spoils nothing but itself. Strings are borrowed unless they hold
//! an escape.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::number;
use super::record::Reason;

/// A text out of a line.
pub type Text<'a> = Cow<'a, str>;

/// JSON as written.
pub type Json<'a> = &'a str;

/// A JSON object, one level deep.
#[derive(Debug, Clone, Default)]
pub struct Object<'a> {
    raw: Json<'a>,
    fields: Vec<(Text<'a>, &'a RawValue)>,
}

impl<'a> Object<'a> {
    /// Reads an object; `None` where the text is anything else.
    #[must_use]
    pub fn parse(json: Json<'a>) -> Option<Self> {
        Self::try_parse(json).ok()
    }

    /// Reads an object and says where it is damaged.
    pub(super) fn try_parse(json: Json<'a>) -> Result<Self, ParseError> {
        Ok(Self { raw: json, fields: walk(json, Fields)? })
    }

    /// The object as written.
    #[must_use]
    pub const fn raw_json(&self) -> Json<'a> {
        self.raw
    }

    /// Names in order of appearance.
    pub fn names(&self) -> impl Iterator<Item = &Text<'a>> {
        self.fields.iter().map(|(name, _)| name)
    }

    /// Names and values in order of appearance.
    pub fn fields(&self) -> impl Iterator<Item = (&Text<'a>, Json<'a>)> {
        self.fields.iter().map(|(name, value)| (name, value.get()))
    }

    /// The same with its names in snake_case: some clients write the names of items in camelCase.
    #[must_use]
    pub(super) fn with_snake_names(&self) -> Self {
        let fields = self.fields.iter().map(|(name, value)| (snake(name), *value)).collect();
        Self { raw: self.raw, fields }
    }

    /// Whether the object has no fields.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// Whether the object has the field, null included.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.fields.iter().any(|(key, _)| key == name)
    }

    /// The value as written, null taken for absent. Of duplicates the last wins.
    #[must_use]
    pub fn raw(&self, name: &str) -> Option<Json<'a>> {
        let value = self.fields.iter().rev().find(|(key, _)| key == name)?.1.get();
        (value != "null").then_some(value)
    }

    /// A string.
    #[must_use]
    pub fn str(&self, name: &str) -> Option<Text<'a>> {
        string(self.raw(name)?)
    }

    /// A string, or a number or boolean as written: for ids that changed their type over time.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<Text<'a>> {
        scalar(self.raw(name)?)
    }

    /// An integer within ±2^53; a float without a fraction counts.
    #[must_use]
    pub fn i64(&self, name: &str) -> Option<i64> {
        integer(self.raw(name)?)
    }

    /// An integer from 0 to 2^53.
    #[must_use]
    pub fn u64(&self, name: &str) -> Option<u64> {
        u64::try_from(self.i64(name)?).ok()
    }

    /// A number within ±2^53.
    #[must_use]
    pub fn f64(&self, name: &str) -> Option<f64> {
        number(self.raw(name)?)
    }

    /// A boolean.
    #[must_use]
    pub fn bool(&self, name: &str) -> Option<bool> {
        match self.raw(name)? {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        }
    }

    /// An object.
    #[must_use]
    pub fn object(&self, name: &str) -> Option<Object<'a>> {
        Self::parse(self.raw(name)?)
    }

    /// The elements of an array as written.
    #[must_use]
    pub fn array(&self, name: &str) -> Option<Vec<Json<'a>>> {
        array(self.raw(name)?)
    }

    /// The strings of an array; other elements are left out, a missing array is empty.
    #[must_use]
    pub fn strings(&self, name: &str) -> Vec<Text<'a>> {
        self.array(name).unwrap_or_default().into_iter().filter_map(string).collect()
    }

    /// The word that tells the kind of a string or object: see [`tag`].
    #[must_use]
    pub(super) fn tag(&self, name: &str) -> Option<Text<'a>> {
        tag(self.raw(name)?)
    }

    /// Milliseconds, from seconds since the epoch; milliseconds are taken as such.
    #[must_use]
    pub(super) fn seconds_as_ms(&self, name: &str) -> Option<i64> {
        let value = self.i64(name)?;
        // 10^11 seconds are beyond the year 5000, as milliseconds they are 1973.
        if value.unsigned_abs() < 100_000_000_000 { value.checked_mul(1000) } else { Some(value) }
    }

    /// Milliseconds of a duration: `<name>_ms`, or `<name>` as `{secs, nanos}` or in seconds.
    #[must_use]
    pub(super) fn duration_ms(&self, name: &str) -> Option<i64> {
        let millis =
            self.fields.iter().rev().find(|(key, _)| key.strip_suffix("_ms") == Some(name));
        if let Some(whole) = millis.and_then(|(_, value)| integer(value.get())) {
            return Some(whole);
        }
        if let Some(seconds) = self.f64(name) {
            return seconds_to_ms(seconds);
        }
        let parts = self.object(name)?;
        let seconds = parts.i64("secs")?.checked_mul(1000)?;
        seconds.checked_add(parts.i64("nanos").unwrap_or(0) / 1_000_000)
    }

    /// Number of elements of an array; 0 where there is none.
    #[must_use]
    pub fn count(&self, name: &str) -> usize {
        self.raw(name).map_or(0, count)
    }

    /// Length in bytes of a string as written, 0 where there is none. Costs no decoding.
    #[must_use]
    pub fn len(&self, name: &str) -> usize {
        self.raw(name).filter(|value| value.starts_with('"')).map_or(0, |value| value.len() - 2)
    }
}

/// Where and how an object is damaged.
#[derive(Debug, Clone, Copy)]
pub(super) struct ParseError {
    pub(super) reason: Reason,
    pub(super) offset: usize,
}

/// Lets a visitor read the one object that the text is.
pub(super) fn walk<'a, V: Visitor<'a>>(json: Json<'a>, visitor: V) -> Result<V::Value, ParseError> {
    // The reader would print a value of another type, however long, into its error.
    if !json.trim_ascii_start().starts_with('{') {
        let reason = if json.trim_ascii().is_empty() { Reason::Torn } else { Reason::NotAnObject };
        return Err(ParseError { reason, offset: 0 });
    }
    let at = |reason, error| Err(ParseError { reason, offset: offset(json, &error) });
    let mut reader = serde_json::Deserializer::from_str(json);
    let value = match reader.deserialize_map(visitor) {
        Ok(value) => value,
        Err(error) if error.is_eof() => return at(Reason::Torn, error),
        Err(error) => return at(Reason::BadJson, error),
    };
    match reader.end() {
        Ok(()) => Ok(value),
        Err(error) => at(Reason::TrailingData, error),
    }
}

/// The byte of an error that knows its line and its column, both counted from 1.
fn offset(json: &str, error: &serde_json::Error) -> usize {
    let ends = memchr::memchr_iter(b'\n', json.as_bytes());
    let line_start = match error.line() {
        0 | 1 => 0,
        line => ends.take(line - 1).last().map_or(0, |end| end + 1),
    };
    (line_start + error.column().saturating_sub(1)).min(json.len())
}

/// A name in snake_case.
pub(super) fn snake<'a>(name: &Text<'a>) -> Text<'a> {
    if !name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return name.clone();
    }
    let mut snake = String::with_capacity(name.len() + 4);
    for c in name.chars() {
        if c.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(c.to_ascii_lowercase());
    }
    snake.into()
}

/// The elements of an array as written; of a larger one than [`number::ITEMS_MAX`] one more than that.
#[must_use]
pub(super) fn array(json: Json<'_>) -> Option<Vec<Json<'_>>> {
    if !json.starts_with('[') {
        return None;
    }
    serde_json::Deserializer::from_str(json).deserialize_seq(Elements).ok()
}

fn count(json: Json<'_>) -> usize {
    if !json.starts_with('[') {
        return 0;
    }
    serde_json::Deserializer::from_str(json).deserialize_seq(Count).unwrap_or(0)
}

/// A string.
#[must_use]
pub(super) fn string(json: Json<'_>) -> Option<Text<'_>> {
    let inner = json.strip_prefix('"')?.strip_suffix('"')?;
    Some(match memchr::memchr(b'\\', inner.as_bytes()) {
        None => Cow::Borrowed(inner),
        Some(first) => Cow::Owned(super::escape::unescape(inner, first)),
    })
}

/// A string, or a number or boolean as written.
#[must_use]
pub(super) fn scalar(json: Json<'_>) -> Option<Text<'_>> {
    match json.as_bytes().first()? {
        b'"' => string(json),
        b'{' | b'[' | b'n' => None,
        _ => Some(Cow::Borrowed(json)),
    }
}

fn number(json: Json<'_>) -> Option<f64> {
    json.parse::<f64>().ok().filter(|number| number.abs() <= number::MAX as f64)
}

/// The word that tells the kind of a value: a string itself; of an object its `type` or `mode`,
/// else its first name, since `{"name": {…}}` is how an enum with contents is written.
#[must_use]
pub(super) fn tag(json: Json<'_>) -> Option<Text<'_>> {
    if json.starts_with('"') {
        return string(json);
    }
    let object = Object::parse(json)?;
    object.str("type").or_else(|| object.str("mode")).or_else(|| object.names().next().cloned())
}

/// An integer within ±2^53; a float without a fraction counts.
#[must_use]
pub(super) fn integer(json: Json<'_>) -> Option<i64> {
    if let Ok(whole) = json.parse::<i64>() {
        return (whole.unsigned_abs() <= number::MAX.unsigned_abs()).then_some(whole);
    }
    let float = number(json)?;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "checked to be whole, and in range as all numbers"
    )]
    (float.fract() == 0.0).then_some(float as i64)
}

/// Seconds to whole milliseconds, rounded.
#[must_use]
pub(super) fn seconds_to_ms(seconds: f64) -> Option<i64> {
    let millis = (seconds * 1000.0).round();
    #[expect(clippy::cast_possible_truncation, reason = "checked to be in range")]
    (millis.abs() <= number::MAX as f64).then_some(millis as i64)
}

struct Fields;

impl<'de> Visitor<'de> for Fields {
    type Value = Vec<(Text<'de>, &'de RawValue)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = Vec::with_capacity(8);
        // Names are taken raw as well: a lone surrogate in one must not spoil the record.
        while let Some((name, value)) = map.next_entry::<&RawValue, &RawValue>()? {
            fields.push((string(name.get()).unwrap_or_default(), value));
        }
        Ok(fields)
    }
}

struct Elements;

impl<'de> Visitor<'de> for Elements {
    type Value = Vec<Json<'de>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut elements = Vec::new();
        while let Some(element) = seq.next_element::<&RawValue>()? {
            // One more than is taken, so that it shows.
            if elements.len() <= number::ITEMS_MAX {
                elements.push(element.get());
            }
        }
        Ok(elements)
    }
}

struct Count;

impl<'de> Visitor<'de> for Count {
    type Value = usize;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut count = 0;
        while seq.next_element::<serde::de::IgnoredAny>()?.is_some() {
            count += 1;
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(json: &str) -> Object<'_> {
        Object::parse(json).unwrap()
    }

    #[test]
    fn fields_by_name_whatever_their_type() {
        let o = object(r#"{"s":"a","i":-3,"f":1.5,"b":true,"n":null,"o":{"x":1},"a":[1,"z"]}"#);
        assert_eq!(o.str("s").as_deref(), Some("a"));
        assert_eq!((o.i64("i"), o.u64("i"), o.f64("f")), (Some(-3), None, Some(1.5)));
        assert_eq!((o.bool("b"), o.raw("n"), o.has("n")), (Some(true), None, true));
        assert_eq!(o.object("o").unwrap().i64("x"), Some(1));
        assert_eq!((o.strings("a"), o.count("a")), (vec!["z".into()], 2));
        assert_eq!((o.str("i"), o.i64("s"), o.array("s"), o.count("s")), (None, None, None, 0));
        assert_eq!((o.text("i").as_deref(), o.text("o")), (Some("-3"), None));
        assert!(o.object("s").is_none() && o.str("missing").is_none());
    }

    #[test]
    fn of_duplicates_the_last_wins() {
        assert_eq!(object(r#"{"a":1,"a":2}"#).i64("a"), Some(2));
    }

    #[test]
    fn numbers_of_all_forms() {
        let o = object(r#"{"a":3.0,"b":3.5,"c":1e400,"d":18446744073709551615,"e":1e18}"#);
        assert_eq!((o.i64("a"), o.i64("b"), o.i64("e")), (Some(3), None, None));
        assert_eq!((o.f64("c"), o.u64("d"), o.i64("d")), (None, None, None));
        let o =
            object(r#"{"a":9007199254740992,"b":9007199254740993,"c":-9007199254740992,"d":1e17}"#);
        assert_eq!((o.u64("a"), o.u64("b"), o.i64("b")), (Some(1 << 53), None, None));
        assert_eq!((o.i64("c"), o.f64("d")), (Some(-(1 << 53)), None));
    }

    #[test]
    fn a_damaged_string_spoils_only_itself() {
        let o = object(r#"{"bad":"x\ud83d","\ud83d":1,"good":"y\u0000"}"#);
        assert_eq!(o.str("bad").as_deref(), Some("x\u{fffd}"));
        assert_eq!(o.str("good").as_deref(), Some("y\0"));
        assert_eq!(o.i64("\u{fffd}"), Some(1));
    }

    #[test]
    fn durations_and_times() {
        let o = object(r#"{"a":{"secs":1,"nanos":2999999},"b_ms":7,"c":1.25,"t":1770000000}"#);
        let read = |name| o.duration_ms(name);
        assert_eq!((read("a"), read("b"), read("c")), (Some(1002), Some(7), Some(1250)));
        assert_eq!(o.seconds_as_ms("t"), Some(1_770_000_000_000));
    }

    #[test]
    fn tags_of_words_and_objects() {
        let o = object(r#"{"a":"never","b":{"type":"x"},"c":{"granular":{}},"d":{},"e":4}"#);
        let tag = |name| o.tag(name);
        assert_eq!(tag("a").as_deref(), Some("never"));
        assert_eq!(tag("b").as_deref(), Some("x"));
        assert_eq!(tag("c").as_deref(), Some("granular"));
        assert_eq!((tag("d"), tag("e")), (None, None));
    }

    #[test]
    fn says_where_an_object_is_damaged() {
        let damage = |json| Object::try_parse(json).map(|_| ()).unwrap_err();
        for (json, reason, offset) in [
            (r#"{"a":"#, Reason::Torn, 4),
            (r#"{"a":tru}"#, Reason::BadJson, 8),
            ("{}  x", Reason::TrailingData, 4),
            ("{\n\"a\":\nx}", Reason::BadJson, 7),
            ("[1]", Reason::NotAnObject, 0),
        ] {
            let error = damage(json);
            assert_eq!((error.reason, error.offset), (reason, offset), "{json}");
        }
    }

    #[test]
    fn depth_is_no_danger() {
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(500_000), "]".repeat(500_000));
        let o = object(&deep);
        assert_eq!(o.array("a").map(|elements| elements.len()), Some(1));
        assert_eq!(o.count("a"), 1);
        let torn = format!("{{\"a\":{}", "{\"a\":".repeat(500_000));
        assert!(Object::parse(&torn).is_none());
    }
}
