//! A running `serve`, and somebody who asks it things.

use super::run::TestEnvironment;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Stdio};
use std::sync::Arc;

/// A running `serve`; killed when dropped.
pub struct Serving {
    child: Child,
    pub address: String,
    /// What was printed.
    pub link: String,
    /// What lets the owner in, once.
    pub key: String,
    tls: Option<Arc<rustls::ClientConfig>>,
}

/// What was answered.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    /// By name in small letters; of one that stands there again, the last.
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("pages are UTF-8")
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    #[track_caller]
    pub fn expect(self, status: u16) -> Answer {
        assert_eq!(self.status, status, "{}", String::from_utf8_lossy(&self.body));
        self
    }

    /// The value that the first form brings back.
    pub fn form_secret(&self) -> String {
        let (_, behind) = self.text().split_once("name=\"form_secret\" value=\"").expect("a form");
        behind.split('"').next().unwrap().to_string()
    }
}

impl Serving {
    pub fn start(env: &TestEnvironment, args: &[&str]) -> Serving {
        Serving::start_at(env, "127.0.0.1:0", args, None)
    }

    /// One that listens elsewhere, or is asked in TLS, as `localhost`.
    pub fn start_at(
        env: &TestEnvironment,
        listen: &str,
        args: &[&str],
        tls: Option<Arc<rustls::ClientConfig>>,
    ) -> Serving {
        let mut command = env.command(["serve", "--listen", listen, "--json"]);
        command
            .args(args)
            .env("CODEX_HOME", env.codex())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program runs");
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let said: serde_json::Value = serde_json::from_str(&line).expect("serve says where it is");
        let address = said["address"].as_str().unwrap().to_string();
        let link = said["link"].as_str().unwrap().to_string();
        let key = link.split_once('#').expect("a link").1.to_string();
        Serving { child, address, link, key, tls }
    }

    fn origin(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("Origin: {scheme}://{}", self.address)
    }

    /// Sends exactly these bytes and reads the answer.
    pub fn send(&self, request: &[u8]) -> Answer {
        let mut stream = TcpStream::connect(&self.address).expect("it listens");
        let stream: Box<dyn Read> = match &self.tls {
            None => {
                stream.write_all(request).unwrap();
                Box::new(stream)
            }
            Some(config) => {
                let name = "localhost".try_into().unwrap();
                let client = rustls::ClientConnection::new(config.clone(), name).unwrap();
                let mut stream = rustls::StreamOwned::new(client, stream);
                stream.write_all(request).expect("its certificate is the one that was made");
                Box::new(stream)
            }
        };
        let mut reader = BufReader::new(stream);
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        let status = line.split(' ').nth(1).expect("a status").parse().unwrap();
        let mut headers = BTreeMap::new();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            match line.trim().split_once(':') {
                Some((name, value)) => {
                    headers.insert(name.to_lowercase(), value.trim().to_string())
                }
                None => break,
            };
        }
        let mut body = Vec::new();
        reader.read_to_end(&mut body).unwrap();
        Answer { status, headers, body }
    }

    /// A request with these lines of headers; a form is sent with it where there is one.
    pub fn ask(&self, method: &str, path: &str, lines: &[&str], form: Option<&str>) -> Answer {
        let mut head = format!("{method} {path} HTTP/1.1\r\nConnection: close\r\n");
        if !lines.iter().any(|line| line.starts_with("Host:")) {
            head += &format!("Host: {}\r\n", self.address);
        }
        for line in lines {
            head += &format!("{line}\r\n");
        }
        if let Some(form) = form {
            let kind = "application/x-www-form-urlencoded";
            head += &format!("Content-Type: {kind}\r\nContent-Length: {}\r\n", form.len());
        }
        self.send(format!("{head}\r\n{}", form.unwrap_or_default()).as_bytes())
    }

    /// Comes in with the link or a token, as a browser does.
    #[track_caller]
    pub fn enter(&self, key: &str) -> Visitor<'_> {
        let answer = self.ask("POST", "/enter", &[&self.origin()], Some(&form_of(&[("key", key)])));
        let cookie = answer.expect(303).header("set-cookie").split(';').next().unwrap().to_string();
        let mut visitor = Visitor { serving: self, cookie, form_secret: String::new() };
        visitor.form_secret = visitor.get("/").expect(200).form_secret();
        visitor
    }

    /// Asks it to stop, and waits until it has.
    pub fn stop(mut self) -> Option<i32> {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        self.child.wait().unwrap().code()
    }

    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Somebody who has come in with a browser.
pub struct Visitor<'a> {
    serving: &'a Serving,
    pub cookie: String,
    pub form_secret: String,
}

impl Visitor<'_> {
    pub fn get(&self, path: &str) -> Answer {
        self.serving.ask("GET", path, &[&format!("Cookie: {}", self.cookie)], None)
    }

    /// Sends a form of the pages.
    pub fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let secret = [("form_secret", self.form_secret.as_str())];
        let form = form_of(&[&secret[..], fields].concat());
        let lines = [
            format!("Cookie: {}", self.cookie),
            self.serving.origin(),
            "Sec-Fetch-Site: same-origin".to_string(),
        ];
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        self.serving.ask("POST", path, &lines, Some(&form))
    }
}

/// Fields as a form has them.
pub fn form_of(fields: &[(&str, &str)]) -> String {
    let escaped = |text: &str| {
        let byte = |byte: u8| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => (byte as char).to_string(),
            other => format!("%{other:02X}"),
        };
        text.bytes().map(byte).collect::<String>()
    };
    let pairs = fields.iter().map(|(name, value)| format!("{}={}", escaped(name), escaped(value)));
    pairs.collect::<Vec<_>>().join("&")
}
