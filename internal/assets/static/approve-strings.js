// Every text that the approval page says itself. {app}, {browser}, {os},
// {name}, {n} and {time} are filled in by fill().

// Where a sign-in ends for this phone, or does not begin: by state and by
// error code. `first` names the button by its key in `buttons`.
export const ends = {
  approved: { heading: "Done. You can put your phone away.", words: "You approved the sign-in to {app}. The other screen goes on by itself.", as: "You approved the sign-in to {app} as {name}. The other screen goes on by itself.", icon: "done" },
  denied: { heading: "Denied", words: "Nobody was signed in to {app}.", icon: "stop" },
  not_me: { heading: "Good that you said so", words: "Nobody was signed in to {app}. If somebody sent you that code or asked you to scan it, tell your administrator. We never send codes by e-mail or chat.", icon: "shield" },
  cancelled: { heading: "This sign-in was stopped", words: "It was stopped on the other screen, or a new code was shown there. You can scan the new one.", icon: "stop" },
  expired: { heading: "This took too long", words: "Choose \u201cShow a new code\u201d on the other screen and scan it.", icon: "clock" },

  other: { heading: "Something went wrong", words: "Scan the code on the other screen again.", icon: "alert" },
  qr_stale: { heading: "The code has changed", words: "It changes every few seconds. Scan the one that is on the other screen now.", icon: "clock", first: "typeCode" },
  qr_invalid: { heading: "This is not one of our codes", words: "Do not use it. If it came by e-mail or chat, or hangs on a wall, tell your administrator.", icon: "shield", first: "typeCode" },
  session_expired: { heading: "This took too long", words: "Choose \u201cShow a new code\u201d on the other screen and scan it.", icon: "clock" },
  login_expired: { heading: "This took too long", words: "Go back to the app on the other screen and start again.", icon: "clock" },
  session_unknown: { heading: "We cannot find this sign-in", words: "It is over, or it began on another phone. Scan the code on the other screen again.", icon: "alert" },
  already_scanned: { heading: "This code is open on another device", words: "If that is a phone of yours, or another browser on this one, you can go on here instead. If not, choose \u201cCancel and go back\u201d on the other screen.", icon: "phone", first: "takeover" },
  taken: { heading: "This code is open on another device", words: "Choose \u201cCancel and go back\u201d on the other screen, start again and scan the new code.", icon: "phone" },
  contested: { heading: "We stopped this sign-in to be safe", words: "Two devices scanned this code. If you did not expect that, look who can see the other screen. Then start again there.", icon: "shield" },
  wrong_state: { heading: "This step was already done", words: "Look at the other screen. If it still shows a code, scan that.", icon: "done" },
  app_disabled: { heading: "This app is switched off", words: "It cannot be used at the moment. Please try again later.", icon: "stop" },
  cookies_needed: { heading: "Something went wrong", words: "Close this page and scan the code again.", icon: "alert" },
  slow_down: { heading: "Too many tries", words: "Wait {n} seconds, then try again.", icon: "clock", first: "retry" },
  busy: { heading: "One moment", words: "We are busy right now. Please try again in a moment.", icon: "clock", first: "retry" },
  unreachable: { heading: "No connection", words: "We cannot reach the sign-in service. Check that this phone is online.", icon: "alert", first: "retry" },
  passkey_unsupported: { heading: "Open this in another browser", words: "This browser cannot use passkeys. Scan the code with the phone\u2019s camera app and open it in Safari or Chrome.", icon: "alert" },
};

// What did not work but may, shown beside the buttons. An unknown code is told
// in the server's words.
export const alerts = {
  other: "Something went wrong. Try again.",
  passkey_refused: "Face ID was cancelled or not recognized. Try again, or use your passcode. If this phone is not set up yet, open your invite first.",
  passkey_failed: "The passkey could not be used. Try again.",
  passkey_unsupported: "This browser cannot use passkeys. Open the page in Safari or Chrome.",
  uv_required: "Use Face ID, fingerprint or the phone\u2019s PIN.",
  bad_signature: "Something went wrong. Try again.",
  bad_challenge: "Something went wrong. Try again.",
  bad_origin: "Something went wrong. Try again.",
  credential_unknown: "This phone is not set up yet: the passkey is not known here. Use another one, or ask your administrator for an invite.",
  credential_revoked: "This phone was removed from your account. Use another passkey, or ask your administrator for an invite.",
  user_inactive: "Your account is not active. Ask your administrator.",
  user_mismatch: "This sign-in is for another account. Use the passkey of that account, or deny.",
  app_not_assigned: "You do not have access to {app}. Ask your administrator.",
  app_disabled: "{app} is switched off at the moment. Please try again later.",
  policy_passkey_required: "{app} does not accept a scanned code. Use a passkey on the computer itself.",
  device_not_strong_enough: "{app} needs a phone key that is not synced. Ask your administrator.",
  probation: "This phone is new. {app} can be opened with it after the first day.",
  number_mismatch: "The numbers do not match. Look at the other screen and type the number again.",
  slow_down: "Too many tries. Wait {n} seconds.",
  busy: "Please try again in a moment.",
  unreachable: "No connection. Check that this phone is online, then try again.",
};

// Of the server's warnings, by code.
export const warnings = {
  new_browser: "You have not used this browser before.",
  far: "The other screen seems to be far away from this phone.",
};

// At the code field, which is the same for an unknown code and one too old.
export const codeErrors = {
  short: "A code has 8 letters. Type the letters that the other screen shows.",
  qr_invalid: "This code is not right. Compare it with the other screen and type it again.",
  number: "Type the {n} digits that the other screen shows.",
};

export const buttons = {
  retry: "Try again",
  takeover: "Use this phone instead",
  typeCode: "Type a code instead",
};

export const labels = {
  ago: "{n} seconds ago",
  agoOne: "1 second ago",
  agoMinutes: "{n} minutes ago",
  agoMinute: "1 minute ago",
  announce: "Sign in to {app} at {host}? {screen}. {place}. Deny, or approve with Face ID or fingerprint.",
  checking: "Checking the code\u2026",
  extended: "You have more time now: {time}.",
  fromAddress: "from the IP address {ip}, may be off",
  justAddress: "IP address {ip}",
  near: "near {place}",
  number: "Type the {n} digits on the other screen",
  placeUnknown: "Place unknown",
  screen: "{browser} on {os}",
  screenUnknown: "Unknown browser and system",
  secondsLeft: "{n} seconds left.",
  secondsLeftMore: "{n} seconds left. Choose More time if you need it.",
  title: "Sign in to {app}?",
  titleCode: "Type the code",
  unknownBrowser: "Unknown browser on {os}",
  unknownSystem: "{browser} on an unknown system",
  waiting: "Waiting for your phone\u2026",
};
