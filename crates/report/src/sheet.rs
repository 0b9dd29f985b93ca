//! A sheet: a verdict and sections of rows, on one page that is read by people, or as one table.

use super::escape::{self, markdown_cell};
use super::html::document_head;
use maud::{DOCTYPE, Markup, html};
use serde::Serialize;
use std::borrow::Cow;

/// A page of sections. Title, verdict, headings and notes are this program's own words; rows may hold anybody's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Sheet {
    /// Its title.
    pub title: String,
    /// The answer, in one line.
    pub verdict: String,
    /// Whether it is a good one.
    pub is_good: bool,
    /// What stands behind it.
    pub sections: Vec<Section>,
}

/// Rows of one kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Section {
    /// A word for it in the table.
    pub name: &'static str,
    /// Its heading.
    pub heading: String,
    /// What is to be said of all of its rows.
    pub note: Option<String>,
    /// The rows.
    pub rows: Vec<SheetRow>,
}

/// A row; what it does not have is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SheetRow {
    /// Number of the entry.
    pub entry: Option<u64>,
    /// When.
    pub at: String,
    /// Who.
    pub who: String,
    /// What: a kind or a name.
    pub what: String,
    /// What it is about, or a value.
    pub about: String,
    /// Why.
    pub why: String,
}

/// Heads of the columns.
pub const COLUMNS: [&str; 6] = ["entry", "when", "who", "what", "about", "why"];

impl SheetRow {
    /// A name and its value.
    pub fn fact(what: impl Into<String>, about: impl Into<String>) -> SheetRow {
        SheetRow { what: what.into(), about: about.into(), ..SheetRow::default() }
    }

    /// What it says in each of the [`COLUMNS`].
    pub fn cells(&self) -> [Cow<'_, str>; 6] {
        let entry = self.entry.map(|seq| seq.to_string()).unwrap_or_default();
        let SheetRow { at, who, what, about, why, .. } = self;
        let [at, who, what, about, why] =
            [at, who, what, about, why].map(|text| Cow::Borrowed(text.as_str()));
        [Cow::Owned(entry), at, who, what, about, why]
    }
}

impl Section {
    /// The columns in which anything stands, by their place.
    pub fn used(&self) -> Vec<usize> {
        let is_used = |at: &usize| {
            self.rows.iter().any(|row| row.cells().get(*at).is_some_and(|cell| !cell.is_empty()))
        };
        (0..COLUMNS.len()).filter(is_used).collect()
    }
}

impl Sheet {
    /// As Markdown.
    pub fn markdown(&self) -> String {
        let mut out = format!("# {}\n\n**{}**\n", self.title, self.verdict);
        for section in &self.sections {
            out.push_str(&format!("\n## {}\n\n", section.heading));
            if let Some(note) = &section.note {
                out.push_str(&format!("{note}\n\n"));
            }
            let used = section.used();
            if used.is_empty() {
                continue;
            }
            let names: Vec<&str> = used.iter().filter_map(|at| COLUMNS.get(*at).copied()).collect();
            out.push_str(&format!("| {} |\n|{}\n", names.join(" | "), "---|".repeat(names.len())));
            for row in &section.rows {
                let cells = row.cells();
                let cells = used.iter().filter_map(|at| cells.get(*at));
                let cells: Vec<Cow<'_, str>> = cells.map(|cell| plain_cell(cell)).collect();
                out.push_str(&format!("| {} |\n", cells.join(" | ")));
            }
        }
        out
    }

    /// As JSON, for programs.
    pub fn json(&self) -> String {
        // Nothing of it is a map without text for keys.
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    /// As one HTML file that asks for nothing else.
    pub fn html(&self) -> String {
        let page = html! {
            (DOCTYPE)
            html lang="en" {
                (document_head(&self.title, ""))
                body {
                    a.skip href="#main" { "Skip to the contents" }
                    header.banner {
                        h1 { (safe(&self.title)) }
                        p.verdict { strong { (safe(&self.verdict)) } }
                    }
                    main id="main" { @for section in &self.sections { (markup(section)) } }
                }
            }
        };
        page.into_string() + "\n"
    }

    /// As one table; the first column names the section.
    pub fn csv(&self) -> String {
        let verdict = Section {
            name: "verdict",
            rows: vec![SheetRow::fact("verdict", &self.verdict)],
            ..Section::default()
        };
        let mut out = csv::WriterBuilder::new().from_writer(Vec::new());
        // Into memory, which takes everything.
        out.write_record(std::iter::once("section").chain(COLUMNS)).ok();
        for section in std::iter::once(&verdict).chain(&self.sections) {
            for row in &section.rows {
                let cells = row.cells();
                let cells = cells.iter().map(|cell| escape::csv(cell));
                let cells = std::iter::once(Cow::Borrowed(section.name)).chain(cells);
                out.write_record(cells.map(|cell| cell.into_owned())).ok();
            }
        }
        String::from_utf8(out.into_inner().unwrap_or_default()).unwrap_or_default()
    }

    /// All texts, for whoever has to look at them before they are published.
    pub fn texts(&self) -> Vec<&str> {
        let mut texts = vec![self.title.as_str(), self.verdict.as_str()];
        for section in &self.sections {
            for SheetRow { at, who, what, about, why, .. } in &section.rows {
                texts.extend([at, who, what, about, why].map(String::as_str));
            }
        }
        texts.retain(|text| !text.is_empty());
        texts
    }
}

/// Words and numbers mean themselves in Markdown.
fn is_plain(text: &str) -> bool {
    let is_plain = |c: char| c.is_alphanumeric() || " \u{a0}\u{202f},.;:()'-/%".contains(c);
    text.chars().all(is_plain) && !text.contains("://") && !text.contains("www")
}

/// A cell: what is more than words is code.
fn plain_cell(text: &str) -> Cow<'_, str> {
    let begins_plainly = text.chars().next().is_none_or(char::is_alphanumeric);
    match begins_plainly && is_plain(text) {
        true => Cow::Borrowed(text),
        false => Cow::Owned(markdown_cell(text)),
    }
}

fn safe(text: &str) -> Cow<'_, str> {
    escape::visible(text)
}

fn markup(section: &Section) -> Markup {
    let used = section.used();
    html! {
        section aria-labelledby=(section.name) {
            h2 id=(section.name) { (safe(&section.heading)) }
            @if let Some(note) = &section.note { p.quiet { (safe(note)) } }
            @if !used.is_empty() {
                div.table.wide.sheet tabindex="0" role="region" aria-labelledby=(section.name) {
                    table {
                        thead { tr { @for at in &used { th scope="col" { (COLUMNS.get(*at).copied().unwrap_or_default()) } } } }
                        tbody {
                            @for row in &section.rows {
                                @let cells = row.cells();
                                tr { @for at in &used { td class=(COLUMNS.get(*at).copied().unwrap_or_default()) { (safe(cells.get(*at).map_or("", |cell| &**cell))) } } }
                            }
                        }
                    }
                }
            }
        }
    }
}
