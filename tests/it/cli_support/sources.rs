//! Rollout files: those of the fixture, and small ones written on the spot.

use std::fs;
use std::path::{Path, PathBuf};

/// A source file below a home.
#[derive(Clone, Debug)]
pub struct Source {
    pub path: PathBuf,
    /// Path below the home.
    pub relative: PathBuf,
    /// What it holds, decompressed.
    pub bytes: Vec<u8>,
}

impl Source {
    pub fn name(&self) -> String {
        self.path.file_name().unwrap().to_string_lossy().into_owned()
    }

    pub fn is_rollout(&self) -> bool {
        self.name().starts_with("rollout-")
    }

    pub fn is_compressed(&self) -> bool {
        self.name().ends_with(".zst")
    }

    pub fn is_document(&self) -> bool {
        self.name().ends_with(".json")
    }

    /// The thread id in the name of a rollout.
    pub fn id(&self) -> String {
        id_of(&self.path)
    }
}

/// The thread id in the name of a rollout.
pub fn id_of(path: &Path) -> String {
    let name = path.file_name().unwrap().to_string_lossy();
    let stem = name.split(".json").next().unwrap();
    stem[stem.len() - 36..].to_string()
}

pub fn fixture_home() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/codex-home")
}

/// Everything below a home that has the name of a source, by path.
pub fn sources_below(home: &Path) -> Vec<Source> {
    let mut paths = Vec::new();
    walk(home, &mut paths);
    paths.sort();
    let read = |path: PathBuf| {
        let bytes = fs::read(&path).unwrap();
        let is_compressed = path.extension().is_some_and(|e| e == "zst");
        Source {
            bytes: if is_compressed { zstd::decode_all(&bytes[..]).unwrap() } else { bytes },
            relative: path.strip_prefix(home).unwrap().to_path_buf(),
            path,
        }
    };
    paths.into_iter().map(read).collect()
}

fn walk(dir: &Path, paths: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let is_rollout = name.starts_with("rollout-")
            && [".json", ".jsonl", ".jsonl.zst"].iter().any(|end| name.ends_with(end));
        if path.is_dir() {
            walk(&path, paths);
        } else if is_rollout || name == "history.jsonl" || name == "session_index.jsonl" {
            paths.push(path);
        }
    }
}

/// The lines of a text, each with its line feed; the last one may have none.
pub fn lines_of(bytes: &[u8]) -> Vec<&[u8]> {
    bytes.split_inclusive(|byte| *byte == b'\n').collect()
}

/// A thread id.
pub fn thread(number: u64) -> String {
    format!("019cabcd-0000-7000-8000-{number:012x}")
}

pub fn rollout_name(number: u64) -> String {
    format!("rollout-2026-03-01T10-00-00-{}.jsonl", thread(number))
}

/// A session with that many prompts after its header.
pub fn session(number: u64, prompts: u64) -> Vec<u8> {
    let id = thread(number);
    let header = serde_json::json!({
        "timestamp": "2026-03-01T10:00:00.000Z", "type": "session_meta",
        "payload": {
            "id": id, "timestamp": "2026-03-01T10:00:00.000Z", "cwd": "/home/dev/tides",
            "originator": "codex_cli_rs", "cli_version": "0.104.0", "source": "cli",
        },
    });
    let mut text = format!("{header}\n").into_bytes();
    for index in 0..prompts {
        text.extend(prompt_line(&format!("When is high water on day {index}?")));
    }
    text
}

/// A line on which a user asks something.
pub fn prompt_line(message: &str) -> Vec<u8> {
    let line = serde_json::json!({
        "timestamp": "2026-03-01T10:00:01.000Z", "type": "event_msg",
        "payload": {"type": "user_message", "message": message, "images": []},
    });
    format!("{line}\n").into_bytes()
}

/// A line on which the assistant answers.
pub fn answer_line(text: &str) -> Vec<u8> {
    let line = serde_json::json!({
        "timestamp": "2026-03-01T10:00:02.000Z", "type": "response_item",
        "payload": {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": text}]},
    });
    format!("{line}\n").into_bytes()
}

pub fn compressed(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 3).unwrap()
}
