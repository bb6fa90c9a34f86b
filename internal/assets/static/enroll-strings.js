// Every text that the page of an invite says itself. {by}, {host}, {name}, {n}
// and {time} are filled in by fill().

// What ends the setup, or stops it: by error code. `first` names the button by
// its key in `buttons`.
export const ends = {
  incomplete: { heading: "This link is not complete", words: "Open the whole link, or scan the code of your invite again. If it still does not work, ask the person who invited you for a new one.", icon: "alert" },
  not_me: { heading: "Do not go on", words: "This invite is for {name}. Tell {by} that the link reached the wrong person. Nothing was stored.", icon: "shield" },
  other: { heading: "Something went wrong", words: "Please try again.", icon: "alert", first: "retry" },
  invite_unknown: { heading: "This invite is not valid", words: "Nothing was stored. Ask the person who invited you, or your administrator, for a new one.", icon: "alert" },
  invite_used: { heading: "This invite was used or is too old", words: "If you set up this phone with it, you are done: scan a code to sign in. If you did not use it, tell your administrator now and ask for a new one.", icon: "clock" },
  enroll_expired: { heading: "This took too long", words: "Nothing was stored. Your invite still works: start again.", icon: "clock", first: "restart" },
  already_registered: { heading: "This phone is already set up", words: "You need not do it again. To sign in, scan the code on the other screen with this phone\u2019s camera.", icon: "done" },
  attestation_refused: { heading: "This phone\u2019s key is not allowed here", words: "Your organization accepts certain kinds of phone keys only. Ask {by} which phone you can use.", icon: "stop" },
  user_inactive: { heading: "Your account is not active", words: "Ask {by} or your administrator.", icon: "stop" },
  cookies_needed: { heading: "Cookies are needed", words: "Your browser blocks cookies. Allow them for this site and try again.", icon: "alert", first: "restart" },
  passkey_unsupported: { heading: "Open the invite in another browser", words: "This browser cannot make passkeys. Open the same link in Safari or Chrome on this phone. Your invite still works.", icon: "alert" },
};

// What did not work but may, shown beside the button. An unknown code is told
// in the server's words.
export const alerts = {
  other: "Something went wrong. Try again.",
  passkey_refused: "Face ID was cancelled or not recognized. Try again, or use your passcode.",
  passkey_failed: "The passkey could not be created. Check that a screen lock is set up, then try again.",
  passkey_unsupported: "This phone cannot make such a passkey. Set up a screen lock, or ask {by} which phone you can use.",
  slow_down: "Too many tries. Wait {n} seconds, then try again.",
  busy: "We are busy right now. Please try again in a moment.",
  unreachable: "No connection. Check that this phone is online, then try again.",
  bad_challenge: "Something went wrong. Try again.",
  bad_signature: "Something went wrong. Try again.",
  bad_origin: "Something went wrong. Try again.",
  uv_required: "Use Face ID, fingerprint or the phone\u2019s PIN.",
};

export const buttons = {
  restart: "Start again",
  retry: "Try again",
};

export const labels = {
  android: "Android phone",
  androidTablet: "Android tablet",
  inviter: "the person who invited you",
  ipad: "iPad",
  iphone: "iPhone",
  mac: "Mac",
  noLock: "This phone has no screen lock that can keep a passkey. Set up Face ID, fingerprint or a PIN in its settings first.",
  otherDevice: "My phone",
  probation: "As you already had a phone, this one is on probation until {time}. Until then, some apps may refuse it.",
  saving: "Saving\u2026",
  testFailed: "That did not work: {why} You can also try it with your next sign-in.",
  testOK: "It works. That is all there is to signing in.",
  titles: { start: "Set up this phone", who: "Is this you?", make: "Create your passkey", done: "This phone is ready" },
  windows: "Windows PC",
};
