//! Indexing as in candle: `x.i((.., 0, 1..))`.

use std::ops::{Bound, RangeBounds};
use std::ops::{Range, RangeFrom, RangeFull, RangeInclusive, RangeTo, RangeToInclusive};

use candle_core::Result;

use super::length::Length;
use super::tensor::Tensor;

/// What is taken along one axis.
#[derive(Clone, Debug)]
pub enum Indexer {
    /// One element; the axis is dropped.
    Select(Length),
    /// From one element to before another.
    Narrow(Length, Option<Length>),
    /// Those that a tensor picks.
    Picks(Tensor),
}

impl From<usize> for Indexer {
    fn from(index: usize) -> Self {
        Self::Select(index.into())
    }
}

impl From<Length> for Indexer {
    fn from(index: Length) -> Self {
        Self::Select(index)
    }
}

impl From<&Tensor> for Indexer {
    fn from(picks: &Tensor) -> Self {
        Self::Picks(picks.clone())
    }
}

fn range<T: Into<Length> + Copy>(range: impl RangeBounds<T>) -> Indexer {
    let start = match range.start_bound() {
        Bound::Included(&start) => start.into(),
        Bound::Excluded(&start) => start.into() + 1,
        Bound::Unbounded => 0.into(),
    };
    let end = match range.end_bound() {
        Bound::Included(&end) => Some(end.into() + 1),
        Bound::Excluded(&end) => Some(end.into()),
        Bound::Unbounded => None,
    };
    Indexer::Narrow(start, end)
}

macro_rules! ranges {
    ($($range:ident)+) => {
        $(
            impl<T: Into<Length> + Copy> From<$range<T>> for Indexer {
                fn from(bounds: $range<T>) -> Self {
                    range(bounds)
                }
            }
        )+
    };
}

ranges!(Range RangeFrom RangeInclusive RangeTo RangeToInclusive);

impl From<RangeFull> for Indexer {
    fn from(_: RangeFull) -> Self {
        Self::Narrow(0.into(), None)
    }
}

/// What candle's `IndexOp` means in the twin of a `forward`.
pub trait IndexOp<T> {
    /// The part of the tensor that the index says.
    ///
    /// # Errors
    ///
    /// As [`crate::GraphBuilder::narrow`].
    fn i(&self, index: T) -> Result<Tensor>;
}

impl Tensor {
    fn indexed(&self, indexers: Vec<Indexer>) -> Result<Tensor> {
        let (mut x, mut axis) = (self.clone(), 0);
        for indexer in indexers {
            match indexer {
                Indexer::Select(index) => x = x.get_on_dim(axis, index)?,
                Indexer::Narrow(start, end) => {
                    let whole = end.is_none() && start.known() == Some(0);
                    if !whole {
                        let end = end.unwrap_or(x.dim(axis)?);
                        x = x.narrow(axis, start, end - start)?;
                    }
                    axis += 1;
                }
                Indexer::Picks(picks) => {
                    x = x.index_select(&picks, axis)?;
                    axis += 1;
                }
            }
        }
        Ok(x)
    }
}

impl<T: Into<Indexer>> IndexOp<T> for Tensor {
    fn i(&self, index: T) -> Result<Tensor> {
        self.indexed(vec![index.into()])
    }
}

macro_rules! tuple_index {
    ($($name:ident)+) => {
        impl<$($name: Into<Indexer>),+> IndexOp<($($name,)+)> for Tensor {
            #[allow(non_snake_case)]
            fn i(&self, index: ($($name,)+)) -> Result<Tensor> {
                let ($($name,)+) = index;
                self.indexed(vec![$($name.into()),+])
            }
        }
    };
}

tuple_index!(A);
tuple_index!(A B);
tuple_index!(A B C);
tuple_index!(A B C D);
tuple_index!(A B C D E);
tuple_index!(A B C D E F);
