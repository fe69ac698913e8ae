//! Just enough of Rust's grammar to tell code from comments and from what stands in string literals.

/// A source text taken apart.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Lexed {
    /// The text with comments and the insides of literals blanked out; lines stay where they were.
    pub(crate) code: String,
    /// The string literals of any kind, with the line on which each begins.
    pub(crate) strings: Vec<(usize, String)>,
}

pub(crate) fn lex(text: &str) -> Lexed {
    let mut lexer = Lexer { chars: text.chars().collect(), at: 0, line: 1, lexed: Lexed::default() };
    while lexer.at < lexer.chars.len() {
        lexer.step();
    }
    lexer.lexed
}

struct Lexer {
    chars: Vec<char>,
    at: usize,
    line: usize,
    lexed: Lexed,
}

impl Lexer {
    fn step(&mut self) {
        if self.looking_at("//") {
            while self.peek(0).is_some_and(|c| c != '\n') {
                self.blank();
            }
        } else if self.looking_at("/*") {
            self.block_comment();
        } else if self.peek(0) == Some('"') {
            self.string();
        } else if let Some(hashes) = self.raw_string_ahead() {
            self.raw_string(hashes);
        } else if self.peek(0) == Some('\'') {
            self.quote();
        } else {
            self.keep();
        }
    }

    fn peek(&self, ahead: usize) -> Option<char> {
        self.chars.get(self.at + ahead).copied()
    }

    fn looking_at(&self, word: &str) -> bool {
        word.chars().enumerate().all(|(n, c)| self.peek(n) == Some(c))
    }

    fn keep(&mut self) {
        if let Some(c) = self.peek(0) {
            self.put(c, c);
        }
    }

    fn blank(&mut self) {
        if let Some(c) = self.peek(0) {
            self.put(c, if c == '\n' { '\n' } else { ' ' });
        }
    }

    fn put(&mut self, read: char, written: char) {
        self.lexed.code.push(written);
        self.line += usize::from(read == '\n');
        self.at += 1;
    }

    /// Block comments nest.
    fn block_comment(&mut self) {
        let mut depth = 0;
        while self.at < self.chars.len() {
            if self.looking_at("/*") {
                depth += 1;
                self.blank();
            } else if self.looking_at("*/") {
                depth -= 1;
                self.blank();
            }
            self.blank();
            if depth == 0 {
                return;
            }
        }
    }

    fn string(&mut self) {
        let line = self.line;
        let mut content = String::new();
        self.keep();
        while let Some(c) = self.peek(0) {
            match c {
                '"' => {
                    self.keep();
                    break;
                }
                '\\' => {
                    // The escape itself is of no interest; it must only not end the literal.
                    content.push(c);
                    self.blank();
                    content.extend(self.peek(0));
                    self.blank();
                }
                _ => {
                    content.push(c);
                    self.blank();
                }
            }
        }
        self.lexed.strings.push((line, content));
    }

    /// The number of hashes when `r"`, `r#"`, … is next, also after `b` or `c`; `r#name` is something else.
    fn raw_string_ahead(&self) -> Option<usize> {
        if self.peek(0) != Some('r') || self.inside_a_word() {
            return None;
        }
        let mut hashes = 0;
        while self.peek(1 + hashes) == Some('#') {
            hashes += 1;
        }
        (self.peek(1 + hashes) == Some('"')).then_some(hashes)
    }

    fn inside_a_word(&self) -> bool {
        let is_word = |c: &char| c.is_alphanumeric() || *c == '_';
        let before = |n: usize| self.at.checked_sub(n).and_then(|at| self.chars.get(at));
        match before(1) {
            Some('b' | 'c') => before(2).is_some_and(is_word),
            other => other.is_some_and(is_word),
        }
    }

    fn raw_string(&mut self, hashes: usize) {
        let line = self.line;
        for _ in 0..hashes + 2 {
            self.keep();
        }
        let end = format!("\"{}", "#".repeat(hashes));
        let mut content = String::new();
        while self.at < self.chars.len() && !self.looking_at(&end) {
            content.extend(self.peek(0));
            self.blank();
        }
        for _ in 0..end.len() {
            self.keep();
        }
        self.lexed.strings.push((line, content));
    }

    /// A character literal, or the tick of a lifetime.
    fn quote(&mut self) {
        if self.peek(1) == Some('\\') {
            self.keep();
            self.blank();
            self.blank();
            while self.peek(0).is_some_and(|c| c != '\'' && c != '\n') {
                self.blank();
            }
        } else if self.peek(2) == Some('\'') {
            self.keep();
            self.blank();
        }
        self.keep();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_are_blanked_and_lines_stay() {
        let lexed = lex("a // b \"c\"\n/* d\n/* e */ f */ g\n");
        assert_eq!(lexed.code.lines().count(), 3);
        assert_eq!(lexed.code.split_whitespace().collect::<Vec<_>>(), ["a", "g"]);
        assert!(lexed.strings.is_empty());
    }

    #[test]
    fn string_literals_of_every_kind_are_gathered() {
        let lexed = lex("x(\"one\\\"1\");\ny(c\"two\", b\"three\");\nz(r#\"fo\"ur\"#, cr\"five\")");
        let strings: Vec<_> = lexed.strings.iter().map(|(n, s)| (*n, s.as_str())).collect();
        assert_eq!(strings, [(1, "one\\\"1"), (2, "two"), (2, "three"), (3, "fo\"ur"), (3, "five")]);
        assert!(!lexed.code.contains("two"), "{}", lexed.code);
    }

    #[test]
    fn ticks_of_lifetimes_and_characters_are_told_apart() {
        let lexed = lex("fn f<'a>(x: &'a str) { m('\"', '\\'', '\\u{22}'); s(\"in\"); } // 'x");
        assert_eq!(lexed.strings, [(1, "in".to_owned())]);
        assert!(lexed.code.contains("fn f<'a>(x: &'a str)"), "{}", lexed.code);
    }

    #[test]
    fn a_raw_name_is_no_raw_string() {
        let lexed = lex("let r#type = bar\"x\";");
        assert_eq!(lexed.strings, [(1, "x".to_owned())]);
        assert!(lexed.code.starts_with("let r#type = bar\""));
    }
}
