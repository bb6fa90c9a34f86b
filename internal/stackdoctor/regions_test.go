package stackdoctor_test

import (
	"maps"
	"strings"
	"testing"

	"github.com/latchkey-idp/latchkey/internal/testkit/cloudtest"
)

// twoRegions gives the stack a second region, step by step in the wrong order.
func (b *bench) twoRegions(t *testing.T) {
	const region = "eu-west-1"
	host := strings.TrimPrefix(b.site.URL, "https://")
	first, second := b.cloud, b.cloud.In(region)
	template := first.Template(t, "template.yaml", "1")
	parameters := map[string]string{"PublicURL": b.site.URL, "AlarmTopic": "arn:aws:sns:eu-west-1:123456789012:alarms", "PrimaryRegion": cloudtest.Region}
	known := map[string]string{"Deployment": stackName, "PrimaryRegion": cloudtest.Region}
	for name, value := range first.Outputs(t, stackName) {
		if strings.HasPrefix(name, "Primary") {
			parameters[name] = value
			if name != "PrimaryTable" {
				known[name] = value
			}
		}
	}
	second.Deploy(t, stackName, template, parameters)

	there := *b
	there.config = second.Config()
	there.made = maps.Clone(b.made)
	there.finds(t, "key.replica of SigningKey", "key.replica of WrappingKey", "table.replica of id-Table", "region.health_host of id", "region.schedules of Schedules")

	second.Deploy(t, "id-second-region", second.Template(t, "infra/second-region.yaml", "1"), known)
	first.Deploy(t, stackName, template, map[string]string{"SecondRegion": region, "HealthHost": host})
	b.finds(t, "region.schedules of Schedules")
	second.Deploy(t, stackName, template, map[string]string{"Schedules": "DISABLED", "HealthHost": host})
	there.finds(t)
	b.finds(t)
	b.site.With(func(l *cloudtest.Looks) { l.Health = 503 }, func() {
		there.finds(t, "answer.health of "+b.site.URL+"/v1/healthz")
	})
	first.Deploy(t, stackName, template, map[string]string{"SecondRegion": "us-west-2"})
	b.finds(t, "region.other of us-west-2")
	first.Deploy(t, stackName, template, map[string]string{"SecondRegion": "", "HealthHost": ""})
	b.finds(t)
}
