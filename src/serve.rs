//! `serve`: the pages of the review, and who else may come in.

use crate::append::signing;
use crate::audit_page;
use crate::audit_proofs::{self, KeyArgs};
use crate::door::{Done, Door, Result, Style, app_setup, say};
use crate::error::DoorError;
use crate::filters::zone_named;
use crate::keys;
use crate::signals::{self, Phase};
use crate::text::{minute, safe};
use crate::vouching;
use clap::{Args, Subcommand, ValueEnum};
use codex_ledger_app::{App, AppendOptions, Setup, World};
use codex_ledger_server::{
    DAYS_MAX, LogListener, Role, ServeOptions, Server, Tls, TlsError, Token, TokenError, TokenFile,
    Vouching,
};
use std::io::IsTerminal;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

/// Where it is reached unless somebody says otherwise.
const ADDRESS: &str = "127.0.0.1:4747";
/// How long a token lets in unless somebody says otherwise.
const TOKEN_DAYS: u64 = 90;

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct ServeArgs {
    #[command(subcommand)]
    pub what: Option<ServeCommand>,
    /// Address and port of this machine; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = ADDRESS)]
    pub listen: SocketAddr,
    /// Another name under which it is reached, such as that of a proxy: HOST or HOST:PORT; may be given again
    #[arg(long, value_name = "HOST")]
    pub host: Vec<String>,
    /// Append what Codex writes meanwhile, as `append --watch` does; pages that are open show it
    #[arg(long)]
    pub watch: bool,
    /// Speak TLS with this certificate, and those that vouch for it behind it (PEM); then others on the network may come in, too
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// The key of that certificate (PEM), a file of yours alone
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// Only print the link, open no browser
    #[arg(long)]
    pub no_open: bool,
    /// Say on stderr what was asked for, one JSON line each, without what was in it
    #[arg(long)]
    pub log: bool,
    /// Time zone of days and times [default: as configured, else UTC]
    #[arg(long, value_name = "ZONE")]
    pub timezone: Option<String>,
}

#[derive(Debug, Subcommand)]
pub enum ServeCommand {
    /// Let others in, with a token for each
    Token {
        #[command(subcommand)]
        what: TokenCommand,
    },
}

#[derive(Debug, Subcommand)]
pub enum TokenCommand {
    /// Make a token; it is printed once and kept nowhere
    Create {
        /// Who gets it: the actor of what is done with it
        #[arg(value_name = "NAME")]
        name: String,
        /// What that one may do
        #[arg(long, value_enum, default_value_t = RoleName::Viewer, value_name = "ROLE")]
        role: RoleName,
        /// For how many days
        #[arg(long, value_name = "N", default_value_t = TOKEN_DAYS, value_parser = clap::value_parser!(u64).range(1..=DAYS_MAX))]
        days: u64,
    },
    /// List all tokens, without what lets in
    List,
    /// Take a token back; what was opened with it ends at once
    Revoke {
        /// Its id, as the list has it
        #[arg(value_name = "ID")]
        id: String,
    },
}

/// What somebody is here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RoleName {
    /// Reads what is shown
    Viewer,
    /// Also tags, judges, hides, and takes out reports
    Reviewer,
    /// Reads what is shown and who did what, and takes out reports
    Auditor,
    /// Everything
    Admin,
}

impl RoleName {
    fn role(self) -> Role {
        match self {
            RoleName::Viewer => Role::Viewer,
            RoleName::Reviewer => Role::Reviewer,
            RoleName::Auditor => Role::Auditor,
            RoleName::Admin => Role::Admin,
        }
    }
}

pub fn run(door: &mut Door, args: ServeArgs) -> Result<Done> {
    let setup = app_setup(door, "serve", Vec::new())?;
    let app = App::new(setup.clone());
    app.finish_interrupted();
    if args.watch {
        // The first round makes the ledger, and pages are there to be shown.
        let appended = app.append(AppendOptions::default(), &mut |_| ())?;
        signing(&app, &appended, &KeyArgs { key: None });
    }
    let tokens = TokenFile::at(keys::own_path(&app.log_name()?)?.with_extension("tokens.json"));
    if let Some(ServeCommand::Token { what }) = args.what {
        return token(door, &app, &tokens, what);
    }
    let tls = tls(&args)?;
    // One that cannot be read would let nobody in, and say nothing.
    tokens.list().map_err(|error| DoorError::new(error.to_string()))?;
    // Who has just begun needs no page that says so.
    app.status()?;
    let zone = zone_named(door, args.timezone.as_deref())?;
    let log: Option<LogListener> = args.log.then(|| -> LogListener {
        Arc::new(|line| say(serde_json::to_string(line).unwrap_or_default()))
    });
    let vouching = Vouching {
        words: vouching::in_words,
        audit: |app, zone, listener| {
            audit_page::served(app, zone, listener).map_err(DoorError::refusal)
        },
        prove: |app, seq| audit_proofs::served(app, seq).map_err(DoorError::refusal),
    };
    let options =
        ServeOptions { address: args.listen, hosts: args.host, zone, tokens, vouching, tls, log };
    let watched = args.watch.then(|| setup.clone());
    let server = Server::bind(setup, options).map_err(failed)?;
    let stopper = server.stopper();
    signals::enter(Phase::Serving);
    signals::on_stop(move || stopper.stop());
    let link = server.new_link().map_err(failed)?;
    match door.global.json {
        true => door.print_json_line(&serde_json::json!({
            "address": server.address().to_string(),
            "link": link,
        }))?,
        false => {
            let about = door.paint(Style::Dim, "lets in once, for ten minutes; stop with Ctrl-C");
            door.print(&format!("{link}\n{about}\n"))?;
        }
    }
    let has_window = std::io::stdout().is_terminal() && !args.no_open && !door.global.json;
    if has_window && open::that_detached(&link).is_err() {
        say("codex-ledger: no browser could be opened; open the link yourself");
    }
    if let Some(setup) = watched {
        let watch = std::thread::Builder::new().name("watch".into()).spawn(|| watch(setup));
        watch.map_err(|error| DoorError::new(format!("the logs cannot be watched: {error}")))?;
    }
    server.run();
    Ok(Done::Clean)
}

/// Appends what changes, until the program ends: what was acknowledged is safe then.
fn watch(setup: Setup) {
    let app = App::new(setup);
    let key = KeyArgs { key: None };
    let done = app.watch(AppendOptions::default(), &mut |_| (), &mut |appended| {
        signing(&app, &appended, &key);
        true
    });
    if let Err(error) = done {
        say(DoorError::from(error).described());
    }
}

/// What is needed to speak TLS, where that is wanted; without it nobody comes from elsewhere.
fn tls(args: &ServeArgs) -> Result<Option<Tls>> {
    let ip = args.listen.ip();
    let (Some(certificate), Some(key)) = (&args.tls_cert, &args.tls_key) else {
        if ip.is_loopback() {
            return Ok(None);
        }
        let message = format!("{}: others on the network could read along", args.listen);
        return Err(DoorError::new(message).hint(
            "speak TLS: --tls-cert FILE --tls-key FILE; or listen on 127.0.0.1, put a proxy with TLS in front of it, and \
             name it with --host",
        ));
    };
    if ip.is_unspecified() && args.host.is_empty() {
        return Err(DoorError::new(format!("{}: no name under which it is reached", args.listen))
            .hint("name it as the certificate does: --host HOST"));
    }
    let tls = Tls::from_files(certificate, key).map_err(|error| {
        let hint = match error {
            TlsError::Exposed(_) => "chmod 600 it if nobody has read it",
            _ => "--tls-cert names the certificate, --tls-key its key, both PEM",
        };
        DoorError::new(error.to_string()).hint(hint)
    })?;
    Ok(Some(tls))
}

fn failed(error: codex_ledger_server::ServeError) -> DoorError {
    DoorError::new(error.to_string()).hint("it may be running already: `codex-ledger serve token create` makes a token that lets in there; another port: --listen 127.0.0.1:0")
}

fn token(door: &Door, app: &App, tokens: &TokenFile, what: TokenCommand) -> Result<Done> {
    let wrong = |error: codex_ledger_server::TokenError| {
        DoorError::new(error.to_string()).hint("see `codex-ledger serve token list`")
    };
    let now_ms = World::real().clock.now() / 1_000_000;
    match what {
        TokenCommand::Create { name, role, days } => {
            let name = name.trim();
            Token::check(name, role.role(), days, &[app.actor()]).map_err(|error| {
                let is_own = matches!(error, TokenError::Own(_));
                let error = DoorError::new(error.to_string());
                match is_own {
                    true => {
                        error.hint("give it the name of who gets it, or --role admin for yourself")
                    }
                    false => error,
                }
            })?;
            app.note_token(true, &format!("{name}, {}, {days} days", role.role().name()))?;
            let (token, text) = tokens.create(name, role.role(), days, now_ms).map_err(wrong)?;
            if door.global.json {
                door.print_json(&serde_json::json!({ "token": text, "id": token.id }))?;
                return Ok(Done::Clean);
            }
            let about = format!("{}, id {}; it is shown this once", told(&token, now_ms), token.id);
            door.print(&format!("{text}\n{}\n", door.paint(Style::Dim, about)))?;
        }
        TokenCommand::List => {
            let all = tokens.list().map_err(wrong)?;
            if door.global.json {
                door.print_json(&all.iter().map(|of| listed(of, now_ms)).collect::<Vec<_>>())?;
                return Ok(Done::Clean);
            }
            let lines = all.iter().map(|of| format!("{}  {}\n", of.id, told(of, now_ms)));
            let lines: String = lines.collect();
            door.print(if lines.is_empty() { "no tokens\n" } else { &lines })?;
        }
        TokenCommand::Revoke { id } => {
            let token = tokens.revoke(&id, now_ms).map_err(wrong)?;
            app.note_token(
                false,
                &format!("{}, {}, id {}", token.actor, token.role.name(), token.id),
            )?;
            if door.global.json {
                door.print_json(&listed(&token, now_ms))?;
                return Ok(Done::Clean);
            }
            door.print(&format!("{} lets nobody in any more\n", token.id))?;
        }
    }
    Ok(Done::Clean)
}

fn told(of: &Token, now_ms: u64) -> String {
    let end = match (of.revoked_at_ms, of.is_valid(now_ms)) {
        (Some(at), _) => format!("taken back {}", minute(Some(at as i64))),
        (None, true) => format!("until {}", minute(Some(of.ends_at_ms as i64))),
        (None, false) => format!("ended {}", minute(Some(of.ends_at_ms as i64))),
    };
    format!("{}, {}, {end}", safe(&of.actor), of.role.name())
}

fn listed(of: &Token, now_ms: u64) -> serde_json::Value {
    serde_json::json!({
        "id": of.id,
        "actor": of.actor,
        "role": of.role,
        "made_at_ms": of.made_at_ms,
        "ends_at_ms": of.ends_at_ms,
        "revoked_at_ms": of.revoked_at_ms,
        "valid": of.is_valid(now_ms),
    })
}
