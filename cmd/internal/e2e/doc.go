// Package e2e tests Tallygate from outside: the real program as a child process, over
// real UDP on the loopback interface, administered by its own commands only. There is
// nothing in it but tests.
package e2e
