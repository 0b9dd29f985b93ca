//! Roles, and the rights that each has.

use serde::{Deserialize, Serialize};

/// What somebody is here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Reads what is shown.
    Viewer,
    /// Also tags, judges, hides, and hands out reports.
    Reviewer,
    /// Reads what is shown, and who did what and why.
    Auditor,
    /// Everything.
    Admin,
}

/// What a page or an act asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Right {
    /// To read what is shown.
    Read,
    /// To tag, note and judge.
    Review,
    /// To see what is hidden by whom, and by which rule.
    Oversee,
    /// To hide, and to show again.
    Redact,
    /// To take out a report.
    Export,
    /// To read who did what and why.
    Audit,
    /// To see who else may come in.
    Administer,
    /// To read what is hidden, which is recorded.
    Reveal,
}

impl Role {
    /// All of them.
    pub const ALL: [Role; 4] = [Role::Viewer, Role::Reviewer, Role::Auditor, Role::Admin];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Role::Viewer => "viewer",
            Role::Reviewer => "reviewer",
            Role::Auditor => "auditor",
            Role::Admin => "admin",
        }
    }

    /// The role of that name.
    pub fn named(name: &str) -> Option<Role> {
        Role::ALL.into_iter().find(|role| role.name() == name)
    }

    /// Whether it has a right.
    pub fn may(self, right: Right) -> bool {
        match self {
            Role::Admin => true,
            Role::Viewer => right == Right::Read,
            Role::Reviewer => {
                use Right::{Export, Oversee, Read, Redact, Review};
                matches!(right, Read | Review | Oversee | Redact | Export)
            }
            Role::Auditor => {
                use Right::{Audit, Export, Oversee, Read};
                matches!(right, Read | Oversee | Audit | Export)
            }
        }
    }
}

impl Right {
    /// All of them.
    pub const ALL: [Right; 8] = [
        Right::Read,
        Right::Review,
        Right::Oversee,
        Right::Redact,
        Right::Export,
        Right::Audit,
        Right::Administer,
        Right::Reveal,
    ];

    /// What it allows, behind *may*.
    pub fn words(self) -> &'static str {
        match self {
            Right::Read => "read",
            Right::Review => "tag, note and judge",
            Right::Oversee => "see what is hidden by whom",
            Right::Redact => "hide and show again",
            Right::Export => "take out reports",
            Right::Audit => "read who did what",
            Right::Administer => "see who may come in",
            Right::Reveal => "read what is hidden",
        }
    }
}
