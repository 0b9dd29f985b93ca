//! Every node of a record, and the record with another value there.

use serde_json::Value;

/// One step into a value.
#[derive(Clone, Debug)]
pub enum Step {
    Name(String),
    Index(usize),
    /// Into the JSON that a text is.
    Inside,
}

/// A value inside a record.
pub struct Node {
    pub path: Vec<Step>,
    pub value: Value,
}

impl Node {
    /// Whether it names something.
    pub fn is_id(&self) -> bool {
        let name = match self.path.last() {
            Some(Step::Name(name)) => name.as_str(),
            _ => "",
        };
        self.value.is_string() && (name == "id" || name.ends_with("_id"))
    }
}

/// All values inside a record, those in texts that are JSON too.
pub fn nodes(record: &Value) -> Vec<Node> {
    let mut found = Vec::new();
    walk(record, &mut Vec::new(), &mut found);
    found
}

fn walk(value: &Value, path: &mut Vec<Step>, found: &mut Vec<Node>) {
    if !path.is_empty() {
        found.push(Node { path: path.clone(), value: value.clone() });
    }
    let mut into = |step: Step, value: &Value| {
        path.push(step);
        walk(value, path, found);
        path.pop();
    };
    match value {
        Value::Object(fields) => {
            fields.iter().for_each(|(name, value)| into(Step::Name(name.clone()), value));
        }
        Value::Array(elements) => {
            elements.iter().enumerate().for_each(|(index, value)| into(Step::Index(index), value));
        }
        Value::String(text) => {
            if let Some(inner) = inner(text) {
                into(Step::Inside, &inner);
            }
        }
        _ => {}
    }
}

fn inner(text: &str) -> Option<Value> {
    let value: Value = serde_json::from_str(text).ok()?;
    (value.is_object() || value.is_array()).then_some(value)
}

/// The record as JSON, with other JSON in the place that the path leads to.
pub fn render(value: &Value, path: &[Step], json: &str) -> String {
    let Some((step, rest)) = path.split_first() else { return json.to_string() };
    match (value, step) {
        (Value::Object(fields), Step::Name(at)) => {
            let fields: Vec<String> = fields
                .iter()
                .map(|(name, value)| {
                    let json =
                        if name == at { render(value, rest, json) } else { value.to_string() };
                    format!("{}:{json}", Value::from(name.as_str()))
                })
                .collect();
            format!("{{{}}}", fields.join(","))
        }
        (Value::Array(elements), Step::Index(at)) => {
            let render = |(index, value): (usize, &Value)| match index == *at {
                true => render(value, rest, json),
                false => value.to_string(),
            };
            format!("[{}]", elements.iter().enumerate().map(render).collect::<Vec<_>>().join(","))
        }
        (Value::String(text), Step::Inside) => {
            let inner = inner(text).expect("a text that is JSON");
            Value::from(render(&inner, rest, json)).to_string()
        }
        _ => panic!("a path that leads nowhere"),
    }
}

/// An array of that many elements like the first one, no two of them with the same texts.
pub fn repeated(elements: &[Value], count: usize) -> String {
    let text = serde_json::json!({"type": "input_text", "text": "more"});
    let first = elements.first().unwrap_or(&text);
    let all: Vec<String> = (0..count).map(|index| numbered(first, index).to_string()).collect();
    format!("[{}]", all.join(","))
}

fn numbered(value: &Value, index: usize) -> Value {
    match value {
        Value::String(text) => format!("{text} {index}").into(),
        Value::Object(fields) => {
            let is_said = |name: &str| matches!(name, "text" | "step" | "path" | "id" | "call_id");
            let number = |(name, value): (&String, &Value)| {
                let value = if is_said(name) { numbered(value, index) } else { value.clone() };
                (name.clone(), value)
            };
            Value::Object(fields.iter().map(number).collect())
        }
        other => other.clone(),
    }
}
