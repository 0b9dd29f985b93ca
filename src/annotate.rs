//! `tag`, `note`, `disposition`: what a reviewer says of sessions and prompts.

use crate::door::{Done, Door, Result, app};
use crate::error::DoorError;
use crate::filters::FilterArgs;
use crate::filters::zone_named;
use crate::sessions::short_id;
use crate::text::{minute_in, one_line, plural, safe};
use clap::{Args, Subcommand};
use codex_ledger_app::{Act, Annotated, App, DISPOSITIONS, Seq, Subject};
use codex_ledger_query::nearest;
use serde::Serialize;

#[derive(Debug, Subcommand)]
pub enum TagCommand {
    /// Give a tag
    Add {
        /// Letters, digits and - _ . / : + without blanks
        #[arg(value_name = "NAME")]
        name: String,
        #[command(flatten)]
        subjects: SubjectArgs,
    },
    /// Take a tag away
    Remove {
        /// The tag
        #[arg(value_name = "NAME")]
        name: String,
        #[command(flatten)]
        subjects: SubjectArgs,
    },
    /// List tags and what has them
    List {
        /// Only this one
        #[arg(value_name = "NAME")]
        name: Option<String>,
    },
}

#[derive(Debug, Subcommand)]
pub enum NoteCommand {
    /// Write a note
    Add {
        /// SESSION or SESSION#N, N from 1
        #[arg(value_name = "SESSION[#N]")]
        subject: String,
        /// What it says
        #[arg(required = true)]
        text: Vec<String>,
    },
    /// Take a note away; the history keeps it
    Remove {
        /// Its number
        seq: Seq,
    },
    /// List notes
    List {
        /// Only of this session
        session: Option<String>,
    },
}

#[derive(Debug, Subcommand)]
pub enum DispositionCommand {
    /// Say what came of it
    Set {
        /// followed, ignored, needs-review, or a configured word
        #[arg(value_name = "WORD")]
        value: String,
        #[command(flatten)]
        subjects: SubjectArgs,
    },
    /// Take it back
    Clear {
        #[command(flatten)]
        subjects: SubjectArgs,
    },
    /// List what was said
    List {
        /// Only this word
        value: Option<String>,
    },
}

/// Sessions and prompts by name, or sessions that filters pick.
#[derive(Debug, Args)]
pub struct SubjectArgs {
    /// Sessions and prompts: SESSION or SESSION#N, N from 1
    #[arg(value_name = "SESSION[#N]")]
    pub subjects: Vec<String>,
    #[command(flatten)]
    pub filters: FilterArgs,
}

/// What is printed of a new note.
#[derive(Serialize)]
struct NoteAdded {
    seq: Seq,
}

/// What is printed of a note that was taken away.
#[derive(Serialize)]
struct NoteRemoved {
    seq: Seq,
    of: Seq,
}

/// What is printed of tags and dispositions that were given or taken away.
#[derive(Serialize)]
struct Said<'a> {
    from: Option<Seq>,
    count: usize,
    subjects: &'a [Subject],
}

pub fn tag(door: &mut Door, what: TagCommand) -> Result<Done> {
    let app = app(door, "tag", Vec::new())?;
    match what {
        TagCommand::Add { name, subjects } => {
            let act = Act::Tag { name, by_rule: false };
            say(door, &app, &subjects, &act, "tagged")
        }
        TagCommand::Remove { name, subjects } => {
            let act = Act::Untag { name };
            say(door, &app, &subjects, &act, "tag taken away from")
        }
        TagCommand::List { name } => {
            let rows = app.tags(name.as_deref())?;
            let none = "no tags yet; `codex-ledger tag add TAG SESSION` gives one\n";
            list(door, &rows, none, |row| {
                format!("{}  {}\n", safe(&row.tag), subject_text(&row.session, row.prompt))
            })
        }
    }
}

pub fn note(door: &mut Door, what: NoteCommand) -> Result<Done> {
    let app = app(door, "note", Vec::new())?;
    match what {
        NoteCommand::Add { subject, text } => {
            let subject = app.subject(&subject)?;
            let mut progress = door.progress();
            let act = Act::Note { text: text.join(" ") };
            let seq = app.annotate(&[subject], &act, &mut progress)?.from.unwrap_or_default();
            if door.global.json {
                return door.print_json(&NoteAdded { seq }).map(|()| Done::Clean);
            }
            door.print(&format!("note {seq}\n"))?;
            Ok(Done::Clean)
        }
        NoteCommand::Remove { seq } => {
            let mut progress = door.progress();
            let by = app.remove_note(seq, &mut progress)?;
            if door.global.json {
                return door.print_json(&NoteRemoved { seq: by, of: seq }).map(|()| Done::Clean);
            }
            door.print(&format!("note {seq} is taken away; the history keeps it\n"))?;
            Ok(Done::Clean)
        }
        NoteCommand::List { session } => {
            let session = session.map(|session| app.subject(&session)).transpose()?;
            let rows = app.notes(session.as_ref().map(|subject| subject.session.as_str()))?;
            let none = "no notes yet; `codex-ledger note add SESSION TEXT` writes one\n";
            let zone = zone_named(door, None)?;
            list(door, &rows, none, |row| {
                format!(
                    "{}  {} {}  {}  {}\n    {}\n",
                    row.seq,
                    minute_in(&zone, Some(row.recorded_at_ms)),
                    zone.name(),
                    safe(row.actor.as_deref().unwrap_or("-")),
                    subject_text(&row.session, row.prompt),
                    one_line(&row.text, 200)
                )
            })
        }
    }
}

pub fn disposition(door: &mut Door, what: DispositionCommand) -> Result<Done> {
    let app = app(door, "disposition", Vec::new())?;
    match what {
        DispositionCommand::Set { value, subjects } => {
            let known: Vec<&str> = DISPOSITIONS.into_iter().chain(app.own_dispositions()).collect();
            if !known.contains(&value.as_str()) {
                let near = nearest(&value, known.iter().copied()).unwrap_or_default();
                let near = door.shown(near);
                let message = format!("`{}` is no disposition", safe(&value));
                return Err(DoorError::new(message).hint(format!(
                    "the nearest is `{near}`; own ones go into the configuration: [review] dispositions = [\"…\"]"
                )));
            }
            say(door, &app, &subjects, &Act::Disposition { value }, "noted for")
        }
        DispositionCommand::Clear { subjects } => {
            let act = Act::Disposition { value: String::new() };
            say(door, &app, &subjects, &act, "taken back for")
        }
        DispositionCommand::List { value } => {
            let rows = app.dispositions(value.as_deref())?;
            let none = "no dispositions yet; `codex-ledger disposition set followed SESSION#N` gives one\n";
            list(door, &rows, none, |row| {
                format!("{}  {}\n", safe(&row.value), subject_text(&row.session, row.prompt))
            })
        }
    }
}

fn subject_text(session: &str, prompt: u64) -> String {
    match prompt {
        0 => short_id(session),
        number => format!("{}#{number}", short_id(session)),
    }
}

/// Prints what there is, or says that there is none.
fn list<T: Serialize>(
    door: &mut Door,
    rows: &[T],
    none: &str,
    line: impl Fn(&T) -> String,
) -> Result<Done> {
    if door.global.json {
        return door.print_json(&rows).map(|()| Done::Clean);
    }
    let lines: String = rows.iter().map(line).collect();
    let none = door.hinted(none);
    door.print(if lines.is_empty() { &none } else { &lines })?;
    Ok(Done::Clean)
}

/// Says something of everything that was named, or that the filters pick.
fn say(door: &mut Door, app: &App, args: &SubjectArgs, act: &Act, done: &str) -> Result<Done> {
    let mut subjects: Vec<Subject> = Vec::new();
    for name in &args.subjects {
        subjects.push(app.subject(name)?);
    }
    let filter = args.filters.filter(&args.filters.zone(door)?)?;
    let is_filtered = filter != codex_ledger_query::Filter::default();
    if is_filtered {
        subjects.extend(app.subjects_matching(&filter)?);
    } else if subjects.is_empty() {
        return Err(DoorError::new("nothing is named").hint(
            "name SESSION or SESSION#N, or pick sessions with --repo, --since and the like",
        ));
    }
    subjects.sort();
    subjects.dedup();
    let mut progress = door.progress();
    let written = app.annotate(&subjects, act, &mut progress)?;
    if door.global.json {
        let Annotated { from, subjects } = &written;
        door.print_json(&Said { from: *from, count: subjects.len(), subjects })?;
        return Ok(Done::Clean);
    }
    if written.subjects.is_empty() {
        let none = if subjects.is_empty() { "no sessions match" } else { "it is so already" };
        crate::door::say(format!("codex-ledger: {none}; nothing was written"));
        return Ok(Done::Clean);
    }
    let subjects = written.subjects;
    let prompts = subjects.iter().filter(|subject| subject.prompt > 0).count() as u64;
    let sessions = subjects.len() as u64 - prompts;
    let parts: Vec<String> = [(sessions, "session"), (prompts, "prompt")]
        .into_iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, noun)| plural(number, noun))
        .collect();
    door.print(&format!("{done} {}\n", parts.join(" and ")))?;
    Ok(Done::Clean)
}
