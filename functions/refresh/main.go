// Function refresh keeps service providers up to date with their metadata, on a
// schedule. It has no routes; what it does is in internal/mdrefresh.
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
		fmt.Fprintln(os.Stderr, "latchkey refresh:", err)
		os.Exit(1)
	}
	lambdahttp.StartSchedule(deps.RefreshMetadata, deps.Events())
}
