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

// Load fills cfg, a pointer to a struct, from environ, which is as os.Environ
// gives it. Variables that begin with one of others (such as
// ZONEBENCH_RANKING_) belong to another program and are left alone: programs
// may share one environment.
func Load(cfg any, environ []string, others ...string) error {
	vars := env.ToMap(environ)
	options := env.Options{Environment: vars, Prefix: Prefix}
	params, err := env.GetFieldParamsWithOptions(cfg, options)
	if err != nil {
		return fmt.Errorf("config: %w", err)
	}
	known := make([]string, 0, len(params))
	for _, p := range params {
		known = append(known, p.Key)
	}
	var problems []error
	for _, key := range slices.Sorted(maps.Keys(vars)) {
		if !strings.HasPrefix(key, Prefix) || slices.Contains(known, key) ||
			slices.ContainsFunc(others, func(other string) bool { return strings.HasPrefix(key, other) }) {
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
	if err := env.ParseWithOptions(cfg, options); err != nil {
		problems = append(problems, worded(err, params))
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

// Usage lists the variables that cfg is filled from, with the text of their
// `help` tags.
func Usage(w io.Writer, cfg any) error {
	table := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	list(table, Prefix, reflect.TypeOf(cfg).Elem())
	if err := table.Flush(); err != nil {
		return fmt.Errorf("config: %w", err)
	}
	return nil
}

func list(w io.Writer, prefix string, of reflect.Type) {
	for i := range of.NumField() {
		f := of.Field(i)
		switch key, tagged := f.Tag.Lookup("env"); {
		case tagged:
			name, _, _ := strings.Cut(key, ",")
			fmt.Fprintf(w, "  %s%s\t%s\n", prefix, name, f.Tag.Get("help"))
		case f.Type.Kind() == reflect.Struct:
			list(w, prefix+f.Tag.Get("envPrefix"), f.Type)
		}
	}
}
