//! Taking out a report: the same bytes that `report` writes.

use super::asked::{Asked, Nothing, Sent};
use crate::access::Who;
use crate::error::{Result, WebError};
use crate::state::Shared;
use crate::ui::export;
use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How much.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, ToSchema)]
enum ReportMode {
    #[default]
    #[serde(rename = "prompts")]
    Prompts,
    #[serde(rename = "prompts+answers")]
    Answers,
    #[serde(rename = "actions")]
    Actions,
    #[serde(rename = "tokens")]
    Tokens,
    #[serde(rename = "full")]
    Full,
}

/// In which format.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum ReportFormat {
    #[default]
    Md,
    Html,
    Json,
    Csv,
}

/// What is taken out.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct NewReport {
    mode: ReportMode,
    format: ReportFormat,
    /// From this day or moment on.
    since: Option<String>,
    /// Up to this day, or before this moment.
    until: Option<String>,
    /// Of these sessions.
    session: Vec<String>,
    repo: Option<String>,
    workspace: Option<String>,
    model: Option<String>,
    source: Vec<String>,
    by_person: bool,
    tag: Vec<String>,
    disposition: Vec<String>,
    /// For readers outside: without who did what and why.
    external: bool,
}

impl NewReport {
    /// As the form of the pages has it.
    fn form(self) -> crate::params::Params {
        let one = |name: &'static str, value: Option<String>| value.map(|value| (name, value));
        let flag = |name: &'static str, is_so: bool| is_so.then(|| (name, "1".to_string()));
        let mode = match self.mode {
            ReportMode::Prompts => "prompts",
            ReportMode::Answers => "prompts+answers",
            ReportMode::Actions => "actions",
            ReportMode::Tokens => "tokens",
            ReportMode::Full => "full",
        };
        let format = match self.format {
            ReportFormat::Md => "md",
            ReportFormat::Html => "html",
            ReportFormat::Json => "json",
            ReportFormat::Csv => "csv",
        };
        let mut pairs = vec![("mode", mode.to_string()), ("format", format.to_string())];
        pairs.extend(one("since", self.since).into_iter().chain(one("until", self.until)));
        pairs.extend(one("repo", self.repo).into_iter().chain(one("workspace", self.workspace)));
        pairs.extend(one("model", self.model));
        pairs.extend(
            flag("by_person", self.by_person).into_iter().chain(flag("external", self.external)),
        );
        let lists = [
            ("session", self.session),
            ("source", self.source),
            ("tag", self.tag),
            ("disposition", self.disposition),
        ];
        for (name, values) in lists {
            pairs.extend(values.into_iter().map(|value| (name, value)));
        }
        pairs
            .into_iter()
            .fold(Default::default(), |params: crate::params::Params, (name, value)| {
                params.and(name, &value)
            })
    }
}

/// Takes out a report, which is recorded.
#[utoipa::path(post, path = "/reports", operation_id = "create_report", tag = "read", request_body = NewReport,
    responses((status = 200, description = "The file", content((String = "text/markdown"), (String = "text/html"), (serde_json::Value = "application/json"), (String = "text/csv")))))]
pub(crate) async fn create(
    State(shared): State<Shared>,
    Extension(who): Extension<Who>,
    Asked(Nothing {}): Asked<Nothing>,
    Sent { body, .. }: Sent<NewReport>,
) -> Result<Response> {
    export::report_file(&shared, who, body.form()).await.map_err(WebError::of_meaning)
}
