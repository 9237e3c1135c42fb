//! The numbers of an array, in a type that holds them.

/// The numbers of an array.
#[derive(Clone, Debug, PartialEq)]
pub enum Numbers {
    /// Unsigned bytes, as pixels are.
    Bytes(Vec<u8>),
    /// Numbers of any other type.
    Floats(Vec<f32>),
}

impl Numbers {
    /// The numbers as floats.
    pub fn into_floats(self) -> Vec<f32> {
        match self {
            Self::Bytes(bytes) => bytes.into_iter().map(f32::from).collect(),
            Self::Floats(floats) => floats,
        }
    }
}
