//! `routes(get, list)`: which actions of an entity have routes.

use syn::{Error, Ident, parse_quote};

use crate::{
    attr::{dto::Kind, entity::EntityArgs},
    diagnostics::{Errors, unknown},
};

/// The actions by their words, and the variants of `Action` that they are.
const ACTIONS: [(&str, &str); 7] = [
    ("get", "Get"),
    ("list", "List"),
    ("create", "Create"),
    ("update", "Update"),
    ("archive", "Archive"),
    ("restore", "Restore"),
    ("delete", "Delete"),
];

/// The routes of an entity.
pub(crate) struct Routes {
    /// The variants of `Action`; `None`: all of them.
    pub actions: Option<Vec<Ident>>,
}

impl Routes {
    /// Checks the words.
    pub(crate) fn parse(words: Option<Vec<Ident>>, errors: &mut Errors) -> Self {
        let valid = ACTIONS.map(|(word, _)| word);
        let variant = |(position, word): (usize, &Ident), all: &[Ident]| {
            if all[..position].contains(word) {
                let text = format!("`{word}` is given twice");
                return Err(Error::new(word.span(), text));
            }
            let known = ACTIONS.iter().find(|(known, _)| word == known);
            known.map_or_else(
                || Err(unknown(word, "route", &valid)),
                |(_, variant)| Ok(Ident::new(variant, word.span())),
            )
        };
        let actions = words.map(|words| {
            let each = words.iter().enumerate();
            each.filter_map(|word| errors.take(variant(word, &words)))
                .collect()
        });
        Self { actions }
    }

    /// Names a DTO that no route reads and no key names: it is nothing.
    pub(crate) fn complete(&self, args: &mut EntityArgs) {
        let needed = [(Kind::Create, self.create()), (Kind::Update, self.update())];
        for (kind, is_needed) in needed {
            if !is_needed && !args.tries(kind.word()) {
                args.name_dto(kind, parse_quote!(::crud_core::dto::Nothing));
            }
        }
    }

    /// Whether a route reads the body of a `POST` or `PUT`.
    pub(crate) fn create(&self) -> bool {
        self.has("Create") || self.update()
    }

    /// Whether a route reads the body of a `PATCH`.
    pub(crate) fn update(&self) -> bool {
        self.has("Update")
    }

    fn has(&self, variant: &str) -> bool {
        let actions = self.actions.as_ref();
        actions.is_none_or(|actions| actions.iter().any(|action| action == variant))
    }
}
