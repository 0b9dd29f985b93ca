//! How a literal is spelled where it was found.

use super::super::view::unseen::has_unseen;
use super::fold::{How, folded_text};

/// A spelling of a literal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Form {
    /// As it was given.
    Written,
    /// In other capital and small letters.
    Case,
    /// Letters composed otherwise, of another width, or with other blanks.
    Look,
    /// With characters inside that nobody sees.
    Unseen,
    /// Over line breaks, or the words of an array.
    Wrapped,
    /// With terminal sequences inside, or inside of one.
    Terminal,
    /// In escapes of JSON, of a shell or a programming language.
    Escapes,
    /// In percent signs.
    Percent,
    /// In entities of HTML.
    Entities,
    /// In quoted-printable.
    QuotedPrintable,
    /// Inside of base64.
    Base64,
}

impl Form {
    /// Its name in the views and in reports.
    pub fn name(self) -> &'static str {
        match self {
            Form::Written => "as written",
            Form::Case => "other case",
            Form::Look => "composed otherwise",
            Form::Unseen => "unseen characters inside",
            Form::Wrapped => "over line breaks",
            Form::Terminal => "terminal sequences",
            Form::Escapes => "escapes",
            Form::Percent => "percent signs",
            Form::Entities => "entities",
            Form::QuotedPrintable => "quoted-printable",
            Form::Base64 => "base64",
        }
    }

    /// Tells what was found apart, by what is in it; of several spellings at once, the outermost.
    pub(crate) fn of(found: &str, literal: &str) -> Form {
        const HOW: How = How { small: true, blanks: true };
        let same_case = |text: &str| text.to_lowercase() == literal.to_lowercase();
        let looks_same =
            || folded_text(found, HOW).eq_ignore_ascii_case(&folded_text(literal, HOW));
        match () {
            () if found.contains(literal) => Form::Written,
            () if same_case(found) => Form::Case,
            () if found.contains(['\u{1b}', '\u{9b}']) => Form::Terminal,
            () if looks_same() && found.contains(['\n', '\r']) => Form::Wrapped,
            () if looks_same() && has_unseen(found) => Form::Unseen,
            () if looks_same() => Form::Look,
            () if found.contains('\\') => Form::Escapes,
            () if found.contains('%') => Form::Percent,
            () if found.contains('&') => Form::Entities,
            () if found.trim_end_matches('=').contains('=') => Form::QuotedPrintable,
            () if is_base64_of(found, literal) => Form::Base64,
            // A word of an array.
            () => Form::Wrapped,
        }
    }
}

/// Whether a run of base64 holds the literal, however it falls there.
fn is_base64_of(run: &str, literal: &str) -> bool {
    let run = run.replace('-', "+").replace('_', "/");
    super::base64_forms(literal, true).iter().any(|form| run.contains(form.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_is_told() {
        for (found, form) in [
            ("Hafen Straße", Form::Written),
            ("hafen straße", Form::Case),
            ("HAFEN STRASSE", Form::Look),
            ("Hafen\u{a0}Straße", Form::Look),
            ("Hafen\n+ Straße", Form::Wrapped),
            ("Ha\u{200b}fen Straße", Form::Unseen),
            ("Ha\u{1b}[1mfen Straße", Form::Terminal),
            ("Hafen Stra\\u00dfe", Form::Escapes),
            ("Hafen%20Stra%C3%9Fe", Form::Percent),
            ("Hafen Stra&szlig;e", Form::Entities),
            ("Hafen Stra=C3=9Fe", Form::QuotedPrintable),
            ("SGFmZW4gU3RyYcOfZQ==", Form::Base64),
        ] {
            assert_eq!(Form::of(found, "Hafen Straße"), form, "{found:?}");
        }
    }
}
