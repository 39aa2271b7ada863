//! The values of one cell, of which there nearly always is one.

/// Values in order, the first of them apart, so that a single one needs no memory of its own.
pub(crate) struct Several<T> {
    pub(crate) first: Option<T>,
    pub(crate) more: Vec<T>,
}

impl<T> Several<T> {
    /// Returns a single value.
    pub(crate) fn one(value: T) -> Self {
        Self { first: Some(value), more: Vec::new() }
    }

    /// Returns a cell without values.
    pub(crate) fn none() -> Self {
        Self { first: None, more: Vec::new() }
    }
}

impl<T> FromIterator<T> for Several<T> {
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Self {
        let mut values = values.into_iter();
        Self { first: values.next(), more: values.collect() }
    }
}

impl<T> IntoIterator for Several<T> {
    type Item = T;
    type IntoIter = std::iter::Chain<std::option::IntoIter<T>, std::vec::IntoIter<T>>;

    fn into_iter(self) -> Self::IntoIter {
        self.first.into_iter().chain(self.more)
    }
}
