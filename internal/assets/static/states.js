// The states of the login page: the icon of each and its buttons, by the names
// of their labels. Their texts are messages, "login.states.<state>".

export const states = {
  starting: {},
  waiting: {},
  connected: { icon: "phone" },
  number: { icon: "phone" },
  confirm: { icon: "person", first: "proceed", second: "notMe" },
  approved: { icon: "done", first: "proceed" },
  consumed: { icon: "done" },
  denied: { icon: "stop", first: "again", second: "goBack" },
  number_mismatch: { icon: "shield", first: "again", second: "goBack" },
  expired: { icon: "clock", first: "newCode" },
  contested: { icon: "shield", first: "newCode", second: "goBack" },
  cancelled: { icon: "stop", first: "newCode", second: "goBack" },
  returning: { icon: "stop", second: "goBack" },
  notMe: { icon: "shield", first: "newCode", second: "goBack" },
  stopped: { icon: "stop", first: "newCode", second: "goBack" },
};

// The button of an error that ends what the page was doing, where it is not
// "newCode"; "" for none.
export const errorButtons = {
  cross_site: "",
  cookies_needed: "reload",
  login_expired: "",
  not_your_browser: "",
  wrong_state: "",
  app_disabled: "",
  policy_passkey_required: "",
  slow_down: "",
  busy: "",
  unreachable: "",
};
