#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| hourglass_fuzz::take(hourglass_fuzz::checkpoint, bytes));
