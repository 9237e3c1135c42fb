//! The macros of `hourglass-exporter`, which re-exports and explains them.
//!
//! They compile `forward` a second time, with names such as `Tensor` meaning values of a graph. The tokens stay the caller's, so that an
//! error points into the caller's `forward`.

mod arguments;

mod derive;
mod function;
mod item;
mod methods;
mod rewrite;
mod tokens;

use proc_macro::TokenStream;

/// Makes the twin of a struct or an enum: the same fields, over values of a graph. `exporter::Exportable` explains it.
#[proc_macro_derive(Exportable, attributes(onnx))]
pub fn derive_exportable(input: TokenStream) -> TokenStream {
    derive::derive(input).unwrap_or_else(tokens::Fault::into_tokens)
}

/// Compiles the methods of an `impl`, or a function, a second time: for the twin. `exporter::Exportable` explains it.
#[proc_macro_attribute]
pub fn exportable(arguments: TokenStream, input: TokenStream) -> TokenStream {
    item::exportable(arguments, input).unwrap_or_else(tokens::Fault::into_tokens)
}

/// A closure on tensors as a layer that candle runs and ONNX takes. `exporter::Func` explains it.
#[proc_macro]
pub fn func(closure: TokenStream) -> TokenStream {
    function::func(closure)
}
