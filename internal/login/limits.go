package login

import "time"

// Lives and limits (approval protocol 3.4, 4.3, 4.4 and 8).
const (
	LoginLife    = 15 * time.Minute  // of a LOGIN; nothing in it outlives it
	QRLife       = 180 * time.Second // created, from create
	ClaimLife    = 120 * time.Second // scanned, from the claim
	DoneLife     = 60 * time.Second  // approved, from the approval
	Extension    = 60 * time.Second  // "More time", once in created and once in scanned
	ConsentLife  = 5 * time.Minute   // approved, once the person is asked what may be released
	FinishRepeat = 15 * time.Second  // in which the same finish gets the same assertion

	MaxCodes  = 3 // user codes per session
	MaxClaims = 2 // phones that may hold a session one after the other
	MaxFails  = 5 // failed approvals; the last one cancels

	MaxNumberTries = 3 // wrong numbers; the last one denies

	MaxCreates = 20              // sessions per login
	CreateGap  = 2 * time.Second // between two of them

	FrameStep     = 4 * time.Second
	FramesAhead   = 4 // in a view: the current one and the next three
	DefaultWindow = 6 // steps for which a frame stays fresh
	MinWindow     = 2
	MaxWindow     = 10
)

// Modes of a session. One in ModePasskey shows no code: a phone cannot claim it.
const (
	ModeQR      = "qr"
	ModePasskey = "passkey"
)

// IdPInitiated stands for the request ID where there was no AuthnRequest.
const IdPInitiated = "idp-init"
