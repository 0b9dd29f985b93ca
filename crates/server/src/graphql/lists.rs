//! Lists, some at a time: cursors hold as long as the ledger is as it was.

use super::reading::{Int64, Reading};
use crate::error::{Result, WebError};
use async_graphql::SimpleObject;
use async_graphql::connection::{Connection, Edge, EmptyFields};
use axum::http::StatusCode;

/// Of a list, so many are given where it is not said how many.
const FIRST: usize = 50;
/// More are not given at once.
const FIRST_MAX: usize = 200;
/// Hexadecimal digits of what a cursor is bound to.
const BOUND_CHARS: usize = 16;

/// What is known of a list beside what stands in it.
#[derive(SimpleObject)]
pub(super) struct Total {
    /// How many there are in all.
    total_count: Int64,
}

/// Some of a list.
pub(super) type Some_<N> = Connection<String, N, Total>;

/// What a list costs: each that may be in it, with what is asked of it.
pub(super) fn cost(first: Option<i32>, each: usize) -> usize {
    let count = first.map_or(FIRST, |first| usize::try_from(first).unwrap_or(0));
    count.saturating_mul(each).saturating_add(1)
}

/// Which part of a list is asked for.
pub(super) struct Part {
    bound: String,
    pub(super) behind: usize,
    pub(super) first: usize,
}

impl Part {
    /// `list` says which list it is, with all that was asked for.
    pub(super) fn of(
        reading: &Reading,
        list: &str,
        (first, after): (Option<i32>, Option<String>),
    ) -> Result<Part> {
        let first = first.map_or(Ok(FIRST), usize::try_from).ok();
        let first = first.filter(|first| *first <= FIRST_MAX).ok_or_else(|| {
            WebError::bad(format!("first: at once at least 0 and at most {FIRST_MAX}"))
        })?;
        let bound = blake3::hash(format!("{} {list}", reading.bound).as_bytes()).to_hex();
        let bound = bound.get(..BOUND_CHARS).unwrap_or_default().to_string();
        let behind = after.map_or(Ok(0), |after| place_behind(&bound, &after))?;
        Ok(Part { bound, behind, first })
    }

    /// Those that were read: the ones behind the cursor, no more than asked for.
    pub(super) fn with<N: async_graphql::OutputType>(self, total: usize, read: Vec<N>) -> Some_<N> {
        let end = self.behind + read.len();
        let about = Total { total_count: (total as u64).into() };
        let mut some = Connection::with_additional_fields(self.behind > 0, end < total, about);
        let edges = read.into_iter().zip(self.behind..);
        let cursor = |at: usize| format!("{}{at:x}", self.bound);
        some.edges.extend(edges.map(|(node, at)| Edge::<_, _, EmptyFields>::new(cursor(at), node)));
        some
    }

    /// Of all that there are, those that are asked for.
    pub(super) fn from<R, N: async_graphql::OutputType>(
        self,
        all: Vec<R>,
        node: impl FnMut(R) -> N,
    ) -> Some_<N> {
        let total = all.len();
        let read = all.into_iter().skip(self.behind).take(self.first).map(node).collect();
        self.with(total, read)
    }
}

/// Where the list goes on behind what a cursor stands for.
fn place_behind(bound: &str, after: &str) -> Result<usize> {
    let stale = || {
        let message = "after: this cursor is of another list, of another ledger, or of this one before it has grown";
        WebError::new(StatusCode::GONE, message).hint("begin again without it")
    };
    let at = after.strip_prefix(bound).filter(|at| at.len() <= 8).ok_or_else(stale)?;
    let at = usize::from_str_radix(at, 16).map_err(|_| stale())?;
    Ok(at + 1)
}
