//! What a script spells out: texts, numbers, lists and objects, as JSON.

use super::Reader;
use super::scan::{Scanner, is_of_word};
use crate::json;
use std::fmt::Write as _;

/// A value as JSON.
pub(super) struct Value {
    pub json: String,
    /// Whether nothing of it has to be run.
    pub is_whole: bool,
}

/// How deep lists and objects are read; what is deeper stands as its source.
const DEPTH_MAX: usize = 24;

impl Value {
    fn whole(json: String) -> Option<Value> {
        Some(Value { json, is_whole: true })
    }

    /// Source that has to be run.
    fn placeholder(source: &str) -> Value {
        Value { json: in_quotes(&placeholder(source)), is_whole: false }
    }

    fn text(&self) -> Option<String> {
        json::string(&self.json).map(|text| text.into_owned())
    }
}

fn placeholder(source: &str) -> String {
    format!("${{{source}}}")
}

fn in_quotes(text: &str) -> String {
    serde_json::Value::String(text.to_string()).to_string()
}

impl Reader<'_> {
    /// The value that comes next.
    pub(super) fn value(&mut self) -> Value {
        self.value_at(0)
    }

    fn value_at(&mut self, depth: usize) -> Value {
        self.scanner.blanks();
        let start = self.scanner.at;
        let value = self.sum(depth);
        let ends =
            self.scanner.is_at_end() || self.scanner.peek_is(&[',', ';', ')', ']', '}', '\n']);
        match value {
            Some(value) if ends => value,
            _ => {
                self.scanner.at = start;
                Value::placeholder(self.scanner.expression())
            }
        }
    }

    /// Values with plus signs between them, where they are texts.
    fn sum(&mut self, depth: usize) -> Option<Value> {
        let first = self.operand(depth)?;
        if !self.scanner.peek_is(&['+']) {
            return Some(first);
        }
        let mut text = first.text()?;
        let mut is_whole = first.is_whole;
        while self.scanner.skip('+') {
            let start = self.scanner.at;
            let operand = self.operand(depth).filter(|_| self.is_behind_operand());
            let operand = match operand.and_then(|value| Some((value.text()?, value.is_whole))) {
                Some(operand) => operand,
                None => {
                    self.scanner.at = start;
                    (placeholder(self.until_plus()), false)
                }
            };
            text.push_str(&operand.0);
            is_whole &= operand.1;
        }
        Some(Value { json: in_quotes(&text), is_whole })
    }

    fn is_behind_operand(&self) -> bool {
        self.scanner.is_at_end() || self.scanner.peek_is(&['+', ',', ';', ')', ']', '}', '\n'])
    }

    /// The source of an operand that has to be run: a name, and what is called or looked up of it.
    fn until_plus(&mut self) -> &str {
        self.scanner.blanks();
        self.scanner.operand()
    }

    fn operand(&mut self, depth: usize) -> Option<Value> {
        self.scanner.blanks();
        match self.scanner.peek()? {
            quote @ ('"' | '\'') => {
                self.scanner.bump();
                Value::whole(in_quotes(&quoted(&mut self.scanner, quote)?))
            }
            '`' => self.template(false),
            '{' if depth < DEPTH_MAX => self.object(depth),
            '[' if depth < DEPTH_MAX => self.list(depth),
            '-' | '0'..='9' => self.number(),
            _ => self.name(),
        }
    }

    fn number(&mut self) -> Option<Value> {
        let rest = self.scanner.rest();
        let is_of_number = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        let end = rest.find(|c| !is_of_number(c)).unwrap_or(rest.len());
        let number = rest.get(..end)?.replace('_', "");
        number.parse::<f64>().ok().filter(|number| number.is_finite())?;
        self.scanner.at += end;
        Value::whole(number)
    }

    /// A word of the language, or a constant.
    fn name(&mut self) -> Option<Value> {
        let name = self.scanner.word()?;
        match name {
            "true" | "false" | "null" => Value::whole(name.to_string()),
            "undefined" => Value::whole("null".to_string()),
            "String" if self.scanner.rest().starts_with(".raw`") => {
                self.scanner.at += ".raw".len();
                self.template(true)
            }
            _ => {
                let json = self.constants.get(name)?;
                self.budget = self.budget.checked_sub(json.len())?;
                Value::whole(json.clone())
            }
        }
    }

    fn template(&mut self, is_raw: bool) -> Option<Value> {
        self.scanner.bump();
        let mut text = String::new();
        let mut is_whole = true;
        loop {
            match self.scanner.bump()? {
                '`' => break,
                '\\' if is_raw => {
                    text.push('\\');
                    text.push(self.scanner.bump()?);
                }
                '\\' => escaped(&mut self.scanner, &mut text)?,
                '$' if self.scanner.peek() == Some('{') => {
                    self.scanner.bump();
                    let source = self.scanner.expression();
                    is_whole = false;
                    write!(text, "${{{source}}}").ok()?;
                    self.scanner.skip('}').then_some(())?;
                }
                other => text.push(other),
            }
        }
        Some(Value { json: in_quotes(&text), is_whole })
    }

    fn object(&mut self, depth: usize) -> Option<Value> {
        self.scanner.skip('{');
        let mut json = String::from("{");
        let mut is_whole = true;
        while !self.scanner.skip('}') {
            let name = self.field_name()?;
            let value = match self.scanner.skip(':') {
                true => self.value_at(depth + 1),
                false => self.short_field(&name),
            };
            is_whole &= value.is_whole;
            let comma = if json.len() > 1 { "," } else { "" };
            write!(json, "{comma}{}:{}", in_quotes(&name), value.json).ok()?;
            if !self.scanner.skip(',') && !self.scanner.peek_is(&['}']) {
                return None;
            }
        }
        json.push('}');
        Some(Value { json, is_whole })
    }

    fn field_name(&mut self) -> Option<String> {
        self.scanner.blanks();
        match self.scanner.peek()? {
            quote @ ('"' | '\'') => {
                self.scanner.bump();
                quoted(&mut self.scanner, quote)
            }
            c if is_of_word(c) => self.scanner.word().map(str::to_string),
            _ => None,
        }
    }

    /// `{name}`: the field has the name of what it holds.
    fn short_field(&mut self, name: &str) -> Value {
        let known = self.constants.get(name);
        match known.filter(|json| json.len() <= self.budget) {
            Some(json) => {
                self.budget -= json.len();
                Value { json: json.clone(), is_whole: true }
            }
            None => Value::placeholder(name),
        }
    }

    /// A list; one of texts may be joined.
    fn list(&mut self, depth: usize) -> Option<Value> {
        self.scanner.skip('[');
        let mut elements = Vec::new();
        while !self.scanner.skip(']') {
            elements.push(self.value_at(depth + 1));
            if !self.scanner.skip(',') && !self.scanner.peek_is(&[']']) {
                return None;
            }
        }
        let is_whole = elements.iter().all(|element| element.is_whole);
        if self.scanner.rest().starts_with(".join(") {
            self.scanner.at += ".join(".len();
            let separator = self.value_at(depth + 1).text()?;
            self.scanner.skip(')').then_some(())?;
            let texts: Option<Vec<String>> = elements.iter().map(Value::text).collect();
            return Some(Value { json: in_quotes(&texts?.join(&separator)), is_whole });
        }
        let json: Vec<&str> = elements.iter().map(|element| element.json.as_str()).collect();
        Some(Value { json: format!("[{}]", json.join(",")), is_whole })
    }
}

/// The text up to a quote, behind the one that opens it.
pub(super) fn quoted(scanner: &mut Scanner<'_>, quote: char) -> Option<String> {
    let mut text = String::new();
    loop {
        match scanner.bump()? {
            c if c == quote => return Some(text),
            '\\' => escaped(scanner, &mut text)?,
            other => text.push(other),
        }
    }
}

/// What stands behind a backslash.
fn escaped(scanner: &mut Scanner<'_>, text: &mut String) -> Option<()> {
    let decoded = match scanner.bump()? {
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'b' => '\u{8}',
        'f' => '\u{c}',
        'v' => '\u{b}',
        '0' => '\0',
        '\n' => return Some(()),
        'x' => character(hexadecimal(scanner, 2)?),
        'u' => unicode(scanner)?,
        other => other,
    };
    text.push(decoded);
    Some(())
}

fn character(code: u32) -> char {
    char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)
}

/// `\u0041`, `\u{1f600}`, and two halves of a character outside the first plane.
fn unicode(scanner: &mut Scanner<'_>) -> Option<char> {
    if scanner.peek() == Some('{') {
        scanner.bump();
        let digits = scanner.rest().find('}').filter(|digits| *digits <= 8)?;
        let code = hexadecimal(scanner, digits)?;
        scanner.bump();
        return Some(character(code));
    }
    let first = hexadecimal(scanner, 4)?;
    let behind = scanner.at;
    if (0xd800..0xdc00).contains(&first) && scanner.rest().starts_with("\\u") {
        scanner.at += 2;
        match hexadecimal(scanner, 4) {
            Some(second) if (0xdc00..0xe000).contains(&second) => {
                return Some(character(0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00)));
            }
            _ => scanner.at = behind,
        }
    }
    Some(character(first))
}

fn hexadecimal(scanner: &mut Scanner<'_>, digits: usize) -> Option<u32> {
    let code = u32::from_str_radix(scanner.rest().get(..digits)?, 16).ok()?;
    scanner.at += digits;
    Some(code)
}
