//! What to try, in the words of the terminal: commands and options.

use crate::text::safe_path;
use codex_ledger_app::config::REVIEW_WORD;
use codex_ledger_app::{ErasureHint, FolderHint, Hint, NameHint, Safe, TargetHint};
use codex_ledger_query::FilterName;

/// The option that gives a value of a filter.
pub fn option(filter: FilterName) -> &'static str {
    match filter {
        FilterName::Since => "--since",
        FilterName::Until => "--until",
        FilterName::Session => "--session",
        FilterName::Repo => "--repo",
        FilterName::Workspace => "--workspace",
        FilterName::Model => "--model",
        FilterName::Source => "--source",
        FilterName::Tag => "--tag",
        FilterName::Disposition => "--disposition",
    }
}

/// What a hint says.
pub fn words(hint: &Hint) -> String {
    let text = match hint {
        Hint::Again => "run the command again",
        Hint::AwaitWriter => "wait until it ends, or stop it; reading commands work meanwhile",
        Hint::WaitLonger { waited } => {
            return format!(
                "waited for {} s: run it again, or wait longer with --wait SECONDS; reading commands work meanwhile",
                waited.as_secs_f64()
            );
        }
        Hint::Unshare => {
            "`chmod go-rwx` on it, then `codex-ledger audit`; or name another with --ledger DIR"
        }
        Hint::Append => "`codex-ledger append` makes one from your Codex logs",
        Hint::NameLogs => "name a home or a file, or try `codex-ledger append --sample`",
        Hint::Audit => "`codex-ledger audit` says what still holds",
        Hint::AuditOrMoveViews => {
            "`codex-ledger audit` says what still holds; views of another time can be moved away"
        }
        Hint::Repair => {
            "`codex-ledger audit` says what still holds, `codex-ledger repair` what can be kept"
        }
        Hint::RestoreLedger => {
            "put the folder back from a copy; or move it away, and `codex-ledger append` makes a new \
             ledger from the logs that are still there"
        }
        Hint::NewerProgram => {
            "use a newer codex-ledger, or `codex-ledger audit` if the file was damaged"
        }
        Hint::MakeSpace(safe) => return make_space(*safe),
        Hint::TemporaryFolder => "make space there, or name another temporary folder with TMPDIR",
        Hint::FreeThreads => {
            "end other programs and run the command again; the ledger has every entry"
        }
        Hint::MakeViews => "`codex-ledger rebuild-views` makes them",
        Hint::RebuildViews => "`codex-ledger rebuild-views` makes the views anew",
        Hint::Migrate => "`codex-ledger migrate` rebuilds them",
        Hint::ApplyEntries => "`codex-ledger migrate` applies them",
        Hint::MoveForeignViews => "move it away, or name another place with `ingest.db_path`",
        Hint::NewerViews => {
            "use that version, or move the views away: `rebuild-views` makes them from the ledger"
        }
        Hint::SetRules => "`codex-ledger redact rules set FILE` puts other rules in force",
        Hint::NewerRules => {
            "use that version, or put other rules in force: `codex-ledger redact rules set FILE`"
        }
        Hint::NewerRedaction { seq } => {
            return format!(
                "use that version, or end it: `codex-ledger redact undo {seq} --reason TEXT`"
            );
        }
        Hint::ConfiguredRules { file } => {
            return format!("correct `redaction.rules` in {}", safe_path(file));
        }
        Hint::RawIsRecorded => "raw bytes are shown only where that can be recorded in the ledger",
        Hint::NeedsReason => "say why with --reason TEXT",
        Hint::TestRules => "`codex-ledger redact rules test FILE` shows which",
        Hint::ReviewWord => REVIEW_WORD,
        Hint::NoteText => "say something: note add SESSION TEXT",
        Hint::Name(hint) => return name(hint),
        Hint::Target(hint) => target(*hint),
        Hint::Folder(hint) => folder(*hint),
        Hint::Erasure(hint) => return erasure(hint),
    };
    text.to_string()
}

fn make_space(safe: Safe) -> String {
    let safe = match safe {
        Safe::Acknowledged => "what was acknowledged is safe",
        Safe::Ledger => "the ledger has every entry",
        Safe::Files => "what was there is as it was",
    };
    format!("make space and run the command again; {safe}")
}

fn name(hint: &NameHint) -> String {
    let text = match hint {
        NameHint::ListSessions => "`codex-ledger sessions` lists them",
        NameHint::ListFilters => "`codex-ledger sessions` lists what is there",
        NameHint::MoreDigits => "give more digits of the id, or more of the title",
        NameHint::Session => {
            "name it by the beginning of its id; `codex-ledger sessions` lists them"
        }
        NameHint::PromptNumbers => "`codex-ledger show SESSION` numbers the prompts",
        NameHint::PromptForm => "a prompt is named SESSION#N, N from 1",
        NameHint::LinesFromZero => "lines count from 0",
        NameHint::SeqsFromZero => "seqs count from 0",
        NameHint::RecordSeqs => {
            "`codex-ledger show SESSION --entries` has the numbers of its entries"
        }
        NameHint::ListHolds => "`codex-ledger hold list` numbers them",
        NameHint::ListNotes => "`codex-ledger note list` numbers them",
        NameHint::ListRedactions => "`codex-ledger redact history` lists them with their numbers",
        NameHint::UndoTheUndo => "undo that one to bring it back",
        NameHint::ListRepos { nearest } => {
            let near = nearest.as_ref().map(|near| format!("the nearest is {near}; "));
            return near.unwrap_or_default() + "`codex-ledger tokens --by repo` lists them";
        }
        NameHint::WholeUrl => "give the whole URL, or name the sessions with --session",
        NameHint::TimeForms => {
            "a day (2026-03-01), a time (2026-03-01T10:00:00Z), or how long ago (7d, 24h)"
        }
        NameHint::SwapTimes => "swap them",
        NameHint::Nearest { filter, value } => {
            return format!("the nearest known value: {} {value}", option(*filter));
        }
        NameHint::LeaveOut => "leave the option out",
    };
    text.to_string()
}

fn target(hint: TargetHint) -> &'static str {
    match hint {
        TargetHint::NameOne => {
            "name one of --prompt SESSION#N, --session ID, --entry SEQ, --literal TEXT, --regex PATTERN"
        }
        TargetHint::OnlyOne => {
            "one redaction hides one thing; run the command once for each, or use --from FILE"
        }
        TargetHint::Narrowing => {
            "--session or --repo narrows a --literal or --regex; --field and --span are of an --entry"
        }
        TargetHint::UsualReplacement => "leave --with away to show `[redacted]`",
        TargetHint::OtherReplacement => "choose another with --with TEXT",
        TargetHint::NameField => "name the field with --field POINTER",
        TargetHint::SpanForm => "a span counts bytes from 0; the end is not part of it",
        TargetHint::ShowRecord => "`codex-ledger show --raw --entry SEQ` shows the record",
        TargetHint::HideText => "a --literal hides its text wherever it is shown",
        TargetHint::ShortText => "a text so short is everywhere; a --regex can say where it stands",
        TargetHint::LongText => "name its entry with --entry SEQ, or a part of it",
        TargetHint::Wide => "narrow it, or say --wide if all that is meant",
        TargetHint::PatternForm => {
            "patterns are those of the regex crate: no look-around, no back-references"
        }
    }
}

fn folder(hint: FolderHint) -> &'static str {
    match hint {
        FolderHint::NameFolder => "name a folder",
        FolderHint::Another => "publish into another folder",
        FolderHint::MoveAway => "move it away, or publish into another folder",
        FolderHint::New => "nothing is overwritten: name a place that is free",
    }
}

fn erasure(hint: &ErasureHint) -> String {
    let text = match hint {
        ErasureHint::PromptByEntry { session } => {
            return format!(
                "`codex-ledger show {session} --entries` tells the entry of each: --prompt {session}#@ENTRY"
            );
        }
        ErasureHint::ReleaseHold { seq } => {
            return format!("whoever may end it: `codex-ledger hold release {seq} --reason TEXT`");
        }
        ErasureHint::OtherReason => "say it in other words: who asked for it, and by what right",
        ErasureHint::NameOne => {
            "name one of --session ID, --prompt SESSION#N, --entry SEQ, --literal TEXT, --retention"
        }
        ErasureHint::WholeSession => "`codex-ledger erase --session SESSION` erases all of it",
        ErasureHint::Retention => {
            "`[retention]` in the configuration says what is not kept for ever"
        }
    };
    text.to_string()
}
