// Function metadata publishes what others need to know: SAML metadata, which it
// signs, health, public settings. Its routes are those of internal/web/metadata.
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
		fmt.Fprintln(os.Stderr, "latchkey metadata:", err)
		os.Exit(1)
	}
	lambdahttp.Start(deps.Handler((*app.App).Metadata), deps.Events())
}
