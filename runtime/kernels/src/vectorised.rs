//! Functions that are compiled for the widest vectors of the processor they run on.

/// Defines functions whose bodies are compiled for each kind of vector and chosen from at run time.
///
/// A closure will not do: called through `FnOnce`, one that only borrows goes through a shim, which is compiled without the
/// vectors. For the same reason, bodies have loops instead of iterators' closures.
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

                pulp::Arch::new().dispatch(Call { $($argument),* })
            }
        )+
    };
}

pub(super) use vectorised;
