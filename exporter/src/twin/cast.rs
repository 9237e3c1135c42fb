//! `as` and `a..b`, which the macro writes as functions, so that they take lengths.

use std::ops::Range;

use super::length::Length;
use super::real::Real;

/// What `self as T` gives in the twin of a `forward`.
pub trait Cast<T> {
    /// `T` itself, or what stands for it.
    type Output;

    /// `self as T`.
    fn cast(self) -> Self::Output;
}

/// `x as T`.
pub fn cast<T, X: Cast<T>>(x: X) -> X::Output {
    x.cast()
}

macro_rules! between_numbers {
    ($from:ty => $($to:ty)+) => {
        $(
            impl Cast<$to> for $from {
                type Output = $to;

                fn cast(self) -> $to {
                    self as $to
                }
            }
        )+
    };
}

macro_rules! numbers {
    ($($from:ty)+) => {
        $(between_numbers!($from => usize isize u8 u16 u32 u64 i8 i16 i32 i64 f32 f64);)+
    };
}

numbers!(usize isize u8 u16 u32 u64 i8 i16 i32 i64 f32 f64);

macro_rules! bool_casts {
    ($($to:ty)+) => {
        $(
            impl Cast<$to> for bool {
                type Output = $to;

                fn cast(self) -> $to {
                    self as $to
                }
            }
        )+
    };
}

bool_casts!(usize isize u8 u16 u32 u64 i8 i16 i32 i64);

macro_rules! length_casts {
    ($($to:ty)+ => $output:ty) => {
        $(
            impl Cast<$to> for Length {
                type Output = $output;

                fn cast(self) -> $output {
                    self.into()
                }
            }
        )+
    };
}

length_casts!(usize isize u8 u16 u32 u64 i8 i16 i32 i64 => Length);
length_casts!(f32 f64 => Real);

macro_rules! real_casts {
    ($($to:ty)+ => $output:ty, $convert:expr) => {
        $(
            impl Cast<$to> for Real {
                type Output = $output;

                fn cast(self) -> $output {
                    $convert(self)
                }
            }
        )+
    };
}

real_casts!(f32 f64 => Real, |number| number);
real_casts!(usize isize u8 u16 u32 u64 i8 i16 i32 i64 => Length, Real::floor);

/// The end of a range that is counted through.
pub trait Counted {
    /// What is counted: `usize` where the end is a length.
    type Number;

    /// The end; the graph fails where a length is known only when the model runs.
    fn number(self) -> Self::Number;
}

impl Counted for Length {
    type Number = usize;

    fn number(self) -> usize {
        self.expect_known("a loop")
    }
}

macro_rules! counted {
    ($($number:ty)+) => {
        $(
            impl Counted for $number {
                type Number = $number;

                fn number(self) -> $number {
                    self
                }
            }
        )+
    };
}

counted!(usize isize u8 u16 u32 u64 i8 i16 i32 i64);

/// `start..end`.
pub fn range<T: Counted>(start: T::Number, end: T) -> Range<T::Number> {
    start..end.number()
}

/// `start..end as T`.
pub fn range_as<T, E: Counted>(start: T, end: E) -> Range<T>
where
    E::Number: Cast<T, Output = T>,
{
    start..end.number().cast()
}
