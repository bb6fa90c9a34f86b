// Function signaudit compares the uses of the signing keys in CloudTrail with
// what the functions say that they signed, every night. It belongs to
// infra/sign-audit.yaml; what it does is in internal/signaudit.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/latchkey-idp/latchkey/internal/awsdeps"
	"github.com/latchkey-idp/latchkey/internal/lambdahttp"
)

func main() {
	check, err := awsdeps.SignAudit(context.Background(), os.Environ(), os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, "latchkey signaudit:", err)
		os.Exit(1)
	}
	lambdahttp.StartSchedule(check.Yesterday, lambdahttp.Options{Log: check.Log})
}
