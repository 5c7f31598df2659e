//! A table to be written as SQL: its columns with their rules. Pure; `sql` spells it for each database.

use crud_core::db::ColumnKind;

/// A table.
pub(crate) struct Table {
    pub name: String,
    pub columns: Vec<Column>,
}

/// A column.
#[derive(Clone)]
pub(crate) struct Column {
    pub name: String,
    pub kind: ColumnKind,
    pub nullable: bool,
    pub default: Option<Literal>,
    /// The end of the rule's name and its condition, in words that both databases know.
    pub check: Option<(&'static str, String)>,
    pub reference: Option<Reference>,
    pub unique: bool,
}

/// The row that a column names.
#[derive(Clone)]
pub(crate) struct Reference {
    pub table: String,
    /// `RESTRICT`, `SET NULL` or `CASCADE`.
    pub on_delete: String,
}

/// A default value.
#[derive(Clone)]
pub(crate) enum Literal {
    Bool(bool),
    /// In words that both databases know.
    Sql(String),
    /// An exact decimal number: so many of its last digit.
    Decimal {
        units: i64,
        scale: u32,
    },
    /// The moment of the insert.
    Now,
    /// A new random id.
    Random,
    /// The table's next number, which is the primary key.
    Counted,
}

impl Column {
    pub(crate) fn new(name: &str, kind: ColumnKind, nullable: bool) -> Self {
        Self {
            name: name.to_owned(),
            kind,
            nullable,
            default: None,
            check: None,
            reference: None,
            unique: false,
        }
    }

    fn default(mut self, default: Literal) -> Self {
        self.default = Some(default);
        self
    }

    /// What every entity's column of this name is, if it is a standard one.
    pub(crate) fn standard(self, authors: Option<&str>) -> Self {
        match (&*self.name, self.kind) {
            ("id", ColumnKind::Uuid) => self.default(Literal::Random),
            ("id", ColumnKind::Int8) => self.default(Literal::Counted),
            ("id", ColumnKind::Text) => Self {
                check: Some(("_length", "length(id) BETWEEN 1 AND 255".to_owned())),
                ..self
            },
            ("version", ColumnKind::Int8) => self.default(Literal::Sql("0".to_owned())),
            ("created_at" | "updated_at", ColumnKind::Timestamptz) if !self.nullable => {
                self.default(Literal::Now)
            }
            ("created_by" | "updated_by", ColumnKind::Uuid) => {
                let reference = authors.map(|table| Reference {
                    table: table.to_owned(),
                    on_delete: "SET NULL".to_owned(),
                });
                Self { reference, ..self }
            }
            _ => self,
        }
    }
}

/// The columns that every entity has after its own.
pub(crate) fn standard_columns(authors: Option<&str>) -> impl Iterator<Item = Column> {
    [
        ("version", ColumnKind::Int8, false),
        ("created_at", ColumnKind::Timestamptz, false),
        ("updated_at", ColumnKind::Timestamptz, false),
        ("created_by", ColumnKind::Uuid, true),
        ("updated_by", ColumnKind::Uuid, true),
        ("properties", ColumnKind::Jsonb, true),
        ("archived_at", ColumnKind::Timestamptz, true),
    ]
    .into_iter()
    .map(move |(name, kind, nullable)| Column::new(name, kind, nullable).standard(authors))
}
