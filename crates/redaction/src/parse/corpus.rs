//! A rule file's own corpus: texts in which `«…»` stands around what the rules hide, and nothing else.

use crate::builtin::expand_example;
use crate::engine::{By, Context, Engine};
use crate::labelled::{everywhere, hides};
use crate::rule::{RuleError, RuleSet};

/// What a text says that its rules hide.
struct Sample {
    text: String,
    hidden: Vec<(usize, usize)>,
}

impl Sample {
    /// Reads the marks; none where one is left open.
    fn read(written: &str) -> Option<Sample> {
        let mut sample = Sample { text: String::new(), hidden: Vec::new() };
        let written = expand_example(written);
        let mut rest = written.as_str();
        while let Some((before, marked)) = rest.split_once('«') {
            let (inside, after) = marked.split_once('»')?;
            sample.text.push_str(before);
            let start = sample.text.len();
            sample.text.push_str(inside);
            sample.hidden.push((start, sample.text.len()));
            rest = after;
        }
        sample.text.push_str(rest);
        Some(sample)
    }
}

/// Refuses rules that do not do what their corpus says; `line` tells where one of its texts stands.
pub(super) fn check(
    rules: &RuleSet,
    line: impl Fn(&str) -> Option<usize>,
) -> Result<(), RuleError> {
    if rules.corpus.is_empty() {
        return Ok(());
    }
    let all = everywhere(rules);
    let engine = Engine::compile(&all, &[])?;
    rules.corpus.iter().zip(1..).try_for_each(|(written, number)| {
        let fault = Sample::read(written)
            .map_or_else(|| Some("a « has no »".to_owned()), |sample| sample.fault(&engine, &all));
        match fault {
            None => Ok(()),
            Some(fault) => {
                // Not the text itself: somebody may have put a real secret there.
                Err(RuleError::file(line(written), format!("corpus: text {number}: {fault}")))
            }
        }
    })
}

impl Sample {
    /// How what is hidden differs from what is marked.
    fn fault(&self, engine: &Engine, rules: &RuleSet) -> Option<String> {
        let masks = engine.masks(&self.text, &Context::default());
        let shown = self.hidden.iter().any(|(start, end)| !hides(&masks, *start, *end));
        if shown {
            return Some("what is marked with « » is not hidden".into());
        }
        let marked = |start, end| self.hidden.iter().any(|(from, to)| *from <= start && end <= *to);
        let beyond = masks.iter().find(|mask| !marked(mask.start, mask.end))?;
        let rule = match beyond.by {
            By::Rule(index) => usize::try_from(index).ok().and_then(|index| rules.rules.get(index)),
            By::Manual(_) => None,
        };
        let id = rule.map_or("another", |rule| rule.id.as_str());
        Some(format!("rule \"{id}\" hides what is not marked"))
    }
}
