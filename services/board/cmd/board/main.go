// Command board serves the board over HTTP: the front end, and the contracts of the services for browsers and for curl.
package main

import (
	"os"
	"time"
)

func main() {
	os.Exit(run(os.Args[1:], os.Environ(), os.Stdout, os.Stderr, time.Now))
}
