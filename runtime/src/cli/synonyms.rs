//! The names that other programs have for what this one has.

/// The command that is meant by `name`, as it is typed.
pub fn command(name: &str) -> Option<&'static str> {
    Some(match name {
        "embed" | "transform" => "runtime encode",
        "generate" => "runtime sample",
        "predict" | "run" | "infer" => "runtime reconstruct",
        "version" => "runtime --version",
        "fit" | "train" => "trainer fit",
        "evaluate" | "eval" | "test" => "trainer evaluate",
        "export" => "exporter --split",
        _ => return None,
    })
}

/// The option that is meant by `name`, which stands without its hyphens.
pub fn option(name: &str) -> Option<&'static str> {
    Some(match name {
        "output" | "output-file" | "save" | "to" => "--out",
        "format" | "npy" => "--out results.npy",
        "delimiter" | "delim" | "sep" => "--separator",
        "no-header" => "--header no",
        "skip-header" => "--header yes",
        "scale" | "normalize" | "normalise" => "--divide",
        "clamp" => "--clip",
        "num" | "number" | "samples" | "num-samples" | "rows" => "--count",
        "key" | "name" => "--array",
        "skip" | "drop" | "index-col" => "--skip-columns",
        "v" => "--version",
        _ => return None,
    })
}

/// The value of `option` that is meant by `found`.
pub fn value(option: &str, found: &str) -> Option<&'static str> {
    Some(match (option, found) {
        ("--separator", ",") => "comma",
        ("--separator", ";") => "semicolon",
        ("--separator", "\t" | "\\t" | "tsv") => "tab",
        ("--separator", "|") => "pipe",
        ("--separator", " ") => "space",
        ("--header", "true" | "1" | "on") => "yes",
        ("--header", "false" | "0" | "off" | "none") => "no",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::cli::arguments::Arguments;

    #[test]
    fn what_another_name_stands_for_is_an_option() {
        let mut program = Arguments::command();
        program.build();
        let known = |option: &str| {
            let name = option.trim_start_matches('-').split(' ').next();
            let commands = program.get_subcommands().chain([&program]);
            commands.flat_map(|command| command.get_arguments()).any(|argument| argument.get_long() == name)
        };
        for name in ["output", "format", "sep", "no-header", "skip-header", "scale", "clamp", "num", "key", "skip", "v"]
        {
            assert!(known(option(name).unwrap()) && !known(name), "{name}");
        }
    }
}
