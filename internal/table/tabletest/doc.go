// Package tabletest is the conformance suite that every engine of package table
// passes, and two wrappers for the tests of packages that use a table: Counting
// counts what a flow costs, Faulty makes calls fail.
package tabletest
