# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Words and operators of a shell script: quotes, substitutions, comments, redirections and here-documents."""

from __future__ import annotations

import re
from dataclasses import dataclass

LITERAL, VARIABLE, SCRIPT, OTHER = "literal", "variable", "script", "other"
_OPERATOR = re.compile(r"&&|\|\||;;&?|;&|\|&|[;&|()\n]")
_REDIRECTION = re.compile(r"&>>?|\d*(?:<<<|<<-?|<>|>>|>\||[<>]&|[<>])")
_COPIED = re.compile(r"\d+|-|\$.*")  # behind `>&`: anything else is a file, which gets stderr as well
_NAME = re.compile(r"[A-Za-z_]\w*|[0-9@*#?$!-]")
_BRACED_NAME = re.compile(r"([A-Za-z_]\w*|[0-9@*#?$!-])\}")
_PLAIN = re.compile(r"[^\s;&|()<>'\"`$\\]+")
_BLANKS = re.compile(r"(?:[^\S\n]|\\\n)+")
_NESTED = 20  # levels of quotes and substitutions


class ScriptError(ValueError):
    """A script that is not understood."""


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a word. `text` is the literal text, a variable's name, or the script of a substitution."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Word:
    """`raw` is as it is written, with quotes; `quoted` tells that an empty word is one all the same."""

    parts: tuple[Part, ...]
    raw: str
    quoted: bool = False


@dataclass(frozen=True, slots=True)
class Redirection:
    """`2>file`: the file descriptors that lead elsewhere from then on, and where. `copies`: as in `2>&1` and `2>&-`.

    `of_bash`: `&>file`, which dash reads as `&` and `>file`.
    """

    numbers: tuple[int, ...]
    target: Word
    copies: bool = False
    of_bash: bool = False


@dataclass(frozen=True, slots=True)
class Token:
    """A word, an operator such as `&&`, or a redirection."""

    word: Word | None = None
    operator: str = ""
    redirects: Redirection | None = None


END = Token()


def tokenize(script: str) -> list[Token]:
    """The words and operators of a script. Raises ScriptError."""
    return _Tokenizer(script).tokens()


class _Tokenizer:
    def __init__(self, script: str):
        self._text = script
        self._at = 0
        self._here: list[tuple[str, bool]] = []  # here-documents that begin after this line

    def tokens(self) -> list[Token]:
        tokens: list[Token] = []
        while self._at < len(self._text):
            if blanks := _BLANKS.match(self._text, self._at):
                self._at = blanks.end()
            elif self._text[self._at] == "#":
                self._at = self._until_newline()
            elif redirection := _REDIRECTION.match(self._text, self._at):
                tokens.append(Token(redirects=self._redirection(redirection)))
            elif self._text.startswith("((", self._at) and (not tokens or not tokens[-1].word):
                tokens.append(Token(self._arithmetic()))
            elif operator := _OPERATOR.match(self._text, self._at):
                self._at = operator.end()
                tokens.append(
                    Token(operator=";;" if operator[0].startswith(";;") or operator[0] == ";&" else operator[0])
                )
                if operator[0] == "\n":
                    self._here_documents()
            elif self._text.startswith("[[", self._at):
                tokens.append(Token(self._test()))
            else:
                tokens.append(Token(self._word()))
        return tokens

    def _until_newline(self) -> int:
        end = self._text.find("\n", self._at)
        return len(self._text) if end < 0 else end

    def _redirection(self, match: re.Match[str]) -> Redirection:
        self._at = match.end()
        if blanks := _BLANKS.match(self._text, self._at):
            self._at = blanks.end()
        start = self._at
        target = self._word()
        if self._at == start:
            raise ScriptError("a redirection to nowhere")
        operator = match[0].lstrip("0123456789")
        if operator in ("<<", "<<-"):
            self._here.append(("".join(part.text for part in target.parts), operator == "<<-"))
        number = match[0].removesuffix(operator)
        copies = operator in (">&", "<&")
        both = operator.startswith("&") or (operator == ">&" and not number and not _COPIED.fullmatch(target.raw))
        own = int(number[:3]) if number else 0 if operator.startswith("<") else 1
        return Redirection((1, 2) if both else (own,), target, copies and not both, operator.startswith("&"))

    def _here_documents(self) -> None:
        for mark, indented in self._here:
            while True:
                if self._at >= len(self._text):
                    break
                end = self._until_newline()
                line = self._text[self._at : end]
                self._at = min(end + 1, len(self._text))
                if (line.lstrip("\t") if indented else line) == mark:
                    break
        self._here.clear()

    def _arithmetic(self) -> Word:
        end = self._text.find("))", self._at)
        if end < 0:
            raise ScriptError("(( without an end")
        start, self._at = self._at, end + 2
        return Word((Part(LITERAL, "(("),), self._text[start : self._at])

    def _test(self) -> Word:
        """`[[ … ]]`, in which operators separate nothing."""
        end = re.compile(r"\s\]\](?=[\s;&|)]|$)").search(self._text, self._at)
        if not end:
            raise ScriptError("[[ without an end")
        start, self._at = self._at, end.end()
        return Word((Part(LITERAL, "[["),), self._text[start : self._at])

    def _word(self) -> Word:
        parts: list[Part] = []
        start, quoted = self._at, False
        while self._at < len(self._text):
            character = self._text[self._at]
            if plain := _PLAIN.match(self._text, self._at):
                parts.append(Part(LITERAL, plain[0]))
                self._at = plain.end()
            elif character == "\\":
                escaped = self._text[self._at + 1 : self._at + 2]
                if escaped != "\n":
                    parts.append(Part(LITERAL, escaped))
                    quoted = True
                self._at += 2
            elif character == "'":
                parts.append(Part(LITERAL, self._single()))
                quoted = True
            elif character == '"':
                parts += self._double(0)
                quoted = True
            elif character == "`":
                parts.append(self._backticks())
            elif character == "$":
                parts.append(self._dollar(0))
            else:
                break
        return Word(tuple(parts), self._text[start : self._at], quoted)

    def _single(self) -> str:
        end = self._text.find("'", self._at + 1)
        if end < 0:
            raise ScriptError("a quote without an end")
        text, self._at = self._text[self._at + 1 : end], end + 1
        return text

    def _double(self, depth: int) -> list[Part]:
        if depth > _NESTED:
            raise ScriptError("too deep")
        parts: list[Part] = []
        self._at += 1
        while self._at < len(self._text):
            character = self._text[self._at]
            if character == '"':
                self._at += 1
                return parts
            if character == "\\":
                escaped = self._text[self._at + 1 : self._at + 2]
                if escaped != "\n":
                    parts.append(Part(LITERAL, escaped if escaped in ("$", "`", '"', "\\") else f"\\{escaped}"))
                self._at += 2
            elif character == "$":
                parts.append(self._dollar(depth + 1))
            elif character == "`":
                parts.append(self._backticks())
            else:
                end = next(
                    (at for at in range(self._at, len(self._text)) if self._text[at] in '"\\$`'), len(self._text)
                )
                parts.append(Part(LITERAL, self._text[self._at : end]))
                self._at = end
        raise ScriptError("a quote without an end")

    def _backticks(self) -> Part:
        match = re.compile(r"`((?:\\.|[^`\\])*)`", re.S).match(self._text, self._at)
        if not match:
            raise ScriptError("a backtick without an end")
        self._at = match.end()
        return Part(SCRIPT, match[1].replace("\\`", "`").replace("\\$", "$"))

    def _dollar(self, depth: int) -> Part:
        self._at += 1
        following = self._text[self._at : self._at + 2]
        if following == "((":
            end = self._text.find("))", self._at)
            if end < 0:
                raise ScriptError("$(( without an end")
            self._at = end + 2
            return Part(OTHER, "")
        if following.startswith("("):
            start = self._at + 1
            self._skip(")", depth)
            return Part(SCRIPT, self._text[start : self._at - 1])
        if following.startswith("{"):
            if name := _BRACED_NAME.match(self._text, self._at + 1):
                self._at = name.end()
                return Part(VARIABLE, name[1])
            self._skip("}", depth)
            return Part(OTHER, "")
        if following.startswith("'"):
            self._single()
            return Part(OTHER, "")
        if name := _NAME.match(self._text, self._at):
            self._at = name.end()
            return Part(VARIABLE, name[0])
        return Part(LITERAL, "$")

    def _skip(self, closing: str, depth: int) -> None:
        """Go behind the bracket that closes the one ahead."""
        if depth > _NESTED:
            raise ScriptError("too deep")
        opening, open_ones = self._text[self._at], 0
        while self._at < len(self._text):
            character = self._text[self._at]
            if character == "\\":
                self._at += 1
            elif character == "'" and closing == ")":
                self._single()
                continue
            elif character == '"':
                self._double(depth + 1)
                continue
            elif character == opening:
                open_ones += 1
            elif character == closing:
                open_ones -= 1
            self._at += 1
            if not open_ones:
                return
        raise ScriptError("a substitution without an end")
