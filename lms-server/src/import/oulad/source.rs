//! Where the tables come from: the binary itself, or a folder that the user names.
//!
//! It finds and opens a table's file and undoes the compression. `Rows` reads what comes out.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;

use super::row::Record;
use super::rows::{RowError, Rows};

/// The catalogue that the binary carries, by table: CC BY 4.0, see `data/oulad/README.md`.
const EMBEDDED: [(&str, &[u8]); 3] = [
    (
        "courses",
        include_bytes!("../../../data/oulad/courses.csv.gz"),
    ),
    (
        "assessments",
        include_bytes!("../../../data/oulad/assessments.csv.gz"),
    ),
    ("vle", include_bytes!("../../../data/oulad/vle.csv.gz")),
];

/// A set of OULAD files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The catalogue in the binary: `courses`, `assessments` and `vle`.
    Embedded,
    /// A folder with a `TABLE.csv.gz` or a `TABLE.csv` for each table that is read.
    Folder(PathBuf),
}

impl Source {
    /// Opens the table of `R` and reads its header.
    ///
    /// # Errors
    /// When the file is missing or unreadable, or its header is not that of the table.
    pub fn rows<R: Record>(&self) -> Result<Rows<R>, RowError> {
        match self {
            Self::Embedded => embedded(R::TABLE),
            Self::Folder(folder) => opened(folder, R::TABLE),
        }
        .and_then(|(file, input)| Rows::new(file, input))
    }

    /// How many lines follow the header of the table of `R`: its rows, unless some span lines or are
    /// blank. Far cheaper than reading them; for progress. What cannot be read is not counted.
    pub fn lines<R: Record>(&self) -> u64 {
        let opened = match self {
            Self::Embedded => embedded(R::TABLE),
            Self::Folder(folder) => opened(folder, R::TABLE),
        };
        let Ok((_, mut input)) = opened else { return 0 };
        let (mut lines, mut last) = (0, b'\n');
        let mut buffer = [0; 64 * 1024];
        while let Ok(read @ 1..) = input.read(&mut buffer) {
            let ends = buffer[..read].iter().filter(|byte| **byte == b'\n');
            lines += ends.count() as u64;
            last = buffer[read - 1];
        }
        lines += u64::from(last != b'\n');
        lines.saturating_sub(1)
    }
}

type Input = (String, Box<dyn Read + Send>);

fn embedded(table: &str) -> Result<Input, RowError> {
    let file = format!("{table}.csv.gz");
    match EMBEDDED.iter().find(|(name, _)| *name == table) {
        Some((_, bytes)) => Ok((file, Box::new(MultiGzDecoder::new(*bytes)))),
        None => {
            let message = "is not part of this program, which carries courses, assessments and vle; \
                           name a folder that holds it";
            Err(RowError {
                file,
                line: None,
                message: message.to_owned(),
            })
        }
    }
}

fn opened(folder: &Path, table: &str) -> Result<Input, RowError> {
    let compressed = folder.join(format!("{table}.csv.gz"));
    let plain = folder.join(format!("{table}.csv"));
    let fault = |path: &Path, message: String| RowError {
        file: path.display().to_string(),
        line: None,
        message,
    };
    match File::open(&compressed) {
        Ok(file) => Ok((
            compressed.display().to_string(),
            Box::new(MultiGzDecoder::new(BufReader::new(file))),
        )),
        Err(error) if error.kind() == io::ErrorKind::NotFound => match File::open(&plain) {
            Ok(file) => Ok((plain.display().to_string(), Box::new(file))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(fault(
                &compressed,
                format!("there is no such file, nor {}", plain.display()),
            )),
            Err(error) => Err(fault(&plain, format!("cannot be opened ({error})"))),
        },
        Err(error) => Err(fault(&compressed, format!("cannot be opened ({error})"))),
    }
}
