//! Comparing what came with what was expected.

use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// What `$name` stands for so far.
#[derive(Clone, Debug, Default)]
pub struct Captures(BTreeMap<String, Value>);

impl Captures {
    /// Whether a value is as expected; takes what the expectation names for the first time. On
    /// failure says where in the value the difference is.
    pub fn matches(&mut self, expected: &Value, came: &Value) -> Result<(), String> {
        match (expected, came) {
            (Value::String(pattern), _) if pattern == "*" => Ok(()),
            (Value::String(pattern), _) if name_of(pattern).is_some() => {
                let name = name_of(pattern).unwrap_or_default();
                match self.0.get(name) {
                    Some(taken) if taken == came => Ok(()),
                    Some(taken) => Err(format!("${name} is {taken}, and {came} came")),
                    None => {
                        self.0.insert(name.into(), came.clone());
                        Ok(())
                    }
                }
            }
            (Value::Object(expected), Value::Object(came)) => self.objects(expected, came),
            (Value::Array(expected), Value::Array(came)) => {
                if expected.len() != came.len() {
                    return Err(format!("{} in the list, not {}", came.len(), expected.len()));
                }
                let mut pairs = expected.iter().zip(came).enumerate();
                pairs.try_for_each(|(at, (expected, came))| {
                    self.matches(expected, came).map_err(|why| format!("[{at}] {why}"))
                })
            }
            _ if expected == came => Ok(()),
            _ => Err(format!("{came} is not {expected}")),
        }
    }

    fn objects(
        &mut self,
        expected: &Map<String, Value>,
        came: &Map<String, Value>,
    ) -> Result<(), String> {
        let more = expected.get("...").is_some_and(|value| value == "...");
        for (key, expected) in expected.iter().filter(|(key, _)| !more || *key != "...") {
            let came = came.get(key).ok_or_else(|| format!("{key} is missing"))?;
            self.matches(expected, came).map_err(|why| format!("{key}: {why}"))?;
        }
        match came.keys().find(|key| !more && !expected.contains_key(*key)) {
            Some(key) => Err(format!("{key} was not expected")),
            None => Ok(()),
        }
    }

    /// Puts what was taken in the place of each `$name`: strings as they are, all else as JSON.
    pub fn fill(&self, text: &str) -> Result<String, String> {
        let mut filled = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find('$') {
            let (before, after) = rest.split_at(at);
            let end = after[1..].find(|c| !is_word(c)).map_or(after.len(), |end| end + 1);
            filled.push_str(before);
            match (&after[1..end], self.0.get(&after[1..end])) {
                ("", _) => filled.push('$'),
                (_, Some(Value::String(text))) => filled.push_str(text),
                (_, Some(value)) => filled.push_str(&value.to_string()),
                (name, None) => return Err(format!("nothing was taken for ${name} before")),
            }
            rest = &after[end..];
        }
        filled.push_str(rest);
        Ok(filled)
    }
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// The name in `$name`.
fn name_of(pattern: &str) -> Option<&str> {
    pattern.strip_prefix('$').filter(|name| !name.is_empty() && name.chars().all(is_word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn compares_but_for_what_may_be_anything() {
        let mut captures = Captures::default();
        let mut same = |expected: Value, came: Value| captures.matches(&expected, &came);
        assert_eq!(same(json!({"a":"*","b":[1,"$x"]}), json!({"b":[1,7],"a":{}})), Ok(()));
        assert_eq!(same(json!("$x"), json!(7)), Ok(()));
        assert_eq!(same(json!({"a":1,"...":"..."}), json!({"a":1,"b":2})), Ok(()));
        assert_eq!(
            same(json!({"a":["$x"]}), json!({"a":[8]})).unwrap_err(),
            "a: [0] $x is 7, and 8 came"
        );
        assert_eq!(same(json!({"a":1}), json!({"a":1,"b":2})).unwrap_err(), "b was not expected");
        assert_eq!(same(json!({"a":1,"...":"..."}), json!({})).unwrap_err(), "a is missing");
        assert_eq!(same(json!([1, 2]), json!([1])).unwrap_err(), "1 in the list, not 2");
        assert!(same(json!(1), json!("1")).is_err());
    }

    #[test]
    fn fills_in_what_was_taken() {
        let mut captures = Captures::default();
        captures.matches(&json!(["$id", "$t"]), &json!([5, "~x"])).unwrap();
        assert_eq!(captures.fill("send $t after=$id, $ 5").unwrap(), "send ~x after=5, $ 5");
        assert!(captures.fill("$ids").is_err());
    }
}
