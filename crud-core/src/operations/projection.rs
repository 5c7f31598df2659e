//! The columns of an answer, and the sink that turns rows into JSON where they are decoded.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use diesel::{
    deserialize::FromSql,
    pg::Pg,
    row::{Field, Row},
    sql_types::{BigInt, Bool, Nullable},
    sqlite::Sqlite,
};

use super::{
    keyset::{Cursors, Edges},
    reads::Items,
};
use crate::{
    db::{Dialect, Frag, PgRow, Rendered, Sink, SqliteRow, Stmt},
    dto::{ComputedColumn, ReadColumn, ValueWriter, Values},
    policy::Mask,
    row::WholeRow,
};

/// The columns that an answer shows, ready to be selected and written.
pub(crate) struct Projection {
    columns: Vec<ReadColumn>,
    /// `a, b, c`
    pub(crate) select: Frag,
    /// `{"a":`, `,"b":`, …
    keys: Vec<Box<str>>,
    writers: Vec<ValueWriter>,
    /// Whether a column is one of the table, read as it is.
    exact: Vec<bool>,
    /// What follows the columns without being one.
    computed: Vec<Computed>,
    form: OnceLock<[u8; 16]>,
}

/// A field that is computed from columns of the projection.
struct Computed {
    declared: ComputedColumn,
    /// `,"c":`
    key: Box<str>,
    /// Where its columns stand.
    at: Vec<usize>,
}

impl Projection {
    pub(crate) fn new(columns: Vec<ReadColumn>, computed: Vec<ComputedColumn>) -> Self {
        Self::showing(columns.len(), columns, computed)
    }

    /// The first `shown` columns are in the answer, the others only serve what is computed.
    fn showing(shown: usize, columns: Vec<ReadColumn>, computed: Vec<ComputedColumn>) -> Self {
        let mut select = Stmt::new();
        let mut keys = Vec::with_capacity(columns.len());
        for (i, column) in columns.iter().enumerate() {
            let (comma, open) = if i == 0 { ("", '{') } else { (", ", ',') };
            select = match is_plain(column) {
                // There is one table to select from, and a short text is sooner found among those prepared.
                true => select.sql(comma).ident(column.name),
                false => select.sql(comma).frag(column.column.clone()),
            };
            if i < shown {
                keys.push(format!("{open}\"{}\":", column.name).into());
            }
        }
        let mut computed: Vec<_> = computed
            .into_iter()
            .filter_map(|c| Computed::of(c, &columns))
            .collect();
        if let Some(first) = computed.first_mut().filter(|_| shown == 0) {
            first.key = format!("{{\"{}\":", first.declared.name).into();
        }
        Self {
            select: Rendered::frag(Arc::new(select)),
            keys,
            writers: columns.iter().map(|c| c.write).collect(),
            exact: columns.iter().map(is_exact).collect(),
            computed,
            columns,
            form: OnceLock::new(),
        }
    }

    /// What the rows look like, in short: two that select the same may write other fields, and another version of the
    /// application may write others under the same names.
    pub(crate) fn form(&self) -> &[u8; 16] {
        self.form.get_or_init(|| {
            let mut hash = blake3::Hasher::new();
            let computed = self.computed.iter().map(|c| &c.key);
            for key in self.keys.iter().chain(computed) {
                hash.update(key.as_bytes()).update(&[0]);
            }
            let mut form = [0; 16];
            hash.finalize_xof().fill(&mut form);
            form
        })
    }

    /// The names of the computed fields that a mask hides: those that are made of what it hides.
    pub(crate) fn hidden(&self, mask: &Mask) -> impl Iterator<Item = &'static str> {
        self.computed
            .iter()
            .filter(|c| c.declared.from.iter().any(|name| mask.hides(name)))
            .map(|c| c.declared.name)
    }

    /// What is left of it for a caller who may not see everything.
    pub(crate) fn masked(self: &Arc<Self>, mask: &Mask) -> Arc<Self> {
        if mask.hidden.is_empty() {
            return Arc::clone(self);
        }
        let visible = self.columns.iter().filter(|c| !mask.hides(c.name));
        let computed = self.computed.iter().map(|c| c.declared.clone());
        Arc::new(Self::new(visible.cloned().collect(), computed.collect()))
    }

    /// What a caller gets who may not see everything, or did not ask for everything.
    pub(crate) fn shown(
        self: &Arc<Self>,
        mask: &Mask,
        fields: Option<&[&'static str]>,
    ) -> Arc<Self> {
        let seen = self.masked(mask);
        let Some(fields) = fields else { return seen };
        let is_asked = |name: &str| fields.contains(&name);
        let computed = seen.computed.iter().map(|c| &c.declared);
        let computed: Vec<_> = computed.filter(|c| is_asked(c.name)).cloned().collect();
        let serves = |name: &str| computed.iter().any(|c| c.from.contains(&name));
        let columns = || seen.columns.iter().cloned();
        let mut all: Vec<_> = columns().filter(|c| is_asked(c.name)).collect();
        let shown = all.len();
        all.extend(columns().filter(|c| !is_asked(c.name) && serves(c.name)));
        Arc::new(Self::showing(shown, all, computed))
    }

    /// The names of the fields that a caller may see.
    pub(crate) fn seen(&self, mask: &Mask) -> impl Iterator<Item = &'static str> {
        let is_computed_of_hidden =
            |c: &&Computed| c.declared.from.iter().any(|name| mask.hides(name));
        let computed = self
            .computed
            .iter()
            .filter(move |c| !is_computed_of_hidden(c));
        let columns = self.columns.iter().map(|c| c.name);
        columns
            .filter(move |name| !mask.hides(name))
            .chain(computed.map(|c| c.declared.name))
    }

    /// Whether it has a field of this name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.names().any(|known| known == name)
    }

    /// The names of its fields, in their order.
    pub(super) fn names(&self) -> impl Iterator<Item = &'static str> {
        let computed = self.computed.iter().map(|c| c.declared.name);
        self.columns.iter().map(|c| c.name).chain(computed)
    }

    /// The column of a field.
    pub(super) fn column(&self, name: &str) -> Option<&ReadColumn> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// How many columns it selects.
    pub(super) fn len(&self) -> usize {
        self.writers.len()
    }

    /// The place of a column of the table itself whose JSON says exactly what the database holds.
    pub(crate) fn exact(&self, name: &str) -> Option<usize> {
        let at = self.columns.iter().position(|c| c.name == name)?;
        (self.exact[at]).then_some(at)
    }

    /// A whole row, made with this projection, as a caller sees it who may not see everything, or did not ask for
    /// everything.
    pub(crate) fn cut(
        &self,
        row: &WholeRow,
        mask: &Mask,
        fields: Option<&[&'static str]>,
    ) -> Bytes {
        if mask.hidden.is_empty() && fields.is_none() {
            return row.json();
        }
        let is_left_out = |name: &str| fields.is_some_and(|fields| !fields.contains(&name));
        let mut json = Vec::with_capacity(row.bytes().len());
        for (i, column) in self.columns.iter().enumerate() {
            if mask.hides(column.name) || is_left_out(column.name) {
                continue;
            }
            json.push(if json.is_empty() { b'{' } else { b',' });
            // The key without its own brace or comma.
            json.extend_from_slice(&self.keys[i].as_bytes()[1..]);
            json.extend_from_slice(row.value(i).unwrap_or(b"null"));
        }
        for (i, computed) in self.computed.iter().enumerate() {
            // Nor what is made of something hidden.
            if computed
                .at
                .iter()
                .any(|at| mask.hides(self.columns[*at].name))
                || is_left_out(computed.declared.name)
            {
                continue;
            }
            json.push(if json.is_empty() { b'{' } else { b',' });
            json.extend_from_slice(&computed.key.as_bytes()[1..]);
            let value = row.value(self.columns.len() + i);
            json.extend_from_slice(value.unwrap_or(b"null"));
        }
        json.push(b'}');
        json.into()
    }
}

/// Whether the value in JSON says what the database holds, no more and no less.
fn is_exact(column: &ReadColumn) -> bool {
    column.write.is_exact && is_plain(column)
}

/// Whether it is a column of the table itself, by its own name.
fn is_plain(column: &ReadColumn) -> bool {
    let named = format!(".\"{}\"", column.name.replace('"', "\"\""));
    let sql = Pg::render(&*column.column);
    sql.is_ok_and(|sql| sql.ends_with(&named) && !sql.contains([' ', '(']))
}

impl Computed {
    /// `None` if a column of it is not there, and so may not be told.
    fn of(declared: ComputedColumn, columns: &[ReadColumn]) -> Option<Self> {
        let at = |name: &&str| columns.iter().position(|column| column.name == *name);
        Some(Self {
            key: format!(",\"{}\":", declared.name).into(),
            at: declared.from.iter().map(at).collect::<Option<_>>()?,
            declared,
        })
    }
}

/// Collects rows as JSON. Behind the projection's columns a statement may select the version and the
/// verdict of the policy on the new values.
pub(crate) struct JsonRows {
    projection: Arc<Projection>,
    /// Rows beyond it are counted, not written.
    limit: usize,
    with_version: bool,
    pub(crate) with_verdict: bool,
    pub(crate) out: Vec<u8>,
    pub(crate) rows: usize,
    pub(crate) version: i64,
    pub(crate) allowed: bool,
    /// Where each value of the row begins and ends, if that is wanted.
    places: Option<Vec<(u32, u32)>>,
    /// Of a page: the places of its first and last row, and where each row begins.
    edges: Option<Box<(Edges, Vec<usize>)>>,
}

impl JsonRows {
    /// At most one row, with its version.
    pub(crate) fn one(projection: Arc<Projection>, with_verdict: bool) -> Box<Self> {
        Box::new(Self {
            projection,
            limit: 1,
            with_version: true,
            with_verdict,
            out: Vec::with_capacity(768),
            rows: 0,
            version: 0,
            allowed: true,
            places: None,
            edges: None,
        })
    }

    /// At most one row with all that the cache keeps of it; the verdict is whether it is live.
    pub(crate) fn whole(projection: Arc<Projection>, archivable: bool) -> Box<Self> {
        let places = Some(Vec::with_capacity(projection.len()));
        let mut rows = Self::one(projection, archivable);
        rows.places = places;
        rows
    }

    /// What the cache keeps of such a row.
    pub(crate) fn into_whole(self) -> Vec<u8> {
        match self.places {
            Some(places) if self.rows > 0 => {
                WholeRow::present(self.allowed, self.version, &places, &self.out)
            }
            _ => WholeRow::absent(),
        }
    }

    /// See [`Projection::form`].
    pub(crate) fn form(&self) -> [u8; 16] {
        *self.projection.form()
    }

    /// For another run of the same statement.
    pub(crate) fn again(&self) -> Box<Self> {
        Self::one(Arc::clone(&self.projection), self.with_verdict)
    }

    /// The items of a list, after what `out` holds already.
    pub(crate) fn many(projection: Arc<Projection>, limit: usize, out: Vec<u8>) -> Box<Self> {
        Box::new(Self {
            projection,
            limit,
            with_version: false,
            with_verdict: false,
            out,
            rows: 0,
            version: 0,
            allowed: true,
            places: None,
            edges: None,
        })
    }

    /// The items of a page, with the places of its ends.
    pub(crate) fn page(projection: Arc<Projection>, limit: usize, edges: Edges) -> Box<Self> {
        let mut rows = Self::many(projection, limit, Vec::new());
        rows.edges = Some(Box::new((edges, Vec::with_capacity(limit))));
        rows
    }

    /// Such a page, turned round if it was read from its end.
    pub(crate) fn into_page(self, backward: bool) -> Items {
        let (mut json, mut cursors) = (self.out, Cursors::default());
        if let Some(edges) = self.edges {
            let (edges, begins) = *edges;
            cursors = edges.cursors(self.rows, self.limit);
            if backward {
                json = turned(&json, &begins);
            }
        }
        Items {
            rows: self.rows,
            json: json.into(),
            cursors,
        }
    }

    /// Begins a row; `false` if it is beyond the limit.
    fn begin(&mut self) -> bool {
        self.rows += 1;
        if self.rows > 1 && self.rows <= self.limit {
            self.out.push(b',');
        }
        if let Some(edges) = self.edges.as_mut().filter(|_| self.rows <= self.limit) {
            edges.1.push(self.out.len());
        }
        self.rows <= self.limit
    }
}

/// Rows in the order turned round.
fn turned(json: &[u8], begins: &[usize]) -> Vec<u8> {
    let mut turned = Vec::with_capacity(json.len());
    let mut end = json.len();
    for begin in begins.iter().rev() {
        if !turned.is_empty() {
            turned.push(b',');
        }
        turned.extend_from_slice(&json[*begin..end]);
        // Before a row stands a comma.
        end = begin.saturating_sub(1);
    }
    turned
}

/// The same loop over both databases' rows, whose types have nothing in common but their methods.
macro_rules! sink {
    ($method:ident, $row:ty, $db:ty) => {
        fn $method(&mut self, row: &$row) -> diesel::deserialize::Result<()> {
            if !self.begin() {
                return Ok(());
            }
            let projection = &*self.projection;
            for (i, (key, writer)) in projection.keys.iter().zip(&projection.writers).enumerate() {
                self.out.extend_from_slice(key.as_bytes());
                let field = row.get(i).ok_or("a column is missing")?;
                let start = self.out.len();
                (writer.$method)(field.value(), &mut self.out)?;
                if let Some(places) = &mut self.places {
                    places.push((u32::try_from(start)?, u32::try_from(self.out.len())?));
                }
            }
            for computed in &projection.computed {
                self.out.extend_from_slice(computed.key.as_bytes());
                let values = Values::$method(row, &computed.at);
                let start = self.out.len();
                (computed.declared.write)(&values, &mut self.out)?;
                if let Some(places) = &mut self.places {
                    places.push((u32::try_from(start)?, u32::try_from(self.out.len())?));
                }
            }
            self.out.push(b'}');
            if let Some(edges) = &mut self.edges {
                edges.0.$method(row, self.rows, self.limit)?;
            }
            let mut next = projection.len();
            if self.with_version {
                let field = row.get(next).ok_or("the version is missing")?;
                self.version = <i64 as FromSql<BigInt, $db>>::from_nullable_sql(field.value())?;
                next += 1;
            }
            if self.with_verdict {
                let field = row.get(next).ok_or("the verdict is missing")?;
                let verdict = <Option<bool> as FromSql<Nullable<Bool>, $db>>::from_nullable_sql(
                    field.value(),
                )?;
                self.allowed = verdict == Some(true);
            }
            Ok(())
        }
    };
}

impl Sink for JsonRows {
    sink!(pg, PgRow, Pg);
    sink!(sqlite, SqliteRow<'_, '_>, Sqlite);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::Dialect;

    diesel::table! {
        use crate::sql_types::*;
        people (id) {
            id -> Uuid,
            name -> Text,
            age -> Integer,
        }
    }

    fn whole() -> Arc<Projection> {
        let columns = vec![
            ReadColumn::of::<_, String>(people::name),
            ReadColumn::of::<_, i32>(people::age),
        ];
        let label = ComputedColumn::new("label", &["name", "age"], |_, _| Ok(()));
        Arc::new(Projection::new(columns, vec![label]))
    }

    #[test]
    fn a_computed_field_is_hidden_with_what_it_is_made_of() {
        let mask = Mask {
            hidden: vec!["age"],
            read_only: vec![],
        };
        assert_eq!(whole().hidden(&mask).collect::<Vec<_>>(), ["label"]);
        let seen = whole().masked(&mask);
        assert!(seen.has("name") && !seen.has("age") && !seen.has("label"));
        let other = Mask {
            hidden: vec!["id"],
            read_only: vec![],
        };
        assert!(whole().masked(&other).has("label"));
    }

    #[test]
    fn a_computed_field_selects_nothing_of_its_own() {
        let sql = <Sqlite as Dialect>::render(&*whole().select).expect("it renders");
        assert_eq!(sql, r#""name", "age""#);
        assert_eq!(whole().len(), 2);
    }
}
