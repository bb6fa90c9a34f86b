// Function approval is the phone's side of a QR session. Its routes are those of
// internal/web/approval.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/latchkey-idp/latchkey/internal/app"
	"github.com/latchkey-idp/latchkey/internal/awsdeps"
	"github.com/latchkey-idp/latchkey/internal/lambdahttp"
)

func main() {
	deps, err := awsdeps.New(context.Background(), os.Environ(), os.Stdout, awsdeps.Reader)
	if err != nil {
		fmt.Fprintln(os.Stderr, "latchkey approval:", err)
		os.Exit(1)
	}
	lambdahttp.Start(deps.Handler((*app.App).Approval), deps.Events())
}
