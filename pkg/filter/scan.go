package filter

import (
	"strings"
	"unicode"
)

// Scanning: words end at spaces and parentheses; fields also at comparators.

func (p *parser) end() bool { return p.at >= len(p.input) }

func (p *parser) peek() rune {
	if p.end() {
		return 0
	}
	return p.input[p.at]
}

func (p *parser) space() {
	for !p.end() && unicode.IsSpace(p.input[p.at]) {
		p.at++
	}
}

// keyword takes the word, after spaces, when it stands there by itself.
func (p *parser) keyword(word string) bool {
	start := p.at
	p.space()
	if p.word() == word {
		p.at += len(word)
		return true
	}
	p.at = start
	return false
}

// word is what stands here up to a space or parenthesis.
func (p *parser) word() string {
	end := p.at
	for end < len(p.input) && !unicode.IsSpace(p.input[end]) && p.input[end] != '(' && p.input[end] != ')' {
		end++
	}
	if end == p.at && end < len(p.input) {
		end++
	}
	return string(p.input[p.at:end])
}

// field takes a name with dots.
func (p *parser) field() string {
	start := p.at
	for !p.end() {
		r := p.input[p.at]
		if r != '.' && r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			break
		}
		p.at++
	}
	return string(p.input[start:p.at])
}

func (p *parser) comparator() string {
	for _, op := range []string{"!=", "<=", ">=", "=", "<", ">", ":"} {
		if strings.HasPrefix(string(p.input[p.at:min(p.at+2, len(p.input))]), op) {
			p.at += len(op)
			return op
		}
	}
	return ""
}

// value takes a quoted text with backslash escapes, or a bare word.
func (p *parser) value() (text string, quoted bool, err error) {
	start := p.at
	quote := p.peek()
	if quote != '"' && quote != '\'' {
		if p.end() || quote == '(' || quote == ')' {
			return "", false, p.errorf(start, "a value is missing")
		}
		text = p.word()
		p.at += len([]rune(text))
		return text, false, nil
	}
	var b strings.Builder
	for p.at++; !p.end(); p.at++ {
		switch r := p.input[p.at]; {
		case r == '\\' && p.at+1 < len(p.input):
			p.at++
			b.WriteRune(p.input[p.at])
		case r == quote:
			p.at++
			return b.String(), true, nil
		default:
			b.WriteRune(r)
		}
	}
	return "", false, p.errorf(start, "the text that opens here is not closed with %c", quote)
}
