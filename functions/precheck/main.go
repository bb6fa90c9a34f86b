// Function precheck asks the new versions of the other functions whether they could
// answer requests, before CodeDeploy lets anybody reach one. It has no routes; what
// it does is in internal/precheck.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/latchkey-idp/latchkey/internal/precheck"
)

func main() {
	check, err := precheck.New(context.Background(), os.Getenv("LATCHKEY_VERSIONS"), os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, "latchkey precheck:", err)
		os.Exit(1)
	}
	lambda.Start(check.Run)
}
