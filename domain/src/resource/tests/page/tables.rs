// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! From a type that is sent to a table of its fields: their names and types as they are serialised, and as their source
//! what their doc comments say.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::Value;

/// A table of a type's fields, and one for each type within it.
pub(super) fn of<T: JsonSchema>(title: &str) -> String {
    let generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    let schema = generator.into_root_schema_for::<T>();
    let schema = schema.as_value();
    let mut shown = Vec::new();
    let mut page = table(title, schema, &mut shown);
    let mut next = 0;
    while let Some(name) = shown.get(next).cloned() {
        next += 1;
        let heading = format!("{title} {}", name.to_lowercase());
        let inner = table(title, &schema["$defs"][&name], &mut shown);
        page += &format!("\n#### {heading}\n\n{inner}");
    }
    page
}

/// The fields of one type; types within it are added to `shown` when they aren't there.
fn table(title: &str, schema: &Value, shown: &mut Vec<String>) -> String {
    let required = schema["required"].as_array().cloned().unwrap_or_default();
    let fields = schema["properties"].as_object().expect("it has fields");
    // By name, whatever order the features of other crates give a map.
    let mut names: Vec<&String> = fields.keys().collect();
    names.sort();
    let mut table = "| field | type | there | source |\n|---|---|---|---|\n".to_owned();
    for name in names {
        let field = &fields[name];
        let there = if required.contains(&Value::from(name.as_str())) {
            "always"
        } else {
            "if any"
        };
        let source = field["description"].as_str().unwrap_or_default();
        let source = source.split_whitespace().collect::<Vec<_>>().join(" ");
        let one = of_type(title, field, shown).one;
        table += &format!("| `{name}` | {one} | {there} | {source} |\n");
    }
    table
}

/// A type in words: one of it, and several.
struct Words {
    one: String,
    several: String,
}

fn words(one: impl Into<String>, several: impl Into<String>) -> Words {
    Words {
        one: one.into(),
        several: several.into(),
    }
}

fn of_type(title: &str, schema: &Value, shown: &mut Vec<String>) -> Words {
    if let Some(reference) = schema["$ref"].as_str() {
        let name = reference.rsplit('/').next().expect("a reference has a name");
        if !shown.iter().any(|known| known == name) {
            shown.push(name.to_owned());
        }
        let name = name.to_lowercase();
        let link = format!("[{name}](#{}-{name})", title.to_lowercase());
        return words(link.clone(), link);
    }
    if let Some(choices) = schema["anyOf"].as_array() {
        let mut real = choices.iter().filter(|choice| choice["type"] != "null");
        let (first, none) = (real.next(), real.next());
        assert!(none.is_none(), "a choice between types has no words yet: {schema}");
        return of_type(title, first.expect("a choice"), shown);
    }
    let kind = match &schema["type"] {
        Value::Array(kinds) => kinds.iter().find(|kind| *kind != "null").and_then(Value::as_str),
        kind => kind.as_str(),
    };
    match kind {
        Some("string") => words("text", "texts"),
        Some("integer") => words("number", "numbers"),
        Some("boolean") => words("true or false", "?"),
        Some("array") => {
            let several = of_type(title, &schema["items"], shown).several;
            words(format!("list of {several}"), "?")
        }
        Some("object") if schema["additionalProperties"]["type"] == "string" => words("map of texts", "?"),
        other => panic!("a type that has no words yet: {other:?} in {schema}"),
    }
}
