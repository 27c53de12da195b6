//! Where the reader is: a chain of borrowed steps, written out only for what is kept.

use super::{Place, ReadError, ReadErrorKind};
use alloc::string::String;

/// A place within a value of the document.
#[derive(Clone, Copy)]
pub(super) struct Path<'a> {
    parent: Option<&'a Path<'a>>,
    step: Step<'a>,
}

#[derive(Clone, Copy)]
enum Step<'a> {
    /// The value: empty, or the line where there are several.
    Value(&'a str),
    Member(&'static str),
    Entry(usize),
}

impl<'a> Path<'a> {
    pub(super) fn value(name: &'a str) -> Self {
        Self { parent: None, step: Step::Value(name) }
    }

    pub(super) fn member(&'a self, name: &'static str) -> Self {
        Self { parent: Some(self), step: Step::Member(name) }
    }

    pub(super) fn entry(&'a self, index: usize) -> Self {
        Self { parent: Some(self), step: Step::Entry(index) }
    }

    pub(super) fn place(&self) -> Place {
        let mut text = String::new();
        self.write(&mut text);
        Place(text)
    }

    pub(super) fn error(&self, kind: impl Into<ReadErrorKind>) -> ReadError {
        ReadError { place: self.place(), kind: kind.into() }
    }

    fn write(&self, out: &mut String) {
        use core::fmt::Write;
        if let Some(parent) = self.parent {
            parent.write(out);
            match (parent.step, self.step) {
                (Step::Value(""), _) => {}
                (Step::Value(_), _) => out.push_str(": "),
                (_, Step::Member(_)) => out.push('.'),
                _ => {}
            }
        }
        match self.step {
            Step::Value(name) | Step::Member(name) => out.push_str(name),
            Step::Entry(index) => write!(out, "[{index}]").expect("a String takes all"),
        }
    }
}
