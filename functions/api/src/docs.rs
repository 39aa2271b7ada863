//! `GET /docs`: the description of the API as one page to read. No script, nothing from anywhere else.

use std::fmt::Write as _;

use axum::http::header::CONTENT_SECURITY_POLICY;
use axum::response::{Html, IntoResponse};
use serde_json::{Map, Value};

use crate::error::Problem;
use crate::openapi::DOCUMENT;

/// How the page looks.
const STYLE: &str = include_str!("docs.css");

/// Styles of its own and nothing else.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'";

/// The API's description to read
#[utoipa::path(
    get, path = "/docs", operation_id = "getDocs", tag = "service",
    responses((status = 200, description = "A page.", body = String, content_type = "text/html")),
    security(()),
)]
pub async fn handle() -> Result<impl IntoResponse, Problem> {
    let document = serde_json::from_str(DOCUMENT).map_err(|_| Problem::internal())?;
    Ok(([(CONTENT_SECURITY_POLICY, POLICY)], Html(page(&document))))
}

/// The page of a document.
fn page(document: &Value) -> String {
    let mut page = Page { document, html: String::new() };
    page.write();
    page.html
}

struct Page<'a> {
    document: &'a Value,
    html: String,
}

impl Page<'_> {
    fn write(&mut self) {
        let info = &self.document["info"];
        let title = text(&info["title"]);
        self.add(&format!(
            "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width\"><title>{title}</title>\
             <style>{STYLE}</style></head><body><main><h1>{title}</h1><p>{}</p>\
             <p>For programs: <a href=\"openapi.json\">openapi.json</a></p>",
            text(&info["description"])
        ));
        let tags: &[Value] = array(&self.document["tags"]);
        self.add("<nav><ul>");
        for tag in tags {
            let name = text(&tag["name"]);
            self.add(&format!("<li><a href=\"#{name}\">{name}</a></li>"));
        }
        self.add("<li><a href=\"#shapes\">shapes</a></li></ul></nav>");
        for tag in tags {
            self.tag(tag);
        }
        self.add("<h2 id=\"shapes\">Shapes</h2>");
        for (name, schema) in object(&self.document["components"]["schemas"]) {
            let name = escaped(name);
            self.add(&format!("<h3 id=\"shape-{name}\">{name}</h3><p>{}</p>", text(&schema["description"])));
            self.shape(schema);
        }
        self.add("</main></body></html>");
    }

    fn tag(&mut self, tag: &Value) {
        let name = text(&tag["name"]);
        self.add(&format!("<h2 id=\"{name}\">{name}</h2><p>{}</p>", text(&tag["description"])));
        for (path, methods) in object(&self.document["paths"]) {
            for (method, operation) in object(methods) {
                if array(&operation["tags"]).contains(&tag["name"]) {
                    self.operation(path, method, operation);
                }
            }
        }
    }

    fn operation(&mut self, path: &str, method: &str, operation: &Value) {
        let lock = if operation.get("security").is_some() { "" } else { " <span class=\"lock\">key</span>" };
        self.add(&format!(
            "<section><h3 id=\"{}\"><b class=\"{method}\">{}</b> <code>{}</code>{lock}</h3><p>{}</p><p>{}</p>",
            text(&operation["operationId"]),
            method.to_uppercase(),
            escaped(path),
            text(&operation["summary"]),
            text(&operation["description"])
        ));
        let parameters = array(&operation["parameters"]);
        if !parameters.is_empty() {
            self.add("<h4>Parameters</h4><table>");
            for parameter in parameters {
                let required = if parameter["required"] == true { "required" } else { "" };
                self.row([
                    &format!("<code>{}</code>", text(&parameter["name"])),
                    &format!("{} {required}", text(&parameter["in"])),
                    &kind(&parameter["schema"]),
                    &text(&parameter["description"]),
                ]);
            }
            self.add("</table>");
        }
        if let Some(body) = operation.pointer("/requestBody/content/application~1json/schema") {
            self.add(&format!("<h4>Body</h4><p>{}</p>", kind(body)));
        }
        self.add("<h4>Answers</h4><table>");
        for (status, response) in object(&operation["responses"]) {
            let content = object(&response["content"]).next();
            let shape = content.map_or_else(String::new, |(_, content)| kind(&content["schema"]));
            self.row([
                &format!("<code>{}</code>", escaped(status)),
                &shape,
                &text(&response["description"]),
                "",
            ]);
        }
        self.add("</table></section>");
    }

    fn shape(&mut self, schema: &Value) {
        for part in array(&schema["allOf"]) {
            if part.get("$ref").is_some() {
                self.add(&format!("<p>Everything of {}, and:</p>", kind(part)));
            } else {
                self.shape(part);
            }
        }
        if schema.get("properties").is_none() {
            if schema.get("allOf").is_none() {
                self.add(&format!("<p>{}</p>", kind(schema)));
            }
            return;
        }
        let required = array(&schema["required"]);
        self.add("<table>");
        for (name, property) in object(&schema["properties"]) {
            let always = required.iter().any(|required| required == name.as_str());
            self.row([
                &format!("<code>{}</code>", escaped(name)),
                if always { "always" } else { "" },
                &kind(property),
                &text(&property["description"]),
            ]);
        }
        self.add("</table>");
    }

    fn row(&mut self, cells: [&str; 4]) {
        self.add("<tr>");
        for cell in cells {
            self.add(&format!("<td>{cell}</td>"));
        }
        self.add("</tr>");
    }

    fn add(&mut self, html: &str) {
        self.html.push_str(html);
    }
}

/// What a value is, in few words, with a link where it has a name.
fn kind(schema: &Value) -> String {
    if let Some(name) = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next()) {
        let name = escaped(name);
        return format!("<a href=\"#shape-{name}\">{name}</a>");
    }
    for choices in ["oneOf", "anyOf", "allOf"] {
        if let Some(choices) = schema[choices].as_array() {
            return choices.iter().map(kind).collect::<Vec<_>>().join(" or ");
        }
    }
    if let Some(values) = schema["enum"].as_array() {
        let words: Vec<String> = values.iter().map(|value| format!("<code>{}</code>", text(value))).collect();
        return words.join(" or ");
    }
    let types: Vec<String> = match &schema["type"] {
        Value::Array(types) => types.iter().map(text).collect(),
        one => vec![text(one)],
    };
    let mut kind = types.join(" or ");
    if schema.get("items").is_some() {
        let _ = write!(kind, " of {}", self::kind(&schema["items"]));
    }
    for (name, word) in [("format", ""), ("pattern", "pattern "), ("minimum", "from "), ("maximum", "to ")] {
        if let Some(value) = schema.get(name) {
            let _ = write!(kind, ", {word}<code>{}</code>", text(value));
        }
    }
    kind
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => with_code(&escaped(text)),
        other => escaped(&other.to_string()),
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// Words between backticks as code.
fn with_code(text: &str) -> String {
    text.split('`').enumerate().fold(String::new(), |mut html, (index, part)| {
        let _ = if index % 2 == 1 { write!(html, "<code>{part}</code>") } else { write!(html, "{part}") };
        html
    })
}

fn array(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn object(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    static EMPTY: std::sync::LazyLock<Map<String, Value>> = std::sync::LazyLock::new(Map::new);
    value.as_object().unwrap_or(&EMPTY).iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_and_every_shape_is_on_the_page_and_every_link_leads_somewhere() {
        let document: Value = serde_json::from_str(DOCUMENT).unwrap();
        let page = page(&document);
        for (path, methods) in object(&document["paths"]) {
            assert!(page.contains(&format!("<code>{path}</code>")), "{path}");
            for (_, operation) in object(methods) {
                let id = operation["operationId"].as_str().unwrap();
                assert!(page.contains(&format!("id=\"{id}\"")), "{id}");
            }
        }
        for link in page.split("href=\"#").skip(1) {
            let target = link.split('"').next().unwrap();
            assert!(page.contains(&format!("id=\"{target}\"")), "{target}");
        }
        assert!(
            page.len() < 500_000,
            "a function's answer is under 6 MB, a page to read under a tenth of it"
        );
    }

    #[test]
    fn the_page_needs_nothing_from_elsewhere_and_runs_nothing() {
        let page = page(&serde_json::from_str(DOCUMENT).unwrap());
        for needed in ["<script", "src=", "<link", "@import", "url(", "http://", "https://"] {
            assert!(!page.contains(needed), "{needed}");
        }
    }

    #[test]
    fn what_the_document_says_is_text() {
        assert_eq!(text(&"a <b> & `c<d`".into()), "a &lt;b&gt; &amp; <code>c&lt;d</code>");
    }
}
