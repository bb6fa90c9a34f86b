package counterparts_test

import (
	"slices"
	"testing"

	"github.com/latchkey-idp/latchkey/internal/testkit/cloud"
	"github.com/latchkey-idp/latchkey/internal/testkit/idptest"
)

// TestDeployed runs the behaviours with node-saml at the functions as they are
// deployed.
func TestDeployed(t *testing.T) {
	c := cloud.Start(t, cloud.Options{Key: idptest.PrivateKey()})
	i := idptest.LiveElsewhere(t, cloud.URL, c.Table, c.Transport)
	person := i.Phone(i.AddUser("ana@example.com", "Ana", "Kos"), "127.0.0.2")
	two := nodeApplications(t, i)
	node := counterparts[slices.IndexFunc(counterparts, func(c counterpart) bool { return c.name == nodeSAML })]
	for _, b := range behaviours {
		if node.cannot[b.name] != "" {
			continue
		}
		t.Run(b.name, func(t *testing.T) {
			c.Recycle() // those that run remember the applications for a moment
			b.run(&stage{T: t, by: nodeSAML, idp: i, phone: person, one: two[0], two: two[1]})
		})
	}
}
