//! The texts of a model that come from logs or people: what the gate holds against what is in force.
//!
//! Words of our own vocabulary (kinds, states, modes), ids and numbers are none: no redaction speaks of them.

use super::gate::Part;
use codex_ledger_query::{
    Item, ReportHead, ReportKind, ReportPrompt, ReportSession, Review, SessionDetail,
};
use codex_ledger_report::prose;

fn add<'a>(texts: &mut Vec<&'a str>, more: &[&'a Option<String>]) {
    texts.extend(more.iter().filter_map(|text| text.as_deref()));
}

/// What a head says in every format.
pub fn index_texts(head: &ReportHead) -> Part<'_> {
    let mut texts = vec![head.title.as_str()];
    for filter in &head.filters {
        texts.push(&filter.said);
        add(&mut texts, &[&filter.meaning]);
    }
    let of = &head.transparency;
    texts.extend(of.coverage.unknown_kinds.iter().map(|kind| kind.kind.as_str()));
    for problem in &of.coverage.problem_list {
        texts.extend([problem.path.as_str(), problem.reason.as_str()]);
    }
    of.redactions.by_hand.iter().for_each(|hand| add(&mut texts, &[&hand.actor, &hand.reason]));
    of.accesses.list.iter().for_each(|access| add(&mut texts, &[&access.actor, &access.detail]));
    Part { texts, ..Part::default() }
}

/// The same, with the keys of its tables.
pub fn head_texts(head: &ReportHead) -> Part<'_> {
    let mut part = index_texts(head);
    let tables = &head.tokens;
    let rows = tables.by_model.iter().chain(&tables.by_repo);
    part.texts.extend(rows.map(|row| row.key.as_str()));
    part
}

/// What a session's heading says.
pub fn session_texts(of: &ReportSession) -> Part<'_> {
    let mut texts: Vec<&str> = of.models.iter().map(String::as_str).collect();
    add(&mut texts, &[&of.name, &of.title, &of.cwd, &of.repo, &of.branch, &of.commit, &of.source]);
    add(&mut texts, &[&of.subagent, &of.client, &of.client_version]);
    add_review(&mut texts, &of.review);
    part_of(of, texts)
}

/// What an index says of a session.
pub fn label_text(of: &ReportSession) -> Part<'_> {
    let mut texts = Vec::new();
    add(&mut texts, &[&of.name, &of.title, &of.repo, &of.cwd]);
    part_of(of, texts)
}

/// A prompt and what followed it.
pub fn prompt_texts<'a>(of: &'a ReportPrompt, session: &'a ReportSession) -> Part<'a> {
    let mut texts = vec![of.text.as_str()];
    let mut rendered = Vec::new();
    add(&mut texts, &[&of.active_file]);
    add_review(&mut texts, &of.review);
    for item in &of.items {
        texts.push(&item.text);
        if matches!(item.kind, ReportKind::Message | ReportKind::Reasoning) {
            rendered.push(prose::words(&item.text));
        }
        add(&mut texts, &[&item.detail, &item.output]);
        if matches!(item.kind, ReportKind::Mcp | ReportKind::Tool) {
            add(&mut texts, &[&item.name]);
        }
    }
    Part { rendered, ..part_of(session, texts) }
}

fn add_review<'a>(texts: &mut Vec<&'a str>, review: &'a Review) {
    texts.extend(review.tags.iter().map(String::as_str));
    add(texts, &[&review.disposition]);
    for note in &review.notes {
        texts.push(&note.text);
        add(texts, &[&note.actor]);
    }
}

fn part_of<'a>(session: &'a ReportSession, texts: Vec<&'a str>) -> Part<'a> {
    Part { texts, session: Some(&session.id), repo: session.repo.as_deref(), ..Part::default() }
}

/// A session in full.
pub fn detail_texts<'a>(of: &'a SessionDetail, items: impl Iterator<Item = &'a Item>) -> Part<'a> {
    let mut texts = Vec::new();
    add(&mut texts, &[&of.path, &of.git_branch, &of.git_commit]);
    for item in items {
        texts.push(&item.text);
        add(&mut texts, &[&item.output]);
        if let Some(review) = &item.review {
            add_review(&mut texts, review);
        }
    }
    Part { texts, session: Some(&of.session.id), ..Part::default() }
}
