//! `config`: what is set, and whether it makes sense.

use crate::door::{Done, Door, Result, Style};
use crate::settings::{Ignored, Setting, missing_paths, settings};
use crate::text::{safe, safe_path};
use crate::trust::{self, TrustArgs};
use clap::{Args, Subcommand};
use serde::Serialize;
use std::path::Path;

#[derive(Debug, Args)]
pub struct ConfigArgs {
    #[command(subcommand)]
    pub what: ConfigCommand,
}

#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Show every setting and where it comes from
    Show,
    /// Check the file and the paths it names
    Check,
    /// Obey a configuration file wherever it lies, as long as it says what it says now
    Trust(TrustArgs),
}

/// What is printed of the settings.
#[derive(Serialize)]
struct Document<'a> {
    file: Option<&'a Path>,
    settings: &'a [Setting],
    problems: &'a [String],
    ignored: &'a [Ignored],
}

pub fn run(door: &mut Door, args: ConfigArgs) -> Result<Done> {
    if let ConfigCommand::Trust(args) = &args.what {
        return trust::run(door, args);
    }
    let settings = settings(&door.global)?;
    let missing = missing_paths(&settings);
    if door.global.json {
        door.print_json(&Document {
            file: settings.config_path.as_deref(),
            settings: &settings.all,
            problems: &missing,
            ignored: &settings.ignored,
        })?;
    } else {
        let mut out = match &settings.config_path {
            Some(path) => format!("file {}\n", safe_path(path)),
            None => "no configuration file; defaults are in force\n".to_string(),
        };
        if matches!(args.what, ConfigCommand::Show) {
            for setting in &settings.all {
                let origin = door.paint(Style::Dim, format!("({})", safe(&setting.origin)));
                let value = safe(&setting.value);
                out.push_str(&format!("  {:<20} {value} {origin}\n", setting.key));
            }
        }
        for ignored in &settings.ignored {
            out.push_str(&format!("{}\n", door.paint(Style::Yellow, safe(&trust::told(ignored)))));
        }
        for problem in &missing {
            out.push_str(&format!("{}\n", door.paint(Style::Yellow, safe(problem))));
        }
        if matches!(args.what, ConfigCommand::Check) && missing.is_empty() {
            out.push_str(&door.paint(Style::Green, "every setting makes sense"));
            out.push('\n');
        }
        door.print(&out)?;
    }
    Ok(if missing.is_empty() { Done::Clean } else { Done::Findings })
}
