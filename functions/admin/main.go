// Function admin is the admin API, for callers that API Gateway has authenticated
// by IAM. Its routes are those of internal/web/admin.
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
		fmt.Fprintln(os.Stderr, "latchkey admin:", err)
		os.Exit(1)
	}
	lambdahttp.Start(deps.Handler((*app.App).Admin), deps.Events())
}
