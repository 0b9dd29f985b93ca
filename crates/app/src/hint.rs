//! What to try after an error, as facts. Each door has words of its own for them.

use codex_ledger_entry::Seq;
use codex_ledger_query::FilterName;
use std::path::PathBuf;
use std::time::Duration;

/// What may help.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hint {
    /// The same once more.
    Again,
    /// Another process writes: wait for its end.
    AwaitWriter,
    /// The same, and waiting longer.
    WaitLonger {
        /// How long this one has waited.
        waited: Duration,
    },
    /// Others may write in the ledger's directory: take that from them, or use another directory.
    Unshare,
    /// Append: that makes a ledger.
    Append,
    /// Name where logs are, or try the sample.
    NameLogs,
    /// An audit.
    Audit,
    /// An audit; and views of another time can be moved away.
    AuditOrMoveViews,
    /// An audit, and a repair.
    Repair,
    /// The ledger's folder out of a copy; or a new ledger from the logs.
    RestoreLedger,
    /// A newer program; or an audit, if the file was damaged.
    NewerProgram,
    /// Space on the disk.
    MakeSpace(Safe),
    /// Space in the temporary folder, or another one.
    TemporaryFolder,
    /// Fewer other programs, that threads can be started.
    FreeThreads,
    /// Views there are none yet: make them.
    MakeViews,
    /// The views made anew.
    RebuildViews,
    /// A migration.
    Migrate,
    /// The views brought up to date.
    ApplyEntries,
    /// The file that stands where the views belong is somebody else's: move it, or have the views elsewhere.
    MoveForeignViews,
    /// The views are a newer program's: use that, or move them away.
    NewerViews,
    /// Other rules in force.
    SetRules,
    /// The rules are a newer program's: use that, or put others in force.
    NewerRules,
    /// A redaction is a newer program's: use that, or end it.
    NewerRedaction {
        /// Its entry.
        seq: Seq,
    },
    /// The configuration names rules that cannot be used.
    ConfiguredRules {
        /// The configuration file.
        file: PathBuf,
    },
    /// What helps with erasures and holds.
    Erasure(ErasureHint),
    /// Raw bytes are not shown where that cannot be recorded.
    RawIsRecorded,
    /// A reason.
    NeedsReason,
    /// Rules can be tried.
    TestRules,
    /// What a tag or disposition is made of.
    ReviewWord,
    /// A note has to say something.
    NoteText,
    /// How to name what exists.
    Name(NameHint),
    /// What a redaction can be.
    Target(TargetHint),
    /// Which folder to publish into.
    Folder(FolderHint),
}

/// What a full disk has left as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Safe {
    /// Entries that were acknowledged.
    Acknowledged,
    /// All of the ledger: only what is derived is missing.
    Ledger,
    /// Files that stood there before.
    Files,
}

/// What helps with erasures and holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ErasureHint {
    /// What is not kept for ever stands in the configuration.
    Retention,
    /// A prompt can be named by its entry.
    PromptByEntry {
        /// Its session.
        session: String,
    },
    /// Another reason.
    OtherReason,
    /// Something to erase, and one thing at a time.
    NameOne,
    /// The whole session can be erased.
    WholeSession,
    /// A hold can be ended, by whoever may.
    ReleaseHold {
        /// Its entry.
        seq: Seq,
    },
}

/// How to name what exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NameHint {
    /// The list of holds numbers them.
    ListHolds,
    /// The list of sessions has their ids.
    ListSessions,
    /// The list of sessions has what filters can pick.
    ListFilters,
    /// More digits of an id.
    MoreDigits,
    /// A session, by the beginning of its id.
    Session,
    /// A session in full numbers its prompts.
    PromptNumbers,
    /// How a prompt is named.
    PromptForm,
    /// Lines count from 0.
    LinesFromZero,
    /// Seqs count from 0.
    SeqsFromZero,
    /// A session in full has the seqs of its records.
    RecordSeqs,
    /// The list of notes has their numbers.
    ListNotes,
    /// The history of redactions has their numbers.
    ListRedactions,
    /// The undo that ended it can be undone.
    UndoTheUndo,
    /// The list of repositories, of which one may be alike.
    ListRepos {
        /// The one that is most like it.
        nearest: Option<String>,
    },
    /// The whole URL of a repository, or its sessions.
    WholeUrl,
    /// What a time looks like.
    TimeForms,
    /// The other way round.
    SwapTimes,
    /// The value that is most like it.
    Nearest {
        /// Of what.
        filter: FilterName,
        /// The known value.
        value: String,
    },
    /// Nothing has one: leave it out.
    LeaveOut,
}

/// What a redaction can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetHint {
    /// Something to hide.
    NameOne,
    /// One thing at a time.
    OnlyOne,
    /// What narrows what.
    Narrowing,
    /// Without a replacement there is a usual one.
    UsualReplacement,
    /// Another replacement.
    OtherReplacement,
    /// The field that a span is of.
    NameField,
    /// How a span is counted.
    SpanForm,
    /// The record's bytes have its fields.
    ShowRecord,
    /// The text can be hidden as such.
    HideText,
    /// A pattern can say where a short text stands.
    ShortText,
    /// A long text is an entry.
    LongText,
    /// Which patterns there are.
    PatternForm,
    /// So much is hidden only if it is meant.
    Wide,
}

/// Which folder to publish into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FolderHint {
    /// A folder, and no file.
    NameFolder,
    /// Another folder.
    Another,
    /// What stands there moved away, or another folder.
    MoveAway,
    /// A folder that is not there yet.
    New,
}
