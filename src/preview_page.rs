//! A preview as HTML pages.

use crate::preview::{Group, Passage, heading};
use crate::text::plural;
use codex_ledger_report::escape::html;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Passages on a page.
const PAGE_PASSAGES: usize = 500;

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem;\
color:#1a1a1a;background:#fff}h2{font-size:1.1rem;margin:1.8rem 0 .3rem}p{margin:.4rem 0}\
code{white-space:pre-wrap;overflow-wrap:anywhere;font:13px/1.5 ui-monospace,monospace}\
del{background:#ffd7d5;color:#7a0c05;text-decoration:none}ins{background:#d2f4d9;color:#0a4a1b;text-decoration:none}\
mark{background:#fff1b8;color:#4d3800}small{color:#555;display:block}a{color:#0b57d0}\
@media(prefers-color-scheme:dark){body{background:#14171a;color:#e6e6e6}del{background:#5a1e1b;color:#ffdcd9}\
ins{background:#17492a;color:#d8f5df}mark{background:#5c4a00;color:#fff3c4}small{color:#aaa}a{color:#9cc3ff}}";

/// Pages without any script or outside request, each with the file it belongs into: the one that was named, then
/// `NAME-2.html` and so on. They hold raw text: keep them to yourself.
pub fn pages(target: &Path, groups: &[Group]) -> Vec<(PathBuf, String)> {
    let all: Vec<(&Group, &Passage)> =
        groups.iter().flat_map(|group| group.listed.iter().map(move |one| (group, one))).collect();
    let parts: Vec<&[(&Group, &Passage)]> = match all.is_empty() {
        true => vec![&[]],
        false => all.chunks(PAGE_PASSAGES).collect(),
    };
    let files: Vec<PathBuf> = (1..=parts.len()).map(|number| file(target, number)).collect();
    let pages = parts.iter().enumerate().map(|(index, part)| page(&files, index, groups, part));
    files.iter().cloned().zip(pages.collect::<Vec<_>>()).collect()
}

fn file(target: &Path, number: usize) -> PathBuf {
    if number == 1 {
        return target.to_path_buf();
    }
    let stem = target.file_stem().unwrap_or_default().to_string_lossy();
    let ending = target.extension().map(|ending| format!(".{}", ending.to_string_lossy()));
    target.with_file_name(format!("{stem}-{number}{}", ending.unwrap_or_default()))
}

fn page(files: &[PathBuf], index: usize, groups: &[Group], part: &[(&Group, &Passage)]) -> String {
    let number = index + 1;
    let of =
        if files.len() > 1 { format!(", page {number} of {}", files.len()) } else { String::new() };
    let mut out = format!(
        "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width\"><meta http-equiv=\"Content-Security-Policy\" \
         content=\"default-src 'none'; style-src 'unsafe-inline'\"><title>Redaction preview{of}</title>\
         <style>{STYLE}</style></head><body><main><h1>Redaction preview{of}</h1>\
         <p>This page holds raw text. Do not publish it.</p>"
    );
    if index == 0 {
        out.push_str("<ul>");
        for group in groups {
            write!(out, "<li>{}</li>", html(&heading(group))).ok();
        }
        out.push_str("</ul>");
    }
    let around = links(files, index);
    out.push_str(&around);
    let mut of: Option<&Group> = None;
    for (group, passage) in part {
        if of.is_none_or(|of| of.cause != group.cause) {
            write!(out, "<h2>{}</h2>", html(&heading(group))).ok();
            of = Some(group);
        }
        write_passage(&mut out, passage);
        if std::ptr::eq(*passage, group.listed.last().unwrap_or(passage)) {
            let more = group.different - group.listed.len() as u64;
            if more > 0 {
                write!(
                    out,
                    "<p>{} more not listed; --limit 0 lists all.</p>",
                    plural(more, "passage")
                )
                .ok();
            }
        }
    }
    out.push_str(&around);
    out.push_str("</main></body></html>\n");
    out
}

fn write_passage(out: &mut String, passage: &Passage) {
    let Passage { times, session, seq, table, column, before, raw, after, shown } = passage;
    let times = if *times > 1 { format!("{times} times, first ") } else { String::new() };
    let place = format!("{times}{session} entry {seq} {table}.{column}");
    let [before, raw, after, place] = [before, raw, after, &place].map(|text| html(text));
    match shown {
        Some(shown) => {
            let shown = html(shown);
            write!(
                out,
                "<p><code>{before}<del>{raw}</del>{after}</code><br><ins><code>{shown}</code></ins>"
            )
            .ok();
        }
        None => {
            write!(out, "<p><code>{before}<mark>{raw}</mark>{after}</code>").ok();
        }
    }
    write!(out, " <small>{place}</small></p>").ok();
}

/// To the pages before and behind.
fn links(files: &[PathBuf], index: usize) -> String {
    let link = |at: Option<usize>, words: &str| {
        let name = files.get(at?)?.file_name()?.to_string_lossy().into_owned();
        Some(format!("<a href=\"{}\">{words}</a>", html(&name)))
    };
    let links = [link(index.checked_sub(1), "previous page"), link(Some(index + 1), "next page")];
    let links: Vec<String> = links.into_iter().flatten().collect();
    if links.is_empty() {
        String::new()
    } else {
        format!("<nav><p>{}</p></nav>", links.join(" · "))
    }
}
