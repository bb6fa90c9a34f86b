// Function sso answers service providers: SAML requests, the login page, and the
// finish that signs the Response. Its routes are those of internal/web/sso.
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
		fmt.Fprintln(os.Stderr, "latchkey sso:", err)
		os.Exit(1)
	}
	lambdahttp.Start(deps.Handler((*app.App).SSO), deps.Events())
}
