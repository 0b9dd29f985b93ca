//! The words of a script, past its texts and remarks.

/// A place in a script. What it does not know it passes over, one character after the other.
pub(super) struct Scanner<'a> {
    text: &'a str,
    pub at: usize,
    /// Open braces of code inside of templates: how many in each.
    braces: Vec<usize>,
    /// The last character that was no blank: it tells a pattern from a division.
    last: char,
    /// Bytes that may still be looked at. What is given to a call is read once for the call, and again for the calls in
    /// it: a text that is made for it could go on with that for hours.
    fuel: usize,
}

/// How often a script's bytes are looked at before the rest of it is given up.
const LOOKS: usize = 32;

/// How deep templates may stand in templates; deeper ones are read as text.
const TEMPLATES_MAX: usize = 16;

impl<'a> Scanner<'a> {
    pub(super) fn new(text: &'a str) -> Scanner<'a> {
        let fuel = text.len().saturating_mul(LOOKS);
        Scanner { text, at: 0, braces: Vec::new(), last: ';', fuel }
    }

    pub(super) fn rest(&self) -> &'a str {
        let is_given_up = self.fuel == 0;
        if is_given_up { "" } else { self.text.get(self.at..).unwrap_or_default() }
    }

    fn go(&mut self, bytes: usize) {
        self.at += bytes;
        self.fuel = self.fuel.saturating_sub(bytes);
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.rest().trim_start().is_empty()
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub(super) fn bump(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.go(next.len_utf8());
        Some(next)
    }

    /// Passes blanks and remarks.
    pub(super) fn blanks(&mut self) {
        loop {
            let rest = self.rest();
            let trimmed = rest.trim_start();
            self.go(rest.len() - trimmed.len());
            let remark = match trimmed.get(..2) {
                Some("//") => trimmed.find('\n').unwrap_or(trimmed.len()),
                Some("/*") => trimmed.find("*/").map_or(trimmed.len(), |end| end + 2),
                _ => return,
            };
            self.go(remark);
        }
    }

    /// Passes a character, if it is the next one behind blanks.
    pub(super) fn skip(&mut self, expected: char) -> bool {
        self.blanks();
        let is_next = self.peek() == Some(expected);
        self.go(if is_next { expected.len_utf8() } else { 0 });
        is_next
    }

    /// Whether one of these comes next, a line's end counting as one.
    pub(super) fn peek_is(&self, any: &[char]) -> bool {
        let rest = self.rest().trim_start_matches([' ', '\t', '\r']);
        let rest = if any.contains(&'\n') { rest } else { rest.trim_start() };
        rest.starts_with(any)
    }

    /// A name, behind blanks.
    pub(super) fn word(&mut self) -> Option<&'a str> {
        self.blanks();
        let rest = self.rest();
        let end = rest.find(|c| !is_of_word(c)).unwrap_or(rest.len());
        let word = rest.get(..end).filter(|word| !word.is_empty())?;
        self.go(end);
        self.last = 'a';
        Some(word)
    }

    /// `.name` or `["name"]`.
    pub(super) fn member(&mut self) -> Option<String> {
        if self.skip('.') {
            return self.word().map(str::to_string);
        }
        if !self.skip('[') {
            return None;
        }
        self.blanks();
        let quote = self.peek().filter(|c| matches!(c, '"' | '\'' | '`'))?;
        self.bump();
        let name = super::value::quoted(self, quote)?;
        self.skip(']').then_some(name)
    }

    /// The next name in code that is not the member of something.
    pub(super) fn next_word(&mut self) -> Option<&'a str> {
        loop {
            self.blanks();
            let next = self.peek()?;
            if is_of_word(next) {
                let is_member = self.last == '.';
                let word = self.word()?;
                self.last = if word == "return" { ';' } else { 'a' };
                if !is_member {
                    return Some(word);
                }
                continue;
            }
            self.pass(next);
        }
    }

    /// Passes a text, a pattern, or a character.
    fn pass(&mut self, next: char) {
        self.bump();
        match next {
            '"' | '\'' => drop(super::value::quoted(self, next)),
            '`' => self.template(),
            '/' if !matches!(self.last, 'a' | ')' | ']') => self.pattern(),
            '{' => {
                if let Some(open) = self.braces.last_mut() {
                    *open += 1;
                }
            }
            '}' => match self.braces.last_mut() {
                Some(0) => {
                    self.braces.pop();
                    self.template();
                }
                Some(open) => *open -= 1,
                None => {}
            },
            _ => {}
        }
        self.last = if matches!(next, '"' | '\'' | '`') { 'a' } else { next };
    }

    /// Goes on in a template up to its end or to the code in it.
    fn template(&mut self) {
        while let Some(next) = self.bump() {
            match next {
                '\\' => drop(self.bump()),
                '`' => return,
                '$' if self.peek() == Some('{') && self.braces.len() < TEMPLATES_MAX => {
                    self.bump();
                    self.braces.push(0);
                    return;
                }
                _ => {}
            }
        }
    }

    /// A pattern ends at its slash, or with its line.
    fn pattern(&mut self) {
        let mut is_in_class = false;
        while let Some(next) = self.bump() {
            match next {
                '\\' => drop(self.bump()),
                '[' => is_in_class = true,
                ']' => is_in_class = false,
                '/' if !is_in_class => return,
                '\n' => return,
                _ => {}
            }
        }
    }

    /// The source up to where an argument, an element or a field ends.
    pub(super) fn expression(&mut self) -> &'a str {
        let start = self.at;
        let mut depth = 0_usize;
        while let Some(next) = self.peek() {
            match next {
                ',' | ';' if depth == 0 => break,
                ')' | ']' | '}' if depth == 0 => break,
                '(' | '[' | '{' => depth += 1,
                ')' | ']' | '}' => depth -= 1,
                _ => {}
            }
            self.bump();
            match next {
                '"' | '\'' => drop(super::value::quoted(self, next)),
                '`' => self.whole_template(),
                _ => {}
            }
        }
        self.text.get(start..self.at).unwrap_or_default().trim()
    }

    /// The source of a name with what is called or looked up of it.
    pub(super) fn operand(&mut self) -> &'a str {
        let start = self.at;
        while let Some(next) = self.peek() {
            match next {
                '(' | '[' => {
                    self.bump();
                    while !self.is_at_end() && !matches!(self.peek(), Some(')' | ']')) {
                        self.expression();
                        self.bump_if(&[',', ';', '}']);
                    }
                    self.bump();
                }
                c if is_of_word(c) || matches!(c, '.' | '?' | '!') => drop(self.bump()),
                _ => break,
            }
        }
        self.text.get(start..self.at).unwrap_or_default().trim()
    }

    fn bump_if(&mut self, any: &[char]) {
        if self.peek().is_some_and(|next| any.contains(&next)) {
            self.bump();
        }
    }

    /// A template as a whole; one inside of its code is not looked for.
    fn whole_template(&mut self) {
        while let Some(next) = self.bump() {
            match next {
                '\\' => drop(self.bump()),
                '`' => return,
                _ => {}
            }
        }
    }
}

pub(super) fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '$'
}
