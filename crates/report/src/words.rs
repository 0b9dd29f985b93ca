//! Words and numbers that all formats for people share.

use super::escape;

use codex_ledger_location::repository;
use codex_ledger_query::{
    ReportHead, ReportItem, ReportKind, ReportSession, Seq, TokenSums, Transparency, Zone,
};

pub(super) use super::numbers::{bytes, duration, number, plural, short};

/// `once`, `2 times`.
fn times(value: u64) -> String {
    if value == 1 { "once".into() } else { format!("{} times", number(value)) }
}

/// `$12.34`, with a tilde where a price was guessed; a word where none is known.
pub(super) fn money(sums: &TokenSums) -> String {
    match sums.cost_usd {
        Some(cost) if sums.estimated => format!("~${cost:.2}"),
        Some(cost) => format!("${cost:.2}"),
        None => "unknown".into(),
    }
}

/// `12.3k tokens, $0.04`; nothing where none were counted.
pub(super) fn usage(sums: &TokenSums) -> Option<String> {
    (sums.total > 0).then(|| format!("{} tokens, {}", short(sums.total), money(sums)))
}

/// What is unusual about a price.
pub(super) fn money_note(sums: &TokenSums) -> Option<String> {
    if !sums.unpriced.is_empty() {
        let models: Vec<String> =
            sums.unpriced.iter().map(|name| escape::first_line(name, 60)).collect();
        return Some(format!("no price is known for {}", models.join(", ")));
    }
    sums.estimated.then(|| {
        "~ is estimated: the log names no model there, so the usual one of its time is taken".into()
    })
}

/// `2026-02-09 18:36`, or that there is no time.
pub(super) fn minute(zone: &Zone, at_ms: Option<i64>) -> String {
    at_ms.map_or_else(|| "no time".into(), |ms| zone.minute(ms))
}

/// `18:36:27`; nothing where there is no time.
pub(super) fn second(zone: &Zone, at_ms: Option<i64>) -> String {
    at_ms.map(|ms| zone.second(ms)).unwrap_or_default()
}

/// The range in words: what was asked for, else what was found.
pub(super) fn period(head: &ReportHead) -> String {
    let period = &head.period;
    let zone = &head.zone;
    let day = |ms: i64| zone.date(ms).map_or_else(|| "-".into(), |date| date.to_string());
    let first = period.since_ms.or(period.first_ms);
    let last = period.until_ms.map(|ms| ms - 1).or(period.last_ms);
    match (first.map(day), last.map(day)) {
        (Some(first), Some(last)) if first == last => first,
        (Some(first), Some(last)) => format!("{first} to {last}"),
        (Some(first), None) => format!("since {first}"),
        (None, Some(last)) => format!("until {last}"),
        (None, None) => "no times".into(),
    }
}

/// What a session is about, in few words: its title, else its repository or folder.
pub fn session_label(session: &ReportSession) -> String {
    let place = session.repo.as_deref().or(session.cwd.as_deref()).map(repository::name);
    let text = session.title.as_deref().or(place);
    escape::first_line(text.unwrap_or("unnamed session"), 80)
}

/// What a repository or directory is called, in few words; not yet harmless.
pub fn place_name(place: &str) -> String {
    repository::name(place).to_string()
}

/// Facts of a session, each with its name; text from the log is not yet harmless.
pub fn session_facts(head: &ReportHead, of: &ReportSession) -> Vec<(&'static str, String)> {
    let mut facts = Vec::new();
    let mut add = |name, value: Option<String>| {
        if let Some(value) = value.filter(|value| !value.trim().is_empty()) {
            facts.push((name, value));
        }
    };
    let short_commit = |commit: &String| commit.chars().take(12).collect::<String>();
    let branch = match (&of.branch, of.commit.as_ref().map(short_commit)) {
        (Some(branch), Some(commit)) => Some(format!("{branch} at {commit}")),
        (branch, commit) => branch.clone().or(commit),
    };
    let both = |a: &Option<String>, b: &Option<String>| {
        let words: Vec<&str> = [a, b].into_iter().flatten().map(String::as_str).collect();
        (!words.is_empty()).then(|| words.join(" "))
    };
    add("session", Some(of.id.clone()));
    add("ended", of.ended_at_ms.map(|ms| head.zone.minute(ms)));
    add("repository", of.repo.clone());
    add("branch", branch);
    add("folder", of.cwd.clone());
    add("model", (!of.models.is_empty()).then(|| of.models.join(", ")));
    add("started from", both(&of.source, &of.subagent));
    add("client", both(&of.client, &of.client_version));
    add("parent", of.parent_id.clone());
    add("usage", usage(&of.usage));
    for (name, value) in of.review.facts() {
        add(name, Some(value));
    }
    facts
}

/// What a session holds, in one line.
pub(super) fn session_counts(of: &ReportSession) -> String {
    let mut parts = vec![plural(of.prompts, "prompt")];
    if of.commands > 0 {
        parts.push(plural(of.commands, "command"));
    }
    if of.commands_failed > 0 {
        parts.push(format!("{} failed", number(of.commands_failed)));
    }
    parts.extend(usage(&of.usage));
    parts.join(", ")
}

/// How an item ended, in our own words: `exit 0, 1.2 s`; empty for what does not end.
pub(super) fn outcome(item: &ReportItem) -> String {
    let is_call = matches!(
        item.kind,
        ReportKind::Command | ReportKind::Mcp | ReportKind::WebSearch | ReportKind::Tool
    );
    let mut parts = Vec::new();
    match (item.exit_code, item.status.as_deref()) {
        (Some(code), _) => parts.push(format!("exit {code}")),
        (None, Some(status)) => {
            let is_command = item.kind == ReportKind::Command;
            parts.extend(status_word(status, is_command).map(str::to_string));
        }
        (None, None) if is_call => parts.push("no output".into()),
        (None, None) => {}
    }
    // Clients say 0 where they have not measured.
    parts.extend(item.duration_ms.filter(|ms| *ms > 0).map(duration));
    parts.join(", ")
}

/// The word for a status; nothing where it says nothing.
fn status_word(status: &str, is_command: bool) -> Option<&'static str> {
    Some(match status {
        "ok" => "ok",
        "failed" => "failed",
        "running" => "still running",
        "rejected" => "rejected",
        "aborted" => "aborted",
        "error" => "error",
        "unknown" if is_command => "outcome not told",
        "pending" => "to do",
        "in_progress" => "in progress",
        "completed" => "done",
        _ => return None,
    })
}

/// `+3 −1` lines.
pub(super) fn lines_changed(item: &ReportItem) -> String {
    let sign = |sign: &str, count: Option<u64>| count.map(|count| format!("{sign}{count}"));
    let parts: Vec<String> =
        [sign("+", item.added), sign("−", item.removed)].into_iter().flatten().collect();
    parts.join(" ")
}

/// That more was there than is shown.
pub(super) fn cut_note(shown: usize, all: Option<u64>) -> Option<String> {
    let all = all.filter(|all| *all > shown as u64)?;
    Some(format!("{} of {} bytes shown", number(shown as u64), number(all)))
}

/// Entries that are named; there may be one for each day of a retention.
const NAMED_MAX: usize = 3;

/// `2 erased by entry 500`.
pub fn erased_words(erased: u64, by: &[Seq]) -> String {
    let named: Vec<String> = by.iter().take(NAMED_MAX).map(|seq| number(seq.get())).collect();
    let more = if by.len() > NAMED_MAX { " and others" } else { "" };
    let noun = if by.len() == 1 { "entry" } else { "entries" };
    format!("{} erased by {noun} {}{more}", number(erased), named.join(", "))
}

/// The block on transparency in one line; `named` writes the name of a rule.
pub(super) fn transparency_line(of: &Transparency) -> String {
    let coverage = &of.coverage;
    let head = match &of.head {
        Some(head) => format!(
            "ledger of {} entries, head {}, {}",
            number(head.size),
            head.id.chars().take(12).collect::<String>(),
            of.checkpoint.as_deref().unwrap_or("not signed"),
        ),
        None => "ledger head: see the index".into(),
    };
    let left = coverage.unknown + coverage.unreadable;
    let read = match left {
        0 => format!("all {} understood", plural(coverage.lines, "record")),
        left => format!("{} of {} not understood", number(left), plural(coverage.lines, "record")),
    };
    let read = match (coverage.erased, left) {
        (0, _) => read,
        (erased, 0) => {
            let left = plural(coverage.lines - erased.min(coverage.lines), "record");
            format!("{left} understood, {}", erased_words(erased, &coverage.erased_by))
        }
        (erased, _) => format!("{read}, {}", erased_words(erased, &coverage.erased_by)),
    };
    // By which rules stands in the block below.
    let redactions = &of.redactions;
    let by_hand: u64 = redactions.by_hand.iter().map(|hand| hand.passages).sum();
    let hidden = match (redactions.passages, by_hand) {
        (0, _) => redactions_line(of),
        (all, 0) => format!("{} redacted", plural(all, "passage")),
        (all, by_hand) => {
            format!("{} redacted, {} of them by hand", plural(all, "passage"), number(by_hand))
        }
    };
    format!("{head}; {read}; {hidden}")
}

/// What is hidden, in one sentence.
fn redactions_line(of: &Transparency) -> String {
    let redactions = &of.redactions;
    if redactions.passages == 0 {
        return match redactions.rule_set {
            Some(_) => "nothing redacted".into(),
            None => "nothing redacted, no rules in force".into(),
        };
    }
    let rules = redactions.by_rule.iter().map(|rule| {
        let name = escape::first_line(&rule.rule, 60);
        format!("{} by rule {name}", number(rule.passages))
    });
    let by_hand: u64 = redactions.by_hand.iter().map(|hand| hand.passages).sum();
    let hand = (by_hand > 0).then(|| format!("{} by hand", number(by_hand)));
    let parts: Vec<String> = rules.chain(hand).collect();
    format!("{} redacted: {}", plural(redactions.passages, "passage"), parts.join(", "))
}

/// Every fact of the block on transparency, each with its name; text is not yet harmless.
pub(super) fn transparency_facts(head: &ReportHead) -> Vec<(&'static str, String)> {
    let of = &head.transparency;
    let mut facts: Vec<(&'static str, String)> = Vec::new();
    match &of.head {
        Some(ledger) => {
            facts.push(("ledger entries", number(ledger.size)));
            facts.push(("ledger head", ledger.id.clone()));
            let behind = format!("not stated: {} entries are not in the views yet", ledger.behind);
            facts.push(("ledger root", ledger.root.clone().unwrap_or(behind)));
        }
        None => facts.push(("ledger head", "stated in the index of these pages".into())),
    }
    facts.push(("checkpoint", of.checkpoint.clone().unwrap_or("not signed".into())));
    facts.push(("tool", format!("codex-ledger {}", of.tool)));
    facts.push(("mode", head.mode.name().into()));
    let conditions = head.filters.iter().map(|filter| match &filter.meaning {
        Some(meaning) => format!("{} {} ({meaning})", filter.name, filter.said),
        None => format!("{} {}", filter.name, filter.said),
    });
    let conditions: Vec<String> = conditions.collect();
    let conditions = if conditions.is_empty() { "none".into() } else { conditions.join("; ") };
    facts.push(("filters", conditions));
    if head.external {
        facts.push(("left out", "who hid or read what, and why; what reviewers say".into()));
    }
    facts.push(("time zone", head.timezone.clone()));
    facts.push(("prices", format!("of {}, digest {}", of.prices.date, of.prices.digest)));
    coverage_facts(of, is_of_one_session(head), &mut facts);
    facts.push(("redactions", redactions_line(of)));
    if let Some(rules) = &of.redactions.rule_set {
        facts.push(("rule set", format!("{}, digest {}", rules.name, rules.digest)));
    }
    for hand in &of.redactions.by_hand {
        let by = match &hand.reason {
            Some(reason) => format!("{}: {reason}", hand.actor.as_deref().unwrap_or("unknown")),
            None => format!("redaction {}", hand.redaction),
        };
        facts.push(("by hand", format!("{} by {by}", plural(hand.passages, "passage"))));
    }
    if of.head.is_some() && is_of_one_session(head) {
        facts.push(("elsewhere", elsewhere(of)));
        return facts;
    }
    if of.head.is_some() {
        let accesses = &of.accesses;
        let mut counts = vec![
            plural(accesses.reveals, "reveal"),
            plural(accesses.exports, "export"),
            plural(accesses.erasures, "erasure"),
        ];
        if accesses.waivers > 0 {
            counts.push(format!("published in spite of findings {}", times(accesses.waivers)));
        }
        facts.push(("accesses", counts.join(", ")));
    }
    for access in &of.accesses.list {
        let actor = access.actor.as_deref().unwrap_or("unknown");
        let detail = access.detail.as_deref().unwrap_or_default();
        let at = head.zone.minute(access.at_ms);
        facts.push(("access", format!("{at} {} by {actor} {detail}", access.verb)));
    }
    facts
}

/// Whether the report was asked for one session and has it: what is true of others is not its business.
fn is_of_one_session(head: &ReportHead) -> bool {
    head.sessions.len() == 1 && head.filters.iter().any(|filter| filter.name == "session")
}

/// What the ledger holds beside the one session, in one line.
fn elsewhere(of: &Transparency) -> String {
    let accesses = &of.accesses;
    let count = accesses.reveals + accesses.exports + accesses.erasures + accesses.waivers;
    let times = if count == 1 { "1 access".into() } else { format!("{} accesses", number(count)) };
    let missing = plural(of.coverage.missing, "session");
    format!("in the whole ledger {missing} missing, {times}; a report on all sessions names them")
}

fn coverage_facts(of: &Transparency, is_of_one: bool, facts: &mut Vec<(&'static str, String)>) {
    let coverage = &of.coverage;
    let seen = format!("{}, {}", plural(coverage.lines, "record"), bytes(coverage.bytes));
    facts.push(("seen", seen));
    facts.push(("understood", number(coverage.understood)));
    if coverage.blank > 0 {
        facts.push(("blank lines", number(coverage.blank)));
    }
    facts.push(("not understood", number(coverage.unknown)));
    for kind in &coverage.unknown_kinds {
        facts.push(("not understood", format!("{}: {}", kind.kind, number(kind.records))));
    }
    facts.push(("unreadable", number(coverage.unreadable)));
    if coverage.erased > 0 {
        facts.push(("erased", erased_words(coverage.erased, &coverage.erased_by)));
    }
    for problem in &coverage.problem_list {
        let place = format!("{} line {} byte {}", problem.path, problem.line, problem.offset);
        facts.push(("problem", format!("{place}: {}", problem.reason)));
    }
    let more = coverage.problems.saturating_sub(coverage.problem_list.len() as u64);
    if more > 0 {
        facts.push(("problem", format!("and {} more", number(more))));
    }
    if is_of_one {
        return;
    }
    if of.head.is_some() {
        facts.push(("sessions missing", number(coverage.missing)));
    }
    for id in &coverage.missing_list {
        facts.push(("session missing", id.clone()));
    }
    let more = coverage.missing.saturating_sub(coverage.missing_list.len() as u64);
    if more > 0 {
        facts.push(("session missing", format!("and {} more", number(more))));
    }
}
