//! Token counters: always consistent, re-emitted as often as real ones are.

use crate::era::Age;
use crate::json::stamp;
use crate::rng::Rng;
use crate::session::Session;
use std::io::Result;
use std::ops::AddAssign;

#[derive(Clone, Copy, Default)]
pub struct Usage {
    pub input: u64,
    pub cached: u64,
    pub output: u64,
    pub reasoning: u64,
}

impl AddAssign for Usage {
    fn add_assign(&mut self, other: Usage) {
        self.input += other.input;
        self.cached += other.cached;
        self.output += other.output;
        self.reasoning += other.reasoning;
    }
}

impl Usage {
    fn json(&self, cache_write: bool) -> String {
        let Usage { input, cached, output, reasoning } = self;
        let write = if cache_write { r#""cache_write_input_tokens":0,"# } else { "" };
        let total = input + output;
        format!(
            r#"{{"input_tokens":{input},"cached_input_tokens":{cached},{write}"output_tokens":{output},"reasoning_output_tokens":{reasoning},"total_tokens":{total}}}"#
        )
    }
}

pub struct Counters {
    pub total: Usage,
    last: Usage,
    /// Tokens of the conversation so far, and how many of them the server has seen.
    context: u64,
    seen: u64,
    used_percent: f64,
}

impl Counters {
    pub fn new(rng: &mut Rng) -> Self {
        let context = rng.range(6000, 14_000);
        Counters {
            total: Usage::default(),
            last: Usage::default(),
            context,
            seen: 0,
            used_percent: rng.unit() * 40.0,
        }
    }

    pub fn full(&self) -> bool {
        self.context > 235_000
    }

    /// Text that joined the conversation.
    pub fn grow(&mut self, bytes: usize) {
        self.context += bytes as u64 / 4 + 4;
    }

    fn respond(&mut self, rng: &mut Rng) {
        let cached = if rng.chance(930) { self.seen / 128 * 128 } else { 0 };
        let output = rng.size(&[(0.0, 20.0), (0.5, 240.0), (0.9, 1500.0), (1.0, 9000.0)]) as u64;
        let reasoning = if rng.chance(700) { output * rng.below(90) / 100 / 64 * 64 } else { 0 };
        self.last = Usage { input: self.context, cached, output, reasoning };
        self.seen = self.context;
        self.context += output;
        self.total += self.last;
        self.used_percent = (self.used_percent + rng.unit() * 0.4) % 100.0;
    }
}

impl Session<'_> {
    fn rate_limits(&self) -> String {
        let (used, week) =
            (self.counters.used_percent.floor(), (self.counters.used_percent / 5.0).floor());
        let reset = self.who.start / 1000 / 18_000 * 18_000 + 18_000;
        if self.age() <= Age::G2a {
            return format!(
                r#"{{"primary_used_percent":{used:.1},"secondary_used_percent":{week:.1},"primary_to_secondary_ratio_percent":20.0,"primary_window_minutes":300,"secondary_window_minutes":10080}}"#
            );
        }
        let window =
            format!(r#"{{"used_percent":{used:.1},"window_minutes":300,"resets_at":{reset}}}"#);
        let weekly = format!(
            r#"{{"used_percent":{week:.1},"window_minutes":10080,"resets_at":{}}}"#,
            reset + 400_000
        );
        if self.age() == Age::G2b {
            return format!(
                r#"{{"primary":{window},"secondary":{weekly},"credits":null,"plan_type":"plus"}}"#
            );
        }
        format!(
            r#"{{"limit_id":"codex","limit_name":null,"primary":{window},"secondary":{weekly},"credits":{{"has_credits":false,"unlimited":false,"balance":null}},"plan_type":"plus"}}"#
        )
    }

    fn token_count(&mut self, last: &str) -> Result<()> {
        let total = self.counters.total.json(self.age() >= Age::G2e);
        let limits = self.rate_limits();
        self.event(&format!(
            r#"{{"type":"token_count","info":{{"total_token_usage":{total},"last_token_usage":{last},"model_context_window":258400}},"rate_limits":{limits}}}"#
        ))
    }

    /// What one response cost, written once, sometimes followed by a refresh that repeats it.
    pub fn response_usage(&mut self) -> Result<()> {
        if std::mem::replace(&mut self.charged, true) {
            return Ok(());
        }
        self.counters.respond(&mut self.r);
        if self.age() == Age::G3 {
            self.usage_record()?;
        }
        let last = self.counters.last.json(self.age() >= Age::G2e);
        self.token_count(&last)?;
        if self.r.chance(330) {
            self.wait(1, 400);
            self.token_count(&last)?;
        }
        if self.r.chance(14) {
            let limits = self.rate_limits();
            self.event(&format!(r#"{{"type":"token_count","info":null,"rate_limits":{limits}}}"#))?;
        }
        Ok(())
    }

    fn usage_record(&mut self) -> Result<()> {
        let response = self.r.hex(32);
        let (id, turn) = (&self.who.id, &self.turn);
        let root = self.who.parent.as_ref().unwrap_or(id);
        let (usage, total) = (self.counters.last.json(true), self.counters.total.json(true));
        let payload = format!(
            r#"{{"session_id":"{root}","thread_id":"{id}","turn_id":"{turn}","root_turn_id":"{turn}","response_id":"resp_{response}","usage":{usage},"turn_token_usage":{usage},"thread_token_usage":{total}}}"#
        );
        self.emit("token_usage_record", &payload)
    }

    /// The history is replaced by a summary; the counters only get an estimate row.
    pub fn compact(&mut self) -> Result<()> {
        let mut history = String::new();
        let room = self.w.max_text.min(self.r.range(24_000, 66_000) as usize);
        let at = stamp(self.now);
        while history.len() < room {
            let (_, body) = self.p.command(&mut self.r, 2000);
            let text = format!("{}\n{at}\n{body}", self.p.prose(&mut self.r, 500));
            let text = crate::json::q(&text);
            history += &format!(
                r#"{{"type":"message","role":"user","content":[{{"type":"input_text","text":{text}}}]}},"#
            );
        }
        let blob = self.r.base64(room / 3);
        self.emit(
            "compacted",
            &format!(r#"{{"message":"","replacement_history":[{history}{{"type":"compaction","encrypted_content":"gAAAAAB{blob}"}}]}}"#),
        )?;
        self.event(r#"{"type":"context_compacted"}"#)?;
        (self.counters.context, self.counters.seen) = (self.r.range(14_000, 30_000), 0);
        let size = self.counters.context;
        self.token_count(&format!(
            r#"{{"input_tokens":0,"cached_input_tokens":0,"output_tokens":0,"reasoning_output_tokens":0,"total_tokens":{size}}}"#
        ))
    }
}
