package awsdeps

import "testing"

func TestHere(t *testing.T) {
	const id = "mrk-1234abcd12ab34cd56ef1234567890ab"
	for ref, want := range map[string]string{
		"arn:aws:kms:eu-central-1:111122223333:key/" + id:         "arn:aws:kms:eu-west-1:111122223333:key/" + id,
		"arn:aws:kms:eu-west-1:111122223333:key/" + id:            "arn:aws:kms:eu-west-1:111122223333:key/" + id,
		"arn:aws-us-gov:kms:us-gov-west-1:111122223333:key/" + id: "arn:aws-us-gov:kms:eu-west-1:111122223333:key/" + id,

		// These stay what they are.
		"arn:aws:kms:eu-central-1:999999999999:key/" + id:                                       "",
		"arn:aws:kms:eu-central-1::key/" + id:                                                   "",
		"arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab":        "",
		"arn:aws:kms:eu-central-1:111122223333:alias/mrk-1":                                     "",
		"arn:aws:kms:eu-central-1:111122223333:alias/key/" + id:                                 "",
		"arn:aws:kms:eu-central-1:111122223333:key/mrk-":                                        "",
		"arn:aws:kms:eu-central-1:111122223333:key/MRK-1234abcd12ab34cd56ef1234567890ab":        "",
		"arn:aws:kms:eu-central-1:111122223333:key/" + id + "/x":                                "",
		"arn:aws:kms:eu-central-1:111122223333:key/" + id + ":arn:aws:kms:x:111122223333:key/x": "",
		"arn:aws:kms:eu-central-1:111122223333:key/mrk-*":                                       "",
		"arn:aws:dynamodb:eu-central-1:111122223333:key/" + id:                                  "",
		"arn:aws:kms:eu-central-1:111122223333":                                                 "",
		id:                                                                                      "",
		"alias/latchkey-signing":                                                                "",
		"":                                                                                      "",
	} {
		if want == "" {
			want = ref
		}
		if got := here(ref, "eu-west-1", "111122223333"); got != want {
			t.Errorf("%q is called as %q, not %q", ref, got, want)
		}
	}
	if ref := "arn:aws:kms:eu-central-1:111122223333:key/" + id; here(ref, "", "111122223333") != ref {
		t.Error("a key has no region")
	}
}
