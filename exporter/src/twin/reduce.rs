//! Sums, means and extremes along axes.

use candle_core::shape::Dim as Axis;
use candle_core::shape::Dims;
use candle_core::{D, Result};

use super::real::Real;
use super::tensor::Tensor;
use crate::graph::GraphBuilder;
use crate::value::Value;

impl Tensor {
    /// The numbers of some axes, the last first.
    fn axes(&self, axes: impl Dims, of: &'static str) -> Result<Vec<usize>> {
        let mut axes = axes.to_indexes(&candle_core::Shape::from(vec![1; self.rank()]), of)?;
        axes.sort_unstable_by(|a, b| b.cmp(a));
        Ok(axes)
    }

    fn along(
        &self,
        axes: Vec<usize>,
        add: impl Fn(&mut GraphBuilder, Value, usize) -> crate::Result<Value>,
    ) -> Result<Self> {
        self.map(|graph, x| axes.into_iter().try_fold(x, |x, axis| add(graph, x, axis)))
    }
}

macro_rules! along_axes {
    ($($name:ident $keep:ident)+) => {
        impl Tensor {
            $(
                #[doc = concat!("candle's `", stringify!($name), "`, along one axis or several: [`GraphBuilder::", stringify!($name), "`].")]
                ///
                /// # Errors
                ///
                /// As there.
                pub fn $name<A: Dims>(&self, axes: A) -> Result<Self> {
                    self.along(self.axes(axes, stringify!($name))?, |graph, x, axis| graph.$name(x, axis))
                }

                #[doc = concat!("candle's `", stringify!($keep), "`, along one axis or several: [`GraphBuilder::", stringify!($keep), "`].")]
                ///
                /// # Errors
                ///
                /// As there.
                pub fn $keep<A: Dims>(&self, axes: A) -> Result<Self> {
                    self.along(self.axes(axes, stringify!($keep))?, |graph, x, axis| graph.$keep(x, axis))
                }
            )+
        }
    };
}

along_axes! {
    sum sum_keepdim
    mean mean_keepdim
    max max_keepdim
    min min_keepdim
}

macro_rules! places {
    ($($name:ident $keep:ident)+) => {
        impl Tensor {
            $(
                #[doc = concat!("candle's `", stringify!($name), "`: [`GraphBuilder::", stringify!($name), "`].")]
                ///
                /// # Errors
                ///
                /// As there.
                pub fn $name<A: Axis>(&self, axis: A) -> Result<Self> {
                    self.map(|graph, x| graph.$name(x, axis))
                }

                #[doc = concat!("candle's `", stringify!($keep), "`: [`GraphBuilder::", stringify!($name), "`].")]
                ///
                /// # Errors
                ///
                /// As there.
                pub fn $keep<A: Axis>(&self, axis: A) -> Result<Self> {
                    let axis = self.axis(axis, stringify!($keep))?;
                    self.$name(axis)?.unsqueeze(axis)
                }
            )+
        }
    };
}

places! {
    argmax argmax_keepdim
    argmin argmin_keepdim
}

macro_rules! of_all {
    ($($all:ident $name:ident)+) => {
        impl Tensor {
            $(
                #[doc = concat!("candle's `", stringify!($all), "`: [`GraphBuilder::", stringify!($name), "`] of all elements.")]
                ///
                /// # Errors
                ///
                /// As there.
                pub fn $all(&self) -> Result<Self> {
                    self.flatten_all()?.$name(0)
                }
            )+
        }
    };
}

of_all! {
    sum_all sum
    mean_all mean
    max_all max
    min_all min
}

impl Tensor {
    /// The variance, divided by one element less than there are.
    ///
    /// # Errors
    ///
    /// As [`GraphBuilder::mean`].
    pub fn var_keepdim<A: Axis>(&self, axis: A) -> Result<Self> {
        let axis = self.axis(axis, "var")?;
        let elements = Real::from(self.dims()[axis] - 1);
        self.broadcast_sub(&self.mean_keepdim(axis)?)?.sqr()?.sum_keepdim(axis)? / elements
    }

    /// The same without the axis.
    ///
    /// # Errors
    ///
    /// As [`GraphBuilder::mean`].
    pub fn var<A: Axis>(&self, axis: A) -> Result<Self> {
        let axis = self.axis(axis, "var")?;
        self.var_keepdim(axis)?.squeeze(axis)
    }

    /// The logarithm of the sum of exponentials.
    ///
    /// # Errors
    ///
    /// As [`GraphBuilder::sum`].
    pub fn log_sum_exp<A: Axis>(&self, axis: A) -> Result<Self> {
        let axis = self.axis(axis, "log_sum_exp")?;
        let highest = self.max_keepdim(axis)?;
        let sum = self.broadcast_sub(&highest)?.exp()?.sum(axis)?;
        sum.log()?.broadcast_add(&highest.squeeze(axis)?)
    }

    /// The square root of the sum of all squares.
    ///
    /// # Errors
    ///
    /// As [`GraphBuilder::sum_all`].
    pub fn norm(&self) -> Result<Self> {
        self.sqr()?.sum_all()?.sqrt()
    }

    /// The product of a matrix and a vector.
    ///
    /// # Errors
    ///
    /// As [`GraphBuilder::matmul`].
    pub fn mv(&self, vector: &Tensor) -> Result<Self> {
        self.matmul(&vector.unsqueeze(1)?)?.squeeze(D::Minus1)
    }
}
