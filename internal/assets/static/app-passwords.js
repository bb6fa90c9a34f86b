// App passwords on a person's own page: listed, made, revoked.

import { call } from "./api.js";
import { t } from "./i18n.js";
import { $, put, say, show, wire, wireForm, wrong } from "./panes.js";

const path = "/v1/me/app-passwords";

// appPasswords wires the section. page has the means of the page that it is on;
// what it returns loads the list.
export function appPasswords({ row, ask, attempt, guarded, day, when, home }) {
  const askRevoke = (p) => ask({ key: "revoke_password", values: { name: p.name, app: p.app }, act: async () => {
    await call(`${path}/${p.id}`, { body: {}, method: "DELETE" });
    await home();
    say(t("me.password.revoked", { name: p.name }));
  } });

  const rowOf = (p) => row("password-row", {
    name: p.name, app: p.app, note: p.by_admin && t("me.password.by_admin"),
    until: t("me.password.until", { added: day(p.created_at), time: day(p.expires_at) }),
    used: p.last_used_at ? t("me.password.used", { time: when(p.last_used_at) }) : t("me.never_used"),
  }, { revoke: () => askRevoke(p) });

  async function make() {
    const name = $("password-name").value.trim();
    wrong("password-name", name ? "" : t("me.name_needed"));
    if (!name) return;
    const made = await guarded(() => call(path, { body: { app: $("password-app").value, name } }));
    put("password-words", t("me.password.made", { app: made.app, time: day(made.expires_at) }));
    $("password-username").textContent = made.username;
    $("password-secret").textContent = made.password;
    show("password", t("me.title"));
  }

  wire("password-go", () => {
    $("password-name").value = "";
    wrong("password-name", "");
    put("password-new-problem", "");
    show("password-new", t("me.title"));
  });
  wireForm("password-form", () => attempt("password-new", make));
  wire("password-back", home);
  wire("password-copy", async () => {
    try {
      await navigator.clipboard.writeText($("password-secret").textContent);
      say(t("me.password.copied"));
    } catch {
      getSelection().selectAllChildren($("password-secret"));
    }
  });
  wire("password-done", async () => {
    $("password-secret").textContent = "";
    await home();
  });

  return async () => {
    const { items, apps } = await call(path);
    $("passwords").replaceChildren(...items.map(rowOf));
    $("passwords").hidden = items.length === 0;
    $("password-app").replaceChildren(...apps.map(({ id, name }) => new Option(name, id)));
    $("password-go").hidden = apps.length === 0;
    $("passwords-section").hidden = items.length + apps.length === 0;
  };
}
