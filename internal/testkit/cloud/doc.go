// Package cloud is a deployment without AWS, for tests: the functions' real
// binaries under the Lambda Runtime API, behind an HTTP API with API Gateway's
// limits, in front of DynamoDB Local and a fake KMS. Environment, routes,
// time-outs and rights are those of template.yaml.
//
// Between the functions and AWS stands a guard that asks the policies of
// template.yaml about every call, refuses what they do not allow, and remembers
// what was asked (Calls).
//
// A package that uses it calls Main in its TestMain.
package cloud
