//! Checkpoints: a safetensors file whose metadata carries the description of the network.

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

use bundle::{Digest, printable, quoted};
use candle_core::{DType, Device, Tensor, Var};
use safetensors::{Dtype, SafeTensors, View};

use super::network::NetworkConfig;
use crate::error::{Error, Result};
use crate::file;
use crate::fused::with_values;

const NETWORK: &str = "network";
/// Each tensor has this once in the file's header.
const DTYPE: &[u8] = b"\"dtype\"";
/// The entry with the SHA-256 of all others and of the tensors.
const DIGEST: &str = "sha256";

/// A network of 1,000 layers has some 20,000 with what its optimiser keeps.
const MAX_TENSORS: usize = 1 << 16;

/// A tensor's values on their way to a file.
struct Floats<'a> {
    dims: &'a [usize],
    values: &'a [f32],
}

impl View for Floats<'_> {
    fn dtype(&self) -> Dtype {
        Dtype::F32
    }

    fn shape(&self) -> &[usize] {
        self.dims
    }

    fn data(&self) -> Cow<'_, [u8]> {
        let bytes: Vec<[u8; 4]> = self.values.iter().map(|value| value.to_le_bytes()).collect();
        bytes.into_flattened().into()
    }

    fn data_len(&self) -> usize {
        size_of_val(self.values)
    }
}

/// The JSON that a safetensors file begins with, behind its length.
fn header_of(bytes: &[u8]) -> &[u8] {
    let length = bytes.first_chunk().map_or(0, |length| u64::from_le_bytes(*length));
    bytes.get(8..).and_then(|rest| rest.get(..usize::try_from(length).ok()?)).unwrap_or_default()
}

/// Named tensors and text entries, on their way to or from a file.
pub(crate) struct Checkpoint {
    path: PathBuf,
    tensors: HashMap<String, Tensor>,
    entries: HashMap<String, String>,
    is_sealed: bool,
}

impl Checkpoint {
    /// These tensors by name, and the network that they belong to.
    pub(crate) fn new(network: &NetworkConfig, tensors: HashMap<String, Tensor>) -> Self {
        let network = serde_json::to_string(network).expect("a network's description is plain numbers");
        Self { path: PathBuf::new(), tensors, entries: HashMap::from([(NETWORK.into(), network)]), is_sealed: false }
    }

    /// Reads a file whole.
    pub(crate) fn read(path: &Path, device: &Device) -> Result<Self> {
        let bytes = file::read(path)?;
        let fail = |reason: String| Error::file(path, format!("not a whole checkpoint: {reason}"));
        let anew = || {
            let config = path.with_file_name("config.toml");
            match config.is_file() {
                true => format!("; `trainer fit --config {}` trains the run anew", quoted(&config)),
                false => String::new(),
            }
        };
        let damaged = |_| fail(format!("its {} bytes are incomplete or damaged{}", bytes.len(), anew()));
        let tensors =
            header_of(&bytes).windows(DTYPE.len()).filter(|text| *text == DTYPE).take(MAX_TENSORS + 1).count();
        if tensors > MAX_TENSORS {
            return Err(fail(format!("it has more than {MAX_TENSORS} tensors")));
        }
        let (_, header) = SafeTensors::read_metadata(&bytes).map_err(damaged)?;
        let parsed = SafeTensors::deserialize(&bytes).map_err(damaged)?;
        let mut tensors = HashMap::new();
        for (name, view) in parsed.tensors() {
            if view.dtype() != Dtype::F32 {
                return Err(fail(format!("tensor `{name}`: expected F32, found {:?}", view.dtype())));
            }
            let tensor = Tensor::from_raw_buffer(view.data(), DType::F32, view.shape(), device)?;
            tensors.insert(name, tensor);
        }
        let mut entries = header.metadata().clone().unwrap_or_default();
        let expected = entries.remove(DIGEST);
        let is_sealed = expected.is_some();
        if let Some(expected) = expected {
            let mut views = parsed.tensors();
            views.sort_by(|(a, _), (b, _)| a.cmp(b));
            let tensors = views.iter().map(|(name, view)| (name.as_str(), view.shape(), Cow::Borrowed(view.data())));
            if digest(&entries, tensors) != expected {
                return Err(fail(format!("its {} bytes are not those that were written{}", bytes.len(), anew())));
            }
        }
        Ok(Self { path: path.into(), tensors, entries, is_sealed })
    }

    /// Writes a file that is whole or not there; equal contents give equal bytes.
    pub(crate) fn write(&self, path: &Path) -> Result<()> {
        file::write_atomic(path, &self.to_bytes(path)?)
    }

    /// The bytes of the file, which will be at `path`.
    pub(crate) fn to_bytes(&self, path: &Path) -> Result<Vec<u8>> {
        let mut tensors: Vec<(&String, &Tensor)> = self.tensors.iter().collect();
        tensors.sort_by_key(|(name, _)| *name);
        let floats = |tensor: &Tensor| tensor.to_device(&Device::Cpu)?.to_dtype(DType::F32)?.contiguous();
        let written: Vec<Tensor> =
            tensors.iter().map(|(_, tensor)| floats(tensor)).collect::<candle_core::Result<_>>()?;
        with_values(&written.iter().collect::<Vec<_>>(), |values| {
            let views = tensors
                .iter()
                .zip(values)
                .map(|((name, tensor), values)| (name.as_str(), Floats { dims: tensor.dims(), values }));
            let views: Vec<(&str, Floats)> = views.collect();
            let mut entries = self.entries.clone();
            if self.is_sealed {
                let digest = digest(&entries, views.iter().map(|(name, view)| (*name, view.dims, view.data())));
                entries.insert(DIGEST.into(), digest);
            }
            safetensors::serialize(views, Some(entries)).map_err(|error| Error::file(path, error.to_string()))
        })?
    }

    pub(crate) fn insert(&mut self, name: String, tensor: Tensor) {
        self.tensors.insert(name, tensor);
    }

    /// Writes a digest of everything, so that damage is noticed. Weights alone have theirs in `summary.json`.
    pub(crate) fn seal(&mut self) {
        self.is_sealed = true;
    }

    /// Fails when there is another entry than these: the name of the digest's may be what is damaged.
    pub(crate) fn check_entries(&self, known: &[&str]) -> Result<()> {
        let is_known = |name: &&String| name.as_str() == NETWORK || known.contains(&name.as_str());
        match self.entries.keys().find(|name| !is_known(name)) {
            Some(name) => Err(Error::file(
                &self.path,
                format!("not a whole checkpoint: its entry `{}` is unknown", printable(name)),
            )),
            None => Ok(()),
        }
    }

    pub(crate) fn insert_entry(&mut self, name: &str, text: String) {
        self.entries.insert(name.into(), text);
    }

    pub(crate) fn entry(&self, name: &str) -> Result<&str> {
        let missing = || Error::file(&self.path, format!("not a checkpoint of this program: no entry `{name}`"));
        self.entries.get(name).map(String::as_str).ok_or_else(missing)
    }

    pub(crate) fn network(&self) -> Result<NetworkConfig> {
        let text = self.entry(NETWORK)?;
        serde_json::from_str(text).map_err(|error| Error::file(&self.path, format!("entry `{NETWORK}`: {error}")))
    }

    /// Takes the tensor `name` out, which must have the shape `dims`.
    pub(crate) fn take(&mut self, name: &str, dims: &[usize]) -> Result<Var> {
        let tensor = self
            .tensors
            .remove(name)
            .ok_or_else(|| Error::file(&self.path, format!("tensor `{name}`: expected shape {dims:?}, found none")))?;
        if tensor.dims() != dims {
            let reason = format!("tensor `{name}`: expected shape {dims:?}, found {:?}", tensor.dims());
            return Err(Error::file(&self.path, reason));
        }
        Ok(Var::from_tensor(&tensor)?)
    }

    /// Takes out every tensor whose name starts with `prefix`, without it.
    pub(crate) fn take_prefixed(&mut self, prefix: &str) -> HashMap<String, Tensor> {
        let names: Vec<String> = self.tensors.keys().filter(|name| name.starts_with(prefix)).cloned().collect();
        names
            .into_iter()
            .filter_map(|name| Some((name[prefix.len()..].to_owned(), self.tensors.remove(&name)?)))
            .collect()
    }

    /// Fails when a tensor is left that nothing took.
    pub(crate) fn check_empty(&self) -> Result<()> {
        match self.tensors.keys().min() {
            Some(name) => Err(Error::file(&self.path, format!("tensor `{name}` is not part of the network"))),
            None => Ok(()),
        }
    }
}

/// The SHA-256 of everything that a checkpoint holds, tensors in the order of their names.
fn digest<'a>(
    entries: &HashMap<String, String>,
    tensors: impl Iterator<Item = (&'a str, &'a [usize], Cow<'a, [u8]>)>,
) -> String {
    let part = |digest: &mut Digest, bytes: &[u8]| {
        digest.update(bytes.len().to_le_bytes());
        digest.update(bytes);
    };
    let mut digest = Digest::default();
    let mut entries: Vec<_> = entries.iter().collect();
    entries.sort();
    for (name, text) in entries {
        part(&mut digest, name.as_bytes());
        part(&mut digest, text.as_bytes());
    }
    for (name, dims, data) in tensors {
        part(&mut digest, name.as_bytes());
        dims.iter().for_each(|dim| digest.update(dim.to_le_bytes()));
        part(&mut digest, &data);
    }
    digest.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Autoencoder, ModelConfig};

    fn model(seed: u64) -> Autoencoder {
        let config = ModelConfig::dense(3, [5]);
        Autoencoder::new(&NetworkConfig::new(&config, [2, 4]).unwrap(), seed, &Device::Cpu).unwrap()
    }

    #[test]
    fn a_saved_network_comes_back_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("best.safetensors");
        let saved = model(3);
        saved.save(&path).unwrap();
        // As readable as any file of the run, and nothing beside it.
        std::fs::write(dir.path().join("other"), "").unwrap();
        let permissions = |name: &str| std::fs::metadata(dir.path().join(name)).unwrap().permissions();
        assert_eq!(permissions("best.safetensors"), permissions("other"));
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 2);
        let loaded = Autoencoder::load(&path, &Device::Cpu).unwrap();
        assert_eq!(loaded.network(), saved.network());
        assert_eq!(loaded.parameters().len(), 8);
        for ((name, a), (loaded_name, b)) in saved.parameters().iter().zip(loaded.parameters()) {
            assert_eq!(name, loaded_name);
            let values = |var: &Var| var.flatten_all().unwrap().to_vec1::<f32>().unwrap();
            assert_eq!(values(a), values(b));
        }
    }

    #[test]
    fn equal_networks_give_equal_bytes_and_unequal_ones_do_not() {
        let dir = tempfile::tempdir().unwrap();
        let bytes = |seed, name: &str| {
            model(seed).save(dir.path().join(name)).unwrap();
            std::fs::read(dir.path().join(name)).unwrap()
        };
        assert_eq!(bytes(1, "a"), bytes(1, "b"));
        assert_ne!(bytes(1, "a"), bytes(2, "c"));
    }

    #[test]
    fn a_checkpoint_cut_anywhere_is_refused_in_one_line() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("best.safetensors");
        model(3).save(&path).unwrap();
        let whole = std::fs::read(&path).unwrap();
        for length in (0..whole.len()).step_by(7) {
            std::fs::write(&path, &whole[..length]).unwrap();
            let error = Autoencoder::load(&path, &Device::Cpu).unwrap_err().to_string();
            assert!(error.contains("not a whole checkpoint") && !error.contains('\n'), "{length}: {error}");
        }
    }

    #[test]
    fn a_tensor_of_another_shape_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("best.safetensors");
        let mut checkpoint = model(3).checkpoint();
        checkpoint.insert("decoder.2.bias".into(), Tensor::zeros(9, DType::F32, &Device::Cpu).unwrap());
        checkpoint.write(&path).unwrap();
        let error = Autoencoder::load(&path, &Device::Cpu).unwrap_err().to_string();
        assert!(error.ends_with("tensor `decoder.2.bias`: expected shape [8], found [9]"), "{error}");
    }

    #[test]
    fn surplus_tensors_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("best.safetensors");
        let mut checkpoint = model(3).checkpoint();
        checkpoint.insert("head.weight".into(), Tensor::zeros(9, DType::F32, &Device::Cpu).unwrap());
        checkpoint.write(&path).unwrap();
        let error = Autoencoder::load(&path, &Device::Cpu).unwrap_err().to_string();
        assert!(error.contains("`head.weight` is not part of the network"), "{error}");
    }
}
