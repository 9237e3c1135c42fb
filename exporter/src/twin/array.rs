//! `[batch, length, self.heads]`, which the macro writes as a function, so that it takes lengths beside numbers.

use super::length::Length;

/// Elements of one type; or lengths and numbers, which become lengths.
pub trait Array {
    /// The array.
    type Output;

    /// The elements in order.
    fn array(self) -> Self::Output;
}

/// The elements as an array.
pub fn array<T: Array>(elements: T) -> T::Output {
    elements.array()
}

/// Elements of one type.
macro_rules! alike {
    ($($count:literal $($name:ident $t:ident)+;)+) => {
        $(
            impl<T> Array for ($($t,)+) {
                type Output = [T; $count];

                fn array(self) -> [T; $count] {
                    let ($($name,)+) = self;
                    [$($name),+]
                }
            }
        )+
    };
}

alike! {
    2 a T b T;
    3 a T b T c T;
    4 a T b T c T d T;
    5 a T b T c T d T e T;
    6 a T b T c T d T e T f T;
}

/// Every mixture of lengths and numbers of some elements, after those that are chosen already.
macro_rules! mixed {
    // Of one type alone: done above.
    ([$(Length $name:ident)+]) => {};
    ([$(usize $name:ident)+]) => {};
    ([$($type:ident $name:ident)+]) => {
        impl Array for ($($type,)+) {
            type Output = [Length; [$(stringify!($name)),+].len()];

            fn array(self) -> Self::Output {
                let ($($name,)+) = self;
                [$($name.into()),+]
            }
        }
    };
    ([$($chosen:tt)*] $name:ident $($rest:ident)*) => {
        mixed!([$($chosen)* Length $name] $($rest)*);
        mixed!([$($chosen)* usize $name] $($rest)*);
    };
}

mixed!([] a b);
mixed!([] a b c);
mixed!([] a b c d);
mixed!([] a b c d e);
mixed!([] a b c d e f);
