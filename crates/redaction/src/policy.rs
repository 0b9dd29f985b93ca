//! The policy: which redactions and rules are in force, compiled, and what they make of one text.

mod passed;
mod reach;
mod repeats;

pub use self::passed::{Redacted, Sensitive};
use self::reach::hides;
pub use self::repeats::{as_compared, bytes_of_same};
use super::engine::{By, Context, Engine, Hit, Manual, Mask, Matcher, Scope};
use super::place::{Class, Place};
use super::ready::Ready;
use super::{RuleError, RuleSet, risky};
use codex_ledger_entry::Seq;
use std::collections::{BTreeSet, HashMap};
use std::ops::Range;
use std::sync::{Arc, Mutex};

/// What is shown instead where nothing else is asked for.
pub const REPLACEMENT: &str = "[redacted]";

/// What stands for an id that is hidden begins so.
const PSEUDONYM: &str = "redacted";

/// A text that says a hidden prompt again is hidden wherever it stands when it has this many characters; shorter ones
/// ("yes", "go on") only where they stand for that prompt.
const TELLING_CHARS: usize = 20;

/// What a person hid, as far as the ledger still says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redaction {
    /// Seq of its entry.
    pub seq: Seq,
    /// What it hides.
    pub target: Target,
    /// What is shown instead.
    pub replacement: String,
}

/// What a redaction hides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A prompt, and what repeats it.
    Prompt {
        /// Entry of its record.
        seq: Seq,
        /// Part of the record, as its row has it.
        part: u64,
        /// Session that it was asked in.
        session: String,
        /// Its text, and the request inside an editor's wrapper.
        texts: Vec<String>,
    },
    /// Everything that one entry says.
    Entry {
        /// The entry.
        seq: Seq,
    },
    /// Texts of one entry: a field's, with what is nested in it, or a part of it.
    Texts {
        /// The entry.
        seq: Seq,
        /// What is hidden in the texts that come from it.
        texts: Vec<String>,
        /// Whether texts that are part of one of them are hidden too: the whole field is meant.
        is_whole: bool,
    },
    /// Everything that was said in a session, copies in its forks included.
    Session {
        /// Thread id.
        id: String,
    },
    /// Passages, wherever they are or within a session or repository.
    Passages {
        /// How they are found.
        matcher: Matcher,
        /// Where.
        scope: Scope,
    },
}

impl Target {
    /// Smaller for a narrower one, which wins where two overlap.
    fn rank(&self) -> u8 {
        match self {
            Target::Texts { .. } => 0,
            Target::Entry { .. } => 1,
            Target::Prompt { .. } => 2,
            Target::Session { .. } => 3,
            Target::Passages { scope: Scope::Session(_), .. } => 4,
            Target::Passages { scope: Scope::Repo(_), .. } => 5,
            Target::Passages { scope: Scope::Global, .. } => 6,
        }
    }
}

/// A key of a text; only [`Policy::text_key`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextKey(String);

impl TextKey {
    /// Its hex digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Active redactions and the rule set in force, compiled.
#[derive(Debug, Default)]
pub struct Policy {
    rules: RuleSet,
    redactions: Vec<Redaction>,
    unsaid: BTreeSet<String>,
    key: [u8; 32],
    engine: Option<Engine>,
    /// For ids, where redactions reach into other scopes.
    id_engine: Option<Engine>,
    /// For entries of which only some texts are hidden.
    engines: HashMap<Seq, Engine>,
    /// For records as they were written, which hold prompts in other words.
    raw_engine: Option<Engine>,
    needs_owners: bool,
    witness: Option<Arc<Mutex<Vec<SeenText>>>>,
}

/// A text and what the policy made of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenText {
    /// Table of the views.
    pub table: &'static str,
    /// Column of the table.
    pub column: &'static str,
    /// Entry that the text comes from.
    pub seq: Seq,
    /// The text as it is.
    pub raw: String,
    /// What is hidden of it.
    pub masks: Vec<Mask>,
    /// What is not hidden and looks as if it should be, in bytes of the text.
    pub risky: Vec<Range<usize>>,
}

impl Policy {
    /// Hides nothing.
    pub fn none() -> Policy {
        Policy::default()
    }

    /// Makes a policy ready. `key` is known to whoever has the ledger; names that stand for hidden ids depend on it.
    ///
    /// # Errors
    /// When a rule or a pattern cannot be read.
    pub fn compile(
        rules: RuleSet,
        redactions: Vec<Redaction>,
        key: [u8; 32],
    ) -> Result<Policy, RuleError> {
        let mut ready = Ready::new(&rules)?;
        let (redactions, unsaid) = with_safe_replacements(redactions, &mut ready)?;
        let unsaid = unsaid.into_iter().filter_map(|by| match by {
            By::Rule(index) => rules.rules.get(index as usize).map(|rule| rule.id.clone()),
            By::Manual(_) => None,
        });
        let unsaid = unsaid.collect();
        let manual: Vec<Manual> = redactions.iter().filter_map(Redaction::passages).collect();
        let engine = Some(Engine::prepare(&ready, &manual)?);
        // Rows of several sessions are joined by the ids of threads: what hides one in one session hides it in all.
        let is_narrow = |manual: &Manual| manual.scope != Scope::Global;
        let wide = |manual: &Manual| match manual.matcher.may_name_a_thread() {
            true => Manual { scope: Scope::Global, ..manual.clone() },
            false => manual.clone(),
        };
        let id_engine = match manual.iter().any(is_narrow) {
            true => Some(Engine::prepare(&ready, &manual.iter().map(wide).collect::<Vec<_>>())?),
            false => None,
        };
        let mut engines = HashMap::new();
        for redaction in &redactions {
            if let Target::Texts { seq, .. } = &redaction.target
                && !engines.contains_key(seq)
            {
                let mut here = manual.clone();
                here.extend(redactions.iter().flat_map(|other| literals_in(other, *seq)));
                engines.insert(*seq, Engine::prepare(&ready, &here)?);
            }
        }
        let prompts: Vec<Manual> = redactions.iter().flat_map(prompt_literals).collect();
        let raw_engine = match prompts.is_empty() {
            true => None,
            false => Some(Engine::prepare(&ready, &[manual, prompts].concat())?),
        };
        let needs_owners = redactions.iter().any(|redaction| {
            !matches!(redaction.target, Target::Passages { scope: Scope::Global, .. })
        });
        Ok(Policy {
            rules,
            redactions,
            unsaid,
            key,
            engine,
            id_engine,
            engines,
            raw_engine,
            needs_owners,
            witness: None,
        })
    }

    /// The rule set in force.
    pub fn rules(&self) -> &RuleSet {
        &self.rules
    }

    /// The active redactions.
    pub fn redactions(&self) -> &[Redaction] {
        &self.redactions
    }

    /// Ids of the rules that do not show what they would, since something in force hides that.
    pub fn unsaid(&self) -> &BTreeSet<String> {
        &self.unsaid
    }

    /// Whether it matters whose text a text is.
    pub fn needs_owners(&self) -> bool {
        self.needs_owners
    }

    /// Whether a redaction is narrowed to a repository.
    pub fn is_narrowed_to_repos(&self) -> bool {
        self.redactions.iter().any(|redaction| {
            matches!(redaction.target, Target::Passages { scope: Scope::Repo(_), .. })
        })
    }

    /// The prompt that a redaction hides, as it was sent; none for redactions of other things.
    pub fn hidden_prompt(&self, redaction: Seq) -> Option<&str> {
        let of = self.redactions.iter().find(|of| of.seq == redaction)?;
        match &of.target {
            Target::Prompt { texts, .. } => texts.first().map(String::as_str),
            _ => None,
        }
    }

    /// The entries that redactions name.
    pub fn named_entries(&self) -> impl Iterator<Item = Seq> {
        self.redactions.iter().filter_map(|redaction| match redaction.target {
            Target::Entry { seq } | Target::Texts { seq, .. } | Target::Prompt { seq, .. } => {
                Some(seq)
            }
            Target::Session { .. } | Target::Passages { .. } => None,
        })
    }

    /// The key that what is derived from this ledger is enciphered with.
    pub fn key(&self) -> &[u8; 32] {
        &self.key
    }

    /// Tells somebody of every text that is not shown as it is, or that looks as if it should not be.
    pub fn witnessed_by(self, witness: Arc<Mutex<Vec<SeenText>>>) -> Policy {
        Policy { witness: Some(witness), ..self }
    }

    fn testify(&self, text: &str, place: &Place<'_>, masks: Vec<Mask>) {
        let Some(witness) = &self.witness else { return };
        let is_hidden =
            |risk: &Range<usize>| masks.iter().any(|m| m.start < risk.end && risk.start < m.end);
        let mut risky = if place.class == Class::Text { risky(text) } else { Vec::new() };
        risky.retain(|risk| !is_hidden(risk));
        if !masks.is_empty() || !risky.is_empty() {
            let Place { table, column, seq, .. } = *place;
            if let Ok(mut seen) = witness.lock() {
                seen.push(SeenText { table, column, seq, raw: text.to_string(), masks, risky });
            }
        }
    }

    /// Makes of a text what may be shown; says what hid how many passages of it.
    pub fn apply(
        &self,
        text: Sensitive<'_>,
        place: &Place<'_>,
        hidden: &mut dyn FnMut(Hit),
    ) -> Redacted {
        if place.class == Class::Word {
            return Redacted(text.0.into_owned());
        }
        if let Some(redaction) = self.whole(&text.0, place, hidden) {
            let by = By::Manual(redaction.seq);
            let replacement = redaction.replacement.clone();
            let mask = Mask {
                start: 0,
                end: text.0.len(),
                by,
                all: vec![by],
                replacement: replacement.clone(),
            };
            self.testify(&text.0, place, vec![mask]);
            return Redacted(replacement);
        }
        let text = match self.without_prompts(&text.0, place, hidden) {
            Some(shown) => Sensitive::new(shown),
            None => text,
        };
        let Some(engine) = self.engine_for(place) else {
            return Redacted(text.0.into_owned());
        };
        let at = place.context();
        if self.witness.is_some() {
            self.testify(&text.0, place, engine.masks(&text.0, &at));
        }
        let mut hits = Vec::new();
        let shown = engine.redact(&text.0, &at, &mut hits);
        if let Some(redaction) = self.left(shown.as_deref().unwrap_or(&text.0), place) {
            hidden(Hit::whole(redaction.seq));
            return Redacted(redaction.replacement.clone());
        }
        hits.into_iter().for_each(hidden);
        match shown {
            None => Redacted(text.0.into_owned()),
            Some(_) if place.class == Class::Id => Redacted(self.pseudonym(&text.0)),
            Some(shown) => Redacted(shown),
        }
    }

    /// Whether a person has hidden anything.
    pub fn has_redactions(&self) -> bool {
        !self.redactions.is_empty()
    }

    /// The passages of a text that are hidden where it stands: of what was cut out of it, these are to be hidden, too.
    pub fn masks(&self, text: &str, place: &Place<'_>) -> Vec<Mask> {
        if let Some(redaction) = self.whole(text, place, &mut |_| ()) {
            let (by, replacement) = (By::Manual(redaction.seq), redaction.replacement.clone());
            return vec![Mask { start: 0, end: text.len(), by, all: vec![by], replacement }];
        }
        let engine = self.engine_for(place);
        engine.map_or_else(Vec::new, |engine| engine.masks(text, &place.context()))
    }

    fn engine_for(&self, place: &Place<'_>) -> Option<&Engine> {
        let is_raw = place.table == "raw_records";
        let narrow = match place.class {
            Class::Id => self.id_engine.as_ref(),
            Class::Text | Class::Label if place.table == "annotations" => self.id_engine.as_ref(),
            Class::Text => {
                let raw = self.raw_engine.as_ref().filter(|_| is_raw);
                self.engines.get(&place.seq).or(raw)
            }
            // A part of a field is no part of a setting; a field that is one is hidden as a whole.
            Class::Label | Class::Word => None,
        };
        narrow.or(self.engine.as_ref())
    }

    /// A key of a text: the same for the same text, and telling nothing of it without the ledger.
    pub fn text_key(&self, text: &str) -> TextKey {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        hasher.update(b"text key").update(text.trim().as_bytes());
        TextKey(hasher.finalize().to_hex().as_str().get(..16).unwrap_or_default().to_string())
    }

    /// What stands for a hidden id: the same for the same id, and telling nothing of it without the ledger.
    fn pseudonym(&self, id: &str) -> String {
        let hash = blake3::keyed_hash(&self.key, id.as_bytes()).to_hex();
        format!("{PSEUDONYM}-{}", hash.get(..16).unwrap_or_default())
    }

    /// The narrowest, then oldest redaction that hides a text as a whole; tells of all of them.
    fn whole(
        &self,
        text: &str,
        place: &Place<'_>,
        hidden: &mut dyn FnMut(Hit),
    ) -> Option<&Redaction> {
        let may_hide = matches!(place.class, Class::Text | Class::Label);
        if !self.needs_owners || !may_hide || text.is_empty() {
            return None;
        }
        let mut found: Option<&Redaction> = None;
        for redaction in &self.redactions {
            if !hides(&redaction.target, text, place) {
                continue;
            }
            hidden(Hit::whole(redaction.seq));
            let rank = |redaction: &Redaction| (redaction.target.rank(), redaction.seq);
            if found.is_none_or(|known| rank(redaction) < rank(known)) {
                found = Some(redaction);
            }
        }
        found
    }
}

impl Redaction {
    /// What an engine looks for, where passages are hidden wherever they are.
    pub fn passages(&self) -> Option<Manual> {
        let Target::Passages { matcher, scope } = &self.target else {
            return None;
        };
        Some(manual(self, matcher.clone(), scope.clone()))
    }

    /// What an engine looks for in a text of which nobody knows whose it is: all that this hides by its words.
    pub fn anywhere(&self) -> Vec<Manual> {
        let mut all = prompt_literals(self);
        if let Target::Texts { texts, .. } = &self.target {
            all.extend(literals(self, texts));
        }
        all.extend(self.passages().map(|manual| Manual { scope: Scope::Global, ..manual }));
        all
    }
}

/// What is shown instead is written as it is: where it says what something in force hides, the usual words are.
fn with_safe_replacements(
    mut redactions: Vec<Redaction>,
    ready: &mut Ready,
) -> Result<(Vec<Redaction>, Vec<By>), RuleError> {
    let anywhere: Vec<Manual> = redactions.iter().flat_map(Redaction::anywhere).collect();
    let is_own = |of: &&mut Redaction| of.replacement != REPLACEMENT;
    let has_own = redactions.iter().any(|of| of.replacement != REPLACEMENT);
    if anywhere.is_empty() && !has_own && !ready.has_replacements() {
        return Ok((redactions, Vec::new()));
    }
    let engine = Engine::prepare(ready, &anywhere)?.that_trusts_nothing();
    let by_hand = Engine::prepare(&Ready::new(&RuleSet::default())?, &anywhere)?;
    let hides = |engine: &Engine, text: &str| {
        engine.redact(text, &Context::default(), &mut Vec::new()).is_some()
    };
    let own = redactions.iter_mut().filter(is_own);
    own.filter(|of| hides(&engine, &of.replacement)).for_each(|of| {
        of.replacement = REPLACEMENT.into();
    });
    // The usual words of a rule hold its id, which a person may have hidden.
    let unsaid = ready.replace_shown(&|shown, is_usual| {
        hides(if is_usual { &by_hand } else { &engine }, shown).then(|| REPLACEMENT.into())
    });
    Ok((redactions, unsaid))
}

fn literals_in(redaction: &Redaction, entry: Seq) -> Vec<Manual> {
    match &redaction.target {
        Target::Texts { seq, texts, .. } if *seq == entry => literals(redaction, texts),
        _ => Vec::new(),
    }
}

fn prompt_literals(redaction: &Redaction) -> Vec<Manual> {
    match &redaction.target {
        Target::Prompt { texts, .. } => literals(redaction, texts),
        _ => Vec::new(),
    }
}

fn literals(redaction: &Redaction, texts: &[String]) -> Vec<Manual> {
    let texts = texts.iter().filter(|text| !text.is_empty());
    let literal = |text: &String| Matcher::Literal { text: text.clone(), ignore_case: false };
    texts.map(|text| manual(redaction, literal(text), Scope::Global)).collect()
}

fn manual(redaction: &Redaction, matcher: Matcher, scope: Scope) -> Manual {
    Manual {
        id: redaction.seq,
        matcher,
        scope,
        replacement: redaction.replacement.clone(),
        rank: redaction.target.rank(),
    }
}
