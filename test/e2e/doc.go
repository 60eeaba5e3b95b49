// Package e2e tests what the product promises, on the whole of it: over the
// public API and the command line, with real ledgers on a disk, in this process
// and as a process that is killed.
package e2e
