//! The page: HTML around the files from `web/`.

use std::fmt::Write as _;

use crate::document::Document;

mod escape;
mod packed;
mod small;

#[cfg(test)]
mod tests;

/// The page's program; `web/` says how it is built.
pub const APP_JS: &str = include_str!("../../web/dist/app.js");
/// The page's style sheet.
pub const APP_CSS: &str = include_str!("../../web/dist/app.css");

/// The kinds of page.
#[derive(Debug, Clone, Copy)]
pub enum Page<'a> {
    /// The list of studies. It fetches data from the coordinator that served it.
    List,
    /// Studies beside each other; the address names them.
    Compare,
    /// A new study.
    New,
    /// A study in progress. It fetches data from the coordinator that served it.
    Live {
        /// The study's name.
        study: &'a str,
    },
    /// An address where there is nothing.
    Missing {
        /// What is not there.
        said: &'a str,
    },
    /// A study in one self-contained file.
    Report(&'a Document),
}

/// The page's HTML. A live page loads `/assets/app.js` and `/assets/app.css` from its server; a report
/// contains both and its document.
pub fn html(page: Page) -> String {
    let (title, mode) = match page {
        Page::List => ("Kindling", serde_json::json!({"mode": "list"})),
        Page::Compare => ("Compare · Kindling", serde_json::json!({"mode": "compare"})),
        Page::New => ("New study · Kindling", serde_json::json!({"mode": "new"})),
        Page::Missing { said } => {
            ("Not found · Kindling", serde_json::json!({"mode": "missing", "said": said}))
        }
        Page::Live { study } => (study, serde_json::json!({"mode": "live", "study": study})),
        Page::Report(document) => {
            (document.study.name.as_str(), serde_json::json!({"mode": "report"}))
        }
    };
    let (looks, program) = match page {
        Page::List | Page::Compare | Page::New | Page::Live { .. } | Page::Missing { .. } => (
            r#"<link rel="stylesheet" href="/assets/app.css">"#.to_owned(),
            r#"<script src="/assets/app.js"></script>"#.to_owned(),
        ),
        Page::Report(document) => (
            format!("<style>{}</style>", escape::style(APP_CSS)),
            format!("{}<script>{}</script>", packed::document(document), escape::script(APP_JS)),
        ),
    };
    let mut html = String::new();
    let _ = write!(
        html,
        r#"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="icon" href="data:,">
{looks}
</head>
<body>
<noscript>This page shows its figures and tables with JavaScript, which is switched off.</noscript>
<script type="application/json" id="kindling">{mode}</script>
{program}
</body>
</html>
"#,
        title = escape::text(title),
        mode = escape::json(&mode.to_string()),
    );
    html
}
