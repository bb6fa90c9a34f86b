package awsdeps

import (
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/arn"
)

// multiRegion is how the resource of a multi-Region key's ARN begins ("Multi-Region
// keys in AWS KMS").
const multiRegion = "key/mrk-"

// here is by what ARN a key is called in a region. Settings and records name a key
// by the ARN that it has in the first region. A multi-Region key of another region
// has the same id here; whatever else a name is, it stays what it is. Keys of other
// accounts stay, too: whether they are replicated is not ours to know.
func here(ref, region, account string) string {
	a, err := arn.Parse(ref)
	if err != nil || a.Service != "kms" || a.AccountID != account || region == "" || !isMultiRegion(a.Resource) {
		return ref
	}
	a.Region = region
	return a.String()
}

func isMultiRegion(resource string) bool {
	id, ok := strings.CutPrefix(resource, multiRegion)
	return ok && id != "" && strings.Trim(id, "0123456789abcdef") == ""
}

// key is here, for the keys of this deployment: the master key's account is ours.
func (d *Deps) key(ref string) string {
	master, err := arn.Parse(d.cfg.MasterKey)
	if err != nil {
		return ref
	}
	return here(ref, d.aws.Region, master.AccountID)
}
