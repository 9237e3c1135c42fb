# What developers do daily; `just` lists it. Each recipe is one command that also works without `just`.

# this list
default:
    @just --list

# train on the built-in digits, export, verify
quick:
    cargo run --release --bin trainer -- fit && cargo run --release --bin exporter -- --split

# all tests, as the README runs them
test *FILTER:
    cargo test --release --workspace {{FILTER}}

# format, then lint as CI does
lint:
    cargo fmt --all
    cargo clippy --release --workspace --all-targets -- -D warnings

# the documentation of all crates
docs:
    RUSTDOCFLAGS="-D warnings" cargo doc --release --workspace --no-deps

# the commands of the documents, as they stand
documents *NAMES:
    .ci/documents.py {{NAMES}}

# licences, sources and versions of the dependencies
deny:
    cargo deny check

# everything that CI does, from nothing: about an hour on two cores
ci:
    .ci/run

# training on all of MNIST, held to the README's figures: about an hour
figures:
    HOURGLASS_FULL=1 cargo test --release --workspace figures
