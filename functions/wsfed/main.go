// Function wsfed takes requests to sign in from applications that speak
// WS-Federation. Its routes are those of internal/web/wsfed; the answer is made by
// the function sso.
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
		fmt.Fprintln(os.Stderr, "latchkey wsfed:", err)
		os.Exit(1)
	}
	lambdahttp.Start(deps.Handler((*app.App).WSFed), deps.Events())
}
