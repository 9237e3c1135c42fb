//! Where the arithmetic runs: `cpu`, `cuda` or `metal`.

use std::fmt;
use std::str::FromStr;

use candle_core::Device;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// The device that training runs on. Default: `cpu`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeviceKind {
    /// The processor; always there.
    #[default]
    Cpu,
    /// The first NVIDIA GPU; needs the cargo feature `cuda`.
    Cuda,
    /// The first Apple GPU; needs the cargo feature `metal`.
    Metal,
}

impl DeviceKind {
    /// Opens the device.
    ///
    /// # Errors
    ///
    /// [`Error::Device`] when the device was not built in (it says which feature to build with) or cannot be opened.
    pub fn open(self) -> Result<Device> {
        let (built_in, opened) = match self {
            Self::Cpu => return Ok(Device::Cpu),
            Self::Cuda => (cfg!(feature = "cuda"), Device::new_cuda(0)),
            Self::Metal => (cfg!(feature = "metal"), Device::new_metal(0)),
        };
        if !built_in {
            return Err(self.error(format!("not built in; build with `cargo build --release --features {self}`")));
        }
        opened.map_err(|error| self.error(error.to_string()))
    }

    fn error(self, reason: String) -> Error {
        Error::Device { device: self.to_string(), reason }
    }
}

impl fmt::Display for DeviceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cpu => "cpu",
            Self::Cuda => "cuda",
            Self::Metal => "metal",
        })
    }
}

impl FromStr for DeviceKind {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "cpu" => Ok(Self::Cpu),
            "cuda" => Ok(Self::Cuda),
            "metal" => Ok(Self::Metal),
            _ => Err(Error::setting("device", format!("expected cpu, cuda or metal, found `{text}`"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(not(feature = "cuda"))]
    fn missing_device_names_its_feature() {
        let error = DeviceKind::Cuda.open().unwrap_err().to_string();
        assert!(error.contains("--features cuda"), "{error}");
    }
}
