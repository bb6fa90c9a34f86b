// Function audit verifies the audit trail and closes its hours, on a schedule. It
// has no routes; what it does is in internal/audit.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/latchkey-idp/latchkey/internal/awsdeps"
	"github.com/latchkey-idp/latchkey/internal/lambdahttp"
)

func main() {
	deps, err := awsdeps.New(context.Background(), os.Environ(), os.Stdout, awsdeps.Reader)
	if err != nil {
		fmt.Fprintln(os.Stderr, "latchkey audit:", err)
		os.Exit(1)
	}
	lambdahttp.StartSchedule(deps.VerifyAudit, deps.Events())
}
