//! A source file of the workspace, read as text: its imports, its functions and what it defines.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// One `use` of one name, braces resolved: `use crate::data::{Split, Samples}` is two.
pub struct Import {
    pub line: usize,
    pub path: Vec<String>,
    /// Whether the name is handed on with `pub use`.
    pub exported: bool,
}

/// A function's name and the number of its parameters, `self` not counted.
pub struct Function {
    pub line: usize,
    pub name: String,
    pub parameters: usize,
}

/// A file below `src/` of one of the workspace's crates.
pub struct Source {
    /// Relative to the workspace: `trainer/src/data/split.rs`.
    pub path: String,
    pub package: String,
    pub text: String,
    /// The text with comments and the bodies of tests made blank, line by line.
    pub code: String,
    pub imports: Vec<Import>,
    /// Its place in the crate: `["data", "split"]`; nothing for `lib.rs`.
    module: Vec<String>,
}

/// All sources of the crates, read once.
pub fn workspace() -> &'static [Source] {
    static SOURCES: OnceLock<Vec<Source>> = OnceLock::new();
    SOURCES.get_or_init(|| {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let mut sources = Vec::new();
        for (package, _) in super::CRATES {
            let mut files = Vec::new();
            collect(&root.join(package).join("src"), &mut files);
            assert!(!files.is_empty(), "no sources of `{package}` below {}", root.display());
            sources.extend(files.iter().map(|file| Source::read(&root, package, file)));
        }
        sources
    })
}

fn collect(dir: &Path, files: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> = fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

impl Source {
    fn read(root: &Path, package: &str, file: &Path) -> Self {
        let text = fs::read_to_string(file).expect("a source is readable text");
        let path =
            file.strip_prefix(root).expect("it was found below the root").display().to_string().replace('\\', "/");
        let inside = path.split_once("/src/").expect("it was found below `src`").1.trim_end_matches(".rs");
        let mut module: Vec<String> = inside.split('/').map(str::to_owned).collect();
        if ["mod", "lib", "main"].contains(&module.last().expect("a path has a last part").as_str()) {
            module.pop();
        }
        let code = blanked(&text);
        let imports = imports(&code);
        Self { path, package: package.into(), text, code, imports, module }
    }

    /// Whether the whole file is tests.
    pub fn is_test(&self) -> bool {
        let name = self.path.rsplit('/').next().unwrap_or_default();
        name == "tests.rs" || name.ends_with("_tests.rs") || self.path.contains("/tests/")
    }

    /// Whether the file has a module of this name.
    pub fn declares(&self, name: &str) -> bool {
        self.code.lines().any(|line| line.trim_end_matches(';').trim().ends_with(&format!("mod {name}")))
    }

    /// Lines up to the tests at the end of the file.
    pub fn lines_without_tests(&self) -> usize {
        tests_start(&self.text)
    }

    /// Whether the file itself defines `name`: a type, function, trait, constant or macro.
    fn defines(&self, name: &str) -> bool {
        let kinds = ["struct ", "enum ", "fn ", "trait ", "const ", "static ", "type ", "union ", "macro_rules! "];
        let starts = |rest: &str| {
            rest.strip_prefix(name).is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
        };
        self.code.lines().any(|line| kinds.iter().any(|kind| line.split(kind).skip(1).any(starts)))
    }

    /// Every function, those of tests left out.
    pub fn functions(&self) -> Vec<Function> {
        let mut found = Vec::new();
        let code = &self.code;
        for (at, _) in code.match_indices("fn ") {
            let before = code[..at].chars().next_back();
            let name: String = code[at + 3..].chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            if before.is_some_and(|c| !c.is_whitespace() && c != '(') || name.is_empty() {
                continue;
            }
            let Some(open) = parameters_start(code, at + 3 + name.len()) else { continue };
            let line = code[..at].matches('\n').count() + 1;
            found.push(Function { line, name, parameters: count_parameters(&code[open..]) });
        }
        found
    }
}

/// Where the parameters of a function begin whose name ends at `at`, generics skipped.
fn parameters_start(code: &str, at: usize) -> Option<usize> {
    let mut depth = 0;
    let mut last = ' ';
    for (index, c) in code[at..].char_indices() {
        match c {
            '<' => depth += 1,
            '>' if last != '-' => depth -= 1,
            '(' if depth == 0 => return Some(at + index),
            _ => (),
        }
        last = c;
    }
    None
}

/// The parameters in the parentheses that `text` begins with, `self` not counted.
fn count_parameters(text: &str) -> usize {
    let (mut depth, mut angle, mut last) = (0, 0, ' ');
    let mut parts = vec![String::new()];
    for c in text.chars() {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            '<' => angle += 1,
            '>' if last != '-' => angle -= 1,
            ',' if depth == 1 && angle == 0 => parts.push(String::new()),
            _ => (),
        }
        last = c;
        if depth == 0 {
            break;
        }
        if let (Some(part), false) = (parts.last_mut(), c == ',' && depth == 1 && angle == 0) {
            part.push(c);
        }
    }
    let real = |part: &&String| {
        let part = part.trim_start_matches('(').trim();
        !part.is_empty() && !["self", "&self", "mut self", "&mut self"].contains(&part)
    };
    parts.iter().filter(real).count()
}

/// The text with comments, and everything from the tests at its end on, made blank.
fn blanked(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let mut code = Vec::new();
    // The brace that ends the tests, where they are inside a module too.
    let mut end: Option<String> = None;
    for (index, &line) in lines.iter().enumerate() {
        if end.is_none() && begins_tests(&lines, index) {
            end = Some(format!("{}}}", &line[..line.len() - line.trim_start().len()]));
        }
        let blank = end.is_some() || line.trim_start().starts_with("//");
        code.push(if blank { "" } else { line });
        end = end.filter(|end| line != end);
    }
    code.join("\n")
}

/// Whether a module of tests with a body begins on this line, not the mere name of one.
fn begins_tests(lines: &[&str], index: usize) -> bool {
    let next = lines[index + 1..].iter().find(|line| !line.trim_start().starts_with('#'));
    lines[index].trim_start().starts_with("#[cfg(test)]") && next.is_some_and(|line| line.trim_end().ends_with('{'))
}

/// The line at which the tests at the end of a file begin.
fn tests_start(text: &str) -> usize {
    let lines: Vec<&str> = text.lines().collect();
    let begins = |index: &usize| !lines[*index].starts_with(' ') && begins_tests(&lines, *index);
    (0..lines.len()).find(begins).unwrap_or(lines.len())
}

/// The names that the file imports.
fn imports(code: &str) -> Vec<Import> {
    let mut found = Vec::new();
    let mut offset = 0;
    for (index, line) in code.lines().enumerate() {
        let start = line.trim_start();
        let after = start.strip_prefix("use ").or_else(|| {
            let rest = start.strip_prefix("pub")?;
            let rest = if rest.starts_with('(') { rest.split_once(')')?.1 } else { rest };
            rest.strip_prefix(" use ")
        });
        if let Some(after) = after {
            let from = offset + line.len() - after.len();
            let statement = code[from..].split(';').next().unwrap_or_default();
            let exported = start.starts_with("pub");
            let paths = expanded(&statement.split_whitespace().collect::<String>());
            found.extend(paths.into_iter().map(|path| Import { line: index + 1, path, exported }));
        }
        offset += line.len() + 1;
    }
    found
}

/// `a::{b, c::d}` as `a::b` and `a::c::d`.
fn expanded(statement: &str) -> Vec<Vec<String>> {
    let names = |path: &str| path.split("::").filter(|name| !name.is_empty()).map(str::to_owned).collect::<Vec<_>>();
    let Some((prefix, rest)) = statement.split_once('{') else { return vec![names(statement)] };
    let inside = rest.strip_suffix('}').unwrap_or(rest);
    let (mut depth, mut parts) = (0, vec![String::new()]);
    for c in inside.chars() {
        depth += i32::from(c == '{') - i32::from(c == '}');
        if c == ',' && depth == 0 {
            parts.push(String::new());
        } else if let Some(part) = parts.last_mut() {
            part.push(c);
        }
    }
    let parts = parts.iter().filter(|part| !part.is_empty());
    parts.flat_map(|part| expanded(part)).map(|path| [names(prefix), path].concat()).collect()
}

/// The file that an import of `source` comes from, if it is one of the same crate; a name that a file hands on with `pub use`
/// comes from where that one has it.
pub fn resolve<'a>(sources: &'a [Source], source: &Source, path: &[String]) -> Option<&'a Source> {
    let mut module = source.module.clone();
    let mut rest = path;
    match path.first()?.as_str() {
        "crate" => (module, rest) = (Vec::new(), &path[1..]),
        "self" => rest = &path[1..],
        "super" => {
            while rest.first().is_some_and(|name| name == "super") {
                module.pop();
                rest = &rest[1..];
            }
        }
        name if source.declares(name) => (),
        _ => return None,
    }
    let is_program = source.path.contains("/cli/") || source.path.ends_with("/main.rs");
    let at = |module: &[String]| {
        let mut files = sources.iter().filter(|other| other.package == source.package && other.module == module);
        files.find(|other| !other.path.ends_with(if is_program { "/lib.rs" } else { "/main.rs" }))
    };
    let mut file = at(&module)?;
    while let [name, others @ ..] = rest {
        let inner = [&module[..], std::slice::from_ref(name)].concat();
        if let (Some(next), true) = (at(&inner), file.declares(name)) {
            (file, module, rest) = (next, inner, others);
            continue;
        }
        if file.defines(name) {
            break;
        }
        let handed_on = file.imports.iter().find(|import| import.exported && import.path.last() == Some(name));
        return match handed_on {
            Some(import) if import.path != path => resolve(sources, file, &import.path),
            _ => Some(file),
        };
    }
    Some(file)
}
