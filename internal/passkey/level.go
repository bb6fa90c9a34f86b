package passkey

import (
	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml/acr"
)

// Level is how strong an approval by this device is (approval protocol 14):
// 10 by QR, whatever the key; 20 with WebAuthn in the browser that signs in
// (sameDevice, which hybrid is too); 30 if also the key is bound to its device
// and a maker vouched for that. A key of which a copy may exist (6.3) is not
// bound to anything.
func Level(dev *idp.Device, sameDevice bool) int {
	switch {
	case !sameDevice || dev.Type != Type:
		return acr.LevelQR
	case dev.Attested && !dev.BackupEligible && !dev.CloneSuspect:
		return acr.LevelPHRHW
	default:
		return acr.LevelPHR
	}
}
