//! The description of a route that is not generated: what `router` knows by itself of an entity's
//! routes, an application says of its own with [`Operation`].

use axum::http::Method;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use super::{
    Info,
    operations::{Read, body, open},
    parameters, responses,
    schemas::{SchemaFn, Schemas},
};
use crate::{App, EntityInterface, Registry};

/// One method of one path of the API, described. [`Routes::route`](super::Routes::route) takes it
/// together with its handler.
///
/// ```
/// # use crud_core::openapi::Operation;
/// # #[derive(schemars::JsonSchema)] struct Login { email: String, password: String }
/// # #[derive(schemars::JsonSchema)] struct Token { access_token: String }
/// Operation::post("/auth/login", "login")
///     .summary("Sign in")
///     .tag("auth")
///     .public()
///     .body::<Login>()
///     .returns::<Token>(200, "The tokens of a new session.")
///     .errors(&[401]);
/// ```
///
/// Documented without being said: 401 unless the operation is public; 400, 408, 413, 415 and 422 if it
/// takes a body; 400 if it takes parameters in the query; 500 and 503.
#[derive(Debug, Clone)]
pub struct Operation {
    pub(super) method: Method,
    pub(super) tag: &'static str,
    path: &'static str,
    at_root: bool,
    id: &'static str,
    summary: &'static str,
    description: &'static str,
    public: bool,
    path_parameters: Vec<PathParameter>,
    query: Option<SchemaFn>,
    bodies: Vec<(SchemaFn, Vec<&'static str>)>,
    answers: Vec<Answer>,
    errors: Vec<u16>,
    like: Option<Like>,
}

/// A generated route that this one answers as, of the entity with this endpoint.
#[derive(Debug, Clone, Copy)]
enum Like {
    Row(&'static str),
    List(&'static str),
}

#[derive(Debug, Clone)]
struct PathParameter {
    name: &'static str,
    description: &'static str,
    schema: SchemaFn,
}

#[derive(Debug, Clone)]
struct Answer {
    status: u16,
    description: &'static str,
    schema: Option<SchemaFn>,
}

impl Operation {
    /// A method of a path: `/courses/by-slug/{slug}`, which stands after [`App::PREFIX`]. The id is
    /// unique in the document; clients make the names of functions from it.
    pub const fn new(method: Method, path: &'static str, id: &'static str) -> Self {
        Self {
            method,
            tag: "",
            path,
            at_root: false,
            id,
            summary: "",
            description: "",
            public: false,
            path_parameters: Vec::new(),
            query: None,
            bodies: Vec::new(),
            answers: Vec::new(),
            errors: Vec::new(),
            like: None,
        }
    }

    /// `GET`.
    pub const fn get(path: &'static str, id: &'static str) -> Self {
        Self::new(Method::GET, path, id)
    }

    /// `POST`.
    pub const fn post(path: &'static str, id: &'static str) -> Self {
        Self::new(Method::POST, path, id)
    }

    /// `PUT`.
    pub const fn put(path: &'static str, id: &'static str) -> Self {
        Self::new(Method::PUT, path, id)
    }

    /// `PATCH`.
    pub const fn patch(path: &'static str, id: &'static str) -> Self {
        Self::new(Method::PATCH, path, id)
    }

    /// `DELETE`.
    pub const fn delete(path: &'static str, id: &'static str) -> Self {
        Self::new(Method::DELETE, path, id)
    }

    /// The path stands at the root of the server, not after [`App::PREFIX`].
    #[must_use]
    pub const fn at_root(mut self) -> Self {
        self.at_root = true;
        self
    }

    /// What it does, in a few words.
    #[must_use]
    pub const fn summary(mut self, summary: &'static str) -> Self {
        self.summary = summary;
        self
    }

    /// What else there is to know, in Markdown.
    #[must_use]
    pub const fn description(mut self, description: &'static str) -> Self {
        self.description = description;
        self
    }

    /// The group that it is shown in: a name of its own or an entity's endpoint.
    #[must_use]
    pub const fn tag(mut self, tag: &'static str) -> Self {
        self.tag = tag;
        self
    }

    /// Nobody needs to be signed in.
    #[must_use]
    pub const fn public(mut self) -> Self {
        self.public = true;
        self
    }

    /// The type of a parameter in the path; without this it is text.
    #[must_use]
    pub fn path<T: JsonSchema>(mut self, name: &'static str, description: &'static str) -> Self {
        let schema = subschema::<T>;
        self.path_parameters.push(PathParameter {
            name,
            description,
            schema,
        });
        self
    }

    /// The parameters in the query: one for each field of the struct.
    #[must_use]
    pub fn query<T: JsonSchema>(mut self) -> Self {
        self.query = Some(|_| schemars::schema_for!(T));
        self
    }

    /// The body, as JSON.
    #[must_use]
    pub fn body<T: JsonSchema>(self) -> Self {
        self.body_as::<T>(&["application/json"])
    }

    /// The body, as any of these media types; several calls are a choice between several bodies.
    #[must_use]
    pub fn body_as<T: JsonSchema>(mut self, types: &[&'static str]) -> Self {
        self.bodies.push((subschema::<T>, types.to_vec()));
        self
    }

    /// It answers as `GET /things/{id}` of this entity does, in the entity's group: see
    /// [`EntityRequest::row`](crate::extract::EntityRequest::row).
    #[must_use]
    pub const fn row_of<E: EntityInterface>(mut self) -> Self {
        self.tag = E::ENDPOINT;
        self.like = Some(Like::Row(E::ENDPOINT));
        self
    }

    /// It answers as `GET /things` of this entity does, in the entity's group: see
    /// [`EntityRequest::list`](crate::extract::EntityRequest::list).
    #[must_use]
    pub const fn list_of<E: EntityInterface>(mut self) -> Self {
        self.tag = E::ENDPOINT;
        self.like = Some(Like::List(E::ENDPOINT));
        self
    }

    /// A successful answer with a body.
    #[must_use]
    pub fn returns<T: JsonSchema>(mut self, status: u16, description: &'static str) -> Self {
        let schema = Some(subschema::<T> as SchemaFn);
        self.answers.push(Answer {
            status,
            description,
            schema,
        });
        self
    }

    /// A successful answer without a body.
    #[must_use]
    pub fn returns_nothing(mut self, status: u16, description: &'static str) -> Self {
        self.answers.push(Answer {
            status,
            description,
            schema: None,
        });
        self
    }

    /// The errors that do not follow from what else is said of the operation.
    #[must_use]
    pub fn errors(mut self, statuses: &[u16]) -> Self {
        self.errors.extend(statuses);
        self
    }

    /// The path from the root of the server.
    pub fn full_path(&self) -> String {
        let prefix = if self.at_root { "" } else { App::PREFIX };
        format!("{prefix}{}", self.path)
    }

    /// Its part of the document.
    pub(super) fn describe(
        &self,
        schemas: &mut Schemas,
        registry: &Registry,
        info: &Info<'_>,
    ) -> Value {
        let mut like = self.like.map(|like| like.read(schemas, registry, info));
        let public = like.as_ref().map_or(self.public, |read| read.public);
        let mut operation = json!({ "operationId": self.id });
        for (key, text) in [("summary", self.summary), ("description", self.description)] {
            if !text.is_empty() {
                operation[key] = text.into();
            }
        }
        if !self.tag.is_empty() {
            operation["tags"] = json!([self.tag]);
        }
        if public {
            operation["security"] = open();
        }
        let mut parameters = self.in_path(schemas);
        if let Some(query) = self.query {
            let object = query(&mut SchemaGenerator::default());
            parameters.extend(parameters::properties(object.as_value(), schemas));
        }
        if let Some(like) = &mut like {
            parameters.append(&mut like.parameters);
        }
        if !parameters.is_empty() {
            operation["parameters"] = parameters.into();
        }
        for (schema, types) in &self.bodies {
            let mut body = body(&schemas.body(*schema), types);
            if let Some(known) = operation["requestBody"]["content"].as_object_mut()
                && let Some(more) = body["content"].as_object_mut()
            {
                known.append(more);
            } else {
                operation["requestBody"] = body;
            }
        }
        operation["responses"] = self.responses(schemas, public, like);
        operation
    }

    /// The parameters that the path names, in its order.
    fn in_path(&self, schemas: &mut Schemas) -> Vec<Value> {
        let names = self
            .path
            .split('/')
            .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
        let describe = |name: &str| {
            let mut parameter = json!({ "name": name, "in": "path", "required": true });
            match self.path_parameters.iter().find(|known| known.name == name) {
                Some(known) => {
                    parameter["description"] = known.description.into();
                    parameter["schema"] = schemas.body(known.schema);
                }
                None => parameter["schema"] = json!({ "type": "string", "minLength": 1 }),
            }
            parameter
        };
        names.map(describe).collect()
    }

    fn responses(&self, schemas: &mut Schemas, public: bool, like: Option<Read>) -> Value {
        let mut errors = self.errors.clone();
        errors.extend([500, 503]);
        if !public {
            errors.push(401);
        }
        if self.query.is_some() {
            errors.extend([400, 422]);
        }
        if !self.bodies.is_empty() {
            errors.extend([400, 408, 413, 415, 422]);
        }
        let mut all = Map::new();
        if let Some(like) = like {
            errors.extend(like.errors);
            for (status, answer) in like.answers {
                all.insert(status.to_string(), answer);
            }
        }
        errors.sort_unstable();
        for answer in &self.answers {
            let schema = answer.schema.map(|schema| schemas.answer(schema));
            let described = responses::success(answer.description, &[], schema);
            all.insert(answer.status.to_string(), described);
        }
        for status in errors {
            all.insert(status.to_string(), responses::error(status));
        }
        all.into()
    }
}

impl Like {
    fn read(self, schemas: &mut Schemas, registry: &Registry, info: &Info<'_>) -> Read {
        let (Self::Row(endpoint) | Self::List(endpoint)) = self;
        let Some(r) = registry.get(endpoint) else {
            panic!("a route is described as one of `{endpoint}`, which is not registered");
        };
        match self {
            Self::Row(_) => Read::row(r, info, schemas),
            Self::List(_) => Read::list(r, info, schemas),
        }
    }
}

fn subschema<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}
