#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| antar_fuzz::run("web", input));
