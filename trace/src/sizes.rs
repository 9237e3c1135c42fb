//! The sizes at which a model is run: three to trace it, and others to prove the file.

use std::collections::HashMap;

use crate::error::{Error, Result};
use crate::input::Input;

/// Sizes that are no product, sum or multiple of each other.
const PRIMES: [usize; 15] = [7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61];

/// The same for multiples of large numbers: an image of 13 * 32 pixels takes long.
const FEW: [[usize; RUNS]; 4] = [[3, 4, 7], [4, 5, 9], [5, 7, 8], [2, 5, 7]];

/// From which multiple on few are taken.
const LARGE: usize = 8;

/// How many times a model is run to trace it.
pub(crate) const RUNS: usize = 3;

/// What the caller says of a size, and where the model is run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sizes {
    /// The names in the order in which the inputs have them.
    names: Vec<String>,
    pub(crate) multiples: HashMap<String, usize>,
    pub(crate) longest: HashMap<String, usize>,
    pub(crate) given: HashMap<String, [usize; RUNS]>,
    pub(crate) proven: HashMap<String, usize>,
    traced: HashMap<String, [usize; RUNS]>,
}

impl Sizes {
    /// Chooses the sizes of the runs.
    pub(crate) fn settle(&mut self, inputs: &[Input]) -> Result<()> {
        self.names.clear();
        self.traced.clear();
        for name in inputs.iter().flat_map(Input::symbols) {
            if !self.names.iter().any(|known| known == name) {
                self.names.push(name.into());
            }
        }
        let said = self.multiples.keys().chain(self.longest.keys()).chain(self.given.keys()).chain(self.proven.keys());
        for name in said {
            if !self.names.contains(name) {
                return Err(Error::Input(format!("no input has a dimension `{name}`, only {:?}", self.names)));
            }
        }
        for (number, name) in self.names.iter().enumerate() {
            let of = self.multiple(name);
            let mut chosen = match (self.given.get(name), number) {
                (Some(&given), _) => given,
                (None, 0) => [2, 3, 5].map(|size| size * of),
                (None, number) => {
                    let at = (number - 1) * RUNS % (PRIMES.len() - RUNS + 1);
                    let chosen = if of < LARGE {
                        [PRIMES[at], PRIMES[at + 1], PRIMES[at + 2]]
                    } else {
                        FEW[(number - 1) % FEW.len()]
                    };
                    chosen.map(|size| size * of)
                }
            };
            if let (Some(&longest), None) = (self.longest.get(name), self.given.get(name)) {
                chosen[RUNS - 1] = longest;
            }
            let ascending = chosen.windows(2).all(|pair| pair[0] < pair[1]);
            if !ascending || chosen.iter().any(|size| !size.is_multiple_of(of)) || chosen[0] < 2 {
                let expected = format!("three sizes from 2, each larger than the one before, and multiples of {of}");
                let found = format!("found {chosen:?}; `traced_at` says others");
                return Err(Error::Input(format!("dimension `{name}`: expected {expected}, {found}")));
            }
            let longest = self.longest.get(name).copied().unwrap_or(usize::MAX);
            if longest != usize::MAX && chosen[RUNS - 1] != longest {
                let expected = format!("the last size of `traced_at` to be the longest, {longest}");
                return Err(Error::Input(format!("dimension `{name}`: expected {expected}, found {chosen:?}")));
            }
            if let Some(&proven) = self.proven.get(name)
                && (proven == 0 || !proven.is_multiple_of(of) || proven > longest)
            {
                let expected = format!("`proven_to` a multiple of {of} that is no longer than the longest");
                return Err(Error::Input(format!("dimension `{name}`: expected {expected}, found {proven}")));
            }
            // Which of two such sizes a length is made of could not be seen.
            let proportional =
                |other: &[usize; RUNS]| (0..RUNS).all(|run| other[run] * chosen[0] == chosen[run] * other[0]);
            if let Some((other, sizes)) = self.traced.iter().find(|(_, sizes)| proportional(sizes)) {
                let found = format!("{sizes:?} and {chosen:?}");
                return Err(Error::Input(format!(
                    "dimensions `{other}` and `{name}`: expected sizes that do not grow alike, found {found}"
                )));
            }
            self.traced.insert(name.clone(), chosen);
        }
        Ok(())
    }

    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }

    pub(crate) fn multiple(&self, name: &str) -> usize {
        self.multiples.get(name).copied().unwrap_or(1).max(1)
    }

    /// The size of a dimension in each run.
    pub(crate) fn traced(&self, name: &str) -> [usize; RUNS] {
        self.traced[name]
    }

    /// Sizes to prove the file at that it was not traced at: batches of 1 and 4, two lengths of each other dimension. Then, well beyond those
    /// that were traced: what looks the same at small sizes may not be at large ones.
    pub(crate) fn to_prove(&self) -> Vec<HashMap<String, usize>> {
        let of_run = |run: usize| {
            let size = |(number, name): (usize, &String)| {
                let (of, traced) = (self.multiple(name), self.traced[name]);
                let size = match number {
                    0 if !self.given.contains_key(name) => ([1, 4][run] * of).min(self.longest(name)),
                    _ => {
                        let longest = self.longest(name);
                        let fresh = (1..).map(|step| traced[0] + step * of).filter(|size| !traced.contains(size));
                        let mut fresh = fresh.take_while(|&size| size <= longest).skip(number.saturating_sub(1));
                        fresh.nth(run).unwrap_or(traced[run])
                    }
                };
                (name.clone(), size)
            };
            self.names.iter().enumerate().map(size).collect()
        };
        // Two samples where there is one size: numbers of the first inputs may have been taken for constants.
        let mut sizes: Vec<_> = (0..2).map(of_run).collect();
        if !self.names.is_empty() {
            let far = self.names.iter().enumerate().map(|(number, name)| (name.clone(), self.far(number, name)));
            sizes.push(far.collect());
        }
        sizes
    }

    /// The size that is furthest from those that were traced.
    fn far(&self, number: usize, name: &str) -> usize {
        let (of, largest) = (self.multiple(name), self.traced[name][RUNS - 1]);
        let far = match (number, self.names.len()) {
            // A batch.
            (0, 2..) => return self.proven.get(name).copied().unwrap_or(2 * of).min(self.longest(name)),
            // Images of many steps take long.
            _ if of >= LARGE => largest + of,
            (_, 1 | 2) => 4 * largest,
            _ => 2 * largest,
        };
        let longest = self.longest(name) / of * of;
        self.proven.get(name).copied().unwrap_or(far.min(longest))
    }

    fn longest(&self, name: &str) -> usize {
        self.longest.get(name).copied().unwrap_or(usize::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_multiples_and_new_ones_prove() {
        let mut sizes = Sizes::default();
        sizes.multiples.insert("height".into(), 32);
        sizes.longest.insert("length".into(), 14);
        let inputs = [Input::f32("x", ("batch", "length", "height"))];
        sizes.settle(&inputs).unwrap();
        assert_eq!(sizes.traced("batch"), [2, 3, 5]);
        assert_eq!(sizes.traced("length"), [7, 11, 14]);
        assert_eq!(sizes.traced("height"), [128, 160, 288]);
        let to_prove = sizes.to_prove();
        assert_eq!([to_prove[0]["batch"], to_prove[1]["batch"]], [1, 4]);
        assert_eq!([to_prove[0]["length"], to_prove[1]["length"]], [8, 9]);
        assert_eq!([to_prove[0]["height"], to_prove[1]["height"]], [224, 256]);
        let far = ["batch", "length", "height"].map(|name| to_prove[2][name]);
        assert_eq!(far, [2, 14, 320]);
        assert_eq!(Sizes::default().to_prove().len(), 2);
    }

    #[test]
    fn the_longest_size_is_traced() {
        let mut sizes = Sizes::default();
        sizes.longest.insert("length".into(), 20);
        let inputs = [Input::f32("x", ("length", 8))];
        sizes.settle(&inputs).unwrap();
        assert_eq!(sizes.traced("length"), [2, 3, 20]);
        sizes.given.insert("length".into(), [5, 7, 9]);
        let error = sizes.settle(&inputs).unwrap_err().to_string();
        assert!(error.contains("to be the longest, 20, found [5, 7, 9]"), "{error}");
        sizes.given.clear();
        sizes.proven.insert("length".into(), 21);
        assert!(sizes.settle(&inputs).unwrap_err().to_string().contains("`proven_to`"));
    }

    #[test]
    fn sizes_that_grow_alike_are_refused() {
        let mut sizes = Sizes::default();
        sizes.given.insert("height".into(), [32, 64, 96]);
        sizes.given.insert("width".into(), [16, 32, 48]);
        let error = sizes.settle(&[Input::f32("x", ("batch", "height", "width"))]).unwrap_err();
        let found = "[32, 64, 96] and [16, 32, 48]";
        let expected = format!("dimensions `height` and `width`: expected sizes that do not grow alike, found {found}");
        assert_eq!(error.to_string(), expected);
    }

    #[test]
    fn a_dimension_that_no_input_has_is_refused() {
        let mut sizes = Sizes::default();
        sizes.multiples.insert("hight".into(), 32);
        let error = sizes.settle(&[Input::f32("x", ("batch", "height"))]).unwrap_err();
        assert_eq!(error.to_string(), r#"no input has a dimension `hight`, only ["batch", "height"]"#);
    }
}
