// Package test holds what is tested about the repository as a whole: here the scripts that drive the real commands, in
// its directories the rules of the architecture, the harness that starts everything, and the tests that use it.
package test
