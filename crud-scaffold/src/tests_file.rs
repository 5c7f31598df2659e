//! The entity's own test: who may do what, its limits, its unique fields. Pure.
//!
//! Bodies come from the conformance suite, which makes parent rows too, so no value is written by hand. The rest of
//! the contract is tested by the suite itself.

use std::fmt::Write as _;

use crate::{
    entity::EntityPlan,
    field::{Field, FieldType},
    has_many::HasMany,
    names::capital,
};

/// The whole file.
pub(crate) fn tests(plan: &EntityPlan) -> String {
    let EntityPlan { endpoint, .. } = plan;
    let (one, many) = (plan.singular(), plan.plural());
    let snake = &plan.table;
    let limits = limits(plan);
    let unique: Vec<_> = plan.fields.iter().filter(|field| field.unique).collect();
    let json = if limits.is_empty() {
        "::json"
    } else {
        "::{Value, json}"
    };
    let mut rust = format!(
        "//! {}: who may read and change them, and their limits.\n\n\
         use crud_core::testing::on_both;\n\
         use serde_json{json};\n\
         use tests::TestApp;\n\n\
         use crate::{{conformance::suite, steps::made}};\n\n\
         on_both! {{\n    \
             async fn who_is_signed_in_reads_{snake}_and_administrators_write_them(app: TestApp) {{\n        \
                 let body = suite(&app).body(\"{endpoint}\").await;\n        \
                 let others = app.admin().get(\"/{endpoint}\").await.is(200).total();\n        \
                 let path = made(&app.admin(), \"/{endpoint}\", body.clone()).await;\n        \
                 app.student().get(&path).await.is(200);\n        \
                 assert_eq!(app.student().get(\"/{endpoint}\").await.is(200).total(), others + 1);\n        \
                 app.anonymous().get(&path).await.is_problem(401, \"unauthenticated\");\n        \
                 app.anonymous().get(\"/{endpoint}\").await.is_problem(401, \"unauthenticated\");\n        \
                 let new = app.student().post(\"/{endpoint}\", body).await;\n        \
                 new.is_problem(403, \"forbidden\").says(\"Only administrators can change {many}\");\n        \
                 app.instructor().patch(&path, json!({{}})).await.is_problem(403, \"forbidden\");\n        \
                 app.student().delete(&path).await.is_problem(403, \"forbidden\");\n        \
                 app.admin().patch(&path, json!({{}})).await.is(200);\n        \
                 app.admin().delete(&path).await.is(204);\n        \
                 app.admin().get(&path).await.is_problem(404, \"not_found\");\n    \
             }}\n",
        capital(&many),
    );
    if !limits.is_empty() {
        let _ = write!(
            rust,
            "\n    async fn the_limits_of_{article}_{module}_are_kept(app: TestApp) {{\n        \
                 let body = suite(&app).body(\"{endpoint}\").await;\n        \
                 let path = made(&app.admin(), \"/{endpoint}\", body.clone()).await;\n        \
                 let wrong: [(&str, Value); {count}] = [\n{limits}        ];\n        \
                 for (field, value) in wrong {{\n            \
                     let mut new = body.clone();\n            \
                     new[field] = value.clone();\n            \
                     let named = format!(\"/{{field}}\");\n            \
                     let new = app.admin().post(\"/{endpoint}\", new).await;\n            \
                     new.is_problem(422, \"invalid\").names(&[&named]);\n            \
                     let change = app.admin().patch(&path, json!({{field: value}})).await;\n            \
                     change.is_problem(422, \"invalid\").names(&[&named]);\n        \
                 }}\n    \
             }}\n",
            article = crate::names::article(&one),
            module = plan.module,
            count = limits.lines().count(),
        );
    }
    if let Some(field) = plan.fields.iter().find(|field| field.words) {
        rust.push_str(&found_by_words(plan, field));
    }
    for (relation, child) in plan.children() {
        rust.push_str(&held(plan, relation, child));
    }
    for field in unique {
        rust.push_str(&taken_once(plan, field));
    }
    rust.push_str("}\n");
    rust
}

/// One line for each value that is refused.
fn limits(plan: &EntityPlan) -> String {
    let mut lines = String::new();
    for field in &plan.fields {
        let column = field.column();
        let (least, most) = field.lengths();
        if least.is_some() {
            let _ = writeln!(lines, "            (\"{column}\", json!(\" \")),");
        }
        if let Some(most) = most {
            let _ = writeln!(
                lines,
                "            (\"{column}\", json!(\"x\".repeat({}))),",
                most + 1
            );
        }
        if let FieldType::Decimal { scale, .. } = field.kind {
            let _ = writeln!(
                lines,
                "            (\"{column}\", json!(\"0.{}1\")),",
                "0".repeat(scale.into())
            );
        }
        if matches!(field.kind, FieldType::Enum(_)) {
            let _ = writeln!(
                lines,
                "            (\"{column}\", json!(\"no such {column}\")),"
            );
        }
        if !field.nullable() {
            let _ = writeln!(lines, "            (\"{column}\", Value::Null),");
        }
    }
    lines
}

fn found_by_words(plan: &EntityPlan, field: &Field) -> String {
    let EntityPlan { endpoint, .. } = plan;
    format!(
        "\n    async fn {table}_are_found_by_their_words(app: TestApp) {{\n        \
             let mut body = suite(&app).body(\"{endpoint}\").await;\n        \
             body[\"{column}\"] = json!(\"Seven swift foxes\");\n        \
             let path = made(&app.admin(), \"/{endpoint}\", body).await;\n        \
             let found = async |q: &str| {{\n            \
                 let path = format!(\"/{endpoint}?q={{q}}\");\n            \
                 app.student().get(&path).await.is(200).total()\n        \
             }};\n        \
             assert_eq!(found(\"SWIFT%20fox*\").await, 1);\n        \
             assert_eq!(found(\"swift%20-foxes\").await, 0);\n        \
             let change = json!({{\"{column}\": \"One slow worm\"}});\n        \
             app.admin().patch(&path, change).await.is(200);\n        \
             assert_eq!(found(\"swift\").await, 0);\n        \
             assert_eq!(found(\"worm\").await, 1);\n    \
         }}\n",
        table = plan.table,
        column = field.column()
    )
}

/// A row of the other entity is given its reference, and is found within the row that it refers to.
fn held(plan: &EntityPlan, relation: &HasMany, child: &EntityPlan) -> String {
    let EntityPlan {
        endpoint, module, ..
    } = plan;
    let name = &relation.name;
    let columns = child.fields.iter().map(Field::column);
    let tests = columns.map(|column| {
        format!(
            "\n    async fn {article}_{module}_holds_its_{name}(app: TestApp) {{\n        \
                 let suite = suite(&app);\n        \
                 let path = made(&app.admin(), \"/{endpoint}\", suite.body(\"{endpoint}\").await).await;\n        \
                 let id = app.admin().get(&path).await.is(200)[\"id\"].clone();\n        \
                 let mut body = suite.body(\"{others}\").await;\n        \
                 body[\"{column}\"] = id.clone();\n        \
                 let other = made(&app.admin(), \"/{others}\", body).await;\n        \
                 let other_row = app.admin().get(&other).await.is(200);\n        \
                 assert_eq!(other_row[\"{column}\"], id);\n        \
                 let whole = format!(\"{{path}}?include={name}\");\n        \
                 let held = app.admin().get(&whole).await.is(200);\n        \
                 assert_eq!(held[\"{name}\"].as_array().map(Vec::len), Some(1));\n        \
                 assert_eq!(held[\"{name}\"][0][\"id\"], other_row[\"id\"]);\n        \
                 app.admin().patch(&other, json!({{\"{column}\": null}})).await.is(200);\n        \
                 assert_eq!(app.admin().get(&whole).await.is(200)[\"{name}\"], json!([]));\n    \
             }}\n",
            article = crate::names::article(&plan.singular()),
            others = child.endpoint,
        )
    });
    tests.collect()
}

fn taken_once(plan: &EntityPlan, field: &Field) -> String {
    let EntityPlan {
        endpoint, module, ..
    } = plan;
    let column = field.column();
    format!(
        "\n    async fn the_{column}_of_{article}_{module}_is_taken_once(app: TestApp) {{\n        \
             let suite = suite(&app);\n        \
             let first = suite.body(\"{endpoint}\").await;\n        \
             let path = made(&app.admin(), \"/{endpoint}\", first.clone()).await;\n        \
             let mut second = suite.body(\"{endpoint}\").await;\n        \
             second[\"{column}\"] = first[\"{column}\"].clone();\n        \
             let taken = app.admin().post(\"/{endpoint}\", second.clone()).await;\n        \
             taken.is_problem(409, \"unique\").names(&[\"/{column}\"]);\n        \
             app.admin().patch(&format!(\"{{path}}/archive\"), json!({{}})).await.is(200);\n        \
             app.admin().post(\"/{endpoint}\", second).await.is(201);\n    \
         }}\n",
        article = crate::names::article(&plan.singular()),
    )
}
