//! A new entity as described: its names, its fields, and what is wrong with them before anything is written. Pure.

use std::collections::BTreeMap;

use crud_core::{IdKind, db::ColumnKind};

use crate::{
    field::{Field, FieldType, units},
    has_many::HasMany,
    names::{is_rust_word, is_snake, pascal, plural, snake, words},
    table::{Column, Literal, Reference, Table, standard_columns},
};

/// Types that a declaration uses; an entity of the same name would hide them.
const TYPES: &[&str] = &[
    "Action",
    "Archivable",
    "Assignments",
    "Box",
    "Decimal",
    "EntityInterface",
    "Err",
    "Error",
    "Fields",
    "Json",
    "None",
    "Ok",
    "Option",
    "Policy",
    "Principal",
    "Registry",
    "Result",
    "Scope",
    "Search",
    "Self",
    "Some",
    "String",
    "TextSearch",
    "Timestamp",
    "Uuid",
    "Vec",
    "Lms",
    "NaiveDate",
];
/// Diesel's tables have at most so many here; eight are every entity's.
pub(crate) const MOST_COLUMNS: usize = 32;
const MOST_FIELDS: usize = MOST_COLUMNS - 8;

/// An entity to be written.
///
/// ```
/// use crud_scaffold::EntityPlan;
///
/// let fields = ["title:string!", "slug:string:unique", "course:ref(courses)!"].map(str::to_owned);
/// let plan = EntityPlan::new("LessonPlan", &fields, None).unwrap();
/// assert_eq!((&*plan.module, &*plan.table, &*plan.endpoint), ("lesson_plan", "lesson_plans", "lesson-plans"));
/// ```
#[derive(Debug, Clone)]
pub struct EntityPlan {
    /// `lesson_plan`
    pub module: String,
    /// `LessonPlan`
    pub entity: String,
    /// `lesson_plans`
    pub table: String,
    /// `lesson-plans`
    pub endpoint: String,
    /// What its rows are named by.
    pub ids: IdKind,
    /// Its own columns, in order.
    pub fields: Vec<Field>,
    /// The rows that are to refer to it.
    pub has_many: Vec<HasMany>,
    /// The entities that its references lead to, by table: module and type.
    pub targets: BTreeMap<String, (String, String)>,
    /// What the rows of those tables are named by, where that is no UUID.
    pub target_ids: BTreeMap<String, IdKind>,
    /// The entities of those rows, by table, each with the one field that it gets.
    pub children: BTreeMap<String, Self>,
}

impl EntityPlan {
    /// Reads a description. The name may be `LessonPlan`, `lesson_plan` or `lesson-plan`.
    ///
    /// # Errors
    /// A sentence that names what is wrong and what is accepted.
    pub fn new(name: &str, fields: &[String], endpoint: Option<&str>) -> Result<Self, String> {
        let module = snake(name);
        let entity = pascal(&module);
        if !is_snake(&module) || is_rust_word(&module) {
            return Err(format!(
                "`{name}` is no name of an entity; expected one in the singular, such as `LessonPlan` or `lesson_plan`"
            ));
        }
        if TYPES.contains(&&*entity) {
            return Err(format!(
                "`{entity}` is a type that every declaration uses; choose another name"
            ));
        }
        let table = plural(&module);
        let endpoint = endpoint.map_or_else(|| table.replace('_', "-"), str::to_owned);
        if !is_snake(&endpoint.replace('-', "_")) {
            return Err(format!(
                "`{endpoint}` is no endpoint; expected lower case letters, digits and `-`, a letter first"
            ));
        }
        let (ids, fields): (Vec<_>, Vec<_>) =
            fields.iter().partition(|field| field.starts_with("id:"));
        let ids = match &ids[..] {
            [] => IdKind::Uuid,
            [one] => id_kind(one)?,
            [_, ..] => return Err("the field `id` is there twice".to_owned()),
        };
        let (has_many, fields): (Vec<_>, Vec<_>) = fields
            .into_iter()
            .partition(|field| HasMany::is_meant(field));
        let has_many = has_many
            .into_iter()
            .map(|given| HasMany::parse(given))
            .collect::<Result<Vec<_>, _>>()?;
        let fields = fields
            .into_iter()
            .map(|field| Field::parse(field))
            .collect::<Result<Vec<_>, _>>()?;
        if fields.is_empty() || fields.len() > MOST_FIELDS {
            return Err(format!(
                "an entity has 1 to {MOST_FIELDS} fields of its own, and {} are given; a field is NAME:TYPE, as in `title:string!`",
                fields.len()
            ));
        }
        let plan = Self {
            module,
            entity,
            table,
            endpoint,
            ids,
            fields,
            has_many,
            targets: BTreeMap::new(),
            target_ids: BTreeMap::new(),
            children: BTreeMap::new(),
        };
        plan.check_names()?;
        Ok(plan)
    }

    fn check_names(&self) -> Result<(), String> {
        for (n, field) in self.fields.iter().enumerate() {
            let names = [field.name.clone(), field.column()];
            let twice = self.fields[..n]
                .iter()
                .find(|other| names.contains(&other.name) || names.contains(&other.column()));
            if twice.is_some() {
                return Err(format!("the field `{}` is there twice", field.name));
            }
            if names.contains(&self.table) {
                return Err(format!(
                    "the field `{}` has the name of the table; choose another",
                    field.name
                ));
            }
            if self.is_to_itself(field) && field.required {
                return Err(format!(
                    "the field `{}` refers to {} itself and is required: the first row could not be made; leave out `!`",
                    field.name, self.table
                ));
            }
        }
        for (n, HasMany { name, table }) in self.has_many.iter().enumerate() {
            let before = &self.has_many[..n];
            let is_field = |field: &Field| field.name == *name || field.column() == *name;
            if self.fields.iter().any(is_field) || before.iter().any(|other| other.name == *name) {
                return Err(format!("the field `{name}` is there twice"));
            }
            if let Some(other) = before.iter().find(|other| other.table == *table) {
                return Err(format!(
                    "`{}` and `{name}` both lead to {table}, which get one reference; leave one out",
                    other.name
                ));
            }
        }
        Ok(())
    }

    /// Whether a field refers to rows of the entity itself.
    pub(crate) fn is_to_itself(&self, field: &Field) -> bool {
        matches!(&field.kind, FieldType::Ref(table) if *table == self.table)
    }

    /// `lesson plan`
    pub(crate) fn singular(&self) -> String {
        words(&self.module)
    }

    /// `lesson plans`
    pub(crate) fn plural(&self) -> String {
        words(&self.table)
    }

    /// The fields that are references, each with its table.
    pub(crate) fn references(&self) -> impl Iterator<Item = (&Field, &str)> {
        self.fields.iter().filter_map(|field| match &field.kind {
            FieldType::Ref(table) => Some((field, &**table)),
            _ => None,
        })
    }

    /// The rows that are to refer to it, each with their entity once that is known.
    pub(crate) fn children(&self) -> impl Iterator<Item = (&HasMany, &Self)> {
        let known = |relation: &HasMany| self.children.get(&relation.table);
        self.has_many
            .iter()
            .filter_map(move |relation| Some((relation, known(relation)?)))
    }

    /// The columns whose words are looked for.
    pub(crate) fn words(&self) -> Vec<String> {
        let fields = self.fields.iter().filter(|field| field.words);
        fields.map(Field::column).collect()
    }

    /// The table as SQL is made of it. `authors` is the table of those who write.
    pub(crate) fn table(&self, authors: Option<&str>) -> Table {
        let id = Column::new("id", id_column(self.ids), false).standard(None);
        let own = self.fields.iter().map(|field| self.column(field));
        let columns = std::iter::once(id)
            .chain(own)
            .chain(standard_columns(authors));
        Table {
            name: self.table.clone(),
            columns: columns.collect(),
        }
    }
}

/// `id:bigint`
fn id_kind(given: &str) -> Result<IdKind, String> {
    match given {
        "id:uuid" => Ok(IdKind::Uuid),
        "id:bigint" => Ok(IdKind::Int),
        "id:string" => Ok(IdKind::Text),
        _ => Err(format!(
            "the field `{given}` is wrong: an id is `id:uuid` (made by the server, as when it is left out), \
             `id:bigint` (given by the database) or `id:string` (given by the client)"
        )),
    }
}

const fn id_column(ids: IdKind) -> ColumnKind {
    match ids {
        IdKind::Uuid => ColumnKind::Uuid,
        IdKind::Int => ColumnKind::Int8,
        IdKind::Text => ColumnKind::Text,
    }
}

impl EntityPlan {
    /// What names the row that a reference leads to.
    pub(crate) fn ids_of(&self, table: &str) -> IdKind {
        match self.target_ids.get(table) {
            _ if table == self.table => self.ids,
            Some(ids) => *ids,
            None => IdKind::Uuid,
        }
    }

    pub(crate) fn column(&self, field: &Field) -> Column {
        let kind = match &field.kind {
            FieldType::Ref(table) => id_column(self.ids_of(table)),
            other => other.column_kind(),
        };
        column(field, kind)
    }
}

fn column(field: &Field, kind: ColumnKind) -> Column {
    let name = field.column();
    let quoted = crate::names::sql_name(&name);
    let check = match (&field.kind, field.lengths()) {
        (FieldType::Enum(values), _) => {
            let values: Vec<_> = values.iter().map(|value| format!("'{value}'")).collect();
            Some(("", format!("{quoted} IN ({})", values.join(", "))))
        }
        (_, (Some(least), Some(most))) => Some((
            "_length",
            format!("length({quoted}) BETWEEN {least} AND {most}"),
        )),
        (_, (Some(least), None)) => Some(("_length", format!("length({quoted}) >= {least}"))),
        (_, (None, Some(most))) => Some(("_length", format!("length({quoted}) <= {most}"))),
        (_, (None, None)) => None,
    };
    let reference = match &field.kind {
        FieldType::Ref(table) => Some(Reference {
            table: table.clone(),
            on_delete: if field.required {
                "RESTRICT"
            } else {
                "SET NULL"
            }
            .to_owned(),
        }),
        _ => None,
    };
    let default = field.default.as_ref().map(|text| match field.kind {
        FieldType::Bool => Literal::Bool(text == "true"),
        FieldType::String | FieldType::Enum(_) => Literal::Sql(format!("'{text}'")),
        FieldType::Decimal { digits, scale } => Literal::Decimal {
            units: units(text, digits, scale).unwrap_or_default(),
            scale: scale.into(),
        },
        _ => Literal::Sql(text.clone()),
    });
    Column {
        check,
        reference,
        default,
        unique: field.unique,
        ..Column::new(&name, kind, field.nullable())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(name: &str, fields: &[&str]) -> Result<EntityPlan, String> {
        let fields: Vec<_> = fields.iter().map(|&field| field.to_owned()).collect();
        EntityPlan::new(name, &fields, None)
    }

    #[test]
    fn a_wrong_entity_is_told_what_is_accepted() {
        for (name, fields, says) in [
            ("2", &["a:int"][..], "`2` is no name of an entity"),
            (
                "Search",
                &["a:int"],
                "`Search` is a type that every declaration uses",
            ),
            ("post", &[], "1 to 24 fields of its own, and 0 are given"),
            ("post", &["a:int", "a:text"], "`a` is there twice"),
            (
                "post",
                &["course:ref(courses)", "course:text"],
                "`course` is there twice",
            ),
            ("post", &["posts:int"], "has the name of the table"),
            (
                "post",
                &["id:float", "a:int"],
                "or `id:string` (given by the client)",
            ),
            (
                "post",
                &["id:string", "id:uuid", "a:int"],
                "`id` is there twice",
            ),
            (
                "post",
                &["parent:ref(posts)!"],
                "the first row could not be made",
            ),
            (
                "post",
                &["notes:has_many"],
                "1 to 24 fields of its own, and 0 are given",
            ),
            (
                "post",
                &["a:int", "a:has_many(notes)"],
                "`a` is there twice",
            ),
            (
                "post",
                &["a:int", "notes:has_many", "remarks:has_many(notes)"],
                "`notes` and `remarks` both lead to notes",
            ),
            ("post", &["a:int", "notes:has_many!"], "and nothing else"),
        ] {
            let told = plan(name, fields).unwrap_err();
            assert!(told.contains(says), "{told}");
        }
        assert_eq!(
            plan("LessonPlan", &["a:int"]).unwrap().endpoint,
            "lesson-plans"
        );
    }
}
