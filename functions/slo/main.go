// Function slo signs people out: LogoutRequests of service providers, and the
// person's own page. Its routes are those of internal/web/slo.
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
	deps, err := awsdeps.New(context.Background(), os.Environ(), os.Stdout, awsdeps.Signer)
	if err != nil {
		fmt.Fprintln(os.Stderr, "latchkey slo:", err)
		os.Exit(1)
	}
	lambdahttp.Start(deps.Handler((*app.App).SLO), deps.Events())
}
