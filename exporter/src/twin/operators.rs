//! `+`, `-`, `*` and `/` on tensors, numbers, and results of them, as in candle.

use std::borrow::Borrow;
use std::ops::{Add, Div, Mul, Sub};

use candle_core::{Error, Result};

use super::real::Real;
use super::tensor::Tensor;

macro_rules! operator {
    ($($operator:ident $name:ident |$x:ident, $number:ident| $with_number:expr;)+) => {
        $(
            impl<B: Borrow<Tensor>> $operator<B> for Tensor {
                type Output = Result<Tensor>;

                fn $name(self, other: B) -> Self::Output {
                    Tensor::$name(&self, other.borrow())
                }
            }

            impl<B: Borrow<Tensor>> $operator<B> for &Tensor {
                type Output = Result<Tensor>;

                fn $name(self, other: B) -> Self::Output {
                    Tensor::$name(self, other.borrow())
                }
            }

            impl<B: Borrow<Tensor>> $operator<Tensor> for std::result::Result<B, Error> {
                type Output = Result<Tensor>;

                fn $name(self, other: Tensor) -> Self::Output {
                    Tensor::$name(self?.borrow(), &other)
                }
            }

            impl<B: Borrow<Tensor>> $operator<&Tensor> for std::result::Result<B, Error> {
                type Output = Result<Tensor>;

                fn $name(self, other: &Tensor) -> Self::Output {
                    Tensor::$name(self?.borrow(), other)
                }
            }

            impl<B: Borrow<Tensor>> $operator<std::result::Result<B, Error>> for Tensor {
                type Output = Result<Tensor>;

                fn $name(self, other: std::result::Result<B, Error>) -> Self::Output {
                    Tensor::$name(&self, other?.borrow())
                }
            }

            impl<B: Borrow<Tensor>> $operator<std::result::Result<B, Error>> for &Tensor {
                type Output = Result<Tensor>;

                fn $name(self, other: std::result::Result<B, Error>) -> Self::Output {
                    Tensor::$name(self, other?.borrow())
                }
            }

            operator!(@number $operator $name f64 |$x, $number| $with_number);
            operator!(@number $operator $name Real |$x, $number| $with_number);
        )+
    };
    (@number $operator:ident $name:ident $type:ty |$x:ident, $number:ident| $with_number:expr) => {
        impl $operator<$type> for Tensor {
            type Output = Result<Tensor>;

            fn $name(self, number: $type) -> Self::Output {
                $operator::$name(&self, number)
            }
        }

        impl $operator<$type> for &Tensor {
            type Output = Result<Tensor>;

            fn $name(self, number: $type) -> Self::Output {
                let ($x, $number) = (self, Real::from(number));
                $with_number
            }
        }
    };
}

operator! {
    Add add |x, number| x.affine(1., number);
    Sub sub |x, number| x.affine(1., -number);
    Mul mul |x, number| x.affine(number, 0.);
    Div div |x, number| x.divided(number);
}

macro_rules! number_first {
    ($($operator:ident $name:ident $number:ty, $tensor:ty, |$n:ident, $x:ident| $result:expr;)+) => {
        $(
            impl $operator<$tensor> for $number {
                type Output = Result<Tensor>;

                fn $name(self, $x: $tensor) -> Self::Output {
                    let $n = self;
                    $result
                }
            }
        )+
    };
}

number_first! {
    Add add f64, Tensor, |n, x| x + n;
    Add add f64, &Tensor, |n, x| x + n;
    Mul mul f64, Tensor, |n, x| x * n;
    Mul mul f64, &Tensor, |n, x| x * n;
    Sub sub f64, Tensor, |n, x| x.affine(-1., n);
    Sub sub f64, &Tensor, |n, x| x.affine(-1., n);
    Div div f64, Tensor, |n, x| x.recip()?.affine(n, 0.);
    Div div f64, &Tensor, |n, x| x.recip()?.affine(n, 0.);
}
