//! Values that hold for a span of time.

/// A value and when it holds: from `from_ms` (included) to `to_ms` (excluded).
///
/// `i64::MIN` and None are open ends; [`close_open_ends`] closes those that have a successor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Dated<T> {
    pub(super) from_ms: i64,
    pub(super) to_ms: Option<i64>,
    /// Line of the file, from 1.
    pub(super) line: usize,
    pub(super) value: T,
}

impl<T> Dated<T> {
    fn end_ms(&self) -> i64 {
        self.to_ms.unwrap_or(i64::MAX)
    }

    /// Whether the value holds at a moment. An open end has no last moment.
    pub(super) fn holds_at(&self, at_ms: i64) -> bool {
        self.from_ms <= at_ms && self.to_ms.is_none_or(|to_ms| at_ms < to_ms)
    }
}

/// Sorts by time and ends an open span where the next begins.
///
/// # Errors
/// The line of a span that begins before its predecessor ends.
pub(super) fn close_open_ends<T>(spans: &mut [Dated<T>]) -> Result<(), usize> {
    spans.sort_by_key(|span| (span.from_ms, span.line));
    let mut next: Option<(i64, usize)> = None;
    for span in spans.iter_mut().rev() {
        if let Some((next_from_ms, next_line)) = next {
            if span.from_ms >= next_from_ms || span.to_ms.is_some_and(|to_ms| to_ms > next_from_ms)
            {
                return Err(next_line);
            }
            span.to_ms = Some(span.end_ms().min(next_from_ms));
        }
        next = Some((span.from_ms, span.line));
    }
    Ok(())
}

/// The spans of `over`, and of `base` what they leave.
pub(super) fn layer<T: Clone>(base: &[Dated<T>], over: &[Dated<T>]) -> Vec<Dated<T>> {
    let mut left = base.to_vec();
    for cut in over {
        left = left.into_iter().flat_map(|span| outside(span, cut)).flatten().collect();
    }
    left.extend_from_slice(over);
    left.sort_by_key(|span| span.from_ms);
    left
}

/// What of a span lies before and after another.
fn outside<T: Clone>(span: Dated<T>, cut: &Dated<T>) -> [Option<Dated<T>>; 2] {
    let before_to_ms = span.end_ms().min(cut.from_ms);
    let before =
        (span.from_ms < before_to_ms).then(|| Dated { to_ms: Some(before_to_ms), ..span.clone() });
    let after_from_ms = span.from_ms.max(cut.end_ms());
    let after = (cut.to_ms.is_some() && after_from_ms < span.end_ms())
        .then(|| Dated { from_ms: after_from_ms, ..span });
    [before, after]
}
