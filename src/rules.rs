//! `redact rules`: listed, checked, tried, put in force.

use crate::door::{Done, Door, Result, Style, app, as_value, say, weaker_rules};
use crate::error::DoorError;
use crate::redact::read_text;
use crate::rules_test;
use crate::text::{count, one_line, plural, safe};
use clap::Subcommand;
use codex_ledger_app::{
    AppError, ErrorKind, Examples, Rule, RuleFormat, RuleKind, RuleSet, RulesInForce, Seq,
    builtin_rules, check_rules, parse_rules,
};
use serde::Serialize;
use std::path::{Path, PathBuf};

#[derive(Debug, Subcommand)]
pub enum RulesCommand {
    /// List the rules in force, in their order of precedence
    List,
    /// Check a file of rules without using it
    Check {
        /// YAML, JSON, or Gitleaks TOML
        file: PathBuf,
    },
    /// Try rules on their examples and on the labelled corpus; print precision and recall
    Test {
        /// YAML, JSON, or Gitleaks TOML [default: the rules that come with the program]
        file: Option<PathBuf>,
    },
    /// Put a file of rules in force; recorded as an entry
    Set {
        /// YAML, JSON, or Gitleaks TOML; `builtin` means the rules that come with the program
        file: PathBuf,
        /// Use them though one hides something nearly everywhere
        #[arg(long)]
        wide: bool,
        /// Why (required); recorded with your name, and shown in reports
        #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
        reason: String,
    },
}

/// What is printed of a rule set.
#[derive(Serialize)]
struct Rules<'a> {
    name: &'a str,
    digest: String,
    rules: Vec<serde_json::Value>,
    notes: Vec<String>,
}

/// What is printed of a rule set that was put in force.
#[derive(Serialize)]
struct RulesSet<'a> {
    /// `None` where it was in force already.
    seq: Option<Seq>,
    digest: String,
    notes: &'a [String],
    weaker: Vec<WeakerRule<'a>>,
}

#[derive(Serialize)]
struct WeakerRule<'a> {
    rule: &'a str,
    how: &'a str,
}

pub fn run(door: &mut Door, what: RulesCommand) -> Result<Done> {
    match what {
        RulesCommand::List => list(door),
        RulesCommand::Check { file } => {
            let rules = read_rules(door, &file)?;
            check_rules(&rules)?;
            let source = format!("`{}`, a sound file", safe(&rules.name));
            show_rules(door, &rules, &source, Shown { is_hidden: false, only_own: true })
        }
        RulesCommand::Test { file } => {
            let rules = match &file {
                Some(file) => read_rules(door, file)?,
                None => builtin_rules().map_err(AppError::from)?.clone(),
            };
            rules_test::run(door, &rules)
        }
        RulesCommand::Set { file, wide, reason } => {
            let rules = read_rules(door, &file)?;
            check_rules(&rules)?;
            let app = app(door, "redact rules set", Vec::new())?;
            let notes = rules.notes.clone();
            let weaker = app.weaker_than_in_force(&rules)?;
            if !weaker.is_empty() && !door.global.json {
                let which = weaker_rules(&weaker);
                say(format!("codex-ledger: weaker than what is in force: {which}"));
            }
            let mut progress = door.progress();
            let before = app.hidden_by_rules().ok();
            let seq = app.set_rules(rules, &reason, wide, &mut progress)?;
            let passages = app.hidden_by_rules().ok();
            let rules = app.rules()?.rules;
            if door.global.json {
                let weaker = weaker.iter().map(|of| WeakerRule { rule: &of.rule, how: &of.how });
                door.print_json(&RulesSet {
                    seq,
                    digest: rules.digest(),
                    notes: &notes,
                    weaker: weaker.collect(),
                })?;
                return Ok(Done::Clean);
            }
            let mut out: String =
                notes.iter().map(|note| format!("note: {}\n", safe(note))).collect();
            let enabled = rules.rules.iter().filter(|rule| rule.enabled).count() as u64;
            let rules = plural(enabled, "rule");
            out.push_str(&match seq {
                Some(seq) => format!("{seq} puts {rules} in force\n"),
                None => format!("these {rules} are in force already\n"),
            });
            if door.global.quiet {
                return Ok(Done::Clean);
            }
            if let (Some(_), Some(before), Some(now)) = (seq, before, passages) {
                out.push_str(&format!(
                    "they hide {}; {} before\n",
                    plural(now, "passage"),
                    count(before)
                ));
            }
            if file != Path::new("builtin") {
                out.push_str(&door.next(None, "redact rules set builtin --reason TEXT"));
            }
            door.print(&out)?;
            Ok(Done::Clean)
        }
    }
}

fn list(door: &mut Door) -> Result<Done> {
    let app = app(door, "redact rules list", Vec::new())?;
    let RulesInForce { seq, rules } = app.rules()?;
    // What a person has written into a rule may have been hidden by hand since.
    let is_hidden = app.redactions(true).is_ok_and(|by_hand| !by_hand.is_empty());
    let name = if is_hidden { door.shown(&rules.name) } else { rules.name.clone() };
    let source = match seq {
        Some(seq) => format!("`{}`, in force by entry {seq}", safe(&name)),
        None => format!("`{}`, not in the ledger yet", safe(&name)),
    };
    show_rules(door, &rules, &source, Shown { is_hidden, only_own: false })
}

/// What is shown of rules.
#[derive(Clone, Copy)]
struct Shown {
    /// Whether what a person has written into them may have to be hidden.
    is_hidden: bool,
    /// Whether a person reads only of those that are not as they come with the program.
    only_own: bool,
}

fn show_rules(door: &mut Door, rules: &RuleSet, source: &str, shown: Shown) -> Result<Done> {
    let Shown { is_hidden, only_own } = shown;
    let is_shown = |rule: &Rule| !is_hidden || is_builtin(rule);
    let hide = |text: &str, is_shown: bool| match is_shown {
        true => text.to_string(),
        false => door.shown(text),
    };
    if door.global.json {
        let listed = rules.rules.iter().map(|rule| match is_shown(rule) {
            true => as_value(&listed(rule)),
            false => door.shown_document(&listed(rule)),
        });
        let rules = Rules {
            name: &hide(&rules.name, !is_hidden),
            digest: rules.digest(),
            rules: listed.collect::<Result<_>>()?,
            notes: rules.notes.iter().map(|note| hide(note, !is_hidden)).collect(),
        };
        door.print_json(&rules)?;
        return Ok(Done::Clean);
    }
    let enabled = rules.rules.iter().filter(|rule| rule.enabled).count() as u64;
    let mut out = format!(
        "{source}: {}, {} off\n",
        plural(enabled, "rule"),
        rules.rules.len() as u64 - enabled
    );
    for note in &rules.notes {
        out.push_str(&format!("note: {}\n", safe(&hide(note, !is_hidden))));
    }
    let told = rules.rules.iter().filter(|rule| !only_own || !is_builtin(rule));
    let told: Vec<Rule> = told.map(listed).collect();
    let width = told.iter().map(|rule| rule.id.chars().count()).max().unwrap_or(0).min(40);
    for rule in &told {
        let state = if rule.enabled { "on " } else { "off" };
        let about = rule.description.as_deref().or(rule.reason.as_deref()).unwrap_or_default();
        let line = format!(
            "{state} {:width$}  {:8}  {}",
            safe(&hide(&rule.id, is_shown(rule))),
            rule.severity.name(),
            one_line(&hide(about, is_shown(rule)), 90)
        );
        let line = if rule.enabled { line } else { door.paint(Style::Dim, line) };
        out.push_str(line.trim_end());
        out.push('\n');
    }
    if let more @ 1.. = rules.rules.len() - told.len() {
        out.push_str(&format!(
            "the other {} are as they come with the program\n",
            count(more as u64)
        ));
    }
    door.print(&out)?;
    Ok(Done::Clean)
}

/// Whether it came with the program: then it names nobody's secrets.
fn is_builtin(rule: &Rule) -> bool {
    builtin_rules().is_ok_and(|builtin| builtin.rules.contains(rule))
}

/// A rule as it may be listed: the pattern of a literal is the secret itself, and so are its examples.
fn listed(rule: &Rule) -> Rule {
    if rule.kind != RuleKind::Literal {
        return rule.clone();
    }
    let pattern =
        format!("[a text of {}]", plural(rule.pattern.chars().count() as u64, "character"));
    let without =
        |text: &Option<String>| text.as_ref().map(|text| text.replace(&rule.pattern, "[…]"));
    Rule {
        pattern,
        keywords: Vec::new(),
        examples: Examples::default(),
        description: without(&rule.description),
        reason: without(&rule.reason),
        ..rule.clone()
    }
}

fn read_rules(door: &mut Door, path: &Path) -> Result<RuleSet> {
    if path == Path::new("builtin") {
        return Ok(load_rules(path)?);
    }
    let text = read_text(path)?;
    rules_in(path, &text).map_err(|error| match error.kind {
        ErrorKind::Usage => {
            // A message names what stands in the file, which may be what is to be hidden.
            door.may_repeat([text]);
            DoorError::from(error).hint("docs/REDACTION.md describes the file; nothing was changed")
        }
        _ => error.into(),
    })
}

/// Reads a file of rules: the name's ending tells the format.
pub fn load_rules(path: &Path) -> std::result::Result<RuleSet, AppError> {
    if path == Path::new("builtin") {
        return Ok(builtin_rules()?.clone());
    }
    rules_in(path, &read_text(path)?)
}

fn rules_in(path: &Path, text: &str) -> std::result::Result<RuleSet, AppError> {
    let format = match path.extension().and_then(|ending| ending.to_str()) {
        Some("toml") => RuleFormat::Gitleaks,
        Some("json") => RuleFormat::Json,
        _ => RuleFormat::Yaml,
    };
    let name = path.file_stem().map_or("rules".into(), |stem| stem.to_string_lossy().into_owned());
    parse_rules(text, format, &name).map_err(|error| AppError {
        message: format!("{}: {}", path.display(), error.message),
        ..error
    })
}
