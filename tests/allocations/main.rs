//! What a call of the runtime allocates, counted by the allocator of this program.
#![allow(unsafe_code, clippy::unwrap_used, missing_docs)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use exporter::{ExportOptions, export};
use runtime::Autoencoder;
use trainer::{Config, Dataset, ModelConfig, Run, Silent, fit};

thread_local! {
    /// Allocations of this thread so far.
    static COUNT: Cell<usize> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: every call is passed on to the system's allocator as it came; a thread-local of a plain number allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.set(COUNT.get() + 1);
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        COUNT.set(COUNT.get() + 1);
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        COUNT.set(COUNT.get() + 1);
        unsafe { System.realloc(memory, layout, size) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocations(work: impl FnOnce()) -> usize {
    let before = COUNT.get();
    work();
    COUNT.get() - before
}

#[test]
fn small_batches_allocate_nothing_after_the_first_call() {
    let dir = tempfile::tempdir().unwrap();
    for (name, hidden) in [("simple", &[][..]), ("deep", &[48, 40])] {
        let config = Config { epochs: 1, model: ModelConfig::dense(32, hidden.to_vec()), ..Config::default() };
        let dataset = Dataset::load(&config.data).unwrap();
        let run = Run::create(dir.path().join(name), &config).unwrap();
        fit(&config, &dataset, &run, &mut Silent).unwrap();
        let autoencoder = Autoencoder::load(export(&run, &ExportOptions::default()).unwrap().dir).unwrap();
        for batch in [16, 1] {
            let rows = vec![0.5; batch * 64];
            let (mut latents, mut images) = (vec![0.; batch * 32], vec![0.; batch * 64]);
            let mut call = || {
                autoencoder.encode_into(&rows, &mut latents).unwrap();
                autoencoder.decode_into(&latents, &mut images).unwrap();
            };
            call();
            assert_eq!(allocations(call), 0, "{name}, batch {batch}");
        }
        // The result is the one thing that has to be.
        assert_eq!(allocations(|| drop(autoencoder.encode(&[0.5; 64][..]).unwrap())), 1);
    }
}
