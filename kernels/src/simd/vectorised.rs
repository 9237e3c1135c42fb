//! Functions that are compiled for each kind of vector register; the widest one that the processor has is chosen at run time.

/// Defines functions whose bodies are compiled for each kind of vector register and dispatched at run time.
///
/// A closure is not enough: called through `FnOnce`, one that only borrows goes through a shim that is compiled without vectors.
/// For the same reason, bodies use loops rather than closures of iterators.
macro_rules! vectorised {
    ($($(#[$doc:meta])* $visibility:vis fn $name:ident<'a>($($argument:ident: $type:ty),* $(,)?) -> $result:ty $body:block)+) => {
        $(
            $(#[$doc])*
            $visibility fn $name<'a>($($argument: $type),*) -> $result {
                struct Call<'a> {
                    $($argument: $type),*
                }

                impl<'a> pulp::WithSimd for Call<'a> {
                    type Output = $result;

                    #[inline(always)]
                    fn with_simd<S: pulp::Simd>(self, _simd: S) -> $result {
                        let Self { $($argument),* } = self;
                        $body
                    }
                }

                $crate::simd::arch::arch().dispatch(Call { $($argument),* })
            }
        )+
    };
}

pub(crate) use vectorised;
