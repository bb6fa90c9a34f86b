// Every text that the login page says itself, by state or error code.
// {app}, {device}, {name}, {n} and {time} are filled in by fill().

// One entry per state of the page: title and status follow the state, the
// rest is shown where the state has a notice. `first` and `second` name the
// notice's buttons by their key in `buttons`.
export const states = {
  starting: { title: "Sign in to {app}" },
  waiting: {
    title: "Sign in to {app}",
    status: "The code is ready. Scan it with your phone.",
  },
  connected: {
    title: "Check your phone - {app}",
    heading: "Phone connected",
    words: "Check your {device} and confirm.",
    icon: "phone",
  },
  confirm: {
    title: "Is this you? - {app}",
    heading: "Continue as {name}?",
    words: "This person approved the sign-in on a phone.",
    icon: "person",
    first: "proceed",
    second: "notMe",
  },
  approved: {
    title: "Signed in - {app}",
    heading: "Signed in",
    words: "Taking you to {app}\u2026",
    icon: "done",
    first: "proceed",
  },
  consumed: {
    title: "Signed in - {app}",
    heading: "You are signed in",
    words: "This sign-in is complete. If {app} did not open, go back to it and start again.",
    icon: "done",
  },
  denied: {
    title: "Not signed in - {app}",
    heading: "You said no on your phone",
    words: "You were not signed in to {app}.",
    icon: "stop",
    first: "again",
    second: "goBack",
  },
  expired: {
    title: "Code expired - {app}",
    heading: "This took too long",
    words: "For your safety, a code works for a few minutes only.",
    icon: "clock",
    first: "newCode",
  },
  contested: {
    title: "Stopped - {app}",
    heading: "We stopped this sign-in to be safe",
    words: "Two devices scanned this code. If you did not expect that, look who can see your screen.",
    icon: "shield",
    first: "newCode",
    second: "goBack",
  },
  cancelled: {
    title: "Cancelled - {app}",
    heading: "Sign-in cancelled",
    words: "You were not signed in. You can close this page now.",
    icon: "stop",
    first: "newCode",
    second: "goBack",
  },
  returning: {
    title: "Cancelled - {app}",
    heading: "Sign-in cancelled",
    words: "Taking you back to {app}\u2026",
    icon: "stop",
    second: "goBack",
  },
  notMe: {
    title: "Stopped - {app}",
    heading: "Nobody was signed in",
    words: "Somebody else scanned this code. Make sure that only you can see your screen.",
    icon: "shield",
    first: "newCode",
    second: "goBack",
  },
  stopped: {
    title: "Stopped - {app}",
    heading: "This sign-in was stopped",
    words: "It may go on in another tab. You can also start again here.",
    icon: "stop",
    first: "newCode",
    second: "goBack",
  },
};

// Error codes that end what the page was doing. An unknown code is told in
// the server's words.
export const errors = {
  other: { heading: "Something went wrong", words: "Please try again.", first: "newCode" },
  bad_request: { heading: "Something went wrong", words: "Please try again.", first: "newCode" },
  cross_site: { heading: "Open this page directly", words: "Another site tried to sign you in. Go back to {app} and start there." },
  cookies_needed: { heading: "Cookies are needed", words: "Your browser blocks cookies. Allow them for this site and try again.", first: "reload" },
  login_expired: { heading: "This took too long", words: "Go back to {app} and start again." },
  session_unknown: { heading: "We cannot find this sign-in", words: "Go back to {app} and start again.", first: "newCode" },
  session_expired: { heading: "This took too long", words: "For your safety, a code works for a few minutes only.", first: "newCode" },
  not_your_browser: { heading: "Another browser", words: "Finish in the browser where you started, or go back to {app} and start again here." },
  wrong_state: { heading: "This sign-in is complete", words: "If {app} did not open, go back to it and start again." },
  app_disabled: { heading: "{app} is switched off", words: "It cannot be used at the moment. Please try again later." },
  policy_passkey_required: { heading: "A passkey is needed", words: "{app} cannot be opened with a code. Ask your administrator." },
  slow_down: { heading: "One moment", words: "There were too many tries. We go on by ourselves in {n} seconds." },
  busy: { heading: "One moment", words: "We are busy right now and will try again in a few seconds." },
  unreachable: { heading: "No connection", words: "We cannot reach the sign-in service and will keep trying." },
};

// What went wrong with a passkey and may still work, by error code. The rest is
// told in the server's words.
export const passkeyErrors = {
  other: "Something went wrong. Try again, or use your phone.",
  passkey_refused: "The passkey was cancelled or not recognized. Try again, or use another device.",
  passkey_failed: "The passkey could not be used. Try again, or use another device.",
  passkey_unsupported: "This browser cannot use passkeys. Use another device.",
  credential_unknown: "This passkey is not known here. Use another one, or ask your administrator.",
  credential_revoked: "This passkey was removed from your account. Use another one, or ask your administrator.",
  user_inactive: "Your account is not active. Ask your administrator.",
  user_mismatch: "This sign-in is for another account. Use the passkey of that account.",
  app_not_assigned: "You do not have access to {app}. Ask your administrator.",
  app_disabled: "{app} is switched off at the moment. Please try again later.",
  device_not_strong_enough: "{app} needs a passkey that is not synced. Ask your administrator.",
  probation: "This passkey is new. {app} can be opened with it after the first day.",
  uv_required: "Use Face ID, fingerprint or the PIN of this device.",
  slow_down: "Too many tries. Wait a moment, then try again.",
  busy: "We are busy right now. Please try again in a moment.",
  unreachable: "No connection. Check that this device is online, then try again.",
};

export const trouble = {
  offline: "You are offline. We go on as soon as you are back.",
  slow: "This is taking longer than usual. We keep trying.",
};

export const buttons = {
  again: "Try again",
  goBack: "Go back to {app}",
  newCode: "Show a new code",
  notMe: "Not me",
  proceed: "Continue",
  reload: "Try again",
};

export const labels = {
  anyPhone: "phone",
  cannotScan: "Can't scan?",
  codeHidden: "The code is hidden.",
  codeShown: "The code is shown.",
  hereReady: "Continue with the passkey of this device.",
  hideCode: "Hide code",
  noMoreCodes: "You cannot get another code to type for this sign-in. Scan the code, or cancel and start again.",
  otherCode: "Another code to type",
  passkeyOnly: "{app} accepts a passkey on this device only.",
  preparing: "Preparing your code\u2026",
  showCode: "Show code",
  secondsLeft: "{n} seconds left.",
  secondsLeftMore: "{n} seconds left. Choose More time if you need it.",
  moreTimeGiven: "You have more time now: {time}.",
  usePasskey: "Use a passkey",
  typeThis: "Type this code on your phone: {time}",
};
