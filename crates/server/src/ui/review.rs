//! What a reviewer says of sessions and prompts.

use super::layout::{self, form_secret, shown};
use crate::access::Who;
use crate::error::{Result, WebError};
use crate::params::{Params, Posted};
use crate::state::{Desk, Shared};
use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse, Response};
use codex_ledger_app::{Act, App, DISPOSITIONS, Seq};
use codex_ledger_query::Review;
use maud::{Markup, html};

/// Subjects of one act, at most.
const SUBJECTS_MAX: usize = 1000;

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
        if let Some(seq) = form.number("undo")? {
            return Ok(Some(desk.app.take_back(Seq::new(seq), &mut |_| ())?));
        }
        let act = act(&form)?;
        let names: Vec<&str> = form.all("subject").take(SUBJECTS_MAX).collect();
        let subjects = names.iter().map(|name| desk.app.subject(name));
        let subjects = subjects.collect::<std::result::Result<Vec<_>, _>>()?;
        if subjects.is_empty() {
            return Err(WebError::bad("nothing is named of which this is said"));
        }
        let done = desk.app.annotate(&subjects, &act, &mut |_| ())?.from;
        if let (Some(seq), Act::Disposition { value }, [name]) = (done, &act, &*names) {
            all.queue().judge(seq, name, value);
        }
        Ok(done)
    });
    let done = done.await?.map(|seq| seq.to_string());
    Ok(see(&back, done.as_deref()))
}

fn act(form: &Params) -> Result<Act> {
    let value = form.get("value").unwrap_or_default().to_string();
    Ok(match form.get("act").unwrap_or_default() {
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
    let who = &desk.who;
    let Ok(Some(seq)) = params.number("done") else { return html! {} };
    let said = desk.app.said_by(Seq::new(seq)).ok().flatten();
    let what = said.map(|said| {
        let value = said.value.filter(|value| !value.is_empty());
        let what = value.unwrap_or_else(|| said.act.clone());
        let short: String = said.session.chars().take(8).collect();
        match said.prompt {
            0 => format!(": {what}, session {short}"),
            number => format!(": {what}, {short}#{number}"),
        }
    });
    let undo = html! {
        form method="post" action="/review" {
            (form_secret(who))
            input type="hidden" name="back" value=(here);
            button name="undo" value=(seq) data-key="u" { "Undo" }
        }
    };
    layout::toast(
        &shown(&format!("Recorded as entry {seq}{}.", what.unwrap_or_default())),
        Some(&undo),
    )
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
            @for tag in &review.tags {
                form.chip method="post" action="/review" {
                    (hidden("untag")) (shown(tag)) " "
                    button name="value" value=(tag) aria-label=(format!("Take the tag {} away", shown(tag))) { "×" }
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
