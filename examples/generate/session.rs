//! One session: its state, how its records are written and how its turns go.

use crate::World;
use crate::era::{Age, Identity};
use crate::json::{q, stamp};
use crate::rng::{Point, Rng};
use crate::text::Project;
use crate::usage::Counters;
use std::fs::File;
use std::io::{BufWriter, Result, Write};

const PROMPT: [Point; 6] =
    [(0.0, 14.0), (0.5, 110.0), (0.75, 400.0), (0.9, 5000.0), (0.99, 30_000.0), (1.0, 40_000.0)];
const REPLY: [Point; 5] = [(0.0, 40.0), (0.5, 260.0), (0.9, 1400.0), (0.99, 4500.0), (1.0, 6000.0)];
const SECRET: [Point; 7] = [
    (0.0, 700.0),
    (0.1, 860.0),
    (0.5, 1080.0),
    (0.75, 2300.0),
    (0.9, 4500.0),
    (0.99, 15_000.0),
    (1.0, 36_000.0),
];

pub struct Session<'w> {
    pub w: &'w World,
    pub r: Rng,
    pub who: Identity,
    pub p: Project<'w>,
    pub cwd: String,
    pub model: &'static str,
    pub turn: String,
    pub now: u64,
    pub counters: Counters,
    /// Written by a client that persists the extra `*_end` events.
    pub extended: bool,
    pub prompts: Vec<(u64, String)>,
    pub lines: u64,
    pub bytes: u64,
    /// Whether the tokens of the current response are on file.
    pub charged: bool,
    context: String,
    out: BufWriter<File>,
}

impl<'w> Session<'w> {
    pub fn new(w: &'w World, index: u64, who: Identity, out: File) -> Self {
        let mut r = Rng::new(w.seed, index + 100);
        let p = Project::new(&w.vocab, &mut r);
        let cwd = format!("/home/dev/{}", w.vocab.rare[r.below(14) as usize]);
        Session {
            model: r.pick::<&str>(who.era.models),
            turn: String::new(),
            now: who.start,
            counters: Counters::new(&mut r),
            extended: who.era.age == Age::G2d && r.chance(450),
            prompts: Vec::new(),
            lines: 0,
            bytes: 0,
            charged: false,
            context: String::new(),
            out: BufWriter::with_capacity(1 << 18, out),
            w,
            r,
            who,
            p,
            cwd,
        }
    }

    pub fn age(&self) -> Age {
        self.who.era.age
    }

    pub fn wait(&mut self, from_ms: u64, to_ms: u64) {
        self.now += self.r.range(from_ms, to_ms);
    }

    /// Writes a line as it is.
    pub fn line(&mut self, text: &str) -> Result<()> {
        self.lines += 1;
        self.bytes += text.len() as u64 + 1;
        self.out.write_all(text.as_bytes())?;
        self.out.write_all(b"\n")
    }

    /// Writes a record in the envelope of the generation; the first one has none and knows items only.
    pub fn emit(&mut self, kind: &str, payload: &str) -> Result<()> {
        if self.age() == Age::G1 {
            if kind != "response_item" {
                return Ok(());
            }
            self.line(payload)?;
            return if self.r.chance(740) {
                self.line(r#"{"record_type":"state"}"#)
            } else {
                Ok(())
            };
        }
        let (time, n) = (stamp(self.now), self.lines);
        let ordinal =
            if self.age() == Age::G3 { format!(r#""ordinal":{n},"#) } else { String::new() };
        self.line(&format!(
            r#"{{"timestamp":"{time}",{ordinal}"type":"{kind}","payload":{payload}}}"#
        ))
    }

    pub fn item(&mut self, payload: &str) -> Result<()> {
        self.emit("response_item", payload)
    }

    pub fn event(&mut self, payload: &str) -> Result<()> {
        self.emit("event_msg", payload)
    }

    /// An event of the old style, or in paginated files the completed item that replaced it.
    pub fn told(&mut self, legacy: &str, item: &str) -> Result<()> {
        if self.age() < Age::G3 {
            return self.event(legacy);
        }
        let (thread, turn, now) = (&self.who.id, &self.turn, self.now);
        let payload = format!(
            r#"{{"type":"item_completed","thread_id":"{thread}","turn_id":"{turn}","item":{item},"completed_at_ms":{now}}}"#
        );
        self.event(&payload)
    }

    /// Fields that newer writers add to every item.
    pub fn tail(&mut self, prefix: &str) -> String {
        if self.age() < Age::G2e {
            return String::new();
        }
        let (id, turn) = (self.r.hex(32), &self.turn);
        format!(
            r#","id":"{prefix}_{id}","internal_chat_message_metadata_passthrough":{{"turn_id":"{turn}"}}"#
        )
    }

    pub fn message(&mut self, role: &str, text: &str) -> Result<()> {
        let part = if role == "assistant" { "output_text" } else { "input_text" };
        let (tail, text) = (self.tail("msg"), q(text));
        self.item(&format!(r#"{{"type":"message","role":"{role}","content":[{{"type":"{part}","text":{text}}}]{tail}}}"#))
    }

    fn prompt(&mut self) -> Result<()> {
        let len = self.r.size(&PROMPT).min(self.w.max_text);
        let mut text = self.p.prose(&mut self.r, len.min(600));
        if len > 600 {
            let (_, body) = self.p.command(&mut self.r, len - 600);
            text = match self.r.below(2) {
                0 => format!("{text}\n\n```\n{body}```"),
                _ => format!(
                    "# Context from my IDE setup:\n\n## Active selection of the file:\n{body}\n## My request for Codex:\n{text}\n"
                ),
            };
        }
        self.message("user", &text)?;
        let quoted = q(&text);
        let legacy = format!(
            r#"{{"type":"user_message","message":{quoted},"images":[],"local_images":[],"text_elements":[]}}"#
        );
        let id = self.r.hex(12);
        let item = format!(
            r#"{{"type":"UserMessage","id":"{id}","content":[{{"type":"text","text":{quoted}}}]}}"#
        );
        self.told(&legacy, &item)?;
        self.prompts.push((self.now / 1000, text));
        Ok(())
    }

    fn reply(&mut self, phase: &str) -> Result<String> {
        let len = self.r.size(&REPLY);
        let text = self.p.prose(&mut self.r, len);
        let quoted = q(&text);
        let id = self.r.hex(12);
        let legacy = format!(r#"{{"type":"agent_message","message":{quoted},"phase":"{phase}"}}"#);
        let item = format!(
            r#"{{"type":"AgentMessage","id":"{id}","content":[{{"type":"Text","text":{quoted}}}],"phase":"{phase}"}}"#
        );
        self.told(&legacy, &item)?;
        self.message("assistant", &text)?;
        Ok(text)
    }

    fn reasoning(&mut self) -> Result<()> {
        let mut summary = String::new();
        if self.age() < Age::G2d && self.r.chance(640) {
            for i in 0..*self.r.zipf(&[1, 1, 1, 1, 2, 3]) {
                let title = format!("**Checking the {}**", self.p.ident(&mut self.r));
                let len = self.r.range(10, 420) as usize;
                let text = if len < 150 {
                    title
                } else {
                    format!("{title}\n\n{}", self.p.prose(&mut self.r, len))
                };
                let text = q(&text);
                self.event(&format!(r#"{{"type":"agent_reasoning","text":{text}}}"#))?;
                summary += if i == 0 { "" } else { "," };
                summary += &format!(r#"{{"type":"summary_text","text":{text}}}"#);
            }
        }
        let len = self.r.size(&SECRET).min(self.w.max_text);
        let (blob, tail) = (self.r.base64(len), self.tail("rs"));
        self.item(&format!(
            r#"{{"type":"reasoning","summary":[{summary}],"content":null,"encrypted_content":"gAAAAAB{blob}"{tail}}}"#
        ))
    }

    /// One response of the model that calls tools.
    fn step(&mut self) -> Result<()> {
        if self.age() < Age::G2c && self.r.chance(820) {
            self.turn_context()?;
        }
        self.wait(900, 14_000);
        if self.r.chance(860) {
            self.reasoning()?;
        }
        if self.r.chance(180) {
            self.reply("commentary")?;
        }
        self.charged = false;
        for _ in 0..*self.r.zipf(&[1, 1, 1, 1, 1, 1, 1, 2, 3]) {
            self.call()?;
        }
        Ok(())
    }

    fn turn_context(&mut self) -> Result<()> {
        let payload = std::mem::take(&mut self.context);
        self.emit("turn_context", &payload)?;
        self.context = payload;
        Ok(())
    }

    fn begin_turn(&mut self) -> Result<()> {
        self.turn = self.r.uuid(Some(self.now));
        self.context = self.context_payload();
        if self.age() >= Age::G2c {
            let (turn, at) = (&self.turn, self.now / 1000);
            let payload = format!(
                r#"{{"type":"task_started","turn_id":"{turn}","started_at":{at},"model_context_window":258400,"collaboration_mode_kind":"default"}}"#
            );
            self.event(&payload)?;
            if self.r.chance(350) {
                let text = self.w.developer[self.r.below(8) as usize].as_str();
                self.message("developer", text)?;
            }
        }
        self.turn_context()?;
        self.prompt()
    }

    fn end_turn(&mut self) -> Result<()> {
        self.wait(900, 9000);
        if self.r.chance(60) {
            self.message("user", "<turn_aborted>\nThe user interrupted the previous turn on purpose.\n</turn_aborted>")?;
            let turn = &self.turn;
            let payload =
                format!(r#"{{"type":"turn_aborted","turn_id":"{turn}","reason":"interrupted"}}"#);
            return self.event(&payload);
        }
        self.charged = false;
        self.reasoning()?;
        let text = self.reply("final_answer")?;
        self.response_usage()?;
        if self.age() >= Age::G2c {
            let (turn, text) = (&self.turn, q(&text));
            let payload = format!(
                r#"{{"type":"task_complete","turn_id":"{turn}","last_agent_message":{text}}}"#
            );
            self.event(&payload)?;
        }
        if self.r.chance(8) && self.age() > Age::G2b {
            self.event(r#"{"type":"thread_rolled_back","num_turns":1}"#)?;
        }
        Ok(())
    }

    fn turn(&mut self, target: u64) -> Result<()> {
        self.begin_turn()?;
        let steps = self.r.size(&[(0.0, 1.0), (0.5, 5.0), (0.9, 22.0), (1.0, 70.0)]);
        for _ in 0..steps {
            self.step()?;
            if self.counters.full() {
                self.compact()?;
            }
            if self.bytes >= target {
                break;
            }
        }
        self.end_turn()?;
        self.wait(5_000, 900_000);
        Ok(())
    }

    /// Writes the whole session, about `target` bytes of it.
    pub fn write(&mut self, target: u64, giant: Option<usize>) -> Result<()> {
        self.opening()?;
        if let Some(len) = giant {
            let image = self.r.base64(len.saturating_sub(200));
            self.item(&format!(
                r#"{{"type":"message","role":"user","content":[{{"type":"input_image","image_url":"data:image/png;base64,{image}"}}]}}"#
            ))?;
        }
        loop {
            self.turn(target)?;
            if self.bytes >= target {
                return self.out.flush();
            }
        }
    }
}
