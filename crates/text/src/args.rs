//! A request's parameters, read by its verb's row.

use super::row::{Param, Row};
use crate::Dialect;
use antar_domain::{MAX_PAGE, Page, Stretch, Word};
use antar_types::{Code, ConversationName, Secret, words};

/// Most positional words of any verb, and most options.
pub(crate) const MOST: usize = 7;

/// How many messages of a conversation are told where no number is asked for.
pub(super) const UNASKED: usize = 100;

/// The parameters of one request: words by position, a text at the end, options by name.
#[derive(Clone, Copy, Debug)]
pub struct Args<'a> {
    words: [&'a str; MOST],
    options: [Option<&'a str>; MOST],
    verb: &'static Row,
    /// The dialect of the request.
    pub dialect: Dialect,
    /// What follows the words: options, and words past those that the verb takes.
    past: &'a str,
    /// The rest of the line where the verb takes one; may be empty only where it is optional.
    pub text: &'a str,
    /// Whether a `:` led to the text, where it may be missing.
    colon: bool,
}

impl<'a> Args<'a> {
    /// Reads what follows the verb (and the token). Words past those the verb takes are ignored,
    /// but an option it does not know is an error.
    ///
    /// # Errors
    /// [`Code::BadParameters`] where something is missing or unknown.
    pub fn parse(verb: &'static Row, dialect: Dialect, line: &'a str) -> Result<Self, Code> {
        let (words, options) = ([""; MOST], [None; MOST]);
        let mut args = Self { words, options, verb, dialect, past: "", text: "", colon: false };
        let mut rest = line;
        for (i, param) in verb.params.iter().enumerate() {
            match param {
                Param::Word(_) => (args.words[i], rest) = words::first(rest),
                Param::Text(_) | Param::Maybe(_) => (args.text, rest) = (words::trim(rest), ""),
                Param::Colon(_) | Param::MaybeAfterColon(_) => {
                    (rest, args.text) = words::at_colon(rest).ok_or(Code::BadParameters)?;
                }
                Param::MaybeColon(_) => match words::at_colon(rest) {
                    Some((before, text)) => (rest, args.text, args.colon) = (before, text, true),
                    None => only_options(rest)?,
                },
            }
            let missing = match param {
                Param::Word(_) => args.words[i].is_empty(),
                Param::Text(_) | Param::Colon(_) => args.text.is_empty(),
                Param::Maybe(_) | Param::MaybeAfterColon(_) | Param::MaybeColon(_) => false,
            };
            if missing {
                return Err(Code::BadParameters);
            }
        }
        args.past = rest;
        args.read_options(words::trim(rest))?;
        Ok(args)
    }

    fn read_options(&mut self, mut rest: &'a str) -> Result<(), Code> {
        let options = self.verb.options;
        let known = |key: &str| options.iter().position(|option| is_called(option, key));
        while !rest.is_empty() {
            let (word, mut after) = words::first(rest);
            if let Some((key, value)) = words::option(word) {
                let at = known(key).ok_or(Code::BadParameters)?;
                let is_password = options[at].ends_with("=P");
                // A password keeps its blanks: it goes on to the next option, or to the end.
                while is_password && !after.is_empty() {
                    let (word, next) = words::first(after);
                    if words::option(word).is_some_and(|(key, _)| known(key).is_some()) {
                        break;
                    }
                    after = next;
                }
                let password = &rest[word.len() - value.len()..rest.len() - after.len()];
                self.options[at] = Some(if is_password { words::trim(password) } else { value });
            }
            rest = after;
        }
        Ok(())
    }

    /// The word at a position of the verb's row.
    pub fn word(&self, position: usize) -> &'a str {
        self.words[position]
    }

    /// The group named at a position, which may be written as a conversation is: `#staff`.
    pub fn group(&self, position: usize) -> Word {
        group(self.word(position))
    }

    /// The value of an option.
    pub fn option(&self, key: &str) -> Option<&'a str> {
        let given = self.verb.options.iter().zip(&self.options);
        let mut given = given.filter_map(|(option, value)| Some((option, (*value)?)));
        given.find(|(option, _)| is_called(option, key)).map(|(_, value)| value)
    }

    /// What follows a prefix in a word past those that the verb takes. Servers of the first version ignore
    /// such a word, where an option that they do not know is an error.
    pub fn prefixed(&self, prefix: &str) -> Option<&'a str> {
        words::all(self.past).find_map(|word| word.strip_prefix(prefix))
    }

    /// The rest of the line as a secret.
    pub fn secret(&self) -> Secret<String> {
        Secret::new(self.text.into())
    }

    /// The rest of the line as a secret, where there is any.
    pub fn maybe_secret(&self) -> Option<Secret<String>> {
        (!self.text.is_empty()).then(|| self.secret())
    }

    /// The text after a `:`, where there is one; it may be empty.
    pub fn maybe_text(&self) -> Option<&'a str> {
        self.colon.then_some(self.text)
    }

    /// The number that the rest of the line is, where there is any.
    ///
    /// # Errors
    /// [`Code::BadParameters`] where it is none.
    pub fn maybe_number(&self) -> Result<Option<u64>, Code> {
        Some(self.text).filter(|text| !text.is_empty()).map(number).transpose()
    }

    /// What an option says, `yes` or `no` in any case.
    ///
    /// # Errors
    /// [`Code::BadParameters`] where it says something else.
    pub fn yes_or_no(&self, key: &str) -> Result<Option<bool>, Code> {
        let read = |word: &str| match word {
            word if word.eq_ignore_ascii_case("yes") => Some(true),
            word if word.eq_ignore_ascii_case("no") => Some(false),
            _ => None,
        };
        self.optional(key, read)
    }

    /// The page asked for with `after=`, `before=` and `limit=`.
    ///
    /// # Errors
    /// [`Code::BadParameters`] where one is no number, or the limit is not 1 to [`MAX_PAGE`].
    pub fn page(&self) -> Result<Page, Code> {
        self.page_of(MAX_PAGE)
    }

    /// The same, with so many where no number is asked for.
    ///
    /// # Errors
    /// As [`Args::page`].
    pub fn page_of(&self, unasked: usize) -> Result<Page, Code> {
        let limit = self.limit(unasked)?;
        Ok(Page { after: self.number("after")?, before: self.number("before")?, limit })
    }

    /// The stretch asked for with `after=`, `before=`, `around=` and `limit=`.
    ///
    /// # Errors
    /// As [`Args::page`], and where `around=` is not alone.
    pub fn stretch(&self) -> Result<Stretch, Code> {
        let page = self.page_of(UNASKED)?;
        match self.number("around")? {
            None => Ok(Stretch::Page(page)),
            Some(id) if (page.after, page.before) == (None, None) => {
                Ok(Stretch::Around { id, limit: page.limit })
            }
            Some(_) => Err(Code::BadParameters),
        }
    }

    /// The conversation that a word names.
    ///
    /// # Errors
    /// [`Code::BadParameters`] where it names none.
    pub fn conversation(&self, position: usize) -> Result<Box<ConversationName>, Code> {
        let name = ConversationName::parse(self.word(position)).ok_or(Code::BadParameters)?;
        Ok(Box::new(name))
    }

    /// The rest of the line as a number.
    ///
    /// # Errors
    /// [`Code::BadParameters`] where its first word is none.
    pub fn text_id(&self) -> Result<u64, Code> {
        number(words::first(self.text).0)
    }

    /// The id at a position.
    ///
    /// # Errors
    /// [`Code::BadParameters`] where it is no number.
    pub fn id(&self, position: usize) -> Result<u64, Code> {
        number(self.word(position))
    }

    /// The value of an option as `parse` reads it.
    ///
    /// # Errors
    /// [`Code::BadParameters`] where that is `None`.
    pub fn optional<T>(
        &self,
        key: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, Code> {
        let parse = |value| parse(value).ok_or(Code::BadParameters);
        self.option(key).map(parse).transpose()
    }

    /// The number that an option gives.
    ///
    /// # Errors
    /// [`Code::BadParameters`] where it is none.
    pub fn number(&self, key: &str) -> Result<Option<u64>, Code> {
        self.option(key).map(number).transpose()
    }

    /// How many are asked for with `limit=`, and so many where no number is.
    ///
    /// # Errors
    /// [`Code::BadParameters`] where it is not 1 to [`MAX_PAGE`].
    pub fn limit(&self, unasked: usize) -> Result<usize, Code> {
        let Some(limit) = self.number("limit")? else { return Ok(unasked) };
        let limit = usize::try_from(limit).ok().filter(|n| (1..=MAX_PAGE).contains(n));
        limit.ok_or(Code::BadParameters)
    }
}

/// The group that a word names, which may be written as a conversation is: `#staff`.
pub(super) fn group(word: &str) -> Word {
    word.strip_prefix('#').unwrap_or(word).into()
}

/// Whether an option of a row, `limit=N`, has this name.
fn is_called(option: &str, key: &str) -> bool {
    option.strip_prefix(key).is_some_and(|rest| rest.starts_with('='))
}

/// A text that no `:` leads to would be lost.
fn only_options(rest: &str) -> Result<(), Code> {
    match words::all(rest).any(|word| words::option(word).is_none()) {
        true => Err(Code::BadParameters),
        false => Ok(()),
    }
}

fn number(digits: &str) -> Result<u64, Code> {
    let digits = Some(digits).filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()));
    digits.and_then(|digits| digits.parse().ok()).ok_or(Code::BadParameters)
}
