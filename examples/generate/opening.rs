//! What a file begins with, and the turn contexts and settings that follow.

use crate::era::Age;
use crate::json::{q, stamp};
use crate::session::Session;
use std::io::Result;

impl Session<'_> {
    /// The first record and the context handed to the model before the first prompt.
    pub fn opening(&mut self) -> Result<()> {
        let id = &self.who.id;
        let (commit, branch) =
            (self.r.hex(40), *self.r.pick(&["main", "dev", "fix/limits", "feature/report"]));
        let name = self.cwd.rsplit('/').next().unwrap_or_default();
        let git = format!(
            r#""git":{{"commit_hash":"{commit}","branch":"{branch}","repository_url":"https://git.example/{name}.git"}}"#
        );
        let time = stamp(self.who.start);
        let guide = self.p.prose(&mut self.r, 2400);
        if self.age() == Age::G1 {
            let header = format!(
                r#"{{"id":"{id}","timestamp":"{time}","instructions":{},{git}}}"#,
                q(&guide)
            );
            self.line(&header)?;
        } else {
            let source = self.source();
            let (cwd, cli) = (&self.cwd, self.r.pick(self.who.era.cli));
            let instructions = self.instructions(&guide);
            let meta = format!(
                r#"{{"id":"{}","timestamp":"{time}","cwd":"{cwd}","originator":"codex_cli_rs","cli_version":"{cli}",{source}{instructions}{git}}}"#,
                self.who.id
            );
            self.wait(3, 900);
            self.emit("session_meta", &meta)?;
        }
        self.injected(&guide)
    }

    /// Where a session came from; sub-agents name their parent.
    fn source(&self) -> String {
        let age = self.age();
        let kind = match (&self.who.parent, age) {
            (None, Age::G1 | Age::G2a) => String::new(),
            (None, Age::G2b) => r#""source":"cli","#.to_string(),
            (None, _) => r#""source":"cli","model_provider":"openai","#.to_string(),
            (Some(parent), _) => format!(
                r#""source":{{"subagent":{{"thread_spawn":{{"parent_thread_id":"{parent}","depth":1,"agent_nickname":"Scout","agent_role":"explorer"}}}}}},"model_provider":"openai","#
            ),
        };
        let id = self.who.parent.as_ref().unwrap_or(&self.who.id);
        match age {
            Age::G2e => format!(
                r#"{kind}"session_id":"{id}","memory_mode":"enabled","history_mode":"legacy","#
            ),
            Age::G3 => format!(r#"{kind}"session_id":"{id}","history_mode":"paginated","#),
            _ => kind,
        }
    }

    fn instructions(&self, guide: &str) -> String {
        if self.age() < Age::G2c {
            return format!(r#""instructions":{},"#, q(guide));
        }
        let variant = (self.age() as usize * 5 + self.model.len()) % 8;
        format!(r#""base_instructions":{{"text":{}}},"#, q(&self.w.base[variant]))
    }

    fn injected(&mut self, guide: &str) -> Result<()> {
        let cwd = self.cwd.clone();
        let environment = format!(
            "<environment_context>\n  <cwd>{cwd}</cwd>\n  <shell>bash</shell>\n</environment_context>"
        );
        if self.age() >= Age::G2c {
            let text = self.w.developer[self.age() as usize].as_str();
            self.message("developer", text)?;
        }
        if self.age() <= Age::G2a {
            self.message(
                "user",
                &format!("<user_instructions>\n\n{guide}\n\n</user_instructions>"),
            )?;
        } else {
            self.message(
                "user",
                &format!(
                    "# AGENTS.md instructions for {cwd}\n\n<INSTRUCTIONS>\n{guide}\n</INSTRUCTIONS>"
                ),
            )?;
        }
        self.message("user", &environment)?;
        if self.age() >= Age::G2e {
            let text = q(guide);
            self.emit(
                "world_state",
                &format!(r#"{{"full":true,"state":{{"agents_md":{{"directory":"{cwd}","text":{text}}},"model":"{}"}}}}"#, self.model),
            )?;
            self.settings()?;
        }
        Ok(())
    }

    fn settings(&mut self) -> Result<()> {
        let tier = if self.r.chance(120) { "fast" } else { "default" };
        let notes = self.p.prose(&mut self.r, 1200);
        let (model, cwd, notes) = (self.model, &self.cwd, q(&notes));
        let payload = format!(
            r#"{{"type":"thread_settings_applied","thread_settings":{{"model":"{model}","model_provider_id":"openai","service_tier":"{tier}","approval_policy":"on-request","cwd":"{cwd}","reasoning_effort":"high","collaboration_mode":{{"mode":"default","settings":{{"model":"{model}","developer_instructions":{notes}}}}}}}}}"#
        );
        self.event(&payload)
    }

    /// The payload of this turn's `turn_context`; mostly short, with whole instructions in the middle ages.
    pub fn context_payload(&mut self) -> String {
        if self.r.chance(30) {
            self.model = *self.r.pick::<&str>(self.who.era.models);
        }
        let (cwd, model, turn) = (&self.cwd, self.model, &self.turn);
        let effort = self.r.pick(&["medium", "high", "xhigh"]);
        let sandbox = if self.age() <= Age::G2a { "mode" } else { "type" };
        let mut text = String::from("{");
        if self.age() >= Age::G2c {
            text += &format!(
                r#""turn_id":"{turn}","current_date":"{}","timezone":"Etc/UTC","#,
                &stamp(self.now)[..10]
            );
        }
        text += &format!(
            r#""cwd":"{cwd}","approval_policy":"on-request","sandbox_policy":{{"{sandbox}":"workspace-write","network_access":false,"exclude_tmpdir_env_var":false,"exclude_slash_tmp":false}},"model":"{model}","effort":"{effort}","summary":"auto""#
        );
        let share = match self.age() {
            Age::G2b => 420,
            Age::G2c => 600,
            _ => 0,
        };
        if self.who.start % 1000 < share {
            let variant = self.who.start as usize % 8;
            let words = &self.w.developer[variant];
            text += &format!(
                r#","user_instructions":{},"truncation_policy":{{"mode":"tokens","limit":10000}}"#,
                q(words)
            );
        }
        text.push('}');
        text
    }
}
