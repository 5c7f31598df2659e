//! The operators of filters, and which of them a column has.

use crate::db::ColumnKind;

/// What stands in brackets: `score[gte]=10`. Several on one field must all hold.
///
/// ```
/// use crud_core::filter::Op;
///
/// assert_eq!(Op::parse("gte"), Some(Op::Gte));
/// assert_eq!(Op::ALL.map(Op::as_str).len(), 11);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Op {
    /// The value, as without an operator. Text is compared by bytes.
    Eq,
    /// Any other value, or none.
    Ne,
    /// More. Text is ordered by bytes.
    Gt,
    /// At least.
    Gte,
    /// Less.
    Lt,
    /// At most.
    Lte,
    /// One of the values, separated by commas; `\,` and `\\` stand for `,` and `\`.
    In,
    /// None of the values, or no value.
    NotIn,
    /// A text with this part; the case of ASCII letters does not matter.
    Contains,
    /// A text that begins so; the case of ASCII letters does not matter.
    StartsWith,
    /// `true`: no value; `false`: any.
    IsNull,
}

impl Op {
    /// Every operator.
    pub const ALL: [Self; 11] = [
        Self::Eq,
        Self::Ne,
        Self::Gt,
        Self::Gte,
        Self::Lt,
        Self::Lte,
        Self::In,
        Self::NotIn,
        Self::Contains,
        Self::StartsWith,
        Self::IsNull,
    ];

    /// Its word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Eq => "eq",
            Self::Ne => "ne",
            Self::Gt => "gt",
            Self::Gte => "gte",
            Self::Lt => "lt",
            Self::Lte => "lte",
            Self::In => "in",
            Self::NotIn => "not_in",
            Self::Contains => "contains",
            Self::StartsWith => "starts_with",
            Self::IsNull => "is_null",
        }
    }

    /// The operator of a word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|op| op.as_str() == word)
    }

    /// What it means, for the API's documentation.
    pub(crate) const fn meaning(self) -> &'static str {
        match self {
            Self::Eq => "This value.",
            Self::Ne => "Another value, or none.",
            Self::Gt => "More than this.",
            Self::Gte => "This or more.",
            Self::Lt => "Less than this.",
            Self::Lte => "This or less.",
            Self::In => "One of these values; `\\,` and `\\\\` stand for `,` and `\\`.",
            Self::NotIn => "None of these values, or no value.",
            Self::Contains => "With this part, whatever the case of ASCII letters.",
            Self::StartsWith => "Beginning so, whatever the case of ASCII letters.",
            Self::IsNull => "Whether there is no value.",
        }
    }

    /// Those that make sense for a column. `is_text`: text of any content.
    pub(super) fn of(kind: ColumnKind, is_text: bool, nullable: bool) -> Vec<Self> {
        let fits = |op: &Self| match op {
            Self::Eq | Self::Ne => true,
            Self::In | Self::NotIn => kind != ColumnKind::Bool,
            Self::Gt | Self::Gte | Self::Lt | Self::Lte => match kind {
                ColumnKind::Bool | ColumnKind::Uuid | ColumnKind::Binary => false,
                ColumnKind::Text => is_text,
                _ => true,
            },
            Self::Contains | Self::StartsWith => is_text || kind == ColumnKind::Jsonb,
            Self::IsNull => nullable || kind == ColumnKind::Jsonb,
        };
        Self::ALL.into_iter().filter(fits).collect()
    }
}
