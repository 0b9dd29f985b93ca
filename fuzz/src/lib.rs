//! What holds whatever the bytes: the fuzz targets and the replay of their seeds call these.
//!
//! Each function reads the bytes in every way that the program does, touches every field of what comes back, and
//! panics where a promise is broken. Messages quote nothing of the input.

pub mod files;
pub mod rollout;
pub mod texts;

use std::fmt::{self, Debug, Write};

/// Formats every field and drops the text.
fn touch(value: &dyn Debug) {
    write!(Sink, "{value:?}").expect("formatting does not fail");
}

struct Sink;

impl Write for Sink {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        std::hint::black_box(text);
        Ok(())
    }
}
