//! What is to be written, made wholly before anything is: new files, which are never written over old ones, and files that
//! are there, with their new text.

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
};

/// What is to be written, below the root.
///
/// ```
/// use crud_scaffold::Plan;
///
/// let plan = Plan {
///     new: vec![("src/entities/note/mod.rs".into(), "//! Notes.".to_owned())],
///     changed: vec![("src/entities/mod.rs".into(), "pub mod note;".to_owned())],
/// };
/// assert_eq!(plan.to_string(), "new      src/entities/note/mod.rs\nchanged  src/entities/mod.rs");
/// ```
#[derive(Debug, Default)]
pub struct Plan {
    /// New files.
    pub new: Vec<(PathBuf, String)>,
    /// Files that are there, with their new text.
    pub changed: Vec<(PathBuf, String)>,
}

impl Plan {
    /// Every file with its text, as a dry run shows it.
    pub fn texts(&self) -> String {
        let files = self.new.iter().chain(&self.changed);
        let texts = files.map(|(path, text)| format!("==> {}\n{text}", path.display()));
        texts.collect::<Vec<_>>().join("\n")
    }

    /// Writes it below this folder.
    ///
    /// # Errors
    /// A sentence, if a file cannot be written, or a new one is there already.
    pub fn write(&self, root: &Path) -> Result<(), String> {
        self.written(root).map_err(|error| {
            format!("writing stopped: {error}; `git status` shows how far it came")
        })
    }

    fn written(&self, root: &Path) -> io::Result<()> {
        for (path, text) in &self.new {
            let path = root.join(path);
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder)?;
            }
            io::Write::write_all(&mut fs::File::create_new(path)?, text.as_bytes())?;
        }
        for (path, text) in &self.changed {
            fs::write(root.join(path), text)?;
        }
        Ok(())
    }
}

/// A line for each file.
impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let files = self.new.iter().map(|file| ("new    ", file));
        let files = files.chain(self.changed.iter().map(|file| ("changed", file)));
        let lines = files.map(|(verb, (path, _))| format!("{verb}  {}", path.display()));
        f.write_str(&lines.collect::<Vec<_>>().join("\n"))
    }
}
