//! The entity's `policy.rs`: a safe beginning, which its developer then makes their own. Pure.

use crate::{entity::EntityPlan, names::capital};

/// The whole file. `is_admin` is the path of the application's function of a principal.
pub(crate) fn policy(plan: &EntityPlan, is_admin: &str) -> String {
    let EntityPlan { entity, table, .. } = plan;
    let many = plan.plural();
    let (path, function) = is_admin.rsplit_once("::").unwrap_or(("crate", is_admin));
    let import = match path.strip_prefix("crate::") {
        Some(module) => format!("use crate::{{{module}::{function}, schema::{table}}};"),
        None => format!("use crate::{{{function}, schema::{table}}};"),
    };
    format!(
        "//! Who may see and change {many}.\n\n\
         use crud_core::prelude::*;\n\n\
         {import}\n\n\
         /// {Many} are read by whoever is signed in; administrators write them.\n\
         pub struct {entity}Policy;\n\n\
         impl Policy<{table}::table> for {entity}Policy {{\n\
             fn scope(principal: &Principal, action: Action) -> Scope<{table}::table> {{\n\
                 if action.is_read() {{\n\
                     return Scope::when(!principal.is_anonymous());\n\
                 }}\n\
                 Scope::when({function}(principal))\n\
                     .or_forbidden(\"Only administrators can change {many}\")\n\
             }}\n\
         }}\n",
        Many = capital(&many),
    )
}
