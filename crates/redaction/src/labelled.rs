//! The labelled corpus: made-up secrets and harmless texts, each at many places, and how well rules do on them.
//!
//! `fixtures/redaction/README.md` defines the files, the steps and the digest of all texts. Texts are expanded one at a
//! time: all of them together are some tens of megabytes.

mod expand;
mod measure;
#[cfg(test)]
mod tests;

use std::ops::Range;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use expand::{Segments, Step, expanded};
pub(crate) use measure::hides;
pub use measure::{Acts, Harmless, Measured, Tally, everywhere, measure};

/// A labelled corpus, read but not expanded.
#[derive(Debug)]
pub struct Labelled {
    secrets: Vec<Secret>,
    benign: Vec<Benign>,
    places: Vec<Place>,
    /// Indexes of the places where harmless texts stand.
    benign_places: Vec<usize>,
}

/// Why a corpus cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}: line {line}: {reason}")]
pub struct LabelledError {
    /// `secrets`, `placements` or `benign`.
    pub file: &'static str,
    /// From 1.
    pub line: usize,
    /// What is wrong.
    pub reason: String,
}

/// One text of the corpus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case<'a> {
    /// Id of the secret or of the harmless text.
    pub id: &'a str,
    /// Id of the place.
    pub place: &'a str,
    /// The text.
    pub text: String,
    /// Whether a fault counts.
    pub required: bool,
    /// What should be hidden.
    pub label: Label<'a>,
}

/// What should be hidden in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Label<'a> {
    /// A secret.
    Secret {
        /// Id of the rule that one expects to hide it.
        rule: &'a str,
        /// Kind of secret.
        kind: &'a str,
        /// Bytes that must be hidden.
        secret: Range<usize>,
        /// Bytes outside which nothing may be hidden.
        may: Range<usize>,
    },
    /// Nothing.
    Harmless {
        /// Kind of text.
        category: &'a str,
    },
}

/// A text in one piece or in several, which keep scanners of hosting sites quiet.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Pieces {
    One(String),
    Many(Vec<String>),
}

impl Pieces {
    fn text(&self) -> String {
        match self {
            Pieces::One(text) => expanded(text),
            Pieces::Many(pieces) => expanded(&pieces.concat()),
        }
    }
}

#[derive(Debug, Deserialize)]
struct SecretLine {
    id: String,
    kind: String,
    rule: String,
    shape: String,
    secret: Pieces,
    context: Option<Pieces>,
    key: Option<String>,
    #[serde(default)]
    optional: bool,
}

#[derive(Debug, Deserialize)]
struct BenignLine {
    id: String,
    category: String,
    text: Pieces,
    only: Option<String>,
    #[serde(default)]
    optional: bool,
}

#[derive(Debug, Deserialize)]
struct PlaceLine {
    id: String,
    #[serde(rename = "for")]
    shapes: Vec<String>,
    #[serde(default)]
    base: Base,
    steps: Vec<Vec<Value>>,
    #[serde(default)]
    optional: bool,
    #[serde(default)]
    benign: bool,
}

/// What the steps of a place begin with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Base {
    #[default]
    Context,
    Bare,
    Key,
}

#[derive(Debug)]
struct Secret {
    id: String,
    kind: String,
    rule: String,
    shape: String,
    key: Option<String>,
    required: bool,
    /// The secret in its context, and alone.
    context: Segments,
    bare: Segments,
}

#[derive(Debug)]
struct Benign {
    id: String,
    category: String,
    text: Segments,
    only: Option<String>,
    required: bool,
}

#[derive(Debug)]
struct Place {
    id: String,
    shapes: Vec<String>,
    base: Base,
    steps: Vec<Step>,
    required: bool,
}

/// The corpus that is shipped with the program.
///
/// # Errors
/// Never in a build that passes its tests; but rules that nobody measured must not pass for measured ones.
pub fn shipped() -> Result<Labelled, LabelledError> {
    Labelled::parse(
        include_str!("../../../fixtures/redaction/secrets.jsonl"),
        PLACEMENTS,
        include_str!("../../../fixtures/redaction/benign.jsonl"),
    )
}

/// The places that are shipped with the program.
pub const PLACEMENTS: &str = include_str!("../../../fixtures/redaction/placements.jsonl");

impl Labelled {
    /// Reads a corpus from the texts of its three files, one JSON object a line.
    ///
    /// # Errors
    /// Names the file and the line of the first fault.
    pub fn parse(secrets: &str, placements: &str, benign: &str) -> Result<Labelled, LabelledError> {
        let mut places = Vec::new();
        let mut benign_places = Vec::new();
        for (place, line) in lines::<PlaceLine>("placements", placements)?.into_iter().zip(1..) {
            let steps = place.steps.iter().map(|step| Step::parse(step)).collect::<Option<_>>();
            let wrong =
                || fault("placements", line, "a step is unknown or has the wrong arguments");
            let steps = steps.ok_or_else(wrong)?;
            if place.benign {
                benign_places.push(places.len());
            }
            let PlaceLine { id, shapes, base, optional, .. } = place;
            places.push(Place { id, shapes, base, steps, required: !optional });
        }
        let secrets = lines::<SecretLine>("secrets", secrets)?.into_iter().zip(1..);
        let benign = lines::<BenignLine>("benign", benign)?.into_iter().map(|line| Benign {
            id: line.id,
            category: line.category,
            text: Segments::alone(line.text.text()),
            only: line.only,
            required: !line.optional,
        });
        Ok(Labelled {
            secrets: secrets
                .map(|(secret, line)| Secret::of(secret, line))
                .collect::<Result<_, _>>()?,
            benign: benign.collect(),
            places,
            benign_places,
        })
    }

    /// Secrets and harmless texts, before they are put at their places.
    pub fn counts(&self) -> (usize, usize) {
        (self.secrets.len(), self.benign.len())
    }

    /// How many pairs of a text and a place there are; [`Labelled::case`] gives each, in the order of the files.
    pub fn pairs(&self) -> usize {
        self.secrets.len() * self.places.len() + self.benign.len() * self.benign_places.len()
    }

    /// The text of one pair, or none where the place does not apply.
    pub fn case(&self, pair: usize) -> Option<Case<'_>> {
        let secrets = self.secrets.len() * self.places.len();
        match pair.checked_sub(secrets) {
            None => {
                let place = self.places.get(pair % self.places.len().max(1))?;
                self.secrets.get(pair / self.places.len().max(1))?.at(place)
            }
            Some(pair) => {
                let place = self.benign_places.get(pair % self.benign_places.len().max(1))?;
                let benign = self.benign.get(pair / self.benign_places.len().max(1))?;
                benign.at(self.places.get(*place)?)
            }
        }
    }

    /// All texts, in the order of the files.
    pub fn cases(&self) -> impl Iterator<Item = Case<'_>> {
        (0..self.pairs()).filter_map(|pair| self.case(pair))
    }
}

impl Secret {
    fn of(line: SecretLine, number: usize) -> Result<Secret, LabelledError> {
        let secret = line.secret.text();
        let context = line.context.as_ref().map_or("{}".into(), Pieces::text);
        let context = Segments::of(&context, &secret)
            .ok_or_else(|| fault("secrets", number, "the context needs exactly one {}"))?;
        Ok(Secret {
            id: line.id,
            kind: line.kind,
            rule: line.rule,
            shape: line.shape,
            key: line.key,
            required: !line.optional,
            context,
            bare: Segments::alone(secret),
        })
    }

    fn at<'a>(&'a self, place: &'a Place) -> Option<Case<'a>> {
        let named = self.key.is_some() || self.shape == "token" || place.base != Base::Key;
        if !named || !place.shapes.contains(&self.shape) {
            return None;
        }
        let base = if place.base == Base::Context { &self.context } else { &self.bare };
        let mut segments = base.clone();
        let key = self.key.as_deref().unwrap_or("value");
        place.steps.iter().try_for_each(|step| step.apply(&mut segments, key))?;
        let (secret, may) = segments.spans();
        Some(Case {
            id: &self.id,
            place: &place.id,
            text: segments.text(),
            required: self.required && place.required,
            label: Label::Secret { rule: &self.rule, kind: &self.kind, secret, may },
        })
    }
}

impl Benign {
    fn at<'a>(&'a self, place: &'a Place) -> Option<Case<'a>> {
        if self.only.as_deref() == Some("plain") && place.id != "plain" {
            return None;
        }
        let mut segments = self.text.clone();
        place.steps.iter().try_for_each(|step| step.apply(&mut segments, "value"))?;
        Some(Case {
            id: &self.id,
            place: &place.id,
            text: segments.text(),
            required: self.required,
            label: Label::Harmless { category: &self.category },
        })
    }
}

fn fault(file: &'static str, line: usize, reason: impl Into<String>) -> LabelledError {
    LabelledError { file, line, reason: reason.into() }
}

fn lines<T: DeserializeOwned>(file: &'static str, text: &str) -> Result<Vec<T>, LabelledError> {
    let read = |(line, number): (&str, usize)| {
        serde_json::from_str(line).map_err(|error| fault(file, number, error.to_string()))
    };
    text.lines().zip(1..).map(read).collect()
}
