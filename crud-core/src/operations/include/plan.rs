//! What `include=` asks for: known relations, none too deep, and no list within the rows of a list.

use std::sync::Arc;

use crate::{
    Error, Result,
    operations::Context,
    registry::Resource,
    relation::{Relation, RelationKind},
};

/// `a.b.c` and no further.
const DEEPEST: usize = 3;

/// A relation that is asked for, with what is asked for of the related rows.
pub(super) struct Include {
    pub(super) relation: Relation,
    pub(super) of: Arc<Resource>,
    pub(super) nested: Vec<Self>,
}

impl Context<'_> {
    /// Understands `lessons,instructor,enrollments.student`.
    pub(super) fn includes(&self, r: &Resource, text: &str) -> Result<Vec<Include>> {
        let (mut includes, mut seen) = (Vec::new(), Vec::new());
        for path in text.split(',') {
            if seen.contains(&path) {
                let detail = format!("`include` names `{path}` more than once");
                return Err(Error::bad_request("repeated_include", detail));
            }
            seen.push(path);
            self.add(r, path, &mut includes, 1, false)?;
        }
        Ok(includes)
    }

    fn add(
        &self,
        r: &Resource,
        path: &str,
        into: &mut Vec<Include>,
        depth: usize,
        in_list: bool,
    ) -> Result<()> {
        let (name, rest) = match path.split_once('.') {
            Some((name, rest)) => (name, Some(rest)),
            None => (path, None),
        };
        let allowed = self.relations(r, in_list)?;
        let Some((relation, of)) = allowed.iter().find(|(known, _)| known.name == name) else {
            let names: Vec<_> = allowed.iter().map(|(relation, _)| relation.name).collect();
            let things = r.endpoint;
            let detail = match names.is_empty() {
                true => {
                    format!("Cannot include `{name}`: of {things} nothing can be included here")
                }
                false => format!(
                    "Cannot include `{name}`: of {things}, `include` takes {}",
                    names.join(", ")
                ),
            };
            return Err(Error::bad_request("unknown_include", detail));
        };
        let at = match into.iter().position(|known| known.relation.name == name) {
            Some(at) => at,
            None => {
                into.push(Include {
                    relation: *relation,
                    of: Arc::clone(of),
                    nested: Vec::new(),
                });
                into.len() - 1
            }
        };
        let Some(rest) = rest else { return Ok(()) };
        if depth == DEEPEST {
            let detail = format!("`include` goes {DEEPEST} relations deep, and not to `{rest}`");
            return Err(Error::bad_request("unknown_include", detail));
        }
        let in_list = in_list || relation.is_many();
        self.add(of, rest, &mut into[at].nested, depth + 1, in_list)
    }

    /// The relations that the caller may ask for: those whose column he may see. A list within each row of a
    /// list has no bound that a server could keep.
    fn relations(&self, r: &Resource, in_list: bool) -> Result<Vec<(Relation, Arc<Resource>)>> {
        let mask = r.mask(self.principal);
        let mut found = Vec::new();
        for relation in r
            .relations
            .iter()
            .filter(|known| !(in_list && known.is_many()))
        {
            let Some(of) = self.registry.get(relation.endpoint) else {
                let text = format!("`{}` relates to an entity that is not registered", r.name);
                return Err(Error::internal(text));
            };
            let hidden = match relation.kind {
                RelationKind::BelongsTo(column) => mask.hides(column),
                RelationKind::HasMany(column) => of.mask(self.principal).hides(column),
            };
            if !hidden {
                found.push((*relation, Arc::clone(of)));
            }
        }
        Ok(found)
    }
}
