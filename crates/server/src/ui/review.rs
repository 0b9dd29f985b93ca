//! What a reviewer says of sessions and prompts.

use super::layout::{self, form_secret, shown};
use super::queue_cache::{self, QueueCache};
use crate::access::Who;
use crate::error::{Result, WebError};
use crate::params::{Params, Posted};
use crate::state::{Desk, Shared};
use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse, Response};
use codex_ledger_app::{Act, App, DISPOSITIONS, Seq, SeqRange, Subject};
use codex_ledger_query::Review;
use codex_ledger_report::numbers::{number, plural};
use maud::{Markup, html};

/// The tag that a star is.
pub(crate) const STAR: &str = "starred";
/// Subjects of one act, at most.
const SUBJECTS_MAX: usize = 10_000;

/// The words with which things are judged.
pub(crate) fn words(app: &App) -> Vec<String> {
    let own = app.own_dispositions().map(str::to_string);
    let mut words: Vec<String> = DISPOSITIONS.iter().map(ToString::to_string).collect();
    words.extend(own.filter(|word| !DISPOSITIONS.contains(&word.as_str())));
    words
}

pub(crate) async fn say(
    State(shared): State<Shared>,
    Extension(who): Extension<Who>,
    Posted(form): Posted,
) -> Result<Response> {
    let back = back(&form)?;
    let all = shared.clone();
    let done = shared.at_desk(who, move |desk| {
        if let Some(entries) = entries(&form, "undo")? {
            return Ok(Some(desk.app.take_back(entries, &mut |_| ())?));
        }
        let act = act(&form)?;
        let subjects = subjects(desk, all.queue(), &form)?;
        let done = desk.app.annotate(&subjects, &act, &mut |_| ())?;
        let Some(seq) = done.from else { return Ok(None) };
        if let (Act::Disposition { value }, [Subject { session, prompt, .. }]) =
            (&act, &*done.subjects)
        {
            all.queue().judge(seq, &format!("{session}#{prompt}"), value);
        }
        Ok(Some(SeqRange::counted(seq, done.subjects.len() as u64)))
    });
    let done = done.await?.map(|of| match of.len() {
        1 => of.from.to_string(),
        _ => format!("{}-{}", of.from, of.end),
    });
    Ok(see(&back, done.as_deref()))
}

/// Of whom it is said: those that are named, or all that a filter picks.
fn subjects(desk: &Desk, queue: &QueueCache, form: &Params) -> Result<Vec<Subject>> {
    let subjects = match form.get("matching") {
        Some("sessions") => desk.app.subjects_matching(&form.filter(&desk.zone, desk.now_ms)?)?,
        Some("queue") => {
            let all = queue.items(desk, &form.of_filter())?;
            let waiting = all.iter().filter(|item| item.disposition.is_none());
            let names: Vec<String> = waiting.map(queue_cache::name_of).collect();
            desk.app.subjects(names.iter().map(String::as_str))?
        }
        _ => desk.app.subjects(form.all("subject"))?,
    };
    match subjects.len() {
        0 => Err(WebError::bad("nothing is chosen of which this is said")),
        1..=SUBJECTS_MAX => Ok(subjects),
        many => {
            Err(WebError::bad(format!("these are {many}; at once it is said of {SUBJECTS_MAX}"))
                .hint("narrow them down"))
        }
    }
}

/// An entry, or a run of them: `7` or `7-9`, without the last.
fn entries(form: &Params, name: &str) -> Result<Option<SeqRange>> {
    let Some(text) = form.get(name) else { return Ok(None) };
    let (from, end) = text.split_once('-').unwrap_or((text, ""));
    let read = || {
        let from = Seq::new(from.parse().ok()?);
        let end = if end.is_empty() { from.next() } else { Seq::new(end.parse().ok()?) };
        Some(SeqRange::new(from, end)).filter(|of| (1..=SUBJECTS_MAX as u64).contains(&of.len()))
    };
    let wrong = || WebError::bad(format!("{name}: `{text}` names no entries"));
    read().map(Some).ok_or_else(wrong)
}

/// What is said: `say` has an act and its word, unless both stand in fields of their own.
fn act(form: &Params) -> Result<Act> {
    let said = form.get("say").or(form.get("act")).unwrap_or_default();
    let (act, word) = said.split_once(' ').unwrap_or((said, ""));
    let value = if word.is_empty() { form.get("value").unwrap_or_default() } else { word };
    let value = value.to_string();
    Ok(match act {
        "disposition" => Act::Disposition { value },
        "tag" => Act::Tag { name: value, by_rule: false },
        "untag" => Act::Untag { name: value },
        "note" => Act::Note { text: value },
        other => return Err(WebError::bad(format!("`{other}` is nothing that can be said"))),
    })
}

/// Where to go afterwards: a page of ours.
pub(crate) fn back(form: &Params) -> Result<String> {
    let back = form.get("back").unwrap_or("/");
    let is_ours = back.starts_with('/')
        && !back.starts_with("//")
        && back.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    match is_ours {
        true => Ok(back.to_string()),
        false => Err(WebError::bad("that is no page of these")),
    }
}

/// Goes on to a page, which tells of what was done.
pub(crate) fn see(back: &str, done: Option<&str>) -> Response {
    let (path, at) = back.split_once('#').map_or((back, None), |(path, at)| (path, Some(at)));
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let to = Params::parse(query.as_bytes()).with("done", done).url(path);
    let to = at.map_or(to.clone(), |at| format!("{to}#{at}"));
    (StatusCode::SEE_OTHER, [(LOCATION, to)]).into_response()
}

/// What was just done, with a way back.
pub(crate) fn done(desk: &Desk, params: &Params, here: &str) -> Markup {
    let Ok(Some(entries)) = entries(params, "done") else { return html! {} };
    // An address says what anybody has written; the ledger says what was done.
    let Some(said) = desk.app.said_by(entries.from).ok().flatten() else { return html! {} };
    let value = said.value.filter(|value| !value.is_empty());
    let what = match (said.act.as_str(), value) {
        ("disposition", None) => "no judgement any more".to_string(),
        ("untag", Some(tag)) => format!("not {tag} any more"),
        ("unnote", _) => "note taken away".to_string(),
        (act, value) => value.unwrap_or_else(|| act.to_string()),
    };
    let short: String = said.session.chars().take(8).collect();
    let name = format!("{}#{}", said.session, said.prompt);
    let whose = match (entries.len(), said.prompt) {
        (1, 0) => format!("session {short}"),
        (1, number) => format!("{short}#{number}"),
        (_, 0) => format!("of {}", plural(entries.len(), "session")),
        _ => format!("of {}", plural(entries.len(), "prompt")),
    };
    let which = match entries.last() {
        Some(last) if last != entries.from => format!("entries {} to {last}", entries.from),
        _ => format!("entry {}", entries.from),
    };
    // In the queue, what is undone is looked at again.
    let (path, query) = here.split_once('?').unwrap_or((here, ""));
    let back = match (path, entries.len()) {
        ("/queue", 1) => Params::parse(query.as_bytes()).with("at", Some(&name)).url(path),
        _ => here.to_string(),
    };
    let undo = html! {
        form method="post" action="/review" {
            (form_secret(&desk.who))
            input type="hidden" name="back" value=(back);
            button name="undo" value=(params.get("done").unwrap_or_default()) data-key="u" { "Undo" }
        }
    };
    layout::toast(&shown(&format!("Recorded as {which}: {what}, {whose}.")), Some(&undo))
}

/// Saying something of several at once: of those that are chosen, or of all that match.
pub(crate) fn bulk(
    desk: &Desk,
    (of, total): (&str, u64),
    filter: &Params,
    (chosen, here): (bool, &str),
) -> Markup {
    html! {
        details.bulk {
            summary { "Several at once" }
            form id="bulk" method="post" action="/review" {
                (form_secret(&desk.who))
                input type="hidden" name="back" value=(here);
                @for (name, value) in filter.pairs() { input type="hidden" name=(name) value=(value); }
                fieldset {
                    legend { "Of which" }
                    @if chosen { label { input type="radio" name="matching" value="" checked; " those that are chosen " span.quiet { "(x)" } } }
                    @if total > 0 { label { input type="radio" name="matching" value=(of) checked[!chosen]; " all " (number(total)) " that " (if of == "queue" { "wait" } else { "match" }) } }
                }
                fieldset {
                    legend { "What" }
                    @for word in words(&desk.app) { button name="say" value=(format!("disposition {word}")) { (shown(&word)) } " " }
                    input type="text" name="value" aria-label="Tag or note" placeholder="tag or note" autocomplete="off";
                    button name="say" value="tag" { "Tag" } " "
                    button name="say" value="untag" { "Untag" } " "
                    button name="say" value="note" { "Note" }
                }
            }
        }
    }
}

/// Chooses something for [`bulk`].
pub(crate) fn choice(subject: &str, label: &str) -> Markup {
    html! { input.choice type="checkbox" name="subject" form="bulk" value=(subject) aria-label=(format!("Choose {}", shown(label))); }
}

/// What is said of something, and the forms to say more.
pub(crate) fn forms(who: &Who, words: &[String], of: &str, review: &Review, here: &str) -> Markup {
    let hidden = |act: &str| {
        html! {
            (form_secret(who))
            input type="hidden" name="subject" value=(of);
            input type="hidden" name="act" value=(act);
            input type="hidden" name="back" value=(here);
        }
    };
    html! {
        div.review data-subject=(of) {
            form.judge method="post" action="/review" {
                (hidden("disposition"))
                @for word in words {
                    @let is_it = review.disposition.as_ref() == Some(word);
                    // Once more takes it back.
                    button name="value" value=(if is_it { "" } else { word }) aria-pressed=(is_it.to_string()) { (shown(word)) }
                }
            }
            @let is_starred = review.tags.iter().any(|tag| tag == STAR);
            form method="post" action="/review" {
                (hidden(if is_starred { "untag" } else { "tag" }))
                button name="value" value=(STAR) data-key="s" aria-pressed=(is_starred.to_string()) aria-label=(STAR) { (if is_starred { "★" } else { "☆" }) }
            }
            // By its entry: what is shown of a tag may be less than it says.
            @for (tag, seq) in review.tags.iter().zip(&review.tagged_by).filter(|(tag, _)| *tag != STAR) {
                form.chip method="post" action="/review" {
                    (form_secret(who))
                    input type="hidden" name="back" value=(here);
                    (shown(tag)) " "
                    button name="undo" value=(seq) aria-label=(format!("Take the tag {} away", shown(tag))) { "×" }
                }
            }
            form.tag method="post" action="/review" {
                (hidden("tag"))
                input type="text" name="value" aria-label="Tag" placeholder="tag" required autocomplete="off" size="8";
                button { "Tag" }
            }
            form.remark method="post" action="/review" {
                (hidden("note"))
                input type="text" name="value" aria-label="Note" placeholder="note" required autocomplete="off";
                button { "Note" }
            }
            @if !review.notes.is_empty() {
                ul.notes {
                    @for note in &review.notes {
                        li { (shown(&note.text)) @if let Some(actor) = &note.actor { span.quiet { " " (shown(actor)) } } }
                    }
                }
            }
        }
    }
}
