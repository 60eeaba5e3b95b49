// Package config reads a program's settings from its environment into structs.
//
// A setting is a field with an `env` tag; its variable is the tag behind
// ZONEBENCH_ and the prefixes of the structs around it. The zero value of every
// field is good. A variable that begins with ZONEBENCH_ and that no program
// knows is an error, with the name that was probably meant.
package config

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/caarlos0/env/v11"

	"zonebench.internal/pkg/nearest"
)

// Prefix begins the name of every variable of ours.
const Prefix = "ZONEBENCH_"

// Part is a struct of settings and what stands before its variables, behind
// ZONEBENCH_: nothing, or the name of a service with its underscore.
type Part struct {
	Prefix string
	Into   any // pointer to the struct
}

// Load fills the parts from environ, which is as os.Environ gives it. Variables
// that begin with one of others (such as RANKING_, behind ZONEBENCH_) belong to
// another program and are left alone: programs may share one environment.
func Load(environ, others []string, parts ...Part) error {
	vars := env.ToMap(environ)
	var known []string
	var problems []error
	for _, part := range parts {
		options := env.Options{Environment: vars, Prefix: Prefix + part.Prefix}
		params, err := env.GetFieldParamsWithOptions(part.Into, options)
		if err != nil {
			return fmt.Errorf("config: %w", err)
		}
		for _, p := range params {
			known = append(known, p.Key)
		}
		if err := env.ParseWithOptions(part.Into, options); err != nil {
			problems = append(problems, worded(err, params))
		}
	}
	for _, key := range slices.Sorted(maps.Keys(vars)) {
		if !strings.HasPrefix(key, Prefix) || slices.Contains(known, key) ||
			slices.ContainsFunc(others, func(other string) bool { return strings.HasPrefix(key, Prefix+other) }) {
			continue
		}
		problem := "unknown variable " + key
		if meant := nearest.Word(key, known); meant != "" {
			problem += ": did you mean " + meant + "?"
		} else {
			problem += ": --help lists the known ones"
		}
		problems = append(problems, errors.New(problem))
	}
	return errors.Join(problems...)
}

// worded names the variable instead of the Go field.
func worded(err error, params []env.FieldParams) error {
	var all env.AggregateError
	if !errors.As(err, &all) {
		return fmt.Errorf("config: %w", err)
	}
	var problems []error
	for _, e := range all.Errors {
		var parse env.ParseError
		if !errors.As(e, &parse) {
			problems = append(problems, e)
			continue
		}
		name := parse.Name
		for _, p := range params {
			if strings.HasSuffix(strings.ReplaceAll(p.Key, "_", ""), strings.ToUpper(parse.Name)) {
				name = p.Key
			}
		}
		problems = append(problems, fmt.Errorf("%s: %w", name, parse.Err))
	}
	return errors.Join(problems...)
}

// Usage lists the variables that the parts are filled from, with the text of
// their `help` tags.
func Usage(w io.Writer, parts ...Part) error {
	table := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	for _, part := range parts {
		list(table, Prefix+part.Prefix, reflect.TypeOf(part.Into).Elem())
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("config: %w", err)
	}
	return nil
}

func list(w io.Writer, prefix string, of reflect.Type) {
	for f := range of.Fields() {
		switch key, tagged := f.Tag.Lookup("env"); {
		case tagged:
			name, _, _ := strings.Cut(key, ",")
			fmt.Fprintf(w, "  %s%s\t%s\n", prefix, name, f.Tag.Get("help"))
		case f.Type.Kind() == reflect.Struct:
			list(w, prefix+f.Tag.Get("envPrefix"), f.Type)
		}
	}
}
