// Package lambdahttp runs an http.Handler as a Lambda function behind an API
// Gateway HTTP API. It is our guard around aws-lambda-go-api-proxy, which is
// archived and has traps; the tests name each of them. StartSchedule is for
// functions that run on a schedule and have no HTTP at all.
//
// Invariants:
//
//   - Only events of an HTTP API with payload format 2.0, for a stage and
//     domain that are allowed, reach the handler. Everything else (SQS, direct
//     invocation, REST API, load balancer, other domains) is an error with the
//     log reason event.unknown (security-requirements.md L1). ReadyEvent is
//     answered by the program itself: the handler sees no request.
//   - The raw query string arrives exactly as the browser sent it, because
//     redirect signatures cover its octets. The gateway has decoded the path.
//   - The client's address is the gateway's sourceIp. X-Forwarded-For and its
//     like are removed before the handler sees the request; CloudFront's
//     viewer headers count only with the origin secret (L3, L4).
//   - A response is the handler's first status, whole, or a plain 500.
package lambdahttp
