//! Which texts are prompts and which are context that the client put into the user's mouth.

use super::event::{Part, Role};

/// Kinds of injected context.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Injected {
    /// `<environment_context>`.
    EnvironmentContext,
    /// `<user_instructions>`: AGENTS.md of older clients.
    UserInstructions,
    /// `# AGENTS.md instructions`.
    AgentsMd,
    /// `<skill>`.
    Skill,
    /// `<user_shell_command>`: a command typed by the user, with its result.
    UserShellCommand,
    /// `<turn_aborted>`.
    TurnAborted,
    /// `<subagent_notification>`.
    SubagentNotification,
    /// `<user_action>`: the result of a review, handed over.
    UserAction,
    /// `<recommended_plugins>`.
    RecommendedPlugins,
    /// `<external_…>`: context supplied by the client.
    External,
    /// `<hook_prompt …>`.
    HookPrompt,
    /// `<codex_internal_context>`, `<goal_context>`, `<next_prompt_suggestion>`, `<warning>`.
    InternalContext,
    /// `<image>` and `</image>` around an image.
    ImageWrapper,
    /// Warnings of the runtime.
    Warning,
    /// Summary of a local compaction.
    CompactionSummary,
    /// Prompt of an approval guardian.
    Guardian,
    /// `<permissions instructions>`.
    Permissions,
    /// `<collaboration_mode>`.
    CollaborationMode,
    /// `<personality_spec>`.
    Personality,
    /// `<model_switch>`.
    ModelSwitch,
    /// `<skills_instructions>`.
    Skills,
    /// `<plugins_instructions>`.
    Plugins,
    /// `<apps_instructions>`, `<app-context>`.
    Apps,
    /// `<multi_agent_mode>` and the notice which agent this is.
    MultiAgent,
    /// `<hook_context>`.
    HookContext,
    /// Any other text of the developer or system role.
    Developer,
}

impl Injected {
    /// Stable snake_case name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::EnvironmentContext => "environment_context",
            Self::UserInstructions => "user_instructions",
            Self::AgentsMd => "agents_md",
            Self::Skill => "skill",
            Self::UserShellCommand => "user_shell_command",
            Self::TurnAborted => "turn_aborted",
            Self::SubagentNotification => "subagent_notification",
            Self::UserAction => "user_action",
            Self::RecommendedPlugins => "recommended_plugins",
            Self::External => "external",
            Self::HookPrompt => "hook_prompt",
            Self::InternalContext => "internal_context",
            Self::ImageWrapper => "image_wrapper",
            Self::Warning => "warning",
            Self::CompactionSummary => "compaction_summary",
            Self::Guardian => "guardian",
            Self::Permissions => "permissions",
            Self::CollaborationMode => "collaboration_mode",
            Self::Personality => "personality",
            Self::ModelSwitch => "model_switch",
            Self::Skills => "skills",
            Self::Plugins => "plugins",
            Self::Apps => "apps",
            Self::MultiAgent => "multi_agent",
            Self::HookContext => "hook_context",
            Self::Developer => "developer",
        }
    }
}

/// Contents of an environment context; updates between turns are partial.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Environment<'a> {
    /// Working directory.
    pub cwd: Option<&'a str>,
    /// Approval policy.
    pub approval_policy: Option<&'a str>,
    /// Sandbox mode.
    pub sandbox_mode: Option<&'a str>,
    /// Network access.
    pub network_access: Option<&'a str>,
    /// Shell.
    pub shell: Option<&'a str>,
    /// Local date of the user.
    pub current_date: Option<&'a str>,
    /// IANA time zone of the user.
    pub timezone: Option<&'a str>,
}

/// A marker of injected context: how the text starts and, where it must, how it ends. Both are
/// compared without regard to case.
struct Marker {
    kind: Injected,
    start: &'static str,
    end: &'static str,
}

const fn marker(kind: Injected, start: &'static str, end: &'static str) -> Marker {
    Marker { kind, start, end }
}

/// Markers in the user role (a few of them also occur in the developer role).
#[rustfmt::skip]
const USER: &[Marker] = &[
    marker(Injected::EnvironmentContext, "<environment_context>", "</environment_context>"),
    marker(Injected::AgentsMd, "# AGENTS.md instructions", "</INSTRUCTIONS>"),
    marker(Injected::UserInstructions, "<user_instructions>", "</user_instructions>"),
    marker(Injected::Skill, "<skill>", "</skill>"),
    marker(Injected::Skill, "<skill ", "</skill>"),
    marker(Injected::UserShellCommand, "<user_shell_command>", "</user_shell_command>"),
    marker(Injected::TurnAborted, "<turn_aborted>", "</turn_aborted>"),
    marker(Injected::SubagentNotification, "<subagent_notification>", "</subagent_notification>"),
    marker(Injected::UserAction, "<user_action>", "</user_action>"),
    marker(Injected::RecommendedPlugins, "<recommended_plugins>", "</recommended_plugins>"),
    marker(Injected::External, "<external_", ">"),
    marker(Injected::HookPrompt, "<hook_prompt", "</hook_prompt>"),
    marker(Injected::InternalContext, "<codex_internal_context", "</codex_internal_context>"),
    marker(Injected::InternalContext, "<goal_context>", "</goal_context>"),
    marker(Injected::InternalContext, "<next_prompt_suggestion>", "</next_prompt_suggestion>"),
    marker(Injected::InternalContext, "<warning>", "</warning>"),
    marker(Injected::ImageWrapper, "<image name=", ">"),
    marker(Injected::Warning, "Warning: apply_patch was requested via ", ""),
    marker(Injected::Warning, "Warning: The maximum number of unified exec processes ", ""),
    marker(Injected::Warning, "Warning: Your account was flagged ", ""),
    marker(Injected::CompactionSummary,
        "Another language model started to solve this problem ", ""),
    marker(Injected::Guardian, "The following is the Codex agent history ", ""),
    marker(Injected::Guardian, "Reviewed Codex session id:", ""),
    marker(Injected::Guardian, "Planned action JSON:", ""),
];

/// Markers of the developer role, where everything is injected and only the kind is asked.
#[rustfmt::skip]
const DEVELOPER: &[Marker] = &[
    marker(Injected::Permissions, "<permissions instructions>", ""),
    marker(Injected::CollaborationMode, "<collaboration_mode>", ""),
    marker(Injected::Personality, "<personality_spec>", ""),
    marker(Injected::ModelSwitch, "<model_switch>", ""),
    marker(Injected::Skills, "<skills_instructions>", ""),
    marker(Injected::Plugins, "<plugins_instructions>", ""),
    marker(Injected::Apps, "<apps_instructions>", ""),
    marker(Injected::Apps, "<app-context>", ""),
    marker(Injected::MultiAgent, "<multi_agent_mode>", ""),
    marker(Injected::MultiAgent, "You are `/root", ""),
    marker(Injected::HookContext, "<hook_context>", ""),
];

/// What kind of injected context a part of a message is; `None` for what the role really said.
/// One message may mix injected parts and real ones: test each part on its own.
#[must_use]
pub fn classify(role: &Role<'_>, text: &str) -> Option<Injected> {
    let text = text.trim();
    match role {
        Role::User => match text {
            "<image>" | "</image>" => Some(Injected::ImageWrapper),
            _ => find(USER, text),
        },
        Role::Developer | Role::System => {
            find(DEVELOPER, text).or_else(|| find(USER, text)).or(Some(Injected::Developer))
        }
        Role::Assistant | Role::Other(_) => None,
    }
}

/// What a person asked with these parts, less what the client has added; none where it has added all of it.
pub fn asked(parts: &[Part<'_>], images: usize) -> Option<String> {
    let kinds = classify_parts(&Role::User, parts);
    let own = parts.iter().zip(kinds).filter(|(_, kind)| kind.is_none());
    let own: Vec<&str> = own.filter_map(|(part, _)| part.text()).collect();
    (!own.is_empty() || images > 0 || parts.is_empty()).then(|| own.join("\n"))
}

/// Whether a text is one element of a markup as a whole, `<name …>…</name>`, as clients wrap what they add.
#[must_use]
pub fn is_wrapped(text: &str) -> bool {
    let text = text.trim();
    let Some(rest) = text.strip_prefix('<') else { return false };
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    let length = rest.find(|c| !is_of_name(c)).unwrap_or(rest.len());
    let name = rest.get(..length).unwrap_or_default();
    let end = text.strip_suffix('>').and_then(|text| text.strip_suffix(name));
    !name.is_empty() && end.is_some_and(|text| text.ends_with("</"))
}

/// The texts of several parts, each on lines of its own.
pub fn joined(parts: &[Part<'_>]) -> String {
    parts.iter().filter_map(Part::text).collect::<Vec<_>>().join("\n")
}

/// The same for all parts of a message, in order. Parts that are no text are what the role said.
/// The prompt of a guardian spreads over parts that only its first lines give away.
#[must_use]
pub fn classify_parts(role: &Role<'_>, parts: &[Part<'_>]) -> Vec<Option<Injected>> {
    let of = |part: &Part<'_>| part.text().and_then(|text| classify(role, text));
    let mut kinds: Vec<_> = parts.iter().map(of).collect();
    if kinds.contains(&Some(Injected::Guardian)) {
        kinds.fill(Some(Injected::Guardian));
    }
    kinds
}

fn find(markers: &[Marker], text: &str) -> Option<Injected> {
    let bytes = text.as_bytes();
    let starts =
        |start: &[u8]| bytes.get(..start.len()).is_some_and(|s| s.eq_ignore_ascii_case(start));
    let ends = |end: &[u8]| {
        let tail = bytes.len().checked_sub(end.len()).and_then(|at| bytes.get(at..));
        tail.is_some_and(|tail| tail.eq_ignore_ascii_case(end))
    };
    let matching = |m: &&Marker| starts(m.start.as_bytes()) && ends(m.end.as_bytes());
    markers.iter().find(matching).map(|marker| marker.kind)
}

/// Reads an environment context; `None` where the text is none. Values stay as written.
#[must_use]
pub fn environment(text: &str) -> Option<Environment<'_>> {
    let inner = text.trim().strip_prefix("<environment_context>")?;
    let inner = inner.strip_suffix("</environment_context>").unwrap_or(inner);
    let value = |name, label| element(inner, name).or_else(|| labelled(inner, label));
    Some(Environment {
        cwd: value("cwd", "Current working directory: "),
        approval_policy: value("approval_policy", "Approval policy: "),
        sandbox_mode: value("sandbox_mode", "Sandbox mode: "),
        network_access: value("network_access", "Network access: "),
        shell: value("shell", "Shell: "),
        current_date: element(inner, "current_date"),
        timezone: element(inner, "timezone"),
    })
}

/// The text of the first `<name>…</name>`.
fn element<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(&format!("<{name}>"))?;
    let (value, _) = rest.split_once(&format!("</{name}>"))?;
    Some(value.trim())
}

/// The rest of the line after a label, as in the oldest form.
fn labelled<'a>(text: &'a str, label: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.trim().strip_prefix(label)).map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(text: &str) -> Option<Injected> {
        classify(&Role::User, text)
    }

    #[test]
    fn every_marker_is_found_and_named() {
        for marker in USER {
            let text = format!(" {}x\n{} \n", marker.start.to_uppercase(), marker.end);
            assert_eq!(user(&text), Some(marker.kind), "{}", marker.start);
        }
        for marker in DEVELOPER {
            let text = format!("{}x", marker.start);
            assert_eq!(classify(&Role::Developer, &text), Some(marker.kind), "{}", marker.start);
        }
    }

    #[test]
    fn prompts_about_markers_are_prompts() {
        for text in [
            "fix the test",
            "",
            "<environment_context> is what? explain",
            "why is there a <skill> in my log",
            "# AGENTS.md instructions are ignored, why",
            "<skills>x</skills>",
            "é<image>",
        ] {
            assert_eq!(user(text), None, "{text}");
        }
        assert_eq!(classify(&Role::Assistant, "<skill>x</skill>"), None);
        assert_eq!(classify(&Role::Developer, "anything"), Some(Injected::Developer));
    }

    #[test]
    fn a_message_may_mix_injected_and_real_parts() {
        let parts = [
            Part::Text("<environment_context></environment_context>".into()),
            Part::Image("data:".into()),
            Part::Text("real".into()),
        ];
        let kinds = classify_parts(&Role::User, &parts);
        assert_eq!(kinds, [Some(Injected::EnvironmentContext), None, None]);
        let parts = [Part::Text("Planned action JSON:".into()), Part::Text("{}".into())];
        assert_eq!(classify_parts(&Role::User, &parts), [Some(Injected::Guardian); 2]);
    }

    #[test]
    fn reads_both_forms_of_an_environment() {
        let new = "<environment_context>\n  <cwd>/w</cwd>\n  <shell>zsh</shell>\n\
            <timezone>Asia/Kolkata</timezone></environment_context>";
        let environment = super::environment(new).unwrap();
        assert_eq!((environment.cwd, environment.shell), (Some("/w"), Some("zsh")));
        assert_eq!((environment.timezone, environment.sandbox_mode), (Some("Asia/Kolkata"), None));
        let old = "<environment_context>\nCurrent working directory: /w\nApproval policy: never\n\
            </environment_context>";
        let environment = super::environment(old).unwrap();
        assert_eq!((environment.cwd, environment.approval_policy), (Some("/w"), Some("never")));
        assert_eq!(super::environment("hi"), None);
    }

    #[test]
    fn wrappers_are_whole_elements() {
        for (text, expected) in [
            ("<note at=\"5\">\nlow water\n</note>\n", true),
            ("<note>low</note> is what?", false),
            ("<note>low</memo>", false),
            ("<>x</>", false),
            ("<note", false),
            ("plain", false),
        ] {
            assert_eq!(is_wrapped(text), expected, "{text}");
        }
    }
}
