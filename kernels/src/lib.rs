//! Loops over plain slices, compiled for the vector units of the processor that they run on. Kernels that share their work
//! between threads give the same result with any number of them.

mod activation;
mod channels;
mod conv;
mod elementwise;
mod gemm;
mod loss;
mod lstm;
mod neighbours;
mod optimizer;
mod parallel;
mod pooling;
mod reference;
mod simd;
mod winograd;

#[cfg(test)]
mod lcg;

pub use activation::{Activation, activate};
pub use channels::Channels;
pub use conv::{Conv, UpsampledConv, Windows};
pub use elementwise::{
    add_rows, exp_of_half, relu, relu_backward, relu_backward_in_place, relu_in_place, scale_bytes, sum_rows,
};
pub use gemm::{Dense, Epilogue, Lhs, gemm, gemm_of_terms, transpose};
pub use loss::{
    bce_and_squared_error, bce_and_squared_error_serial, bce_backward, bce_with_gradient,
    sigmoid_squared_error_with_gradient, squared_error, squared_error_serial, squared_error_with_gradient,
};
pub use lstm::{Lstm, PackedLstm};
pub use neighbours::Neighbours;
pub use optimizer::{adadelta_step, adam_step, rmsprop_step, sgd_step};
pub use parallel::{TaskGroup, for_each_task, spin, spinning};
pub use pooling::{crop, crop_backward, max_pool2, max_pool2_backward, upsample2, upsample2_backward};
pub use reference::{bce, bce_with_logit, kl_divergence};
pub use simd::scratch::with_scratch;
pub use winograd::{
    CHANNELS, FromSingleChannel, UpsampledToSingleChannel, WinogradConv, max_pool2_channels_last,
    max_pool2_channels_last_backward,
};
